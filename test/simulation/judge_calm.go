package simulation

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/reconciler/core"
)

// calm has all faults end and people mend what they have broken. Then all has to become
// as it is declared, and after that nothing may happen any more.
func (j *judge) calm() {
	j.w.clear()
	// What was decided only now, people hear only now.
	j.w.pass(2*j.w.settings.Interval + j.w.settings.Lease)
	j.w.mend()
	j.w.makeRoom()
	j.become("after the faults")
	if j.failed() {
		return
	}
	if end := j.lastRetention(); !end.IsZero() {
		j.w.pass(time.Until(end))
		j.become("after all retentions")
	}
	if !j.failed() {
		j.quiet()
	}
	if !j.failed() {
		j.trial()
	}
	j.secretless()
	for _, r := range j.w.replicas {
		if r.life != nil && !r.life.dead() {
			r.life.measured()
		}
	}
}

// rounds is how long it may take until all is as declared: two rounds, the longest pauses
// after failures, and what controllers need.
func (j *judge) rounds() time.Duration {
	s := j.w.settings
	return 2*s.Interval + 2*s.Lease + s.Look + s.Status + 20*time.Minute
}

// become has time pass until all is as it is declared.
func (j *judge) become(when string) {
	end := time.Now().Add(j.rounds())
	for {
		j.w.pass(j.w.settings.Interval)
		if j.failed() {
			return
		}
		why := j.unequal()
		if why == "" {
			return
		}
		if !time.Now().Before(end) {
			j.violate("Calm", "%v %s %s", j.rounds(), when, why)
			return
		}
	}
}

// lastRetention is when the last removed tenant's data goes; zero when there is none.
func (j *judge) lastRetention() (end time.Time) {
	for _, t := range j.tip().Tenants {
		if t.Lifecycle == ledger.Tombstoned && t.Tombstone.PurgeAfter.After(end) {
			end = t.Tombstone.PurgeAfter
		}
	}
	return end
}

// quiet: where nothing changes nothing is written, committed or said. The status branch's
// page for people is made anew once, some minutes after the last file that it sums up.
func (j *judge) quiet() {
	s := j.w.settings
	j.w.pass(2*s.Status + s.Interval)
	loud, before, tips := j.loud(), j.rates.total, map[string]string{}
	for _, b := range j.w.git.Branches() {
		tips[b] = j.w.git.Tip(b)
	}
	j.w.pass(max(10*time.Minute, 4*s.Interval))
	pages := 0
	for _, b := range j.w.git.Branches() {
		for _, commit := range j.w.git.Log(b) {
			if commit == tips[b] {
				break
			}
			if pages++; pages > 1 || !j.isPage(commit) {
				message, _ := j.w.git.Message(commit)
				j.violate("Quiet", "nothing has changed, and %q is committed to %s:\n%s", strings.TrimSpace(message), b, j.difference(commit))
				return
			}
		}
	}
	if n := j.rates.total - before; n > 0 {
		j.violate("Quiet", "nothing has changed, and %d objects were written, the last one %s", n, j.rates.last)
	}
	for name, said := range j.loud() {
		if said.n != loud[name].n {
			j.violate("Quiet", "nothing has changed, and %s logs %s", name, said.line)
		}
	}
}

// difference is what a commit changes, whole files before and after.
func (j *judge) difference(commit string) string {
	var b strings.Builder
	parents, _ := j.w.git.Parents(commit)
	was := map[string][]byte{}
	if len(parents) > 0 {
		was, _ = j.w.git.Files(parents[0])
	}
	is, _ := j.w.git.Files(commit)
	for _, file := range slices.Sorted(maps.Keys(union(was, is))) {
		if !bytes.Equal(was[file], is[file]) {
			fmt.Fprintf(&b, "%s was\n%s\nand is\n%s\n", file, was[file], is[file])
		}
	}
	return b.String()
}

// isPage tells whether a commit changes the page for people alone.
func (j *judge) isPage(commit string) bool {
	parents, err := j.w.git.Parents(commit)
	if err != nil || len(parents) != 1 {
		return false
	}
	was, _ := j.w.git.Files(parents[0])
	is, _ := j.w.git.Files(commit)
	for file := range union(was, is) {
		if file != "README.md" && !bytes.Equal(was[file], is[file]) {
			return false
		}
	}
	return !bytes.Equal(was["README.md"], is["README.md"])
}

type said struct {
	n    int
	line string
}

// loud is how much replicas have said that people should read.
func (j *judge) loud() map[string]said {
	all := map[string]said{}
	for _, r := range j.w.replicas {
		r.log.mu.Lock()
		all[r.name] = said{r.log.loud, r.log.last}
		r.log.mu.Unlock()
	}
	return all
}

// unequal says what is not as it is declared; nothing when all is.
func (j *judge) unequal() string {
	j.look()
	declared, at := j.declaredTips.tip(), j.ledgerTips.tip()
	f, err := j.fleetAt(declared)
	if err != nil {
		return "what is declared cannot be read: " + err.Error()
	}
	l, err := j.ledgerAt(at)
	if err != nil {
		return "the ledger cannot be read: " + err.Error()
	}
	statuses := map[string][]byte{}
	if tip := j.w.git.Tip(statusBranch); tip != "" {
		if statuses, err = j.w.git.Files(tip); err != nil {
			return "the status branch cannot be read: " + err.Error()
		}
	}
	if why := j.sharedUnequal(f, l); why != "" {
		return why
	}
	for _, name := range slices.Sorted(maps.Keys(union(f.Tenants, l.Tenants))) {
		if why := j.tenantUnequal(f, l, name, statuses); why != "" {
			return "tenant " + name + ": " + why
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.DataStores)) {
		e := l.DataStores[name]
		if e.Held != nil {
			return fmt.Sprintf("datastore %s is held (%s)", name, e.Held.Reason)
		}
		u, err := j.dataStoreUnit(at, declared, e)
		if err != nil {
			return fmt.Sprintf("datastore %s: %v", name, err)
		}
		if why := j.unitUnequal(u, e.UID, e.Shard, e.Epoch); why != "" {
			return "datastore " + name + ": " + why
		}
	}
	return j.statusesUnequal(f, l, statuses)
}

