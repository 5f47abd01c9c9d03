package program

import (
	"maps"
	"slices"
	"sync"
)

// table are the programs that are simulated, by name: files that a client can
// find, copy and overwrite.
func table() map[string]Func {
	made.Do(func() { programs = makeTable() })
	return programs
}

var (
	made     sync.Once
	programs map[string]Func
)

func makeTable() map[string]Func {
	quiet := func(*Call) int { return 0 }
	programs := map[string]Func{
		"kill": Kill, "echo": Echo, "printf": Printf, "true": quiet, "false": func(*Call) int { return 1 }, "pwd": pwd, "cat": cat, "head": head, "tail": tail, "wc": wc, "cut": cut, "tr": tr, "uniq": uniq, "sort": sortCommand, "base64": base64Command, "grep": grep, "egrep": grep, "fgrep": grep, "zgrep": grep,
		"sed": sed, "awk": awk, "mawk": awk, "gawk": awk, "mkdir": mkdir, "rm": rm, "unlink": rm, "rmdir": rmdir, "cp": cp, "mv": mv, "ln": ln, "chmod": chmod, "chown": chown, "chgrp": chown, "touch": touch, "stat": stat, "ls": ls, "dir": ls, "vdir": ls,
		"id": id, "whoami": whoami, "groups": groupsCommand, "hostname": hostname, "uname": uname, "uptime": uptime, "w": w, "who": who, "last": last, "ps": ps, "top": top, "free": free, "df": df, "mount": mount, "env": env, "printenv": printenv,
		"date": date, "sleep": sleep, "pkill": pkill, "killall": pkill, "pgrep": pkill, "pidof": pkill, "lscpu": lscpu, "nproc": nproc, "lsblk": lsblk, "which": which, "wget": wget, "curl": curl, "ftp": client, "tftp": client, "telnet": client,
		"nc": client, "netcat": client, "ssh": client, "scp": client, "sftp": client, "ftpget": client, "nslookup": client, "dig": client, "host": client, "ping": ping, "ping6": ping, "traceroute": client, "ifconfig": ifconfig, "ip": ip, "route": route, "arp": arp,
		"netstat": netstat, "ss": ss, "apt": apt, "apt-get": apt, "sudo": sudo, "su": su, "passwd": passwdCommand, "chpasswd": chpasswd, "useradd": useradd, "adduser": useradd, "crontab": crontab, "systemctl": systemctl, "service": systemctl,
		"iptables": iptables, "ip6tables": iptables, "busybox": busybox, "sh": shellCommand, "bash": shellCommand, "dash": shellCommand, "rbash": shellCommand, "ash": shellCommand, "seq": seq, "basename": basename, "dirname": dirname, "expr": expr, "xargs": xargs, "tee": tee,
		"rev": eachLine(reversed), "tac": tac, "nl": nl, "od": od, "hexdump": od, "xxd": xxd, "paste": paste, "yes": yes, "dd": dd, "mktemp": mktemp, "readlink": readlink, "realpath": readlink, "find": find, "du": du,
		"nohup": wrapper(0), "nice": wrapper(0), "setsid": wrapper(0), "ionice": wrapper(0), "timeout": timeout, "chroot": wrapper(1), "file": fileCommand, "tty": tty, "more": cat, "less": cat, "zcat": cat,
		"arch": func(c *Call) int { c.Print(c.Machine.Host.Machine + "\n"); return 0 }, "clear": said("\x1b[H\x1b[2J\x1b[3J", 0), "reset": said("\x1bc", 0), "dmesg": dmesg, "sync": quiet, "stty": quiet, "tput": quiet, "logger": quiet, "ldconfig": quiet,
		"lsmod": said("Module                  Size  Used by\nnf_tables             303104  0\nvirtio_net             73728  0\next4                  983040  1\n", 0), "lspci": said("00:00.0 Host bridge: Intel Corporation 440FX - 82441FX PMC [Natoma] (rev 02)\n00:02.0 VGA compatible controller: Device 1234:1111 (rev 02)\n", 0),
		"reboot": said("Failed to connect to bus: No such file or directory\nFailed to talk to init daemon.\n", 1), "shutdown": said("Failed to connect to bus: No such file or directory\n", 1), "halt": said("Failed to talk to init daemon.\n", 1), "poweroff": said("Failed to talk to init daemon.\n", 1),
		"locale": said("LANG=en_US.UTF-8\nLANGUAGE=\nLC_ALL=\n", 0), "runlevel": said("N 5\n", 0), "perl": quiet, "python3": quiet,
	}
	for name, make := range digests {
		programs[name] = digest(make)
	}
	return programs
}

// Find is the program of a name.
func Find(name string) (Func, bool) {
	f, ok := table()[name]
	return f, ok
}

// Names are the names of all programs, sorted.
func Names() []string { return slices.Sorted(maps.Keys(table())) }

func dmesg(c *Call) int {
	if c.User.UID != 0 {
		c.Err.Print("dmesg: read kernel buffer failed: Operation not permitted\n")
		return 1
	}
	m := c.Machine
	c.Print("[    0.000000] Linux version " + m.Host.Kernel + " (debian-kernel@lists.debian.org) " + m.Host.Build + "\n[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz-" + m.Host.Kernel + " ro quiet\n")
	return 0
}

// pwd is the working directory.
func pwd(c *Call) int {
	path := c.Cwd
	if resolved, err := c.View().Resolve(path); err == nil {
		path = resolved
	}
	c.Print(path + "\n")
	return 0
}
