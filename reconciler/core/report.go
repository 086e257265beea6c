package core

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// report writes what is observed back, in batches, as far as it changed.
func (c *Core) report(now time.Time) {
	s := &c.status
	if c.cfg.ReadOnly || !s.known || !c.ledger.known || c.git.declared == nil || s.pushing != nil {
		return
	}
	renew := !s.renewAt.IsZero() && c.due(s.renewAt, now)
	if !c.unread && len(c.news) == 0 && !c.newsOfShards && !renew || !c.due(s.retryAt, now) {
		return
	}
	if !c.decided && !c.heardAll() {
		return // what stands there knows more
	}
	if len(c.unproven) > 0 {
		return // they are not waited for much longer
	}
	if !c.lookThrough(now) {
		c.wake(time.Unix(0, 1)) // the rest at once
		return
	}
	files := s.next
	s.next = map[string][]byte{}
	if len(files) == 0 && !renew {
		s.retryAt = now.Add(c.cfg.StatusInterval / 10) // looking through a large fleet is work
		return
	}
	s.retryAt = now.Add(c.cfg.StatusInterval)
	push := PushStatus{Parent: s.tip, Files: files, Message: statusMessage(files), When: now}
	s.pushing = &push
	c.emit(push)
}

// stepStatuses bounds how many statuses one Step looks at, so that the next event
// never waits long.
const stepStatuses = 256

// lookThrough finds the files that are to say something else than they do. It tells
// whether it has come to the end.
func (c *Core) lookThrough(now time.Time) bool {
	s := &c.status
	if c.unread {
		c.unread, c.newsOfShards, s.sweep = false, true, true
		for name := range c.spokenOf() {
			c.news[name] = true
		}
		for name := range s.places {
			c.news[name] = true
		}
	}
	names := slices.Sorted(maps.Keys(c.news))
	names = names[:min(len(names), stepStatuses)]
	files := make([]builtFile, len(names))
	for i, name := range names {
		delete(c.news, name)
		files[i] = c.lookAtTenant(name)
	}
	parallel(len(files), func(i int) { files[i].build(now) })
	for _, f := range files {
		if f.path != "" {
			s.say(f)
		}
	}
	if len(c.news) > 0 {
		return false
	}
	if c.newsOfShards {
		c.newsOfShards = false
		for _, st := range c.Shards() {
			c.lookAtShard(st, now)
		}
	}
	if s.sweep {
		s.sweep = false
		for p := range s.files {
			c.drop(p)
		}
	}
	return true
}

// lookAtTenant finds out what is to be said of a tenant, and where: at an empty path
// nothing.
func (c *Core) lookAtTenant(name string) builtFile {
	s, f := &c.status, builtFile{}
	if c.isSpokenOf(name) {
		st := c.tenantStatus(name)
		at := statusPath(st.Shard, name)
		if old, there := s.files[at]; c.beingPlaced(name) || st.Shard == "" && c.leftTo[name] {
			if there {
				f = builtFile{path: at, content: old} // what is to be said is on its way, or another's to say
			}
		} else if c.answersFor(st.Shard) {
			f = c.toBuild(at, st, func(old []byte, now time.Time) {
				var was TenantStatus
				_ = yaml.Unmarshal(old, &was) // what cannot be read has no times to keep
				date(st.Conditions, was.Conditions, now)
			})
		}
	}
	if was := s.places[name]; was != f.path && was != "" {
		delete(s.places, name)
		delete(s.built, was)
		c.drop(was)
	}
	if f.path != "" {
		s.places[name] = f.path
	}
	return f
}

// lookAtShard finds out what is to be said of a shard.
func (c *Core) lookAtShard(st *ShardStatus, now time.Time) {
	p := shardPath(st.Name)
	if !c.answersFor(st.Name) {
		delete(c.status.built, p)
		return
	}
	f := c.toBuild(p, st, func(old []byte, now time.Time) {
		var was ShardStatus
		_ = yaml.Unmarshal(old, &was) // what cannot be read has no times to keep
		date(st.Conditions, was.Conditions, now)
		for _, ds := range st.DataStores {
			var said []Condition
			if last := was.store(ds.Name); last != nil {
				said = last.Conditions
			}
			date(ds.Conditions, said, now)
		}
	})
	f.build(now)
	c.status.say(f)
}

// say has a file written if it does not say so yet.
func (s *statusState) say(b builtFile) {
	p := b.path
	delete(s.next, p)
	if old := s.files[p]; bytes.Equal(old, b.content) {
		b.content = old // kept once
	} else {
		s.next[p] = b.content
	}
	s.built[p] = b
}

// drop has a file removed that nothing stands behind any more.
func (c *Core) drop(p string) {
	s := &c.status
	if _, said := s.built[p]; said {
		return
	}
	if delete(s.next, p); s.files[p] != nil && c.stale(p) {
		s.next[p] = nil
	}
}

