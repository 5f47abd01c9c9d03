package awk

import (
	"math"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
)

// awkRun is a program as it runs.
type awkRun struct {
	c         *program.Call
	vars      map[string]awkValue
	arrays    map[string]map[string]awkValue
	regexes   map[string]*regex.Regexp
	functions map[string]*awkFunction
	input     awkInputs
	readers   map[string]*awkReader
	pipes     map[string]*strings.Builder
	order     []string // the commands of pipes as they were opened
	files     map[string]*program.CountedWriter
	line      string
	fields    []string
	status    int
	failed    bool // an operand could not be read
	depth     int  // of calls
	result    awkValue
}

// Ways out of a statement.
const (
	awkNone = iota
	awkNext
	awkExit
	awkBreak
	awkContinue
	awkReturn
)

func (a *awkRun) run(rules []awkRule) int {
	defer a.finish()
	step := func(when string) bool {
		for _, r := range rules {
			if r.when == when && a.block(r.action) == awkExit {
				return false
			}
		}
		return true
	}
	ended := !step("BEGIN")
	if !ended && slices.ContainsFunc(rules, func(r awkRule) bool { return r.when != "BEGIN" }) {
		a.records(rules)
	}
	if a.c.Stop == nil && !a.failed {
		step("END")
	}
	return a.status
}

func (a *awkRun) records(rules []awkRule) {
	for {
		line, ok := a.record()
		if !ok || a.c.Busy() {
			return
		}
		a.setLine(line)
		for i := range rules {
			r := &rules[i]
			if r.when != "" || !a.chosen(r) {
				continue
			}
			if r.bare {
				a.c.Print(a.line + a.vars["ORS"].s)
				continue
			}
			out := a.block(r.action)
			if out == awkExit {
				return
			}
			if out == awkNext {
				break
			}
		}
	}
}

// chosen tells whether a rule's pattern takes the record.
func (a *awkRun) chosen(r *awkRule) bool {
	switch {
	case r.pattern.op == "":
		return true
	case r.to == nil:
		return a.eval(r.pattern).true()
	case !r.inside && !a.eval(r.pattern).true():
		return false
	}
	r.inside = !a.eval(*r.to).true()
	return true
}

func awkBlank(r rune) bool { return r == ' ' || r == '\t' || r == '\n' }

func (a *awkRun) setLine(line string) {
	a.line = line
	switch fs := a.vars["FS"].s; {
	case fs == " ":
		a.fields = strings.FieldsFunc(line, awkBlank)
	case a.vars["RS"].s == "" && fs != " ":
		a.fields = strings.FieldsFunc(line, func(r rune) bool { return r == '\n' || string(r) == fs })
	case line == "":
		a.fields = nil
	case len(fs) == 1 && fs != "|":
		a.fields = strings.Split(line, fs)
	default:
		if re := a.compile(fs); re != nil && len(fs) > 1 {
			a.fields = re.Split(line, -1)
		} else {
			a.fields = strings.Split(line, fs)
		}
	}
	a.vars["NF"] = awkNumber(float64(len(a.fields)))
}

// expressions are read as mawk does, which knows no intervals; gawk and busybox
// do.
func expressions(c *program.Call) regex.Options {
	o := regex.Options{Dialect: regex.Awk, Close: true}
	if c.Applet || c.Name == "gawk" {
		o.Dialect = regex.Extended
	}
	return o
}

func (a *awkRun) compile(text string) *regex.Regexp {
	if re, ok := a.regexes[text]; ok {
		return re
	}
	re, err := regex.New(text, expressions(a.c))
	if err != nil {
		re = nil
	}
	if len(a.regexes) < 200 {
		a.regexes[text] = re
	}
	return re
}

func (a *awkRun) block(list []awkNode) int {
	for _, n := range list {
		if a.c.Busy() {
			return awkExit
		}
		if out := a.exec(n); out != awkNone {
			return out
		}
	}
	return awkNone
}

func (a *awkRun) exec(n awkNode) int {
	switch n.op {
	case "print":
		var parts []string
		for _, k := range n.kids {
			v := a.eval(k)
			text := v.String()
			if layout := a.vars["OFMT"].s; v.numeric && layout != "" && v.n != math.Trunc(v.n) {
				text = a.printfFormat([]awkValue{{s: layout}, v})
			}
			parts = append(parts, text)
		}
		if len(n.kids) == 0 {
			parts = []string{a.line}
		}
		a.print(n, strings.Join(parts, a.vars["OFS"].s)+a.vars["ORS"].s)
	case "printf":
		a.print(n, a.printfFormat(a.values(n.kids)))
	case "if":
		if a.eval(n.kids[0]).true() {
			return a.block(n.body[0])
		}
		if len(n.body) > 1 {
			return a.block(n.body[1])
		}
	case "block":
		return a.block(n.body[0])
	case "while":
		for a.eval(n.kids[0]).true() {
			if out := a.block(n.body[0]); out == awkBreak {
				break
			} else if out == awkNext || out == awkExit || out == awkReturn {
				return out
			}
			if a.c.Busy() {
				return awkExit
			}
		}
	case "do":
		for first := true; first || a.eval(n.kids[0]).true(); first = false {
			if out := a.block(n.body[0]); out == awkBreak {
				break
			} else if out == awkNext || out == awkExit || out == awkReturn {
				return out
			}
			if a.c.Busy() {
				return awkExit
			}
		}
	case "return":
		a.result = awkValue{}
		if len(n.kids) > 0 {
			a.result = a.eval(n.kids[0])
		}
		return awkReturn
	case "for", "forin":
		return a.loop(n)
	case "next":
		return awkNext
	case "break":
		return awkBreak
	case "continue":
		return awkContinue
	case "exit":
		if len(n.kids) > 0 {
			a.status = int(a.eval(n.kids[0]).number())
		}
		return awkExit
	case "delete":
		if k := n.kids[0]; k.op == "index" {
			delete(a.arrays[k.text], a.subscript(k))
		} else {
			clear(a.arrays[k.text])
		}
	default:
		a.eval(n)
	}
	return awkNone
}

func (a *awkRun) loop(n awkNode) int {
	if n.op == "forin" {
		keys := make([]string, 0, len(a.arrays[n.kids[0].text]))
		for k := range a.arrays[n.kids[0].text] {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			a.vars[n.text] = awkInput(k)
			if out := a.block(n.body[0]); out == awkBreak {
				break
			} else if out == awkNext || out == awkExit || out == awkReturn {
				return out
			}
		}
		return awkNone
	}
	for a.eval(n.kids[0]); a.eval(n.kids[1]).true(); a.eval(n.kids[2]) {
		if a.c.Busy() {
			return awkExit
		}
		if out := a.block(n.body[0]); out == awkBreak {
			break
		} else if out == awkNext || out == awkExit || out == awkReturn {
			return out
		}
	}
	return awkNone
}
