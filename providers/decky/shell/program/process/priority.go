package process

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// target is the process that -p names; a negative status tells that there is
// one.
func target(c *program.Call, text, words string) (machine.Process, bool) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		c.Complain("invalid PID argument: '%s'", text)
		return machine.Process{}, false
	}
	if n == 0 {
		n = c.PID
	}
	x, found := newLister(c).process(strconv.Itoa(n))
	if !found {
		c.Complain(words, n)
	}
	return x, found
}

// nice runs a program with another niceness, or tells the own one.
func niceProgram(c *program.Call) int {
	args := c.Args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "--" {
		a := args[0]
		args = args[1:]
		value := ""
		switch {
		case a == "--help" || a == "--version":
			c.Parse("n:", "adjustment=:n")
			return 0
		case a == "-n" || a == "--adjustment":
			if len(args) == 0 {
				c.Usage("option requires an argument -- 'n'")
				return 125
			}
			value, args = args[0], args[1:]
		case strings.HasPrefix(a, "--adjustment="):
			value = a[13:]
		case strings.HasPrefix(a, "-n"):
			value = a[2:]
		case strings.Trim(a[1:], "-+0123456789") == "":
			value = a[1:]
		default:
			c.Usage("invalid option -- '" + a[1:2] + "'")
			return 125
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			c.Complain("invalid adjustment ‘%s’", value)
			return 125
		}
		if len(args) > 0 && n < 0 && c.User.UID != 0 {
			c.Complain("cannot set niceness: Permission denied")
		}
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		c.Print("0\n")
		return 0
	}
	return c.Execute(args, c.Streams, "‘%s’: %s")
}

