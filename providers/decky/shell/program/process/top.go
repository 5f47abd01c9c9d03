package process

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// looks bounds how often top looks.
const looks = 100_000

// top shows the processes that are busiest, again and again.
func top(c *program.Call) int {
	if c.Applet {
		return smallTop(c)
	}
	f, rest, ok := topOptions(c)
	if !ok {
		return 1
	}
	if len(rest) > 0 {
		c.Err.Print("top: unknown argument '" + rest[0] + "'\n")
		return 1
	}
	if f.Has("V") || f.Has("v") {
		c.Version()
		return 0
	}
	batch := f.Has("b")
	if term, _ := c.Getenv("TERM"); !batch && term == "" {
		if !strings.HasPrefix(c.VersionOf("procps"), "4") { // newer ones end without a word
			c.Err.Print("TERM environment variable not set.\n")
		}
		return 1
	}
	if !batch && !c.Out.TTY {
		c.Err.Print("top: failed tty get\n")
		return 1
	}
	every, count := 3*time.Second, looks
	if f.Has("d") {
		n, err := strconv.ParseFloat(f.Value["d"], 64)
		if err != nil || n < 0 {
			c.Err.Print("top: bad delay interval '" + f.Value["d"] + "'\n")
			return 1
		}
		every = time.Duration(min(max(n, 0.1), 3600) * float64(time.Second))
	}
	if f.Has("n") {
		n, err := strconv.Atoi(f.Value["n"])
		if err != nil || n < 1 {
			c.Err.Print("top: bad iterations argument '" + f.Value["n"] + "'\n")
			return 1
		}
		count = min(n, looks)
	}
	var keys program.Keyboard
	paint := &painter{rows: c.Rows, cols: c.Cols}
	if !batch {
		from, restore, ok := c.Keys()
		if !ok {
			c.Err.Print("top: failed tty get\n")
			return 1
		}
		defer restore()
		keys = from
	}
	for i := range count {
		screen := topScreen(c, f, batch)
		if !batch {
			screen = paint.frame(screen)
		} else if i > 0 {
			screen = "\n" + screen
		}
		c.Print(screen)
		if c.Busy() || i == count-1 || !pause(c, keys, every) {
			break
		}
	}
	if !batch {
		c.Print(paint.over())
	}
	return 0
}

// topOptions reads top's options, whose dash may lack.
func topOptions(c *program.Call) (program.Flags, []string, bool) {
	inner := *c
	inner.Args = slices.Clone(c.Args)
	if len(inner.Args) > 0 && !strings.HasPrefix(inner.Args[0], "-") && strings.Trim(inner.Args[0], "bcdEHinopSsuUVw0123456789") == "" {
		inner.Args[0] = "-" + inner.Args[0]
	}
	inner.Hint = "Usage:\n  top -hv | -bcEeHiOSs1 -d secs -n max -u|U user -p pid(s) -o field -w [cols]\n"
	f, rest, ok := inner.Parse("1bcd:E:e:HhiOo:p:Ssn:u:U:Vvw::", "version=V help=h batch-mode=b batch=b delay=:d iterations=:n pid=:p sort-override=:o width=::w cmdline-toggle=c threads-show=H filter-only-euser=:u")
	if ok && f.Has("h") {
		c.Print("\nUsage:\n top [options]\n\nOptions:\n -b, --batch-mode\n -c, --cmdline-toggle\n -d, --delay =SECS [.TENTHS]\n -n, --iterations =NUMBER\n -o, --sort-override =FIELD\n -p, --pid =PIDLIST\n -u, --filter-only-euser =USER\n -w, --width [=COLUMNS]\n\nFor more details see top(1).\n")
		c.Answered = true
		return f, nil, false
	}
	return f, rest, ok
}

