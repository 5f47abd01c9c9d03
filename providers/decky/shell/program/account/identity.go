package account

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// id tells who somebody is.
func id(c *program.Call) int {
	f, names, ok := c.Parse("aGgnruzZ", "user=u group=g groups=G name=n real=r context=Z zero=z")
	if !ok {
		return 1
	}
	kinds := program.Truth(f.Has("u")) + program.Truth(f.Has("g")) + program.Truth(f.Has("G"))
	switch {
	case f.Has("Z"):
		return c.Complain("--context (-Z) works only on an SELinux-enabled kernel")
	case kinds > 1:
		return c.Complain("cannot print \"only\" of more than one choice")
	case kinds == 0 && (f.Has("n") || f.Has("r")):
		return c.Complain("cannot print only names or real IDs in default format")
	case kinds == 0 && f.Has("z"):
		return c.Complain("option --zero not permitted in default format")
	}
	if len(names) == 0 {
		shownID(c, f, c.User)
		return 0
	}
	status := 0
	for _, name := range names {
		if a, ok := lookup(c.Machine, name); ok {
			shownID(c, f, a)
		} else {
			status = c.Complain("‘%s’: no such user", name)
		}
	}
	return status
}

func shownID(c *program.Call, f program.Flags, a machine.Account) {
	m := c.Machine
	groups := m.GroupsOf(a)
	show := func(n int, name string) string {
		if f.Has("n") {
			return name
		}
		return strconv.Itoa(n)
	}
	end := "\n"
	if f.Has("z") {
		end = "\x00"
	}
	switch {
	case f.Has("u"):
		c.Print(show(a.UID, a.Name) + end)
	case f.Has("g"):
		c.Print(show(a.GID, m.GroupName(a.GID)) + end)
	case f.Has("G"):
		var list []string
		for _, g := range groups {
			list = append(list, show(g.GID, g.Name))
		}
		between := " "
		if f.Has("z") {
			between = end
		}
		c.Print(strings.Join(list, between) + end)
	default:
		var list []string
		for _, g := range groups {
			list = append(list, fmt.Sprintf("%d(%s)", g.GID, g.Name))
		}
		c.Printf("uid=%d(%s) gid=%d(%s) groups=%s\n", a.UID, a.Name, a.GID, m.GroupName(a.GID), strings.Join(list, ","))
	}
}

func whoami(c *program.Call) int {
	_, rest, ok := c.Parse("", "")
	if !ok {
		return 1
	}
	if len(rest) > 0 {
		c.Usage("extra operand ‘" + rest[0] + "’")
		return 1
	}
	c.Print(c.User.Name + "\n")
	return 0
}

// logname is who logged in on the terminal.
func logname(c *program.Call) int {
	_, rest, ok := c.Parse("", "")
	if !ok {
		return 1
	}
	if len(rest) > 0 {
		c.Usage("extra operand ‘" + rest[0] + "’")
		return 1
	}
	tty := strings.TrimPrefix(c.TTY, "/dev/")
	for _, l := range c.Machine.Logins() {
		if tty != "" && l.TTY == tty {
			c.Print(l.User + "\n")
			return 0
		}
	}
	return c.Complain("no login name")
}

// groupsCommand lists the groups of users.
func groupsCommand(c *program.Call) int {
	_, names, ok := c.Parse("", "")
	if !ok {
		return 1
	}
	list := func(a machine.Account) string {
		var names []string
		for _, g := range c.Machine.GroupsOf(a) {
			names = append(names, g.Name)
		}
		return strings.Join(names, " ")
	}
	if len(names) == 0 {
		c.Print(list(c.User) + "\n")
		return 0
	}
	status := 0
	for _, name := range names {
		if a, ok := lookup(c.Machine, name); ok {
			c.Print(name + " : " + list(a) + "\n")
		} else {
			status = c.Complain("‘%s’: no such user", name)
		}
	}
	return status
}

// databases of getent and the files they stand in.
var databases = map[string]string{"passwd": passwdFile, "group": groupFile, "shadow": shadowFile, "gshadow": gshadowFile, "hosts": "/etc/hosts", "ahosts": "/etc/hosts", "services": "/etc/services", "protocols": "/etc/protocols", "networks": "/etc/networks", "rpc": "/etc/rpc", "ethers": "/etc/ethers"}

// getent shows entries of the databases.
func getent(c *program.Call) int {
	_, rest, ok := c.Parse("s:i", "service=:s no-idn=i")
	if !ok {
		return 1
	}
	if len(rest) == 0 {
		c.Err.Print("getent: wrong number of arguments\nTry `getent --help' or `getent --usage' for more information.\n")
		return 1
	}
	path, ok := databases[rest[0]]
	if !ok {
		c.Err.Print("Unknown database: " + rest[0] + "\nTry `getent --help' or `getent --usage' for more information.\n")
		return 1
	}
	data, err := c.View().ReadFile(path)
	if err != nil {
		return 2
	}
	keys, status := rest[1:], 0
	if len(keys) == 0 {
		for _, line := range program.Lines(data) {
			if strings.HasPrefix(line, "#") || line == "" {
				continue
			}
			c.Print(entry(rest[0], line) + "\n")
		}
		return 0
	}
	for _, key := range keys {
		found := false
		for _, line := range program.Lines(data) {
			if c.Busy() {
				return 1
			}
			if !found && matches(rest[0], line, key) {
				found = true
				c.Print(entry(rest[0], line) + "\n")
			}
		}
		if !found {
			status = 2
		}
	}
	return status
}

func matches(database, line, key string) bool {
	if strings.Contains(databases[database], "hosts") || database == "services" || database == "protocols" {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		for i, w := range words {
			if w == key || database == "services" && i == 1 && strings.HasPrefix(w, key+"/") {
				return true
			}
		}
		return false
	}
	f := strings.Split(line, ":")
	return f[0] == key || len(f) > 2 && f[2] == key && database != "shadow"
}

// entry is a line as getent sets it.
func entry(database, line string) string {
	words := strings.Fields(line)
	switch {
	case (database == "hosts" || database == "networks") && len(words) > 1:
		return fmt.Sprintf("%-15s %s", words[0], strings.Join(words[1:], " "))
	case database == "ahosts" && len(words) > 1:
		return fmt.Sprintf("%-15s STREAM %s\n%-15s DGRAM  \n%-15s RAW    ", words[0], words[1], words[0], words[0])
	case (database == "services" || database == "protocols") && len(words) > 1:
		return fmt.Sprintf("%-21s %s", words[0], strings.Join(words[1:], " "))
	}
	return line
}
