package simulation

import (
	"slices"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// What a loop that never rests would exceed, and nothing else does.
const (
	writesInTenMinutes = 20
	decisionsAnHour    = 60
	requestsAMinute    = 3000
)

type objectAt struct {
	cluster string
	key     apiserver.Key
}

// rates count what replicas do.
type rates struct {
	writes   map[objectAt][]time.Time
	writers  map[objectAt]string // the life that wrote last
	pushes   []time.Time
	statuses map[string][]time.Time // by life
	requests map[string]count       // by life
	// total counts all writes, last is what was written last.
	total int
	last  string
}

type count struct {
	minute time.Time
	n      int
}

func newRates() rates {
	return rates{writes: map[objectAt][]time.Time{}, writers: map[objectAt]string{}, statuses: map[string][]time.Time{}, requests: map[string]count{}}
}

// since drops what is older than a time.
func since(all []time.Time, begin time.Time) []time.Time {
	return slices.DeleteFunc(all, func(t time.Time) bool { return t.Before(begin) })
}

// wrote: who writes one object again and again is at odds with somebody, or with itself.
func (r *rates) wrote(j *judge, at objectAt, now time.Time) {
	all := append(since(r.writes[at], now.Add(-10*time.Minute)), now)
	r.writes[at] = all
	r.count(at)
	if len(all) > writesInTenMinutes {
		j.violate("HotLoop", "%s on %s was written %d times in ten minutes", nameOf(at.key), at.cluster, len(all))
	}
}

// count notes that something was written.
func (r *rates) count(at objectAt) {
	r.total++
	r.last = nameOf(at.key) + " on " + at.cluster
}

// pushed: the ledger is read by people.
func (r *rates) pushed(j *judge) {
	now := time.Now()
	r.pushes = append(since(r.pushes, now.Add(-time.Hour)), now)
	if len(r.pushes) > decisionsAnHour {
		j.violate("HotLoop", "%d decisions were pushed within an hour", len(r.pushes))
	}
}

// observed: a status host bears only so many pushes. One is begun after the one before,
// and so long after it was begun: of any three the last is that much later than the first.
func (r *rates) observed(j *judge, who string) {
	now, pause := time.Now(), j.w.settings.Status
	r.statuses[who] = append(since(r.statuses[who], now.Add(time.Millisecond-pause)), now)
	if len(r.statuses[who]) > 2 {
		j.violate("HotLoop", "%s pushed statuses %d times within %v", who, len(r.statuses[who]), pause)
	}
}

// asked counts a request.
func (j *judge) asked(x *exchange) {
	minute := time.Now().Truncate(time.Minute)
	c := j.rates.requests[x.life.id]
	if c.minute != minute {
		c = count{minute: minute}
	}
	if c.n++; c.n > requestsAMinute {
		j.violate("HotLoop", "%s asked %d times in a minute", x.life.id, c.n)
	}
	j.rates.requests[x.life.id] = c
}
