package rule

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/event"
)

// signature is how a function of the language is called.
type signature struct {
	text      string
	arguments int
}

var functions = map[string]signature{
	"contains":    {text: "contains(list, value)", arguments: 2},
	"endswith":    {text: "endswith(text, suffix)", arguments: 2},
	"length":      {text: "length(text)", arguments: 1},
	"lower":       {text: "lower(text)", arguments: 1},
	"matches":     {text: "matches(pattern, text)", arguments: 2},
	"startswith":  {text: "startswith(text, prefix)", arguments: 2},
	"strcontains": {text: "strcontains(text, part)", arguments: 2},
	"upper":       {text: "upper(text)", arguments: 1},
}

// functionNames lists the functions.
func functionNames() []string { return slices.Sorted(maps.Keys(functions)) }

func joined(names []string) string { return strings.Join(names, ", ") }

func (c *compiler) call(x *hclsyntax.FunctionCallExpr) value {
	f := functions[x.Name]
	if len(x.Args) != f.arguments || x.ExpandFinal {
		c.add(diag.Error(x.Range(), "Wrong number of arguments", "Write %s.", f.text))
		return value{}
	}
	args := make([]value, len(x.Args))
	ok := true
	for i, arg := range x.Args {
		args[i] = c.compile(arg)
		ok = ok && args[i].ty != invalid
	}
	if !ok {
		return value{}
	}
	switch x.Name {
	case "contains":
		return c.contains(x, args)
	case "matches":
		return c.matches(x, args)
	case "length":
		return c.length(x, args)
	case "lower":
		return c.textMap(x, args, strings.ToLower)
	case "upper":
		return c.textMap(x, args, strings.ToUpper)
	case "startswith":
		return c.textTest(x, args, strings.HasPrefix)
	case "endswith":
		return c.textTest(x, args, strings.HasSuffix)
	default:
		return c.textTest(x, args, strings.Contains)
	}
}

// wants reports an argument that is not of the type.
func (c *compiler) wants(x *hclsyntax.FunctionCallExpr, args []value, i int, ty kind) bool {
	if args[i].ty == ty {
		return true
	}
	c.add(diag.Error(x.Args[i].Range(), "Wrong argument of "+x.Name, "A %s is wanted here, this is a %s: %s.", ty, args[i].ty, functions[x.Name].text))
	return false
}

func (c *compiler) textTest(x *hclsyntax.FunctionCallExpr, args []value, holds func(s, part string) bool) value {
	if a, b := c.wants(x, args, 0, text), c.wants(x, args, 1, text); !a || !b {
		return value{}
	}
	left, right := args[0].text, args[1].text
	has := args[0].yes & args[1].yes
	return value{ty: boolean, yes: has, no: has, test: func(e *event.Event) (bool, bool) {
		s, ok := left(e)
		if !ok {
			return false, false
		}
		part, ok := right(e)
		return ok && holds(s, part), ok
	}}
}

func (c *compiler) textMap(x *hclsyntax.FunctionCallExpr, args []value, convert func(string) string) value {
	if !c.wants(x, args, 0, text) {
		return value{}
	}
	if args[0].literal != nil {
		s := convert(*args[0].literal)
		return value{ty: text, literal: &s, yes: every, no: every, text: func(*event.Event) (string, bool) { return s, true }}
	}
	inner := args[0].text
	return value{ty: text, yes: args[0].yes, no: args[0].no, text: func(e *event.Event) (string, bool) {
		s, ok := inner(e)
		return convert(s), ok
	}}
}

func (c *compiler) length(x *hclsyntax.FunctionCallExpr, args []value) value {
	if !c.wants(x, args, 0, text) {
		return value{}
	}
	inner := args[0].text
	return value{ty: number, yes: args[0].yes, no: args[0].no, number: func(e *event.Event) (float64, bool) {
		s, ok := inner(e)
		return float64(utf8.RuneCountInString(s)), ok
	}}
}

func (c *compiler) matches(x *hclsyntax.FunctionCallExpr, args []value) value {
	if a, b := c.wants(x, args, 0, text), c.wants(x, args, 1, text); !a || !b {
		return value{}
	}
	if args[0].literal == nil {
		c.add(diag.Error(x.Args[0].Range(), "A pattern is a plain text", "What an attacker sent is never used as a pattern."))
		return value{}
	}
	re, err := regexp.Compile(*args[0].literal)
	if err != nil {
		c.add(diag.Error(x.Args[0].Range(), "The pattern cannot be read", "%s. It is a regular expression in RE2's syntax.", strings.TrimPrefix(err.Error(), "error parsing regexp: ")))
		return value{}
	}
	inner := args[1].text
	return value{ty: boolean, yes: args[1].yes, no: args[1].no, test: func(e *event.Event) (bool, bool) {
		s, ok := inner(e)
		return ok && re.MatchString(s), ok
	}}
}

func (c *compiler) contains(x *hclsyntax.FunctionCallExpr, args []value) value {
	list, wanted := args[0], args[1]
	out := value{ty: boolean, yes: wanted.yes, no: wanted.no}
	switch {
	case list.ty == text:
		c.add(diag.Error(x.Args[0].Range(), "contains looks in lists", "strcontains(text, part) looks in a text."))
		return value{}
	case list.ty != texts && list.ty != numbers:
		c.add(diag.Error(x.Args[0].Range(), "Wrong argument of contains", "A list is wanted here, this is a %s: contains(list, value).", list.ty))
		return value{}
	case wanted.ty == text && (list.ty == texts || len(list.numbers) == 0):
		if wanted.isKind {
			for _, name := range list.texts {
				if !c.knownKind(name, x.Args[0].Range()) {
					return value{}
				}
			}
			out.yes = 0
			for _, name := range list.texts {
				out.yes |= kindOf(event.Kind(name))
			}
			out.no = every &^ out.yes
		}
		out.test = member(list.texts, wanted.text)
	case wanted.ty == number && (list.ty == numbers || len(list.texts) == 0):
		out.test = member(list.numbers, wanted.number)
	default:
		c.add(diag.Error(x.Range(), "The list holds nothing like it", "It is a %s, the value is a %s.", list.ty, wanted.ty))
		return value{}
	}
	return out
}

func member[T comparable](list []T, inner func(*event.Event) (T, bool)) func(*event.Event) (bool, bool) {
	set := make(map[T]bool, len(list))
	for _, v := range list {
		set[v] = true
	}
	return func(e *event.Event) (bool, bool) {
		v, ok := inner(e)
		return ok && set[v], ok
	}
}
