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

// column is one thing that ps shows of a process.
type column struct {
	title string
	width int // negative: to the left
	value func(p *lister, x machine.Process) string
}

// lister is one ps.
type lister struct {
	c     *program.Call
	total int64
	now   time.Time
	uids  map[string]machine.Account
	count int
}

func newLister(c *program.Call) *lister {
	p := &lister{c: c, total: max(c.Machine.Memory().Total, 1), now: c.Now(), uids: map[string]machine.Account{}, count: c.Machine.Hardware.CPU.Count()}
	for _, a := range slices.Backward(c.Machine.Accounts()) {
		p.uids[a.Name] = a
	}
	return p
}

func (p *lister) began(x machine.Process) time.Time {
	return p.c.Local(p.c.Machine.Boot.Add(time.Duration(x.Start) * time.Second))
}

// start is when a process began, as -f and u show it: an hour today, a day this
// year, else the year.
func (p *lister) start(x machine.Process, day string) string {
	at, now := p.began(x), p.c.Local(p.now)
	switch {
	case at.Year() == now.Year() && at.YearDay() == now.YearDay():
		return at.Format("15:04")
	case at.Year() != now.Year():
		return at.Format("2006")
	}
	return at.Format(day)
}

func clock(seconds int64) string {
	days := ""
	if seconds >= 86400 {
		days = fmt.Sprintf("%d-", seconds/86400)
	}
	return days + fmt.Sprintf("%02d:%02d:%02d", seconds/3600%24, seconds/60%60, seconds%60)
}

func minutes(seconds int64) string { return fmt.Sprintf("%d:%02d", seconds/60, seconds%60) }

// name8 is a name in eight columns.
func name8(name string) string {
	if len(name) > 8 {
		return name[:7] + "+"
	}
	return name
}

func terminal(x machine.Process) string { return cmp.Or(x.TTY, "?") }

func elapsed(d time.Duration) string {
	s := int64(max(d, 0).Seconds())
	text := fmt.Sprintf("%02d:%02d", s/60%60, s%60)
	if s >= 3600 {
		text = fmt.Sprintf("%02d:%s", s/3600%24, text)
	}
	if s >= 86400 {
		text = fmt.Sprintf("%d-%s", s/86400, text)
	}
	return text
}

// percent is the share of its life that a process has used a processor for.
func (p *lister) percent(x machine.Process) float64 {
	life := p.now.Sub(p.began(x)).Seconds()
	if life < 1 {
		return 0
	}
	return min(float64(x.CPU)*100/life, 99.9)
}

func (p *lister) memory(x machine.Process) float64 { return float64(x.RSS) * 100 / float64(p.total) }

// nice is a process's niceness; kernel threads with < run at -20.
func nice(x machine.Process) int {
	switch {
	case strings.Contains(x.Stat, "<") && x.Kernel():
		return -20
	case strings.Contains(x.Stat, "<"):
		return -4
	case strings.Contains(x.Stat, "N"):
		return 5
	}
	return x.Nice
}

func (p *lister) leaders(x machine.Process) (pgid, sid, tpgid int) { return p.c.Machine.Leaders(x) }

// where is what a process waits in.
func where(x machine.Process) string {
	switch {
	case strings.HasPrefix(x.Stat, "R"), strings.HasPrefix(x.Stat, "I"):
		return "-"
	case x.Kernel():
		return "-"
	case strings.HasPrefix(x.TTY, "pts/"):
		return "do_wai"
	}
	return "-"
}

func number(f func(p *lister, x machine.Process) int) func(*lister, machine.Process) string {
	return func(p *lister, x machine.Process) string { return strconv.Itoa(f(p, x)) }
}

func fixed(s string) func(*lister, machine.Process) string {
	return func(*lister, machine.Process) string { return s }
}

