package shard

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

var settings = render.ObjectID{Version: "v1", Kind: "ConfigMap"}

func object(name, owner string, version int) *core.Object {
	id := settings
	id.Namespace, id.Name = "ns", name
	return &core.Object{ID: id, OwnerUID: owner, ResourceVersion: strconv.Itoa(version)}
}

// listener is what the core would know.
type listener map[key]string // to resourceVersion

func (l listener) hear(t *rapid.T, events []core.Event, there map[string]*row) {
	for _, e := range events {
		o := e.(core.Observed)
		for _, obj := range o.Objects {
			k := key{obj.OwnerUID, obj.ID}
			if old := l[k]; old != "" && compare(obj.ResourceVersion, old) < 0 {
				t.Fatalf("%s went back from %s to %s", obj.ID, old, obj.ResourceVersion)
			}
			l[k] = obj.ResourceVersion
		}
		for _, g := range o.Gone {
			k := key{g.OwnerUID, g.ID}
			known, _ := strconv.Atoi(l[k])
			if r := there[g.ID.Name]; r != nil && r.owner == g.OwnerUID && known >= r.since {
				t.Fatalf("%s of %s is there since %d, was known as of %d, and is reported gone", g.ID, r.owner, r.since, known)
			}
			delete(l, k)
		}
	}
}

// In whatever order the watch, relists and answers to our own requests arrive,
// once the watch has come to the end the core knows what there is, and on the way
// no object goes back in time.
func TestViewConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		out := newOutbox("eu-1")
		v := newView(out)
		v.begin(1)
		heard := listener{}

		there := map[string]*row{}
		var history []event // of the watch
		version, position := 1, 0
		var answers []func() // not yet arrived
		var list func()      // not yet arrived

		steps := rapid.IntRange(50, 300).Draw(t, "steps")
		for range steps {
			name := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name")
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0, 1: // somebody writes, perhaps another owner's label, or none
				version++
				owner := rapid.SampledFrom([]string{"x", "x", "y", ""}).Draw(t, "owner")
				if old := there[name]; old != nil && old.owner != "" && owner == "" {
					history = append(history, event{gone: true, o: object(name, old.owner, version), at: version})
				} else if owner != "" {
					history = append(history, event{o: object(name, owner, version), at: version})
				}
				there[name] = there[name].write(owner, version)
			case 2: // we write, and the answer comes some time
				version++
				o := object(name, "x", version)
				history = append(history, event{o: o, at: version})
				there[name] = there[name].write("x", version)
				answers = append(answers, func() { v.answered(1, o) })
			case 3: // it is deleted, by us or by others
				old := there[name]
				if old == nil {
					continue
				}
				version++
				delete(there, name)
				if old.owner != "" {
					history = append(history, event{gone: true, o: object(name, old.owner, version), at: version})
				}
				if rapid.Bool().Draw(t, "by us") && old.owner != "" {
					id := object(name, "", 0).ID
					answers = append(answers, func() { v.deleted(1, old.owner, id, strconv.Itoa(old.version)) })
				}
			case 4, 5: // the watch goes on
				if list == nil && position < len(history) {
					history[position].tell(v)
					position++
				}
			case 6: // an answer arrives
				if len(answers) > 0 {
					i := rapid.IntRange(0, len(answers)-1).Draw(t, "answer")
					answers[i]()
					answers = append(answers[:i], answers[i+1:]...)
				}
			case 7: // the watch broke: a list is made, and arrives later
				if list != nil {
					list()
					list = nil
					continue
				}
				var all []*core.Object
				for n, o := range there {
					if o.owner != "" {
						all = append(all, object(n, o.owner, o.version))
					}
				}
				at, next := strconv.Itoa(version), len(history)
				list = func() {
					v.replace(1, settings, all, at)
					position = next
				}
			}
			if rapid.Bool().Draw(t, "report") {
				heard.hear(t, out.take(), there)
			}
		}
		for _, a := range answers {
			a()
		}
		if list != nil {
			list()
		}
		for ; position < len(history); position++ {
			history[position].tell(v)
		}
		heard.hear(t, out.take(), there)
		want := listener{}
		for name, o := range there {
			if o.owner != "" {
				want[key{o.owner, object(name, "", 0).ID}] = strconv.Itoa(o.version)
			}
		}
		if diff := cmp.Diff(want, heard, cmp.AllowUnexported(key{})); diff != "" {
			t.Fatalf("the core knows something else (-want +got):\n%s", diff)
		}
	})
}

