package shell

import (
	"fmt"
	"time"
)

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
