package shell

import (
	"strings"
)

// testError is a mistake of test in bash's words, put in those of the dialect.
func (c *call) testError(said string, args []string) {
	d := c.r.state.dialect
	if c.external && !c.Applet {
		name, rest, _ := strings.Cut(said, ": ")
		switch rest {
		case "integer expression expected":
			said = "invalid integer ‘" + name + "’"
		case "unary operator expected", "binary operator expected":
			said = "‘" + name + "’: " + rest
		}
		if said == "too many arguments" && len(args) > 0 {
			said = "extra argument ‘" + args[len(args)-1] + "’"
		}
		c.Err.Print(c.called + ": " + strings.ReplaceAll(said, "missing `]'", "missing ‘]’") + "\n")
		return
	}
	if d.bash() {
		c.say(words{"%s"}, said)
		return
	}
	text := said
	name, rest, _ := strings.Cut(said, ": ")
	switch {
	case strings.HasPrefix(said, "missing"):
		text = "missing ]"
		if c.Name == "[[" {
			text = "missing ]]"
		}
	case rest == "integer expression expected":
		bad := ": bad number"
		if strings.Trim(strings.TrimLeft(name, "+-"), "0123456789") == "" && strings.Trim(name, "+-") != "" {
			bad = ": out of range"
		}
		text = words{"", "Illegal number: " + name, name + bad}.in(d)
	case said == "argument expected":
		text = "argument expected"
		if d.ash() && len(args) > 0 {
			text = args[len(args)-1] + ": argument expected"
		}
	case d.dash():
		// It names the word in front of the one that it does not expect.
		bad := name
		switch {
		case rest == "binary operator expected" && len(args) > 0:
			bad = args[0]
		case said == "too many arguments" && len(args) > 2:
			if bad = args[0]; isBinary(args[1]) {
				bad = args[2]
			}
		}
		text = bad + ": unexpected operator"
	default:
		bad := name
		switch {
		case rest == "unary operator expected" && len(args) > 1:
			bad = args[1]
		case rest == "binary operator expected" && len(args) > 1:
			bad = args[1]
		case said == "too many arguments" && len(args) > 3:
			if bad = args[1]; isBinary(args[1]) {
				bad = args[3]
			}
		}
		text = bad + ": unknown operand"
	}
	if c.Applet {
		c.Err.Print(c.Name + ": " + text + "\n")
		return
	}
	if d.ash() {
		c.Err.Print(c.r.state.name + ": " + text + "\n")
		return
	}
	c.say(words{"", "%s"}, text)
}
