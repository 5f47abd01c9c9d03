package shell

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	kills "github.com/decnet/decnet/providers/decky/shell/program/process"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// signalTexts are what strsignal(3) says.
var signalTexts = map[int]string{
	1: "Hangup", 2: "Interrupt", 3: "Quit", 4: "Illegal instruction", 5: "Trace/breakpoint trap", 6: "Aborted", 7: "Bus error", 8: "Floating point exception", 9: "Killed", 10: "User defined signal 1", 11: "Segmentation fault",
	12: "User defined signal 2", 13: "Broken pipe", 14: "Alarm clock", 15: "Terminated", 16: "Stack fault", 24: "CPU time limit exceeded", 25: "File size limit exceeded", 26: "Virtual timer expired", 27: "Profiling timer expired", 29: "I/O possible", 30: "Power failure", 31: "Bad system call",
}

func signalText(n int) string {
	if text, ok := signalTexts[n]; ok {
		return text
	}
	return "Unknown signal " + strconv.Itoa(n)
}

func signalName(n int) string {
	if n >= 1 && n <= len(kills.Signals) {
		return kills.Signals[n-1]
	}
	return strconv.Itoa(n)
}

// signalNumber is the number of a signal given by name or number, -1 where it
// is none.
func signalNumber(text string) int {
	if n, err := strconv.Atoi(text); err == nil {
		if n < 0 || n > 64 {
			return -1
		}
		return n
	}
	return slices.Index(kills.Signals, strings.TrimPrefix(strings.ToUpper(text), "SIG")) + 1 - boolean(!slices.Contains(kills.Signals, strings.TrimPrefix(strings.ToUpper(text), "SIG")))
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// trapped runs what was set for the signals that came in.
func (r *runner) trapped(io Streams) error {
	for len(r.proc.pending) > 0 {
		name := r.proc.pending[0]
		r.proc.pending = r.proc.pending[1:]
		if err := r.trap(r.proc.traps[name], io); err != nil {
			return err
		}
	}
	return nil
}

// trap runs a trap's text and keeps the status.
func (r *runner) trap(body string, io Streams) error {
	if body == "" || r.trapping > 4 {
		return nil
	}
	r.trapping++
	defer func() { r.trapping-- }()
	status := r.state.status
	err := r.parsed(body, io, fromShell, "")
	if err == nil {
		r.state.status = status
	}
	return err
}

// trapCommand is trap.
func trapCommand(c *call) int {
	d := c.r.state.dialect
	args := c.Args
	show := len(args) == 0
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		switch {
		case args[0] == "--":
			args = args[1:]
			return c.setTraps(args)
		case args[0] == "-p" && d.bash():
			show, args = true, args[1:]
			continue
		case args[0] == "-l" && d.bash():
			return kills.Kill(&program.Call{Process: c.Process, Kernel: c.Kernel, Ctx: c.Ctx, Name: "kill", Args: []string{"-l"}, Streams: c.Streams, Prefix: c.Prefix})
		case signalNumber(args[0]) >= 0 && d.bash():
		default:
			return c.badOption(args[0][:2], "trap [-lp] [[arg] signal_spec ...]")
		}
		break
	}
	if show {
		c.showTraps(args)
		return 0
	}
	return c.setTraps(args)
}

func (c *call) showTraps(only []string) {
	d := c.r.state.dialect
	order := func(name string) int {
		if name == "EXIT" {
			return -1
		}
		if n := slices.Index(kills.Signals, name); n >= 0 {
			return n
		}
		return 100
	}
	names := slices.Collect(maps.Keys(c.r.state.traps))
	slices.SortFunc(names, func(a, b string) int { return order(a) - order(b) })
	for _, name := range names {
		if len(only) > 0 && !slices.ContainsFunc(only, func(o string) bool { return trapName(o) == name }) {
			continue
		}
		shown := name
		if d.bash() && slices.Contains(kills.Signals, name) {
			shown = "SIG" + name
		}
		c.Print("trap -- " + word.Quote(c.r.state.traps[name]) + " " + shown + "\n")
	}
}

// trapName is the name by which a trap is kept, nothing where there is no such
// signal.
func trapName(text string) string {
	text = strings.TrimPrefix(strings.ToUpper(text), "SIG")
	switch text {
	case "0", "EXIT":
		return "EXIT"
	case "ERR", "DEBUG", "RETURN":
		return text
	}
	if n := signalNumber(text); n > 0 {
		return signalName(n)
	}
	return ""
}

