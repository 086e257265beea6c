package simulation

import (
	"encoding/json"
	"strings"
	"time"
	"unsafe"

	coordinationv1 "k8s.io/api/coordination/v1"
)

// set is a time as a process sees it whose machine's clock was set by so many seconds:
// what the wall clock shows has changed, what has passed since other times has not.
//
// A time.Time can hold both, and what the package compares then is what has passed; the
// time in a bubble has the wall clock's alone. So both are written here as the package
// keeps them: seconds since 1885 and nanoseconds in the first word, marked by its highest
// bit, and in the second word what has passed.
func set(t time.Time, by time.Duration) time.Time {
	const (
		marked   = 1 << 63
		from1885 = 2682288000 // seconds from 1885 to 1970
	)
	passed, wall := t.Sub(epoch), t.Add(by)
	words := (*[2]uint64)(unsafe.Pointer(&wall))
	words[0], words[1] = marked|uint64(wall.Unix()+from1885)<<30|uint64(wall.Nanosecond()), uint64(passed)
	return wall
}

// epoch is before any bubble begins.
var epoch = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)

// stamped is a request as a machine sends it whose clock is wrong: it shows in the times
// that are written into Leases. Keeping them goes by how much time has passed, which is
// the same on all machines.
func stamped(x *exchange) *exchange {
	skew := x.life.replica.skew
	if skew == 0 || !x.writes() || !strings.Contains(x.req.URL.Path, "/leases") {
		return x
	}
	var l coordinationv1.Lease
	if json.Unmarshal(x.body, &l) != nil || l.Spec.RenewTime == nil {
		return x
	}
	l.Spec.RenewTime.Time = l.Spec.RenewTime.Add(skew)
	body, err := json.Marshal(l)
	if err != nil {
		return x
	}
	wrong := *x
	wrong.body = body
	return &wrong
}
