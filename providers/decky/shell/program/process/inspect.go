package process

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// pstree draws the processes as a tree.
func pstree(c *program.Call) int {
	f, rest, ok := c.Parse("aAcC:ghH:GlnN:psStTuUVZ", "arguments=a ascii=A compact-not=c color=:C show-pgids=g highlight-all=h highlight-pid=:H vt100=G long=l numeric-sort=n ns-sort=:N show-pids=p show-parents=s ns-changes=S thread-names=t hide-threads=T uid-changes=u unicode=U version=V security-context=Z help=9")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		psmisc(c, "1993-2021 Werner Almesberger and Craig Small")
		return 0
	}
	d := drawer{c: c, pids: f.Has("p"), arguments: f.Has("a"), users: f.Has("u"), groups: f.Has("g"), plain: f.Has("c") || f.Has("p") || f.Has("a") || f.Has("g"), below: map[int][]machine.Process{}, ascii: f.Has("A") || !f.Has("U") && c.Posix() && !strings.Contains(strings.Join(c.Environ(), " "), "UTF-8")}
	all := everything(c)
	for _, x := range all {
		if !x.Kernel() {
			d.below[x.PPID] = append(d.below[x.PPID], x)
		}
	}
	root := 1
	if len(rest) > 0 {
		n, err := strconv.Atoi(rest[0])
		if err != nil {
			if _, known := newLister(c).uids[rest[0]]; !known {
				c.Err.Print("No such user name: " + rest[0] + "\n")
				return 1
			}
			shown := false
			for _, x := range all {
				if parent, ok := c.Machine.Process(x.PPID); x.User == rest[0] && (!ok || parent.User != rest[0]) {
					if shown {
						c.Print("\n")
					}
					d.draw(x, "", "")
					shown = true
				}
			}
			if !shown {
				c.Err.Print("No processes found.\n")
				return 1
			}
			return 0
		}
		root = n
	}
	for _, x := range all {
		if x.PID == root {
			d.draw(x, "", "")
			return 0
		}
	}
	return 1
}

// drawer is one pstree.
type drawer struct {
	c                                            *program.Call
	pids, arguments, users, groups, plain, ascii bool
	below                                        map[int][]machine.Process
}

// marks are the lines of a tree: one child, the first of several, one between,
// the last, and what goes on beside it.
func (d *drawer) marks() (only, first, middle, last, beside string) {
	if d.ascii {
		return "---", "-+-", " |-", " `-", " | "
	}
	return "───", "─┬─", " ├─", " └─", " │ "
}

// label is how a process is shown.
func (d *drawer) label(x machine.Process, parent string) string {
	text := x.Name
	var more []string
	if d.pids {
		more = append(more, strconv.Itoa(x.PID))
	}
	if d.groups {
		group, _, _ := d.c.Machine.Leaders(x)
		more = append(more, strconv.Itoa(group))
	}
	if d.users && x.User != parent && parent != "" {
		more = append(more, x.User)
	}
	if len(more) > 0 {
		text += "(" + strings.Join(more, ",") + ")"
	}
	if d.arguments {
		if words := x.Argv(); len(words) > 1 {
			rest := words[1:]
			text = program.Base(words[0]) + strings.TrimPrefix(text, x.Name) + " " + strings.Join(rest, " ")
		}
	}
	return text
}

// draw prints x and what is below it; indent stands before its further lines.
func (d *drawer) draw(x machine.Process, indent, parent string) {
	if d.arguments {
		d.list(x, "", "", parent)
		return
	}
	d.branch(d.label(x, parent), x, indent)
}

