package core

import (
	"bytes"
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
	if !c.unread && !renew || !c.due(s.retryAt, now) {
		return
	}
	if !c.decided && !c.heardAll() {
		return // what stands there knows more
	}
	files := map[string][]byte{}
	if c.unread {
		c.unread = false
		files = c.changed(now)
	}
	if len(files) == 0 && !renew {
		s.retryAt = now.Add(c.cfg.StatusInterval / 10) // looking through a large fleet is work
		return
	}
	s.retryAt = now.Add(c.cfg.StatusInterval)
	push := PushStatus{Parent: s.tip, Files: files, Message: statusMessage(files), When: now}
	s.pushing = &push
	c.emit(push)
}

// changed are the files that are to say something else than they do.
func (c *Core) changed(now time.Time) map[string][]byte {
	s, files := &c.status, map[string][]byte{}
	want := c.statusFiles(now)
	for p, content := range want {
		if !bytes.Equal(s.files[p], content) {
			files[p] = content
		}
	}
	for p := range s.files {
		if _, keep := want[p]; !keep && c.stale(p) {
			files[p] = nil
		}
	}
	return files
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

// statusFiles are all files that this replica answers for.
func (c *Core) statusFiles(now time.Time) map[string][]byte {
	files, built := map[string][]byte{}, map[string]builtFile{}
	for _, st := range c.Tenants() {
		p := statusPath(st.Shard, st.Name)
		if old, there := c.status.files[p]; c.beingPlaced(st.Name) {
			if there {
				built[p] = builtFile{content: old} // what is to be said is on its way
			}
		} else if c.answersFor(st.Shard) {
			built[p] = c.buildFile(p, st, func(old []byte) {
				var was TenantStatus
				_ = yaml.Unmarshal(old, &was) // what cannot be read has no times to keep
				date(st.Conditions, was.Conditions, now)
			})
		}
	}
	for _, st := range c.Shards() {
		if c.answersFor(st.Name) {
			p := shardPath(st.Name)
			built[p] = c.buildFile(p, st, func(old []byte) {
				var was ShardStatus
				_ = yaml.Unmarshal(old, &was) // what cannot be read has no times to keep
				date(st.Conditions, was.Conditions, now)
				for _, ds := range st.DataStores {
					i := slices.IndexFunc(was.DataStores, func(w DataStoreStatus) bool { return w.Name == ds.Name })
					if i < 0 {
						date(ds.Conditions, nil, now)
					} else {
						date(ds.Conditions, was.DataStores[i].Conditions, now)
					}
				}
			})
		}
	}
	for p, b := range built {
		files[p] = b.content
	}
	c.status.built = built
	return files
}

// beingPlaced tells whether a tenant's first decision is being pushed.
func (c *Core) beingPlaced(name string) bool {
	return c.ledger.pushing != nil && c.ledger.entries.Tenants[name] == nil && c.ledger.pushing.Changes.Tenants[name] != nil
}

// builtFile remembers what a file was built from: most stay as they were.
type builtFile struct {
	key     string
	content []byte
}

// buildFile encodes a status, whose conditions dated takes from the file as it
// stands.
func (c *Core) buildFile(p string, status any, dated func(old []byte)) builtFile {
	key, err := json.Marshal(status)
	if err != nil {
		panic(fmt.Sprintf("encode %s: %v", p, err)) // plain structs always encode
	}
	if b, there := c.status.built[p]; there && b.key == string(key) && bytes.Equal(b.content, c.status.files[p]) {
		return b
	}
	dated(c.status.files[p])
	content, err := fleet.Encode(status)
	if err != nil {
		panic(fmt.Sprintf("encode %s: %v", p, err))
	}
	return builtFile{string(key), content}
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
