package render

import (
	"fmt"

	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// maxWeight bounds each value that an expression makes: elements in all depths, and texts
// by the 64 bytes. CEL counts the cost of a step when it is done; a list that is doubled
// thirty times costs nothing, and the step that looks through it never ends.
const maxWeight = 1024

// making are the functions whose value may be larger than what they are given.
var making = map[string]bool{operators.Add: true, "join": true, "split": true}

// weighing has every step that makes a value weigh it. What only stands in an object may
// be larger.
func weighing(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	switch step := i.(type) {
	case interpreter.InterpretableConstructor:
		return &weighedConstructor{step}, nil
	case interpreter.InterpretableCall:
		if !making[step.Function()] {
			return i, nil
		}
		return &weighedCall{step}, nil
	}
	return i, nil
}

type weighedCall struct{ interpreter.InterpretableCall }

func (w *weighedCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return weighed(w.InterpretableCall.Exec(frame))
}

func (w *weighedCall) Eval(vars interpreter.Activation) ref.Val {
	return w.Exec(interpreter.AsFrame(vars))
}

type weighedConstructor struct {
	interpreter.InterpretableConstructor
}

func (w *weighedConstructor) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return weighed(w.InterpretableConstructor.Exec(frame))
}

func (w *weighedConstructor) Eval(vars interpreter.Activation) ref.Val {
	return w.Exec(interpreter.AsFrame(vars))
}

func weighed(v ref.Val) ref.Val {
	if weigh(v, maxWeight) < 0 {
		return types.WrapErr(fmt.Errorf("makes a value that is too large: want %d elements, or %d KiB of text, at most", maxWeight, maxWeight*64>>10))
	}
	return v
}

// weigh takes the weight of v from what is left, and stops below zero.
func weigh(v ref.Val, left int) int {
	left--
	switch v := v.(type) {
	case types.String:
		return left - len(v)/64
	case types.Bytes:
		return left - len(v)/64
	case *types.Optional:
		if v.HasValue() {
			return weigh(v.GetValue(), left)
		}
	case traits.Mapper:
		for keys := v.Iterator(); left >= 0 && keys.HasNext() == types.True; {
			left = weigh(v.Get(keys.Next()), left)
		}
	case traits.Lister:
		for items := v.Iterator(); left >= 0 && items.HasNext() == types.True; {
			left = weigh(items.Next(), left)
		}
	}
	return left
}
