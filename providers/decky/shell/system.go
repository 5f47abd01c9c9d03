package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func id(c *call) int {
	f, names, ok := c.parse("aGgnruzZ", "user=u group=g groups=G name=n real=r")
	if !ok {
		return 1
	}
	m := c.r.session.machine
	a := c.r.asUser
	if len(names) > 0 {
		found := false
		for _, other := range m.accounts() {
			if other.name == names[0] || strconv.Itoa(other.uid) == names[0] {
				a, found = other, true
			}
		}
		if !found {
			return c.complain("‘%s’: no such user", names[0])
		}
	}
	groups := m.groupsOf(a)
	show := func(n int, name string) string {
		if f.has("n") {
			return name
		}
		return strconv.Itoa(n)
	}
	switch {
	case f.has("u"):
		c.print(show(a.uid, a.name) + "\n")
	case f.has("g"):
		c.print(show(a.gid, m.groupName(a.gid)) + "\n")
	case f.has("G"):
		var list []string
		for _, g := range groups {
			list = append(list, show(g.gid, g.name))
		}
		c.print(strings.Join(list, " ") + "\n")
	default:
		var list []string
		for _, g := range groups {
			list = append(list, fmt.Sprintf("%d(%s)", g.gid, g.name))
		}
		c.printf("uid=%d(%s) gid=%d(%s) groups=%s\n", a.uid, a.name, a.gid, m.groupName(a.gid), strings.Join(list, ","))
	}
	return 0
}

func whoami(c *call) int {
	c.print(c.r.asUser.name + "\n")
	return 0
}

func groupsCommand(c *call) int {
	var list []string
	for _, g := range c.r.session.machine.groupsOf(c.r.asUser) {
		list = append(list, g.name)
	}
	c.print(strings.Join(list, " ") + "\n")
	return 0
}

func hostname(c *call) int {
	h := c.r.session.machine.host
	f, names, ok := c.parse("abdfFiIsy", "fqdn=f long=f short=s ip-address=i all-ip-addresses=I domain=d")
	switch {
	case !ok:
		return 1
	case len(names) > 0:
		if c.r.asUser.uid != 0 {
			return c.complain("you must be root to change the host name")
		}
	case f.has("I"):
		c.print(h.IP + " \n")
	case f.has("i"):
		c.print("127.0.1.1\n")
	case f.has("d"):
		c.print(h.Domain + "\n")
	case f.has("f") && h.Domain != "":
		c.print(h.Hostname + "." + h.Domain + "\n")
	default:
		c.print(h.Hostname + "\n")
	}
	return 0
}

func uname(c *call) int {
	f, rest, ok := c.parse("amnoprsvi", "all=a kernel-name=s nodename=n kernel-release=r kernel-version=v machine=m operating-system=o processor=p hardware-platform=i")
	if !ok {
		return 1
	}
	if len(rest) > 0 {
		c.usage("extra operand ‘" + rest[0] + "’")
		return 1
	}
	h := c.r.session.machine.host
	var out []string
	for _, part := range []struct{ letter, value string }{{"s", "Linux"}, {"n", h.Hostname}, {"r", h.Kernel}, {"v", h.Build}, {"m", h.Machine}, {"p", "unknown"}, {"i", "unknown"}, {"o", "GNU/Linux"}} {
		all := f.has("a") && part.value != "unknown"
		if all || f.has(part.letter) || len(f.count) == 0 && part.letter == "s" {
			out = append(out, part.value)
		}
	}
	c.print(strings.Join(out, " ") + "\n")
	return 0
}

// upText is "12 days,  3:04" as uptime and w have it.
func upText(d time.Duration) string {
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	text := ""
	if days == 1 {
		text = "1 day, "
	} else if days > 1 {
		text = fmt.Sprintf("%d days, ", days)
	}
	if hours > 0 {
		return text + fmt.Sprintf("%2d:%02d", hours, minutes)
	}
	return text + fmt.Sprintf("%d min", minutes)
}

func (m *Machine) uptimeLine() string {
	users := len(m.Logins())
	plural := "s"
	if users == 1 {
		plural = ""
	}
	l := m.load()
	return fmt.Sprintf(" %s up %s, %2d user%s,  load average: %.2f, %.2f, %.2f\n", m.now().UTC().Format("15:04:05"), upText(m.uptime()), users, plural, l[0], l[1], l[2])
}

