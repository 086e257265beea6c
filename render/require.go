package render

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/cel-go/cel"
	valid "k8s.io/apimachinery/pkg/util/validation/field"
)

// demand is what rendered objects of a kind have to keep, whatever classes and tenants
// make of a base: what a controller would write itself, cannot do, or would break by. An
// API server takes such an object, and the tenant suffers later.
type demand struct {
	Kind kind `json:"kind"`
	// Holds and Message are CEL over the rendered object.
	Holds   expression `json:"holds"`
	Message expression `json:"message"`
}

// demands checks what is demanded of objects.
func (r *reading) demands(at *valid.Path, s *section) {
	for i := range s.Require {
		d, at := &s.Require[i], at.Index(i)
		r.one(at.Child("kind"), d.Kind, s)
		r.needed(at.Child("holds"), &d.Holds, ofObject, cel.BoolType, "it says when the object may be rendered")
		r.needed(at.Child("message"), &d.Message, ofObject, cel.StringType, "people read it when the object may not")
	}
}

// undemanding is a provider that takes whatever is rendered.
func (p *Provider) undemanding() *Provider {
	out := *p
	out.require = nil
	return &out
}

// checkDemands tells all that an object lacks of what its provider demands.
func (p policy) checkDemands(o Object) error {
	var object map[string]any
	var errs []error
	for _, d := range p.provider.require {
		if d.Kind != o.ID.kind() {
			continue
		}
		if object == nil {
			if err := json.Unmarshal(o.JSON, &object); err != nil {
				return fmt.Errorf("read it: %w", err)
			}
		}
		holds, err := eval[bool](d.Holds, ofObject, object)
		if err == nil && holds {
			continue
		}
		var message string
		if err == nil {
			message, err = eval[string](d.Message, ofObject, object)
		}
		if err != nil {
			err = fmt.Errorf("it cannot be judged: %w", err)
		} else {
			err = errors.New(message)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
