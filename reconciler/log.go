package reconciler

import (
	"slices"

	"github.com/tenantry/tenantry/reconciler/core"
)

// tell logs what is about to be done. Info means that something changes.
func (r *reconciler) tell(effect core.Effect) {
	switch e := effect.(type) {
	case core.PushLedger:
		c := e.Changes
		r.log.Info("commit decisions", "commit", e.Commit, "tenants", len(c.Tenants), "datastores", len(c.DataStores),
			"classes", len(c.Classes), "shards", len(c.Shards))
	case core.WouldPush:
		if would := e.Ledger.Message(e.Changes); would != r.would {
			r.would = would
			r.log.Info("would commit decisions, but is read-only", "decisions", would)
		}
	case core.WouldDo:
		w := e.Work
		r.log.Info("would work on shard, but is read-only", "shard", w.Shard, string(w.Owner.Kind), w.Owner.Name, "epoch", w.Epoch,
			"apply", len(w.Apply), "derive", len(w.Derive), "delete", len(w.Delete))
	case core.PushStatus:
		r.log.Debug("commit status", "files", len(e.Files))
	case core.Do:
		w := e.Work
		r.log.Info("work on shard", "shard", w.Shard, string(w.Owner.Kind), w.Owner.Name, "epoch", w.Epoch,
			"apply", len(w.Apply), "derive", len(w.Derive), "delete", len(w.Delete))
	}
}

// heard logs what went wrong, and what people did.
func (r *reconciler) heard(event core.Event) {
	switch e := event.(type) {
	case core.Declared:
		if e.Problem != "" {
			r.log.Warn("the declared branch cannot be followed; everything is held", "problem", e.Problem, "message", e.Message)
			return
		}
		r.log.Info("read the fleet", "commit", e.Commit, "tenants", len(e.Fleet.Tenants), "broken", len(e.Fleet.Broken), "findings", len(e.Findings))
		for _, f := range e.Findings {
			r.log.Warn("finding", "commit", e.Commit, "finding", f.String())
		}
	case core.LedgerRead:
		if e.Problem != "" {
			r.log.Error("the ledger cannot be read; everything is held", "problem", e.Problem, "message", e.Message)
		}
	case core.Fetched:
		if e.Err != nil {
			r.metrics.failed("fetch")
			r.log.Warn("cannot fetch the repository", "error", e.Err)
		}
	case core.LastFound:
		if e.Err != nil {
			r.metrics.failed("fetch")
			r.log.Warn("cannot search history for last good declarations", "commit", e.Commit, "error", e.Err)
		}
	case core.LedgerPushed:
		if e.Err != nil {
			r.metrics.failed("decide")
			r.log.Warn("cannot commit decisions", "error", e.Err)
		}
	case core.StatusPushed:
		if e.Err != nil {
			r.metrics.failed("report")
			r.log.Warn("cannot commit status", "error", e.Err)
		}
	case core.Lease:
		switch {
		case e.Err != nil:
			r.log.Warn("cannot reach shard", "shard", e.Shard, "error", e.Err)
		case e.Held:
			r.log.Info("hold the shard's Lease", "shard", e.Shard, "identity", e.Identity)
		default:
			r.log.Info("do not hold the shard's Lease", "shard", e.Shard, "holder", e.Holder)
		}
	case core.Done:
		r.metrics.healed.WithLabelValues(e.Shard).Add(float64(len(e.Healed)))
		for _, h := range e.Healed {
			r.log.Info("healed an object", "shard", e.Shard, string(e.Owner.Kind), e.Owner.Name, "object", h.ID.String(), "field", h.Field, "rival", h.Rival)
		}
		for _, f := range e.Failures {
			r.metrics.failed("work")
			r.log.Warn("work failed", "shard", e.Shard, string(e.Owner.Kind), e.Owner.Name, "object", f.ID.String(), "reason", f.Reason, "message", f.Message)
		}
	}
}

// remark logs, once, what is not as it is declared although nobody's status says so.
func (r *reconciler) remark() {
	now := r.core.Remarks()
	for _, text := range now {
		if !slices.Contains(r.remarks, text) {
			r.log.Warn("not as declared; what was in force goes on", "what", text)
		}
	}
	for _, text := range r.remarks {
		if !slices.Contains(now, text) {
			r.log.Info("as declared again", "what", text)
		}
	}
	r.remarks = now
}
