package process

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// signalOf is the number of a signal's name or number.
func signalOf(text string) (int, bool) {
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if n, err := strconv.Atoi(name); err == nil {
		return n, n >= 0 && n <= 64
	}
	if name == "POLL" {
		name = "IO"
	}
	i := slices.Index(Signals, name)
	return i + 1, i >= 0
}

// withSignal takes "-9" and "-HUP" out of the arguments.
func withSignal(args []string) (rest []string, number int) {
	number = 15
	for i, a := range args {
		if len(a) > 1 && a[0] == '-' && a[1] != '-' {
			if n, ok := signalOf(a[1:]); ok && (len(a) > 2 || a[1] >= '0' && a[1] <= '9') {
				number = n
				continue
			}
		}
		if a == "--" {
			return append(rest, args[i:]...), number
		}
		rest = append(rest, a)
	}
	return rest, number
}

const matchLong = "full=f list-name=l list-full=a count=c newest=n oldest=o older=:O exact=x user=:u euid=:u uid=:U group=:G pgroup=:g session=:s parent=:P terminal=:t inverse=v ignore-case=i delimiter=:d signal=:9 quiet=q lightweight=w pidfile=:F logpidfile=L runstates=:r ignore-ancestors=A echo=e queue=:0 ns=:1 nslist=:2 cgroup=:3 help=h version=V"

// pgrep finds processes by their names, pkill sends them a signal, pidwait waits
// for their end.
func pgrep(c *program.Call) int {
	number := 15
	if c.Name == "pkill" || c.Name == "pidwait" {
		c.Args, number = withSignal(c.Args)
	}
	f, patterns, ok := c.Parse("aAcd:efF:g:G:ilLnoO:P:qr:s:t:u:U:vVwxh", matchLong)
	switch {
	case !ok:
		return 2
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("h"):
		c.Print(c.Help())
		return 0
	case len(patterns) > 1:
		c.Err.Print(c.Name + ": only one pattern can be provided\nTry `" + c.Name + " --help' for more information.\n")
		return 2
	case len(patterns) == 0 && !slices.ContainsFunc([]string{"u", "U", "P", "t", "g", "G", "s", "F", "r", "O", "n", "o"}, f.Has):
		c.Err.Print(c.Name + ": no matching criteria specified\nTry `" + c.Name + " --help' for more information.\n")
		return 2
	}
	if f.Has("9") {
		n, ok := signalOf(f.Value["9"])
		if !ok {
			c.Err.Print(c.Name + ": Unknown signal \"" + f.Value["9"] + "\".\nTry `" + c.Name + " --help' for more information.\n")
			return 2
		}
		number = n
	}
	hits, problem := matching(c, f, patterns)
	if problem != "" {
		c.Err.Print(c.Name + ": " + problem + "\n")
		return 2
	}
	status := 1
	if len(hits) > 0 {
		status = 0
	}
	switch {
	case f.Has("q"):
	case f.Has("c"):
		c.Printf("%d\n", len(hits))
	}
	if c.Name == "pidwait" {
		return waited(c, hits, status)
	}
	if c.Name == "pkill" {
		return sent(c, f, hits, number)
	}
	if f.Has("c") || f.Has("q") {
		return status
	}
	between := "\n"
	if f.Has("d") {
		between = f.Value["d"]
	}
	var out []string
	for _, x := range hits {
		switch {
		case f.Has("a"):
			out = append(out, fmt.Sprintf("%d %s", x.PID, strings.Trim(x.Args, "[]")))
		case f.Has("l"):
			out = append(out, fmt.Sprintf("%d %s", x.PID, x.Name))
		default:
			out = append(out, strconv.Itoa(x.PID))
		}
	}
	if len(out) > 0 {
		c.Print(strings.Join(out, between) + "\n")
	}
	return status
}

