package core

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/render"
)

// A datastore that runs elsewhere refers to Secrets that people, or tools of theirs, put
// on its shard. They carry no label of ours, so no watch shows them: they are looked at
// from time to time, and while something is missing more often, and whenever the provider
// has something new to say: it may be that it is there.
const (
	seeAgain  = 5 * time.Minute
	missAgain = 10 * time.Second
)

const reasonSecretMissing = "SecretMissing"

// secrets are what is known of those that a datastore refers to.
type secrets struct {
	// of is what refers to them, and asked what did when they were last asked for.
	of, asked *wanted
	// askedAt counts what was observed of the owner by then.
	askedAt  int64
	busy     bool
	attempts int
	again    time.Time
	// seen are they, if they were looked at; lack says what is not there.
	known bool
	seen  []SecretSeen
	lack  string
}

// refers tells whether there is anything to look at, and anybody to do so.
func (c *Core) refers(o *ownerState) bool {
	return o.wanted != nil && len(o.wanted.references) > 0 && !c.cfg.ReadOnly
}

// knows tells whether that was looked at which is referred to now.
func (o *ownerState) knowsSecrets() bool { return o.secrets.known && o.secrets.of == o.wanted }

// seeSecrets has an owner's Secrets looked at when it is time to.
func (c *Core) seeSecrets(o *ownerState, now time.Time) {
	s := &o.secrets
	if !c.refers(o) {
		*s = secrets{}
		return
	}
	if s.of != o.wanted {
		s.of, s.known, s.attempts, s.again = o.wanted, false, 0, time.Time{}
	}
	switch {
	case s.busy:
	case now.Before(s.again) && (s.lack == "" || o.seen == s.askedAt):
		if o.lookAt.IsZero() || s.again.Before(o.lookAt) {
			o.lookAt = s.again
		}
	default:
		s.busy, s.asked, s.askedAt = true, s.of, o.seen
		keys := make([]render.SecretKey, len(s.of.references))
		for i, r := range s.of.references {
			keys[i] = r.Key
		}
		c.emit(SeeSecrets{Shard: o.shard, Owner: o.owner, Keys: keys})
	}
}

func (c *Core) takeSecretsSeen(e SecretsSeen, now time.Time) {
	o := c.owners[e.Owner.UID]
	if o == nil {
		return
	}
	c.dirty(o)
	c.tell(o)
	s := &o.secrets
	if s.busy = false; s.asked != s.of {
		return // something else is referred to meanwhile
	}
	failure := e.Failure
	for i, found := range e.Secrets {
		if found.Failure == nil {
			continue
		}
		failure = found.Failure
		at := slices.IndexFunc(s.seen, func(was SecretSeen) bool { return was.Namespace == found.Namespace && was.Name == found.Name })
		if s.known && at >= 0 {
			e.Secrets[i] = s.seen[at] // as it was seen last
			e.Secrets[i].Failure = found.Failure
		}
	}
	if e.Failure == nil {
		s.known, s.seen = true, e.Secrets
		if lack := s.lacking(); lack != s.lack {
			s.lack = lack
			c.wakeTenantsOf(o.owner.Name)
		}
	}
	switch {
	case failure != nil:
		s.attempts++
		s.again = now.Add(max(backoff(s.attempts), failure.RetryAfter))
	case s.lack != "":
		s.attempts, s.again = 0, now.Add(missAgain)
	default:
		s.attempts, s.again = 0, now.Add(seeAgain)
	}
}

// lacking says what is referred to and not there; nothing when all is.
func (s *secrets) lacking() string {
	var all []string
	for _, found := range s.seen {
		name := found.Namespace + "/" + found.Name
		for _, r := range s.of.references {
			if r.Key.Namespace != found.Namespace || r.Key.Name != found.Name {
				continue
			}
			if found.Missing {
				all = append(all, fmt.Sprintf("Secret %s, which %s names, is not there", name, r.Field))
				break
			}
			if slices.Contains(found.Lacks, r.Key.Key) {
				all = append(all, fmt.Sprintf("Secret %s has nothing under %s, which %s names", name, r.Key.Key, r.Field))
			}
		}
	}
	return strings.Join(all, "; ")
}

// temper takes into account that a provider's word is not all: it may be older than what
// was seen of the Secrets, and know nothing of their keys.
func (c *Core) temper(o *ownerState, h render.Health) render.Health {
	if !c.refers(o) || h.State == render.Failed {
		return h
	}
	switch {
	case !o.knowsSecrets():
		h.State, h.Reason, h.Message = render.InProgress, "SecretsNotSeen", "the Secrets that it refers to have not been looked at yet"
	case o.secrets.lack != "":
		h.State, h.Reason, h.Message = render.InProgress, reasonSecretMissing, o.secrets.lack
	case h.State == render.Current && h.Message == "":
		h.Message = o.secrets.unseen()
	}
	return h
}

// unseen says which Secret cannot be looked at, and why; nothing when all can.
func (s *secrets) unseen() string {
	for _, found := range s.seen {
		if found.Failure != nil {
			return fmt.Sprintf("Secret %s/%s cannot be looked at: %s", found.Namespace, found.Name, found.Failure.Message)
		}
	}
	return ""
}

// status is what is told of them.
func (s *secrets) status() []SecretStatus {
	var all []SecretStatus
	for _, found := range s.seen {
		st := SecretStatus{Name: found.Namespace + "/" + found.Name}
		if !found.Written.IsZero() {
			at := found.Written.UTC()
			st.Written = &at
		}
		all = append(all, st)
	}
	return all
}
