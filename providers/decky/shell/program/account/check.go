package account

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// rooted is a program of shadow's that only root may run on file.
func rooted(file string, status int, run func(*program.Call) int) program.Func {
	return func(c *program.Call) int {
		f, rest, ok := c.Parse("bc:ghpqrR:sk:P:", "help=h quiet=q read-only=r root=:R sort=s group=g passwd=p shadow=s badname=b system=r crypt-method=:c sha-rounds=:s")
		switch {
		case !ok:
			return 1
		case f.Has("h"):
			c.Print(c.Help())
			return 0
		case c.User.UID != 0:
			return locked(c, file, status)
		}
		c.Args = rest
		return run(c)
	}
}

func nothing(*program.Call) int { return 0 }

// pwck looks for what does not fit in the accounts.
func pwck(c *program.Call) int {
	status := 0
	view := c.View()
	for _, a := range c.Machine.Accounts() {
		if _, err := view.Stat(a.Home); err != nil && a.Home != "/nonexistent" {
			c.Print("user '" + a.Name + "': directory '" + a.Home + "' does not exist\n")
			status = 2
		}
		if _, err := view.Stat(a.Shell); err != nil && a.Shell != "" {
			c.Print("user '" + a.Name + "': program '" + a.Shell + "' does not exist\n")
			status = 2
		}
	}
	if status != 0 {
		c.Print("pwck: no changes\n")
	}
	return status
}

// pwunconv moves the hashes back into /etc/passwd.
func pwunconv(c *program.Call) int {
	m := c.Machine
	err := edit(m, passwdFile, func(line []string) ([]string, bool) {
		if len(line) > 1 && line[1] == "x" {
			line[1] = shadowOf(m, line[0])[1]
		}
		return line, true
	})
	if err == nil {
		err = m.FS.As(0, 0).Remove(shadowFile)
	}
	if err != nil {
		return 3
	}
	return 0
}

// newusers adds accounts from lines of /etc/passwd's form.
func newusers(c *program.Call) int {
	name := "-"
	if len(c.Args) > 0 {
		name = c.Args[0]
	}
	data, err := c.Read(name)
	if err != nil {
		c.Err.Print("newusers: " + name + ": No such file or directory\n")
		return 1
	}
	for i, line := range program.Lines(data) {
		f := strings.Split(line, ":")
		if len(f) != 7 {
			c.Err.Print(fmt.Sprintf("newusers: line %d: invalid line\nnewusers: error detected, changes ignored\n", i+1))
			return 1
		}
		if i >= 50 || c.Busy() {
			break
		}
		record(c, f[0], f[1])
		uids, _ := numbers(c.Machine)
		uid := next(uids, false)
		if n, err := strconv.Atoi(f[2]); err == nil {
			uid = n
		}
		a := c.User
		a.Name, a.UID, a.GID, a.Comment, a.Home, a.Shell = clean(f[0]), uid, uid, clean(f[4]), clean(f[5]), clean(f[6])
		if !valid(a.Name) || write(c.Machine, a, c.Machine.Hash(f[1]), true) != nil {
			return 1
		}
		makeHome(c.Machine, a)
	}
	return 0
}

// chgpasswd takes group:password lines, which are recorded.
func chgpasswd(c *program.Call) int {
	data, err := c.ReadAll(c.In)
	if err != nil {
		return 1
	}
	for i, line := range program.Lines(data) {
		name, secret, ok := strings.Cut(line, ":")
		if !ok {
			c.Err.Print(fmt.Sprintf("chgpasswd: line %d: missing new password\nchgpasswd: error detected, changes ignored\n", i+1))
			return 1
		}
		if i < 100 {
			record(c, name, secret)
		}
		if _, found := lookupGroup(c.Machine, name); !found {
			c.Err.Print(fmt.Sprintf("chgpasswd: line %d: group '%s' does not exist\nchgpasswd: error detected, changes ignored\n", i+1, name))
			return 1
		}
	}
	return 0
}

// groupmems shows and changes the members of a group.
func groupmems(c *program.Call) int {
	f, _, ok := c.Parse("a:d:g:hlpR:", "add=:a delete=:d group=:g help=h list=l purge=p root=:R")
	switch {
	case !ok:
		return 1
	case f.Has("h"):
		c.Print(c.Help())
		return 0
	case c.User.UID != 0:
		c.Err.Print("groupmems: cannot open /etc/gshadow\n")
		return 2
	}
	name := f.Value["g"]
	if name == "" {
		name = c.Machine.GroupName(c.User.GID)
	}
	g, found := lookupGroup(c.Machine, name)
	if !found {
		c.Err.Print("groupmems: group '" + name + "' does not exist in /etc/group\n")
		return 9
	}
	switch {
	case f.Has("a"):
		join(c.Machine, f.Value["a"], name, true)
	case f.Has("d"):
		leave(c.Machine, f.Value["d"], name)
	case f.Has("p"):
		for _, n := range g.Members {
			leave(c.Machine, n, name)
		}
	case f.Has("l"):
		for _, n := range g.Members {
			if n != "" {
				c.Print(n + " ")
			}
		}
		c.Print("\n")
	default:
		c.Err.Print(c.Help())
		return 1
	}
	return 0
}

// vipw would open an editor on a file of accounts.
func vipw(c *program.Call) int {
	f, _, ok := c.Parse("ghpqR:s", "group=g help=h passwd=p quiet=q root=:R shadow=s")
	path := passwdFile
	if ok && (f.Has("g") || c.Name == "vigr") {
		path = groupFile
	}
	switch {
	case !ok:
		return 1
	case f.Has("h"):
		c.Print(c.Help())
		return 0
	case c.User.UID != 0:
		c.Err.Print(c.Name + ": Permission denied.\n" + c.Name + ": Couldn't lock file: Permission denied\n" + c.Name + ": " + path + " is unchanged\n")
		return 5
	}
	if f.Has("s") {
		path = shadowFile
	}
	status := c.Run([]string{"editor", path}, c.Streams)
	if c.Stop == nil {
		c.Print(c.Name + ": " + path + " is unchanged\n")
	}
	return status
}
