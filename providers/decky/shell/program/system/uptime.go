package system

import (
	"github.com/decnet/decnet/providers/decky/shell/program"
)

func uptime(c *program.Call) int {
	f, _, ok := c.Parse("psV", "pretty=p since=s")
	m := c.Machine
	switch {
	case !ok:
		return 1
	case f.Has("s"):
		c.Print(c.Local(m.Boot).Format("2006-01-02 15:04:05") + "\n")
	case f.Has("p"):
		d := m.Uptime()
		c.Printf("up %d weeks, %d days, %d hours, %d minutes\n", int(d.Hours())/168, int(d.Hours())/24%7, int(d.Hours())%24, int(d.Minutes())%60)
	default:
		c.Print(m.UptimeLine())
	}
	return 0
}

func w(c *program.Call) int {
	m := c.Machine
	c.Print(m.UptimeLine() + "USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n")
	for _, l := range m.Logins() {
		c.Printf("%-8.8s %-8.8s %-16.16s %s    0.00s  0.02s  0.00s w\n", l.User, l.TTY, l.From, c.Local(l.Since).Format("15:04"))
	}
	return 0
}

func who(c *program.Call) int {
	for _, l := range c.Machine.Logins() {
		c.Printf("%-8s %-12s %s (%s)\n", l.User, l.TTY, c.Local(l.Since).Format("2006-01-02 15:04"), l.From)
	}
	return 0
}

func last(c *program.Call) int {
	m := c.Machine
	for _, l := range m.Logins() {
		c.Printf("%-8s %-12s %-16s %s   still logged in\n", l.User, l.TTY, l.From, c.Local(l.Since).Format("Mon Jan _2 15:04"))
	}
	c.Printf("reboot   system boot  %-16.16s %s   still running\n\nwtmp begins %s\n", m.Host.Kernel, c.Local(m.Boot).Format("Mon Jan _2 15:04"), c.Local(m.Built).Format("Mon Jan _2 15:04:05 2006"))
	return 0
}