// matching are the processes that the options name, the program's own left out.
func matching(c *program.Call, f program.Flags, patterns []string) ([]machine.Process, string) {
	pattern := ""
	if len(patterns) > 0 {
		pattern = patterns[0]
	}
	if f.Has("x") {
		pattern = "^(?:" + pattern + ")$"
	}
	if f.Has("i") {
		pattern = "(?i)" + pattern
	}
	if len(pattern) > 1000 {
		return nil, "pattern is too long"
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, "Invalid regular expression"
	}
	p := newLister(c)
	among := func(letter string, values ...string) bool {
		list := strings.Split(f.Value[letter], ",")
		return !f.Has(letter) || slices.ContainsFunc(values, func(v string) bool { return slices.Contains(list, v) })
	}
	self := own(c).PID
	var hits []machine.Process
	for _, x := range c.Machine.Processes() {
		text := x.Name
		if f.Has("f") && !x.Kernel() {
			text = x.Args
		}
		a := p.uids[x.User]
		group, session, _ := p.leaders(x)
		ok := re.MatchString(text) && among("u", x.User, strconv.Itoa(a.UID)) && among("U", x.User, strconv.Itoa(a.UID)) && among("G", c.Machine.GroupName(a.GID), strconv.Itoa(a.GID)) && among("P", strconv.Itoa(x.PPID)) &&
			among("t", x.TTY) && among("g", strconv.Itoa(group)) && among("s", strconv.Itoa(session)) && (!f.Has("r") || strings.ContainsAny(x.Stat[:1], f.Value["r"]))
		if n, err := strconv.Atoi(f.Value["O"]); f.Has("O") && err == nil {
			ok = ok && c.Now().Sub(p.began(x)) > time.Duration(n)*time.Second
		}
		if ok != f.Has("v") && x.PID != self {
			hits = append(hits, x)
		}
	}
	switch {
	case f.Has("n") && len(hits) > 0:
		hits = hits[len(hits)-1:]
	case f.Has("o") && len(hits) > 0:
		hits = hits[:1]
	}
	return hits, ""
}

// may tells whether the program's user may send x a signal.
func may(c *program.Call, x machine.Process) bool { return c.User.UID == 0 || x.User == c.User.Name }

// sent sends a signal to the hits of pkill.
func sent(c *program.Call, f program.Flags, hits []machine.Process, number int) int {
	status := 1
	for _, x := range hits {
		if !may(c, x) {
			c.Err.Print(fmt.Sprintf("pkill: killing pid %d failed: Operation not permitted\n", x.PID))
			continue
		}
		status = 0
		if f.Has("e") {
			c.Printf("%s killed (pid %d)\n", x.Name, x.PID)
		}
		deliver(c, x, number)
	}
	return status
}

// deliver sends a signal; one that ends the shell of the session ends the
// command line.
func deliver(c *program.Call, x machine.Process, number int) {
	tty := strings.TrimPrefix(c.TTY, "/dev/")
	shell := tty != "" && x.TTY == tty && strings.HasPrefix(x.Args, "-")
	if shell && (number == 9 || number == 1) {
		c.Stop = program.Exit(128 + number)
		return
	}
	c.Machine.Kill(x, number)
}

// waited is pidwait.
func waited(c *program.Call, hits []machine.Process, status int) int {
	for _, x := range hits {
		for {
			if _, alive := c.Machine.Process(x.PID); !alive {
				break
			}
			if !c.Wait(200 * time.Millisecond) {
				return 3
			}
		}
	}
	return status
}

// killall ends processes by their names.
func killall(c *program.Call) int {
	var number int
	c.Args, number = withSignal(c.Args)
	f, names, ok := c.Parse("eIgio:qrs:u:vVwy:ln:Z:", "exact=e ignore-case=I process-group=g interactive=i list=l quiet=q regexp=r signal=:s user=:u verbose=v wait=w older-than=:o younger-than=:y version=V ns=:n context=:Z")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		psmisc(c, "1993-2022 Werner Almesberger and Craig Small")
		return 0
	case f.Has("l"):
		c.Print(signalLines())
		return 0
	case len(names) == 0 && !f.Has("u"):
		c.Err.Print("Usage: killall [OPTION]... [--] NAME...\n       killall -l, --list\n       killall -V, --version\n\n" + killallOptions)
		return 1
	}
	if f.Has("s") {
		n, ok := signalOf(f.Value["s"])
		if !ok {
			c.Err.Print(f.Value["s"] + ": unknown signal; killall -l lists signals.\n")
			return 1
		}
		number = n
	}
	if len(names) == 0 {
		names = []string{""}
	}
	status := 0
	self := own(c).PID
	for _, name := range names {
		found := false
		for _, x := range c.Machine.Processes() {
			same := x.Name == program.Base(name) || name == "" || f.Has("I") && strings.EqualFold(x.Name, program.Base(name))
			if f.Has("r") {
				re, err := regexp.Compile(name[:min(len(name), 500)])
				same = err == nil && re.MatchString(x.Name)
			}
			if !same || x.PID == self || f.Has("u") && x.User != f.Value["u"] || name == "" && x.Kernel() {
				continue
			}
			found = true
			if !may(c, x) {
				c.Err.Print(fmt.Sprintf("%s(%d): Operation not permitted\n", x.Name, x.PID))
				found = false
				continue
			}
			if f.Has("v") {
				c.Err.Print(fmt.Sprintf("Killed %s(%d) with signal %d\n", x.Name, x.PID, number))
			}
			deliver(c, x, number)
		}
		if !found {
			if status = 1; !f.Has("q") && name != "" {
				c.Err.Print(name + ": no process found\n")
			}
		}
	}
	return status
}

