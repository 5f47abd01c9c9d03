package process

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// watch runs a command again and again, until it is stopped.
func watch(c *program.Call) int {
	f, args, ok := c.Parse("+bcCd::egn:pqrtvxw", "interval=:n no-title=t differences=::d exec=x errexit=e chgexit=g beep=b color=c precise=p no-wrap=w version=v")
	if !ok {
		return 1
	}
	if f.Has("v") {
		c.Version()
		return 0
	}
	if len(args) == 0 {
		c.Err.Print("\nUsage:\n watch [options] command\n\nFor more details see watch(1).\n")
		return 1
	}
	if term, _ := c.Getenv("TERM"); term == "" && !c.Applet {
		c.Err.Print("Error opening terminal: unknown.\n")
		return 1
	}
	every := 2 * time.Second
	if v, err := strconv.ParseFloat(f.Value["n"], 64); err == nil {
		every = time.Duration(min(max(v, 0.1), 3600) * float64(time.Second))
	}
	for !c.Busy() {
		command := strings.Join(args, " ")
		title := fmt.Sprintf("Every %.1fs: %s", every.Seconds(), command)
		c.Print("\x1b[H\x1b[2J")
		if !f.Has("t") {
			c.Print(fmt.Sprintf("%-40s%s: %s\n\n", title, c.Machine.Host.Hostname, c.Now().UTC().Format("Mon Jan _2 15:04:05 2006")))
		}
		status := c.Script(command, []string{"sh"}, c.Streams)
		if c.Stop != nil || f.Has("e") && status != 0 {
			return status
		}
		if !c.Wait(every) {
			break
		}
	}
	return 0
}

// usleep waits for microseconds.
func usleep(c *program.Call) int {
	if len(c.Args) == 0 {
		return c.Missing()
	}
	n, err := strconv.ParseInt(c.Args[0], 10, 40)
	if err != nil || n < 0 {
		return c.Complain("invalid number '%s'", c.Args[0])
	}
	c.Wait(time.Duration(n) * time.Microsecond)
	return 0
}

// killall ends processes by their names; pidof and pgrep find them.
func killall(c *program.Call) int {
	f, names, ok := c.Parse("eIgio:qrs:u:vVwy:l0123456789", "exact=e ignore-case=I interactive=i list=l quiet=q signal=:s user=:u verbose=v wait=w")
	if !ok {
		return 1
	}
	if len(names) == 0 && !f.Has("u") {
		c.Err.Print("Usage: killall [OPTION]... [--] NAME...\n       killall -l, --list\n       killall -V, --version\n")
		return 1
	}
	status := 0
	for _, name := range names {
		found := false
		for _, p := range c.Machine.Processes() {
			if p.Name != program.Base("/"+name) {
				continue
			}
			found = true
			if c.User.UID != 0 && p.User != c.User.Name {
				c.Err.Print(fmt.Sprintf("%s(%d): Operation not permitted\n", p.Name, p.PID))
				found = false
			}
		}
		if !found {
			if status = 1; !f.Has("q") {
				c.Err.Print(name + ": no process found\n")
			}
		}
	}
	return status
}

// pgrep finds processes by a part of their names.
func pgrep(c *program.Call) int {
	f, names, ok := c.Parse("acd:fg:G:ilLnoP:qs:t:u:U:vwx0123456789", "full=f list-name=l list-full=a count=c newest=n oldest=o exact=x user=:u euid=:u uid=:U parent=:P terminal=:t inverse=v ignore-case=i delimiter=:d signal=:9 quiet=q")
	if !ok {
		return 2
	}
	if len(names) == 0 && !f.Has("u") && !f.Has("U") && !f.Has("P") && !f.Has("t") {
		c.Err.Print(c.Name + ": no matching criteria specified\nTry `" + c.Name + " --help' for more information.\n")
		return 2
	}
	var hits []machine.Process
	for _, p := range c.Machine.Processes() {
		text := p.Name
		if f.Has("f") {
			text = p.Args
		}
		ok := len(names) == 0 || strings.Contains(text, names[0]) && (!f.Has("x") || text == names[0])
		if user := f.Value["u"] + f.Value["U"]; user != "" {
			ok = ok && slices.Contains(strings.Split(user, ","), p.User)
		}
		if f.Has("P") {
			ok = ok && strconv.Itoa(p.PPID) == f.Value["P"]
		}
		if ok != f.Has("v") {
			hits = append(hits, p)
		}
	}
	if f.Has("n") && len(hits) > 0 {
		hits = hits[len(hits)-1:]
	}
	if f.Has("o") && len(hits) > 0 {
		hits = hits[:1]
	}
	if f.Has("c") {
		c.Printf("%d\n", len(hits))
	}
	status := 1
	for _, p := range hits {
		status = 0
		switch {
		case c.Name == "pkill":
			if c.User.UID != 0 && p.User != c.User.Name {
				c.Err.Print(fmt.Sprintf("pkill: killing pid %d failed: Operation not permitted\n", p.PID))
			}
		case f.Has("c") || f.Has("q"):
		case f.Has("a"):
			c.Printf("%d %s\n", p.PID, p.Args)
		case f.Has("l"):
			c.Printf("%d %s\n", p.PID, p.Name)
		default:
			c.Printf("%d\n", p.PID)
		}
	}
	return status
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
	for _, p := range list {
		if slices.Contains(names, p.Name) || slices.Contains(names, "/"+strings.TrimPrefix(strings.Fields(p.Args + " ")[0], "/")) {
			hits = append(hits, strconv.Itoa(p.PID))
		}
	}
	if len(hits) == 0 {
		return 1
	}
	if f.Has("s") {
		hits = hits[:1]
	}
	if !f.Has("q") {
		c.Print(strings.Join(hits, " ") + "\n")
	}
	return 0
}
