package process

import (
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

func ps(c *program.Call) int {
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
