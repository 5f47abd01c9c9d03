package process

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// wish is what a ps command line asks for.
type wish struct {
	format           string // of formats; "o" where shown says it
	shown            []column
	titled           bool // shown has a title that is not empty
	all, notTTY      bool // -a, x
	leaders          bool // -d
	everybody        bool // a of BSD
	running, none    bool // r, -N
	pids, parent     []int
	users, names     []string
	ttys, groups     []string
	sessions         []int
	noHeader, wide   bool
	bsd, forest      bool
	threads, spid, y bool
	sort             string
	label            bool
}

const psUsage = "\n\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n"

// ps lists processes.
func ps(c *program.Call) int {
	if c.Applet {
		return small(c)
	}
	w, problem := wishOf(c)
	if problem != "" {
		c.Err.Print("error: " + problem + psUsage)
		return 1
	}
	if w == nil {
		return 0
	}
	p := newLister(c)
	list := w.chosen(p)
	if problem := w.sorted(p, list); problem != "" {
		c.Err.Print("error: " + problem + psUsage)
		return 1
	}
	var marks []string
	if w.forest {
		list, marks = forest(list)
	}
	p.table(w, list, marks)
	if len(list) == 0 {
		return 1
	}
	return 0
}

// sorted orders list by the keys of --sort.
func (w *wish) sorted(p *lister, list []machine.Process) string {
	type key struct {
		col  column
		down bool
	}
	var keys []key
	for _, name := range words(w.sort) {
		bare := strings.TrimLeft(name, "+-")
		col, ok := find(bare)
		if !ok {
			return "unknown sort specifier"
		}
		keys = append(keys, key{col, strings.HasPrefix(name, "-")})
	}
	slices.SortStableFunc(list, func(a, b machine.Process) int {
		for _, k := range keys {
			x, y := k.col.value(p, a), k.col.value(p, b)
			n, err1 := strconv.ParseFloat(x, 64)
			m, err2 := strconv.ParseFloat(y, 64)
			order := cmp.Compare(x, y)
			if err1 == nil && err2 == nil {
				order = cmp.Compare(n, m)
			}
			if k.down {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
	return ""
}

// own is the program itself among the processes.
func own(c *program.Call) machine.Process {
	args := strings.TrimSpace(c.Name + " " + strings.Join(c.Args, " "))
	for _, x := range slices.Backward(c.Machine.Processes()) {
		if (x.PID == c.PID || x.PPID == c.PID) && strings.HasSuffix(x.Args, args) {
			return x
		}
	}
	return machine.Process{PID: c.Machine.NextPID(), PPID: c.PID, User: c.User.Name, VSZ: 11084, RSS: 4396, TTY: strings.TrimPrefix(c.TTY, "/dev/"), Stat: map[bool]string{true: "R+", false: "R"}[c.TTY != ""], Start: int64(c.Machine.Uptime().Seconds()), Name: c.Name, Args: args, Exe: "/usr/bin/" + c.Name, Cwd: c.Cwd}
}

// everything are all processes, the program's own among them.
func everything(c *program.Call) []machine.Process {
	list := c.Machine.Processes()
	me := own(c)
	if !slices.ContainsFunc(list, func(x machine.Process) bool { return x.PID == me.PID }) {
		list = append(list, me)
	}
	return list
}

// chosen are the processes that are asked for.
func (w *wish) chosen(p *lister) []machine.Process {
	c := p.c
	tty := strings.TrimPrefix(c.TTY, "/dev/")
	named := len(w.pids)+len(w.parent)+len(w.users)+len(w.names)+len(w.ttys)+len(w.groups)+len(w.sessions) > 0
	var out []machine.Process
	for _, x := range everything(c) {
		_, sid, _ := p.leaders(x)
		ok := false
		switch {
		case named:
			a := p.uids[x.User]
			ok = slices.Contains(w.pids, x.PID) || slices.Contains(w.parent, x.PPID) || slices.Contains(w.users, x.User) || slices.Contains(w.users, strconv.Itoa(a.UID)) || slices.Contains(w.names, x.Name) || slices.Contains(w.ttys, terminal(x)) ||
				slices.Contains(w.groups, strconv.Itoa(a.GID)) || slices.Contains(w.groups, c.Machine.GroupName(a.GID)) || slices.Contains(w.sessions, sid)
		case w.leaders:
			ok = x.PID != sid
		case w.all && w.notTTY, w.everybody && w.notTTY:
			ok = true
		case w.all: // -a: with a terminal, and no leader of a session
			ok = x.TTY != "" && x.PID != sid
		case w.everybody:
			ok = x.TTY != ""
		case w.notTTY, w.bsd && tty != "":
			ok = x.User == c.User.Name && (w.notTTY || x.TTY == tty || x.TTY != "")
		default:
			ok = x.TTY == tty && x.User == c.User.Name && (tty != "" || x.PID == c.PID || x.PPID == c.PID)
		}
		if ok != w.none && (!w.running || strings.HasPrefix(x.Stat, "R") || strings.HasPrefix(x.Stat, "D")) {
			out = append(out, x)
		}
	}
	return out
}

// forest orders processes below their parents and marks how deep they are.
func forest(list []machine.Process) (out []machine.Process, marks []string) {
	here := map[int]bool{}
	for _, x := range list {
		here[x.PID] = true
	}
	type node struct {
		machine.Process
		more bool // a sibling follows
	}
	below := map[int][]node{}
	var roots []node
	for _, x := range list {
		if here[x.PPID] && x.PPID != x.PID {
			below[x.PPID] = append(below[x.PPID], node{Process: x})
		} else {
			roots = append(roots, node{Process: x})
		}
	}
	var walk func(x node, depth int, before string)
	walk = func(x node, depth int, before string) {
		mark := ""
		if depth > 0 {
			mark = before + " \\_ "
		}
		out, marks = append(out, x.Process), append(marks, mark)
		for i, child := range below[x.PID] {
			line := before
			if depth > 0 {
				line += "    "
				if x.more {
					line = before + " |  "
				}
			}
			child.more = i < len(below[x.PID])-1
			walk(child, depth+1, line)
		}
	}
	slices.SortStableFunc(roots, func(a, b node) int { return cmp.Compare(program.Truth(a.PID == 1), program.Truth(b.PID == 1)) })
	for _, x := range roots {
		// What init started stands at the margin: procps draws no line for it.
		if x.PID == 1 {
			out, marks = append(out, x.Process), append(marks, "")
			for _, child := range below[x.PID] {
				walk(child, 0, "")
			}
			continue
		}
		walk(x, 0, "")
	}
	return out, marks
}

// table prints the processes.
func (p *lister) table(w *wish, list []machine.Process, marks []string) {
	shown := w.shown
	if w.format != "o" {
		format := w.format
		if w.bsd && formats["bsd"+format] != "" {
			format = "bsd" + format
		}
		if format == "l" && w.y {
			format = "ly"
		}
		names := formats[format]
		if w.threads {
			names = strings.Replace(strings.Replace(names, " ppid c ", " ppid lwp c nlwp ", 1), "pid TTY time", "pid lwp TTY time", 1)
		}
		if w.spid {
			names = strings.Replace(names, "pid ", "pid spid ", 1)
		}
		if w.label {
			names = "label " + names
		}
		shown = append(columnsOf(names), w.shown...)
	}
	if !w.noHeader && (w.format != "o" || w.titled) {
		cells := make([]string, len(shown))
		for i, col := range shown {
			cells[i] = col.title
		}
		p.row(w, shown, cells)
	}
	for i, x := range list {
		if p.c.Busy() {
			return
		}
		cells := make([]string, len(shown))
		for j, col := range shown {
			cells[j] = col.value(p, x)
			if marks != nil && j == len(shown)-1 {
				cells[j] = marks[i] + cells[j]
			}
		}
		p.row(w, shown, cells)
	}
}

// row sets one line; a cell that is too wide takes of what the next has free.
func (p *lister) row(w *wish, shown []column, cells []string) {
	var b strings.Builder
	over := 0
	for i, cell := range cells {
		width := shown[i].width
		if i == len(cells)-1 && width < 0 {
			width = 0
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		if width > 0 {
			width = max(width-over, 0)
		}
		b.WriteString(fmt.Sprintf("%*s", width, cell))
		over = 0
		if width > 0 {
			over = max(len(cell)-width, 0)
		}
	}
	line := b.String()
	if p.c.Out.TTY && p.c.Cols > 0 && !w.wide && len(line) > p.c.Cols {
		line = line[:p.c.Cols]
	}
	p.c.Print(line + "\n")
}

// small is busybox' ps.
func small(c *program.Call) int {
	for _, a := range c.Args {
		if strings.HasPrefix(a, "-") && strings.Trim(a[1:], "oTelfwaux") != "" {
			c.Usage("invalid option -- '" + strings.Trim(a[1:], "oTelfwaux")[:1] + "'")
			return 1
		}
	}
	if i := slices.Index(c.Args, "-o"); i >= 0 && i+1 < len(c.Args) {
		return smallColumns(c, c.Args[i+1])
	}
	c.Print("PID   USER     TIME  COMMAND\n")
	for _, x := range everything(c) {
		if c.Busy() {
			return 1
		}
		c.Printf("%5d %-8.8s %2d:%02d %s\n", x.PID, x.User, x.CPU/60, x.CPU%60, x.Args)
	}
	return 0
}

// smallColumns is busybox' ps -o.
func smallColumns(c *program.Call, text string) int {
	p := newLister(c)
	known := map[string]column{
		"user": {"USER", -8, columns["user"].value}, "group": {"GROUP", -8, columns["group"].value}, "comm": {"COMMAND", -16, columns["comm"].value}, "args": {"COMMAND", -256, columns["args"].value}, "pid": {"PID", 5, columns["pid"].value}, "ppid": {"PPID", 5, columns["ppid"].value},
		"pgid": {"PGID", 5, columns["pgid"].value}, "etime": {"ELAPSED", -7, columns["etime"].value}, "nice": {"NI", 5, columns["ni"].value}, "time": {"TIME", -6, columns["bsdtime"].value}, "tty": {"TT", -6, columns["tty"].value}, "vsz": {"VSZ", -4, columns["vsz"].value}, "stat": {"STAT", -4, columns["stat"].value}, "rss": {"RSS", -4, columns["rss"].value},
	}
	w := &wish{format: "o", titled: true, wide: true}
	for _, name := range words(text) {
		name, title, renamed := strings.Cut(name, "=")
		col, ok := known[name]
		if !ok {
			return c.Complain("bad -o argument '%s', supported arguments: user,group,comm,args,pid,ppid,pgid,etime,nice,rgroup,ruser,time,tty,vsz,stat,rss", name)
		}
		if renamed {
			col.title = title
		}
		w.shown = append(w.shown, col)
	}
	p.table(w, everything(c), nil)
	return 0
}
