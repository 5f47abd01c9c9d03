package shell

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/schema/event"
)

func apt(c *call) int {
	verb := ""
	var packages []string
	for _, a := range c.args {
		switch {
		case strings.HasPrefix(a, "-"):
		case verb == "":
			verb = a
		default:
			packages = append(packages, a)
		}
	}
	root := c.r.asUser.uid == 0
	switch verb {
	case "":
		c.print("apt 2.6.1 (amd64)\nUsage: apt [options] command\n")
		return 0
	case "update", "upgrade", "install", "remove", "purge", "dist-upgrade", "full-upgrade", "autoremove":
		if !root {
			c.err.print("E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n")
			return 100
		}
	}
	switch verb {
	case "update":
		for i, suite := range []string{"debian bookworm", "debian-security bookworm-security", "debian bookworm-updates"} {
			if !c.resolving() {
				return 100
			}
			c.printf("Ign:%d http://deb.debian.org/%s InRelease\n", i+1, suite)
		}
		c.print("Err:1 http://deb.debian.org/debian bookworm InRelease\n  Temporary failure resolving 'deb.debian.org'\nReading package lists... Done\n")
		c.err.print("W: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.debian.org'\nW: Some index files failed to download. They have been ignored, or old ones used instead.\n")
	case "install":
		c.print("Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n")
		status := 0
		for _, p := range packages {
			if _, err := c.r.find(p); err == nil {
				c.printf("%s is already the newest version.\n", p)
				continue
			}
			c.err.print("E: Unable to locate package " + p + "\n")
			status = 100
		}
		if status == 0 {
			c.print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
		}
		return status
	case "upgrade", "dist-upgrade", "full-upgrade", "autoremove":
		c.print("Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\nCalculating upgrade... Done\n0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
	case "remove", "purge":
		c.print("Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n")
		for _, p := range packages {
			c.printf("Package '%s' is not installed, so not removed\n", p)
		}
		c.print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
	case "list", "search", "show", "clean", "autoclean":
	default:
		c.err.print("E: Invalid operation " + verb + "\n")
		return 100
	}
	return 0
}

// sudo runs the rest of a sudo line.
func sudo(c *call) int {
	args := c.args
	list := false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		list = list || args[0] == "-l"
		shell := args[0] == "-i" || args[0] == "-s" || args[0] == "su"
		skip := args[0] == "-u" || args[0] == "-g" || args[0] == "-p"
		args = args[1:]
		if skip && len(args) > 0 {
			args = args[1:]
		}
		if shell && len(args) == 0 {
			args = []string{"bash"}
		}
	}
	if len(args) == 0 && !list {
		c.err.print("usage: sudo -h | -K | -k | -V\nusage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]\nusage: sudo -l [-ABkNnS] [-g group] [-h host] [-p prompt] [-U user] [-u user] [command [arg ...]]\n")
		return 1
	}
	m := c.r.session.machine
	user := c.r.asUser
	if user.uid != 0 {
		c.prompt("[sudo] password for " + user.name + ": ")
		allowed := slices.ContainsFunc(m.groupsOf(user), func(g group) bool { return g.name == "sudo" })
		if !allowed {
			c.err.print(user.name + " is not in the sudoers file.\nThis incident has been reported to the administrator.\n")
			return 1
		}
	}
	if list {
		c.printf("Matching Defaults entries for %s on %s:\n    env_reset, mail_badpass, secure_path=/usr/local/sbin\\:/usr/local/bin\\:/usr/sbin\\:/usr/bin\\:/sbin\\:/bin\n\nUser %s may run the following commands on %s:\n    (ALL : ALL) ALL\n", user.name, m.host.Hostname, user.name, m.host.Hostname)
		return 0
	}
	before := c.r.asUser
	c.r.asUser = m.account("root")
	c.stop = c.r.program(args, c.io)
	c.r.asUser = before
	return c.r.state.status
}

// prompt asks for a secret on a terminal and records it.
func (c *call) prompt(text string) string {
	if !c.out.tty && c.r.session.options.TTY == "" {
		return ""
	}
	c.err.print(text)
	secret, _, err := readLine(c.in, '\n', 512)
	if err != nil {
		return ""
	}
	if recordErr := c.r.session.record(&event.AuthAttempt{Method: c.name, Username: event.Text(c.r.asUser.name), Secret: event.Text(secret), SecretKind: "plaintext"}); recordErr != nil {
		c.stop = recordErr
	}
	c.err.print("\n")
	return secret
}

