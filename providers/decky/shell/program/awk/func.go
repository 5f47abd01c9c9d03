package awk

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/clock"
	"github.com/decnet/decnet/providers/decky/shell/program/format"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
	"github.com/decnet/decnet/providers/decky/shell/program/sed"
)

// printfFormat is awk's sprintf over the shell's formatter.
func (a *awkRun) printfFormat(args []awkValue) string {
	if len(args) == 0 {
		return ""
	}
	words := make([]string, 0, len(args))
	for _, v := range args[1:] {
		words = append(words, v.String())
	}
	// A verb for whole numbers takes what is before the point.
	layout := args[0].String()
	at := 0
	for i := 0; i+1 < len(layout) && at < len(words); i++ {
		if layout[i] != '%' {
			continue
		}
		j := i + 1
		for j < len(layout) && strings.IndexByte("-+ #0123456789.", layout[j]) >= 0 {
			j++
		}
		if j < len(layout) && layout[j] != '%' {
			if layout[j] == 'c' && args[at+1].numeric {
				words[at] = string(rune(int(args[at+1].number()) & 0xff))
			}
			if strings.IndexByte("dioxX", layout[j]) >= 0 {
				words[at] = fmt.Sprintf("%d", int64(args[at+1].number()))
			}
			at++
		}
		i = j
	}
	f := &format.Formatter{C: &program.Call{Process: a.c.Process, Kernel: a.c.Kernel, Ctx: a.c.Ctx, Name: "awk", Streams: program.Streams{Err: program.Stream{Writer: io.Discard}}}, Args: words}
	f.Pass(strings.ReplaceAll(layout, `\`, `\\`)) // its escapes were read already
	return f.Out.String()
}

func (a *awkRun) call(n awkNode) awkValue {
	text := func(i int) string {
		if i < len(n.kids) {
			return a.eval(n.kids[i]).String()
		}
		return ""
	}
	pattern := func(i int) *regex.Regexp {
		if i < len(n.kids) && n.kids[i].op == "regex" {
			return a.compile(n.kids[i].text)
		}
		return a.compile(text(i))
	}
	if f := a.functions[n.text]; f != nil {
		return a.invoke(f, n.kids)
	}
	number := func(i int) float64 {
		if i < len(n.kids) {
			return a.eval(n.kids[i]).number()
		}
		return 0
	}
	switch n.text {
	case "sin":
		return awkNumber(math.Sin(number(0)))
	case "cos":
		return awkNumber(math.Cos(number(0)))
	case "exp":
		return awkNumber(math.Exp(number(0)))
	case "log":
		return awkNumber(math.Log(number(0)))
	case "atan2":
		return awkNumber(math.Atan2(number(0), number(1)))
	case "systime":
		return awkNumber(float64(a.c.Now().Unix()))
	case "strftime":
		t := a.c.Now()
		if len(n.kids) > 1 {
			t = time.Unix(int64(number(1)), 0)
		}
		return awkValue{s: clock.Strftime(text(0), a.c.Local(t))}
	case "system":
		return awkNumber(float64(a.command(text(0), a.c.Streams)))
	case "close":
		return awkNumber(float64(a.close(text(0))))
	case "length":
		if len(n.kids) == 0 {
			return awkNumber(float64(len(a.line)))
		}
		if table := a.arrays[n.kids[0].text]; table != nil && n.kids[0].op == "name" {
			return awkNumber(float64(len(table)))
		}
		return awkNumber(float64(len(text(0))))
	case "substr":
		return a.substr(n, text(0))
	case "index":
		return awkNumber(float64(strings.Index(text(0), text(1)) + 1))
	case "tolower":
		return awkValue{s: asciiCase(text(0), 'A', 'Z')}
	case "toupper":
		return awkValue{s: asciiCase(text(0), 'a', 'z')}
	case "int":
		if len(n.kids) > 0 {
			return awkNumber(math.Trunc(a.eval(n.kids[0]).number()))
		}
	case "sqrt":
		if len(n.kids) > 0 {
			return awkNumber(math.Sqrt(a.eval(n.kids[0]).number()))
		}
	case "rand":
		return awkNumber(rand.Float64())
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
		length := math.Round(a.eval(n.kids[2]).number())
		if end = from + length; from < 1 { // mawk's own reckoning
			end = 1 + length - from
		}
	}
	lo, hi := max(from, 1), min(end, float64(len(s)+1))
	if lo >= hi || math.IsNaN(lo) || math.IsNaN(hi) {
		return awkValue{}
	}
	return awkValue{s: s[int(lo)-1 : int(hi)-1]}
}

// asciiCase changes the case of letters between two: mawk knows no others.
func asciiCase(s string, first, last byte) string {
	b := []byte(s)
	for i, c := range b {
		if first <= c && c <= last {
			b[i] ^= 0x20
		}
	}
	return string(b)
}

// maxAwkDepth bounds the recursion of a program's functions.
const maxAwkDepth = 400

// invoke calls a function of the program's own: scalars are copied, arrays are
// the caller's.
func (a *awkRun) invoke(f *awkFunction, args []awkNode) awkValue {
	if a.depth++; a.depth > maxAwkDepth {
		a.c.Stop = program.ErrBudget
	}
	defer func() { a.depth-- }()
	if a.c.Busy() {
		return awkValue{}
	}
	values := make([]awkValue, len(f.params))
	tables := make([]map[string]awkValue, len(f.params))
	for i := range f.params {
		if i >= len(args) {
			break
		}
		arg := args[i]
		if _, scalar := a.vars[arg.text]; arg.op == "name" && !scalar {
			if a.arrays[arg.text] == nil {
				a.arrays[arg.text] = map[string]awkValue{}
			}
			tables[i] = a.arrays[arg.text]
			continue
		}
		values[i] = a.eval(arg)
	}
	type saved struct {
		value awkValue
		set   bool
		table map[string]awkValue
	}
	before := make([]saved, len(f.params))
	for i, name := range f.params {
		value, set := a.vars[name]
		before[i] = saved{value, set, a.arrays[name]}
		delete(a.vars, name)
		if i < len(args) && tables[i] == nil {
			a.vars[name] = values[i]
		}
		a.arrays[name] = tables[i]
	}
	a.result = awkValue{}
	a.block(f.body)
	for i, name := range f.params {
		delete(a.vars, name)
		if before[i].set {
			a.vars[name] = before[i].value
		}
		a.arrays[name] = before[i].table
	}
	result := a.result
	a.result = awkValue{}
	return result
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
		parts = strings.FieldsFunc(s, awkBlank)
	case separator == "":
		parts = strings.Split(s, "")
	case s == "":
	default:
		parts = strings.Split(s, separator)
		if re := a.compile(separator); re != nil && len(separator) > 1 {
			parts = re.Split(s, program.MaxArray)
		}
	}
	table := map[string]awkValue{}
	for i, part := range parts[:min(len(parts), program.MaxArray)] {
		table[strconv.Itoa(i+1)] = awkInput(part)
	}
	a.arrays[n.kids[1].text] = table
	return awkNumber(float64(len(parts)))
}

func (a *awkRun) sub(n awkNode, re *regex.Regexp, with string) awkValue {
	if re == nil {
		return awkNumber(0)
	}
	target := awkNode{op: "$", kids: []awkNode{{op: "number", text: "0"}}}
	if len(n.kids) > 2 {
		target = n.kids[2]
	}
	cmd := &sed.Command{Re: re, With: with, Global: n.text == "gsub", Nth: 1}
	before := a.eval(target).String()
	after, changed := cmd.Substitute(before)
	if !changed {
		return awkNumber(0)
	}
	a.assign(target, awkValue{s: after})
	if cmd.Global {
		return awkNumber(float64(len(re.FindAllStringIndex(before, -1))))
	}
	return awkNumber(1)
}
