package awk

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// awk runs a small awk: patterns, print, printf, assignments, if, for, while,
// arrays and the usual functions.
func awk(c *program.Call) int {
	f, rest, ok := c.Parse("+F:v:f:W:", "field-separator=:F assign=:v file=:f version=V")
	if !ok {
		return 2
	}
	in := &awkRun{
		c: c, vars: map[string]awkValue{"FS": {s: " "}, "OFS": {s: " "}, "ORS": {s: "\n"}, "RS": {s: "\n"}, "SUBSEP": {s: "\x1c"}, "NR": awkNumber(0), "FNR": awkNumber(0), "NF": awkNumber(0)},
		arrays: map[string]map[string]awkValue{}, regexes: map[string]*regex.Regexp{}, readers: map[string]*awkReader{}, pipes: map[string]*strings.Builder{}, files: map[string]*program.CountedWriter{},
	}
	in.environment()
	for _, o := range f.Given {
		switch o.Letter {
		case "F":
			separator := awkEscaped(o.Value)
			if o.Value == "t" {
				separator.s = "t"
			}
			in.vars["FS"] = awkValue{s: separator.s}
		case "v":
			name, value, ok := strings.Cut(o.Value, "=")
			if !ok {
				c.Complain("improper assignment: -v %s", o.Value)
				return 2
			}
			in.vars[name] = awkEscaped(value)
		}
	}
	var program string
	switch {
	case f.Has("W") && f.Value["W"] == "version" || f.Has("V"):
		c.Print(awkVersion)
		return 0
	case f.Has("f"):
		data, err := c.Read(f.Value["f"])
		if err != nil {
			c.Err.Print("awk: cannot open " + f.Value["f"] + " (" + vfs.Text(err) + ")\n")
			return 2
		}
		program = string(data)
	case len(rest) == 0:
		c.Err.Print("Usage: mawk [Options] [Program] [file ...]\n")
		return 0
	default:
		program, rest = rest[0], rest[1:]
	}
	p := &awkParser{text: program, regexes: expressions(c), functions: map[string]*awkFunction{}}
	rules, problem := p.program()
	if problem == "" {
		problem = p.undefined()
	}
	if problem != "" {
		c.Err.Print("awk: " + problem + "\n")
		return 2
	}
	in.functions = p.functions
	in.input.names = rest
	return in.run(rules)
}

// awkVersion is what mawk says of itself.
const awkVersion = "mawk 1.3.4 20200120\nCopyright 2008-2019,2020, Thomas E. Dickey\nCopyright 1991-1996,2014, Michael D. Brennan\n\nrandom-funcs:       srandom/random\nregex-funcs:        internal\ncompiled limits:\nsprintf buffer      8192\nmaximum-integer     2147483647\n"

// environment makes ENVIRON.
func (a *awkRun) environment() {
	table := map[string]awkValue{}
	for _, e := range a.c.Environ() {
		name, value, _ := strings.Cut(e, "=")
		table[name] = awkInput(value)
	}
	a.arrays["ENVIRON"] = table
}

// awkEscaped is a value of the command line: its escapes are read.
func awkEscaped(value string) awkValue {
	text, _ := word.Escapes(value, true)
	return awkInput(text)
}

// awkRule is pattern { action }.
type awkRule struct {
	when    string // "BEGIN", "END" or empty
	pattern awkNode
	to      *awkNode  // of a range: pattern, to
	inside  bool      // the range has begun
	action  []awkNode // nil: print $0
	bare    bool
}

// awkFunction is a function of the program's own.
type awkFunction struct {
	params []string
	body   []awkNode
}

// awkNode is an expression or a statement.
type awkNode struct {
	op   string
	text string
	kids []awkNode
	body [][]awkNode
}
