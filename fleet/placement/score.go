package placement

import (
	"hash/fnv"
	"math"
	"math/bits"
)

// Score orders the shards that take a tenant: the lesser goes before the greater, by
// its first part that differs.
type Score struct {
	// Preference is the place in spec.prefer of the first entry that the shard has the
	// labels of, from 0; as many as there are entries when it has those of none.
	Preference int `json:"preference"`
	// Load is what of the shard's capacity is taken with the tenant, in millionths: of
	// tenants, CPU and memory the one of which most is taken.
	Load int64 `json:"load"`
	// Fill is what of the datastore's capacity is taken with the tenant, in millionths.
	Fill int64 `json:"fill"`
}

// unbounded is the capacity by which what declares none is weighed, in tenants.
const unbounded = 1000

const million = 1_000_000

func capacityOr(declared int) int64 {
	if declared > 0 {
		return int64(declared)
	}
	return unbounded
}

func scoreOf(sh *shard, ds *store, a *asked) Score {
	score := Score{Preference: preference(sh, a), Load: sh.load(a)}
	if ds != nil {
		score.Fill = ds.fill()
	}
	return score
}

func preference(sh *shard, a *asked) int {
	for i, labels := range a.Spec.Prefer {
		if matches(labels, sh.labels) {
			return i
		}
	}
	return len(a.Spec.Prefer)
}

// load is how much is taken of a shard with one tenant more. One without any bound is
// weighed by the number of its tenants.
func (sh *shard) load(a *asked) int64 {
	var most int64
	if sh.spec.Capacity.Tenants > 0 || sh.bounds == (Footprint{}) {
		most = share(int64(sh.tenants+1), capacityOr(sh.spec.Capacity.Tenants))
	}
	if sh.bounds.MilliCPU > 0 {
		most = max(most, share(sh.requested.MilliCPU+a.load.MilliCPU, sh.bounds.MilliCPU))
	}
	if sh.bounds.Memory > 0 {
		most = max(most, share(sh.requested.Memory+a.load.Memory, sh.bounds.Memory))
	}
	return most
}

// share is part of whole in millionths. Whole numbers give the same everywhere.
func share(part, whole int64) int64 {
	high, low := bits.Mul64(uint64(max(part, 0)), million)
	if high >= uint64(whole) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(high, low, uint64(whole))
	return int64(min(q, math.MaxInt64))
}

// before tells whether one candidate goes before another. What is equal is drawn by
// rendezvous hashing: each tenant has an order of shards of its own, the same on every
// replica and in every year, which a shard that joins or leaves does not change.
func (c *candidate) before(other *candidate, a *asked) bool {
	mine, theirs := c.score, other.score
	switch {
	case mine.Preference != theirs.Preference:
		return mine.Preference < theirs.Preference
	case mine.Load != theirs.Load:
		return mine.Load < theirs.Load
	case mine.Fill != theirs.Fill:
		return mine.Fill < theirs.Fill
	}
	return rank(a.hash, c.shard.hash) > rank(a.hash, other.shard.hash)
}

// hash is FNV-1a's.
func hash(text string) uint64 {
	h := fnv.New64a()
	if _, err := h.Write([]byte(text)); err != nil {
		panic(err) // a hash.Hash never gives one
	}
	return h.Sum64()
}

// rank is how high a tenant holds a shard or a datastore, all else being equal: the bits
// of both hashes, mixed so that each depends on all.
func rank(tenant, place uint64) uint64 {
	x := tenant ^ bits.RotateLeft64(place, 32)
	for _, odd := range [2]uint64{0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53} {
		x ^= x >> 33
		x *= odd
	}
	return x ^ x>>33
}