func uptime(c *call) int {
	f, _, ok := c.parse("psV", "pretty=p since=s")
	m := c.r.session.machine
	switch {
	case !ok:
		return 1
	case f.has("s"):
		c.print(m.boot.UTC().Format("2006-01-02 15:04:05") + "\n")
	case f.has("p"):
		d := m.uptime()
		c.printf("up %d weeks, %d days, %d hours, %d minutes\n", int(d.Hours())/168, int(d.Hours())/24%7, int(d.Hours())%24, int(d.Minutes())%60)
	default:
		c.print(m.uptimeLine())
	}
	return 0
}

func w(c *call) int {
	m := c.r.session.machine
	c.print(m.uptimeLine() + "USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n")
	for _, l := range m.Logins() {
		c.printf("%-8.8s %-8.8s %-16.16s %s    0.00s  0.02s  0.00s w\n", l.User, l.TTY, l.From, l.Since.UTC().Format("15:04"))
	}
	return 0
}

func who(c *call) int {
	for _, l := range c.r.session.machine.Logins() {
		c.printf("%-8s %-12s %s (%s)\n", l.User, l.TTY, l.Since.UTC().Format("2006-01-02 15:04"), l.From)
	}
	return 0
}

func last(c *call) int {
	m := c.r.session.machine
	for _, l := range m.Logins() {
		c.printf("%-8s %-12s %-16s %s   still logged in\n", l.User, l.TTY, l.From, l.Since.UTC().Format("Mon Jan _2 15:04"))
	}
	c.printf("reboot   system boot  %-16.16s %s   still running\n\nwtmp begins %s\n", m.host.Kernel, m.boot.UTC().Format("Mon Jan _2 15:04"), m.built.UTC().Format("Mon Jan _2 15:04:05 2006"))
	return 0
}

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

func df(c *call) int {
	f, _, ok := c.parse("ahHiklPTt:x:B:", "human-readable=h print-type=T all=a inodes=i")
	if !ok {
		return 1
	}
	m := c.r.session.machine
	x := m.memory()
	used := m.number("disk/used", 1_600_000, 4_900_000) + m.FS.Used()/1024
	rows := []struct {
		device, kind, point string
		size, used          int64
	}{{"udev", "devtmpfs", "/dev", x.total/2 - 20000, 0}, {"tmpfs", "tmpfs", "/run", x.total / 10, 620}, {"/dev/sda1", "ext4", "/", 19480400, used}, {"tmpfs", "tmpfs", "/dev/shm", x.total / 2, 0}, {"tmpfs", "tmpfs", "/run/lock", 5120, 0}, {"tmpfs", "tmpfs", "/run/user/0", x.total / 10, 0}}
	kind := func(s string) string {
		if f.has("T") {
			return fmt.Sprintf(" %-8s", s)
		}
		return ""
	}
	if f.has("h") {
		c.print("Filesystem     " + kind("Type") + " Size  Used Avail Use% Mounted on\n")
	} else {
		c.print("Filesystem    " + kind("Type") + " 1K-blocks    Used Available Use% Mounted on\n")
	}
	for _, r := range rows {
		available := r.size - r.used
		if r.point == "/" {
			available -= r.size / 19
		}
		percent := (r.used*100 + r.used + available - 1) / max(r.used+available, 1)
		if f.has("h") {
			c.printf("%-14s %s%5s %5s %5s %3d%% %s\n", r.device, kind(r.kind), human(r.size*1024), human(r.used*1024), human(available*1024), percent, r.point)
		} else {
			c.printf("%-14s%s %9d %7d %9d %3d%% %s\n", r.device, kind(r.kind), r.size, r.used, available, percent, r.point)
		}
	}
	return 0
}

func mount(c *call) int {
	if len(c.args) > 0 && c.args[0] != "-l" {
		if c.r.asUser.uid != 0 {
			c.err.print("mount: " + c.args[len(c.args)-1] + ": must be superuser to use mount.\n")
			return 1
		}
		c.err.print("mount: " + c.args[len(c.args)-1] + ": permission denied.\n")
		return 32
	}
	for _, x := range c.r.session.machine.mounts() {
		c.print(x[0] + " on " + x[1] + " type " + x[2] + " (" + x[3] + ")\n")
	}
	return 0
}

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

