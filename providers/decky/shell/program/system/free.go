package system

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// usedMemory is what free calls used: since procps 4 what is not available.
func usedMemory(c *program.Call, x machine.Memory) int64 {
	if strings.HasPrefix(c.VersionOf("procps"), "3") {
		return x.Total - x.Free - x.Buffers - x.Cached - x.Reclaimable
	}
	return x.Total - x.Available
}

// free shows the memory.
func free(c *program.Call) int {
	if c.Applet {
		return smallFree(c)
	}
	f, rest, ok := c.Parse("bkmghtlvwLs:c:V", "bytes=b kibi=k mebi=m gibi=g tebi=1 pebi=2 kilo=3 mega=4 giga=5 tera=6 peta=7 human=h si=8 lohi=l total=t wide=w committed=v line=L seconds=:s count=:c help=9 version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("9"):
		c.Print(c.Help())
		return 0
	case len(rest) > 0:
		c.Err.Print(c.Help())
		return 1
	}
	every, count := time.Second, 1
	if f.Has("s") {
		n, err := strconv.ParseFloat(f.Value["s"], 64)
		if err != nil {
			return c.Complain("seconds argument `%s' failed", f.Value["s"])
		}
		if n <= 0 {
			return c.Complain("seconds argument `%s' is not positive number", f.Value["s"])
		}
		every, count = time.Duration(min(n, 1e5)*float64(time.Second)), 1_000_000
	}
	if f.Has("c") {
		n, err := strconv.Atoi(f.Value["c"])
		if err != nil || n < 1 {
			return c.Complain("failed to parse count argument: '%s'", f.Value["c"])
		}
		count = min(n, 1_000_000)
	}
	for i := range count {
		memoryTable(c, f)
		if i == count-1 {
			break
		}
		if c.Busy() || !c.Wait(every) {
			break
		}
		c.Print("\n")
	}
	return 0
}

func memoryTable(c *program.Call, f program.Flags) {
	x := c.Machine.Memory()
	show := func(k int64) string { return memoryText(f, k) }
	cache := x.Cached + x.Reclaimable
	if f.Has("w") {
		c.Print("               total        used        free      shared     buffers       cache   available\n")
		c.Printf("%-8s%12s%12s%12s%12s%12s%12s%12s\n", "Mem:", show(x.Total), show(usedMemory(c, x)), show(x.Free), show(x.Shared), show(x.Buffers), show(cache), show(x.Available))
	} else {
		c.Print("               total        used        free      shared  buff/cache   available\n")
		c.Printf("%-8s%12s%12s%12s%12s%12s%12s\n", "Mem:", show(x.Total), show(usedMemory(c, x)), show(x.Free), show(x.Shared), show(x.Buffers+cache), show(x.Available))
	}
	if f.Has("l") {
		c.Printf("%-8s%12s%12s%12s\n%-8s%12s%12s%12s\n", "Low:", show(x.Total), show(x.Total-x.Free), show(x.Free), "High:", show(0), show(0), show(0))
	}
	c.Printf("%-8s%12s%12s%12s\n", "Swap:", show(x.Swap), show(0), show(x.Swap))
	if f.Has("t") {
		c.Printf("%-8s%12s%12s%12s\n", "Total:", show(x.Total+x.Swap), show(usedMemory(c, x)), show(x.Free+x.Swap))
	}
	if f.Has("v") {
		limit, promised := meminfo(c, "CommitLimit"), meminfo(c, "Committed_AS")
		c.Printf("%-8s%12s%12s%12s\n", "Comm:", show(limit), show(promised), show(limit-promised))
	}
}

// meminfo is a number of /proc/meminfo.
func meminfo(c *program.Call, name string) int64 {
	data, err := c.Machine.FS.As(0, 0).ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for _, line := range program.Lines(data) {
		if w := strings.Fields(line); len(w) > 1 && w[0] == name+":" {
			n, _ := strconv.ParseInt(w[1], 10, 64) // the machine writes numbers
			return n
		}
	}
	return 0
}

