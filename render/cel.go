package render

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
)

// costLimit bounds one evaluation. Health of a Deployment with ten conditions costs
// about 150.
const costLimit = 100_000

// environment declares what expressions may speak of. It holds no state of ours.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("object", cel.DynType),
		cel.Variable("tenant", cel.DynType),
		cel.OptionalTypes(),
		cel.CrossTypeNumericComparisons(true),
		ext.Strings(),
	)
})

// expression is a CEL program, checked when it is read.
type expression struct {
	source  string
	program cel.Program
}

// UnmarshalJSON compiles the expression.
func (e *expression) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &e.source); err != nil {
		return fmt.Errorf("read expression: %w", err)
	}
	env, err := environment()
	if err != nil {
		return fmt.Errorf("make CEL environment: %w", err)
	}
	ast, issues := env.Compile(e.source)
	if issues.Err() != nil {
		return fmt.Errorf("compile %q: %w", e.source, issues.Err())
	}
	if e.program, err = env.Program(ast, cel.CostLimit(costLimit)); err != nil {
		return fmt.Errorf("plan %q: %w", e.source, err)
	}
	return nil
}

// eval evaluates e to a value of type T; an absent expression is T's zero value.
func eval[T any](e expression, variable string, value map[string]any) (T, error) {
	var zero T
	if e.program == nil {
		return zero, nil
	}
	out, _, err := e.program.Eval(map[string]any{variable: value})
	if err != nil {
		return zero, fmt.Errorf("evaluate %q: %w", e.source, err)
	}
	v, ok := out.Value().(T)
	if !ok {
		return zero, fmt.Errorf("evaluate %q: got %T, want %T", e.source, out.Value(), zero)
	}
	return v, nil
}
