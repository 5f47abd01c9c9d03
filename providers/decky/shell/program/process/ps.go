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
	value func(p lister, x machine.Process) string
}

// lister is one ps.
type lister struct {
	c     *program.Call
	total int64
	now   time.Time
}

func (p lister) began(x machine.Process) time.Time {
	return p.c.Machine.Boot.Add(time.Duration(x.Start) * time.Second)
}

func (p lister) start(x machine.Process) string {
	at := p.began(x).UTC()
	switch {
	case at.YearDay() == p.now.UTC().YearDay() && at.Year() == p.now.UTC().Year():
		return at.Format("15:04")
	case at.Year() != p.now.UTC().Year():
		return at.Format("2006")
	}
	return at.Format("Jan02")
}

func (p lister) cpu(x machine.Process) int64 {
	return x.CPU + x.CPU*int64(p.c.Machine.Uptime().Hours())/30
}

func clock(seconds int64) string {
	return fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

func user(name string) string {
	if len(name) > 8 {
		return name[:7] + "+"
	}
	return name
}

func terminal(x machine.Process) string { return cmp.Or(x.TTY, "?") }

func elapsed(d time.Duration) string {
	s := int64(d.Seconds())
	text := fmt.Sprintf("%02d:%02d", s/60%60, s%60)
	if s >= 3600 {
		text = fmt.Sprintf("%02d:%s", s/3600%24, text)
	}
	if s >= 86400 {
		text = fmt.Sprintf("%d-%s", s/86400, text)
	}
	return text
}

var columns = map[string]column{
	"pid":  {"PID", 7, func(_ lister, x machine.Process) string { return strconv.Itoa(x.PID) }},
	"ppid": {"PPID", 7, func(_ lister, x machine.Process) string { return strconv.Itoa(x.PPID) }},
	"user": {"USER", -8, func(_ lister, x machine.Process) string { return user(x.User) }},
	"uid": {"UID", 5, func(p lister, x machine.Process) string {
		return strconv.Itoa(p.c.Machine.Account(x.User).UID)
	}},
	"tty":  {"TT", -8, func(_ lister, x machine.Process) string { return terminal(x) }},
	"stat": {"STAT", -4, func(_ lister, x machine.Process) string { return x.Stat }},
	"s":    {"S", -1, func(_ lister, x machine.Process) string { return x.Stat[:min(1, len(x.Stat))] }},
	"vsz":  {"VSZ", 6, func(_ lister, x machine.Process) string { return strconv.Itoa(x.VSZ) }},
	"rss":  {"RSS", 5, func(_ lister, x machine.Process) string { return strconv.Itoa(x.RSS) }},
	"%cpu": {"%CPU", 4, func(lister, machine.Process) string { return "0.0" }},
	"%mem": {"%MEM", 4, func(p lister, x machine.Process) string {
		return fmt.Sprintf("%.1f", float64(x.RSS*1000/int(p.total))/10)
	}},
	"start": {"STARTED", 8, func(p lister, x machine.Process) string { return p.start(x) }},
	"lstart": {"STARTED", 24, func(p lister, x machine.Process) string {
		return p.began(x).UTC().Format("Mon Jan _2 15:04:05 2006")
	}},
	"time":  {"TIME", 8, func(p lister, x machine.Process) string { return clock(p.cpu(x)) }},
	"etime": {"ELAPSED", 11, func(p lister, x machine.Process) string { return elapsed(p.now.Sub(p.began(x))) }},
	"nice":  {"NI", 3, func(_ lister, x machine.Process) string { return nice(x) }},
	"pri":   {"PRI", 3, func(lister, machine.Process) string { return "19" }},
	"psr":   {"PSR", 3, func(lister, machine.Process) string { return "0" }},
	"pgid":  {"PGID", 7, func(_ lister, x machine.Process) string { return strconv.Itoa(x.PID) }},
	"comm":  {"COMMAND", -15, func(_ lister, x machine.Process) string { return x.Name }},
	"args":  {"COMMAND", -27, func(_ lister, x machine.Process) string { return x.Args }},
}

// other names of columns.
var synonyms = map[string]string{"command": "args", "cmd": "args", "ucmd": "comm", "ucomm": "comm", "pcpu": "%cpu", "pmem": "%mem", "tt": "tty", "tname": "tty", "state": "s", "euser": "user", "ruser": "user", "uname": "user", "euid": "uid", "vsize": "vsz", "rssize": "rss", "cputime": "time", "ni": "nice", "start_time": "start", "bsdstart": "start", "stime": "start", "sid": "pgid", "sess": "pgid", "tid": "pid", "lwp": "pid", "spid": "pid"}

func nice(x machine.Process) string {
	if strings.Contains(x.Stat, "<") {
		return "-20"
	}
	return "0"
}

// wish is what a ps command line asks for.
type wish struct {
	format       string // "", "f", "l", "u", "j", "v", "o"
	shown        []column
	all, notTTY  bool
	pids, parent []int
	users, names []string
	ttys         []string
	noHeader     bool
	bsd, wide    bool
	forest       bool
	sort         string
}

// ps lists processes.
func ps(c *program.Call) int {
	if c.Applet {
		return small(c)
	}
	w, problem := wishOf(c)
	if problem != "" {
		c.Err.Print("error: " + problem + "\n\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n")
		return 1
	}
	if w == nil {
		return 0
	}
	p := lister{c: c, total: c.Machine.Memory().Total, now: c.Now()}
	list := chosen(c, w)
	if key, ok := columns[cmp.Or(synonyms[strings.TrimLeft(w.sort, "+-")], strings.TrimLeft(w.sort, "+-"))]; ok {
		slices.SortStableFunc(list, func(a, b machine.Process) int {
			x, y := key.value(p, a), key.value(p, b)
			n, err1 := strconv.ParseFloat(x, 64)
			m, err2 := strconv.ParseFloat(y, 64)
			order := cmp.Compare(x, y)
			if err1 == nil && err2 == nil {
				order = cmp.Compare(n, m)
			}
			if strings.HasPrefix(w.sort, "-") {
				return -order
			}
			return order
		})
	}
	p.print(w, list)
	if len(list) == 0 {
		return 1
	}
	return 0
}

// own are ps and its shell among the processes.
func own(c *program.Call) machine.Process {
	return machine.Process{PID: c.Machine.NextPID(), PPID: c.PID, User: c.User.Name, VSZ: 11084, RSS: 4396, TTY: strings.TrimPrefix(c.TTY, "/dev/"), Stat: "R+", Start: int64(c.Machine.Uptime().Seconds()), Name: c.Name, Args: strings.TrimSpace(c.Name + " " + strings.Join(c.Args, " "))}
}

func chosen(c *program.Call, w *wish) []machine.Process {
	tty := strings.TrimPrefix(c.TTY, "/dev/")
	var out []machine.Process
	for _, x := range append(c.Machine.Processes(), own(c)) {
		named := len(w.pids)+len(w.parent)+len(w.users)+len(w.names)+len(w.ttys) > 0
		ok := false
		switch {
		case named:
			ok = slices.Contains(w.pids, x.PID) || slices.Contains(w.parent, x.PPID) || slices.Contains(w.users, x.User) || slices.Contains(w.names, x.Name) || slices.Contains(w.ttys, terminal(x))
		case w.all && w.notTTY:
			ok = true
		case w.all:
			ok = x.TTY != ""
		case w.notTTY:
			ok = x.User == c.User.Name
		default:
			ok = x.TTY == tty && (tty != "" || x.Name == "ps" || x.PID == c.PID) || x.Name == c.Name && x.PPID == c.PID
		}
		if ok {
			out = append(out, x)
		}
	}
	return out
}

// wishOf reads the options of Unix, BSD and GNU; nil where they were answered.
func wishOf(c *program.Call) (*wish, string) {
	w := &wish{}
	args := c.Args
	take := func(rest string) (string, bool) {
		if rest != "" {
			return rest, true
		}
		if len(args) == 0 {
			return "", false
		}
		v := args[0]
		args = args[1:]
		return v, true
	}
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		if strings.HasPrefix(a, "--") {
			name, value, given := strings.Cut(a[2:], "=")
			if problem, done := w.long(c, name, value, given, take); problem != "" || done {
				return nil, problem
			}
			continue
		}
		if n, err := strconv.Atoi(strings.TrimPrefix(a, "-")); err == nil {
			w.pids = append(w.pids, n)
			continue
		}
		unix := strings.HasPrefix(a, "-") && len(a) > 1
		letters := strings.TrimPrefix(a, "-")
		if unix && letters == "aux" { // what is meant, as procps takes it
			unix = false
		}
		for i := 0; i < len(letters); i++ {
			rest := letters[i+1:]
			read := w.letter
			if unix {
				read = w.unix
			}
			used, problem := read(letters[i], func() (string, bool) { return take(rest) })
			if problem != "" {
				return nil, problem
			}
			if used {
				break
			}
		}
		if !unix {
			w.bsd = true
		}
	}
	return w, ""
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func ints(text string) []int {
	var out []int
	for _, w := range list(text) {
		if n, err := strconv.Atoi(w); err == nil {
			out = append(out, n)
		}
	}
	return out
}

func (w *wish) unix(letter byte, take func() (string, bool)) (used bool, problem string) {
	switch letter {
	case 'e', 'A':
		w.all, w.notTTY = true, true
	case 'a':
		w.all = true
	case 'd':
		w.all, w.notTTY = true, true
	case 'f', 'F':
		w.format = "f"
	case 'l':
		w.format = "l"
	case 'j':
		w.format = "j"
	case 'w', 'L', 'T', 'y', 'H', 'M', 'c', 'N', 'P':
	case 'x':
		w.notTTY = true
	case 'o', 'O', 'p', 'u', 'U', 'C', 't', 'g', 'G', 'q', 's':
		v, ok := take()
		if !ok {
			return true, "option requires an argument"
		}
		return true, w.value(letter, v)
	case 'V':
		return true, "-V"
	default:
		return false, "unsupported option (BSD syntax)"
	}
	return false, ""
}

func (w *wish) value(letter byte, v string) string {
	switch letter {
	case 'p', 'q':
		if w.pids = append(w.pids, ints(v)...); len(w.pids) == 0 {
			return "process ID list syntax error"
		}
	case 'u', 'U':
		w.users = append(w.users, list(v)...)
	case 'C':
		w.names = append(w.names, list(v)...)
	case 't':
		w.ttys = append(w.ttys, list(strings.ReplaceAll(v, "/dev/", ""))...)
	case 'o', 'O':
		w.format = "o"
		for _, word := range list(v) {
			name, title, renamed := strings.Cut(word, "=")
			col, ok := columns[cmp.Or(synonyms[name], name)]
			if !ok {
				return "unknown user-defined format specifier \"" + name + "\""
			}
			if name == "cmd" || name == "tty" || name == "stime" {
				col.title = strings.ToUpper(name)
			}
			if renamed {
				col.title = title
			}
			w.shown = append(w.shown, col)
		}
	}
	return ""
}

func (w *wish) letter(letter byte, take func() (string, bool)) (used bool, problem string) {
	switch letter {
	case 'a':
		w.all = true
	case 'x':
		w.notTTY = true
	case 'u', 'l', 'j', 'v', 's':
		w.format = string(rune(letter))
	case 'f':
		w.forest = true
	case 'w':
		w.wide = true
	case 'h':
		w.noHeader = true
	case 'e', 'c', 'r', 'm', 'n', 'S', 'T', 'H', 'L', 'g', 'X':
	case 'o', 'O', 'p', 'U', 't', 'k', 'q':
		v, ok := take()
		if !ok {
			return true, "option requires an argument"
		}
		if letter == 'k' {
			w.sort = v
			return true, ""
		}
		return true, w.value(letter, v)
	default:
		return false, "unsupported option (BSD syntax)"
	}
	return false, ""
}

func (w *wish) long(c *program.Call, name, value string, given bool, take func(string) (string, bool)) (problem string, done bool) {
	wants := map[string]byte{"format": 'o', "pid": 'p', "user": 'u', "User": 'U', "tty": 't'}
	switch {
	case name == "version":
		c.Version()
		return "", true
	case name == "help":
		c.Answered = true
		c.Print("\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n")
		return "", true
	case name == "no-headers" || name == "no-heading" || name == "noheader" || name == "no-header":
		w.noHeader = true
	case name == "forest":
		w.forest = true
	case name == "sort" || name == "ppid" || wants[name] != 0:
		if !given {
			v, ok := take("")
			if !ok {
				return "option requires an argument", false
			}
			value = v
		}
		switch name {
		case "sort":
			w.sort = value
		case "ppid":
			w.parent = append(w.parent, ints(value)...)
		default:
			return w.value(wants[name], value), false
		}
	case name == "headers" || name == "cumulative" || name == "deselect" || name == "cols" || name == "width" || name == "columns" || name == "rows" || name == "lines":
	default:
		return "unknown gnu long option", false
	}
	return "", false
}

// print prints the table that is wished.
func (p lister) print(w *wish, list []machine.Process) {
	c := p.c
	if w.format == "o" {
		p.table(w, list)
		return
	}
	head := map[string]string{
		"u": "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n", "f": "UID          PID    PPID  C STIME TTY          TIME CMD\n",
		"l": "F S   UID     PID    PPID  C PRI  NI ADDR SZ WCHAN  TTY          TIME CMD\n", "j": "    PID    PGID     SID TTY          TIME CMD\n", "": "    PID TTY          TIME CMD\n",
	}[w.format]
	if w.bsd && w.format != "u" {
		head = "    PID TTY      STAT   TIME COMMAND\n"
	}
	if !w.noHeader {
		c.Print(head)
	}
	for _, x := range list {
		if c.Busy() {
			return
		}
		seconds := p.cpu(x)
		minutes := fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
		line := ""
		switch {
		case w.format == "u":
			line = fmt.Sprintf("%-8s %7d  0.0 %4.1f %6d %5d %-8s %-4s %5s %6s %s", user(x.User), x.PID, float64(x.RSS*1000/int(p.total))/10, x.VSZ, x.RSS, terminal(x), x.Stat, p.start(x), minutes, x.Args)
		case w.bsd:
			line = fmt.Sprintf("%7d %-8s %-4s %6s %s", x.PID, terminal(x), x.Stat, minutes, x.Args)
		case w.format == "f":
			line = fmt.Sprintf("%-8s %7d %7d  0 %5s %-8s %s %s", user(x.User), x.PID, x.PPID, p.start(x), terminal(x), clock(seconds), x.Args)
		case w.format == "l":
			line = fmt.Sprintf("4 %.1s %5d %7d %7d  0  80 %3s - %5d -      %-8s %s %s", x.Stat, c.Machine.Account(x.User).UID, x.PID, x.PPID, nice(x), x.VSZ/4, terminal(x), clock(seconds), x.Name)
		case w.format == "j":
			line = fmt.Sprintf("%7d %7d %7d %-8s %s %s", x.PID, x.PID, x.PID, terminal(x), clock(seconds), x.Name)
		default:
			line = fmt.Sprintf("%7d %-8s %s %s", x.PID, terminal(x), clock(seconds), x.Name)
		}
		if c.Out.TTY && c.Cols > 0 && !w.wide && len(line) > c.Cols {
			line = line[:c.Cols]
		}
		c.Print(line + "\n")
	}
}

// table is -o.
func (p lister) table(w *wish, list []machine.Process) {
	rows := [][]string{}
	head := make([]string, len(w.shown))
	titled := false
	for i, col := range w.shown {
		head[i] = col.title
		titled = titled || col.title != ""
	}
	if !w.noHeader && titled {
		rows = append(rows, head)
	}
	for _, x := range list {
		var cells []string
		for _, col := range w.shown {
			cells = append(cells, col.value(p, x))
		}
		rows = append(rows, cells)
	}
	for _, cells := range rows {
		if p.c.Busy() {
			return
		}
		line := ""
		for i, cell := range cells {
			width := w.shown[i].width
			if i == len(cells)-1 && width < 0 {
				width = 0
			}
			if i > 0 {
				line += " "
			}
			line += fmt.Sprintf("%*s", width, cell)
		}
		p.c.Print(line + "\n")
	}
}

// small is busybox' ps.
func small(c *program.Call) int {
	for _, a := range c.Args {
		if strings.HasPrefix(a, "-") && strings.Trim(a[1:], "oTelfwaux") != "" {
			c.Usage("invalid option -- '" + strings.Trim(a[1:], "oTelfwaux")[:1] + "'")
			return 1
		}
	}
	p := lister{c: c, total: c.Machine.Memory().Total, now: c.Now()}
	c.Print("PID   USER     TIME  COMMAND\n")
	for _, x := range append(c.Machine.Processes(), own(c)) {
		seconds := p.cpu(x)
		c.Printf("%5d %-8.8s %2d:%02d %s\n", x.PID, x.User, seconds/60, seconds%60, x.Args)
	}
	return 0
}