// columns by the names of ps -o.
var columns = map[string]column{
	"pid":   {"PID", 7, number(func(_ *lister, x machine.Process) int { return x.PID })},
	"ppid":  {"PPID", 7, number(func(_ *lister, x machine.Process) int { return x.PPID })},
	"pgid":  {"PGID", 7, number(func(p *lister, x machine.Process) int { n, _, _ := p.leaders(x); return n })},
	"sid":   {"SID", 7, number(func(p *lister, x machine.Process) int { _, n, _ := p.leaders(x); return n })},
	"tpgid": {"TPGID", 7, number(func(p *lister, x machine.Process) int { _, _, n := p.leaders(x); return n })},
	"lwp":   {"LWP", 7, number(func(_ *lister, x machine.Process) int { return x.PID })},
	"spid":  {"SPID", 7, number(func(_ *lister, x machine.Process) int { return x.PID })},
	"tid":   {"TID", 7, number(func(_ *lister, x machine.Process) int { return x.PID })},
	"nlwp":  {"NLWP", 4, fixed("1")},
	"user":  {"USER", -8, func(_ *lister, x machine.Process) string { return name8(x.User) }},
	"ruser": {"RUSER", -8, func(_ *lister, x machine.Process) string { return name8(x.User) }},
	"euser": {"EUSER", -8, func(_ *lister, x machine.Process) string { return name8(x.User) }},
	"UID":   {"UID", -8, func(_ *lister, x machine.Process) string { return name8(x.User) }},
	"uid":   {"UID", 5, number(func(p *lister, x machine.Process) int { return p.uids[x.User].UID })},
	"euid":  {"EUID", 5, number(func(p *lister, x machine.Process) int { return p.uids[x.User].UID })},
	"ruid":  {"RUID", 5, number(func(p *lister, x machine.Process) int { return p.uids[x.User].UID })},
	"gid":   {"GID", 5, number(func(p *lister, x machine.Process) int { return p.uids[x.User].GID })},
	"egid":  {"EGID", 5, number(func(p *lister, x machine.Process) int { return p.uids[x.User].GID })},
	"group": {"GROUP", -8, func(p *lister, x machine.Process) string { return name8(p.c.Machine.GroupName(p.uids[x.User].GID)) }},
	"tty":   {"TT", -8, func(_ *lister, x machine.Process) string { return terminal(x) }},
	"TTY":   {"TTY", -8, func(_ *lister, x machine.Process) string { return terminal(x) }},
	"stat":  {"STAT", -4, func(_ *lister, x machine.Process) string { return x.Stat }},
	"s":     {"S", -1, func(_ *lister, x machine.Process) string { return x.Stat[:min(1, len(x.Stat))] }},
	"f": {"F", 1, func(_ *lister, x machine.Process) string {
		switch {
		case x.Kernel():
			return "1"
		case x.TTY != "" && strings.HasPrefix(x.TTY, "pts/") && !strings.HasPrefix(x.Args, "-"):
			return "0"
		}
		return "4"
	}},
	"c":    {"C", 2, number(func(p *lister, x machine.Process) int { return int(p.percent(x)) })},
	"%cpu": {"%CPU", 4, func(p *lister, x machine.Process) string { return fmt.Sprintf("%.1f", p.percent(x)) }},
	"%mem": {"%MEM", 4, func(p *lister, x machine.Process) string {
		return fmt.Sprintf("%.1f", float64(int(p.memory(x)*10))/10)
	}},
	"vsz":   {"VSZ", 6, number(func(_ *lister, x machine.Process) int { return x.VSZ })},
	"rss":   {"RSS", 5, number(func(_ *lister, x machine.Process) int { return x.RSS })},
	"sz":    {"SZ", 5, number(func(_ *lister, x machine.Process) int { return x.VSZ / 4 })},
	"size":  {"SIZE", 5, number(func(_ *lister, x machine.Process) int { return x.VSZ / 5 })},
	"trs":   {"TRS", 5, number(func(_ *lister, x machine.Process) int { return x.RSS / 5 })},
	"drs":   {"DRS", 5, number(func(_ *lister, x machine.Process) int { return max(x.VSZ-x.RSS/5-1, 0) })},
	"majfl": {"MAJFL", 6, fixed("0")}, "minfl": {"MINFL", 6, number(func(_ *lister, x machine.Process) int { return x.RSS / 4 })},
	"start": {"STARTED", 8, func(p *lister, x machine.Process) string {
		if at := p.began(x); p.now.Sub(at) < 24*time.Hour {
			return at.Format("15:04:05")
		}
		return p.began(x).Format("  Jan 02")
	}},
	"lstart":   {"STARTED", 24, func(p *lister, x machine.Process) string { return p.began(x).Format("Mon Jan _2 15:04:05 2006") }},
	"bsdstart": {"START", 6, func(p *lister, x machine.Process) string { return bsdStart(p, x) }},
	"START":    {"START", -5, func(p *lister, x machine.Process) string { return p.start(x, "Jan02") }},
	"stime":    {"STIME", 5, func(p *lister, x machine.Process) string { return p.start(x, "Jan02") }},
	"time":     {"TIME", 8, func(_ *lister, x machine.Process) string { return clock(x.CPU) }},
	"times":    {"TIME", 8, number(func(_ *lister, x machine.Process) int { return int(x.CPU) })},
	"bsdtime":  {"TIME", 6, func(_ *lister, x machine.Process) string { return minutes(x.CPU) }},
	"etime":    {"ELAPSED", 11, func(p *lister, x machine.Process) string { return elapsed(p.now.Sub(p.began(x))) }},
	"etimes": {"ELAPSED", 7, number(func(p *lister, x machine.Process) int {
		return int(max(p.now.Sub(p.began(x)), 0).Seconds())
	})},
	"ni":   {"NI", 3, number(func(_ *lister, x machine.Process) int { return nice(x) })},
	"pri":  {"PRI", 3, number(func(_ *lister, x machine.Process) int { return 19 - nice(x) })},
	"opri": {"PRI", 3, number(func(_ *lister, x machine.Process) int { return 80 + nice(x) })},
	"psr":  {"PSR", 3, number(func(p *lister, x machine.Process) int { return x.PID % p.count })},
	"cls":  {"CLS", -3, fixed("TS")}, "rtprio": {"RTPRIO", 6, fixed("-")}, "label": {"LABEL", -31, fixed("unconfined")},
	"wchan":   {"WCHAN", -6, func(_ *lister, x machine.Process) string { return where(x) }},
	"addr_sz": {"ADDR SZ", 7, func(_ *lister, x machine.Process) string { return fmt.Sprintf("- %5d", x.VSZ/4) }},
	"cgroup":  {"CGROUP", -27, func(p *lister, x machine.Process) string { return strings.TrimSpace(p.c.Machine.CGroup(x)) }},
	"exe":     {"EXE", -27, func(_ *lister, x machine.Process) string { return cmp.Or(x.Exe, "-") }},
	"comm":    {"COMMAND", -15, func(_ *lister, x machine.Process) string { return x.Name }},
	"ucmd":    {"CMD", -15, func(_ *lister, x machine.Process) string { return x.Name }},
	"args":    {"COMMAND", -27, func(_ *lister, x machine.Process) string { return x.Args }},
	"cmd":     {"CMD", -27, func(_ *lister, x machine.Process) string { return x.Args }},
}

