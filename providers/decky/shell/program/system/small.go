package system

import "github.com/decnet/decnet/providers/decky/shell/program"

func quiet(*program.Call) int { return 0 }

func no(*program.Call) int { return 1 }

func arch(c *program.Call) int {
	if _, rest, ok := c.Parse("", ""); !ok || len(rest) > 0 {
		if ok {
			c.Usage("extra operand ‘" + rest[0] + "’")
		}
		return 1
	}
	c.Print(c.Machine.Host.Machine + "\n")
	return 0
}

// pwd is the working directory.
func pwd(c *program.Call) int {
	path := c.Cwd
	if resolved, err := c.View().Resolve(path); err == nil {
		path = resolved
	}
	c.Print(path + "\n")
	return 0
}
