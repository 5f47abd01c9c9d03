package system

import (
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// local is a time as the clock of the host, or TZ, shows it.
func local(c *program.Call, t time.Time) time.Time { return c.Local(t) }

func uptime(c *program.Call) int {
	f, _, ok := c.Parse("phsV", "pretty=p since=s help=h version=V")
	m := c.Machine
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
	case f.Has("h"):
		c.Print(c.Help())
	case f.Has("s"):
		c.Print(local(c, m.Boot).Format("2006-01-02 15:04:05") + "\n")
	case f.Has("p"):
		c.Print("up " + pretty(m.Uptime()) + "\n")
	default:
		c.Print(m.UptimeLine())
	}
	return 0
}

// pretty is a duration in words.
func pretty(d time.Duration) string {
	minutes := int(d.Minutes())
	var parts []string
	for _, unit := range []struct {
		minutes int
		name    string
	}{{7 * 24 * 60, "week"}, {24 * 60, "day"}, {60, "hour"}, {1, "minute"}} {
		n := minutes / unit.minutes
		minutes %= unit.minutes
		if n == 0 {
			continue
		}
		if n > 1 {
			unit.name += "s"
		}
		parts = append(parts, fmt.Sprintf("%d %s", n, unit.name))
	}
	if len(parts) == 0 {
		return "0 minutes"
	}
	return strings.Join(parts, ", ")
}

// w shows who is logged in and what they do.
func w(c *program.Call) int {
	f, names, ok := c.Parse("hsfuoipV", "no-header=h no-current=u short=s from=f old-style=o ip-addr=i pids=p version=V help=9")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("9"):
		c.Print(c.Help())
		return 0
	}
	m := c.Machine
	if !f.Has("h") {
		c.Print(m.UptimeLine())
		switch {
		case f.Has("s"):
			c.Print("USER     TTY      FROM              IDLE WHAT\n")
		case f.Has("f"):
			c.Print("USER     TTY       LOGIN@   IDLE   JCPU   PCPU WHAT\n")
		default:
			c.Print("USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n")
		}
	}
	tty := strings.TrimPrefix(c.TTY, "/dev/")
	for _, l := range m.Logins() {
		if len(names) > 0 && l.User != names[0] {
			continue
		}
		what, idle := "-bash", c.Now().Sub(l.Since)
		if l.TTY == tty {
			what, idle = strings.TrimSpace("w "+strings.Join(c.Args, " ")), 0
		} else if s := m.Account(l.User).Shell; s != "" {
			what = "-" + program.Base(s)
		}
		at := local(c, l.Since)
		login := at.Format("15:04")
		if c.Now().Sub(l.Since) > 12*time.Hour {
			login = at.Format("Mon15")
			if c.Now().Sub(l.Since) > 7*24*time.Hour {
				login = at.Format("02Jan06")
			}
		}
		from := "-"
		if l.From.IsValid() {
			from = l.From.String()
		}
		switch {
		case f.Has("s"):
			c.Printf("%-8.8s %-8.8s %-16.16s %s %s\n", l.User, l.TTY, from, idleText(idle), what)
		case f.Has("f"):
			c.Printf("%-8.8s %-8.8s  %-7s%s  0.02s  0.00s %s\n", l.User, l.TTY, login, idleText(idle), what)
		default:
			c.Printf("%-8.8s %-8.8s %-16.16s %-7s%s  0.02s  0.00s %s\n", l.User, l.TTY, from, login, idleText(idle), what)
		}
	}
	return 0
}

