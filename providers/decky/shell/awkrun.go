package shell

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// awkValue is a string, a number, or input that may be both.
type awkValue struct {
	s       string
	n       float64
	numeric bool
}

func awkNumber(n float64) awkValue { return awkValue{n: n, numeric: true, s: awkText(n)} }

func awkText(n float64) string {
	if n == math.Trunc(n) && math.Abs(n) < 1e16 {
		return strconv.FormatInt(int64(n), 10)
	}
	return strconv.FormatFloat(n, 'g', 6, 64)
}

// awkInput is a value from outside: a number where it looks like one.
func awkInput(s string) awkValue {
	if n, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil && !strings.ContainsAny(s, "xXnNpP") {
		return awkValue{s: s, n: n, numeric: true}
	}
	return awkValue{s: s}
}

// String is the value as print shows it.
func (v awkValue) String() string { return v.s }

func (v awkValue) number() float64 {
	if v.numeric {
		return v.n
	}
	return leadingNumber(v.s)
}

func (v awkValue) true() bool {
	if v.numeric {
		return v.n != 0
	}
	return v.s != ""
}

// awkRun is a program as it runs.
type awkRun struct {
	c       *call
	vars    map[string]awkValue
	arrays  map[string]map[string]awkValue
	regexes map[string]*regexp.Regexp
	line    string
	fields  []string
	status  int
}

// Ways out of a statement.
const (
	awkNone = iota
	awkNext
	awkExit
	awkBreak
	awkContinue
)

func (a *awkRun) run(rules []awkRule, files []string) int {
	step := func(when string) bool {
		for _, r := range rules {
			if r.when == when && a.block(r.action) == awkExit {
				return false
			}
		}
		return true
	}
	if !step("BEGIN") {
		return a.status
	}
	body := slices.ContainsFunc(rules, func(r awkRule) bool { return r.when != "BEGIN" })
	if !body {
		return a.status
	}
	var names []string
	for _, f := range files {
		if name, value, ok := strings.Cut(f, "="); ok && !strings.Contains(name, "/") {
			a.vars[name] = awkInput(value)
			continue
		}
		names = append(names, f)
	}
	all, _, failed := a.c.inputs(names, "cannot open %s: ")
	if failed != 0 {
		a.status = 2
	}
	a.records(rules, all)
	if a.c.stop == nil {
		step("END")
	}
	return a.status
}