// statusesUnequal: what the status branch says of shards, and that it speaks of nobody
// who is gone.
func (j *judge) statusesUnequal(f *fleet.Fleet, l *ledger.Ledger, statuses map[string][]byte) string {
	for file, data := range statuses {
		var st core.TenantStatus
		if !statusesOwn(file) || yaml.Unmarshal(data, &st) != nil || st.Kind != "TenantStatus" {
			continue
		}
		e := l.Tenants[st.Name]
		placed := e != nil && e.Lifecycle != ledger.Purged
		switch unplaced := strings.HasPrefix(file, "status/_unplaced/"); {
		case unplaced && (placed || f.Tenants[st.Name] == nil):
			return file + " speaks of a tenant that is placed, or gone"
		case !unplaced && (!placed || e.UID != st.UID):
			return file + " speaks of a tenant that is gone"
		}
	}
	for name := range l.Shards {
		var st core.ShardStatus
		if err := yaml.Unmarshal(statuses["status/"+name+"/_shard.yaml"], &st); err != nil {
			return fmt.Sprintf("the status of shard %s cannot be read: %v", name, err)
		}
		if !isTrue(st.Conditions, "Ready") || st.Commit != j.declaredTips.tip() {
			return fmt.Sprintf("shard %s does not say that it is brought to %s:\n%s", name, j.declaredTips.tip(), statuses["status/"+name+"/_shard.yaml"])
		}
		for _, ds := range st.DataStores {
			if !isTrue(ds.Conditions, "Ready") {
				return fmt.Sprintf("shard %s says of datastore %s: %+v", name, ds.Name, ds.Conditions)
			}
			if why := j.credentialsUnequal(name, ds); why != "" {
				return why
			}
		}
	}
	return ""
}

func isTrue(conditions []core.Condition, kind string) bool {
	return slices.ContainsFunc(conditions, func(c core.Condition) bool { return c.Type == kind && c.Status == "True" })
}

// sharedUnequal says what tenants are to share and cannot.
func (j *judge) sharedUnequal(f *fleet.Fleet, l *ledger.Ledger) string {
	for _, name := range sortedKeys(f.Shards) {
		if l.Shards[name] == nil {
			return fmt.Sprintf("shard %s is declared, and the ledger does not know it", name)
		}
	}
	for _, name := range sortedKeys(f.DataStores) {
		if l.DataStores[name] == nil {
			return fmt.Sprintf("datastore %s is declared, and the ledger does not know it", name)
		}
	}
	for _, name := range sortedKeys(f.Classes) {
		if !j.classInForce(f.Classes[name], l.Classes[name]) {
			return fmt.Sprintf("class %s is declared otherwise than it is in force", name)
		}
	}
	return ""
}

// tenantUnequal says what is not as it should be with one tenant.
func (j *judge) tenantUnequal(f *fleet.Fleet, l *ledger.Ledger, name string, statuses map[string][]byte) string {
	t, e := f.Tenants[name], l.Tenants[name]
	if e == nil || e.Lifecycle == ledger.Purged {
		if e != nil && !e.Adopting() {
			for _, c := range j.w.clusters {
				for key, uid := range j.present[c.name] {
					if uid == e.UID {
						return fmt.Sprintf("it is purged, and %s is there on %s", nameOf(key), c.name)
					}
				}
			}
		}
		if t == nil {
			return ""
		}
		var st core.TenantStatus
		if err := yaml.Unmarshal(statuses["status/_unplaced/"+name+".yaml"], &st); err != nil || len(st.Conditions) == 0 {
			return "it has no place, and nothing says why"
		}
		if reason := st.Conditions[0].Reason; reason != "Unplaceable" {
			return fmt.Sprintf("it has no place: %+v", st.Conditions[0])
		}
		for _, shard := range sortedKeys(f.Shards) {
			if (t.Spec.Shard == "" || t.Spec.Shard == shard) && j.room(f, l, t, shard) {
				return fmt.Sprintf("shard %s has room for it, and it has no place: %+v", shard, st.Conditions[0])
			}
		}
		return ""
	}
	if e.Held != nil {
		return fmt.Sprintf("it is held (%s)", e.Held.Reason)
	}
	if e.Lifecycle == ledger.Purging {
		return "it is still being purged"
	}
	if t == nil && e.Lifecycle == ledger.Living {
		return "it is not declared, and lives"
	}
	if t != nil && e.Lifecycle == ledger.Tombstoned && t.Dir() == e.Source {
		return "it is declared, and removed"
	}
	if e.Adopting() && e.Lifecycle != ledger.Living {
		return "" // it was removed before all of it was taken over, and is left alone
	}
	u, err := j.tenantUnit(j.ledgerTips.tip(), j.declaredTips.tip(), e)
	if err != nil {
		return "nobody knows what it should be: " + err.Error()
	}
	if why := j.unitUnequal(u, e.UID, e.Placement.Shard, e.Epoch); why != "" {
		return why
	}
	return j.statusUnequal(u, e, statuses)
}