func su(c *call) int {
	name, command := "root", ""
	for i := 0; i < len(c.args); i++ {
		switch a := c.args[i]; {
		case a == "-c" && i+1 < len(c.args):
			i++
			command = c.args[i]
		case strings.HasPrefix(a, "-"):
		default:
			name = a
		}
	}
	m := c.r.session.machine
	if !slices.ContainsFunc(m.accounts(), func(a account) bool { return a.name == name }) {
		return c.complain("user %s does not exist or the user entry does not contain all the required fields", name)
	}
	if c.r.asUser.uid != 0 {
		c.prompt("Password: ")
		c.wait(2 * time.Second)
		return c.complain("Authentication failure")
	}
	before := c.r.asUser
	c.r.asUser = m.account(name)
	if command != "" {
		c.stop = c.r.isolate(func(sub *runner) error { return sub.evaluate(command, c.io) })
		c.r.asUser = before
		return c.r.state.status
	}
	if c.r.session.options.TTY == "" {
		c.r.asUser = before
	}
	return 0
}

func passwdCommand(c *call) int {
	name := c.r.asUser.name
	for _, a := range c.args {
		if !strings.HasPrefix(a, "-") {
			name = a
		}
	}
	m := c.r.session.machine
	if !slices.ContainsFunc(m.accounts(), func(a account) bool { return a.name == name }) {
		c.err.print("passwd: user '" + name + "' does not exist\n")
		return 1
	}
	if c.r.asUser.uid != 0 {
		c.err.print("Changing password for " + name + ".\n")
		c.err.print("Current password: ")
		readLine(c.in, '\n', 512)
		c.err.print("\npasswd: Authentication token manipulation error\npasswd: password unchanged\n")
		return 10
	}
	var typed [2]string
	for i, text := range []string{"New password: ", "Retype new password: "} {
		c.err.print(text)
		typed[i], _, _ = readLine(c.in, '\n', 512)
		if c.r.session.options.TTY != "" {
			c.err.print("\n")
		}
	}
	if err := c.r.session.record(&event.AuthAttempt{Method: "passwd", Username: event.Text(name), Secret: event.Text(typed[0]), SecretKind: "plaintext"}); err != nil {
		c.stop = err
	}
	switch {
	case typed[0] != typed[1]:
		c.err.print("Sorry, passwords do not match.\npasswd: Authentication token manipulation error\npasswd: password unchanged\n")
		return 10
	case typed[0] == "":
		c.err.print("No password has been supplied.\nNo password has been supplied.\nNo password has been supplied.\npasswd: Authentication token manipulation error\npasswd: password unchanged\n")
		return 10
	}
	c.err.print("passwd: password updated successfully\n")
	return 0
}

// chpasswd takes user:password lines, all of which are recorded.
func chpasswd(c *call) int {
	if c.r.asUser.uid != 0 {
		c.err.print("chpasswd: Permission denied.\nchpasswd: cannot lock /etc/passwd; try again later.\n")
		return 1
	}
	data, err := c.r.readAll(c.in)
	if err != nil {
		return 1
	}
	status := 0
	for i, line := range lines(data) {
		name, secret, ok := strings.Cut(line, ":")
		if !ok || c.busy() {
			c.err.print(fmt.Sprintf("chpasswd: line %d: missing new password\n", i+1))
			return 1
		}
		if i < 100 {
			if err := c.r.session.record(&event.AuthAttempt{Method: "chpasswd", Username: event.Text(name), Secret: event.Text(secret), SecretKind: "plaintext"}); err != nil {
				c.stop = err
			}
		}
		if !slices.ContainsFunc(c.r.session.machine.accounts(), func(a account) bool { return a.name == name }) {
			c.err.print(fmt.Sprintf("chpasswd: (user %s) pam_chauthtok() failed, error:\nAuthentication token manipulation error\nchpasswd: (line %d, user %s) password not changed\n", name, i+1, name))
			status = 1
		}
	}
	return status
}