func (c *call) setTraps(args []string) int {
	if len(args) == 0 {
		return 0
	}
	body, names := args[0], args[1:]
	if len(names) == 0 || signalNumber(body) >= 0 && strings.Trim(body, "0123456789") == "" {
		body, names = "-", args
	}
	status := 0
	d := c.r.state.dialect
	for _, text := range names {
		name := trapName(text)
		if name == "" || !d.bash() && (name == "DEBUG" || name == "RETURN" || name == "ERR" && d.dash()) {
			switch {
			case d.bash():
				c.say(words{"%s: invalid signal specification"}, text)
			case d.dash():
				c.Err.Print("trap: " + text + ": bad trap\n")
			default:
				c.say(words{"", "", "%s: invalid signal specification"}, text)
			}
			status = 1
			continue
		}
		if body == "-" {
			delete(c.r.state.traps, name)
		} else if len(c.r.state.traps) < 64 {
			c.r.state.traps[name] = body
		}
	}
	return status
}

// killCommand is kill: what the shell itself runs gets the signal, of the rest
// of the host program.Kill tells.
func killCommand(c *call) int {
	d := c.r.state.dialect
	args := c.Args
	number := 15
	if len(args) == 0 && d.ash() {
		c.Err.Print(c.r.state.name + ": you need to specify whom to kill\n")
		return 1
	}
	if d.dash() && (len(args) == 0 || args[0] == "-l" && len(args) > 1) {
		return c.dashKill(args)
	}
	if len(args) == 0 || args[0] == "-l" || args[0] == "-L" {
		return c.killElsewhere(c.Args)
	}
	switch a := args[0]; {
	case (a == "-s" || a == "-n") && len(args) > 1:
		number = signalNumber(args[1])
		if number < 0 {
			return c.killElsewhere([]string{"-" + args[1], "0"})
		}
		args = args[2:]
	case a == "--":
		args = args[1:]
	case len(a) > 1 && a[0] == '-':
		if number = signalNumber(a[1:]); number < 0 {
			if !d.bash() {
				if d.ash() {
					c.Err.Print(c.r.state.name + ": bad signal name '" + a[1:] + "'\n")
					return 1
				}
				c.say(words{"", "Illegal option %s"}, a[:2])
				return 2
			}
			return c.killElsewhere(c.Args)
		}
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 && d.ash() {
		c.Err.Print(c.r.state.name + ": you need to specify whom to kill\n")
		return 1
	}
	if len(args) == 0 {
		return c.killElsewhere(nil)
	}
	status := 0
	for _, a := range args {
		if one := c.killOne(a, number); one != 0 {
			status = one
		}
	}
	return status
}

// dashKill is dash's kill where no signal is sent: how it is used, and the names
// of statuses.
func (c *call) dashKill(args []string) int {
	if len(args) == 0 {
		c.Err.Print(c.r.prefixOf("kill") + "Usage: kill [-s sigspec | -signum | -sigspec] [pid | job]... or\nkill -l [exitstatus]\n")
		return 2
	}
	a := args[1] // the others it does not look at
	n, err := strconv.Atoi(a)
	if err != nil || n < 0 {
		c.Err.Print(c.r.prefixOf("kill") + "Illegal number: " + a + "\n")
		return 2
	}
	if n > 128 {
		n -= 128
	}
	if n < 1 || n > 64 {
		c.Err.Print(c.r.prefixOf("kill") + "invalid signal number or exit status: " + a + "\n")
		return 2
	}
	c.Print(signalName(n) + "\n")
	return 0
}

func (c *call) killElsewhere(args []string) int {
	c.Args = args
	return kills.Kill(c.Call)
}

func (c *call) killOne(spec string, number int) int {
	r, d := c.r, c.r.state.dialect
	if strings.HasPrefix(spec, "%") {
		j := r.state.jobs.find(spec)
		if j == nil {
			return c.fail(words{"%s: no such job", "No such job: %s", "%s: no such job"}, spec)
		}
		j.proc.kill(number)
		return 0
	}
	pid, err := strconv.Atoi(spec)
	if err != nil {
		switch {
		case d.bash():
			c.say(words{"%s: arguments must be process or job IDs"}, spec)
			return 1
		case d.dash():
			return c.illegalNumber(spec)
		}
		c.Err.Print(r.state.name + ": invalid number '" + spec + "'\n")
		return 1
	}
	if pid < 0 {
		pid = -pid
	}
	if p := r.session.processes[pid]; p != nil || pid == 0 {
		if pid == 0 {
			p = r.proc
		}
		p.kill(number)
		return 0
	}
	sent := "-" + strconv.Itoa(number)
	switch {
	case d.bash():
		return c.killElsewhere([]string{sent, spec})
	}
	for _, p := range c.Machine.Processes() {
		if p.PID == pid {
			if c.User.UID != 0 {
				c.say(words{"", "Operation not permitted", "can't kill pid " + spec + ": Operation not permitted"})
				return 1
			}
			return 0
		}
	}
	if d.dash() {
		c.say(words{"", "No such process"})
		c.Err.Print("\n")
		return 1
	}
	c.Err.Print(fmt.Sprintf("%s: can't kill pid %d: No such process\n", r.state.name, pid))
	return 1
}
