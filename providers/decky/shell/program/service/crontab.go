package service

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// maxCrontab bounds a crontab.
const maxCrontab = 256 << 10

// cron is one call of crontab on a host of one kind.
type cron struct {
	c     *program.Call
	flags program.Flags
	files []string
	user  machine.Account
	path  string
	view  vfs.View // of the spool's owner
}

// crontab installs, lists and removes the tables of cron.
func crontab(c *program.Call) int {
	if c.Applet || c.Machine.Release.Family == "alpine" {
		return busyCrontab(c)
	}
	if c.Machine.Release.Family == "debian" {
		return debianCrontab(c)
	}
	return cronie(c)
}

const debianUsage = "usage:\tcrontab [-u user] [-n] file\n\tcrontab [ -u user ] [ -i ] { -e | -l | -r }\n\n\t-h\t(displays this help message)\n\n\tfile\t(default operation is replace, per 1003.2)\n\t-n\t(dry run: checks the syntax, then bails out)\n\t-u user\t(choose the user whose crontab is touched)\n\n\t-e\t(edit user's crontab)\n\t-l\t(list user's crontab)\n\t-r\t(delete user's crontab)\n\n\t-i\t(prompt before deleting user's crontab)\n"

const cronieUsage = "usage:\tcrontab [options] file\n\tcrontab [options]\n\tcrontab -n [hostname]\n\nOptions:\n -u <user>  define user\n -e         edit user's crontab\n -l         list user's crontab\n -r         delete user's crontab\n -i         prompt before deleting\n -n <host>  set host in cluster to run users' crontabs\n -c         get host in cluster to run users' crontabs\n -T <file>  test a crontab file syntax\n -s         selinux context\n -V         print version and exit\n -x <mask>  enable debugging\n\nDefault operation is replace, per 1003.2\n"

// letters reads options as getopt(3) does; wrong is what is wrong.
func letters(c *program.Call, known string) (f program.Flags, rest []string, wrong string) {
	f = program.Flags{Value: map[string]string{}, Count: map[string]int{}}
	args := c.Args
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return f, append(rest, args[i+1:]...), ""
		}
		if len(a) < 2 || a[0] != '-' {
			rest = append(rest, a)
			continue
		}
		for j := 1; j < len(a); j++ {
			at := strings.IndexByte(known, a[j])
			if at < 0 || a[j] == ':' {
				return f, rest, "invalid option -- '" + a[j:j+1] + "'"
			}
			value, letter := "", a[j:j+1]
			if at+1 < len(known) && known[at+1] == ':' {
				if value = a[j+1:]; value == "" {
					if i++; i == len(args) {
						return f, rest, "option requires an argument -- '" + letter + "'"
					}
					value = args[i]
				}
				j = len(a)
			}
			f.Count[letter]++
			f.Value[letter] = value
		}
	}
	return f, rest, ""
}

// debianCrontab is Vixie's in Debian's version 3.0pl1.
func debianCrontab(c *program.Call) int {
	known := "u:lerin"
	if c.Machine.Release.Slug == "ubuntu20" || c.Machine.Release.Slug == "ubuntu22" {
		known = "u:leri"
	}
	f, files, wrong := letters(c, known+"h")
	mistake := func(text string) int {
		c.Err.Print(c.Name + ": usage error: " + text + "\n" + debianUsage)
		return 1
	}
	switch {
	case wrong != "":
		c.Err.Print(c.Name + ": " + wrong + "\n")
		return mistake("unrecognized option")
	case f.Has("h"):
		c.Err.Print(debianUsage)
		return 0
	}
	t := &cron{c: c, flags: f, files: files, user: c.User, view: c.Machine.FS.As(0, 0)}
	if f.Has("u") {
		if c.User.UID != 0 {
			c.Err.Print("must be privileged to use -u\n")
			return 1
		}
		if !slices.ContainsFunc(c.Machine.Accounts(), func(a machine.Account) bool { return a.Name == f.Value["u"] }) {
			c.Err.Print(c.Name + ":  user `" + f.Value["u"] + "' unknown\n")
			return 1
		}
		t.user = c.Machine.Account(f.Value["u"])
	}
	t.path = "/var/spool/cron/crontabs/" + t.user.Name
	operations := f.Count["l"] + f.Count["e"] + f.Count["r"]
	switch {
	case operations > 1:
		return mistake("only one operation permitted")
	case operations == 1 && len(files) > 0:
		return mistake("no arguments permitted after this option")
	case operations == 0 && len(files) == 0 && (f.Has("u") || f.Has("n") || f.Has("i")):
		return mistake("file name must be specified for replace")
	}
	if denied, ok := t.denied(); ok {
		c.Err.Print(denied)
		return 1
	}
	return t.run()
}

