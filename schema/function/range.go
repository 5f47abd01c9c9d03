package function

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// MaxRange is how many numbers range gives at most. It only keeps a slip of the
// pen from eating the memory: no network has as many deckies.
const MaxRange = 1 << 20

// numberRange is range(end), range(start, end) and range(start, end, step). The
// end is not part of the list; without a step it counts by one towards the end.
var numberRange = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "bounds", Type: cty.Number},
	Type:     function.StaticReturnType(cty.List(cty.Number)),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		start, step := cty.Zero, cty.NilVal
		var end cty.Value
		switch len(args) {
		case 1:
			end = args[0]
		case 2:
			start, end = args[0], args[1]
		case 3:
			start, end, step = args[0], args[1], args[2]
		default:
			return cty.NilVal, fmt.Errorf("range takes (end), (start, end) or (start, end, step)")
		}
		down := end.LessThan(start).True()
		switch {
		case step == cty.NilVal && down:
			step = cty.NumberIntVal(-1)
		case step == cty.NilVal:
			step = cty.NumberIntVal(1)
		case step.Equals(cty.Zero).True():
			return cty.NilVal, function.NewArgErrorf(2, "a step of zero never arrives")
		case start.Equals(end).True():
		case down != step.LessThan(cty.Zero).True():
			return cty.NilVal, function.NewArgErrorf(2, "the step leads away from the end")
		}
		arrived := cty.Value.GreaterThanOrEqualTo
		if step.LessThan(cty.Zero).True() {
			arrived = cty.Value.LessThanOrEqualTo
		}
		var numbers []cty.Value
		for n := start; !arrived(n, end).True(); n = n.Add(step) {
			if len(numbers) == MaxRange {
				return cty.NilVal, fmt.Errorf("more than %d numbers", MaxRange)
			}
			numbers = append(numbers, n)
		}
		if len(numbers) == 0 {
			return cty.ListValEmpty(cty.Number), nil
		}
		return cty.ListVal(numbers), nil
	},
})
