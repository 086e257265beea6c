package lease

import (
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

// State is what a keeper remembers of a lease between two looks at it: which
// record it saw last, and since when by its own clock. The zero value has seen
// nothing.
type State struct {
	record string
	since  time.Time
}

// Look takes in a lease as it was just read; nil is none.
func (s State) Look(l *coordinationv1.Lease, now time.Time) State {
	if r := fingerprint(l); r != s.record {
		return State{record: r, since: now}
	}
	return s
}

// fingerprint tells one record from the next. It leaves out what can change
// without a sign of life from the holder: other people's labels and annotations.
func fingerprint(l *coordinationv1.Lease) string {
	if l == nil {
		return ""
	}
	renewed := ""
	if l.Spec.RenewTime != nil {
		renewed = l.Spec.RenewTime.UTC().Format(time.RFC3339Nano)
	}
	transitions := int32(0)
	if l.Spec.LeaseTransitions != nil {
		transitions = *l.Spec.LeaseTransitions
	}
	return fmt.Sprintf("%s %q %s %d", l.UID, holder(l), renewed, transitions)
}

// Verb is what a keeper is to do.
type Verb string

// Verbs. All but Wait are one write, with the resourceVersion that was read.
const (
	Create Verb = "Create" // there is no lease: make it, as ours
	Take   Verb = "Take"   // nobody holds it
	Steal  Verb = "Steal"  // its holder let it expire
	Renew  Verb = "Renew"  // it is ours
	Wait   Verb = "Wait"   // somebody else holds it
)

// Action is what to do now.
type Action struct {
	Verb Verb
	// Holder and Until are set with Wait: who holds it, and when it expires if
	// nothing more is heard of them.
	Holder string
	Until  time.Time
}

// Decide says what to do with the lease as it was read last (nil: there is
// none). The state has to have looked at this very lease. The duration is
// assumed of a record that names none.
func Decide(l *coordinationv1.Lease, me string, seen State, now time.Time, duration time.Duration) Action {
	switch {
	case l == nil:
		return Action{Verb: Create}
	case holder(l) == me:
		return Action{Verb: Renew}
	case holder(l) == "":
		return Action{Verb: Take}
	}
	if d := l.Spec.LeaseDurationSeconds; d != nil && *d > 0 {
		duration = time.Duration(*d) * time.Second
	}
	if until := seen.since.Add(duration); now.Before(until) {
		return Action{Verb: Wait, Holder: holder(l), Until: until}
	}
	return Action{Verb: Steal}
}

// Deadline is until when a keeper may act whose record was sent at sent and
// accepted: an other one sees the record at sent at the earliest, and waits for
// duration from then on.
func Deadline(sent time.Time, duration time.Duration) time.Time {
	return sent.Add(duration - duration/5)
}

// expired judges by both of the process's clocks: the monotonic one stands still
// while a virtual machine is paused, the wall clock may be set.
func expired(deadline, now time.Time) bool {
	return !now.Before(deadline) || !now.Round(0).Before(deadline.Round(0))
}

func holder(l *coordinationv1.Lease) string {
	if l == nil || l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}
