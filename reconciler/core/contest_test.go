package core

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/render"
)

// object finds acme's object of a kind on shard one.
func (w *world) object(kind string) *Object {
	w.t.Helper()
	for _, o := range sorted(maps.Values(w.shards["one"].objects)) {
		if o.ID.Kind == kind && o.Owned() && strings.Contains(o.ID.Namespace, "acme") {
			return o
		}
	}
	w.t.Fatalf("acme has no %s", kind)
	return nil
}

// disturb has somebody change a field of ours, once.
func (w *world) disturb(o *Object) {
	s := w.shards["one"]
	w.queue = append(w.queue, Observed{Shard: "one", Objects: []*Object{s.take(s.objects[o.ID])}})
}

func (w *world) applied(name string) Condition {
	w.t.Helper()
	st := w.tenant(name)
	i := slices.IndexFunc(st.Conditions, func(c Condition) bool { return c.Type == "Applied" })
	return st.Conditions[i]
}

func TestDriftIsHealedAtOnce(t *testing.T) {
	for _, kind := range []string{"Deployment", "Secret"} { // the Secret is derived
		t.Run(kind, func(t *testing.T) {
			w := begun(t)
			o, works, statuses := w.object(kind), len(w.shards["one"].works), w.statuses
			at := w.now
			w.disturb(o)
			w.settle()
			s := w.shards["one"]
			if have := s.objects[o.ID]; have.Drifted || len(s.works) != works+1 || len(s.healed[o.ID]) != 1 || !s.healed[o.ID][0].Equal(at) {
				t.Errorf("it is %+v after %d works, healed at %v, changed at %v", have, len(s.works)-works, s.healed[o.ID], at)
			}
			if work := s.works[works]; len(work.Apply)+len(work.Derive) != 1 || len(work.Delete) > 0 {
				t.Errorf("more than that was done: %+v", work)
			}
			w.pass(time.Hour)
			if w.statuses != statuses || w.applied("acme").Reason != "Applied" {
				t.Errorf("%d status commits tell of it: %+v", w.statuses-statuses, w.applied("acme"))
			}
		})
	}
}

func TestFourHealingsAreNoContest(t *testing.T) {
	w := begun(t)
	o := w.object("Deployment")
	for range 20 {
		w.disturb(o)
		w.settle()
		if w.shards["one"].objects[o.ID].Drifted || w.applied("acme").Reason != "Applied" {
			t.Fatalf("it is left alone: %+v", w.applied("acme"))
		}
		w.pass(2*time.Minute + 30*time.Second)
	}
}

func TestContestedObjectBacksOff(t *testing.T) {
	w := begun(t)
	o, s := w.object("Deployment"), w.shards["one"]
	neighbour := w.object("Service")
	statuses := w.statuses
	s.rivals[o.ID] = "argo (Apply)"
	begun := w.now
	w.disturb(o)
	w.pass(2 * time.Hour)
	var pauses []time.Duration
	for i, at := range s.healed[o.ID] {
		if i >= contestLimit {
			pauses = append(pauses, at.Sub(s.healed[o.ID][i-1]))
		} else if at.Sub(begun) > time.Minute {
			t.Errorf("healing %d came only after %v", i, at.Sub(begun))
		}
	}
	m := time.Minute
	if want := []time.Duration{m, 2 * m, 4 * m, 8 * m, 16 * m, 30 * m, 30 * m}; !slices.Equal(pauses, want) {
		t.Errorf("pauses are %v, want %v", pauses, want)
	}
	st, why := w.wantPhase("acme", Ready), w.applied("acme")
	if why.Status != "False" || why.Reason != "Contested" || !strings.Contains(why.Message, o.ID.String()+": spec.theirs is changed again and again by argo (Apply)") {
		t.Errorf("it says %+v", why)
	}
	if st.Conditions[2].Type != "Ready" || st.Conditions[2].Status != "True" {
		t.Errorf("a contest makes it %+v", st.Conditions[2])
	}
	if n := w.statuses - statuses; n > 2 {
		t.Errorf("a contest made %d status commits", n)
	}

	// The rest of the tenant is kept as ever, and what is wanted anew is written now.
	w.disturb(neighbour)
	w.settle()
	if s.objects[neighbour.ID].Drifted {
		t.Error("the neighbour of a contested object waits")
	}
	before := s.objects[o.ID].Digest
	w.commit(map[string]string{"tenants/web/acme/tenant.yaml": tenantFile("acme", "version: v1.36.4")})
	w.settle()
	if s.objects[o.ID].Digest == before {
		t.Error("a new declaration waits for the contest")
	}

	// The rival gives up: one more healing, and a while later all is well.
	clear(s.rivals)
	w.pass(31 * time.Minute)
	if s.objects[o.ID].Drifted {
		t.Error("it was not put right a last time")
	}
	w.pass(31 * time.Minute)
	if why := w.applied("acme"); why.Status != "True" {
		t.Errorf("after the contest it says %+v", why)
	}
	works := len(s.works)
	w.pass(24 * time.Hour)
	if len(s.works) != works {
		t.Errorf("%d works on a quiet day", len(s.works)-works)
	}
	// Forgotten: a single change is healed at once again.
	w.disturb(o)
	w.settle()
	if s.objects[o.ID].Drifted {
		t.Error("an old contest delays a healing")
	}
}

