package shell

import "strings"

func env(c *call) int {
	args := c.args
	for len(args) > 0 && (strings.Contains(args[0], "=") || strings.HasPrefix(args[0], "-")) {
		if name, value, ok := strings.Cut(args[0], "="); ok {
			c.r.state.set(name, value)
			if v := c.r.state.vars[name]; v != nil {
				v.exported = true
			}
		}
		args = args[1:]
	}
	if len(args) > 0 {
		c.stop = c.r.program(args, c.io)
		return c.r.state.status
	}
	for _, e := range c.r.state.environ() {
		c.print(e + "\n")
	}
	return 0
}

func printenv(c *call) int {
	if len(c.args) == 0 {
		return env(c)
	}
	status := 0
	for _, name := range c.args {
		if v := c.r.state.vars[name]; v != nil && v.exported {
			c.print(v.value + "\n")
		} else {
			status = 1
		}
	}
	return status
}

func which(c *call) int {
	status := 0
	for _, name := range c.args {
		if strings.HasPrefix(name, "-") {
			continue
		}
		path, err := c.r.find(name)
		if err != nil {
			status = 1
			continue
		}
		c.print(path + "\n")
	}
	return status
}