// renice changes the niceness of what runs.
func renice(c *program.Call) int {
	f, rest, ok := c.Parse("n:g:p:u:hV", "priority=:n relative=:n pgrp=g pid=p user=u help=h version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	}
	text := f.Value["n"]
	if !f.Has("n") && len(rest) > 0 {
		text, rest = rest[0], rest[1:]
	}
	if v := f.Value["p"] + f.Value["g"]; v != "" {
		rest = append([]string{v}, rest...)
	}
	if len(rest) == 0 {
		c.Err.Print("renice: not enough arguments\nTry 'renice --help' for more information.\n")
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return c.Complain("invalid priority '%s'\nTry 'renice --help' for more information.", text)
	}
	status := 0
	for _, a := range rest {
		pid, err := strconv.Atoi(a)
		if err != nil {
			status = c.Complain("bad process ID value: %s", a)
			continue
		}
		x, found := newLister(c).process(a)
		switch {
		case !found:
			status = c.Complain("failed to get priority for %d (process ID): No such process", pid)
		case !may(c, x):
			status = c.Complain("failed to set priority for %d (process ID): Operation not permitted", pid)
		case c.User.UID != 0 && n < nice(x):
			status = c.Complain("failed to set priority for %d (process ID): Permission denied", pid)
		default:
			c.Printf("%d (process ID) old priority %d, new priority %d\n", pid, nice(x), min(max(n, -20), 19))
		}
	}
	return status
}

// ionice tells and sets the class of reading and writing.
func ionice(c *program.Call) int {
	f, rest, ok := c.Parse("+c:hn:p:P:tu:V", "class=:c classdata=:n pid=:p pgid=:P ignore=t uid=:u help=h version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	}
	if f.Has("c") && !strings.Contains(" 0 1 2 3 none realtime best-effort idle ", " "+f.Value["c"]+" ") {
		return c.Complain("unknown prio class %s", f.Value["c"])
	}
	switch {
	case f.Has("p"):
		x, found := target(c, f.Value["p"], "ioprio_get failed: No such process")
		if !found {
			return 1
		}
		if f.Has("c") && !may(c, x) {
			return c.Complain("ioprio_set failed: Operation not permitted")
		}
		if !f.Has("c") {
			c.Print("none: prio 0\n")
		}
	case len(rest) == 0:
		c.Print("none: prio 0\n")
	default:
		return c.Execute(rest, c.Streams, "failed to execute %s: %s")
	}
	return 0
}

// chrt tells and sets how a process is scheduled.
func chrt(c *program.Call) int {
	f, rest, ok := c.Parse("+abdD:fhimoP:pRrT:vV", "all-tasks=a batch=b deadline=d fifo=f idle=i max=m other=o pid=p reset-on-fork=R rr=r verbose=v help=h version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("m"):
		c.Print("SCHED_OTHER min/max priority\t: 0/0\nSCHED_FIFO min/max priority\t: 1/99\nSCHED_RR min/max priority\t: 1/99\nSCHED_BATCH min/max priority\t: 0/0\nSCHED_IDLE min/max priority\t: 0/0\nSCHED_DEADLINE min/max priority\t: 0/0\n")
		return 0
	case len(rest) == 0, !f.Has("p") && len(rest) < 2:
		c.Err.Print("chrt: bad usage\nTry 'chrt --help' for more information.\n")
		return 1
	case f.Has("p"):
		x, found := target(c, rest[len(rest)-1], "failed to get pid %d's policy: No such process")
		switch {
		case !found:
			return 1
		case len(rest) > 1 && c.User.UID != 0:
			return c.Complain("failed to set pid %d's policy: Operation not permitted", x.PID)
		case len(rest) > 1:
			return 0
		}
		c.Printf("pid %d's current scheduling policy: SCHED_OTHER\npid %d's current scheduling priority: 0\n", x.PID, x.PID)
		return 0
	case c.User.UID != 0:
		return c.Complain("failed to set pid 0's policy: Operation not permitted")
	}
	return c.Execute(rest[1:], c.Streams, "failed to execute %s: %s")
}

// taskset tells and sets on which processors a process runs.
func taskset(c *program.Call) int {
	f, rest, ok := c.Parse("+apchV", "all-tasks=a pid=p cpu-list=c help=h version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case len(rest) == 0, !f.Has("p") && len(rest) < 2:
		c.Err.Print("taskset: bad usage\nTry 'taskset --help' for more information.\n")
		return 1
	}
	n := c.Machine.Hardware.CPU.Count()
	text := fmt.Sprintf("affinity mask: %x", uint64(1)<<min(n, 63)-1)
	if f.Has("c") {
		text = "affinity list: 0"
		if n > 1 {
			text = fmt.Sprintf("affinity list: 0-%d", n-1)
		}
		if n == 2 {
			text = "affinity list: 0,1"
		}
	}
	if len(rest) > 1 {
		if strings.Trim(rest[0], "0123456789abcdefABCDEFx,-:") != "" {
			return c.Complain("failed to parse CPU %s: %s", map[bool]string{true: "list", false: "mask"}[f.Has("c")], rest[0])
		}
	}
	if !f.Has("p") {
		return c.Execute(rest[1:], c.Streams, "failed to execute %s: %s")
	}
	x, found := target(c, rest[len(rest)-1], "failed to get pid %d's affinity: No such process")
	switch {
	case !found:
		return 1
	case len(rest) > 1 && !may(c, x):
		return c.Complain("failed to set pid %d's affinity: Operation not permitted", x.PID)
	case len(rest) > 1:
		c.Printf("pid %d's current %s\npid %d's new affinity %s: %s\n", x.PID, text, x.PID, map[bool]string{true: "list", false: "mask"}[f.Has("c")], strings.TrimPrefix(rest[0], "0x"))
		return 0
	}
	c.Printf("pid %d's current %s\n", x.PID, text)
	return 0
}

// choom tells and sets what the kernel ends first when memory is short.
func choom(c *program.Call) int {
	f, rest, ok := c.Parse("+hn:p:V", "adjust=:n pid=:p help=h version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case !f.Has("p") && len(rest) == 0:
		c.Err.Print("choom: no PID or COMMAND specified\nTry 'choom --help' for more information.\n")
		return 1
	case !f.Has("p"):
		return c.Execute(rest, c.Streams, "failed to execute %s: %s")
	}
	x, found := target(c, f.Value["p"], "failed to read OOM score value: No such file or directory")
	switch {
	case !found:
		return 1
	case f.Has("n") && c.User.UID != 0:
		return c.Complain("failed to set score adjust value: Permission denied")
	case f.Has("n"):
		c.Printf("pid %d's OOM score adjust value changed from 0 to %s\n", x.PID, f.Value["n"])
		return 0
	}
	c.Printf("pid %d's current OOM score: 666\npid %d's current OOM score adjust value: 0\n", x.PID, x.PID)
	return 0
}

// uclampset tells how a process's load is clamped.
func uclampset(c *program.Call) int {
	f, rest, ok := c.Parse("+m:M:ap:sRvhV", "all-tasks=a pid=:p system=s reset-on-fork=R verbose=v help=h version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("p"):
		x, found := target(c, f.Value["p"], "failed to get pid %d's uclamp values: No such process")
		if !found {
			return 1
		}
		c.Printf("%s (%d) util_clamp: min: 0 max: 1024\n", x.Name, x.PID)
		return 0
	case len(rest) == 0:
		c.Err.Print("uclampset: bad usage\nTry 'uclampset --help' for more information.\n")
		return 1
	}
	return c.Execute(rest, c.Streams, "failed to execute %s: %s")
}

// limits are those of prlimit: name, words, soft, hard, unit.
var limits = [][5]string{
	{"AS", "address space limit", "unlimited", "unlimited", "bytes"}, {"CORE", "max core file size", "0", "unlimited", "bytes"}, {"CPU", "CPU time", "unlimited", "unlimited", "seconds"}, {"DATA", "max data size", "unlimited", "unlimited", "bytes"}, {"FSIZE", "max file size", "unlimited", "unlimited", "bytes"},
	{"LOCKS", "max number of file locks held", "unlimited", "unlimited", "locks"}, {"MEMLOCK", "max locked-in-memory address space", "", "", "bytes"}, {"MSGQUEUE", "max bytes in POSIX mqueues", "819200", "819200", "bytes"}, {"NICE", "max nice prio allowed to raise", "0", "0", ""}, {"NOFILE", "max number of open files", "1024", "1048576", "files"},
	{"NPROC", "max number of processes", "", "", "processes"}, {"RSS", "max resident set size", "unlimited", "unlimited", "bytes"}, {"RTPRIO", "max real-time priority", "0", "0", ""}, {"RTTIME", "timeout for real-time tasks", "unlimited", "unlimited", "microsecs"}, {"SIGPENDING", "max number of pending signals", "", "", "signals"}, {"STACK", "max stack size", "8388608", "unlimited", "bytes"},
}

// prlimit shows the limits of a process.
func prlimit(c *program.Call) int {
	f, rest, ok := c.Parse("+hV", "as=::v core=::c cpu=::t data=::d fsize=::f locks=::x memlock=::l msgqueue=::q nice=::e nofile=::n nproc=::u rss=::m rtprio=::r rttime=::y sigpending=::i stack=::s pid=:p output=:o noheadings=1 raw=2 verbose=3 help=h version=V")
	if f.Has("V") {
		c.Version()
		return 0
	}
	if !ok {
		return 1
	}
	if f.Has("p") {
		if _, found := target(c, f.Value["p"], "failed to get the %d limit: No such process"); !found {
			return 1
		}
	}
	if len(rest) > 0 {
		return c.Execute(rest, c.Streams, "failed to execute %s: %s")
	}
	processes := strconv.FormatInt(c.Machine.Hardware.MemTotal/1024*39/10, 10)
	width := [4]int{8, 11, 4, 4}
	rows := [][5]string{{"RESOURCE", "DESCRIPTION", "SOFT", "HARD", "UNITS"}}
	for _, x := range limits {
		switch x[0] {
		case "NPROC", "SIGPENDING":
			x[2], x[3] = processes, processes
		case "MEMLOCK":
			x[2], x[3] = "67108864", "67108864"
		}
		rows = append(rows, x)
	}
	for _, x := range rows {
		for i := range width {
			width[i] = max(width[i], len(x[i]))
		}
	}
	for _, x := range rows {
		c.Print(strings.TrimRight(fmt.Sprintf("%-*s %-*s %*s %*s %s", width[0], x[0], width[1], x[1], width[2], x[2], width[3], x[3], x[4]), " ") + "\n")
	}
	return 0
}
