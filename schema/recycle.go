package schema

import (
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/diag"
)

// RecycleCauses are what recycle_on may name.
var RecycleCauses = []string{"login", "upload"}

// MinRecycleAfter is the shortest recycle_after.
const MinRecycleAfter = time.Minute

// recycleAfter evaluates recycle_after; empty where it is not given.
func (e *evaluator) recycleAfter(b *lifecycleBlock, scope *hcl.EvalContext) string {
	x := b.arguments["recycle_after"]
	if x == nil || e.unfit[x] && !x.varies() {
		return ""
	}
	value, ok := e.value(x, scope)
	if !ok {
		e.unfit[x] = true
		return ""
	}
	text, ok := e.plainText(x, value)
	if !ok {
		e.unfit[x] = !value.IsNull()
		return ""
	}
	after, err := time.ParseDuration(text)
	switch {
	case err != nil:
		e.add(diag.Error(x.Range(), "This is no duration", "Write a number with its unit, such as \"90m\" or \"168h\"."))
	case after < MinRecycleAfter:
		e.add(diag.Error(x.Range(), "This is too short", "A decky lives a minute at least, or it is never seen."))
	default:
		return text
	}
	e.unfit[x] = true
	return ""
}

// recycleOn evaluates recycle_on, sorted and without repetition.
func (e *evaluator) recycleOn(b *lifecycleBlock, scope *hcl.EvalContext) []string {
	x := b.arguments["recycle_on"]
	if x == nil || e.unfit[x] && !x.varies() {
		return nil
	}
	value, ok := e.value(x, scope)
	if !ok {
		e.unfit[x] = true
		return nil
	}
	list, ok := e.public(x, value, cty.List(cty.String), "a list of texts")
	if !ok {
		e.unfit[x] = !value.IsNull()
		return nil
	}
	var causes []string
	for _, v := range list.AsValueSlice() {
		if v.IsNull() || !slices.Contains(RecycleCauses, v.AsString()) {
			said := ""
			if !v.IsNull() {
				said = v.AsString()
			}
			e.add(diag.Unknown(x.Range(), "reason to recycle", said, RecycleCauses))
			e.unfit[x] = true
			return nil
		}
		causes = append(causes, v.AsString())
	}
	return merged(causes, nil)
}
