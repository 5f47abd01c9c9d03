package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func ps(c *call) int {
	m := c.r.session.machine
	options := strings.Join(c.args, " ")
	long := strings.Contains(options, "u") && !strings.HasPrefix(options, "-u")
	full := strings.Contains(options, "f") || strings.Contains(options, "F")
	all := strings.ContainsAny(options, "aAxe")
	tty := strings.TrimPrefix(c.r.session.options.TTY, "/dev/")
	list := append(m.processes(), process{pid: m.nextPID(), ppid: c.r.session.pid, user: c.r.asUser.name, vsz: 11084, rss: 4396, tty: tty, stat: "R+", start: int64(m.uptime().Seconds()), name: "ps", args: strings.TrimSpace("ps " + options)})
	switch {
	case long:
		c.print("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n")
	case full:
		c.print("UID          PID    PPID  C STIME TTY          TIME CMD\n")
	case strings.Contains(options, "x") || strings.Contains(options, "a") && !strings.HasPrefix(options, "-"):
		c.print("    PID TTY      STAT   TIME COMMAND\n")
	default:
		c.print("    PID TTY          TIME CMD\n")
	}
	total := m.memory().total
	for _, p := range list {
		if !all && (tty == "" || p.tty != tty) && p.name != "ps" {
			continue
		}
		term := p.tty
		if term == "" {
			term = "?"
		}
		at := m.boot.Add(time.Duration(p.start) * time.Second)
		start := at.UTC().Format("15:04")
		if m.now().Sub(at) > 24*time.Hour {
			start = at.UTC().Format("Jan02")
		}
		cpu := p.cpu + p.cpu*int64(m.uptime().Hours())/30
		switch {
		case long:
			user := p.user
			if len(user) > 8 {
				user = user[:7] + "+"
			}
			c.printf("%-8s %7d  0.0 %4.1f %6d %5d %-8s %-4s %5s %6s %s\n", user, p.pid, float64(p.rss*100)/float64(total), p.vsz, p.rss, term, p.stat, start, fmt.Sprintf("%d:%02d", cpu/60, cpu%60), p.args)
		case full:
			user := p.user
			if len(user) > 8 {
				user = user[:7] + "+"
			}
			c.printf("%-8s %7d %7d  0 %5s %-8s %02d:%02d:%02d %s\n", user, p.pid, p.ppid, start, term, cpu/3600, cpu/60%60, cpu%60, p.args)
		case strings.Contains(options, "x") || strings.Contains(options, "a") && !strings.HasPrefix(options, "-"):
			c.printf("%7d %-8s %-4s %6s %s\n", p.pid, term, p.stat, fmt.Sprintf("%d:%02d", cpu/60, cpu%60), p.args)
		default:
			c.printf("%7d %-8s %02d:%02d:%02d %s\n", p.pid, term, cpu/3600, cpu/60%60, cpu%60, p.name)
		}
	}
	return 0
}

func top(c *call) int {
	m := c.r.session.machine
	x := m.memory()
	list := m.processes()
	mib := func(k int64) float64 { return float64(k) / 1024 }
	c.print("top -" + m.uptimeLine() + fmt.Sprintf("Tasks: %3d total,   1 running, %3d sleeping,   0 stopped,   0 zombie\n%%Cpu(s):  0.3 us,  0.2 sy,  0.0 ni, 99.5 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st \nMiB Mem : %8.1f total, %8.1f free, %8.1f used, %8.1f buff/cache     \nMiB Swap: %8.1f total, %8.1f free,      0.0 used. %8.1f avail Mem \n\n    PID USER      PR  NI    VIRT    RES    SHR S  %%CPU  %%MEM     TIME+ COMMAND\n",
		len(list)+1, len(list), mib(x.total), mib(x.free), mib(x.total-x.free-x.buffers-x.cached), mib(x.buffers+x.cached), mib(x.swap), mib(x.swap), mib(x.available)))
	for i, p := range list {
		if i >= int(c.r.session.rows.Load())-7 && c.out.tty {
			break
		}
		c.printf("%7d %-8.8s  20   0 %7d %6d %6d %.1s   0.0 %5.1f   0:%02d.%02d %s\n", p.pid, p.user, p.vsz, p.rss, p.rss*2/3, p.stat, float64(p.rss*100)/float64(x.total), p.cpu, p.pid%100, p.name)
	}
	return 0
}

