package account

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// sudoVersion is what the distribution ships, with the version of the grammar
// of sudoers.
func sudoVersion(c *program.Call) (string, int) {
	switch c.Machine.Release.Slug {
	case "centos7":
		return "1.8.23", 46
	case "ubuntu20":
		return "1.8.31", 46
	case "ubuntu22":
		return "1.9.9", 48
	case "rocky9":
		return "1.9.5p2", 48
	case "fedora", "kali", "alpine":
		return "1.9.15p5", 50
	case "arch":
		return "1.9.16p2", 50
	}
	return "1.9.13p3", 50
}

// stranger is what sudo says to whom sudoers does not name: since 1.9.13 it
// threatens only where mail is sent.
func stranger(c *program.Call) string {
	text := c.User.Name + " is not in the sudoers file."
	if v, grammar := sudoVersion(c); grammar < 50 || v == "" {
		text += "  This incident will be reported."
	}
	return text + "\n"
}

// sudoRule is what sudoers says of a user: whether it names him, whether he
// needs no password, and what it lets him do.
type sudoRule struct {
	named, free bool
	texts       []string // "(ALL : ALL) NOPASSWD: ALL"
}

// ruleOf reads /etc/sudoers and the directory beside it as they stand.
func ruleOf(c *program.Call) sudoRule {
	view := c.Machine.FS.As(0, 0)
	paths := []string{"/etc/sudoers"}
	if list, err := view.ReadDir("/etc/sudoers.d"); err == nil {
		for _, e := range list {
			if !strings.ContainsAny(e.Name, ".~") && len(paths) < 64 {
				paths = append(paths, "/etc/sudoers.d/"+e.Name)
			}
		}
	}
	names := []string{c.User.Name, "ALL", "#" + strconv.Itoa(c.User.UID)}
	for _, g := range c.Machine.GroupsOf(c.User) {
		names = append(names, "%"+g.Name, "%#"+strconv.Itoa(g.GID))
	}
	var rule sudoRule
	for _, path := range paths {
		data, err := view.ReadFile(path)
		if err != nil {
			continue
		}
		for _, line := range program.Lines(data) {
			rule.take(line, names)
		}
	}
	return rule
}

// take adds what a line of sudoers says of one of names.
func (r *sudoRule) take(line string, names []string) {
	who, what, ok := strings.Cut(strings.Join(strings.Fields(line), " "), " ")
	if !ok || !slices.Contains(names, who) {
		return
	}
	_, what, ok = strings.Cut(what, "=")
	if !ok {
		return
	}
	what = strings.TrimSpace(what)
	as := "(root) "
	if rest, given := strings.CutPrefix(what, "("); given {
		users, after, closed := strings.Cut(rest, ")")
		if !closed {
			return
		}
		as, what = "("+strings.ReplaceAll(strings.ReplaceAll(users, " ", ""), ":", " : ")+") ", strings.TrimSpace(after)
	}
	r.named = true
	if rest, free := strings.CutPrefix(what, "NOPASSWD:"); free {
		r.free = true
		what = "NOPASSWD: " + strings.TrimSpace(rest)
	}
	r.texts = append(r.texts, as+what)
}

// listed is sudo -l.
func listed(c *program.Call, rule sudoRule) {
	host := c.Machine.Persona.ShortName()
	pty := ",\n    use_pty"
	switch c.Machine.Release.Slug {
	case "ubuntu20", "ubuntu22":
		pty = ",\n    use_pty"
		if c.Machine.Release.Slug == "ubuntu20" {
			pty = ""
		}
	}
	c.Printf("Matching Defaults entries for %s on %s:\n    env_reset, mail_badpass,\n    secure_path=/usr/local/sbin\\:/usr/local/bin\\:/usr/sbin\\:/usr/bin\\:/sbin\\:/bin%s\n\nUser %s may run the following commands on %s:\n", c.User.Name, host, pty, c.User.Name, host)
	for _, text := range rule.texts {
		c.Print("    " + text + "\n")
	}
}

// lectured says the first time what a user has to think of.
func lectured(c *program.Call) {
	view := c.Machine.FS.As(0, 0)
	for _, dir := range []string{"/var/lib/sudo", "/var/lib/sudo/lectured"} {
		_ = view.Mkdir(dir, 0o700) // where it is not there yet
	}
	path := "/var/lib/sudo/lectured/" + c.User.Name
	if _, err := view.Stat(path); err != nil {
		c.Err.Print(lecture)
		_ = view.WriteFile(path, nil, 0o600) // a full disk lectures again
	}
}

// Tickets are files of /run/sudo/ts, one per user and terminal, as old as the
// password that was typed last.
const (
	ticketDir  = "/run/sudo/ts"
	ticketLife = 15 * time.Minute
)

func ticket(c *program.Call) string {
	return ticketDir + "/" + c.User.Name + strings.ReplaceAll(c.TTY, "/", "_")
}

func remembered(c *program.Call) bool {
	info, err := c.Machine.FS.As(0, 0).Stat(ticket(c))
	return err == nil && c.TTY != "" && c.Now().Sub(info.MTime) < ticketLife
}

func remember(c *program.Call) {
	if c.TTY == "" {
		return
	}
	view := c.Machine.FS.As(0, 0)
	for _, dir := range []string{"/run/sudo", ticketDir} {
		_ = view.Mkdir(dir, 0o700) // where it is not there yet
	}
	_ = view.WriteFile(ticket(c), nil, 0o600) // without one sudo asks again
}

func forget(c *program.Call) { _ = c.Machine.FS.As(0, 0).Remove(ticket(c)) }

// visudo checks sudoers; it opens no editor.
func visudo(c *program.Call) int {
	f, names, ok := c.Parse("cf:hIOPqsVx:", "check=c file=:f help=h quiet=q strict=s version=V")
	path := "/etc/sudoers"
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		v, grammar := sudoVersion(c)
		c.Printf("visudo version %s\nvisudo grammar version %d\n", v, grammar)
		return 0
	case f.Has("f"):
		path = f.Value["f"]
	case len(names) > 0:
		path = names[0]
	}
	data, err := c.View().ReadFile(c.Path(path))
	switch {
	case err != nil && f.Has("c"):
		c.Err.Print("visudo: unable to open " + path + ": Permission denied\n")
		return 1
	case err != nil:
		c.Err.Print("visudo: " + path + ": Permission denied\n")
		return 1
	case f.Has("c"):
		for i, line := range program.Lines(data) {
			if bad := strings.TrimSpace(line); bad != "" && !strings.ContainsAny(bad[:1], "#@%") && !strings.HasPrefix(bad, "Defaults") && !strings.Contains(bad, "=") && !strings.HasSuffix(bad, "\\") {
				c.Err.Print(path + ":" + strconv.Itoa(i+1) + ":" + strconv.Itoa(len(line)+1) + ": syntax error\n" + line + "\n" + strings.Repeat(" ", len(line)) + "^\n")
				return 1
			}
		}
		c.Print(path + ": parsed OK\n")
		if path == "/etc/sudoers" {
			if _, err := c.View().Stat("/etc/sudoers.d/README"); err == nil {
				c.Print("/etc/sudoers.d/README: parsed OK\n")
			}
		}
		return 0
	}
	return c.Run([]string{"editor", path + ".tmp"}, c.Streams)
}