func statusMessage(files map[string][]byte) string {
	names := []string{}
	for _, p := range slices.Sorted(maps.Keys(files)) {
		base := strings.TrimSuffix(path.Base(p), ".yaml")
		if !strings.HasPrefix(base, "_") && !slices.Contains(names, base) {
			names = append(names, base)
		}
	}
	switch {
	case len(files) == 0:
		return "Sum up the fleet"
	case len(names) == 0:
		return "Observe shards"
	case len(names) <= 3:
		return "Observe " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("Observe %d tenants", len(names))
}

// statusPath is where a tenant's status stands.
func statusPath(shard, name string) string {
	if shard == "" {
		return path.Join("status", "_unplaced", name+".yaml")
	}
	return path.Join("status", shard, ledger.Dir(name), name+".yaml")
}

// shardPath is where a shard's status stands.
func shardPath(shard string) string { return path.Join("status", shard, "_shard.yaml") }

// stale tells whether a file of the status branch is one of ours that nothing
// stands behind any more. Files of people, and of shards that somebody else
// works on, are left alone.
func (c *Core) stale(p string) bool {
	parts := strings.Split(p, "/")
	if len(parts) < 3 || parts[0] != "status" || !strings.HasSuffix(p, ".yaml") {
		return false
	}
	name := strings.TrimSuffix(parts[len(parts)-1], ".yaml")
	if p != statusPath("", name) && (len(parts) != 4 || p != statusPath(parts[1], name)) {
		return false
	}
	if parts[1] == "_unplaced" {
		if !c.answersFor("") {
			return false
		}
	} else {
		if s := c.shards[parts[1]]; s == nil || !s.lease.Held || !c.answersFor(s.name) {
			return false
		}
	}
	var head struct{ Kind string }
	return yaml.Unmarshal(c.status.files[p], &head) == nil && head.Kind == kindTenantStatus
}

const (
	kindTenantStatus = "TenantStatus"
	kindShardStatus  = "ShardStatus"
)

// beingPlaced tells whether a tenant's first decision is being pushed.
func (c *Core) beingPlaced(name string) bool {
	return c.ledger.pushing != nil && c.ledger.entries.Tenants[name] == nil && c.ledger.pushing.Changes.Tenants[name] != nil
}

// builtFile remembers what a file was built from: most stay as they were.
type builtFile struct {
	path    string
	key     [16]byte // a hash
	content []byte
	// build makes the content out of what stands in the file; it touches nothing else.
	status any
	old    []byte
	dated  func(old []byte, now time.Time)
}

// toBuild is the file of a status, whose conditions dated takes from the file as it
// stands; there is nothing to build when it says that already.
func (c *Core) toBuild(p string, status any, dated func(old []byte, now time.Time)) builtFile {
	data, err := json.Marshal(status)
	if err != nil {
		panic(fmt.Sprintf("encode %s: %v", p, err)) // plain structs always encode
	}
	sum := sha256.Sum256(data)
	key := [16]byte(sum[:16])
	if b, there := c.status.built[p]; there && b.key == key && bytes.Equal(b.content, c.status.files[p]) {
		return b
	}
	return builtFile{path: p, key: key, status: status, old: c.status.files[p], dated: dated}
}

// build encodes the status, if that is still to be done.
func (b *builtFile) build(now time.Time) {
	if b.status == nil {
		return
	}
	b.dated(b.old, now)
	var err error
	if b.content, err = fleet.Encode(b.status); err != nil {
		panic(fmt.Sprintf("encode %s: %v", b.path, err)) // plain structs always encode
	}
	b.status, b.old, b.dated = nil, nil, nil
}

// answersFor tells whether the status of a shard's tenants is ours to write: we
// hold its Lease, or nobody is known to. Before a shard has been heard of and
// looked at, nothing is said: what stands in the file is the better knowledge.
func (c *Core) answersFor(shard string) bool {
	if shard == "" { // _unplaced
		for _, s := range c.shards {
			if s.configured && !s.heard {
				return false
			}
		}
		return true
	}
	s := c.shards[shard]
	switch {
	case s == nil || !s.configured:
		return true
	case !s.heard || (!s.lease.Held && s.lease.Holder != ""):
		return false
	}
	reason := c.closed(s).reason
	return reason != "Observing" && reason != "NotCompared"
}

// date dates conditions: those whose status did not change keep their time.
func date(conditions, was []Condition, now time.Time) {
	for i := range conditions {
		c := &conditions[i]
		c.LastTransitionTime = now.UTC().Truncate(time.Second)
		for _, w := range was {
			if w.Type == c.Type && w.Status == c.Status {
				c.LastTransitionTime = w.LastTransitionTime
			}
		}
	}
}
