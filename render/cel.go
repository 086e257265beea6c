package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
	"github.com/google/cel-go/interpreter"
)

// Bounds of an expression. Health of a Deployment with ten conditions costs about 150;
// the longest expression that is known has 2,000 characters.
const (
	costLimit     = 100_000
	maxExpression = 8 << 10
	maxLoops      = 20
)

// What expressions speak of: health and outputs of one object, everything else of the
// tenant's resolved document.
const (
	ofObject = "object"
	ofTenant = "tenant"
)

// environments declare what expressions may say, by what they speak of. They hold no
// state of ours.
var environments = map[string]func() (*cel.Env, error){
	ofObject: sync.OnceValues(func() (*cel.Env, error) { return newEnvironment(ofObject) }),
	ofTenant: sync.OnceValues(func() (*cel.Env, error) { return newEnvironment(ofTenant) }),
}

func newEnvironment(variable string) (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable(variable, cel.DynType),
		cel.OptionalTypes(),
		cel.CrossTypeNumericComparisons(true),
		// Later versions have format and quote: as replace, one call of them can make
		// gigabytes out of a few words.
		ext.Strings(ext.StringsVersion(0)),
		cel.Function("replace", cel.DisableDeclaration(true),
			cel.MemberOverload("string_replace_string_string", []*cel.Type{cel.StringType, cel.StringType, cel.StringType}, cel.StringType)),
	)
}

// expression is a CEL program. It is read as a text, and compiled when its place is known.
type expression struct {
	source string
	// place is file:line:col: field, for whoever mends it.
	place   string
	program cel.Program
}

// UnmarshalText keeps the source.
func (e *expression) UnmarshalText(text []byte) error {
	e.source = string(text)
	return nil
}

// written tells whether there is an expression.
func (e *expression) written() bool { return e.source != "" }

// fault is what is wrong with an expression, at a character of its source.
type fault struct {
	character int
	message   string
}

// compile plans the expression, which speaks of variable and shall give a value of type
// want.
func (e *expression) compile(variable string, want *cel.Type, place string) []fault {
	if len(e.source) > maxExpression {
		return []fault{{0, fmt.Sprintf("has %d characters: want %d at most", len(e.source), maxExpression)}}
	}
	env, err := environments[variable]()
	if err != nil {
		return []fault{{0, fmt.Sprintf("make CEL environment: %v", err)}}
	}
	parsed, issues := env.Parse(e.source)
	if issues.Err() != nil {
		return e.faults(issues)
	}
	if why := boundless(parsed); why != "" {
		return []fault{{0, why}}
	}
	ast, issues := env.Check(parsed)
	if issues.Err() != nil {
		return e.faults(issues)
	}
	if got := ast.OutputType(); !got.IsExactType(cel.DynType) && !got.IsExactType(want) {
		return []fault{{0, fmt.Sprintf("gives %s: want %s", got, want)}}
	}
	// Optimized, a regular expression is compiled once, and here.
	if e.program, err = env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit), cel.CustomDecoratorV2(weighing)); err != nil {
		return []fault{{0, fmt.Sprintf("cannot be planned: %v", err)}}
	}
	e.place = place
	return nil
}

// faults are what CEL finds wrong.
func (e *expression) faults(issues *cel.Issues) []fault {
	var out []fault
	for _, issue := range issues.Errors() {
		character := offset(e.source, issue.Location.Line(), issue.Location.Column())
		message := strings.TrimSuffix(strings.TrimPrefix(issue.Message, "Syntax error: "), " (in container '')")
		out = append(out, fault{character, "is not CEL: " + message})
	}
	return out
}

// boundless says why checking the types of an expression may take time without end: the
// elements of each loop are of a type that is made of the one before, and a map whose keys
// are computed has it twice.
func boundless(parsed *cel.Ast) string {
	loops, computed := 0, 0
	celast.PostOrderVisit(parsed.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() == celast.ComprehensionKind {
			loops++
		}
		if e.Kind() != celast.MapKind {
			return
		}
		for _, entry := range e.AsMap().Entries() {
			if entry.AsMapEntry().Key().Kind() != celast.LiteralKind {
				computed++
			}
		}
	}))
	switch {
	case loops > maxLoops:
		return fmt.Sprintf("has %d loops: want %d at most", loops, maxLoops)
	case computed > 0:
		return "has a map whose keys are computed: want literals"
	}
	return ""
}

// offset is the index of a character, whose line counts from 1 and column from 0.
func offset(source string, line, column int) int {
	character := max(column, 0)
	for i, text := range strings.Split(source, "\n") {
		if i+1 >= line {
			break
		}
		character += len([]rune(text)) + 1
	}
	return character
}

// eval evaluates e to a value of type T; an absent expression is T's zero value.
func eval[T any](e expression, variable string, value map[string]any) (T, error) {
	var zero T
	if e.program == nil {
		return zero, nil
	}
	out, err := e.eval(variable, value)
	if err != nil {
		return zero, err
	}
	v, ok := out.Value().(T)
	if !ok {
		return zero, fmt.Errorf("%s: gives %s: want %T", e.place, out.Type().TypeName(), zero)
	}
	return v, nil
}

// evalJSON evaluates e to a value that is written as JSON.
func evalJSON(e expression, variable string, value map[string]any) ([]byte, error) {
	out, err := e.eval(variable, value)
	if err != nil {
		return nil, err
	}
	native, err := out.ConvertToNative(types.JSONValueType)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.place, err)
	}
	return json.Marshal(native)
}

func (e expression) eval(variable string, value map[string]any) (result ref.Val, err error) {
	defer func() {
		// A shard's object must never end the process, whatever its form.
		if broken := recover(); broken != nil {
			result, err = nil, fmt.Errorf("%s: panicked: %v", e.place, broken)
		}
	}()
	out, _, err := e.program.Eval(map[string]any{variable: value})
	switch cancelled := (interpreter.EvalCancelledError{}); {
	case errors.As(err, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded:
		return nil, fmt.Errorf("%s: runs too long: it costs more than %d", e.place, costLimit)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", e.place, err)
	}
	return out, nil
}