// memoryText is KiB in the unit that is asked for.
func memoryText(f program.Flags, k int64) string {
	base, suffix := int64(1024), "i"
	if f.Has("8") {
		base, suffix = 1000, ""
	}
	if f.Has("h") {
		return humanMemory(k*1024, base, suffix)
	}
	unit := int64(1024)
	for letter, n := range map[string]int64{"b": 1, "k": 1024, "m": 1 << 20, "g": 1 << 30, "1": 1 << 40, "2": 1 << 50, "3": 1000, "4": 1e6, "5": 1e9, "6": 1e12, "7": 1e15} {
		if !f.Has(letter) {
			continue
		}
		unit = n
		if f.Has("8") {
			unit = map[string]int64{"b": 1, "k": 1e3, "m": 1e6, "g": 1e9, "1": 1e12, "2": 1e15}[letter]
			unit = max(unit, 1)
		}
	}
	if f.Has("8") && unit == 1024 {
		unit = 1000
	}
	return strconv.FormatInt(k*1024/unit, 10)
}

// humanMemory is a size in at most four columns with its unit.
func humanMemory(n, base int64, suffix string) string {
	if n < base {
		return fmt.Sprintf("%dB", n)
	}
	v := float64(n)
	for _, unit := range []string{"K", "M", "G", "T", "P"} {
		v /= float64(base)
		if v < 9.95 {
			return fmt.Sprintf("%.1f%s%s", v, unit, suffix)
		}
		if v < float64(base) {
			return fmt.Sprintf("%d%s%s", int64(v), unit, suffix)
		}
	}
	return fmt.Sprint(n)
}

// smallFree is busybox' free.
func smallFree(c *program.Call) int {
	f, _, ok := c.Parse("bkmgh", "")
	if !ok {
		return 1
	}
	x := c.Machine.Memory()
	show := func(k int64) string {
		if f.Has("h") {
			return strings.TrimSuffix(humanMemory(k*1024, 1024, ""), "B")
		}
		return memoryText(f, k)
	}
	cache := x.Cached + x.Buffers + x.Reclaimable
	c.Print("              total        used        free      shared  buff/cache   available\n")
	c.Printf("%-7s%12s%12s%12s%12s%12s%12s\n", "Mem:", show(x.Total), show(x.Total-x.Free-cache), show(x.Free), show(x.Shared), show(cache), show(x.Available))
	c.Printf("%-7s%12s%12s%12s\n", "Swap:", show(x.Swap), show(0), show(x.Swap))
	return 0
}

// vmstat shows memory, disks and processors.
func vmstat(c *program.Call) int {
	f, rest, ok := c.Parse("adDfhmnp:sS:twVy", "active=a forks=f slabs=m one-header=n stats=s disk=d disk-sum=D partition=:p unit=:S wide=w timestamp=t no-first=y help=h version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("h"):
		c.Print(c.Help())
		return 0
	case f.Has("s"):
		counters(c)
		return 0
	case f.Has("f"):
		c.Printf("%13d forks\n", c.Machine.LastPID())
		return 0
	case f.Has("d"):
		diskCounters(c)
		return 0
	case f.Has("m") && c.User.UID != 0:
		return c.Complain("Unable to create slabinfo structure: Permission denied")
	}
	delay, count := time.Duration(0), 1
	if len(rest) > 0 {
		n, err := strconv.Atoi(rest[0])
		if err != nil {
			return c.Complain("failed to parse argument: '%s'", rest[0])
		}
		if n < 1 {
			return c.Complain("delay must be positive integer")
		}
		delay, count = time.Duration(min(n, 1e6))*time.Second, 1_000_000
	}
	if len(rest) > 1 {
		n, err := strconv.Atoi(rest[1])
		if err != nil {
			return c.Complain("failed to parse argument: '%s'", rest[1])
		}
		count = min(max(n, 1), 1_000_000)
	}
	for i := range count {
		if i > 0 && (c.Busy() || !c.Wait(delay)) {
			return 0
		}
		if i == 0 || i%max(c.Rows-3, 20) == 0 && !f.Has("n") {
			vmstatHead(c, f)
		}
		vmstatLine(c, f, i)
	}
	return 0
}

func vmstatHead(c *program.Call, f program.Flags) {
	clock, names := "", ""
	if f.Has("t") {
		clock, names = " -----timestamp-----", fmt.Sprintf(" %19s", local(c, c.Now()).Format("MST"))
	}
	middle := "  buff  cache"
	if f.Has("a") {
		middle = " inact active"
	}
	if f.Has("w") {
		c.Print("--procs-- -----------------------memory---------------------- ---swap-- -----io---- -system-- ----------cpu----------" + clock + "\n   r    b         swpd         free         buff        cache   si   so    bi    bo   in   cs  us  sy  id  wa  st  gu" + names + "\n")
		return
	}
	c.Print("procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----" + clock + "\n r  b   swpd   free " + middle + "   si   so    bi    bo   in   cs us sy id wa st" + names + "\n")
}