func bsdStart(p *lister, x machine.Process) string {
	if at := p.began(x); p.now.Sub(at) < 24*time.Hour {
		return at.Format(" 15:04")
	}
	return p.began(x).Format("Jan 02")
}

// synonyms are other names of columns.
var synonyms = map[string]string{"command": "args", "ucomm": "comm", "pcpu": "%cpu", "pmem": "%mem", "tt": "tty", "tname": "TTY", "state": "s", "uname": "user", "vsize": "vsz", "rssize": "rss", "rsz": "rss", "cputime": "time", "nice": "ni", "start_time": "stime", "sess": "sid", "session": "sid", "pgrp": "pgid", "class": "cls", "policy": "cls", "flag": "f", "flags": "f", "thcount": "nlwp", "rgid": "gid", "rgroup": "group", "egroup": "group", "priority": "pri", "fname": "comm", "maj_flt": "majfl", "min_flt": "minfl", "cputimes": "times", "context": "label"}

// find is the column of a name.
func find(name string) (column, bool) {
	col, ok := columns[cmp.Or(synonyms[name], name)]
	if name != strings.ToLower(name) {
		return column{}, false
	}
	return col, ok
}

// formats are the columns of ps's own lists.
var formats = map[string]string{
	"": "pid TTY time ucmd", "f": "UID pid ppid c stime TTY time cmd", "F": "UID pid ppid c sz rss psr stime TTY time cmd", "l": "f s uid pid ppid c opri ni addr_sz wchan TTY time ucmd", "j": "pid pgid sid TTY time ucmd",
	"ly": "s uid pid ppid c opri ni rss sz wchan TTY time ucmd", "bsd": "pid TTY stat bsdtime args", "u": "user pid %cpu %mem vsz rss TTY stat START bsdtime args", "bsdl": "f uid pid ppid opri ni vsz rss wchan stat TTY bsdtime args",
	"bsdj": "ppid pid pgid sid TTY tpgid stat uid bsdtime args", "v": "pid TTY stat bsdtime majfl trs drs rss %mem args",
}

// columnsOf are the columns of a list.
func columnsOf(names string) []column {
	var out []column
	for name := range strings.FieldsSeq(names) {
		out = append(out, columns[name])
	}
	return out
}
