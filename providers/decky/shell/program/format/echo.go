package format

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// Echo is bash's builtin.
func Echo(c *program.Call) int {
	if c.Prefix == "" && !c.Applet && len(c.Args) == 1 && (c.Args[0] == "--version" || c.Args[0] == "--help") {
		c.Parse("", "")
		return 0
	}
	newline, expand := true, false
	args := c.Args
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		for _, o := range args[0][1:] {
			switch o {
			case 'n':
				newline = false
			case 'e':
				expand = true
			case 'E':
				expand = false
			}
		}
		args = args[1:]
	}
	text := strings.Join(args, " ")
	if expand {
		var stop bool
		if text, stop = word.Escapes(text, false); stop {
			newline = false
		}
	}
	if newline {
		text += "\n"
	}
	c.Print(text)
	return 0
}