func (d *drawer) branch(label string, x machine.Process, indent string) {
	if d.c.Busy() || len(indent) > 600 {
		return
	}
	children := slices.Clone(d.below[x.PID])
	slices.SortStableFunc(children, func(a, b machine.Process) int { return strings.Compare(a.Name, b.Name) })
	type group struct {
		x machine.Process
		n int
	}
	var groups []group
	for _, child := range children {
		if n := len(groups); n > 0 && !d.plain && groups[n-1].x.Name == child.Name && len(d.below[child.PID]) == 0 && len(d.below[groups[n-1].x.PID]) == 0 {
			groups[n-1].n++
			continue
		}
		groups = append(groups, group{child, 1})
	}
	if len(groups) == 0 {
		d.c.Print(label + "\n")
		return
	}
	only, first, middle, last, beside := d.marks()
	indent += strings.Repeat(" ", len(label))
	for i, g := range groups {
		text := d.label(g.x, x.User)
		if g.n > 1 {
			text = fmt.Sprintf("%d*[%s]", g.n, text)
		}
		mark, next := middle, beside
		switch {
		case len(groups) == 1:
			mark, next = only, "   "
		case i == 0:
			mark = first
		case i == len(groups)-1:
			mark, next = last, "   "
		}
		if i == 0 {
			d.c.Print(label + mark)
		} else {
			d.c.Print(indent + mark)
		}
		d.branch(text, g.x, indent+next)
	}
}

// list is pstree -a: a line each.
func (d *drawer) list(x machine.Process, lead, indent, parent string) {
	if d.c.Busy() || len(indent) > 200 {
		return
	}
	d.c.Print(lead + d.label(x, parent) + "\n")
	_, _, middle, last, beside := d.marks()
	children := d.below[x.PID]
	for i, child := range children {
		mark, next := " "+middle, " "+beside
		if i == len(children)-1 {
			mark, next = " "+last, "    "
		}
		d.list(child, indent+mark, indent+next, x.User)
	}
}

// pids reads numbers of processes as operands.
func (p *lister) process(text string) (machine.Process, bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(text, "/proc/"))
	if err != nil {
		return machine.Process{}, false
	}
	for _, x := range everything(p.c) {
		if x.PID == n {
			return x, true
		}
	}
	return machine.Process{}, false
}

// pwdx tells where processes are.
func pwdx(c *program.Call) int {
	f, rest, ok := c.Parse("hV", "help=h version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("h"):
		c.Print(c.Help())
		return 0
	case len(rest) == 0:
		c.Err.Print(c.Help())
		return 1
	}
	p := newLister(c)
	status := 0
	for _, a := range rest {
		if _, err := strconv.Atoi(strings.TrimPrefix(a, "/proc/")); err != nil {
			c.Err.Print("pwdx: invalid process id: " + a + "\n")
			return 1
		}
		x, found := p.process(a)
		switch {
		case !found:
			c.Err.Print(a + ": No such process\n")
			status = 1
		case !may(c, x):
			c.Err.Print(a + ": Permission denied\n")
			status = 1
		default:
			cwd := x.Cwd
			if cwd == "" {
				cwd = "/"
			}
			c.Print(a + ": " + cwd + "\n")
		}
	}
	return status
}

// pmap shows where a process's memory is.
func pmap(c *program.Call) int {
	f, rest, ok := c.Parse("A:cC:dhnN:pqVxX", "extended=x device=d quiet=q show-path=p range=:A help=h version=V read-rc=c")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("h"):
		c.Print(c.Help())
		return 0
	case len(rest) == 0:
		c.Err.Print(c.Help())
		return 1
	}
	p, status := newLister(c), 42
	for _, a := range rest {
		x, found := p.process(a)
		if !found {
			continue
		}
		status = 0
		c.Printf("%d:   %s\n", x.PID, x.Args)
		if x.Kernel() || !may(c, x) {
			continue
		}
		data, err := c.Machine.FS.As(0, 0).ReadFile(fmt.Sprintf("/proc/%d/maps", x.PID))
		if err != nil {
			continue
		}
		mapped(c, f, string(data))
	}
	return status
}

