package render

import (
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/fleet"
)

// Rule is one way in which a provider judges an object: an element of health.
type Rule struct {
	// Field is where it stands in the description (tenant.health[0]).
	Field string
	// CanFail is true when it knows failure; Remark when the unit works without it.
	CanFail, Remark bool
}

// Rules are those of a unit's provider, in their order.
func (p *Provider) Rules() []Rule {
	var out []Rule
	for i, r := range p.rules {
		out = append(out, Rule{Field: p.part.at().Child("health").Index(i).String(), CanFail: r.Failed.written(), Remark: r.Remark})
	}
	return out
}

// Verdict is what one rule says of a unit.
type Verdict struct {
	Rule
	// Judged is how many objects the rule speaks of are there.
	Judged int
	State  State
	// Understood is false when an expression failed or ran too long.
	Understood bool
}

// Verdicts are what every rule says alone, where Judge gives the sum: for whoever tests a
// provider.
func (p *Provider) Verdicts(objects []Judged) []Verdict {
	var out []Verdict
	for i, rule := range p.Rules() {
		v := Verdict{Rule: rule}
		for _, o := range objects {
			if p.rules[i].matches(o.ID) && o.Present {
				v.Judged++
			}
		}
		h := p.rules[i].judge(objects)
		v.State, v.Understood = h.State, h.Reason != reasonNotUnderstood
		out = append(out, v)
	}
	return out
}

// CheckOutputs says which outputs cannot be read from objects that are there, and why.
// While a unit is on its way that may be well.
func (p *Provider) CheckOutputs(objects []Judged) []error {
	var errs []error
	for i, out := range p.outputs {
		for _, o := range objects {
			if !out.reads(o) {
				continue
			}
			if _, err := eval[string](out.Value, ofObject, withStatus(o.Content)); err != nil {
				errs = append(errs, fmt.Errorf("output %s of %s: %w", p.outputs[i].Name, o.ID, err))
			}
		}
	}
	return errs
}

// Name and BaseVersion say whose folder it is.
func (s *Source) Name() string { return s.base.name }

// BaseVersion is the version of the provider's base.
func (s *Source) BaseVersion() string { return s.base.version }

// Capabilities are what the description says of them.
func (s *Source) Capabilities() Capabilities { return s.base.parts[partTenant].Capabilities }

// Rules are those of all units, in the order of the description.
func (s *Source) Rules() []Rule {
	var out []Rule
	for _, p := range s.parts() {
		out = append(out, s.base.parts[p].Rules()...)
	}
	return out
}

// Renderer renders units of this provider alone.
func (s *Source) Renderer(image string) *Renderer {
	return &Renderer{
		options: Options{Image: image}, shapes: map[string]*shape{}, owned: map[string]*ownBase{},
		bases: map[string]map[string]*base{s.base.name: {s.base.version: s.base}},
	}
}

// Finding is about a field of the description.
func (s *Source) Finding(where, message, hint string) fleet.Finding {
	at := s.places.doc.Position(where)
	return fleet.Finding{File: s.places.file, Line: at.Line, Column: at.Column, Field: where, Message: message, Hint: hint}.Fit()
}

// parts are those that the provider has, in order.
func (s *Source) parts() []part {
	return slices.DeleteFunc([]part{partTenant, partTeardown, partDataStore}, func(p part) bool { return s.base.parts[p] == nil })
}

// Check builds the provider's bases and stamps, and says what in the description speaks of
// nothing that a base has.
func (s *Source) Check() fleet.Findings {
	var findings fleet.Findings
	for _, p := range s.parts() {
		findings = append(findings, s.checkPart(p)...)
	}
	findings.Sort()
	return findings
}

func (s *Source) checkPart(p part) (findings fleet.Findings) {
	defer func() {
		// What builds here was written by anybody.
		if broken := recover(); broken != nil {
			findings = append(findings, fleet.Finding{File: s.dir, Message: fmt.Sprintf("the base of a %s panicked: %v", p, broken)}.Fit())
		}
	}()
	shape := &shape{templates: map[string]*template{}}
	if err := shape.build(s.base, p, nil); err != nil {
		return wrapped(s.dir, err)
	}
	objects, err := decodeAll(shape.objects.Resources())
	if err != nil {
		return wrapped(s.dir, err)
	}
	how := s.base.parts[p]
	if err := checkContents(how, nil, objects); err != nil {
		findings = append(findings, wrapped(s.dir, err)...)
	}
	has := func(k kind, name string) bool {
		return slices.ContainsFunc(objects, func(c content) bool {
			id := idOf(c)
			if isJob(id) {
				id.Name += "-" // and the hash of what it does
			}
			// A name that a stamp fills in may become anything.
			return id.kind() == k && (matchName(name, id.Name) || placeholder.MatchString(id.Name))
		})
	}
	const message = "no object of the base has this kind and name"
	for i, r := range how.rules {
		if !r.Remark && !has(r.Kind, r.Name) {
			findings = append(findings, s.Finding(p.at().Child("health").Index(i).Child("name").String(), message, "a unit without it would be refused"))
		}
	}
	for i, o := range how.outputs {
		if !has(o.Kind, o.Object) {
			findings = append(findings, s.Finding(p.at().Child("outputs").Index(i).Child("object").String(), message, ""))
		}
	}
	return findings
}
