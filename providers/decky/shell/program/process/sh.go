package process

import "github.com/decnet/decnet/providers/decky/shell/program"

// shellCommand is sh, bash and dash: the shell behind the kernel runs it.
func shellCommand(c *program.Call) int {
	status, err := c.Kernel.Shell(c.Ctx, &c.Process, c.Name, c.Args, c.Streams)
	c.Stop = err
	return status
}