// date formats of strftime(3) in Go's.
var dateFormats = map[byte]string{'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'Z': "MST", 'z': "-0700", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'r': "03:04:05 PM"}

func date(c *call) int {
	f, rest, ok := c.parse("d:f:I::r:Rs:u", "date=:d utc=u universal=u rfc-email=R reference=:r set=:s iso-8601=I")
	if !ok {
		return 1
	}
	now := c.r.session.machine.now().UTC()
	if f.has("d") {
		t, ok := parseDate(f.value["d"], now)
		if !ok {
			return c.complain("invalid date ‘%s’", f.value["d"])
		}
		now = t
	}
	if f.has("s") && c.r.asUser.uid != 0 {
		c.complain("cannot set date: Operation not permitted")
	}
	switch {
	case len(rest) > 0 && strings.HasPrefix(rest[0], "+"):
		c.print(strftime(rest[0][1:], now) + "\n")
	case len(rest) > 0:
		return c.complain("invalid date ‘%s’", rest[0])
	case f.has("R"):
		c.print(now.Format("Mon, 02 Jan 2006 15:04:05 -0700") + "\n")
	case f.has("I"):
		c.print(now.Format("2006-01-02") + "\n")
	default:
		c.print(now.Format("Mon Jan _2 03:04:05 PM MST 2006") + "\n")
	}
	return 0
}

func parseDate(s string, now time.Time) (time.Time, bool) {
	switch s {
	case "now", "today", "":
		return now, true
	case "yesterday":
		return now.AddDate(0, 0, -1), true
	case "tomorrow":
		return now.AddDate(0, 0, 1), true
	}
	if n, err := strconv.ParseInt(strings.TrimPrefix(s, "@"), 10, 64); err == nil && strings.HasPrefix(s, "@") {
		return time.Unix(n, 0).UTC(), true
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return now, false
}

func strftime(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch c := format[i]; c {
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case 'N':
			fmt.Fprintf(&b, "%09d", t.Nanosecond())
		case 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case 'u':
			b.WriteString(strconv.Itoa((int(t.Weekday())+6)%7 + 1))
		case 'w':
			b.WriteString(strconv.Itoa(int(t.Weekday())))
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case '%':
			b.WriteByte('%')
		default:
			if layout, ok := dateFormats[c]; ok {
				b.WriteString(t.Format(layout))
			} else {
				b.WriteString("%" + string(c))
			}
		}
	}
	return b.String()
}

func sleep(c *call) int {
	if len(c.args) == 0 {
		return c.missing()
	}
	total := time.Duration(0)
	for _, a := range c.args {
		unit := time.Second
		digits := a
		for suffix, u := range map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour} {
			if d, ok := strings.CutSuffix(a, suffix); ok {
				digits, unit = d, u
			}
		}
		n, err := strconv.ParseFloat(digits, 64)
		if err != nil && digits != "infinity" || n < 0 {
			c.usage("invalid time interval ‘" + a + "’")
			return 1
		}
		total += time.Duration(min(n, 1e6) * float64(unit))
	}
	c.wait(total)
	return 0
}

var signals = strings.Fields("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS")

func kill(c *call) int {
	if len(c.args) == 0 {
		c.err.print("kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n")
		return 2
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

func lscpu(c *call) int {
	name, model, stepping, cores, mhz := c.r.session.machine.processor()
	c.printf("Architecture:                       %s\nCPU op-mode(s):                     32-bit, 64-bit\nByte Order:                         Little Endian\nAddress sizes:                      43 bits physical, 48 bits virtual\nCPU(s):                             %d\nOn-line CPU(s) list:                0-%d\nThread(s) per core:                 1\nCore(s) per socket:                 1\nSocket(s):                          %d\nNUMA node(s):                       1\nVendor ID:                          GenuineIntel\nCPU family:                         6\nModel:                              %d\nModel name:                         %s\nStepping:                           %d\nCPU MHz:                            %.3f\nBogoMIPS:                           %.2f\nHypervisor vendor:                  KVM\nVirtualization type:                full\nL1d cache:                          32 KiB\nL1i cache:                          32 KiB\nL2 cache:                           4 MiB\nL3 cache:                           16 MiB\nNUMA node0 CPU(s):                  0-%d\nFlags:                              %s\n", c.r.session.machine.host.Machine, cores, cores-1, cores, model, name, stepping, mhz, mhz*2, cores-1, cpuFlags)
	return 0
}

func nproc(c *call) int {
	_, _, _, cores, _ := c.r.session.machine.processor()
	c.printf("%d\n", cores)
	return 0
}

func lsblk(c *call) int {
	c.print("NAME   MAJ:MIN RM  SIZE RO TYPE MOUNTPOINTS\nsda      8:0    0   20G  0 disk \n├─sda1   8:1    0   19G  0 part /\n├─sda2   8:2    0    1K  0 part \n└─sda5   8:5    0  976M  0 part [SWAP]\nsr0     11:0    1 1024M  0 rom  \n")
	return 0
}

// said is a command that always says the same.
func said(text string, status int) command {
	return func(c *call) int {
		if status == 0 {
			c.print(text)
		} else {
			c.err.print(text)
		}
		return status
	}
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
