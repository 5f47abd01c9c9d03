package format

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// Echo is bash's builtin.
func Echo(c *program.Call) int {
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
