package core

import (
	"fmt"
	"regexp"
)

// usable tells whether decisions about a shard are ours to take: its Lease is
// held here and remembers no more than we know, and its identity is the pinned one.
func (c *Core) usable(d *draft, shard string) note {
	s := c.shards[shard]
	switch pin := d.entries.Shards[shard]; {
	case s == nil || !c.mayUse(s):
		return note{"ShardUnavailable", c.whyNotHeld(shard)}
	case c.compared(s).reason != "":
		return c.compared(s)
	case pin == nil:
		return note{"ShardNotPinned", fmt.Sprintf("shard %s has no identity in the ledger yet", shard)}
	case pin.Identity != s.lease.Identity:
		return note{"IdentityChanged", s.problem.message}
	}
	return note{}
}

// compared says why the ledger cannot be told to be the one that the shard's Lease
// remembers, or a later one.
func (c *Core) compared(s *shardState) note {
	tip := s.lease.Tip
	if tip == "" || tip == c.ledger.tip {
		return note{}
	}
	switch contains, told := c.ledger.contains[tip]; {
	case !told:
		return note{"NotCompared", "the ledger has not been compared yet with what the shard's Lease remembers"}
	case !contains:
		return note{"LedgerRewound", fmt.Sprintf("the shard's Lease remembers the ledger's commit %s, which the ledger no longer contains: restore the branch", tip)}
	}
	return note{}
}

// mayUse tells whether a shard is ours to decide about: its Lease is held here. A
// read-only core looks at every shard that it can reach.
func (c *Core) mayUse(s *shardState) bool {
	return s.lease.Held || (c.cfg.ReadOnly && s.lease.Identity != "" && s.lease.Err == nil)
}

// heldElsewhere tells whether another replica works on a shard.
func (c *Core) heldElsewhere(shard string) bool {
	s := c.shards[shard]
	return s != nil && !c.mayUse(s) && s.lease.Holder != ""
}

func (c *Core) whyNotHeld(shard string) string {
	s := c.shards[shard]
	switch {
	case s == nil || !s.configured:
		return fmt.Sprintf("there is no kubeconfig for shard %s", shard)
	case s.lease.Err != nil:
		return fmt.Sprintf("shard %s cannot be reached: %s", shard, steady(s.lease.Err.Error()))
	case s.lease.Holder != "":
		return fmt.Sprintf("the Lease of shard %s is held by %s", shard, s.lease.Holder)
	}
	return fmt.Sprintf("the Lease of shard %s is not held yet", shard)
}

// calledFrom is the end of a connection that differs with each one.
var calledFrom = regexp.MustCompile(`\S+:\d+->`)

// steady leaves out of an error what would change with each attempt, and be a
// commit each time.
func steady(message string) string { return calledFrom.ReplaceAllString(message, "") }
