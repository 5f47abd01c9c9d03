package text

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
)

func expr(c *program.Call) int {
	e := &expression{args: c.Args, applet: c.Applet}
	if len(c.Args) == 1 && !c.Applet && (c.Args[0] == "--version" || c.Args[0] == "--help") {
		c.Parse("", "")
		return 0
	}
	if len(e.args) > 0 && e.args[0] == "--" && !c.Applet {
		e.args = e.args[1:]
	}
	if len(e.args) == 0 {
		if c.Applet {
			c.Complain("too few arguments")
		} else {
			c.Usage("missing operand")
		}
		return 2
	}
	value, problem := e.parse(0, 0, true)
	if problem == "" && e.pos < len(e.args) {
		problem = e.syntax("unexpected argument ‘" + e.args[e.pos] + "’")
	}
	if problem != "" {
		c.Complain("%s", problem)
		return 2
	}
	c.Print(value + "\n")
	if null(value) {
		return 1
	}
	return 0
}

// expression is expr's operands, parsed by precedence.
type expression struct {
	args   []string
	pos    int
	applet bool
}

var precedence = []string{"|", "&", "< <= = == != >= >", "+ -", "* / %", ":"}

// syntax is a mistake in the words of coreutils, or busybox'.
func (e *expression) syntax(detail string) string {
	if e.applet {
		return "syntax error"
	}
	return "syntax error: " + detail
}

// null tells whether a value counts as false.
func null(s string) bool {
	return s == "" || strings.Trim(strings.TrimPrefix(s, "-"), "0") == "" && s != "-"
}

// parse reads operators of a level and those that bind closer; where it need
// not evaluate, mistakes of values do not matter.
func (e *expression) parse(level, depth int, evaluate bool) (string, string) {
	if depth > 400 {
		return "", "syntax error"
	}
	if level == len(precedence) {
		return e.atom(depth, evaluate)
	}
	left, problem := e.parse(level+1, depth+1, evaluate)
	for problem == "" && e.pos < len(e.args) {
		op := e.args[e.pos]
		if op == "" || !strings.Contains(" "+precedence[level]+" ", " "+op+" ") || op == "==" && e.applet {
			break
		}
		e.pos++
		needed := evaluate && !(op == "|" && !null(left)) && !(op == "&" && null(left))
		var right string
		if right, problem = e.parse(level+1, depth+1, needed); problem == "" && evaluate {
			left, problem = e.operator(left, op, right)
		}
	}
	return left, problem
}

// next is the next operand.
func (e *expression) next() (string, string) {
	if e.pos >= len(e.args) {
		return "", e.syntax("missing argument after ‘" + e.args[len(e.args)-1] + "’")
	}
	e.pos++
	return e.args[e.pos-1], ""
}

func (e *expression) atom(depth int, evaluate bool) (string, string) {
	a, problem := e.next()
	if problem != "" {
		return "", problem
	}
	var values []string
	take := func(n int) bool {
		for range n {
			v, p := e.atom(depth+1, evaluate)
			if p != "" || depth > 400 {
				problem = p
				return false
			}
			values = append(values, v)
		}
		return true
	}
	switch {
	case a == "+" && !e.applet:
		return e.next()
	case a == "quote" && e.applet:
		return e.next()
	case a == "(":
		v, problem := e.parse(0, depth+1, evaluate)
		if problem == "" && (e.pos >= len(e.args) || e.args[e.pos] != ")") {
			if e.pos < len(e.args) {
				return "", e.syntax("expecting ')' instead of ‘" + e.args[e.pos] + "’")
			}
			return "", e.syntax("expecting ')' after ‘" + e.args[e.pos-1] + "’")
		}
		e.pos++
		return v, problem
	case a == ")":
		return "", e.syntax("unexpected ')'")
	case a == "length" && take(1):
		return strconv.Itoa(len([]rune(values[0]))), ""
	case a == "match" && take(2):
		return e.operator(values[0], ":", values[1])
	case a == "index" && take(2):
		for i, r := range []rune(values[0]) {
			if strings.ContainsRune(values[1], r) {
				return strconv.Itoa(i + 1), ""
			}
		}
		return "0", ""
	case a == "substr" && take(3):
		return substring([]rune(values[0]), values[1], values[2]), ""
	}
	return a, problem
}

func substring(s []rune, from, length string) string {
	a, err1 := strconv.Atoi(from)
	n, err2 := strconv.Atoi(length)
	if err1 != nil || err2 != nil || a < 1 || n < 1 || a > len(s) {
		return ""
	}
	return string(s[a-1 : min(len(s), a-1+min(n, len(s)))])
}

// integer reads a whole number; busybox' have 64 bits.
func (e *expression) integer(s string) (*big.Int, bool) {
	if strings.Trim(strings.TrimPrefix(s, "-"), "0123456789") != "" || len(s) > 4096 {
		return nil, false
	}
	return new(big.Int).SetString(s, 10)
}

func (e *expression) operator(a, op, b string) (string, string) {
	switch op {
	case "|":
		switch {
		case !null(a):
			return a, ""
		case null(b) && !e.applet:
			return "0", ""
		}
		return b, ""
	case "&":
		if null(a) || null(b) {
			return "0", ""
		}
		return a, ""
	case ":":
		return matched(a, b)
	}
	n, ok1 := e.integer(a)
	m, ok2 := e.integer(b)
	if strings.Contains("+-*/%", op) {
		if !ok1 || !ok2 {
			return "", map[bool]string{true: "non-numeric argument", false: "non-integer argument"}[e.applet]
		}
		return e.arithmetic(n, op, m)
	}
	order := strings.Compare(a, b)
	if ok1 && ok2 {
		order = n.Cmp(m)
	}
	hold := map[string]bool{"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0, "!=": order != 0, "=": order == 0, "==": order == 0}[op]
	return strconv.FormatInt(program.Truth(hold), 10), ""
}

func (e *expression) arithmetic(n *big.Int, op string, m *big.Int) (string, string) {
	if m.Sign() == 0 && (op == "/" || op == "%") {
		return "", "division by zero"
	}
	out := new(big.Int)
	switch op {
	case "+":
		out.Add(n, m)
	case "-":
		out.Sub(n, m)
	case "*":
		out.Mul(n, m)
	case "/":
		out.Quo(n, m)
	default:
		out.Rem(n, m)
	}
	if e.applet && !out.IsInt64() {
		low := new(big.Int).And(out, new(big.Int).SetUint64(1<<64-1))
		out.SetInt64(int64(low.Uint64()))
	}
	return out.String(), ""
}

// matched is the operator ":": the first group, or how many characters match.
func matched(a, b string) (string, string) {
	re, err := regex.New(b, regex.Options{Start: true})
	if err != nil {
		return "", regex.Problem(err)
	}
	found := re.FindStringSubmatch(a)
	switch {
	case len(found) > 1:
		return found[1], ""
	case re.NumSubexp() > 0:
		return "", ""
	case found == nil:
		return "0", ""
	}
	return strconv.Itoa(len([]rune(found[0]))), ""
}