func mapped(c *program.Call, f program.Flags, maps string) {
	var total, resident, dirty int64
	if f.Has("x") && !f.Has("q") {
		c.Print("Address           Kbytes     RSS   Dirty Mode  Mapping\n")
	}
	if f.Has("d") && !f.Has("q") {
		c.Print("Address           Kbytes Mode  Offset           Device    Mapping\n")
	}
	for line := range strings.Lines(maps) {
		w := strings.Fields(line)
		if len(w) < 5 {
			continue
		}
		low, high, _ := strings.Cut(w[0], "-")
		from, err1 := strconv.ParseUint(low, 16, 64)
		to, err2 := strconv.ParseUint(high, 16, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		size := int64(to-from) / 1024
		mode := strings.Replace(w[1], "p", "-", 1) + "-"
		name := "[ anon ]"
		if len(w) > 5 {
			name = w[5]
			if strings.HasPrefix(name, "[") {
				name = map[string]string{"[stack]": "[ stack ]", "[vdso]": "[ anon ]", "[vvar]": "[ anon ]", "[heap]": "[ anon ]"}[name]
			} else if !f.Has("p") {
				name = program.Base(name)
			}
		}
		rss := size * 3 / 5 &^ 3
		own := int64(0)
		if strings.Contains(mode, "w") {
			own = rss
		}
		total, resident, dirty = total+size, resident+rss, dirty+own
		switch {
		case f.Has("x"):
			c.Printf("%016x %7d %7d %7d %s %s\n", from, size, rss, own, mode, name)
		case f.Has("d"):
			c.Printf("%016x %7d %s %016s %s   %s\n", from, size, mode, w[2], "0"+w[3][:2]+":000"+w[3][3:], name)
		default:
			c.Printf("%016x %6dK %s %s\n", from, size, mode, name)
		}
	}
	switch {
	case f.Has("q"):
	case f.Has("x"):
		c.Printf("---------------- ------- ------- ------- \ntotal kB %15d %7d %7d\n", total, resident, dirty)
	case f.Has("d"):
		c.Printf("mapped: %dK    writeable/private: %dK    shared: 28K\n", total, dirty)
	default:
		c.Printf(" total %16dK\n", total)
	}
}

// prtstat shows what /proc/PID/stat says.
func prtstat(c *program.Call) int {
	f, rest, ok := c.Parse("rV", "raw=r version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		psmisc(c, "2009-2022 Craig Small")
		return 0
	case len(rest) == 0:
		c.Err.Print("You must provide at least one PID.\nUsage: prtstat [options] PID ...\n       prtstat -V\nPrint information about a process\n    -r,--raw       Raw display of information\n    -V,--version   Display version information and exit\n")
		return 1
	}
	p := newLister(c)
	x, found := p.process(rest[0])
	if !found {
		c.Err.Print("Process with pid " + rest[0] + " does not exist.\n")
		return 0
	}
	group, session, foreground := p.leaders(x)
	c.Printf("Process: %-15s\t\tState: %s\n  CPU#:  %-3d\t\tTTY: %s\tThreads: 1\nProcess, Group and Session IDs\n  Process ID: %d\t\t  Parent ID: %d\n    Group ID: %d\t\t Session ID: %d\n  T Group ID: %d\n\n", x.Name, map[byte]string{'R': "R (running)", 'I': "I (unknown)"}[(x.Stat + "S")[0]]+map[bool]string{true: "S (sleeping)"}[strings.HasPrefix(x.Stat, "S")], x.PID%p.count, "0:0", x.PID, x.PPID, group, session, foreground)
	c.Printf("Page Faults\n  This Process    (minor major): %8d %8d\n  Child Processes (minor major): %8d %8d\nCPU Times\n  This Process    (user system guest blkio): %6.2f %6.2f %6.2f %6.2f\n  Child processes (user system guest):       %6.2f %6.2f %6.2f\nMemory\n  Vsize:       %d kB\n  RSS:         %d kB \n", x.RSS/4, 0, 0, 0, float64(x.CPU)*0.6, float64(x.CPU)*0.4, 0.0, 0.0, 0.0, 0.0, 0.0, x.VSZ, x.RSS)
	return 0
}

// fuser tells which processes use files.
func fuser(c *program.Call) int {
	number := 9
	args, given := withSignal(c.Args)
	if len(args) != len(c.Args) {
		number = given
	}
	c.Args = args
	f, names, ok := c.Parse("aciIkln:mMsuvVw46", "all=a interactive=i inode=I kill=k list-signals=l mount=m ismountpoint=M namespace=:n silent=s user=u verbose=v writeonly=w version=V ipv4=4 ipv6=6")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		psmisc(c, "1993-2022 Werner Almesberger and Craig Small")
		return 0
	case f.Has("l"):
		c.Print(signalLines())
		return 0
	case len(names) == 0:
		c.Err.Print("No process specification given\nUsage: fuser [-fIMuvw] [-a|-s] [-4|-6] [-c|-m|-n SPACE]\n             [-k [-i] [-SIGNAL]] NAME...\n       fuser -l\n       fuser -V\n")
		return 1
	}
	status := 1
	for _, name := range names {
		users, problem := usersOf(c, f, name)
		if problem != "" {
			c.Err.Print(problem)
			continue
		}
		if len(users) == 0 {
			continue
		}
		status = 0
		if f.Has("s") {
			continue
		}
		label := name + ":"
		if f.Has("v") {
			c.Err.Print(fmt.Sprintf("%20s %-11s%s ACCESS COMMAND\n", "", "USER", "     PID"))
		} else {
			c.Err.Print(fmt.Sprintf("%-19s ", label))
		}
		for i, x := range users {
			if f.Has("v") {
				if i > 0 {
					label = ""
				}
				c.Err.Print(fmt.Sprintf("%-20s %-8s %10d %s %s\n", label, x.User, x.PID, "..c..", x.Name))
				continue
			}
			c.Print(fmt.Sprintf(" %5d", x.PID))
			c.Err.Print("c")
		}
		if !f.Has("v") {
			c.Err.Print("\n")
		}
		for _, x := range users {
			if f.Has("k") && may(c, x) {
				deliver(c, x, number)
			}
		}
	}
	return status
}

