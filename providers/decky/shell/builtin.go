package shell

import (
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// makeBuiltins are bash's own commands.
func makeBuiltins() map[string]command {
	nothing := func(*call) int { return 0 }
	return map[string]command{
		":": nothing, "true": nothing, "false": func(*call) int { return 1 },
		"echo": echo, "printf": printfCommand, "test": testCommand, "[": testCommand,
		"cd": cd, "pwd": pwd, "exit": exit, "logout": exit, "return": returnCommand, "break": breakCommand, "continue": continueCommand,
		"read": read, "set": set, "unset": unset, "shift": shift, "eval": eval, "source": source, ".": source, "type": typeCommand, "command": commandCommand, "builtin": builtinCommand,
		"exec": execCommand, "trap": trap, "alias": alias, "unalias": unalias, "getopts": getopts, "history": history, "umask": umask, "ulimit": ulimit, "mapfile": mapfile, "readarray": mapfile,
		"export": exportCommand, "kill": kill, "times": times, "jobs": nothing, "wait": waitCommand, "hash": nothing, "shopt": shopt, "pushd": pushd, "popd": popd, "caller": func(*call) int { return 1 }, "disown": nothing, "bind": nothing, "enable": nothing, "fg": noJob, "bg": noJob,
		"dirs": dirs, "help": func(c *call) int { c.print("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\n"); return 0 },
	}
}

// waitCommand is wait: what it waits for has ended long since.
func waitCommand(c *call) int {
	status := 0
	for _, a := range c.args {
		if strings.HasPrefix(a, "-") || strings.HasPrefix(a, "%") {
			continue
		}
		pid, err := strconv.Atoi(a)
		if err != nil {
			return c.shout("`%s': not a pid or valid job spec", a)
		}
		ended, ok := c.r.state.ended[pid]
		if !ok {
			c.shout("pid %d is not a child of this shell", pid)
			ended = 127
		}
		status = ended
	}
	return status
}

func noJob(c *call) int { return c.shout("current: no such job") }

// makePrograms are the programs that are simulated: files that a client can
// find, copy and overwrite.
func makePrograms() map[string]command {
	quiet := func(*call) int { return 0 }
	programs := map[string]command{
		"pwd": pwd, "kill": kill, "cat": cat, "head": head, "tail": tail, "wc": wc, "cut": cut, "tr": tr, "uniq": uniq, "sort": sortCommand, "base64": base64Command, "grep": grep, "egrep": grep, "fgrep": grep, "zgrep": grep,
		"sed": sed, "awk": awk, "mawk": awk, "gawk": awk, "mkdir": mkdir, "rm": rm, "unlink": rm, "rmdir": rmdir, "cp": cp, "mv": mv, "ln": ln, "chmod": chmod, "chown": chown, "chgrp": chown, "touch": touch, "stat": stat, "ls": ls, "dir": ls, "vdir": ls,
		"id": id, "whoami": whoami, "groups": groupsCommand, "hostname": hostname, "uname": uname, "uptime": uptime, "w": w, "who": who, "last": last, "ps": ps, "top": top, "free": free, "df": df, "mount": mount, "env": env, "printenv": printenv,
		"date": date, "sleep": sleep, "pkill": pkill, "killall": pkill, "pgrep": pkill, "pidof": pkill, "lscpu": lscpu, "nproc": nproc, "lsblk": lsblk, "which": which, "wget": wget, "curl": curl, "ftp": client, "tftp": client, "telnet": client,
		"nc": client, "netcat": client, "ssh": client, "scp": client, "sftp": client, "ftpget": client, "nslookup": client, "dig": client, "host": client, "ping": ping, "ping6": ping, "traceroute": client, "ifconfig": ifconfig, "ip": ip, "route": route, "arp": arp,
		"netstat": netstat, "ss": ss, "apt": apt, "apt-get": apt, "sudo": sudo, "su": su, "passwd": passwdCommand, "chpasswd": chpasswd, "useradd": useradd, "adduser": useradd, "crontab": crontab, "systemctl": systemctl, "service": systemctl,
		"iptables": iptables, "ip6tables": iptables, "busybox": busybox, "sh": shellCommand, "bash": shellCommand, "dash": shellCommand, "rbash": shellCommand, "ash": shellCommand, "seq": seq, "basename": basename, "dirname": dirname, "expr": expr, "xargs": xargs, "tee": tee,
		"rev": eachLine(reversed), "tac": tac, "nl": nl, "od": od, "hexdump": od, "xxd": xxd, "paste": paste, "yes": yes, "dd": dd, "mktemp": mktemp, "readlink": readlink, "realpath": readlink, "find": find, "du": du,
		"nohup": wrapper(0), "nice": wrapper(0), "setsid": wrapper(0), "ionice": wrapper(0), "timeout": timeout, "chroot": wrapper(1), "file": fileCommand, "tty": tty, "more": cat, "less": cat, "zcat": cat,
		"arch": func(c *call) int { c.print(c.r.session.machine.host.Machine + "\n"); return 0 }, "clear": said("\x1b[H\x1b[2J\x1b[3J", 0), "reset": said("\x1bc", 0), "dmesg": dmesg, "sync": quiet, "stty": quiet, "tput": quiet, "logger": quiet, "ldconfig": quiet,
		"lsmod": said("Module                  Size  Used by\nnf_tables             303104  0\nvirtio_net             73728  0\next4                  983040  1\n", 0), "lspci": said("00:00.0 Host bridge: Intel Corporation 440FX - 82441FX PMC [Natoma] (rev 02)\n00:02.0 VGA compatible controller: Device 1234:1111 (rev 02)\n", 0),
		"reboot": said("Failed to connect to bus: No such file or directory\nFailed to talk to init daemon.\n", 1), "shutdown": said("Failed to connect to bus: No such file or directory\n", 1), "halt": said("Failed to talk to init daemon.\n", 1), "poweroff": said("Failed to talk to init daemon.\n", 1),
		"locale": said("LANG=en_US.UTF-8\nLANGUAGE=\nLC_ALL=\n", 0), "runlevel": said("N 5\n", 0), "perl": quiet, "python3": quiet,
	}
	for name, make := range digests {
		programs[name] = digest(make)
	}
	for _, name := range []string{"true", "false", "echo", "printf", "test", "["} {
		programs[name] = makeBuiltins()[name]
	}
	return programs
}

func dmesg(c *call) int {
	if c.r.asUser.uid != 0 {
		c.err.print("dmesg: read kernel buffer failed: Operation not permitted\n")
		return 1
	}
	m := c.r.session.machine
	c.print("[    0.000000] Linux version " + m.host.Kernel + " (debian-kernel@lists.debian.org) " + m.host.Build + "\n[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz-" + m.host.Kernel + " ro quiet\n")
	return 0
}

func cd(c *call) int {
	args := c.args
	if len(args) > 0 && (args[0] == "--" || args[0] == "-P" || args[0] == "-L") {
		args = args[1:]
	}
	if len(args) > 1 {
		return c.shout("too many arguments")
	}
	dir, show := "", false
	switch {
	case len(args) == 0:
		home, ok := c.r.state.get("HOME")
		if !ok {
			return c.shout("HOME not set")
		}
		dir = home
	case args[0] == "-":
		old, ok := c.r.state.get("OLDPWD")
		if !ok {
			return c.shout("OLDPWD not set")
		}
		dir, show = old, true
	default:
		dir = args[0]
	}
	if dir == "" {
		return 0
	}
	view := c.view()
	path := lexical(vfs.Clean(c.r.state.cwd, dir))
	info, err := view.Stat(path)
	switch {
	case err != nil:
		return c.shout("%s: %s", dir, vfs.Text(err))
	case !info.IsDir():
		return c.shout("%s: Not a directory", dir)
	case view.Access(path, 1) != nil:
		return c.shout("%s: Permission denied", dir)
	}
	c.r.state.set("OLDPWD", c.r.state.cwd)
	c.r.state.cwd = path
	c.r.state.set("PWD", path)
	if show {
		c.print(path + "\n")
	}
	return 0
}

// lexical resolves "." and ".." by name, as cd does.
func lexical(path string) string {
	var out []string
	for s := range strings.SplitSeq(path, "/") {
		switch s {
		case "", ".":
		case "..":
			out = out[:max(len(out)-1, 0)]
		default:
			out = append(out, s)
		}
	}
	return "/" + strings.Join(out, "/")
}

func pwd(c *call) int {
	path := c.r.state.cwd
	if len(c.args) > 0 && c.args[0] == "-P" {
		if resolved, err := c.view().Resolve(path); err == nil {
			path = resolved
		}
	}
	c.print(path + "\n")
	return 0
}

func exit(c *call) int {
	status := c.r.state.status
	if len(c.args) > 0 {
		n, err := strconv.Atoi(c.args[0])
		if err != nil {
			c.shout("%s: numeric argument required", c.args[0])
			n = 2
		} else if len(c.args) > 1 {
			return c.shout("too many arguments")
		}
		status = n & 0xff
	}
	if c.r.session.options.TTY != "" && c.r.state.subshell == 0 {
		c.err.print("logout\n")
	}
	c.stop = exitError(status)
	return status
}

func returnCommand(c *call) int {
	status := c.r.state.status
	if len(c.args) > 0 {
		n, err := strconv.Atoi(c.args[0])
		if err != nil {
			c.shout("%s: numeric argument required", c.args[0])
			n = 2
		}
		status = n & 0xff
	}
	if len(c.r.state.running) == 0 && c.r.sourcing == 0 {
		c.shout("can only `return' from a function or sourced script")
		return 2
	}
	c.stop = returnError(status)
	return status
}

func (c *call) levels() (int, bool) {
	if len(c.args) == 0 {
		return 1, true
	}
	n, err := strconv.Atoi(c.args[0])
	if err != nil || n < 1 {
		c.shout("%s: numeric argument required", c.args[0])
		return 1, false
	}
	return n, true
}

func breakCommand(c *call) int {
	if c.r.loops == 0 {
		c.shout("only meaningful in a `for', `while', or `until' loop")
		return 0
	}
	n, _ := c.levels()
	c.stop = breakError(n)
	return 0
}

func continueCommand(c *call) int {
	if c.r.loops == 0 {
		c.shout("only meaningful in a `for', `while', or `until' loop")
		return 0
	}
	n, _ := c.levels()
	c.stop = nextError(n)
	return 0
}

// wait sleeps unless the client leaves or interrupts.
func (c *call) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.r.ctx.Done():
		c.stop = errInterrupted
		return false
	}
}

// dial records a target of /dev/tcp and fails as a filtered network does.
func (r *runner) dial(path string) error {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 4 {
		return errUnreachable
	}
	r.wanted("connect", parts[2]+":"+parts[3])
	return errUnreachable
}
