package core

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/render"
)

// seat is one of several replicas in a world: what is its own of it.
type seat struct {
	core             *Core
	queue            []Event
	reported         string
	lastRead         string
	read             bool
	lastSeen         int
	id, shard, other string
}

// pair are two replicas of one world. Each holds the Lease of one shard.
type pair struct {
	*world
	seats [2]*seat
	at    *seat
}

// newPair has replica a run older on shard one, and b newer on shard two.
func newPair(t *testing.T, older, newer *render.Renderer) *pair {
	t.Helper()
	w := newWorld(t, "one", "two")
	p := &pair{world: w, seats: [2]*seat{{id: "a", shard: "one", other: "two"}, {id: "b", shard: "two", other: "one"}}}
	for i, r := range []*render.Renderer{older, newer} {
		p.start(p.seats[i], r)
	}
	p.sit(p.seats[0])
	return p
}

// start has a replica begin, and know nothing but who holds what.
func (p *pair) start(s *seat, r *render.Renderer) {
	holder := map[string]string{"a": "b", "b": "a"}[s.id]
	mine, theirs := p.shards[s.shard], p.shards[s.other]
	*s = seat{id: s.id, shard: s.shard, other: s.other, core: New(Config{StatusInterval: time.Second}, r), queue: []Event{
		Kubeconfigs{slices.Sorted(maps.Keys(p.shards))},
		Lease{Shard: s.shard, Held: true, Identity: mine.identity, Tip: mine.remembered.Tip, Accepted: mine.remembered.Accepted},
		Lease{Shard: s.other, Holder: holder, Identity: theirs.identity, Tip: theirs.remembered.Tip, Accepted: theirs.remembered.Accepted},
	}}
}

// sit has a replica act.
func (p *pair) sit(s *seat) {
	w := p.world
	if o := p.at; o != nil {
		o.queue, o.reported, o.lastRead, o.read, o.lastSeen = w.queue, w.reported, w.lastRead, w.read, w.lastSeen
	}
	p.at, w.core = s, s.core
	w.queue, w.reported, w.lastRead, w.read, w.lastSeen = s.queue, s.reported, s.lastRead, s.read, s.lastSeen
}

// restart has a replica come back as another version.
func (p *pair) restart(i int, r *render.Renderer) {
	p.sit(p.seats[1-i])
	p.start(p.seats[i], r)
	p.sit(p.seats[i])
}

// commit declares, and tells both.
func (p *pair) commit(files map[string]string) {
	p.t.Helper()
	p.world.commit(files)
	p.sit(p.seats[1])
	p.queue = append(p.queue, Look{})
	p.sit(p.seats[0])
	p.queue = append(p.queue, Look{})
}

// pass lets time go by for both, each a little at a time.
func (p *pair) pass(d time.Duration) {
	p.t.Helper()
	for end := p.now.Add(d); p.now.Before(end); {
		next := end
		for _, s := range p.seats {
			p.sit(s)
			p.settle()
			if n := p.core.Next(); !n.IsZero() && n.Before(next) {
				next = n
			}
		}
		if next.After(p.now) {
			p.now = next
		}
	}
}

// TestTwoVersionsSideBySide: an older daemon works on shard one, a newer on shard two.
// What the newer decides the older neither takes back nor trips over, and when all is
// decided both are quiet.
func TestTwoVersionsSideBySide(t *testing.T) {
	newer := newerRenderer(t)
	older, err := render.New(render.Options{Image: "ghcr.io/tenantry/tenantry:test"})
	if err != nil {
		t.Fatal(err)
	}
	p := newPair(t, older, older)
	files := fleetFiles()
	for _, name := range []string{"one-t", "two-t"} {
		files["tenants/web/"+name+"/tenant.yaml"] = tenantFile(name, "shard: "+name[:3])
	}
	p.commit(files)
	p.pass(10 * time.Minute)
	p.restart(1, newer)
	p.pass(10 * time.Minute)
	if got := p.ledger().Classes["small"].BaseVersion; got != "1" {
		t.Fatalf("the upgrade of one replica took the class to base %s", got)
	}
	p.commit(map[string]string{"classes/small/class.yaml": classFile("small", `, baseVersion: "2"`)})
	p.pass(10 * time.Minute)
	wantSides := func(why string) {
		t.Helper()
		if got := p.ledger().Classes["small"].BaseVersion; got != "2" {
			t.Errorf("%s: the class is in force with base %s", why, got)
		}
		if one, two := quotas(p.world, "one"), quotas(p.world, "two"); len(one) != 0 || !slices.Equal(two, []string{"two-t"}) {
			t.Errorf("%s: on version 2 are %v and %v", why, one, two)
		}
		for path, want := range map[string]string{statusPath("one", "one-t"): "reason: BaseUnknown", statusPath("two", "two-t"): "phase: Ready"} {
			if got := string(p.status[path]); !strings.Contains(got, want) {
				t.Errorf("%s: want %s in %s:\n%s", why, want, path, got)
			}
		}
		before := mark(p.world)
		p.pass(24 * time.Hour)
		wantQuiet(p.world, before, why)
	}
	wantSides("after the commit")

	// New tenants: one for each side, and the older edits the class in vain.
	p.commit(map[string]string{
		"tenants/web/one-new/tenant.yaml": tenantFile("one-new", "shard: one"),
		"classes/small/class.yaml":        classFile("small", `, baseVersion: "2", replicas: 1`),
	})
	p.pass(10 * time.Minute)
	if got := string(p.status[statusPath("", "one-new")]); !strings.Contains(got, "reason: BaseUnknown") {
		t.Errorf("one-new:\n%s", got)
	}
	if e := p.ledger().Classes["small"]; e.Commit != p.head.id {
		t.Errorf("the newer replica has not taken the edit: %+v", e)
	}
	wantSides("after an edit")

	// Either may start anew, in either order.
	p.restart(0, older)
	p.pass(10 * time.Minute)
	wantSides("after a restart of the older")
	p.restart(1, newer)
	p.pass(10 * time.Minute)
	wantSides("after a restart of the newer")

	p.restart(0, newer)
	p.pass(10 * time.Minute)
	if got := quotas(p.world, "one"); !slices.Equal(got, []string{"acme", "one-new", "one-t"}) {
		t.Errorf("when both are upgraded, on version 2 are %v", got)
	}
	before := mark(p.world)
	p.pass(24 * time.Hour)
	wantQuiet(p.world, before, "when both are upgraded")
}