// usersOf are the processes that use a file, a file system or a port.
func usersOf(c *program.Call, f program.Flags, name string) (users []machine.Process, problem string) {
	port, space, isPort := strings.Cut(name, "/")
	if f.Value["n"] == "tcp" || f.Value["n"] == "udp" {
		port, space, isPort = name, f.Value["n"], true
	}
	if n, err := strconv.Atoi(port); isPort && err == nil && (space == "tcp" || space == "udp") {
		for _, l := range c.Machine.Listening() {
			if x, ok := c.Machine.Process(l.PID); ok && int(l.Port) == n && space == "tcp" && may(c, x) {
				users = append(users, x)
			}
		}
		return users, ""
	}
	path := c.Path(name)
	if _, err := c.View().Stat(path); err != nil {
		return nil, "Specified filename " + name + " does not exist.\n"
	}
	for _, x := range everything(c) {
		cwd := vfs.Clean("/", x.Cwd)
		if may(c, x) && !x.Kernel() && (cwd == path || x.Exe == path || f.Has("m") && strings.HasPrefix(cwd, path)) {
			users = append(users, x)
		}
	}
	return users, ""
}

// pslog shows the logs that a process writes.
func pslog(c *program.Call) int {
	if len(c.Args) == 0 {
		c.Err.Print("Usage: pslog PID...\n       pslog -V, --version\n\n  -V,--version display version information\n\n")
		return 1
	}
	if c.Args[0] == "-V" || c.Args[0] == "--version" {
		psmisc(c, "2015-2017 Vito Mule'.")
		return 0
	}
	if _, found := newLister(c).process(c.Args[0]); !found {
		c.Err.Print("opendir: No such file or directory\n")
		return 1
	}
	c.Print("Pid no " + c.Args[0] + ":\n")
	return 0
}
