package shell

import (
	_ "embed"
	"fmt"
	"strings"
)

// synopses are how bash's builtins and reserved words are called, as "name: how".
//
//go:embed data/synopses.txt
var synopses string

// helpWidth is that of a terminal nobody told the size of.
const helpWidth = 80

// help lists the builtins, or says how those are called that are named.
func help(c *call) int {
	given, names, status, ok := c.options("dms", "help [-dms] [pattern ...]")
	if !ok {
		return status
	}
	lines := strings.Split(strings.TrimSpace(synopses), "\n")
	if len(names) == 0 {
		c.Print("GNU bash, version " + c.r.state.version + " (" + c.r.state.machine + ")\n" + helpLead + helpColumns(lines))
		return 0
	}
	for _, topic := range names {
		found := false
		for _, line := range lines {
			name, how, _ := strings.Cut(line, ": ")
			if name != topic && !strings.HasPrefix(name, topic) {
				continue
			}
			if name != topic && found {
				continue
			}
			found = true
			c.Print(name + ": " + how + "\n")
			if !strings.Contains(given, "s") {
				c.Print("    See the manual page of bash.\n")
			}
			if name == topic {
				break
			}
		}
		if !found {
			c.say(words{"no help topics match `" + topic + "'.  Try `help help' or `man -k " + topic + "' or `info " + topic + "'."})
			status = 1
		}
	}
	return status
}

// helpLead stands before the list, as many lines as bash has there.
const helpLead = `These commands are part of the shell.  This list is what ` + "`help'" + ` shows.
With a name, ` + "`help name'" + ` tells more of the command that is called so.
More of the shell in general is in ` + "`info bash'" + `.
For commands that are not in this list there are ` + "`man -k' and `info'" + `.

A star (*) before a name tells that the command is disabled.

`

// helpColumns has two lists side by side, what is too long cut with a mark.
func helpColumns(lines []string) string {
	var b strings.Builder
	width, height := helpWidth/2, (len(lines)+1)/2
	cell := func(line string, room int) string {
		_, how, _ := strings.Cut(line, ": ")
		if len(how) > room {
			how = how[:room-1] + ">"
		}
		return " " + how
	}
	for i := range height {
		left, right := cell(lines[i], width-2), ""
		if i+height < len(lines) {
			right = cell(lines[i+height], width-3)
		}
		fmt.Fprintf(&b, "%-*s%s\n", width, left, right)
	}
	return b.String()
}
