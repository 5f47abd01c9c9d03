package process

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// shellCommand is sh, bash and dash.
func shellCommand(c *program.Call) int {
	args := c.Args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-c" && args[0] != "-" && !strings.Contains(args[0], "c") {
		if args[0] == "--version" {
			c.Print("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\nCopyright (C) 2022 Free Software Foundation, Inc.\n")
			return 0
		}
		args = args[1:]
	}
	switch {
	case len(args) > 0 && strings.HasPrefix(args[0], "-") && strings.Contains(args[0], "c"):
		if len(args) == 1 {
			return c.Complain("-c: option requires an argument") * 2
		}
		params := append([]string{c.Name}, args[min(3, len(args)):]...)
		if len(args) > 2 {
			params[0] = args[2]
		}
		return c.Script(args[1], params, c.Streams)
	case len(args) > 0 && args[0] != "-":
		data, err := c.View().ReadFile(c.Path(args[0]))
		if err != nil {
			c.Err.Print(c.Name + ": " + args[0] + ": " + vfs.Text(err) + "\n")
			return 127
		}
		return c.Script(string(data), args, c.Streams)
	case c.TTY != "" && c.Out.TTY:
		// A shell in the shell: the same one goes on.
		return 0
	default:
		data, err := c.ReadAll(c.In)
		if err != nil {
			c.Stop = err
			return 1
		}
		return c.Script(string(data), []string{c.Name}, c.Streams)
	}
}
