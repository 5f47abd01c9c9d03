package process

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

func top(c *program.Call) int {
	if batch := slices.ContainsFunc(c.Args, func(a string) bool { return strings.Contains(a, "b") }); !batch && !c.Applet {
		if term, _ := c.Getenv("TERM"); term == "" {
			if !strings.HasPrefix(c.VersionOf("procps"), "4") { // newer ones end without a word
				c.Err.Print("TERM environment variable not set.\n")
			}
			return 1
		}
		if c.TTY == "" {
			c.Err.Print("top: failed tty get\n")
			return 1
		}
	}
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
