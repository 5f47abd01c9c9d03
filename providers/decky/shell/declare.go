package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/word"
)

// declareCommand is export, readonly, local and declare as ordinary words: in
// dash, after command, in a variable.
func declareCommand(c *call) int {
	r := c.r
	if _, known := r.state.builtin(c.Name); !known {
		return 127
	}
	d := r.state.dialect
	flags := ""
	args := c.Args
	for len(args) > 0 && len(args[0]) > 1 && (args[0][0] == '-' || args[0][0] == '+' && d.bash()) {
		if args[0] == "--" {
			args = args[1:]
			break
		}
		if !d.bash() && args[0] != "-p" {
			c.say(words{"", "Illegal option %s", "illegal option %s"}, "-"+strings.Trim(args[0][1:], "p")[:1])
			return c.misused(2)
		}
		flags += args[0]
		args = args[1:]
	}
	names := make([]*syntax.Assign, 0, len(args))
	for _, a := range args {
		name, value, assigned := strings.Cut(a, "=")
		one := &syntax.Assign{Name: &syntax.Lit{Value: name}, Naked: !assigned}
		if more, ok := strings.CutSuffix(name, "+"); ok && assigned && d.bash() {
			one.Append, one.Name = true, &syntax.Lit{Value: more}
		}
		if assigned {
			one.Value = &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Value: value}}}
		}
		names = append(names, one)
	}
	c.Stop = r.declareNames(c.Name, flags, names, c.Streams)
	return r.state.status
}

// declareNames is what all of them do.
func (r *runner) declareNames(kind, flags string, names []*syntax.Assign, io Streams) error {
	d := r.state.dialect
	r.state.status = 0
	if kind == "local" && len(r.state.locals) == 0 {
		if d.bash() {
			io.Err.Print(r.prefixOf("local") + "can only be used in a function\n")
			r.state.status = 1
			return nil
		}
		io.Err.Print(r.prefixOf("local") + "not in a function\n")
		return r.fatal(2)
	}
	if len(names) == 0 {
		r.listVariables(kind, flags, io)
		return nil
	}
	for _, a := range names {
		if err := r.declareOne(kind, flags, a, io); err != nil {
			return r.expansionFailed(err, io)
		}
	}
	return nil
}

// fatal ends a script of dash or ash.
func (r *runner) fatal(status int) error {
	r.state.status = status
	if r.state.interactive {
		return nil
	}
	return exitError(status)
}

// plainDeclaration is a variable as export -p of dash and ash lists it.
func plainDeclaration(kind, name string, v *variable) string {
	if v.unset {
		return kind + " " + name + "\n"
	}
	return kind + " " + name + "=" + word.Quote(v.value) + "\n"
}