// useradd adds an account to the files.
func useradd(c *call) int {
	f, names, ok := c.parse("b:c:d:De:f:g:G:k:K:lmMNop:rs:u:U", "create-home=m shell=:s home-dir=:d system=r groups=:G password=:p gecos=:c disabled-password=D uid=:u gid=:g")
	if !ok || len(names) == 0 {
		c.err.print("Usage: " + c.name + " [options] LOGIN\n")
		return 2
	}
	m := c.r.session.machine
	name := names[0]
	if c.r.asUser.uid != 0 {
		c.err.print(c.name + ": Permission denied.\n" + c.name + ": cannot lock /etc/passwd; try again later.\n")
		return 1
	}
	next := 1000
	for _, a := range m.accounts() {
		if a.name == name {
			return c.complain("user '%s' already exists", name) * 9
		}
		if a.uid >= next && a.uid < 60000 {
			next = a.uid + 1
		}
	}
	home, shell := "/home/"+name, "/bin/sh"
	if f.has("d") {
		home = f.value["d"]
	}
	if f.has("s") {
		shell = f.value["s"]
	}
	view := m.FS.As(0, 0)
	for path, line := range map[string]string{
		"/etc/passwd": fmt.Sprintf("%s:x:%d:%d:%s:%s:%s\n", name, next, next, f.value["c"], home, shell), "/etc/group": fmt.Sprintf("%s:x:%d:\n", name, next),
		"/etc/shadow": fmt.Sprintf("%s:!:%d:0:99999:7:::\n", name, m.now().Unix()/86400),
	} {
		file, err := view.Open(path, vfs.Write|vfs.Append, 0)
		if err == nil {
			_, err = file.Write([]byte(line))
		}
		if err != nil {
			return c.complain("cannot open %s", path)
		}
	}
	if f.has("m") || c.name == "adduser" {
		if err := view.Mkdir(home, 0o755); err == nil {
			_ = view.Chown(home, next, next)
		}
	}
	return 0
}

func crontab(c *call) int {
	f, names, ok := c.parse("eilru:", "")
	if !ok {
		return 1
	}
	user := c.r.asUser.name
	if f.has("u") {
		user = f.value["u"]
	}
	path := "/var/spool/cron/crontabs/" + user
	view := c.r.session.machine.FS.As(0, 0)
	switch {
	case f.has("l"):
		data, err := view.ReadFile(path)
		if err != nil {
			c.err.print("no crontab for " + user + "\n")
			return 1
		}
		c.print(string(data))
	case f.has("r"):
		if view.Remove(path) != nil {
			c.err.print("no crontab for " + user + "\n")
			return 1
		}
	case f.has("e"):
		c.err.print("no crontab for " + user + " - using an empty one\nNo modification made\n")
	default:
		name := "-"
		if len(names) > 0 {
			name = names[0]
		}
		data, err := c.read(name)
		if err != nil {
			c.err.print(name + ": " + vfs.Text(err) + "\n")
			return 1
		}
		if err := view.WriteFile(path, data, 0o600); err != nil {
			return c.complain("%s", vfs.Text(err))
		}
	}
	return 0
}

func systemctl(c *call) int {
	verb, unit := "list-units", ""
	for _, a := range c.args {
		switch {
		case strings.HasPrefix(a, "-"):
		case unit == "" && verb == "list-units":
			verb = a
		default:
			unit = a
		}
	}
	if c.name == "service" && len(c.args) >= 2 {
		unit, verb = c.args[0], c.args[1]
	}
	unit = strings.TrimSuffix(unit, ".service")
	m := c.r.session.machine
	known := map[string]string{"ssh": "sshd", "sshd": "sshd", "cron": "cron", "nginx": "nginx", "dbus": "dbus-daemon", "systemd-journald": "systemd-journal", "systemd-timesyncd": "systemd-timesyn"}
	program, exists := known[unit]
	var running *process
	for _, p := range m.processes() {
		if exists && p.name == program && running == nil {
			running = &p
		}
	}
	switch verb {
	case "status":
		if running == nil {
			c.err.print("Unit " + unit + ".service could not be found.\n")
			return 4
		}
		c.printf("● %s.service - %s\n     Loaded: loaded (/lib/systemd/system/%s.service; enabled; preset: enabled)\n     Active: active (running) since %s; %s ago\n   Main PID: %d (%s)\n      Tasks: 1 (limit: 2306)\n     CGroup: /system.slice/%s.service\n             └─%d %q\n", unit, unit, unit, m.boot.UTC().Format("Mon 2006-01-02 15:04:05 MST"), strings.TrimSpace(upText(m.uptime())), running.pid, running.name, unit, running.pid, running.args)
	case "is-active":
		if running == nil {
			c.print("inactive\n")
			return 3
		}
		c.print("active\n")
	case "start", "stop", "restart", "reload", "enable", "disable", "mask", "unmask":
		switch {
		case c.r.asUser.uid != 0:
			c.err.print("Failed to " + verb + " " + unit + ".service: Interactive authentication required.\nSee system logs and 'systemctl status " + unit + ".service' for details.\n")
			return 1
		case !exists:
			c.err.print("Failed to " + verb + " " + unit + ".service: Unit " + unit + ".service not found.\n")
			return 5
		}
	case "list-units":
		c.print("  UNIT                       LOAD   ACTIVE SUB     DESCRIPTION\n")
		for _, u := range []string{"cron", "dbus", "ssh", "systemd-journald", "systemd-timesyncd"} {
			c.printf("  %-26s loaded active running %s\n", u+".service", u)
		}
	}
	return 0
}

