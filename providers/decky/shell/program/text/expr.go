package text

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
)

func expr(c *program.Call) int {
	if len(c.Args) == 0 {
		c.Usage("missing operand")
		return 2
	}
	e := &expression{args: c.Args}
	value, problem := e.parse(0, 0)
	if problem == "" && e.pos < len(e.args) {
		problem = "syntax error: unexpected argument ‘" + e.args[e.pos] + "’"
	}
	if problem != "" {
		c.Complain("%s", problem)
		return 2
	}
	c.Print(value + "\n")
	if value == "" || value == "0" {
		return 1
	}
	return 0
}

// expression is expr's operands, parsed by precedence.
type expression struct {
	args []string
	pos  int
}

var precedence = []string{"|", "&", "< <= = == != >= >", "+ -", "* / %", ":"}

func (e *expression) parse(level, depth int) (string, string) {
	if depth > 200 {
		return "", "syntax error"
	}
	if level == len(precedence) {
		return e.atom(depth)
	}
	left, problem := e.parse(level+1, depth+1)
	for problem == "" && e.pos < len(e.args) {
		op := e.args[e.pos]
		if !strings.Contains(" "+precedence[level]+" ", " "+op+" ") {
			break
		}
		e.pos++
		var right string
		if right, problem = e.parse(level+1, depth+1); problem == "" {
			left, problem = exprOperator(left, op, right)
		}
	}
	return left, problem
}

func (e *expression) atom(depth int) (string, string) {
	if e.pos >= len(e.args) {
		return "", "syntax error: missing argument after ‘" + e.args[len(e.args)-1] + "’"
	}
	a := e.args[e.pos]
	e.pos++
	switch {
	case a == "(":
		v, problem := e.parse(0, depth+1)
		if problem == "" && (e.pos >= len(e.args) || e.args[e.pos] != ")") {
			return "", "syntax error: expecting ')' after ‘" + e.args[e.pos-1] + "’"
		}
		e.pos++
		return v, problem
	case a == "length" && e.pos < len(e.args):
		e.pos++
		return strconv.Itoa(len([]rune(e.args[e.pos-1]))), ""
	case a == "substr" && e.pos+2 < len(e.args):
		from, _ := strconv.Atoi(e.args[e.pos+1])
		n, _ := strconv.Atoi(e.args[e.pos+2])
		s := e.args[e.pos]
		e.pos += 3
		if from < 1 || n < 1 || from > len(s) {
			return "", ""
		}
		return s[from-1 : min(len(s), from-1+n)], ""
	}
	return a, ""
}

func exprOperator(a, op, b string) (string, string) {
	n, err1 := strconv.ParseInt(a, 10, 64)
	m, err2 := strconv.ParseInt(b, 10, 64)
	numeric := err1 == nil && err2 == nil
	flag := func(ok bool) (string, string) { return strconv.FormatInt(program.Truth(ok), 10), "" }
	switch op {
	case "|":
		if a != "" && a != "0" {
			return a, ""
		}
		return b, ""
	case "&":
		if a == "" || a == "0" || b == "" || b == "0" {
			return "0", ""
		}
		return a, ""
	case ":":
		re, err := regex.Compile("^"+b, false, false)
		if err != nil {
			return "", "Invalid regular expression"
		}
		found := re.FindStringSubmatch(a)
		switch {
		case len(found) > 1:
			return found[1], ""
		case strings.Contains(b, `\(`):
			return "", ""
		case found == nil:
			return "0", ""
		}
		return strconv.Itoa(len([]rune(found[0]))), ""
	case "+", "-", "*", "/", "%":
		if !numeric {
			return "", "non-integer argument"
		}
		if (op == "/" || op == "%") && m == 0 {
			return "", "division by zero"
		}
		switch op {
		case "+":
			return strconv.FormatInt(n+m, 10), ""
		case "-":
			return strconv.FormatInt(n-m, 10), ""
		case "*":
			return strconv.FormatInt(n*m, 10), ""
		case "/":
			return strconv.FormatInt(n/m, 10), ""
		}
		return strconv.FormatInt(n%m, 10), ""
	}
	order := strings.Compare(a, b)
	if numeric {
		order = int(program.Truth(n > m) - program.Truth(n < m))
	}
	switch op {
	case "<":
		return flag(order < 0)
	case "<=":
		return flag(order <= 0)
	case ">":
		return flag(order > 0)
	case ">=":
		return flag(order >= 0)
	case "!=":
		return flag(order != 0)
	}
	return flag(order == 0)
}