// idleText is a time without a key in seven columns.
func idleText(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf(" %2ddays", int(d.Hours())/24)
	case d >= time.Hour:
		return fmt.Sprintf(" %2d:%02dm", int(d.Hours()), int(d.Minutes())%60)
	case d > time.Minute:
		return fmt.Sprintf(" %2d:%02d ", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf(" %2d.%02ds", int(d.Seconds()), d.Milliseconds()/10%100)
}

// who shows who is logged in.
func who(c *program.Call) int {
	f, rest, ok := c.Parse("abdHlmpqrstTuw", "all=a boot=b count=q dead=d heading=H login=l lookup=L message=T mesg=T process=p runlevel=r short=s time=t users=u writable=T ips=I")
	m := c.Machine
	switch {
	case !ok:
		return 1
	case len(rest) > 2:
		c.Usage("extra operand ‘" + rest[2] + "’")
		return 1
	case len(rest) == 1:
		if _, err := c.View().Stat(c.Path(rest[0])); err != nil {
			return c.Complain("%s: No such file or directory", rest[0])
		}
	}
	mine := f.Has("m") || len(rest) == 2
	tty := strings.TrimPrefix(c.TTY, "/dev/")
	if f.Has("q") {
		var names []string
		for _, l := range m.Logins() {
			names = append(names, l.User)
		}
		c.Printf("%s\n# users=%d\n", strings.Join(names, " "), len(names))
		return 0
	}
	long, state := f.Has("u") || f.Has("a"), f.Has("T") || f.Has("w") || f.Has("a")
	mark := func(s string) string {
		if state {
			return " " + s
		}
		return ""
	}
	pad := func(idle, pid string) string {
		if long || f.Has("l") {
			return fmt.Sprintf(" %-5s %11s", idle, pid)
		}
		return ""
	}
	if f.Has("H") {
		head := fmt.Sprintf("NAME    %s %-12s %-16s%s COMMENT", mark("S"), "LINE", "TIME", strings.Replace(pad("IDLE", "PID"), "  ", "  ", 1))
		c.Print(head + "\n")
	}
	only := f.Has("b") || f.Has("r") || f.Has("l") || f.Has("d") || f.Has("p") || f.Has("t")
	boot := local(c, m.Boot).Format("2006-01-02 15:04")
	if f.Has("b") || f.Has("a") {
		c.Print(strings.TrimRight(fmt.Sprintf("%-8s%s %-12s %s", "", mark(" "), "system boot", boot), " ") + "\n")
	}
	if (f.Has("r") || f.Has("a")) && m.Release.Init == "systemd" {
		c.Printf("%-8s%s %-12s %s\n", "", mark(" "), "run-level 5", local(c, m.Boot.Add(7*time.Second)).Format("2006-01-02 15:04"))
	}
	if f.Has("l") || f.Has("a") {
		for _, x := range m.Processes() {
			if x.Name == "agetty" {
				c.Printf("%-8s%s %-12s %s %-5s %11d id=%s\n", "LOGIN", mark("?"), x.TTY, boot, "", x.PID, x.TTY)
			}
		}
	}
	for _, l := range m.Logins() {
		if mine && l.TTY != tty || only && !f.Has("a") && !f.Has("u") {
			continue
		}
		idle := " ."
		if d := c.Now().Sub(l.Since); l.TTY != tty && d > time.Minute {
			idle = fmt.Sprintf("%02d:%02d", int(d.Hours())%100, int(d.Minutes())%60)
		}
		c.Printf("%-8s%s %-12s %s%s (%s)\n", l.User, mark("+"), l.TTY, local(c, l.Since).Format("2006-01-02 15:04"), pad(idle, fmt.Sprint(l.PID)), l.From)
	}
	return 0
}

// last shows who was logged in, as wtmp has it, and lastb who was refused.
func last(c *program.Call) int {
	f, names, ok := c.Parse("adFf:hin:p:Rs:t:Vwx0123456789", "hostlast=a dns=d file=:f fulltimes=F help=h ip=i limit=:n nohostname=R present=:p since=:s until=:t fullnames=w system=x time-format=:1 version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case c.Name == "lastb" && c.User.UID != 0 && !f.Has("f"):
		return c.Complain("cannot open /var/log/btmp: Permission denied")
	}
	records, file, begun := c.Machine.Records(), "wtmp", c.Machine.Boot
	if c.Name == "lastb" {
		data, err := c.Machine.FS.As(0, 0).ReadFile("/var/log/btmp")
		if err != nil {
			return c.Complain("cannot open /var/log/btmp: No such file or directory")
		}
		records, file = machine.ParseRecords(data), "btmp"
	}
	if f.Has("f") {
		data, err := c.Read(f.Value["f"])
		if err != nil {
			return c.Complain("cannot open %s: No such file or directory", f.Value["f"])
		}
		file = program.Base(f.Value["f"])
		records = machine.ParseRecords(data)
	}
	if len(records) > 0 {
		begun = records[0].At
	} else if info, err := c.Machine.FS.As(0, 0).Stat("/var/log/" + file); err == nil {
		begun = info.MTime
	}
	s := seen{c: c, f: f, names: names, gone: map[string]time.Time{}, limit: limitOf(f)}
	for i := len(records) - 1; i >= 0 && !c.Busy(); i-- {
		s.show(records[i])
	}
	c.Printf("\n%s begins %s\n", file, local(c, begun).Format("Mon Jan _2 15:04:05 2006"))
	return 0
}

// limitOf is the number of lines that are wanted, -1 for all.
func limitOf(f program.Flags) int {
	text := f.Value["n"]
	if !f.Has("n") {
		for _, g := range f.Given {
			if g.Letter >= "0" && g.Letter <= "9" {
				text += g.Letter
			}
		}
	}
	n := -1
	if _, err := fmt.Sscan(text, &n); err != nil || n == 0 {
		return -1
	}
	return n
}

// seen is one last, which reads from the newest record to the oldest.
type seen struct {
	c     *program.Call
	f     program.Flags
	names []string
	gone  map[string]time.Time // when the session on a terminal ended
	down  time.Time            // when the host went down, zero while it is up
	limit int
}

func (s *seen) show(r machine.Record) {
	switch r.Type {
	case machine.UserOut:
		s.gone[r.TTY] = r.At
	case machine.BootTime:
		end := "  still running"
		if !s.down.IsZero() {
			end = s.span(r.At, s.down)
		}
		s.line("reboot", "system boot", r.From, r, end)
		s.down = r.At
		clear(s.gone)
	case machine.RunLevel:
		if s.f.Has("x") {
			end := "  still running"
			if !s.down.IsZero() {
				end = s.span(r.At, s.down)
			}
			s.line("runlevel", "(to lvl 5)", r.From, r, end)
		}
	case machine.UserIn:
		end := "  still logged in"
		if out, ok := s.gone[r.TTY]; ok {
			end = s.span(r.At, out)
		} else if !s.down.IsZero() {
			end = "- crash" + strings.TrimPrefix(s.span(r.At, s.down), "- "+s.when(s.down))
		} else if s.c.Name == "last" && !s.present(r) {
			end = "   gone - no logout"
		}
		delete(s.gone, r.TTY)
		s.line(r.User, r.TTY, r.From, r, end)
	}
}

// present tells that somebody is still logged in.
func (s *seen) present(r machine.Record) bool {
	for _, l := range s.c.Machine.Logins() {
		if l.TTY == r.TTY && l.User == r.User {
			return true
		}
	}
	return false
}

func (s *seen) when(t time.Time) string {
	if s.f.Has("F") {
		return local(s.c, t).Format("Mon Jan _2 15:04:05 2006")
	}
	return local(s.c, t).Format("15:04")
}

// span is the end of a session and how long it was.
func (s *seen) span(from, to time.Time) string {
	d := max(to.Sub(from), 0)
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	length := fmt.Sprintf(" (%02d:%02d)", hours, minutes)
	if days > 0 {
		length = fmt.Sprintf("(%d+%02d:%02d)", days, hours, minutes)
	}
	return "- " + s.when(to) + " " + length
}

func (s *seen) line(user, tty, from string, r machine.Record, end string) {
	if s.limit == 0 {
		return
	}
	wanted := len(s.names) == 0
	for _, n := range s.names {
		wanted = wanted || n == user || n == tty || n == strings.TrimPrefix(tty, "pts/") || "tty"+n == tty
	}
	if !wanted {
		return
	}
	s.limit--
	if s.f.Has("i") {
		from = "0.0.0.0"
		if r.Address.IsValid() {
			from = r.Address.Unmap().String()
		}
	}
	at := local(s.c, r.At).Format("Mon Jan _2 15:04")
	if s.f.Has("F") {
		at = local(s.c, r.At).Format("Mon Jan _2 15:04:05 2006")
	}
	if !s.f.Has("w") {
		user, from = user[:min(len(user), 8)], from[:min(len(from), 16)]
	}
	tty = tty[:min(len(tty), 12)]
	switch {
	case s.f.Has("R"):
		s.c.Printf("%-8s %-12s %s %s\n", user, tty, at, end)
	case s.f.Has("a"):
		s.c.Printf("%-8s %-12s %s %-19s %s\n", user, tty, at, end, from)
	default:
		s.c.Printf("%-8s %-12s %-16s %s %s\n", user, tty, from, at, end)
	}
}

// utmpdump shows the records of a file.
func utmpdump(c *program.Call) int {
	f, rest, ok := c.Parse("fo:rhV", "follow=f output=:o reverse=r help=h version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("r"):
		return 0
	}
	name := "/dev/stdin"
	var data []byte
	var err error
	if len(rest) > 0 {
		name = rest[0]
		data, err = c.Read(name)
	} else {
		data, err = c.ReadAll(c.In)
	}
	if err != nil {
		return c.Complain("cannot open %s: No such file or directory", name)
	}
	c.Err.Print("Utmp dump of " + name + "\n")
	for _, r := range machine.ParseRecords(data) {
		if c.Busy() {
			return 1
		}
		c.Printf("[%d] [%05d] [%-4.4s] [%-8.8s] [%-12.12s] [%-20.20s] [%-15.15s] [%s]\n", r.Type, r.PID, r.ID, r.User, r.TTY, r.From, r.Address, r.At.UTC().Format("2006-01-02T15:04:05,000000-07:00"))
	}
	return 0
}