func iptables(c *call) int {
	if c.r.asUser.uid != 0 {
		c.err.print(c.name + " v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n")
		return 4
	}
	if slices.ContainsFunc(c.args, func(a string) bool { return a == "-L" || a == "--list" || strings.HasPrefix(a, "-nL") || a == "-vL" }) {
		for i, chain := range []string{"INPUT", "FORWARD", "OUTPUT"} {
			if i > 0 {
				c.print("\n")
			}
			c.print("Chain " + chain + " (policy ACCEPT)\ntarget     prot opt source               destination         \n")
		}
	}
	if len(c.args) == 0 {
		c.err.print(c.name + " v1.8.9 (nf_tables): no command specified\nTry `" + c.name + " -h' or '" + c.name + " --help' for more information.\n")
		return 2
	}
	return 0
}

// applets are busybox' as Debian builds it.
const applets = "[ [[ acpid adjtimex ar arch arp arping ascii ash awk base64 basename bc blkdiscard blkid blockdev brctl bunzip2 busybox bzcat bzip2 cal cat chgrp chmod chown chroot chvt clear cmp cp cpio crc32 cttyhack cut date dc dd deallocvt depmod devmem df diff dirname dmesg dnsdomainname dos2unix du dumpkmap dumpleases echo egrep env expand expr factor fallocate false fatattr fgrep find findfs fold free freeramdisk fsfreeze fstrim ftpget ftpput getopt getty grep groups gunzip gzip halt head hexdump hostid hostname httpd hwclock i2cdetect id ifconfig ifdown ifup init insmod ionice ip ipcalc kill killall klogd last less link linux32 linux64 linuxrc ln loadfont loadkmap logger login logname logread losetup ls lsmod lsscsi lzcat lzma lzop md5sum mdev microcom mim mkdir mkdosfs mke2fs mkfifo mknod mkpasswd mkswap mktemp modinfo modprobe more mount mt mv nameif nbd-client nc netstat nl nologin nproc nsenter nslookup nuke od openvt partprobe paste patch pidof ping ping6 pivot_root poweroff printf ps pwd rdate readlink realpath reboot renice reset resume rev rm rmdir rmmod route rpm rpm2cpio run-init run-parts sed seq setkeycodes setpriv setsid sh sha1sum sha256sum sha3sum sha512sum shred shuf sleep sort ssl_client start-stop-daemon stat strings stty svc svok swapoff swapon switch_root sync sysctl syslogd tac tail tar taskset tc tee telnet test tftp time timeout top touch tr traceroute traceroute6 true truncate tty ubirename udhcpc udhcpd uevent umount uname uncompress unexpand uniq unix2dos unlink unlzma unshare unxz unzip uptime usleep uudecode uuencode vconfig vi w watch watchdog wc wget which who whoami xargs xxd xz xzcat yes zcat"

func busybox(c *call) int {
	if len(c.args) == 0 || c.args[0] == "--help" {
		c.print("BusyBox v1.35.0 (Debian 1:1.35.0-4+b3) multi-call binary.\nBusyBox is copyrighted by many authors between 1998-2015.\nLicensed under GPLv2. See source distribution for detailed\ncopyright notices.\n\nUsage: busybox [function [arguments]...]\n   or: busybox --list[-full]\n   or: busybox --show SCRIPT\n   or: busybox --install [-s] [DIR]\n   or: function [arguments]...\n\n\tBusyBox is a multi-call binary that combines many common Unix\n\tutilities into a single executable.  Most people will create a\n\tlink to busybox for each function they wish to use and BusyBox\n\twill act like whatever it was invoked as.\n\nCurrently defined functions:\n\t" + wrapped(strings.ReplaceAll(applets, " ", ", "), 70) + "\n\n")
		return 0
	}
	if c.args[0] == "--list" {
		c.print(strings.ReplaceAll(applets, " ", "\n") + "\n")
		return 0
	}
	name := c.args[0]
	program, ok := c.r.session.machine.commands[name]
	if !slices.Contains(strings.Fields(applets), name) {
		c.err.print(name + ": applet not found\n")
		return 127
	}
	if !ok {
		return 0
	}
	c.stop = c.r.invoke(program, c.args, c.io)
	return c.r.state.status
}

func wrapped(s string, width int) string {
	var b strings.Builder
	n := 0
	for word := range strings.SplitSeq(s, " ") {
		if n+len(word)+1 > width && n > 0 {
			b.WriteString("\n\t")
			n = 0
		} else if n > 0 {
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	return b.String()
}