func vmstatLine(c *program.Call, f program.Flags, i int) {
	x := c.Machine.Memory()
	unit := map[string]int64{"k": 1000, "K": 1024, "m": 1_000_000, "M": 1 << 20}[f.Value["S"]]
	size := func(k int64) int64 {
		if unit == 0 {
			return k
		}
		return k * 1024 / unit
	}
	left, right := x.Buffers, x.Cached+x.Reclaimable
	if f.Has("a") {
		left, right = meminfo(c, "Inactive"), meminfo(c, "Active")
	}
	format := "%2d %2d %6d %6d %6d %6d %4d %4d %5d %5d %4d %4d %2d %2d %2d %2d %2d"
	if f.Has("w") {
		format = "%4d %4d %12d %12d %12d %12d %4d %4d %5d %5d %4d %4d %3d %3d %3d %3d %3d   0"
	}
	c.Printf(format, 0, 0, 0, size(x.Free), size(left), size(right), 0, 0, 4, 9, 61+i%7, 98+i%11, 0, 0, 100, 0, 0)
	if f.Has("t") {
		c.Print(" " + local(c, c.Now()).Format("2006-01-02 15:04:05"))
	}
	c.Print("\n")
}

// counters is vmstat -s.
func counters(c *program.Call) {
	x := c.Machine.Memory()
	row := func(n int64, text string) { c.Printf("%13d %s\n", n, text) }
	row(x.Total, "K total memory")
	row(usedMemory(c, x), "K used memory")
	row(meminfo(c, "Active"), "K active memory")
	row(meminfo(c, "Inactive"), "K inactive memory")
	row(x.Free, "K free memory")
	row(x.Buffers, "K buffer memory")
	row(x.Cached+x.Reclaimable, "K swap cache")
	row(x.Swap, "K total swap")
	row(0, "K used swap")
	row(x.Swap, "K free swap")
	data, err := c.Machine.FS.As(0, 0).ReadFile("/proc/stat")
	if err != nil {
		return
	}
	numbers := map[string][]int64{}
	for _, line := range program.Lines(data) {
		w := strings.Fields(line)
		for _, field := range w[1:] {
			n, _ := strconv.ParseInt(field, 10, 64) // the machine writes numbers
			numbers[w[0]] = append(numbers[w[0]], n)
		}
	}
	for i, text := range []string{"non-nice user cpu ticks", "nice user cpu ticks", "system cpu ticks", "idle cpu ticks", "IO-wait cpu ticks", "IRQ cpu ticks", "softirq cpu ticks", "stolen cpu ticks"} {
		if i < len(numbers["cpu"]) {
			row(numbers["cpu"][i], text)
		}
	}
	row(441_022, "K paged in")
	row(902_114, "K paged out")
	row(0, "pages swapped in")
	row(0, "pages swapped out")
	for _, last := range [][2]string{{"intr", "interrupts"}, {"ctxt", "CPU context switches"}, {"btime", "boot time"}, {"processes", "forks"}} {
		if n := numbers[last[0]]; len(n) > 0 {
			row(n[0], last[1])
		}
	}
}

// diskCounters is vmstat -d.
func diskCounters(c *program.Call) {
	data, err := c.Machine.FS.As(0, 0).ReadFile("/proc/diskstats")
	if err != nil {
		return
	}
	c.Print("disk- ------------reads------------ ------------writes----------- -----IO------\n       total merged sectors      ms  total merged sectors      ms    cur    sec\n")
	for _, line := range program.Lines(data) {
		w := strings.Fields(line)
		if len(w) < 14 || strings.HasSuffix(strings.TrimRight(w[2], "0123456789"), "da") && strings.ContainsAny(w[2], "0123456789") {
			continue
		}
		ms, _ := strconv.Atoi(w[12]) // the machine writes numbers
		c.Printf("%-5s %6s %6s %7s %7s %6s %6s %7s %7s %6s %6d\n", w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11], ms/1000)
	}
}
