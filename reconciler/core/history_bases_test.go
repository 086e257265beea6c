package core

import (
	"strings"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// stepOfBases has the daemon upgraded or set back, or a class ask for a base version.
func (h *history) stepOfBases() (what string, do func()) {
	ask, also := h.askForBase()
	switch upgraded := h.other.LatestBase("native") == "1"; {
	case h.random.IntN(4) == 0:
		name, class := names[h.random.IntN(len(names))], []string{"small", "open"}[h.random.IntN(2)]
		return name + " chooses class " + class, func() {
			h.commit(map[string]string{fileOf(name): strings.Replace(tenantFile(name, "replicas: 1"), "small", class, 1), movedFile(name): ""})
		}
	case h.random.IntN(3) == 0:
		return ask, also
	case upgraded:
		return "the daemon is set back", func() { h.other = become(h.world, h.other) }
	case h.random.IntN(3) == 0:
		return "the daemon is upgraded", func() { h.other = become(h.world, h.other) }
	}
	return "the daemon is upgraded, and " + ask, func() {
		h.other = become(h.world, h.other)
		also()
	}
}

// askForBase has a class ask for a base version.
func (h *history) askForBase() (what string, do func()) {
	class := []struct{ name, text, before string }{
		{"small", fleetFiles()["classes/small/class.yaml"], ", "}, {"hosted", hostedClass, ", "}, {"open", openClass, "\n  "},
	}[h.random.IntN(3)]
	version := "2"
	if h.random.IntN(4) == 0 {
		version = "1"
	}
	text := strings.Replace(class.text, class.before+"version:", class.before+`baseVersion: "`+version+`"`+class.before+"version:", 1)
	return "class " + class.name + " asks for base " + version, func() {
		h.commit(map[string]string{"classes/" + class.name + "/class.yaml": text})
	}
}

// checkBases is what holds of every effect of a daemon that does not carry all bases
// that the ledger names.
func (h *history) checkBases(e Effect) {
	h.t.Helper()
	unknown := func(provider, version string) bool { return h.core.renderer.CheckBase(provider, version) != nil }
	l := h.ledger()
	tenant := func(name string) bool {
		e := l.Tenants[name]
		if e == nil || e.Lifecycle == ledger.Purged {
			return false
		}
		t := h.core.declarationInForce(e)
		return t != nil && l.Classes[t.Spec.Class] != nil && unknown(e.Provider, l.Classes[t.Spec.Class].BaseVersion)
	}
	store := func(name string) bool {
		e := l.DataStores[name]
		return e != nil && unknown(e.Provider, e.BaseVersion)
	}
	switch e := e.(type) {
	case Do:
		name := e.Work.Owner.Name
		if e.Work.Owner.Kind == render.OwnerTenant && tenant(name) || e.Work.Owner.Kind == render.OwnerDataStore && store(name) {
			h.fatalf("%s was worked on by a daemon that lacks its base: %+v", e.Work.Owner, e.Work)
		}
	case PushLedger:
		if e.Parent != h.tip() {
			return // it was decided on another ledger, and is refused
		}
		for name := range e.Changes.Tenants {
			if tenant(name) {
				h.fatalf("tenant %s was decided about by a daemon that lacks its base: %+v", name, e.Changes.Tenants[name])
			}
		}
		for name := range e.Changes.DataStores {
			if store(name) {
				h.fatalf("datastore %s was decided about by a daemon that lacks its base", name)
			}
		}
		for name := range e.Changes.Classes {
			if k := l.Classes[name]; k != nil && unknown(k.Provider, k.BaseVersion) {
				h.fatalf("class %s was decided about by a daemon that lacks its base", name)
			}
		}
	}
}
