package core

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/render"
)

// An object that somebody changes or deletes is healed at once. Healed five times within ten
// minutes it is contested: two want it otherwise, and writing faster makes neither
// right. Then each healing waits twice as long as the one before, until nobody has
// changed the object for a while.
//
//	healed ×5 in 10 min ──► contested ──drifted──► wait 1 min, 2, 4 … 30 ──► heal ─┐
//	                           ▲  │                                               │
//	                           │  └─ as it should be, 10 min or the last wait ─► over
//	                           └──────────────────────────────────────────────────┘
const (
	contestLimit  = 5
	contestWindow = 10 * time.Minute
	contestPause  = time.Minute
	contestMost   = 30 * time.Minute
)

// contest is the story of an object that was healed lately. It is not kept over a
// restart, which costs a few healings more.
type contest struct {
	times []time.Time // of the healings within the window
	last  Healed
	// pause is how long the next healing waits; 0 until it is contested.
	pause time.Duration
}

// healed notes that an object was put right.
func (o *ownerState) healed(h Healed, now time.Time) {
	if o.contests == nil {
		o.contests = map[render.ObjectID]*contest{}
	}
	k := o.contests[h.ID]
	if k == nil {
		k = &contest{}
		o.contests[h.ID] = k
	}
	k.times = slices.DeleteFunc(k.times, func(t time.Time) bool { return now.Sub(t) >= contestWindow })
	k.times = append(k.times, now)
	if h.Rival == "" { // not told this time: who it was before is a better guess than nobody
		h.Field, h.Rival = orElse(k.last.Field, h.Field), k.last.Rival
	}
	k.last = h
	switch {
	case k.pause > 0:
		k.pause = min(2*k.pause, contestMost)
	case len(k.times) >= contestLimit:
		k.pause = contestPause
	}
}

// wholeObject stands for a field when all of an object was removed.
const wholeObject = "the whole object"

// missed notes that an object is gone that was as it should be: making it anew is a
// healing too. What we have removed ourselves is not wanted any more.
func (c *Core) missed(s *shardState, g Gone, now time.Time) {
	o := c.owners[g.OwnerUID]
	have := s.objects[g.OwnerUID].at(g.ID)
	if o == nil || have == nil || !have.Owned() || !o.wants(g.ID) {
		return
	}
	o.healed(Healed{ID: g.ID, Digest: have.Digest, Field: wholeObject}, now)
}

// wants tells whether an object should be there, as far as it is known.
func (o *ownerState) wants(id render.ObjectID) bool {
	return o.wanted != nil && (slices.ContainsFunc(o.wanted.objects, func(w wantedObject) bool { return w.id == id }) ||
		slices.ContainsFunc(o.wanted.derived, func(d render.Derived) bool { return d.ID == id }))
}

// at is when the object was last put right.
func (k *contest) at() time.Time { return k.times[len(k.times)-1] }

// settle forgets the contests that are over, and finds out when the others have to
// be looked at.
func (o *ownerState) settle(v view) {
	o.lookAt = time.Time{}
	for id, k := range o.contests {
		have := v.objects.at(id)
		drifted := have == nil || have.Drifted
		next := k.at().Add(max(contestWindow, k.pause))
		if drifted {
			next = k.at().Add(k.pause)
		}
		switch {
		case !drifted && !v.now.Before(next), have == nil && !o.wants(id):
			delete(o.contests, id)
		case k.pause > 0 && v.now.Before(next) && (o.lookAt.IsZero() || next.Before(o.lookAt)):
			o.lookAt = next
		}
	}
}

// waits tells whether an object that has drifted, or is gone, is left alone for now.
// What is wanted anew is written at once.
func (v view) waits(id render.ObjectID, digest string) bool {
	k, have := v.contests[id], v.objects.at(id)
	return k != nil && k.pause > 0 && (have == nil || have.Drifted) && k.last.Digest == digest && v.now.Before(k.at().Add(k.pause))
}

// contested says what is contested; nothing when nothing is.
func (v view) contested() note {
	for _, id := range slices.SortedFunc(maps.Keys(v.contests), func(a, b render.ObjectID) int { return strings.Compare(a.String(), b.String()) }) {
		k := v.contests[id]
		if k.pause == 0 {
			continue
		}
		if k.last.Field == wholeObject {
			return note{"Contested", fmt.Sprintf(
				"%s is removed again and again by somebody; it is made anew less and less often until one of both gives it up", id)}
		}
		return note{"Contested", fmt.Sprintf(
			"%s: %s is changed again and again by %s; it is put right less and less often until one of both gives it up",
			id, orElse(k.last.Field, "a field"), orElse(k.last.Rival, "somebody whom the object does not name"))}
	}
	return note{}
}
