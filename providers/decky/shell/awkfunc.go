package shell

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
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
	format := args[0].String()
	at := 0
	for i := 0; i+1 < len(format) && at < len(words); i++ {
		if format[i] != '%' {
			continue
		}
		j := i + 1
		for j < len(format) && strings.IndexByte("-+ #0123456789.", format[j]) >= 0 {
			j++
		}
		if j < len(format) && format[j] != '%' {
			if strings.IndexByte("dioxX", format[j]) >= 0 {
				words[at] = fmt.Sprintf("%d", int64(args[at+1].number()))
			}
			at++
		}
		i = j
	}
	f := &formatter{c: &call{r: a.c.r, name: "awk", err: sink{Writer: closed{}}}, args: words}
	f.pass(format)
	return f.out.String()
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
