package process

import (
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// Signals are the names of the signals 1 to 31.
var Signals = strings.Fields("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS")

// killUsage is what procps' kill says where it is told nobody to kill.
const killUsage = `
Usage:
 kill [options] <pid> [...]

Options:
 <pid> [...]            the processes that get the signal
 -<signal>, -s, --signal <signal>
                        which signal they get
 -q, --queue <value>    number that goes with the signal
 -l, --list=[<signal>]  names of the signals, or the name of one
 -L, --table            names of the signals in a table

 -h, --help     show this text and end
 -V, --version  show the version and end

For more details see kill(1).
`

// killProgram is kill of procps, where Kill is the shells' own.
func killProgram(c *program.Call) int {
	if c.Applet {
		return Kill(c)
	}
	operands := c.Args
	for len(operands) > 0 && strings.HasPrefix(operands[0], "-") {
		switch operands[0] {
		case "-l", "-L", "--list", "--table":
			return Kill(c)
		case "-V", "--version":
			c.Version()
			return 0
		case "-s", "--signal":
			operands = operands[min(1, len(operands)-1):]
		}
		operands = operands[1:]
	}
	if len(operands) == 0 {
		c.Err.Print(killUsage)
		return 1
	}
	var said strings.Builder
	out := c.Err
	c.Err = program.Stream{Writer: &said}
	status := Kill(c)
	out.Print(strings.ReplaceAll(said.String(), ") - ", "): "))
	return status
}

// Kill is kill, the builtin and the program.
func Kill(c *program.Call) int {
	if len(c.Args) == 0 {
		c.Err.Print("kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n")
		return 2
	}
	if c.Args[0] == "-l" && len(c.Args) > 1 {
		for _, a := range c.Args[1:] {
			n, err := strconv.Atoi(a)
			switch at := slices.Index(Signals, strings.TrimPrefix(strings.ToUpper(a), "SIG")); {
			case err == nil && n&127 >= 1 && n&127 <= len(Signals):
				c.Print(Signals[n&127-1] + "\n")
			case at >= 0:
				c.Printf("%d\n", at+1)
			default:
				return c.Shout("%s: invalid signal specification", a)
			}
		}
		return 0
	}
	if name := strings.TrimPrefix(strings.TrimPrefix(c.Args[0], "-"), "SIG"); len(c.Args[0]) > 1 && c.Args[0][0] == '-' && strings.Trim(name, "0123456789") != "" && !slices.Contains([]string{"l", "s", "n", "-"}, name) && !slices.Contains(Signals, strings.ToUpper(name)) {
		return c.Shout("%s: invalid signal specification", c.Args[0][1:])
	}
	if c.Args[0] == "-l" {
		for i, s := range Signals {
			c.Printf("%2d) SIG%s", i+1, s)
			if i%5 == 4 || i == len(Signals)-1 {
				c.Print("\n")
			} else {
				c.Print("\t")
			}
		}
		return 0
	}
	status := 0
	_, number := withSignal(c.Args[:1])
	if (c.Args[0] == "-s" || c.Args[0] == "-n") && len(c.Args) > 1 {
		number, _ = signalOf(c.Args[1])
	}
	for i, a := range c.Args {
		if strings.HasPrefix(a, "-") && i == 0 || i == 1 && (c.Args[0] == "-s" || c.Args[0] == "-n") {
			continue
		}
		pid, err := strconv.Atoi(a)
		if err != nil {
			status = c.Shout("%s: arguments must be process or job IDs", a)
			continue
		}
		x, found := c.Machine.Process(pid)
		switch {
		case pid == c.PID && number == 0:
		case pid == c.PID:
			if number == 9 || number == 1 {
				c.Stop = program.Exit(128 + number)
			}
		case !found:
			status = c.Shout("(%d) - No such process", pid)
		case !may(c, x):
			status = c.Shout("(%d) - Operation not permitted", pid)
		case number != 0:
			deliver(c, x, number)
		}
	}
	return status
}
