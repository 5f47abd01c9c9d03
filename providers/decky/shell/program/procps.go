package program

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
)

func ps(c *Call) int {
	m := c.Machine
	options := strings.Join(c.Args, " ")
	long := strings.Contains(options, "u") && !strings.HasPrefix(options, "-u")
	full := strings.Contains(options, "f") || strings.Contains(options, "F")
	all := strings.ContainsAny(options, "aAxe")
	tty := strings.TrimPrefix(c.TTY, "/dev/")
	list := append(m.Processes(), machine.Process{PID: m.NextPID(), PPID: c.PID, User: c.User.Name, VSZ: 11084, RSS: 4396, TTY: tty, Stat: "R+", Start: int64(m.Uptime().Seconds()), Name: "ps", Args: strings.TrimSpace("ps " + options)})
	switch {
	case long:
		c.Print("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n")
	case full:
		c.Print("UID          PID    PPID  C STIME TTY          TIME CMD\n")
	case strings.Contains(options, "x") || strings.Contains(options, "a") && !strings.HasPrefix(options, "-"):
		c.Print("    PID TTY      STAT   TIME COMMAND\n")
	default:
		c.Print("    PID TTY          TIME CMD\n")
	}
	total := m.Memory().Total
	for _, p := range list {
		if !all && (tty == "" || p.TTY != tty) && p.Name != "ps" {
			continue
		}
		term := p.TTY
		if term == "" {
			term = "?"
		}
		at := m.Boot.Add(time.Duration(p.Start) * time.Second)
		start := at.UTC().Format("15:04")
		if m.Now().Sub(at) > 24*time.Hour {
			start = at.UTC().Format("Jan02")
		}
		cpu := p.CPU + p.CPU*int64(m.Uptime().Hours())/30
		switch {
		case long:
			user := p.User
			if len(user) > 8 {
				user = user[:7] + "+"
			}
			c.Printf("%-8s %7d  0.0 %4.1f %6d %5d %-8s %-4s %5s %6s %s\n", user, p.PID, float64(p.RSS*100)/float64(total), p.VSZ, p.RSS, term, p.Stat, start, fmt.Sprintf("%d:%02d", cpu/60, cpu%60), p.Args)
		case full:
			user := p.User
			if len(user) > 8 {
				user = user[:7] + "+"
			}
			c.Printf("%-8s %7d %7d  0 %5s %-8s %02d:%02d:%02d %s\n", user, p.PID, p.PPID, start, term, cpu/3600, cpu/60%60, cpu%60, p.Args)
		case strings.Contains(options, "x") || strings.Contains(options, "a") && !strings.HasPrefix(options, "-"):
			c.Printf("%7d %-8s %-4s %6s %s\n", p.PID, term, p.Stat, fmt.Sprintf("%d:%02d", cpu/60, cpu%60), p.Args)
		default:
			c.Printf("%7d %-8s %02d:%02d:%02d %s\n", p.PID, term, cpu/3600, cpu/60%60, cpu%60, p.Name)
		}
	}
	return 0
}

func top(c *Call) int {
	m := c.Machine
	x := m.Memory()
	list := m.Processes()
	mib := func(k int64) float64 { return float64(k) / 1024 }
	c.Print("top -" + m.UptimeLine() + fmt.Sprintf("Tasks: %3d total,   1 running, %3d sleeping,   0 stopped,   0 zombie\n%%Cpu(s):  0.3 us,  0.2 sy,  0.0 ni, 99.5 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st \nMiB Mem : %8.1f total, %8.1f free, %8.1f used, %8.1f buff/cache     \nMiB Swap: %8.1f total, %8.1f free,      0.0 used. %8.1f avail Mem \n\n    PID USER      PR  NI    VIRT    RES    SHR S  %%CPU  %%MEM     TIME+ COMMAND\n",
		len(list)+1, len(list), mib(x.Total), mib(x.Free), mib(x.Total-x.Free-x.Buffers-x.Cached), mib(x.Buffers+x.Cached), mib(x.Swap), mib(x.Swap), mib(x.Available)))
	for i, p := range list {
		if i >= c.Rows-7 && c.Out.TTY {
			break
		}
		c.Printf("%7d %-8.8s  20   0 %7d %6d %6d %.1s   0.0 %5.1f   0:%02d.%02d %s\n", p.PID, p.User, p.VSZ, p.RSS, p.RSS*2/3, p.Stat, float64(p.RSS*100)/float64(x.Total), p.CPU, p.PID%100, p.Name)
	}
	return 0
}

func free(c *Call) int {
	f, _, ok := c.Parse("bkmghtwls:c:", "bytes=b kibi=k mebi=m gibi=g human=h total=t wide=w")
	if !ok {
		return 1
	}
	x := c.Machine.Memory()
	show := func(k int64) string {
		switch {
		case f.Has("b"):
			return strconv.FormatInt(k*1024, 10)
		case f.Has("m"):
			return strconv.FormatInt(k/1024, 10)
		case f.Has("g"):
			return strconv.FormatInt(k/1024/1024, 10)
		case f.Has("h"):
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
	used := x.Total - x.Free - x.Buffers - x.Cached
	c.Printf("               total        used        free      shared  buff/cache   available\n%-8s%12s%12s%12s%12s%12s%12s\n%-8s%12s%12s%12s\n", "Mem:", show(x.Total), show(used), show(x.Free), show(x.Total/1900), show(x.Buffers+x.Cached), show(x.Available), "Swap:", show(x.Swap), show(0), show(x.Swap))
	return 0
}

// Signals are the names of the signals 1 to 31.
var Signals = strings.Fields("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS")

func Kill(c *Call) int {
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
	for i, a := range c.Args {
		if strings.HasPrefix(a, "-") && i == 0 || i == 1 && (c.Args[0] == "-s" || c.Args[0] == "-n") {
			continue
		}
		pid, err := strconv.Atoi(a)
		if err != nil {
			status = c.Shout("%s: arguments must be process or job IDs", a)
			continue
		}
		found := slices.ContainsFunc(c.Machine.Processes(), func(p machine.Process) bool { return p.PID == pid })
		switch {
		case pid == c.PID && slices.Contains(c.Args, "-0"):
		case pid == c.PID && !slices.Contains(c.Args, "-0"):
			if slices.Contains(c.Args, "-9") || slices.Contains(c.Args, "-KILL") || slices.Contains(c.Args, "-HUP") {
				c.Stop = Exit(137)
			}
		case !found:
			status = c.Shout("(%d) - No such process", pid)
		case c.User.UID != 0:
			status = c.Shout("(%d) - Operation not permitted", pid)
		}
	}
	return status
}

// pkill also is killall: it finds nothing of a client's.
func pkill(c *Call) int {
	for _, a := range c.Args {
		if strings.HasPrefix(a, "-") {
			continue
		}
		for _, p := range c.Machine.Processes() {
			if p.Name == a {
				if c.Name == "pgrep" || c.Name == "pidof" {
					c.Printf("%d\n", p.PID)
				}
				return 0
			}
		}
		if c.Name == "killall" {
			c.Err.Print(a + ": no process found\n")
		}
	}
	return 1
}
