package simulation

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// removal is one decision that a tenant goes.
type removal struct {
	uid   string
	since time.Time
	// back: it was revived.
	back bool
}

// reading is what a replica's clock was wrong by, from a time on.
type reading struct {
	at   time.Time
	skew time.Duration
}

// clock takes down what replicas' clocks say.
func (j *judge) clock(r *replica) {
	all := j.clocks[r]
	if len(all) == 0 || all[len(all)-1].skew != r.skew {
		j.clocks[r] = append(all, reading{time.Now(), r.skew})
	}
}

// skews are the least and the most that a replica's clock was wrong by since a time.
func (j *judge) skews(r *replica, since time.Time) (least, most time.Duration) {
	j.clock(r)
	all := j.clocks[r]
	least, most = r.skew, r.skew
	for i, was := range all {
		if i+1 == len(all) || all[i+1].at.After(since) {
			least, most = min(least, was.skew), max(most, was.skew)
		}
	}
	return least, most
}

// removed judges that a tenant is to go: only when its file is gone, for everybody to
// see, from a commit that is whole. A file that is broken is there.
func (j *judge) removed(v *verdict, is *ledger.Tenant) {
	if is.Tombstone.Commit != v.source {
		j.violate("Removal", "tenant %s goes because of %s, decided about %s", is.Name, is.Tombstone.Commit, v.source)
	}
	files, err := j.w.git.Files(v.source)
	if err != nil {
		j.violate("Removal", "tenant %s goes because of %s, which cannot be read: %v", is.Name, v.source, err)
		return
	}
	for file := range files {
		if strings.HasPrefix(file, is.Source+"/") || strings.HasPrefix(file, "tenants/") && strings.HasSuffix(file, "/"+is.Name+"/tenant.yaml") {
			j.violate("Removal", "tenant %s goes, but %s is there in %s", is.Name, file, v.source)
			return
		}
	}
	if v.declared.SettingsBroken {
		j.violate("Removal", "tenant %s goes while fleet.yaml is broken: nobody knows how fast", is.Name)
	}
	// What is promised is counted from now by the clock of who promises, and not from
	// before the file was gone. Who decides may stand still before it pushes.
	now, since := time.Now(), is.Tombstone.Since
	begin := latest(now.Add(-j.window()-j.pauses()), j.declaredTips.since(v.source))
	least, most := j.skews(v.x.life.replica, begin)
	if since.Before(begin.Add(least-time.Second)) || since.After(now.Add(most+time.Second)) {
		j.violate("Retention", "tenant %s goes at %v, it is %v", is.Name, since, now)
	}
	if kept := is.Tombstone.PurgeAfter.Sub(since); kept < v.declared.Settings.Deletion.Retention {
		j.violate("Retention", "tenant %s is kept for %v, fleet.yaml says %v", is.Name, kept, v.declared.Settings.Deletion.Retention)
	}
}

// purged judges that a tenant's data is to go, from which there is no way back: only
// when its time is over, and nobody has taken the removal back in time.
func (j *judge) purged(v *verdict, was, is *ledger.Tenant) {
	least, most := j.skews(v.x.life.replica, time.Now().Add(-j.window()))
	end := was.Tombstone.PurgeAfter
	if now := time.Now().Add(most); now.Before(end) {
		j.violate("Retention", "tenant %s is purged at %v, its data was to be kept until %v", is.Name, now, end)
	}
	if !reflect.DeepEqual(was.Tombstone, is.Tombstone) {
		j.violate("Removal", "the tombstone of tenant %s is changed", is.Name)
	}
	files, err := j.w.git.Files(v.source)
	if err != nil || files[is.Source+"/tenant.yaml"] != nil {
		j.violate("Removal", "tenant %s is purged, but %s declares it (%v)", is.Name, v.source, err)
	}
	for _, skew := range []time.Duration{least, most} {
		at := j.declaredTips.at(end.Add(-skew))
		if at.commit == "" || at.moved || !j.descends(at.commit, v.source) {
			return // people moved the branch, or have removed it once more since
		}
		files, err := j.w.git.Files(at.commit)
		if err != nil || files[is.Source+"/tenant.yaml"] == nil {
			return
		}
	}
	j.violate("Removal", "tenant %s is purged, but was declared again before its time was over", is.Name)
}

// buried judges that nothing is left of a tenant: what is left belongs to nobody any more.
func (j *judge) buried(is *ledger.Tenant) {
	for _, c := range j.w.clusters {
		for key, uid := range j.present[c.name] {
			if uid != is.UID {
				continue
			}
			if o := c.server.Get(key); !finished(o) {
				j.violate("Removal", "tenant %s is purged, but there is %s on %s", is.Name, nameOf(key), c.name)
			}
		}
	}
}

// braked: a slip must not cost a fleet. What was removed within a day is counted in all
// that was decided, but for those whose names have been given anew since: of them the
// ledger's files know nothing any more.
func (j *judge) braked(v *verdict) {
	now := 0
	for _, name := range slices.Sorted(maps.Keys(v.is.Tenants)) {
		was, is := v.was.Tenants[name], v.is.Tenants[name]
		switch {
		case was == nil || was.UID != is.UID || was.Lifecycle == is.Lifecycle:
		case is.Lifecycle == ledger.Tombstoned:
			now++
			j.tombstoned = append(j.tombstoned, removal{uid: is.UID, since: is.Tombstone.Since})
		case is.Lifecycle == ledger.Living:
			for i := range j.tombstoned {
				if j.tombstoned[i].uid == is.UID {
					j.tombstoned[i].back = true
				}
			}
		}
	}
	if now == 0 {
		return
	}
	living, recent, uids := 0, 0, map[string]bool{}
	known := map[string]bool{}
	for _, t := range v.is.Tenants {
		if known[t.UID] = true; t.Lifecycle == ledger.Living {
			living++
		}
	}
	_, most := j.skews(v.x.life.replica, time.Now().Add(-j.window()))
	for _, r := range j.tombstoned {
		if known[r.uid] && !r.back && !uids[r.uid] && r.since.After(time.Now().Add(most-24*time.Hour)) {
			uids[r.uid] = true
			recent++
		}
	}
	rules := v.declared.Settings.Deletion
	if allowed := brake(rules, living, recent); recent > allowed {
		j.violate("Brake", "%d tenants go now, %d within a day: fleet.yaml allows %d", now, recent, allowed)
	}
	if living == 0 && !rules.AllowLast {
		j.violate("Brake", "the fleet's last tenant goes")
	}
}

// brake is how many tenants may go within a day.
func brake(rules fleet.Deletion, living, recent int) int {
	return max(rules.Limit, (living+recent)*rules.Percent/100)
}
