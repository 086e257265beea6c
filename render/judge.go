package render

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	valid "k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/tenantry/tenantry/fleet"
)

// Bounds of what a provider of the fleet's own says, beyond those of every provider: the
// longest description that the binary carries has 9 KiB.
const maxOwnDescription = 64 << 10

// maxOwn bounds how many providers of the fleet's own are kept read: those in force, and
// those that come.
const maxOwn = 64

// JudgeProvider says all that is wrong with a provider of the fleet's own, each with its
// place. It is what a fleet.Loader asks.
func (r *Renderer) JudgeProvider(p *fleet.Provider) fleet.Findings {
	_, findings := r.own(p)
	return findings
}

// own reads a provider of the fleet's own, once for its content; with findings there is
// no base.
func (r *Renderer) own(p *fleet.Provider) (*base, fleet.Findings) {
	if r.bases[p.Name] != nil {
		return nil, fleet.Findings{{
			File: path.Join("providers", p.Name), Message: fmt.Sprintf("provider %s is one that the binary carries", p.Name),
			Hint: "name the folder otherwise: nothing takes a built-in provider's place",
		}}
	}
	key := contentOf(p)
	r.mu.Lock()
	read := r.owned[key]
	if read == nil {
		if len(r.owned) >= maxOwn {
			for some := range r.owned {
				delete(r.owned, some)
				break
			}
		}
		read = &ownBase{}
		r.owned[key] = read
	}
	r.mu.Unlock()
	read.once.Do(func() { read.base, read.findings = readOwn(p, key) })
	return read.base, read.findings
}

// ownBase is what came of reading a provider of the fleet's own.
type ownBase struct {
	once     sync.Once
	base     *base
	findings fleet.Findings
}

// contentOf names what a provider's files say: the folder's tree, where it has one.
func contentOf(p *fleet.Provider) string {
	if p.Tree != "" {
		return p.Name + " " + p.Tree
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%q", p.Name)
	for _, file := range slices.Sorted(maps.Keys(p.Files)) {
		fmt.Fprintf(&text, " %q %s", file, digest(p.Files[file]))
	}
	return digest([]byte(text.String()))
}

// readOwn is ReadProvider of files that were read already.
func readOwn(p *fleet.Provider, content string) (*base, fleet.Findings) {
	f := &folder{dir: path.Join("providers", p.Name), files: p.Files}
	for _, file := range slices.Sorted(maps.Keys(p.Files)) {
		if ext := path.Ext(file); ext == ".yaml" || ext == ".yml" {
			f.scan(file, p.Files[file])
		}
	}
	if size := len(p.Files[descriptionFile]); size > maxOwnDescription {
		f.fault(descriptionFile, fmt.Sprintf("has %d bytes: want %d at most", size, maxOwnDescription), "")
		return nil, f.findings
	}
	r := &reading{file: path.Join(f.dir, descriptionFile), findings: f.findings}
	b := r.read(p.Name, p.Files)
	if len(r.findings) == 0 {
		r.own(p.Name, b)
	}
	if len(r.findings) == 0 {
		b.own = content
		r.findings = (&Source{base: b, dir: f.dir, places: r}).Check()
	}
	r.findings.Sort()
	if len(r.findings) > 0 {
		return nil, r.findings
	}
	for _, how := range b.parts {
		how.own = true
	}
	return b, nil
}

// own refuses what a fleet's own provider may not say, although one that the binary
// carries may: the folder has no more rights than a class's patches have.
func (r *reading) own(name string, b *base) {
	if b.name != name {
		// There is one base at a time, that of the folder.
		r.add(valid.Invalid(valid.NewPath("metadata", "name"), b.name, "want the folder's name, "+name), "a fleet has one version of a provider of its own at a time")
	}
	for p, how := range b.parts {
		at := p.at()
		if p == partDataStore {
			r.add(valid.Forbidden(at, "a provider of the fleet's own keeps the state of its tenants itself"), "remove the section, and the folder datastore/")
			continue
		}
		if len(how.grants) > 0 {
			r.add(valid.Forbidden(at.Child("grants"), "a provider of the fleet's own stays in its tenants' namespaces"), "remove it")
		}
		if how.imports != nil {
			r.add(valid.Forbidden(at.Child("import"), "what the binary's providers describe is imported, and nothing else"), "remove it")
		}
		for i, k := range how.kinds {
			if why := refusedKind(k); why != "" {
				r.add(valid.Forbidden(at.Child("kinds").Index(i), why), "remove it")
			}
		}
		for i, h := range how.rules {
			r.secret(at.Child("health").Index(i).Child("kind"), h.Kind)
		}
		for i, o := range how.outputs {
			r.secret(at.Child("outputs").Index(i).Child("kind"), o.Kind)
		}
	}
}

// secret refuses to read Secrets: what rules and outputs say is committed.
func (r *reading) secret(at *valid.Path, k kind) {
	if k.Group == "" && k.Kind == "Secret" {
		r.add(valid.Forbidden(at, "what is read of a Secret would be committed"), "judge the object that the Secret is made for")
	}
}

// refusedKind says why a fleet's own provider may not render a kind. All of Kubernetes'
// own kinds that are not of a namespace are refused by name here; those of others by
// their place, which has to be the tenant's namespace.
func refusedKind(k kind) string {
	switch k.Group {
	case "":
		if k.Kind == "Node" || k.Kind == "PersistentVolume" {
			return k.Kind + " is of the whole cluster"
		}
	case "rbac.authorization.k8s.io":
		if k.every() || strings.HasPrefix(k.Kind, "Cluster") {
			return "rights in the whole cluster are not a tenant's: want Role and RoleBinding"
		}
	case "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "certificates.k8s.io",
		"flowcontrol.apiserver.k8s.io", "node.k8s.io", "scheduling.k8s.io", "storage.k8s.io":
		return "the group " + k.Group + " is of the whole cluster"
	}
	return ""
}

// disposable are the kinds of objects that a living tenant of a fleet's own provider may
// lose when the folder no longer renders them. It is a list of what can be made again
// from the folder alone, and no folder can make it longer: an object that a former one
// had, and perhaps called stateful, is spared whatever the newer one says of it, on every
// replica, and after a restart.
var disposable = []kind{
	{"", "", "ConfigMap"}, {"", "", "Service"}, {"", "", "ServiceAccount"}, {"", "", "ResourceQuota"}, {"", "", "LimitRange"},
	{"apps", "", "Deployment"}, {"batch", "", "CronJob"}, {"batch", "", "Job"}, {"autoscaling", "", "HorizontalPodAutoscaler"},
	{"policy", "", "PodDisruptionBudget"}, {"networking.k8s.io", "", "NetworkPolicy"}, {"networking.k8s.io", "", "Ingress"},
	{"rbac.authorization.k8s.io", "", "Role"}, {"rbac.authorization.k8s.io", "", "RoleBinding"},
}