func free(c *call) int {
	f, _, ok := c.parse("bkmghtwls:c:", "bytes=b kibi=k mebi=m gibi=g human=h total=t wide=w")
	if !ok {
		return 1
	}
	x := c.r.session.machine.memory()
	show := func(k int64) string {
		switch {
		case f.has("b"):
			return strconv.FormatInt(k*1024, 10)
		case f.has("m"):
			return strconv.FormatInt(k/1024, 10)
		case f.has("g"):
			return strconv.FormatInt(k/1024/1024, 10)
		case f.has("h"):
			if k == 0 {
				return "0B"
			}
			if k >= 1<<20 {
				return fmt.Sprintf("%.1fGi", float64(k)/(1<<20))
			}
			if k >= 1<<10 {
				return fmt.Sprintf("%dMi", k>>10)
			}
			return fmt.Sprintf("%dKi", k)
		}
		return strconv.FormatInt(k, 10)
	}
	used := x.total - x.free - x.buffers - x.cached
	c.printf("               total        used        free      shared  buff/cache   available\n%-8s%12s%12s%12s%12s%12s%12s\n%-8s%12s%12s%12s\n", "Mem:", show(x.total), show(used), show(x.free), show(x.total/1900), show(x.buffers+x.cached), show(x.available), "Swap:", show(x.swap), show(0), show(x.swap))
	return 0
}

var signals = strings.Fields("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS")

func kill(c *call) int {
	if len(c.args) == 0 {
		c.err.print("kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n")
		return 2
	}
	if c.args[0] == "-l" && len(c.args) > 1 {
		for _, a := range c.args[1:] {
			n, err := strconv.Atoi(a)
			switch at := slices.Index(signals, strings.TrimPrefix(strings.ToUpper(a), "SIG")); {
			case err == nil && n&127 >= 1 && n&127 <= len(signals):
				c.print(signals[n&127-1] + "\n")
			case at >= 0:
				c.printf("%d\n", at+1)
			default:
				return c.shout("%s: invalid signal specification", a)
			}
		}
		return 0
	}
	if name := strings.TrimPrefix(strings.TrimPrefix(c.args[0], "-"), "SIG"); len(c.args[0]) > 1 && c.args[0][0] == '-' && strings.Trim(name, "0123456789") != "" && !slices.Contains([]string{"l", "s", "n", "-"}, name) && !slices.Contains(signals, strings.ToUpper(name)) {
		return c.shout("%s: invalid signal specification", c.args[0][1:])
	}
	if c.args[0] == "-l" {
		for i, s := range signals {
			c.printf("%2d) SIG%s", i+1, s)
			if i%5 == 4 || i == len(signals)-1 {
				c.print("\n")
			} else {
				c.print("\t")
			}
		}
		return 0
	}
	status := 0
	for i, a := range c.args {
		if strings.HasPrefix(a, "-") && i == 0 || i == 1 && (c.args[0] == "-s" || c.args[0] == "-n") {
			continue
		}
		pid, err := strconv.Atoi(a)
		if err != nil {
			status = c.shout("%s: arguments must be process or job IDs", a)
			continue
		}
		found := slices.ContainsFunc(c.r.session.machine.processes(), func(p process) bool { return p.pid == pid })
		switch {
		case pid == c.r.session.pid && slices.Contains(c.args, "-0"):
		case pid == c.r.session.pid && !slices.Contains(c.args, "-0"):
			if slices.Contains(c.args, "-9") || slices.Contains(c.args, "-KILL") || slices.Contains(c.args, "-HUP") {
				c.stop = exitError(137)
			}
		case !found:
			status = c.shout("(%d) - No such process", pid)
		case c.r.asUser.uid != 0:
			status = c.shout("(%d) - Operation not permitted", pid)
		}
	}
	return status
}

// pkill also is killall: it finds nothing of a client's.
func pkill(c *call) int {
	for _, a := range c.args {
		if strings.HasPrefix(a, "-") {
			continue
		}
		for _, p := range c.r.session.machine.processes() {
			if p.name == a {
				if c.name == "pgrep" || c.name == "pidof" {
					c.printf("%d\n", p.pid)
				}
				return 0
			}
		}
		if c.name == "killall" {
			c.err.print(a + ": no process found\n")
		}
	}
	return 1
}
