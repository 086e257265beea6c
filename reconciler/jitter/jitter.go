// Package jitter spreads pauses, so that many who wait for the same thing do not come
// back in step.
//
// # Why not dice
//
// Who waits is different everywhere already: replicas have identities, shards and kinds
// have names. So a pause follows from who waits and how often it has waited before, and
// a history can be lived through again as it was.
package jitter

import (
	"hash/fnv"
	"sync/atomic"
	"time"
)

// Source gives one waiter's share of chance. It is safe for several goroutines.
type Source struct {
	who  uint64
	asks atomic.Uint64
}

// New makes the source of whoever is called so.
func New(who ...string) *Source {
	h := fnv.New64a()
	for _, name := range who {
		_, _ = h.Write([]byte(name + "\x00")) // a hash takes everything
	}
	return &Source{who: h.Sum64()}
}

// Float64 is a number from [0, 1), another one each time.
func (s *Source) Float64() float64 {
	// SplitMix64: each step is as good as random, whatever comes before.
	x := s.who + s.asks.Add(1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x>>11) / (1 << 53)
}

// Stretch makes a pause up to a fifth longer.
func (s *Source) Stretch(d time.Duration) time.Duration {
	return d + time.Duration(s.Float64()*float64(d)/5)
}
