package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

// expansion is what count or for_each makes of a block.
type expansion struct {
	kind   addr.KeyKind
	each   []expanded
	failed bool // reported
}

// expanded is one instance of a block: its key, and the scope that its own
// arguments see.
type expanded struct {
	key   addr.Key
	scope *hcl.EvalContext
}

// expansion evaluates count or for_each of a block.
func (e *evaluator) expansion(b *block, scope *hcl.EvalContext) expansion {
	count, forEach := b.arguments["count"], b.arguments["for_each"]
	switch {
	case count != nil && forEach != nil:
		e.add(diag.Error(forEach.nameRange, "A block has count or for_each", "Both stand in %s %q; leave one out.", b.kind, b.name))
	case count != nil:
		return e.counted(count, scope)
	case forEach != nil:
		return e.forEach(forEach, scope)
	default:
		for _, x := range b.everyExpression() {
			if x.instance {
				e.add(diag.Error(x.Range(), "The block has neither count nor for_each", "count.index and each.key have no meaning in it."))
				return expansion{failed: true}
			}
		}
		return expansion{each: []expanded{{scope: scope}}}
	}
	return expansion{failed: true}
}

func (e *evaluator) counted(x *expression, scope *hcl.EvalContext) expansion {
	out := expansion{kind: addr.KeyIndex, failed: true}
	value, ok := e.value(x, scope)
	if !ok {
		return out
	}
	number, sensitive, ok := e.as(x, value, cty.Number, "a number")
	if !ok {
		if number.IsNull() {
			e.add(diag.Error(x.Range(), "count is null", "Leave it out for a single one, or give a number."))
		}
		return out
	}
	n, err := whole(number)
	switch {
	case sensitive:
		e.notSensitive(x)
		return out
	case err != nil || n < 0 || n > MaxInstances:
		e.add(diag.Error(x.Range(), "count is not accepted", "It is a whole number from 0 to %d.", MaxInstances))
		return out
	}
	out.failed = false
	out.each = make([]expanded, 0, n)
	for i := range n {
		child := scope.NewChild()
		child.Variables = map[string]cty.Value{"count": cty.ObjectVal(map[string]cty.Value{"index": cty.NumberIntVal(int64(i))})}
		out.each = append(out.each, expanded{key: addr.IndexKey(i), scope: child})
	}
	return out
}

func (e *evaluator) forEach(x *expression, scope *hcl.EvalContext) expansion {
	out := expansion{kind: addr.KeyName, failed: true}
	value, ok := e.value(x, scope)
	if !ok {
		return out
	}
	out.failed = !e.eachOf(x, value, func(key, element cty.Value) bool {
		if len(out.each) == MaxInstances {
			e.add(diag.Error(x.Range(), "for_each has too many keys", "At most %d are accepted.", MaxInstances))
			return false
		}
		child := scope.NewChild()
		child.Variables = map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": key, "value": element})}
		out.each = append(out.each, expanded{key: addr.NameKey(key.AsString()), scope: child})
		return true
	})
	return out
}
