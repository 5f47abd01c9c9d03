package shell

import (
	"strconv"
	"strings"
)

// getopts takes the next option off the parameters.
func getopts(c *call) int {
	d := c.r.state.dialect
	if len(c.Args) < 2 {
		switch {
		case d.bash():
			c.Err.Print("getopts: usage: getopts optstring name [arg ...]\n")
		default:
			c.say(words{"", "Usage: getopts optstring var [arg...]", "usage: getopts optstring var [arg]"})
		}
		return 2
	}
	spec, name := c.Args[0], c.Args[1]
	args := c.r.state.params
	if len(c.Args) > 2 {
		args = c.Args[2:]
	}
	silent := strings.HasPrefix(spec, ":")
	spec = strings.TrimPrefix(spec, ":")
	index, _ := c.r.state.get("OPTIND")
	n, err := strconv.Atoi(index)
	if err != nil || n < 1 {
		n = 1
	}
	offset, _ := c.r.state.get("__getopts")
	at := 1
	if kept, rest, ok := strings.Cut(offset, ":"); ok && kept == index {
		at, _ = strconv.Atoi(rest)
	}
	at = max(at, 1)
	set := c.r.state.set
	done := func(next int) int {
		set("OPTIND", strconv.Itoa(next))
		set(name, "?")
		delete(c.r.state.vars, "OPTARG")
		return 1
	}
	if n > len(args) || len(args[n-1]) < 2 || args[n-1][0] != '-' {
		return done(n)
	}
	if args[n-1] == "--" {
		return done(n + 1)
	}
	word := args[n-1]
	if at >= len(word) {
		at = 1
	}
	letter := word[at : at+1]
	at++
	value := letter
	delete(c.r.state.vars, "OPTARG")
	i := strings.Index(spec, letter)
	next := func() {
		if at >= len(word) {
			n, at = n+1, 1
		}
	}
	switch {
	case i < 0 || letter == ":":
		value = "?"
		if silent {
			set("OPTARG", letter)
		} else {
			c.Err.Print(words{c.r.state.name + ": illegal option -- " + letter, "Illegal option -" + letter, "Illegal option -" + letter}.in(d) + "\n")
		}
		next()
	case i+1 < len(spec) && spec[i+1] == ':':
		switch {
		case at < len(word):
			set("OPTARG", word[at:])
			n, at = n+1, 1
		case n < len(args):
			set("OPTARG", args[n])
			n, at = n+2, 1
		default:
			n, at = n+1, 1
			if silent {
				value = ":"
				set("OPTARG", letter)
			} else {
				value = "?"
				c.Err.Print(words{c.r.state.name + ": option requires an argument -- " + letter, "No arg for -" + letter + " option", "No arg for -" + letter + " option"}.in(d) + "\n")
			}
		}
	default:
		next()
	}
	set(name, value)
	set("OPTIND", strconv.Itoa(n))
	set("__getopts", strconv.Itoa(n)+":"+strconv.Itoa(at))
	return 0
}
