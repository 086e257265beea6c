package render

import (
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/tenantry/tenantry/fleet"
)

// Footprint is what one tenant costs its shard: what its workloads request, Jobs
// left out because they end, and what the API server keeps.
type Footprint struct {
	// MilliCPU is in thousandths of a core, Memory in bytes.
	MilliCPU, Memory int64
	// Pods that go on running; Objects and their Bytes as JSON.
	Pods, Objects, Bytes int64
}

// Footprint is that of a tenant of the class who says nothing beyond what it must. It
// is computed once for a class's content and a base version.
func (r *Renderer) Footprint(class *fleet.Class, baseVersion string) (Footprint, error) {
	b, err := r.baseOf(class, baseVersion)
	if err != nil {
		return Footprint{}, fmt.Errorf("class %s: %w", class.Metadata.Name, err)
	}
	s := r.shape(b, partTenant, class)
	s.footprint.Do(func() { s.cost, s.costErr = r.footprint(class, baseVersion) })
	return s.cost, s.costErr
}

func (r *Renderer) footprint(class *fleet.Class, baseVersion string) (f Footprint, err error) {
	unit, err := r.nobody(class, baseVersion)
	if err != nil {
		return f, err
	}
	for _, o := range unit.Objects {
		f.Objects++
		f.Bytes += int64(len(o.JSON))
		var c content
		if err := json.Unmarshal(o.JSON, &c); err != nil {
			return f, fmt.Errorf("class %s: read %s: %w", class.Metadata.Name, o.ID, err)
		}
		if err := f.add(unit.Provider, o.ID, c); err != nil {
			return f, fmt.Errorf("class %s: %s: %w", class.Metadata.Name, o.ID, err)
		}
	}
	return f, nil
}

// add counts an object's pods, and what they request.
func (f *Footprint) add(how *Provider, id ObjectID, c content) error {
	for _, w := range how.footprint {
		if w.Kind != id.kind() {
			continue
		}
		var pod request
		for _, path := range w.Resources {
			if err := pod.add(descend(c, path)); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		return f.replicate(pod, at(c, w.Replicas))
	}
	if id.Group != "apps" {
		return nil
	}
	var pod, first request
	spec := descend(c, "spec.template.spec")
	if spec == nil {
		return nil
	}
	if err := pod.containers(spec, "containers", func(content) bool { return true }); err != nil {
		return err
	}
	sidecar := func(c content) bool { return c["restartPolicy"] == "Always" }
	if err := pod.containers(spec, "initContainers", sidecar); err != nil {
		return err
	}
	if err := first.containers(spec, "initContainers", func(c content) bool { return !sidecar(c) }); err != nil {
		return err
	}
	// Those that run first run one after another: the sum is more than they need, and
	// less than the rest in all but odd pods.
	pod.milliCPU, pod.memory = max(pod.milliCPU, first.milliCPU), max(pod.memory, first.memory)
	return f.replicate(pod, descend(c, "spec")["replicas"])
}

func (f *Footprint) replicate(pod request, replicas any) error {
	n := int64(1)
	switch v := replicas.(type) {
	case float64:
		n = int64(v)
	case nil:
	default:
		return fmt.Errorf("replicas is %v: want a number", v)
	}
	f.Pods += n
	f.MilliCPU += n * pod.milliCPU
	f.Memory += n * pod.memory
	return nil
}

// request is what one pod requests.
type request struct{ milliCPU, memory int64 }

func (r *request) containers(pod content, field string, counts func(content) bool) error {
	list, _ := pod[field].([]any)
	for _, item := range list {
		c, _ := item.(content)
		if !counts(c) {
			continue
		}
		resources, _ := c["resources"].(content)
		if err := r.add(resources); err != nil {
			return fmt.Errorf("container %v: %w", c["name"], err)
		}
	}
	return nil
}

// add adds a container's resources. What has a limit and no request requests its limit.
func (r *request) add(resources content) error {
	value := func(name string) (*resource.Quantity, error) {
		for _, field := range []string{"requests", "limits"} {
			if v := descend(resources, field)[name]; v != nil {
				q, err := resource.ParseQuantity(fmt.Sprint(v))
				if err != nil {
					return nil, fmt.Errorf("resources.%s.%s: %w", field, name, err)
				}
				return &q, nil
			}
		}
		return &resource.Quantity{}, nil
	}
	cpu, err := value("cpu")
	if err != nil {
		return err
	}
	memory, err := value("memory")
	if err != nil {
		return err
	}
	r.milliCPU += cpu.MilliValue()
	r.memory += memory.Value()
	return nil
}

// at is the value at a path; nil when there is none.
func at(c content, path string) any {
	parts := strings.Split(path, ".")
	last := len(parts) - 1
	if last > 0 {
		c = descend(c, strings.Join(parts[:last], "."))
	}
	return c[parts[last]]
}
