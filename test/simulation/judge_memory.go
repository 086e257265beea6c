package simulation

import (
	"slices"
	"time"
)

// memory is what a cluster's Lease remembers, from a time on.
type memory struct {
	tip, accepted string
	since         time.Time
}

// remember takes in what the Lease remembers now. What people have written into it is no
// memory of ours: then all begins anew.
func (r *guard) remember(tip, accepted string, now time.Time) {
	if r.foreign {
		r.memory, r.before = memory{}, nil
	}
	if tip != r.tip || accepted != r.accepted {
		r.before = append(r.before, r.memory)
		r.memory = memory{tip, accepted, now}
	}
}

// knew is what the Lease remembered at a time.
func (r *guard) knew(at time.Time) memory {
	if !r.since.After(at) {
		return r.memory
	}
	for _, m := range slices.Backward(r.before) {
		if !m.since.After(at) {
			return m
		}
	}
	return memory{}
}

// begun judges that a ledger is begun: not where a Lease that can be asked remembers one.
// Else all that was ever decided would be decided once more.
func (j *judge) begun(x *exchange) {
	for _, name := range clusterNames {
		r, at := j.guards[name], j.w.weatherOf(x.life.replica.name, name)
		if r == nil || r.foreign || at.cut || at.bad > 0 {
			continue
		}
		if m := r.knew(time.Now().Add(-j.window())); m.tip != "" {
			j.violate("Rewound", "%s begins the ledger anew, but the Lease of %s has remembered %s since %v", x.life.id, name, m.tip, m.since)
		}
	}
}

// rewound: whoever decides about a shard knows all that its Lease remembers, of the
// ledger and of what is declared, but for what may still be on its way. Else a branch that
// was set back would undo what has been done since.
func (j *judge) rewound(v *verdict, shard, what string) {
	r := j.guards[j.clusterOf(shard)]
	if r == nil {
		return
	}
	m := r.knew(time.Now().Add(-30 * time.Second))
	if !j.descends(v.push.Old, m.tip) {
		j.violate("Rewound", "%s is decided on ledger %q, but the Lease of shard %s remembers %s", what, v.push.Old, shard, m.tip)
	}
	if accept := v.x.life.replica.accept; !j.descends(v.source, m.accepted) && (accept == "" || !j.descends(v.source, accept)) {
		j.violate("Rewound", "%s is decided as commit %s declares, but the Lease of shard %s remembers %s", what, v.source, shard, m.accepted)
	}
}
