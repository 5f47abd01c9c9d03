package shell

import (
	"regexp"
	"strings"
)

// awk runs a small awk: patterns, print, printf, assignments, if, for, while,
// arrays and the usual functions.
func awk(c *call) int {
	f, rest, ok := c.parse("+F:v:f:W:", "field-separator=:F assign=:v file=:f version=V")
	if !ok {
		return 2
	}
	in := &awkRun{c: c, vars: map[string]awkValue{"FS": {s: " "}, "OFS": {s: " "}, "ORS": {s: "\n"}, "RS": {s: "\n"}, "SUBSEP": {s: "\x1c"}}, arrays: map[string]map[string]awkValue{}, regexes: map[string]*regexp.Regexp{}}
	if f.has("F") {
		separator, _ := escapes(f.value["F"], true)
		in.vars["FS"] = awkValue{s: separator}
	}
	if name, value, ok := strings.Cut(f.value["v"], "="); ok {
		in.vars[name] = awkInput(value)
	}
	var program string
	switch {
	case f.has("f"):
		data, err := c.read(f.value["f"])
		if err != nil {
			c.err.print("awk: cannot open " + f.value["f"] + " (No such file or directory)\n")
			return 2
		}
		program = string(data)
	case len(rest) == 0:
		c.err.print("Usage: mawk [Options] [Program] [file ...]\n")
		return 2
	default:
		program, rest = rest[0], rest[1:]
	}
	p := &awkParser{text: program}
	rules, problem := p.program()
	if problem != "" {
		c.err.print("awk: line 1: syntax error at or near " + problem + "\n")
		return 2
	}
	return in.run(rules, rest)
}

// awkRule is pattern { action }.
type awkRule struct {
	when    string // "BEGIN", "END" or empty
	pattern awkNode
	action  []awkNode // nil: print $0
	bare    bool
}

// awkNode is an expression or a statement.
type awkNode struct {
	op   string
	text string
	kids []awkNode
	body [][]awkNode
}
