package shell

import (
	"maps"
	"slices"
	"strings"
)

type setOption struct {
	name string
	on   bool
}

// setOptions are the names of set -o, in its order, and whether they are on
// in a shell that reads no terminal.
var setOptions = []setOption{
	{"allexport", false}, {"braceexpand", true}, {"emacs", false}, {"errexit", false}, {"errtrace", false}, {"functrace", false}, {"hashall", true}, {"histexpand", false}, {"history", false},
	{"ignoreeof", false}, {"interactive-comments", true}, {"keyword", false}, {"monitor", false}, {"noclobber", false}, {"noexec", false}, {"noglob", false}, {"nolog", false}, {"notify", false},
	{"nounset", false}, {"onecmd", false}, {"physical", false}, {"pipefail", false}, {"posix", false}, {"privileged", false}, {"verbose", false}, {"vi", false}, {"xtrace", false},
}

// plainOptions are those of dash and ash, in their order.
var plainOptions = []string{"errexit", "noglob", "ignoreeof", "interactive", "monitor", "noexec", "stdin", "xtrace", "verbose", "vi", "emacs", "noclobber", "allexport", "notify", "nounset", "nolog", "debug"}

var ashOptions = []string{"errexit", "noglob", "ignoreeof", "interactive", "monitor", "noexec", "stdin", "xtrace", "verbose", "noclobber", "allexport", "notify", "nounset", "vi", "pipefail", "nolog", "debug"}

// setOption is set -o name and set +o name; its status is 0 where there is such
// a name.
func (c *call) setOption(name string, on bool) int {
	d := c.r.state.dialect
	known := false
	switch {
	case d.bash():
		known = slices.ContainsFunc(setOptions, func(o setOption) bool { return o.name == name })
	case d.dash():
		known = slices.Contains(plainOptions, name)
	default:
		known = slices.Contains(ashOptions, name)
	}
	if known {
		c.r.state.options[name] = on
		return 0
	}
	sign := map[bool]string{true: "-o ", false: "+o "}[on]
	c.say(words{"%s: invalid option name", "Illegal option " + sign + "%s", "illegal option " + sign + "%s"}, name)
	switch {
	case d.bash():
		return 2
	case d.ash():
		return 1
	}
	return c.misused(2)
}

// showOptions is set -o, or set +o, without a name.
func (c *call) showOptions(readable bool) {
	d := c.r.state.dialect
	on := func(name string, first bool) bool {
		if value, changed := c.r.state.options[name]; changed {
			return value
		}
		return first || c.r.state.interactive && slices.Contains([]string{"emacs", "histexpand", "history", "monitor", "interactive"}, name)
	}
	command := func(name string, value bool) {
		c.Print("set " + map[bool]string{true: "-o ", false: "+o "}[value] + name + "\n")
	}
	if !d.bash() {
		list := plainOptions
		if d.ash() {
			list = ashOptions
		} else if readable {
			c.Print("Current option settings\n")
		}
		for _, name := range list {
			if value := on(name, false); readable {
				c.Printf("%-16s%s\n", name, map[bool]string{true: "on", false: "off"}[value])
			} else {
				command(name, value)
			}
		}
		return
	}
	for _, o := range setOptions {
		if value := on(o.name, o.on); readable {
			c.Print(onOff(o.name, value))
		} else {
			command(o.name, value)
		}
	}
}

func onOff(name string, on bool) string {
	state := "off"
	if on {
		state = "on"
	}
	return name + strings.Repeat(" ", max(15-len(name), 0)) + "\t" + state + "\n"
}

// shoptOptions are the names of shopt and their defaults.
var shoptOptions = map[string]bool{
	"autocd": false, "assoc_expand_once": false, "cdable_vars": false, "cdspell": false, "checkhash": false, "checkjobs": false, "checkwinsize": true, "cmdhist": true, "compat31": false, "compat32": false, "compat40": false,
	"compat41": false, "compat42": false, "compat43": false, "compat44": false, "complete_fullquote": true, "direxpand": false, "dirspell": false, "dotglob": false, "execfail": false, "expand_aliases": false, "extdebug": false,
	"extglob": false, "extquote": true, "failglob": false, "force_fignore": true, "globasciiranges": true, "globskipdots": true, "globstar": false, "gnu_errfmt": false, "histappend": false, "histreedit": false, "histverify": false,
	"hostcomplete": true, "huponexit": false, "inherit_errexit": false, "interactive_comments": true, "lastpipe": false, "lithist": false, "localvar_inherit": false, "localvar_unset": false, "login_shell": false, "mailwarn": false,
	"no_empty_cmd_completion": false, "nocaseglob": false, "nocasematch": false, "noexpand_translation": false, "nullglob": false, "patsub_replacement": true, "progcomp": true, "progcomp_alias": false, "promptvars": true,
	"restricted_shell": false, "shift_verbose": false, "sourcepath": true, "varredir_close": false, "xpg_echo": false,
}

// shopt sets and shows bash's own options.
func shopt(c *call) int {
	set, unset, quiet := false, false, false
	args := c.Args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		set = set || strings.Contains(args[0], "s")
		unset = unset || strings.Contains(args[0], "u")
		quiet = quiet || strings.Contains(args[0], "q")
		args = args[1:]
	}
	value := func(name string) bool {
		if on, changed := c.r.state.shopt[name]; changed {
			return on
		}
		return shoptOptions[name]
	}
	if len(args) == 0 {
		for _, name := range slices.Sorted(maps.Keys(shoptOptions)) {
			if on := value(name); !set && !unset || set == on {
				c.Print(onOff(name, on))
			}
		}
		return 0
	}
	status := 0
	for _, name := range args {
		switch _, known := shoptOptions[name]; {
		case !known:
			c.say(words{"%s: invalid shell option name"}, name)
			status = 1
		case set || unset:
			c.r.state.shopt[name] = set
		default:
			if !value(name) {
				status = 1
			}
			if !quiet {
				c.Print(onOff(name, value(name)))
			}
		}
	}
	return status
}
