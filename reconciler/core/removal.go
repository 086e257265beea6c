package core

import (
	"fmt"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// How a tenant goes: its file is gone, the brake is open, it has a tombstone while its data
// is kept, it is purged, and nothing is left of it.

// remove tombstones the tenants whose files are gone, unless the brake says that
// a person has to look first.
func (c *Core) remove(d *draft, absent []*ledger.Tenant) {
	if len(absent) == 0 {
		return
	}
	if why := brake(d.fleet, d.entries, len(absent), d.now); why != "" {
		for _, e := range absent {
			c.hold(d, e, note{"DeletionBrake", why})
		}
		return
	}
	for _, e := range absent {
		if c.usable(d, e.Placement.Shard).reason != "" {
			continue
		}
		last := Last{}
		if e.Held != nil {
			last = Last{Tree: e.Held.Tree, Fleet: c.ledger.fleets[e.Held.Tree]}
		} else if l, found := c.lastOf(d, e); found {
			last = l
		}
		if last.Fleet == nil || last.Fleet.Tenants[e.Name] == nil {
			if c.git.searching || len(c.git.wants) > 0 {
				continue // it is being searched for
			}
			c.notes[e.Name] = note{"LastDeclarationUnknown", "its file is gone, and no commit with a good declaration of it was found: nothing is removed; to remove it, declare it again first"}
			continue
		}
		if why := c.classCarried(d, last.Fleet.Tenants[e.Name]); why.reason != "" {
			c.notes[e.Name] = why
			continue
		}
		next := *e
		next.Lifecycle, next.Held, next.Adopted = ledger.Tombstoned, nil, c.taken(e)
		next.Epoch++
		since := d.now.UTC().Truncate(time.Second)
		next.Tombstone = &ledger.Tombstone{
			Since: since, PurgeAfter: since.Add(d.fleet.Settings.Deletion.Retention),
			Commit: d.declared.Commit, Tree: last.Tree, Declaration: string(last.Fleet.Tenants[e.Name].Source.Raw),
		}
		d.fleets[last.Tree] = last.Fleet
		d.setTenant(&next)
	}
}

// age takes a removed tenant on: its retention is over, or all of it is gone.
func (c *Core) age(d *draft, e *ledger.Tenant) {
	if c.usable(d, e.Placement.Shard).reason != "" {
		return
	}
	if why := c.classCarried(d, c.declarationInForce(e)); why.reason != "" {
		c.notes[e.Name] = why
		return
	}
	next := *e
	switch {
	case e.Lifecycle == ledger.Tombstoned && !d.now.Before(e.Tombstone.PurgeAfter):
		if !c.readSince(e.Tombstone.PurgeAfter) {
			return // there is no way back: it may have been reverted in time
		}
		next.Lifecycle = ledger.Purging
		next.Epoch++
	case e.Lifecycle == ledger.Purging && c.tornDown(e):
		at := d.now.UTC().Truncate(time.Second)
		tombstone := *e.Tombstone
		tombstone.PurgedAt, tombstone.Tree = &at, ""
		next.Lifecycle, next.Tombstone = ledger.Purged, &tombstone
		next.Epoch++
	default:
		return
	}
	d.setTenant(&next)
}

// brake says why so many tenants may not go now; empty lets them.
func brake(f *fleet.Fleet, l *ledger.Ledger, absent int, now time.Time) string {
	if f.SettingsBroken {
		return "fleet.yaml is missing or invalid, so it is not known how many tenants may go: nothing is removed"
	}
	living, recent := 0, 0
	for _, e := range l.Tenants {
		switch {
		case e.Lifecycle == ledger.Living:
			living++
		case e.Tombstone != nil && e.Tombstone.Since.After(now.Add(-24*time.Hour)):
			recent++
		}
	}
	rules := f.Settings.Deletion
	allowed := max(rules.Limit, (living+recent)*rules.Percent/100)
	switch {
	case recent+absent > allowed:
		return fmt.Sprintf("%d tenants would go and %d went within 24 hours, but fleet.yaml allows %d: revert the commit, or raise spec.deletion.limit", absent, recent, allowed)
	case absent == living && !rules.AllowLast:
		return "the fleet's last tenant would go: revert the commit, or set spec.deletion.allowLast: true in fleet.yaml"
	}
	return ""
}
