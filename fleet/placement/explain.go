package placement

import (
	"cmp"
	"fmt"
	"slices"
)

// Candidate is a shard, and what the tenant would get there or why nothing.
type Candidate struct {
	Shard string `json:"shard"`
	// Reason is the rule that excludes the shard; empty when it takes the tenant.
	Reason string `json:"reason,omitempty"`
	// Message goes on where the shard's name ends: "it is cordoned (…)".
	Message string `json:"message"`
	// DataStore is the one that the tenant would get.
	DataStore string `json:"dataStore,omitempty"`
	// Score is nil when the shard does not take the tenant.
	Score *Score `json:"score,omitempty"`
	// Chosen is true of the one that Place would choose.
	Chosen bool `json:"chosen,omitempty"`

	fix string
}

// Explain judges every shard that a tenant without a place might go to, the chosen one
// first, then those that take it by their scores, then the others by name. It counts
// nothing.
func (s *State) Explain(r Request) []Candidate { return s.explain(s.asked(r)) }

func (s *State) explain(a *asked) []Candidate {
	var taking []candidate
	var out []Candidate
	reject := func(shard, reason, message, fix string) {
		out = append(out, Candidate{Shard: shard, Reason: reason, Message: message, fix: fix})
	}
	for name, broken := range s.broken {
		if a.Spec.Shard == "" || a.Spec.Shard == name {
			reject(name, ShardInvalid, fmt.Sprintf("its declaration %s is invalid: %s", broken.Path, broken.Message), "mend shards/"+name+".yaml")
		}
	}
	for _, sh := range s.shards {
		if !a.mayGo(sh) {
			continue
		}
		c := s.judge(sh, a)
		if c.reason == "" {
			taking = append(taking, c)
			continue
		}
		message, fix := s.why(sh, a)
		reject(sh.name, c.reason, message, fix)
	}
	if pinned := a.Spec.Shard; pinned != "" && len(out)+len(taking) == 0 {
		reject(pinned, ShardUnknown, "the fleet declares no such shard", fmt.Sprintf("declare shard %s, or name another one in spec.shard", pinned))
	}
	slices.SortFunc(out, func(a, b Candidate) int { return cmp.Compare(a.Shard, b.Shard) })
	slices.SortFunc(taking, func(b, c candidate) int {
		if b.before(&c, a) {
			return -1
		}
		return 1
	})
	var all []Candidate
	for i, c := range taking {
		all = append(all, Candidate{
			Shard: c.shard.name, Message: c.score.say(i == 0, c.placement.DataStore, len(a.Spec.Prefer)), DataStore: c.placement.DataStore, Score: &c.score, Chosen: i == 0,
		})
	}
	return append(all, out...)
}

// why is the message of the first rule that a shard breaks.
func (s *State) why(sh *shard, a *asked) (message, fix string) {
	for _, r := range rules {
		if (a.Spec.Adopt == nil || r.always) && r.broken(s, sh, a) {
			return r.why(s, sh, a)
		}
	}
	return "", ""
}

// say is a score for people.
func (s Score) say(chosen bool, store string, preferences int) string {
	text := "it takes it"
	if chosen {
		text = "it is chosen"
	}
	text += fmt.Sprintf(": with it %s of the shard is taken", percent(s.Load))
	if store != "" {
		text += fmt.Sprintf(", %s of datastore %s", percent(s.Fill), store)
	}
	switch {
	case preferences == 0:
	case s.Preference == preferences:
		text += ", not preferred"
	default:
		text += fmt.Sprintf(", preference %d of %d", s.Preference+1, preferences)
	}
	return text
}

func percent(millionths int64) string {
	return fmt.Sprintf("%d.%d %%", millionths/10_000, millionths/1000%10)
}
