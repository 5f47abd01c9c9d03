package system

import "github.com/decnet/decnet/providers/decky/shell/program"

func mount(c *program.Call) int {
	if len(c.Args) > 0 && c.Args[0] != "-l" {
		if c.User.UID != 0 {
			c.Err.Print("mount: " + c.Args[len(c.Args)-1] + ": must be superuser to use mount.\n")
			return 1
		}
		c.Err.Print("mount: " + c.Args[len(c.Args)-1] + ": permission denied.\n")
		return 32
	}
	for _, x := range c.Machine.Mounts() {
		c.Print(x[0] + " on " + x[1] + " type " + x[2] + " (" + x[3] + ")\n")
	}
	return 0
}

// said is a command that always says the same.
func said(text string, status int) program.Func {
	return func(c *program.Call) int {
		if status == 0 {
			c.Print(text)
		} else {
			c.Err.Print(text)
		}
		return status
	}
}
