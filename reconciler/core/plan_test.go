package core

import (
	"slices"
	"testing"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// What stands in the way is told: of objects first, then of what is derived from them.
func TestWhatStandsInTheWayIsTold(t *testing.T) {
	id := func(kind, name string) render.ObjectID {
		return render.ObjectID{Version: "v1", Kind: kind, Namespace: "n", Name: name}
	}
	wants, makes, from := id("ConfigMap", "a"), id("Secret", "kubeconfig"), id("Secret", "certificate")
	ours := func(id render.ObjectID, change func(*Object)) *Object {
		o := &Object{ID: id, UID: "uid-" + id.Name, own: true, Digest: "d"}
		if change != nil {
			change(o)
		}
		return o
	}
	deleting := func(o *Object) { o.Deleting = true }
	foreigner := func(o *Object) { o.own = false }
	issued := func(o *Object) { o.own, o.Data = false, "data" } // it is cert-manager's
	for _, tt := range []struct {
		name   string
		have   held
		want   string
		derive bool
	}{
		{"nothing", held{ours(wants, nil), ours(from, issued)}, "", true},
		{"an object goes", held{ours(wants, deleting), ours(from, issued)}, "Terminating", true},
		{"an object is another's", held{ours(wants, foreigner), ours(from, issued)}, "Foreign", true},
		{"no certificate", held{ours(wants, nil)}, "WaitingForCertificate", false},
		{"no certificate yet", held{ours(wants, nil), ours(from, foreigner)}, "WaitingForCertificate", false},
		{"an object outweighs the certificate", held{ours(wants, foreigner)}, "Foreign", false},
		{"what is derived goes", held{ours(wants, nil), ours(from, issued), ours(makes, deleting)}, "Terminating", false},
		{"what is derived is another's", held{ours(wants, nil), ours(from, issued), ours(makes, foreigner)}, "Foreign", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &wanted{
				provider: &render.Provider{},
				objects:  []wantedObject{{wants, "d"}},
				derived:  []render.Derived{{ID: makes, Key: "k", Certificate: from}},
			}
			work, problem := planLiving("one", render.Owner{Name: "acme"}, 1, ledger.Living, w, view{objects: tt.have})
			if problem.reason != tt.want {
				t.Errorf("told %+v, want %q", problem, tt.want)
			}
			if len(work.Apply)+len(work.Delete) > 0 || (len(work.Derive) > 0) != tt.derive {
				t.Errorf("work: %+v", work)
			}
		})
	}
}

// What one of a tenant's objects owns is needed to take that one down.
func TestOwnersArePurgedFirst(t *testing.T) {
	object := func(kind string, change func(*Object)) *Object {
		o := &Object{ID: render.ObjectID{Version: "v1", Kind: kind, Namespace: "n", Name: "a"}, UID: "uid-" + kind, ResourceVersion: "1", own: true}
		if change != nil {
			change(o)
		}
		return o
	}
	deleting := func(o *Object) { o.Deleting = true }
	childOf := func(kinds ...string) func(*Object) {
		return func(o *Object) {
			for _, kind := range kinds {
				o.Parents = append(o.Parents, "uid-"+kind)
			}
		}
	}
	space := object("Namespace", nil)
	for _, tt := range []struct {
		name string
		have held
		want []string
	}{
		{"the owner alone, beside what nobody owns", held{object("Cluster", nil), object("ConfigMap", nil), object("Machines", childOf("Cluster")), space}, []string{"Cluster", "ConfigMap"}},
		{"nothing while it goes", held{object("Cluster", deleting), object("Machines", childOf("Cluster")), space}, nil},
		{"then what it left", held{object("Machines", childOf("Cluster")), space}, []string{"Machines"}},
		{"another's owner says nothing", held{object("Machines", childOf("Other")), space}, []string{"Machines"}},
		{"nor one that is not ours", held{object("Cluster", func(o *Object) { o.own = false }), object("Machines", childOf("Cluster")), space}, []string{"Machines"}},
		{"one of several", held{object("Cluster", nil), object("Machines", childOf("Other", "Cluster"))}, []string{"Cluster"}},
		{"a row of owners", held{object("Cluster", nil), object("Plane", childOf("Cluster")), object("Secret", childOf("Plane"))}, []string{"Cluster"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			work, done, stop := planPurge("one", render.Owner{Name: "acme"}, 1, &wanted{provider: &render.Provider{}}, view{objects: tt.have})
			var got []string
			for _, d := range work.Delete {
				got = append(got, d.ID.Kind)
			}
			if !slices.Equal(got, tt.want) || done || stop.reason != "" {
				t.Errorf("deletes %v, done %t, %+v, want %v", got, done, stop, tt.want)
			}
		})
	}
}
