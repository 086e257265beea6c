package trial

import (
	"fmt"
	"strings"

	"github.com/tenantry/tenantry/fleet"
)

// cost tries what placement reads of a class, with one that adds nothing to the base.
func (t *trial) cost() {
	const where = "tenant.footprint"
	c := Case{Name: "footprint"}
	class := &fleet.Class{Metadata: fleet.Metadata{Name: "plain"}, Spec: fleet.ClassSpec{
		Provider: t.source.Name(), Version: "v1.36.3", Replicas: 1,
		Network: fleet.Network{ServiceCIDR: "10.96.0.0/16", PodCIDR: "10.244.0.0/16", Domain: "cluster.local"},
	}}
	cost, err := t.source.Renderer(t.options.Image).Footprint(class, t.source.BaseVersion())
	switch {
	case err != nil:
		for line := range strings.SplitSeq(err.Error(), "\n") {
			c.Problems = append(c.Problems, t.source.Finding(where, line, ""))
		}
	case cost.Pods == 0:
		c.Warnings = fleet.Findings{t.source.Finding(where, "nothing says what a tenant costs", "the base has no workloads: say which of its objects stand for pods, or tenants are placed as if they were free")}
	default:
		pods := "1 pod"
		if cost.Pods != 1 {
			pods = fmt.Sprintf("%d pods", cost.Pods)
		}
		t.report.Notes = append(t.report.Notes, fmt.Sprintf("a tenant requests %dm CPU and %d MiB in %s", cost.MilliCPU, cost.Memory>>20, pods))
	}
	t.add(c)
}
