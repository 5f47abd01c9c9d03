package account

import (
	"errors"
	"slices"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// lecture is what sudo says the first time.
const lecture = "\nWe trust you have received the usual lecture from the local System\nAdministrator. It usually boils down to these three things:\n\n    #1) Respect the privacy of others.\n    #2) Think before you type.\n    #3) With great power comes great responsibility.\n\n"

const sudoUsage = "usage: sudo -h | -K | -k | -V\nusage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]\nusage: sudo -l [-ABkNnS] [-g group] [-h host] [-p prompt] [-U user] [-u user]\n            [command [arg ...]]\nusage: sudo [-ABbEHkNnPS] [-r role] [-t type] [-C num] [-D directory] [-g group]\n            [-h host] [-p prompt] [-R directory] [-T timeout] [-u user]\n            [VAR=value] [-i | -s] [command [arg ...]]\nusage: sudo -e [-ABkNnS] [-r role] [-t type] [-C num] [-D directory] [-g group]\n            [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] file ...\n"

// sudo runs a command as somebody else.
func sudo(c *program.Call) int {
	c.Hint = sudoUsage
	f, args, ok := c.Parse("+ABbC:D:EeHg:h::iKklNnPp:R:r:SsT:t:U:u:Vv", "login=i shell=s list=l user=:u group=:g non-interactive=n stdin=S version=V validate=v preserve-env=::E set-home=H reset-timestamp=k remove-timestamp=K prompt=:p edit=e help=9 background=b")
	if !ok {
		return 1
	}
	if f.Has("V") {
		v, grammar := sudoVersion(c)
		c.Printf("Sudo version %[1]s\nSudoers policy plugin version %[1]s\nSudoers file grammar version %[2]d\nSudoers I/O plugin version %[1]s\n", v, grammar)
		if grammar > 46 {
			c.Printf("Sudoers audit plugin version %s\n", v)
		}
		return 0
	}
	if f.Has("k") || f.Has("K") {
		forget(c)
		if len(args) == 0 {
			return 0
		}
	}
	var set []string
	for len(args) > 0 && strings.Contains(args[0], "=") && !strings.HasPrefix(args[0], "=") {
		set, args = append(set, args[0]), args[1:]
	}
	if len(args) == 0 && !f.Has("l") && !f.Has("v") && !f.Has("i") && !f.Has("s") {
		c.Err.Print(sudoUsage)
		return 1
	}
	m := c.Machine
	target := "root"
	if f.Has("u") {
		target = strings.TrimPrefix(f.Value["u"], "#")
	}
	as, found := lookup(m, target)
	if !found {
		c.Err.Print("sudo: unknown user " + target + "\nsudo: error initializing audit plugin sudoers_audit\n")
		return 1
	}
	rule := ruleOf(c)
	if c.User.UID != 0 && !allowed(c, f, rule) {
		return 1
	}
	switch {
	case f.Has("v"):
		return 0
	case f.Has("l") && len(args) == 0:
		listed(c, rule)
		return 0
	case f.Has("l"):
		path, err := c.Find(args[0])
		if err != nil {
			return 1
		}
		c.Print(strings.Join(append([]string{path}, args[1:]...), " ") + "\n")
		return 0
	}
	return elevated(c, f, as, set, args)
}

// allowed asks for the password of a user, and tells whether sudoers names him.
func allowed(c *program.Call, f program.Flags, rule sudoRule) bool {
	m, user := c.Machine, c.User
	if rule.free || remembered(c) && !f.Has("k") {
		return true
	}
	if f.Has("n") {
		c.Err.Print("sudo: a password is required\n")
		return false
	}
	if c.TTY == "" && !f.Has("S") {
		c.Err.Print("sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper\nsudo: a password is required\n")
		return false
	}
	lectured(c)
	prompt := "[sudo] password for " + user.Name + ": "
	if f.Has("p") {
		prompt = strings.NewReplacer("%p", user.Name, "%u", user.Name, "%h", m.Host.Hostname).Replace(f.Value["p"])
	}
	for try := range 3 {
		secret, ok := ask(c, prompt, true)
		if !ok {
			switch {
			case c.Stop != nil:
			case try == 0:
				c.Err.Print("\nsudo: no password was provided\nsudo: a password is required\n")
			default:
				c.Err.Print("\nsudo: no password was provided\nsudo: " + []string{"", "1 incorrect password attempt", "2 incorrect password attempts"}[try] + "\n")
			}
			return false
		}
		record(c, user.Name, secret)
		if mine(c, user.Name, secret) {
			if !rule.named {
				c.Err.Print(stranger(c))
			} else {
				remember(c)
			}
			return rule.named
		}
		if !refused(c) {
			return false
		}
		if try < 2 {
			c.Err.Print("Sorry, try again.\n")
		}
	}
	c.Err.Print("sudo: 3 incorrect password attempts\n")
	return false
}

// elevated runs the command, or a shell, as another user.
func elevated(c *program.Call, f program.Flags, as machine.Account, set, args []string) int {
	if len(args) == 0 {
		if c.TTY != "" {
			inner := c.Process
			inner.User, inner.Env = as, append(environment(c, as), set...)
			if f.Has("i") {
				inner.Cwd = as.Home
			}
			c.Kernel.Become(&inner, as.Shell, f.Has("i"))
			return 0
		}
		args = []string{as.Shell}
	} else if f.Has("i") || f.Has("s") {
		args = []string{as.Shell, "-c", strings.Join(args, " ")}
	}
	inner := *c
	inner.User = as
	inner.Env = nil
	if len(set) > 0 {
		inner.Env = append(slices.Clone(c.Environ()), set...)
	}
	if f.Has("i") {
		inner.Cwd = as.Home
	}
	if _, err := inner.Find(args[0]); err != nil {
		if errors.Is(err, syscall.ENOENT) {
			c.Err.Print("sudo: " + args[0] + ": command not found\n")
			c.Kernel.Unknown()
		} else {
			c.Err.Print("sudo: unable to execute " + args[0] + ": " + vfs.Text(err) + "\n")
		}
		return 1
	}
	status := inner.Run(args, c.Streams)
	c.Stop = inner.Stop
	return status
}