func (a *awkRun) records(rules []awkRule, all [][]byte) {
	nr := 0
	for _, data := range all {
		for fnr, line := range lines(data) {
			if a.c.busy() {
				return
			}
			nr++
			a.setLine(line)
			a.vars["NR"], a.vars["FNR"] = awkNumber(float64(nr)), awkNumber(float64(fnr+1))
			for _, r := range rules {
				if r.when != "" || r.pattern.op != "" && !a.eval(r.pattern).true() {
					continue
				}
				if r.bare {
					a.c.print(a.line + a.vars["ORS"].s)
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
}

func (a *awkRun) setLine(line string) {
	a.line = line
	switch fs := a.vars["FS"].s; {
	case fs == " ":
		a.fields = strings.Fields(line)
	case line == "":
		a.fields = nil
	case len(fs) == 1 && fs != "|":
		a.fields = strings.Split(line, fs)
	default:
		if re := a.regex(fs); re != nil && len(fs) > 1 {
			a.fields = re.Split(line, -1)
		} else {
			a.fields = strings.Split(line, fs)
		}
	}
	a.vars["NF"] = awkNumber(float64(len(a.fields)))
}

func (a *awkRun) regex(text string) *regexp.Regexp {
	if re, ok := a.regexes[text]; ok {
		return re
	}
	re, err := regex(text, true, false)
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
		if a.c.busy() {
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
			parts = append(parts, a.eval(k).String())
		}
		if len(n.kids) == 0 {
			parts = []string{a.line}
		}
		a.c.print(strings.Join(parts, a.vars["OFS"].s) + a.vars["ORS"].s)
	case "printf":
		kids := n.kids
		a.c.print(a.printfFormat(a.values(kids)))
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
			} else if out == awkNext || out == awkExit {
				return out
			}
			if a.c.busy() {
				return awkExit
			}
		}
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
			delete(a.arrays, k.text)
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
			} else if out == awkNext || out == awkExit {
				return out
			}
		}
		return awkNone
	}
	for a.eval(n.kids[0]); a.eval(n.kids[1]).true(); a.eval(n.kids[2]) {
		if a.c.busy() {
			return awkExit
		}
		if out := a.block(n.body[0]); out == awkBreak {
			break
		} else if out == awkNext || out == awkExit {
			return out
		}
	}
	return awkNone
}

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
		if len(a.vars) < maxVariables {
			a.vars[target.text] = v
		}
	case "index":
		if a.arrays[target.text] == nil {
			a.arrays[target.text] = map[string]awkValue{}
		}
		if table := a.arrays[target.text]; len(table) < maxArray {
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

func (a *awkRun) eval(n awkNode) awkValue {
	if a.c.busy() {
		return awkValue{}
	}
	switch n.op {
	case "number":
		v, _ := strconv.ParseFloat(n.text, 64)
		return awkNumber(v)
	case "string":
		return awkValue{s: n.text}
	case "regex":
		re := a.regex(n.text)
		return awkBool(re != nil && re.MatchString(a.line))
	case "name":
		return a.vars[n.text]
	case "index":
		return a.arrays[n.text][a.subscript(n)]
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
		re := a.regex(text)
		return awkBool((re != nil && re.MatchString(a.eval(n.kids[0]).String())) == (n.op == "~"))
	case "in":
		_, ok := a.arrays[n.kids[1].text][a.eval(n.kids[0]).String()]
		return awkBool(ok)
	}
	x, y := a.eval(n.kids[0]), a.eval(n.kids[1])
	switch n.op {
	case "concat":
		if len(x.String())+len(y.String()) > maxValue {
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
		if y.number() == 0 {
			a.c.err.print("awk: division by zero\n")
			a.status = 2
			a.c.stop = errPipe
			return awkValue{}
		}
		if n.op == "%" {
			return awkNumber(math.Mod(x.number(), y.number()))
		}
		return awkNumber(x.number() / y.number())
	case "^":
		return awkNumber(math.Pow(x.number(), y.number()))
	}
	order := strings.Compare(x.String(), y.String())
	if (x.numeric || x.s == "") && (y.numeric || y.s == "") {
		order = int(truth(x.number() > y.number()) - truth(x.number() < y.number()))
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

func (a *awkRun) call(n awkNode) awkValue {
	text := func(i int) string {
		if i < len(n.kids) {
			return a.eval(n.kids[i]).String()
		}
		return ""
	}
	pattern := func(i int) *regexp.Regexp {
		if i < len(n.kids) && n.kids[i].op == "regex" {
			return a.regex(n.kids[i].text)
		}
		return a.regex(text(i))
	}
	switch n.text {
	case "length":
		if len(n.kids) == 0 {
			return awkNumber(float64(len([]rune(a.line))))
		}
		if table, ok := a.arrays[n.kids[0].text]; ok && n.kids[0].op == "name" {
			return awkNumber(float64(len(table)))
		}
		return awkNumber(float64(len([]rune(text(0)))))
	case "substr":
		return a.substr(n, text(0))
	case "index":
		return awkNumber(float64(strings.Index(text(0), text(1)) + 1))
	case "tolower":
		return awkValue{s: strings.ToLower(text(0))}
	case "toupper":
		return awkValue{s: strings.ToUpper(text(0))}
	case "int":
		if len(n.kids) > 0 {
			return awkNumber(math.Trunc(a.eval(n.kids[0]).number()))
		}
	case "sqrt":
		if len(n.kids) > 0 {
			return awkNumber(math.Sqrt(a.eval(n.kids[0]).number()))
		}
	case "rand":
		return awkNumber(a.c.r.session.rand.Float64())
	case "sprintf":
		return awkValue{s: a.printfFormat(a.values(n.kids))}
	case "match":
		if re := pattern(1); re != nil {
			if at := re.FindStringIndex(text(0)); at != nil {
				a.vars["RSTART"], a.vars["RLENGTH"] = awkNumber(float64(at[0]+1)), awkNumber(float64(at[1]-at[0]))
				return awkNumber(float64(at[0] + 1))
			}
		}
		a.vars["RSTART"], a.vars["RLENGTH"] = awkNumber(0), awkNumber(-1)
		return awkNumber(0)
	case "split":
		return a.split(n, text)
	case "sub", "gsub":
		return a.sub(n, pattern(0), text(1))
	}
	return awkValue{}
}

func (a *awkRun) substr(n awkNode, s string) awkValue {
	if len(n.kids) < 2 {
		return awkValue{}
	}
	from := math.Round(a.eval(n.kids[1]).number())
	end := math.Inf(1)
	if len(n.kids) > 2 {
		end = from + math.Round(a.eval(n.kids[2]).number())
	}
	runes := []rune(s)
	lo, hi := max(from, 1), min(end, float64(len(runes)+1))
	if lo >= hi || math.IsNaN(lo) || math.IsNaN(hi) {
		return awkValue{}
	}
	return awkValue{s: string(runes[int(lo)-1 : int(hi)-1])}
}

func (a *awkRun) split(n awkNode, text func(int) string) awkValue {
	if len(n.kids) < 2 {
		return awkNumber(0)
	}
	separator := a.vars["FS"].s
	if len(n.kids) > 2 {
		separator = text(2)
		if n.kids[2].op == "regex" {
			separator = n.kids[2].text
		}
	}
	var parts []string
	switch s := text(0); {
	case separator == " ":
		parts = strings.Fields(s)
	case s == "":
	default:
		parts = strings.Split(s, separator)
		if re := a.regex(separator); re != nil && len(separator) > 1 {
			parts = re.Split(s, maxArray)
		}
	}
	table := map[string]awkValue{}
	for i, part := range parts[:min(len(parts), maxArray)] {
		table[strconv.Itoa(i+1)] = awkInput(part)
	}
	a.arrays[n.kids[1].text] = table
	return awkNumber(float64(len(parts)))
}

func (a *awkRun) sub(n awkNode, re *regexp.Regexp, with string) awkValue {
	if re == nil {
		return awkNumber(0)
	}
	target := awkNode{op: "$", kids: []awkNode{{op: "number", text: "0"}}}
	if len(n.kids) > 2 {
		target = n.kids[2]
	}
	cmd := &sedCommand{re: re, with: with, global: n.text == "gsub", nth: 1}
	before := a.eval(target).String()
	after, changed := cmd.substitute(before)
	if !changed {
		return awkNumber(0)
	}
	a.assign(target, awkValue{s: after})
	if cmd.global {
		return awkNumber(float64(len(re.FindAllStringIndex(before, -1))))
	}
	return awkNumber(1)
}
