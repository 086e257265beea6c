package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// judge draws the conclusions: in one sentence, what it waits for, what helps.
func (e *explanation) judge(b *branches) error {
	d, o := e.Decided, e.Observed
	switch {
	case d != nil && d.Lifecycle != ledger.Living:
		e.judgeRemoved()
	case o != nil:
		e.judgeObserved(b)
	case e.Declared != nil && e.Declared.Broken != "":
		e.Summary = "its declaration cannot be used, and it has not been observed"
		e.Advice = append(e.Advice, advice["Invalid"])
	case d != nil:
		e.Summary = "it has its place, and has not been observed yet"
		e.WaitsFor = append(e.WaitsFor, "the next status commit of whoever works on shard "+d.Placement.Shard)
	default:
		e.Summary = "it is declared, and nothing has been decided about it yet"
		e.WaitsFor = append(e.WaitsFor, `"tenantry run", which decides a moment after it sees the commit`)
	}
	if d != nil {
		e.Shard = b.shards[d.Placement.Shard]
	}
	switch {
	case d != nil && d.Lifecycle != ledger.Purged:
		if e.Declared != nil && e.Declared.Spec != nil {
			e.PlacedBy = placedBy(*e.Declared.Spec, d.Placement)
		}
	case o == nil || o.Shard == "":
		if err := e.judgeCandidates(b); err != nil {
			return err
		}
	}
	if d != nil && o != nil && o.Epoch != 0 && o.Epoch < d.Epoch {
		e.Notes = append(e.Notes, fmt.Sprintf("the newest decision (epoch %d) has not been observed yet (epoch %d)", d.Epoch, o.Epoch))
	}
	return nil
}

func (e *explanation) judgeRemoved() {
	t := e.Decided.Tombstone
	switch e.Decided.Lifecycle {
	case ledger.Tombstoned:
		e.Summary = fmt.Sprintf("it was removed by commit %.12s on %s; it is stopped, and its data is kept until %s", t.Commit, moment(t.Since), moment(t.PurgeAfter))
		e.Advice = append(e.Advice, fmt.Sprintf("revert commit %.12s before then, and the same tenant is back, with its data", t.Commit))
	case ledger.Purging:
		e.Summary = fmt.Sprintf("it was removed by commit %.12s on %s, its retention is over, and it is being torn down", t.Commit, moment(t.Since))
	case ledger.Purged:
		e.Summary = fmt.Sprintf("it was removed by commit %.12s on %s and is gone", t.Commit, moment(t.Since))
		if t.PurgedAt != nil {
			e.Summary += " since " + moment(*t.PurgedAt)
		}
		if e.Declared == nil {
			e.Advice = append(e.Advice, "its name is free: a new tenant of that name has another identity and no data of this one")
		}
	case ledger.Living:
	}
}

func (e *explanation) judgeObserved(b *branches) {
	o := e.Observed
	why := o.Why()
	e.Summary = fmt.Sprintf("it is %s since %s", o.Phase, moment(phaseSince(*o)))
	switch {
	case why.Type == "":
		return
	case o.Phase == core.Ready:
		e.Summary += fmt.Sprintf(", and since %s: %s", moment(why.LastTransitionTime), sentence(why))
	default:
		e.Summary += ": " + sentence(why)
	}
	if why.Type == "Held" && why.Reason != "WaitingForDataStore" {
		e.WaitsFor = append(e.WaitsFor, "a person: it keeps what it has until it is clear what is wanted")
	} else {
		e.WaitsFor = append(e.WaitsFor, e.waits(b, why)...)
	}
	e.Advice = append(e.Advice, helps(why.Reason)...)
}

// helps is the advice on a reason, if there is any.
func helps(reason string) []string {
	if text := advice[reason]; text != "" {
		return []string{text}
	}
	return nil
}

