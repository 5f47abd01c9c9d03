package awk

import (
	"math"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

func (a *awkRun) values(kids []awkNode) []awkValue {
	if len(kids) == 1 && kids[0].op == "group" {
		kids = kids[0].kids
	}
	out := make([]awkValue, len(kids))
	for i, k := range kids {
		out[i] = a.eval(k)
	}
	return out
}

func (a *awkRun) subscript(n awkNode) string {
	var parts []string
	for _, k := range n.kids {
		parts = append(parts, a.eval(k).String())
	}
	return strings.Join(parts, "\x1c")
}

func (a *awkRun) field(i int) awkValue {
	switch {
	case i == 0:
		return awkInput(a.line)
	case i > 0 && i <= len(a.fields):
		return awkInput(a.fields[i-1])
	}
	return awkValue{}
}

func (a *awkRun) assign(target awkNode, v awkValue) {
	switch target.op {
	case "name":
		if len(a.vars) < program.MaxVariables {
			a.vars[target.text] = v
		}
		if target.text == "NF" {
			a.resize(int(v.number()))
		}
	case "index":
		if a.arrays[target.text] == nil {
			a.arrays[target.text] = map[string]awkValue{}
		}
		if table := a.arrays[target.text]; len(table) < program.MaxArray {
			table[a.subscript(target)] = v
		}
	case "$":
		i := int(a.eval(target.kids[0]).number())
		if i == 0 {
			a.setLine(v.String())
			return
		}
		if i < 0 || i > 1000 {
			return
		}
		for len(a.fields) < i {
			a.fields = append(a.fields, "")
		}
		a.fields[i-1] = v.String()
		a.line = strings.Join(a.fields, a.vars["OFS"].s)
		a.vars["NF"] = awkNumber(float64(len(a.fields)))
	}
}

// resize changes the number of fields.
func (a *awkRun) resize(n int) {
	n = min(max(n, 0), 1000)
	for len(a.fields) < n {
		a.fields = append(a.fields, "")
	}
	a.fields = a.fields[:n]
	a.line = strings.Join(a.fields, a.vars["OFS"].s)
}

func (a *awkRun) eval(n awkNode) awkValue {
	if a.c.Busy() {
		return awkValue{}
	}
	switch n.op {
	case "number":
		v, _ := strconv.ParseFloat(n.text, 64)
		return awkNumber(v)
	case "string":
		return awkValue{s: n.text}
	case "regex":
		re := a.compile(n.text)
		return awkBool(re != nil && re.MatchString(a.line))
	case "name":
		return a.vars[n.text]
	case "index":
		return a.element(n.text, a.subscript(n))
	case "getline":
		return a.getline(n)
	case "$":
		return a.field(int(a.eval(n.kids[0]).number()))
	case "group":
		return a.eval(n.kids[0])
	case "=":
		v := a.eval(n.kids[1])
		a.assign(n.kids[0], v)
		return v
	case "post+", "post-":
		v := a.eval(n.kids[0]).number()
		step := 1.0
		if n.op == "post-" {
			step = -1
		}
		a.assign(n.kids[0], awkNumber(v+step))
		return awkNumber(v)
	case "?":
		if a.eval(n.kids[0]).true() {
			return a.eval(n.kids[1])
		}
		return a.eval(n.kids[2])
	case "call":
		return a.call(n)
	case "unary!":
		return awkBool(!a.eval(n.kids[0]).true())
	case "unary-":
		return awkNumber(-a.eval(n.kids[0]).number())
	case "unary+":
		return awkNumber(a.eval(n.kids[0]).number())
	}
	if len(n.kids) == 2 {
		return a.binary(n)
	}
	return awkValue{}
}

// element is an element of an array, which looking makes.
func (a *awkRun) element(name, key string) awkValue {
	if a.arrays[name] == nil {
		a.arrays[name] = map[string]awkValue{}
	}
	v, ok := a.arrays[name][key]
	if !ok && len(a.arrays[name]) < program.MaxArray {
		a.arrays[name][key] = awkValue{}
	}
	return v
}

func awkBool(ok bool) awkValue {
	if ok {
		return awkNumber(1)
	}
	return awkNumber(0)
}

func (a *awkRun) binary(n awkNode) awkValue {
	switch n.op {
	case "&&":
		return awkBool(a.eval(n.kids[0]).true() && a.eval(n.kids[1]).true())
	case "||":
		return awkBool(a.eval(n.kids[0]).true() || a.eval(n.kids[1]).true())
	case "~", "!~":
		text := n.kids[1].text
		if n.kids[1].op != "regex" {
			text = a.eval(n.kids[1]).String()
		}
		re := a.compile(text)
		return awkBool((re != nil && re.MatchString(a.eval(n.kids[0]).String())) == (n.op == "~"))
	case "in":
		key := a.subscript(awkNode{kids: n.kids[:1]})
		if n.kids[0].op == "group" {
			key = a.subscript(n.kids[0])
		}
		_, ok := a.arrays[n.kids[1].text][key]
		return awkBool(ok)
	}
	x, y := a.eval(n.kids[0]), a.eval(n.kids[1])
	switch n.op {
	case "concat":
		if len(x.String())+len(y.String()) > program.MaxValue {
			return x
		}
		return awkValue{s: x.String() + y.String()}
	case "+":
		return awkNumber(x.number() + y.number())
	case "-":
		return awkNumber(x.number() - y.number())
	case "*":
		return awkNumber(x.number() * y.number())
	case "/", "%":
		if n.op == "%" {
			return awkNumber(math.Mod(x.number(), y.number()))
		}
		return awkNumber(x.number() / y.number())
	case "^":
		return awkNumber(math.Pow(x.number(), y.number()))
	}
	order := strings.Compare(x.String(), y.String())
	if (x.numeric || x.s == "") && (y.numeric || y.s == "") {
		order = int(program.Truth(x.number() > y.number()) - program.Truth(x.number() < y.number()))
	}
	switch n.op {
	case "==":
		return awkBool(order == 0)
	case "!=":
		return awkBool(order != 0)
	case "<":
		return awkBool(order < 0)
	case "<=":
		return awkBool(order <= 0)
	case ">":
		return awkBool(order > 0)
	}
	return awkBool(order >= 0)
}
