package core

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// view is what a shard holds of one owner.
type view struct {
	objects held
	anchor  Anchor
	// contests are the objects that somebody changes back; now is when they are
	// looked at.
	contests map[render.ObjectID]*contest
	now      time.Time
}

// planLiving compares what an owner should have with what is there. The note
// says what stands in the way of the rest. Objects' bodies are filled in when the
// work is really to be done.
func planLiving(shard string, o render.Owner, epoch int64, lifecycle ledger.Lifecycle, w *wanted, v view) (Work, note) {
	work, stop := begin(shard, o, epoch, v)
	if stop.reason != "" {
		return Work{}, stop
	}
	problem := v.contested()
	adopting := w.adopting(v)
	if adopting && lifecycle == ledger.Living {
		problem = note{"Adopting", "what runs already is being taken over as it is"}
	}
	keep := map[render.ObjectID]bool{}
	for _, want := range w.objects {
		keep[want.id] = true
		have := v.objects.at(want.id)
		switch {
		case have == nil && adopting && (w.adopts[want.id] == "" || lifecycle != ledger.Living):
			continue // nothing is made before that is done, nor taken over from who goes
		case have != nil && !have.Owned():
			problem = foreign(have)
			continue
		case have != nil && have.Deleting:
			problem = note{"Terminating", fmt.Sprintf("%s is being deleted; it is made anew when it is gone", want.id)}
			continue
		case have != nil && have.Digest == want.digest && !have.Drifted, v.waits(want.id, want.digest):
			continue
		}
		work.Apply = append(work.Apply, Apply{
			Object: render.Object{ID: want.id, Adopts: w.adopts[want.id]}, UID: uidOf(have), Judged: w.provider.Judges(want.id), Heals: have != nil && have.Drifted,
		})
	}
	for _, d := range w.derived {
		keep[d.ID] = true
		derive, why := planDerived(d, v)
		if why.reason != "" && (problem.reason == "" || problem.reason == "Contested") {
			problem = why
		}
		if derive != nil {
			work.Derive = append(work.Derive, *derive)
		}
	}
	extra := slices.DeleteFunc(slices.Clone(v.objects), func(have *Object) bool {
		return keep[have.ID] || !have.Owned() || have.Deleting || w.provider.Stateful(have.ID)
	})
	for _, have := range sorted(slices.Values(extra)) {
		work.Delete = append(work.Delete, Delete{have.ID, have.UID, have.ResourceVersion})
	}
	return work, problem
}

// planDerived makes a derived object when its source is there and has changed.
func planDerived(d render.Derived, v view) (*Derive, note) {
	source, have := v.objects.at(d.Certificate), v.objects.at(d.ID)
	switch {
	case source == nil || source.Data == "":
		return nil, note{"WaitingForCertificate", fmt.Sprintf("%s is not issued yet", d.Certificate)}
	case have != nil && !have.Owned():
		return nil, foreign(have)
	case have != nil && have.Deleting:
		return nil, note{"Terminating", fmt.Sprintf("%s is being deleted; it is made anew when it is gone", d.ID)}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v %s", d, source.Data))
	digest := hex.EncodeToString(sum[:16])
	if have != nil && have.Digest == digest && !have.Drifted || v.waits(d.ID, digest) {
		return nil, note{}
	}
	return &Derive{Derived: d, UID: uidOf(have), Source: source.Data, Digest: digest, Heals: have != nil && have.Drifted}, note{}
}

// planPurge takes everything of a removed tenant down: first its objects, its
// namespaces last, then, when all is gone, the teardown that cleans its
// datastore. What one of its objects owns goes after that, and mostly by itself: a
// controller may need it to take the owner down, as Cluster API does infrastructure. done
// tells that this too has ended well.
func planPurge(shard string, o render.Owner, epoch int64, w *wanted, v view) (work Work, done bool, stop note) {
	work, stop = begin(shard, o, epoch, v)
	if stop.reason != "" {
		return Work{}, false, stop
	}
	teardown := map[render.ObjectID]bool{}
	for _, want := range w.objects {
		teardown[want.id] = true
	}
	rest, owned, namespaces, waiting := []*Object{}, []*Object{}, []*Object{}, false
	for _, have := range sorted(slices.Values(v.objects)) {
		switch {
		case teardown[have.ID] || !have.Owned():
		case have.Deleting:
			waiting = true
		case v.parented(have, teardown):
			owned = append(owned, have)
		case have.ID.Kind == "Namespace":
			namespaces = append(namespaces, have)
		default:
			rest = append(rest, have)
		}
	}
	if len(rest) == 0 && !waiting {
		rest, owned = owned, nil // those who own each other have no first
	}
	if len(rest) == 0 && !waiting {
		rest, namespaces = namespaces, nil
	}
	for _, have := range rest {
		work.Delete = append(work.Delete, Delete{have.ID, have.UID, have.ResourceVersion})
	}
	if len(rest)+len(owned)+len(namespaces) > 0 || waiting {
		return work, false, note{}
	}
	for _, want := range w.objects {
		have := v.objects.at(want.id)
		switch {
		case have == nil:
		case !have.Owned():
			return Work{}, false, foreign(have)
		case have.Deleting:
			return work, false, note{"Terminating", fmt.Sprintf("%s is being deleted", want.id)}
		case have.Digest == want.digest:
			continue
		}
		work.Apply = append(work.Apply, Apply{Object: render.Object{ID: want.id}, UID: uidOf(have), Judged: w.provider.Judges(want.id)})
	}
	return work, work.Empty(), note{}
}

// parented tells whether another object of the owner's owns this one, and is there until
// it is deleted with the rest.
func (v view) parented(child *Object, teardown map[render.ObjectID]bool) bool {
	return slices.ContainsFunc(v.objects, func(o *Object) bool {
		return o.ID != child.ID && !teardown[o.ID] && o.Owned() && slices.Contains(child.Parents, o.UID)
	})
}

// planLeftovers removes what still carries the uid of a tenant that is purged.
func planLeftovers(shard string, o render.Owner, epoch int64, v view) Work {
	work, _ := begin(shard, o, epoch, v)
	work.RaiseAnchor = false
	for _, have := range sorted(slices.Values(v.objects)) {
		if have.Owned() && !have.Deleting {
			work.Delete = append(work.Delete, Delete{have.ID, have.UID, have.ResourceVersion})
		}
	}
	return work
}

// begin refuses to work below the highest epoch that the shard remembers.
func begin(shard string, o render.Owner, epoch int64, v view) (Work, note) {
	highest := v.anchor.Epoch
	for _, have := range v.objects {
		if have.Owned() {
			highest = max(highest, have.Epoch)
		}
	}
	if highest > epoch {
		return Work{}, note{"EpochBehind", fmt.Sprintf("the shard has seen epoch %d, the ledger says %d: nothing older is applied over newer", highest, epoch)}
	}
	return Work{Shard: shard, Owner: o, Epoch: epoch, RaiseAnchor: v.anchor.Epoch < epoch, AnchorVersion: v.anchor.ResourceVersion}, note{}
}

func foreign(o *Object) note {
	return note{"Foreign", fmt.Sprintf("%s is there and not Tenantry's; it is left alone: remove or rename it", o.ID)}
}

func uidOf(o *Object) string {
	if o == nil {
		return ""
	}
	return o.UID
}

// sorted lists objects by their own names, so that the same view gives the same work.
func sorted(objects iter.Seq[*Object]) []*Object {
	return slices.SortedFunc(objects, func(a, b *Object) int { return strings.Compare(a.ID.String(), b.ID.String()) })
}