// topScreen is one look: the summary and the processes.
func topScreen(c *program.Call, f program.Flags, batch bool) string {
	m := c.Machine
	p := newLister(c)
	x := m.Memory()
	list := everything(c)
	var running, sleeping, stopped int
	for _, e := range list {
		switch {
		case strings.HasPrefix(e.Stat, "R"):
			running++
		case strings.HasPrefix(e.Stat, "T"):
			stopped++
		default:
			sleeping++
		}
	}
	mib := func(k int64) float64 { return float64(k) / 1024 }
	cache := x.Buffers + x.Cached + x.Reclaimable
	used := x.Total - x.Available
	if old(c) {
		used = x.Total - x.Free - cache
	}
	busy := float64(c.Now().Unix()/3%7) / 10
	var b strings.Builder
	b.WriteString("top -" + m.UptimeLine())
	fmt.Fprintf(&b, "Tasks: %3d total, %3d running, %3d sleeping, %3d stopped, %3d zombie\n", len(list), running, sleeping, stopped, 0)
	fmt.Fprintf(&b, "%%Cpu(s): %4.1f us, %4.1f sy,  0.0 ni, %4.1f id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st \n", busy, busy/2, 100-busy*1.5)
	fmt.Fprintf(&b, "MiB Mem : %8.1f total, %8.1f free, %8.1f used, %8.1f buff/cache     \n", mib(x.Total), mib(x.Free), mib(used), mib(cache))
	fmt.Fprintf(&b, "MiB Swap: %8.1f total, %8.1f free, %8.1f used. %8.1f avail Mem \n\n", mib(x.Swap), mib(x.Swap), 0.0, mib(x.Available))
	b.WriteString("    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n")
	list = slices.DeleteFunc(list, func(e machine.Process) bool {
		return f.Has("p") && !slices.Contains(ints(f.Value["p"]), e.PID) || f.Has("u") && e.User != f.Value["u"] || f.Has("U") && e.User != f.Value["U"] || f.Has("i") && !strings.HasPrefix(e.Stat, "R")
	})
	slices.SortStableFunc(list, func(a, b machine.Process) int {
		switch strings.Trim(f.Value["o"], "+-") {
		case "%MEM", "RES":
			return cmp.Compare(b.RSS, a.RSS)
		case "PID":
			return cmp.Compare(b.PID, a.PID)
		case "TIME+", "TIME":
			return cmp.Compare(b.CPU, a.CPU)
		}
		return cmp.Compare(program.Truth(strings.HasPrefix(b.Stat, "R")), program.Truth(strings.HasPrefix(a.Stat, "R")))
	})
	for i, e := range list {
		if !batch && i >= max(c.Rows-7, 1) {
			break
		}
		line := topLine(p, e, f.Has("c"))
		if cols := c.Cols; !batch && cols > 0 && len(line) > cols {
			line = line[:cols]
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// old tells procps before 4, which counts used memory another way.
func old(c *program.Call) bool { return strings.HasPrefix(c.VersionOf("procps"), "3") }

func topLine(p *lister, e machine.Process, whole bool) string {
	name := e.Name
	if whole {
		name = e.Args
	}
	ni, priority := nice(e), strconv.Itoa(20+nice(e))
	if strings.HasPrefix(e.Name, "migration/") {
		priority = "rt"
	}
	share := e.RSS * 2 / 3
	if e.Kernel() {
		share = 0
	}
	hundredths := e.PID * 37 % 100
	if e.Kernel() && !strings.HasPrefix(e.Name, "rcu_preempt") && !strings.HasPrefix(e.Name, "ksoftirqd/0") {
		hundredths = 0
	}
	cpu := 0.0
	if strings.HasPrefix(e.Stat, "R") {
		cpu = 6.2
	}
	return fmt.Sprintf("%7d %-8s  %2s %3d %7d %6d %6d %.1s %5.1f %5.1f %9s %s", e.PID, name8(e.User), priority, ni, e.VSZ, e.RSS, share, e.Stat, cpu, p.memory(e), fmt.Sprintf("%d:%02d.%02d", e.CPU/60, e.CPU%60, hundredths), name)
}

// smallTop is busybox' top.
func smallTop(c *program.Call) int {
	f, _, ok := c.Parse("bmHn:d:", "")
	if !ok {
		return 1
	}
	every, count := 5*time.Second, looks
	if n, err := strconv.Atoi(f.Value["n"]); err == nil {
		count = min(max(n, 1), looks)
	}
	if n, err := strconv.ParseFloat(f.Value["d"], 64); err == nil {
		every = time.Duration(min(max(n, 0.1), 3600) * float64(time.Second))
	}
	keys, restore, ok := c.Keys()
	if ok {
		defer restore()
	}
	for i := range count {
		x := c.Machine.Memory()
		l := c.Machine.Load()
		list := everything(c)
		var b strings.Builder
		if !f.Has("b") {
			b.WriteString("\x1b[H\x1b[J")
		}
		fmt.Fprintf(&b, "Mem: %dK used, %dK free, %dK shrd, %dK buff, %dK cached\n", x.Total-x.Free, x.Free, x.Shared, x.Buffers, x.Cached+x.Reclaimable)
		fmt.Fprintf(&b, "CPU:   0%% usr   0%% sys   0%% nic  99%% idle   0%% io   0%% irq   0%% sirq\nLoad average: %.2f %.2f %.2f 1/%d %d\n  PID  PPID USER     STAT   VSZ %%VSZ CPU %%CPU COMMAND\n", l[0], l[1], l[2], len(list)+len(list)/5, c.Machine.LastPID())
		slices.SortStableFunc(list, func(a, b machine.Process) int { return cmp.Compare(b.VSZ, a.VSZ) })
		for j, e := range list {
			if !f.Has("b") && j >= max(c.Rows-5, 1) {
				break
			}
			size := strconv.Itoa(e.VSZ)
			if e.VSZ > 99999 {
				size = fmt.Sprintf("%dm", e.VSZ/1024)
			}
			fmt.Fprintf(&b, "%5d %5d %-8.8s %-4.4s %6s %3d%% %3d   0%% %s\n", e.PID, e.PPID, e.User, e.Stat, size, int64(e.VSZ)*100/max(x.Total, 1), e.PID%c.Machine.Hardware.CPU.Count(), e.Args)
		}
		c.Print(b.String())
		if c.Busy() || i == count-1 || !pause(c, keys, every) {
			break
		}
	}
	return 0
}