const killallOptions = "  -e,--exact          the whole of a long name\n  -I,--ignore-case    upper and lower case alike\n  -g,--process-group  its group of processes\n  -i,--interactive    ask first\n  -l,--list           names of signals\n  -q,--quiet          say nothing of names that are not there\n  -r,--regexp         NAME is a regular expression\n  -s,--signal SIGNAL  which signal\n  -u,--user USER      of this user only\n  -v,--verbose        say what was done\n  -V,--version        the version\n  -w,--wait           wait for their end\n\n"

// signalLines are the names of signals as kill -l and killall -l set them.
func signalLines() string {
	list := slices.Clone(Signals)
	list[28] = "POLL"
	return strings.Join(list[:16], " ") + "\n" + strings.Join(list[16:], " ") + "\n"
}

// psmisc is what its programs say of their version.
func psmisc(c *program.Call, people string) {
	c.Err.Print(c.Name + " (PSmisc) 23.6\nCopyright (C) " + people + "\n\nPSmisc comes with ABSOLUTELY NO WARRANTY.\nThis is free software, and you are welcome to redistribute it under\nthe terms of the GNU General Public License.\nFor more information about these matters, see the files named COPYING.\n")
}

// pidof finds processes by their names.
func pidof(c *program.Call) int {
	f, names, ok := c.Parse("chno:qsS:xzd:", "")
	if !ok {
		return 1
	}
	var hits []string
	list := c.Machine.Processes()
	slices.Reverse(list)
	self := own(c).PID
	for _, x := range list {
		first, _, _ := strings.Cut(x.Args, " ")
		fits := slices.ContainsFunc(names, func(n string) bool {
			return n == x.Name || n == first || n == x.Exe || program.Base(n) == program.Base(first) && !strings.Contains(n, "/") && !x.Kernel()
		})
		if fits && x.PID != self && !slices.Contains(strings.FieldsFunc(f.Value["o"], func(r rune) bool { return r == ',' || r == ' ' }), strconv.Itoa(x.PID)) {
			hits = append(hits, strconv.Itoa(x.PID))
		}
	}
	if len(hits) == 0 {
		return 1
	}
	if f.Has("s") {
		hits = hits[:1]
	}
	between := " "
	for _, letter := range []string{"d", "S"} {
		if f.Has(letter) {
			between = f.Value[letter]
		}
	}
	if !f.Has("q") {
		c.Print(strings.Join(hits, between) + "\n")
	}
	return 0
}

// skill sends signals, and snice changes niceness, by terminal, user, number or
// name.
func skill(c *program.Call) int {
	args, number := withSignal(c.Args)
	if len(args) == 0 {
		c.Err.Print(c.Help())
		return 1
	}
	switch args[0] {
	case "-l", "--list":
		c.Print(signalLines())
		return 0
	case "-V", "--version":
		c.Version()
		return 0
	}
	status := 1
	for _, x := range c.Machine.Processes() {
		if slices.ContainsFunc(args, func(a string) bool {
			return a == x.Name || a == strconv.Itoa(x.PID) || a == x.User || a == x.TTY && a != ""
		}) {
			if !may(c, x) {
				continue
			}
			status = 0
			if c.Name == "skill" {
				deliver(c, x, number)
			}
		}
	}
	return status
}
