package system

import (
	"github.com/decnet/decnet/providers/decky/shell/program"
)

func tty(c *program.Call) int {
	if name := c.TTY; name != "" {
		c.Print(name + "\n")
		return 0
	}
	c.Print("not a tty\n")
	return 1
}