// row is an object as the API server stores it.
type row struct {
	owner   string
	version int
	since   int // the version that the owner's label came with
}

func (r *row) write(owner string, version int) *row {
	if r != nil && r.owner == owner {
		return &row{owner, version, r.since}
	}
	return &row{owner, version, version}
}

// event is one event of a watch.
type event struct {
	gone bool
	o    *core.Object
	at   int
}

func (e event) tell(v *view) {
	if e.gone {
		v.remove(1, e.o.ID, strconv.Itoa(e.at))
	} else {
		v.put(1, e.o)
	}
}

func TestViewAfterARestoredBackup(t *testing.T) {
	out := newOutbox("eu-1")
	v := newView(out)
	v.begin(1)
	v.replace(1, settings, []*core.Object{object("a", "x", 90), object("b", "x", 95)}, "100")
	v.put(1, object("a", "x", 110))
	out.take()
	v.replace(1, settings, []*core.Object{object("a", "x", 40)}, "50")
	got := out.take()[0].(core.Observed)
	if len(got.Objects) != 1 || got.Objects[0].ResourceVersion != "40" || len(got.Gone) != 1 || got.Gone[0].ID.Name != "b" {
		t.Errorf("reported %+v", got)
	}
	v.put(1, object("a", "x", 60))
	if got := out.take(); len(got) != 1 {
		t.Error("what is written after the restore is taken for old")
	}
}

func TestViewOfAnotherTermIsNotListenedTo(t *testing.T) {
	out := newOutbox("eu-1")
	v := newView(out)
	v.begin(1)
	v.replace(1, settings, []*core.Object{object("a", "x", 9), object("b", "x", 8)}, "10")
	out.take()
	v.begin(2)
	v.put(1, object("c", "x", 11))
	v.replace(1, settings, nil, "12")
	v.remove(1, object("a", "", 0).ID, "13")
	if got := out.take(); len(got) != 0 {
		t.Errorf("reported %+v", got)
	}
	// Versions start anew: this may be another cluster.
	v.replace(2, settings, []*core.Object{object("a", "x", 3)}, "4")
	got := out.take()[0].(core.Observed)
	if len(got.Objects) != 1 || len(got.Gone) != 1 || got.Gone[0].ID.Name != "b" {
		t.Errorf("reported %+v", got)
	}
}

func TestOutboxKeepsOrder(t *testing.T) {
	out := newOutbox("eu-1")
	out.object(object("a", "x", 1))
	out.control(core.Lease{Shard: "eu-1", Held: true})
	out.object(object("a", "x", 2))
	out.gone("x", object("b", "x", 1).ID)
	out.object(object("b", "x", 5))
	out.anchor(core.Anchor{OwnerUID: "x", Epoch: 1})
	out.anchor(core.Anchor{OwnerUID: "x", Epoch: 2})
	out.control(core.Done{Shard: "eu-1"})
	var got []string
	for _, e := range out.take() {
		got = append(got, fmt.Sprintf("%T", e))
		if o, ok := e.(core.Observed); ok && (len(o.Objects) != 2 || len(o.Gone) != 0 || o.Anchors[0].Epoch != 2 || o.Objects[0].ResourceVersion == "1") {
			t.Errorf("observed %+v", o)
		}
	}
	if diff := cmp.Diff([]string{"core.Observed", "core.Lease", "core.Done"}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if len(out.take()) != 0 {
		t.Error("reported twice")
	}
}