// waits follows a condition to what stands behind it.
func (e *explanation) waits(b *branches, why core.Condition) []string {
	shard := b.shards[e.Observed.Shard]
	if shard == nil {
		return nil
	}
	if why.Reason == "WaitingForDataStore" {
		name := e.Observed.DataStore
		if why.Type == "Held" && e.Declared != nil && e.Declared.Spec != nil {
			name = e.Declared.Spec.DataStore // where it is to come
		}
		for _, ds := range shard.DataStores {
			if ds.Name != name {
				continue
			}
			for _, c := range ds.Conditions {
				if c.Type == "Ready" && c.Status != "True" {
					return []string{fmt.Sprintf("datastore %s on shard %s, since %s: %s", ds.Name, shard.Name, moment(c.LastTransitionTime), sentence(c))}
				}
			}
			return []string{fmt.Sprintf("datastore %s on shard %s, which is ready by now: the next status commit tells", ds.Name, shard.Name)}
		}
		return []string{fmt.Sprintf("datastore %s on shard %s, of which nothing is known yet", name, shard.Name)}
	}
	if trouble, _ := shardTrouble(shard); trouble != "" {
		return []string{trouble}
	}
	return nil
}

// shardTrouble says why a shard is not ready, and the reason in one word; both are
// empty when it is, or nothing is known.
func shardTrouble(shard *core.ShardStatus) (trouble, reason string) {
	if shard == nil {
		return "", ""
	}
	for _, c := range shard.Conditions {
		if c.Type == "Ready" && c.Status != "True" {
			return fmt.Sprintf("shard %s, since %s: %s", shard.Name, moment(c.LastTransitionTime), sentence(c)), c.Reason
		}
	}
	return "", ""
}

// sentence is a condition's reason and message.
func sentence(c core.Condition) string {
	if c.Message == "" {
		return c.Reason
	}
	return c.Reason + ": " + c.Message
}

// judgeCandidates asks the function that places tenants, with what the branches
// hold now: the daemon would get the same answer.
func (e *explanation) judgeCandidates(b *branches) error {
	t := b.fleet.Tenants[e.Name]
	if t == nil {
		return nil
	}
	class := b.fleet.Classes[t.Spec.Class]
	if class == nil {
		return nil
	}
	renderer, err := render.New(render.Options{Image: "unused"})
	if err != nil {
		return err
	}
	state, request := places(renderer, b.fleet, b.ledger), ask(renderer, b.ledger, t, class)
	e.Candidates = state.Explain(request)
	p, err := state.Place(request)
	if unplaced, none := errors.AsType[*placement.Unplaced](err); none {
		e.Advice = []string{"the nearest fix: " + unplaced.Fix()}
		return nil
	}
	if trouble, why := shardTrouble(b.shards[p.Shard]); trouble != "" {
		e.WaitsFor, e.Advice = append(e.WaitsFor, trouble), helps(why)
		return nil
	}
	e.WaitsFor = append(e.WaitsFor, "the decision: there is room "+p.Where())
	return nil
}

// placedBy says what of a declaration bound the choice of a place.
func placedBy(s fleet.TenantSpec, p ledger.Placement) string {
	const stays = "it stays there: what takes tenants better now moves none"
	var why []string
	switch {
	case s.Shard != "" && s.Shard != p.Shard:
		return "it came there before spec.shard named another one"
	case s.DataStore != "" && s.DataStore != p.DataStore:
		return "it came there before spec.dataStore named another one"
	}
	if s.Shard != "" {
		why = append(why, "spec.shard names the shard")
	}
	if len(s.ShardSelector) > 0 {
		why = append(why, "spec.shardSelector chose among the shards")
	}
	if s.DataStore != "" {
		why = append(why, "spec.dataStore names the datastore")
	}
	if s.Spread.Group != "" {
		why = append(why, "spec.spread kept it from others of its group")
	}
	if len(why) == 0 {
		why = append(why, "of the shards that took it, it was the one with the lowest scores")
	}
	return strings.Join(why, ", ") + "; " + stays
}