// denied tells whether /etc/cron.allow or /etc/cron.deny forbids a user.
func (t *cron) denied() (string, bool) {
	if t.c.User.UID == 0 {
		return "", false
	}
	listed := func(path string) (bool, bool) {
		data, err := t.view.ReadFile(path)
		return slices.Contains(strings.Fields(string(data)), t.c.User.Name), err == nil
	}
	in, there := listed("/etc/cron.allow")
	if !there {
		var deny bool
		deny, there = listed("/etc/cron.deny")
		in = !deny
	}
	if !there || in {
		return "", false
	}
	return "You (" + t.c.User.Name + ") are not allowed to use this program (crontab)\nSee crontab(1) for more information\n", true
}

func (t *cron) run() int {
	c := t.c
	switch {
	case t.flags.Has("l"):
		data, err := t.view.ReadFile(t.path)
		if err != nil {
			return t.none()
		}
		t.note("LIST")
		c.Print(t.body(string(data)))
	case t.flags.Has("r"):
		if _, err := t.view.Stat(t.path); err != nil {
			return t.none()
		}
		if t.flags.Has("i") && !t.agreed() {
			return 0
		}
		t.note("DELETE")
		if err := t.view.Remove(t.path); err != nil {
			return t.none()
		}
	case t.flags.Has("e"):
		return t.edit()
	default:
		name := "-"
		if len(t.files) > 0 {
			name = t.files[0]
		}
		data, err := c.Read(name)
		if err != nil {
			if !errors.Is(err, program.ErrBudget) {
				c.Err.Print(name + ": " + vfs.Text(err) + "\n")
			}
			return 1
		}
		if t.flags.Has("n") && c.Machine.Release.Family == "debian" {
			if t.check(name, string(data)) {
				c.Err.Print("The syntax of the crontab file was successfully checked.\n")
				return 0
			}
			return 1
		}
		return t.install(name, data)
	}
	return 0
}

func (t *cron) none() int {
	t.c.Err.Print("no crontab for " + t.user.Name + "\n")
	return 1
}

// agreed asks before a crontab is deleted.
func (t *cron) agreed() bool {
	c := t.c
	words := "crontab: really delete " + t.user.Name + "'s crontab? (y/n) "
	if c.Machine.Release.Family != "debian" {
		words = "crontab: really delete " + t.user.Name + "'s crontab? "
	}
	for range 10 {
		c.Print(words)
		answer, eof, err := program.ReadLine(c.In, '\n', 256)
		switch {
		case strings.HasPrefix(strings.ToLower(answer), "y"):
			return true
		case strings.HasPrefix(strings.ToLower(answer), "n"), eof, err != nil:
			return false
		}
		c.Err.Print("Please enter Y or N: ")
	}
	return false
}

// body is a crontab without the lines that Debian's puts in front.
func (t *cron) body(text string) string {
	if t.c.Machine.Release.Family != "debian" {
		return text
	}
	for i := 0; i < 3 && strings.HasPrefix(text, "#"); i++ {
		line, rest, _ := strings.Cut(text, "\n")
		if i == 0 && !strings.Contains(line, "DO NOT EDIT THIS FILE") {
			break
		}
		text = rest
	}
	return text
}

// check says what is wrong with a crontab.
func (t *cron) check(name, text string) bool {
	if text != "" && !strings.HasSuffix(text, "\n") && t.c.Machine.Release.Family == "debian" {
		t.c.Err.Print("new crontab file is missing newline before EOF, can't install.\n")
		return false
	}
	line, problem := checkCrontab(text)
	if problem == "" {
		return true
	}
	tail := "errors in crontab file, can't install.\n"
	if t.c.Machine.Release.Family != "debian" {
		tail = "Invalid crontab file, can't install.\n"
	}
	t.c.Err.Print(fmt.Sprintf("\"%s\":%d: %s\n", name, line, problem) + tail)
	return false
}