// What drifts and is not ours is nobody's to heal.
func TestForeignObjectIsNotHealed(t *testing.T) {
	w := begun(t)
	o, s := w.object("Deployment"), w.shards["one"]
	works := len(s.works)
	s.version++
	lost := *o
	lost.Ours, lost.Drifted, lost.ResourceVersion = false, false, "99999"
	s.objects[o.ID] = &lost
	w.queue = append(w.queue, Observed{Shard: "one", Objects: []*Object{&lost}})
	w.settle()
	if len(s.works) != works || w.applied("acme").Reason != "Foreign" {
		t.Errorf("%d works, %+v", len(s.works)-works, w.applied("acme"))
	}
}

func TestFailedHealingIsNoContest(t *testing.T) {
	w := begun(t)
	o, s := w.object("Deployment"), w.shards["one"]
	s.fail = func(id render.ObjectID) *Failure {
		if id != o.ID {
			return nil
		}
		return &Failure{ID: id, Reason: "Unavailable", Message: "try again"}
	}
	w.disturb(o)
	w.pass(10 * time.Minute)
	if why := w.applied("acme"); why.Reason != "Unavailable" {
		t.Errorf("it says %+v", why)
	}
	s.fail = nil
	w.pass(3 * time.Minute)
	if s.objects[o.ID].Drifted || w.applied("acme").Status != "True" {
		t.Errorf("it is %+v, %+v", s.objects[o.ID], w.applied("acme"))
	}
}

// Whoever deletes an object again and again is not answered as fast either.
func TestDeletedAgainAndAgain(t *testing.T) {
	w := begun(t)
	o, s := w.object("Service"), w.shards["one"]
	works, end := len(s.works), w.now.Add(10*time.Minute)
	for w.now.Before(end) {
		if is := s.objects[o.ID]; is != nil {
			delete(s.objects, o.ID)
			w.queue = append(w.queue, Observed{Shard: "one", Gone: []Gone{{OwnerUID: is.OwnerUID, ID: is.ID}}})
		}
		w.pass(time.Second)
	}
	if n := len(s.works) - works; n < contestLimit || n > contestLimit+4 {
		t.Errorf("it was made anew %d times in ten minutes, want %d at once and the others less and less often", n, contestLimit)
	}
	if why := w.applied("acme"); why.Reason != "Contested" || !strings.Contains(why.Message, o.ID.String()) {
		t.Errorf("it is told as %+v", why)
	}
	w.pass(2 * time.Hour)
	if s.objects[o.ID] == nil || w.applied("acme").Reason != "Applied" {
		t.Errorf("two quiet hours later it is %+v, told as %+v", s.objects[o.ID], w.applied("acme"))
	}
}

// What we remove ourselves is no fight.
func TestRemovedByUsIsNoContest(t *testing.T) {
	w := withComponent(t)
	const with, without = component + "resources: [limits.yaml]\n", component
	for i := range 2 * contestLimit {
		w.commit(map[string]string{
			"tenants/web/own/kustomization.yaml": []string{with, without}[i%2],
			"tenants/web/own/limits.yaml":        "apiVersion: v1\nkind: LimitRange\nmetadata: {name: own, namespace: tenant-own}\nspec: {limits: [{type: Container, max: {memory: 4Gi}}]}\n",
		})
		w.settle()
		if why := w.applied("own"); why.Reason != "Applied" {
			t.Fatalf("change %d: %+v", i, why)
		}
	}
}
