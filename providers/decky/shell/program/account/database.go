package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/schema/event"
)

// Files of accounts.
const (
	passwdFile  = "/etc/passwd"
	shadowFile  = "/etc/shadow"
	groupFile   = "/etc/group"
	gshadowFile = "/etc/gshadow"
)

// maxAccounts bounds the lines of a file of accounts.
const maxAccounts = 500

// edit rewrites a file of accounts line by line as root: change returns what
// stands in a line's place, and whether it stays.
func edit(m *machine.Machine, path string, change func(fields []string) ([]string, bool), add ...string) error {
	view := m.FS.As(0, 0)
	data, err := view.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	info, err := view.Stat(path)
	if err != nil {
		return fmt.Errorf("stat %s: %w", path, err)
	}
	var out strings.Builder
	n := 0
	for _, line := range program.Lines(data) {
		fields := strings.Split(line, ":")
		keep := true
		if change != nil && len(fields) > 1 {
			fields, keep = change(fields)
		}
		if keep {
			out.WriteString(strings.Join(fields, ":") + "\n")
			n++
		}
	}
	for _, line := range add {
		if n < maxAccounts {
			out.WriteString(line + "\n")
		}
	}
	if err := view.WriteFile(path, []byte(out.String()), info.Mode&0o777); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// setPassword puts a hash of secret into /etc/shadow: the next login is held to
// it.
func setPassword(m *machine.Machine, name, secret string) error {
	return setHash(m, name, m.Hash(secret))
}

func setHash(m *machine.Machine, name, hash string) error {
	found := false
	day := today(m)
	err := edit(m, shadowFile, func(f []string) ([]string, bool) {
		if f[0] == name && len(f) > 2 {
			f[1], f[2], found = hash, day, true
		}
		return f, true
	})
	if err == nil && !found {
		err = edit(m, shadowFile, nil, name+":"+hash+":"+day+":0:99999:7:::")
	}
	return err
}

// today is the day that /etc/shadow counts.
func today(m *machine.Machine) string { return fmt.Sprint(m.Now().Unix() / 86400) }

// dayOf is a day of /etc/shadow.
func dayOf(field string) (time.Time, bool) {
	n, err := strconv.Atoi(field)
	return time.Unix(int64(n)*86400, 0).UTC(), err == nil && n > -200_000 && n < 3_000_000
}

// shadowOf are the nine fields of an account in /etc/shadow.
func shadowOf(m *machine.Machine, name string) []string {
	data, err := m.FS.As(0, 0).ReadFile(shadowFile)
	if err == nil {
		for _, line := range program.Lines(data) {
			if f := strings.Split(line, ":"); f[0] == name && len(f) >= 2 {
				return append(f, make([]string, 9)...)
			}
		}
	}
	return append([]string{name, "!"}, make([]string, 9)...)
}

// hashOf is the hash of an account.
func hashOf(m *machine.Machine, name string) string {
	data, err := m.FS.As(0, 0).ReadFile(shadowFile)
	if err != nil {
		return ""
	}
	for _, line := range program.Lines(data) {
		if f := strings.Split(line, ":"); len(f) > 1 && f[0] == name {
			return f[1]
		}
	}
	return ""
}

func lookup(m *machine.Machine, name string) (machine.Account, bool) {
	all := m.Accounts()
	i := slices.IndexFunc(all, func(a machine.Account) bool { return a.Name == name || fmt.Sprint(a.UID) == name })
	if i < 0 {
		return machine.Account{}, false
	}
	return all[i], true
}

func lookupGroup(m *machine.Machine, name string) (machine.Group, bool) {
	all := m.Groups()
	i := slices.IndexFunc(all, func(g machine.Group) bool { return g.Name == name || fmt.Sprint(g.GID) == name })
	if i < 0 {
		return machine.Group{}, false
	}
	return all[i], true
}

// record keeps a secret that was typed.
func record(c *program.Call, name, secret string) {
	if err := c.Kernel.Record(&event.AuthAttempt{Method: c.Name, Username: event.Text(name).Clip(256), Secret: event.Text(secret).Clip(1024), SecretKind: "plaintext"}); err != nil {
		c.Stop = err
	}
}

// ask prints a question and reads a line; a secret is recorded and not echoed.
func ask(c *program.Call, text string, secret bool) (string, bool) {
	c.Err.Print(text)
	restore := func() {}
	if secret {
		restore = c.Hush()
	}
	line, eof, err := program.ReadLine(c.In, '\n', 1024)
	restore()
	if secret && c.TTY != "" {
		c.Err.Print("\n")
	}
	return strings.TrimSuffix(line, "\r"), err == nil && !(eof && line == "") && c.Stop == nil
}

// refused waits as PAM does after a wrong password.
func refused(c *program.Call) bool {
	return c.Wait(time.Duration(c.Machine.Number("shell/refused", 1800, 2600)) * time.Millisecond)
}

// mine is whether a secret is the password of name. What nobody knows passes as
// the own one, for the user has got in with it, and as nobody else's.
func mine(c *program.Call, name, secret string) bool {
	ok, known := c.Machine.Secret(name, secret)
	return ok || !known && secret != "" && name == c.User.Name
}