// install checks and keeps a crontab.
func (t *cron) install(name string, data []byte) int {
	if len(data) > maxCrontab {
		data = data[:maxCrontab]
	}
	if !t.check(name, string(data)) {
		return 1
	}
	head := ""
	if t.c.Machine.Release.Family == "debian" {
		head = "# DO NOT EDIT THIS FILE - edit the master and reinstall.\n# (" + name + " installed on " + t.c.Now().In(t.c.Machine.Zone.Location).Format("Mon Jan _2 15:04:05 2006") + ")\n# (Cron version -- $Id: crontab.c,v 2.13 1994/01/17 03:20:37 vixie Exp $)\n"
	}
	if err := t.view.WriteFile(t.path, append([]byte(head), data...), 0o600); err != nil {
		return t.c.Complain("%s: %s", t.path, vfs.Text(err))
	}
	gid := 0
	for _, g := range t.c.Machine.Groups() {
		if g.Name == "crontab" {
			gid = g.GID
		}
	}
	if err := errors.Join(t.view.Chown(t.path, t.user.UID, gid), t.view.Chmod(t.path, 0o600)); err != nil && !errors.Is(err, syscall.ENOENT) {
		return t.c.Complain("%s: %s", t.path, vfs.Text(err))
	}
	t.note("REPLACE")
	return 0
}

// note writes to the journal what crontab was asked for.
func (t *cron) note(what string) {
	t.c.Machine.Note(image.Entry{Source: "crontab", PID: t.c.Machine.NextPID(), Text: "(" + t.c.User.Name + ") " + what + " (" + t.user.Name + ")", Unit: "cron.service"})
}

// edit opens an editor on a copy and installs what it leaves.
func (t *cron) edit() int {
	c := t.c
	data, err := t.view.ReadFile(t.path)
	old := t.body(string(data))
	if err != nil {
		c.Err.Print("no crontab for " + t.user.Name + " - using an empty one\n")
		if c.Machine.Release.Family == "debian" {
			old = "# Edit this file to introduce tasks to be run by cron.\n#\n# m h  dom mon dow   command\n"
		}
	}
	copied := fmt.Sprintf("/tmp/crontab.%s", string(rune('A'+c.Machine.Number("crontab", 0, 25)))+"vX3zk")
	own := c.Machine.FS.As(c.User.UID, c.User.GID)
	if c.Machine.Release.Family == "debian" {
		if err := own.Mkdir(copied, 0o700); err == nil {
			defer func() { _ = own.Remove(copied) }() // it is empty then
		}
		copied += "/crontab"
	}
	if err := own.WriteFile(copied, []byte(old), 0o600); err != nil {
		return c.Complain("%s: %s", copied, vfs.Text(err))
	}
	defer func() { _ = own.Remove(copied) }() // nothing is lost with it
	t.note("BEGIN EDIT")
	command := editor(c)
	if _, err := c.Find(command); err != nil {
		c.Err.Print("/bin/sh: 1: " + command + ": not found\ncrontab: \"" + command + "\" exited with status 127\n")
		return 1
	}
	if status := c.Run([]string{command, copied}, c.Streams); status != 0 {
		c.Err.Print(fmt.Sprintf("crontab: \"%s\" exited with status %d\n", command, status))
		return 1
	}
	after, err := own.ReadFile(copied)
	switch {
	case err != nil:
		return c.Complain("%s: %s", copied, vfs.Text(err))
	case string(after) == old && c.Machine.Release.Family == "debian":
		c.Err.Print("No modification made\n")
		return 0
	case string(after) == old:
		c.Err.Print("crontab: no changes made to crontab\n")
		return 0
	}
	c.Err.Print("crontab: installing new crontab\n")
	if status := t.install(copied, after); status != 0 {
		c.Print("Do you want to retry the same edit? (y/n) ")
		return status
	}
	t.note("END EDIT")
	return 0
}

