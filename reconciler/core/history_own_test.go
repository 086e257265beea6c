package core

import (
	"maps"

	"github.com/tenantry/tenantry/fleet/ledger"
)

// Two tenants of a history are not like the others: own has a Component of its own,
// host lives with Kamaji.
const (
	ownFile  = "tenants/web/own/tenant.yaml"
	hostFile = "tenants/web/host/tenant.yaml"
)

func ownFiles(component, budget string) map[string]string {
	return map[string]string{
		ownFile:                              "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: own}\nspec: {class: open, shard: one}\n",
		"tenants/web/own/kustomization.yaml": component, "tenants/web/own/budget.yaml": budget,
	}
}

const (
	hostTenant  = "apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: host}\nspec: {class: hosted}\n"
	hostedClass = "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: hosted}\nspec: {provider: kamaji, version: v1.36.3}\n"
	limitRange  = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: own, namespace: tenant-own}\nspec: {limits: [{type: Container, max: {memory: 4Gi}}]}\n"
)

func goodOwn() map[string]string {
	return ownFiles(patchOf("template: {spec: {nodeSelector: {disk: fast}}}"), "")
}

// settleIn declares what not every history has.
func (h *history) settleIn() {
	files := goodOwn()
	maps.Copy(files, map[string]string{
		"classes/open/class.yaml":   openClass,
		"classes/hosted/class.yaml": hostedClass,
		"datastores/sql.yaml":       storeOn("one"), hostFile: hostTenant,
	})
	h.commit(files)
	h.settle()
	h.wantPhase("own", Ready)
	h.wantPhase("host", Ready)
}

// stepOfOwn has the tenant with a Component of its own change, break or go.
func (h *history) stepOfOwn() (what string, do func()) {
	files := []struct {
		what  string
		files map[string]string
	}{
		{"own is as ever", goodOwn()},
		{"own moves to slow disks", ownFiles(patchOf("template: {spec: {nodeSelector: {disk: slow}}}"), "")},
		{"own cannot be rendered", ownFiles(patchOf("replicas: 7"), "")},
		{"own cannot be rendered otherwise", ownFiles(component+"resources: [budget.yaml]\n", "kind: Unknown\n")},
		{"own needs a new kind", ownFiles(component+"resources: [budget.yaml]\n", limitRange)},
		{"own goes", map[string]string{ownFile: "", "tenants/web/own/kustomization.yaml": "", "tenants/web/own/budget.yaml": ""}},
	}
	f := files[h.random.IntN(len(files))]
	if h.random.IntN(3) == 0 { // together with a new tenant
		f.files[fileOf("fox")] = tenantFile("fox", "replicas: 1")
		if h.head.files[fileOf("fox")] != nil {
			f.files[fileOf("fox")] = ""
		}
		f.what += ", and fox comes or goes"
	}
	return f.what, func() { h.commit(f.files) }
}

// stepOfHost has the tenant that lives with Kamaji go, come, or get another kubeconfig.
func (h *history) stepOfHost() (what string, do func()) {
	switch h.random.IntN(4) {
	case 0:
		content := hostTenant
		if h.head.files[hostFile] != nil {
			content = ""
		}
		return "host goes or comes", func() { h.commit(map[string]string{hostFile: content}) }
	case 1:
		return "toggle whether kubeconfigs can be seen", func() {
			for _, s := range h.shards {
				s.hidden = !s.hidden
			}
		}
	}
	return "host's kubeconfig is rotated", func() { h.rotate("one", string(rune('a'+h.random.IntN(26)))) }
}

// calmDown has both be as ever.
func (h *history) calmDown(files map[string]string) {
	for _, s := range h.shards {
		s.hidden = false
	}
	maps.Copy(files, goodOwn())
	files[hostFile] = hostTenant
	files["datastores/sql.yaml"] = storeOn("one")
}

func (h *history) wantCalm(name string) {
	h.t.Helper()
	if st := h.tenant(name); st == nil || st.Phase != Ready {
		h.fatalf("%s is not ready after the faults: %+v", name, st)
	}
	if e := h.ledger().Tenants[name]; e.Held != nil || e.Lifecycle != ledger.Living {
		h.fatalf("%s is held after the faults: %+v", name, e.Held)
	}
}
