package render

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// State is where a unit stands on its way to what was rendered.
type State string

// States of a unit.
const (
	// Current: everything is as rendered and works.
	Current State = "Current"
	// InProgress: on its way, or not seen yet.
	InProgress State = "InProgress"
	// Failed: stuck; waiting alone will not help.
	Failed State = "Failed"
)

// reasonNotUnderstood is that of an object that a rule cannot read.
const reasonNotUnderstood = "NotUnderstood"

// Judged is one of a unit's objects as a shard holds it.
type Judged struct {
	ID ObjectID
	// Present is false when the shard does not hold the object.
	Present bool
	// Content is the object's body for kinds that the provider judges (Judges), else nil.
	Content map[string]any
}

// Health is a provider's judgement of a unit.
type Health struct {
	State State
	// Reason is a CamelCase word and Message a sentence about the first object that
	// is not current; both are empty when all are. In a unit that is current they speak
	// of what it works without.
	Reason, Message string
	// Asleep is true when the unit is current with nothing running.
	Asleep bool
	// Outputs are facts read from current objects, by name (version).
	Outputs map[string]string
}

// Judge reads the health of a unit from its objects: one Judged for each of
// Unit.Objects, in any order. A failed rule speaks before one in progress, else the
// rules speak in the provider's order.
func (p *Provider) Judge(objects []Judged) Health {
	var worst *Health
	var remark Health
	asleep := false
	for _, r := range p.rules {
		h := r.judge(objects)
		if r.Remark {
			if h.State != Current && remark.Reason == "" {
				remark = h
			}
			continue
		}
		asleep = asleep || h.Asleep
		if h.State != Current && (worst == nil || h.State == Failed && worst.State != Failed) {
			worst = &h
		}
	}
	if worst == nil {
		worst = missing(objects)
	}
	if worst != nil {
		return Health{State: worst.State, Reason: worst.Reason, Message: worst.Message, Outputs: p.read(objects)}
	}
	return Health{State: Current, Reason: remark.Reason, Message: remark.Message, Asleep: asleep, Outputs: p.read(objects)}
}

// missing is the judgement of a unit of which a part that no rule speaks of is absent.
func missing(objects []Judged) *Health {
	for _, o := range objects {
		if !o.Present {
			return &Health{State: InProgress, Reason: "Missing", Message: fmt.Sprintf("%s is not there yet", o.ID)}
		}
	}
	return nil
}

// judge judges every object that the rule speaks of; the worst one wins.
func (r rule) judge(objects []Judged) Health {
	result := Health{State: Current}
	found := false
	for _, o := range objects {
		if !r.matches(o.ID) {
			continue
		}
		found = true
		h := r.judgeOne(o)
		result.Asleep = result.Asleep || h.Asleep
		if h.State == Failed || h.State == InProgress && result.State == Current {
			result = h
		}
	}
	if !found && !r.Remark {
		return Health{State: InProgress, Reason: r.Reason, Message: fmt.Sprintf("%s %s is not there yet", r.Kind.Kind, r.Name)}
	}
	return result
}

func (r rule) judgeOne(o Judged) Health {
	if !o.Present || o.Content == nil {
		return Health{State: InProgress, Reason: r.Reason, Message: fmt.Sprintf("%s is not there yet", o.ID)}
	}
	object := withStatus(o.Content)
	state, asleep, err := r.state(object)
	if err == nil && state == Current {
		return Health{State: Current, Asleep: asleep}
	}
	var message, reason string
	if err == nil {
		message, err = eval[string](r.Message, ofObject, object)
	}
	if err == nil {
		reason, err = eval[string](r.ReasonFor, ofObject, object)
	}
	if err != nil {
		// An object of a form that the rule cannot read is not a broken tenant.
		return Health{State: InProgress, Reason: reasonNotUnderstood, Message: fmt.Sprintf("%s cannot be judged: %v", o.ID, err)}
	}
	return Health{State: state, Reason: cmp.Or(reason, r.Reason), Message: message}
}

func (r rule) state(object map[string]any) (State, bool, error) {
	current, err := eval[bool](r.Current, ofObject, object)
	if err != nil {
		return "", false, err
	}
	if current {
		asleep, err := eval[bool](r.Asleep, ofObject, object)
		return Current, asleep, err
	}
	passing, err := eval[bool](r.InProgress, ofObject, object)
	if err != nil || passing {
		return InProgress, false, err
	}
	failed, err := eval[bool](r.Failed, ofObject, object)
	if failed {
		return Failed, false, err
	}
	return InProgress, false, err
}

func (r rule) matches(id ObjectID) bool { return r.Kind == id.kind() && matchName(r.Name, id.Name) }

func matchName(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}

// withStatus gives a newborn object an empty status, so that rules need not ask for it.
func withStatus(object map[string]any) map[string]any {
	if object["status"] != nil {
		return object
	}
	out := make(map[string]any, len(object)+1)
	for k, v := range object {
		out[k] = v
	}
	out["status"] = map[string]any{}
	return out
}

// read evaluates the outputs; what cannot be read yet is absent.
func (p *Provider) read(objects []Judged) map[string]string {
	outputs := map[string]string{}
	for _, out := range p.outputs {
		for _, o := range objects {
			if !out.reads(o) {
				continue
			}
			v, err := eval[string](out.Value, ofObject, withStatus(o.Content))
			if err == nil && v != "" && (out.Name != OutputEndpoint || isEndpoint(v)) {
				outputs[out.Name] = v
			}
		}
	}
	return outputs
}

// reads tells whether the output is read from o.
func (out output) reads(o Judged) bool {
	return out.Kind == o.ID.kind() && matchName(out.Object, o.ID.Name) && o.Content != nil
}

// isEndpoint tells whether a text is the URL of an API server, and no more than that: it
// goes into the tenant's status.
func isEndpoint(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) || strings.HasSuffix(u.Host, ":") {
		return false
	}
	return len(text) <= 300 && u.Scheme == "https" && u.Hostname() != "" && text == (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
}