// cronie is Red Hat's.
func cronie(c *program.Call) int {
	f, files, wrong := letters(c, "u:lerisncx:VT:")
	mistake := func(text string) int {
		c.Err.Print(c.Name + ": usage error: " + text + "\n" + cronieUsage)
		return 1
	}
	if wrong != "" {
		c.Err.Print(c.Name + ": " + wrong + "\n")
		return mistake("unrecognized option")
	}
	if f.Has("V") {
		c.Print("cronie " + strings.SplitN(packageVersion(c, "cronie"), "-", 2)[0] + "\n")
		return 0
	}
	t := &cron{c: c, flags: f, files: files, user: c.User, view: c.Machine.FS.As(0, 0)}
	if f.Has("u") {
		if c.User.UID != 0 {
			c.Err.Print("must be privileged to use -u\n")
			return 1
		}
		if !slices.ContainsFunc(c.Machine.Accounts(), func(a machine.Account) bool { return a.Name == f.Value["u"] }) {
			c.Err.Print(c.Name + ":  user `" + f.Value["u"] + "' unknown\n")
			return 1
		}
		t.user = c.Machine.Account(f.Value["u"])
	}
	t.path = "/var/spool/cron/" + t.user.Name
	operations := f.Count["l"] + f.Count["e"] + f.Count["r"]
	switch {
	case operations > 1:
		return mistake("only one operation permitted")
	case operations == 1 && len(files) > 0:
		return mistake("no arguments permitted after this option")
	case f.Has("T"):
		data, err := c.Read(f.Value["T"])
		if err != nil {
			c.Err.Print(f.Value["T"] + ": " + vfs.Text(err) + "\n")
			return 1
		}
		if t.check(f.Value["T"], string(data)) {
			c.Err.Print("No syntax issues were found in the crontab file.\n")
			return 0
		}
		return 1
	}
	if denied, ok := t.denied(); ok {
		c.Err.Print(denied)
		return 1
	}
	return t.run()
}

// busyCrontab is busybox', which checks nothing.
func busyCrontab(c *program.Call) int {
	f, files, wrong := letters(c, "u:c:lerd")
	if wrong != "" {
		c.Err.Print("crontab: " + strings.Replace(wrong, "invalid", "unrecognized", 1) + "\nBusyBox v1.36.1 multi-call binary.\n\nUsage: crontab [-c DIR] [-u USER] [-ler]|[FILE]\n")
		return 1
	}
	user := c.User
	if f.Has("u") {
		if c.User.UID != 0 {
			return c.Complain("must be suid to work properly")
		}
		if !slices.ContainsFunc(c.Machine.Accounts(), func(a machine.Account) bool { return a.Name == f.Value["u"] }) {
			return c.Complain("unknown user %s", f.Value["u"])
		}
		user = c.Machine.Account(f.Value["u"])
	}
	dir := "/var/spool/cron/crontabs"
	if f.Has("c") {
		dir = c.Path(f.Value["c"])
	}
	view := c.Machine.FS.As(0, 0)
	if _, err := view.Stat(dir); err != nil {
		return c.Complain("can't change directory to '%s': %s", dir, vfs.Text(err))
	}
	path := dir + "/" + user.Name
	switch {
	case f.Has("l"):
		data, err := view.ReadFile(path)
		if err != nil {
			return c.Complain("can't open '%s': %s", user.Name, vfs.Text(err))
		}
		c.Print(string(data))
		return 0
	case f.Has("r") || f.Has("d"):
		if err := view.Remove(path); err != nil && !errors.Is(err, syscall.ENOENT) {
			return c.Complain("can't remove '%s': %s", user.Name, vfs.Text(err))
		}
		return 0
	case f.Has("e"):
		return c.Run([]string{editor(c), path}, c.Streams)
	}
	name := "-"
	if len(files) > 0 {
		name = files[0]
	} else if c.TTY != "" && c.In == nil {
		return 1
	}
	data, err := c.Read(name)
	if err != nil {
		return c.Complain("can't open '%s': %s", name, vfs.Text(err))
	}
	if err := view.WriteFile(path, data[:min(len(data), maxCrontab)], 0o600); err != nil {
		return c.Complain("can't create '%s': %s", user.Name+".new", vfs.Text(err))
	}
	if err := view.Chmod(path, 0o600); err != nil {
		return c.Complain("%s: %s", path, vfs.Text(err))
	}
	return 0
}
