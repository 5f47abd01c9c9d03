package remote

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func copyID(c *program.Call) int {
	f, rest, ok := c.Parse("fni:p:F:o:sh?", "")
	if !ok || len(rest) == 0 {
		c.Err.Print("Usage: /usr/bin/ssh-copy-id [-h|-?|-f|-n|-s] [-i [identity_file]] [-p port] [-F alternative ssh_config file] [[-o <ssh -o options>] ...] [user@]hostname\n\t-f: force mode -- copy keys without trying to check if they are already installed\n\t-n: dry run    -- no keys are actually copied\n\t-s: use sftp   -- use sftp instead of executing remote-commands. Can be useful if the remote only allows sftp\n\t-h|-?: print this help\n")
		return 1
	}
	key := ""
	for _, name := range []string{"id_rsa", "id_ecdsa", "id_ed25519"} {
		if _, err := c.View().Stat(c.User.Home + "/.ssh/" + name + ".pub"); err == nil {
			key = c.User.Home + "/.ssh/" + name + ".pub"
		}
	}
	if f.Has("i") {
		key = strings.TrimSuffix(f.Value["i"], ".pub") + ".pub"
		if _, err := c.View().Stat(c.Path(key)); err != nil {
			c.Err.Print("/usr/bin/ssh-copy-id: ERROR: failed to open ID file '" + key + "': " + vfs.Text(err) + "\n")
			return 1
		}
	}
	if key == "" {
		c.Err.Print("/usr/bin/ssh-copy-id: ERROR: No identities found\n")
		return 1
	}
	c.Kernel.Wanted("connect", "ssh-copy-id "+rest[0])
	c.Err.Print("/usr/bin/ssh-copy-id: INFO: Source of key(s) to be installed: \"" + key + "\"\n/usr/bin/ssh-copy-id: INFO: attempting to log in with the new key(s), to filter out any that are already installed\n/usr/bin/ssh-copy-id: INFO: 1 key(s) remain to be installed -- if you are prompted now it is to install the new keys\n")
	newLogin(c, f, rest[0], "p").run()
	return 1
}

func add(c *program.Call) int {
	if socket, _ := c.Getenv("SSH_AUTH_SOCK"); socket == "" {
		c.Err.Print("Could not open a connection to your authentication agent.\n")
		return 2
	}
	if _, err := c.View().Stat(c.Path("/tmp")); err == nil && len(c.Args) > 0 && (c.Args[0] == "-l" || c.Args[0] == "-L") {
		c.Print("The agent has no identities.\n")
		return 1
	}
	if len(c.Args) > 0 && c.Args[0] == "-D" {
		c.Err.Print("All identities removed.\n")
		return 0
	}
	var names []string
	for _, a := range c.Args {
		if !strings.HasPrefix(a, "-") {
			names = append(names, a)
		}
	}
	if len(names) == 0 {
		for _, name := range []string{"id_rsa", "id_ecdsa", "id_ed25519"} {
			if _, err := c.View().Stat(c.User.Home + "/.ssh/" + name); err == nil {
				names = append(names, c.User.Home+"/.ssh/"+name)
			}
		}
	}
	status := 1
	for _, name := range names {
		if _, err := c.View().ReadFile(c.Path(name)); err != nil {
			c.Err.Print(name + ": " + vfs.Text(err) + "\n")
			continue
		}
		status = 0
		c.Err.Print("Identity added: " + name + " (" + c.User.Name + "@" + c.Machine.Host.Hostname + ")\n")
	}
	return status
}

func agent(c *program.Call) int {
	f, rest, ok := letters(c, "cdDksE:a:O:P:t:", "usage: ssh-agent [-c | -s] [-Dd] [-a bind_address] [-E fingerprint_hash]\n                 [-O option] [-P allowed_providers] [-t life]\n       ssh-agent [-a bind_address] [-E fingerprint_hash] [-O option]\n                 [-P allowed_providers] [-t life] command [arg ...]\n       ssh-agent [-c | -s] -k\n", 1)
	if !ok {
		return 1
	}
	if len(rest) > 0 {
		return c.Run(rest, c.Streams)
	}
	if f.Has("k") {
		pid, _ := c.Getenv("SSH_AGENT_PID")
		if pid == "" {
			c.Err.Print("SSH_AGENT_PID not set, cannot kill agent\n")
			return 1
		}
		c.Print("unset SSH_AUTH_SOCK;\nunset SSH_AGENT_PID;\necho Agent pid " + pid + " killed;\n")
		return 0
	}
	pid := c.Machine.NextPID()
	socket := fmt.Sprintf("/tmp/ssh-%s/agent.%d", token(c, pid), pid-1)
	if f.Has("a") {
		socket = f.Value["a"]
	}
	if f.Has("c") {
		c.Printf("setenv SSH_AUTH_SOCK %s;\nsetenv SSH_AGENT_PID %d;\necho Agent pid %d;\n", socket, pid, pid)
		return 0
	}
	c.Printf("SSH_AUTH_SOCK=%s; export SSH_AUTH_SOCK;\nSSH_AGENT_PID=%d; export SSH_AGENT_PID;\necho Agent pid %d;\n", socket, pid, pid)
	return 0
}

// token is the end of a temporary name.
func token(c *program.Call, pid int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	out := make([]byte, 12)
	n := uint64(c.Machine.Number(fmt.Sprint("token/", pid), 0, 1<<62))
	for i := range out {
		out[i] = letters[n%62]
		n = n/62 + n<<7
	}
	return string(out)
}

// rsync copies nothing over the network; between directories it is cp.
func rsync(c *program.Call) int {
	f, rest, ok := rsyncOptions(c)
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Print("rsync  version 3.2.7  protocol version 31\nCopyright (C) 1996-2022 by Andrew Tridgell, Wayne Davison, and others.\nWeb site: https://rsync.samba.org/\n")
		return 0
	case len(rest) == 0:
		c.Print("rsync  version 3.2.7  protocol version 31\nCopyright (C) 1996-2022 by Andrew Tridgell, Wayne Davison, and others.\nWeb site: https://rsync.samba.org/\n\nrsync is a file transfer program capable of efficient remote update\nvia a fast differencing algorithm.\n\nUsage: rsync [OPTION]... SRC [SRC]... DEST\n  or   rsync [OPTION]... SRC [SRC]... [USER@]HOST:DEST\n  or   rsync [OPTION]... [USER@]HOST:SRC [DEST]\n")
		c.Err.Print("rsync error: syntax or usage error (code 1) at main.c(1795) [client=3.2.7]\n")
		return 1
	}
	for i, name := range rest {
		host, _, remote := strings.Cut(strings.TrimPrefix(name, "rsync://"), ":")
		if daemon := strings.HasPrefix(name, "rsync://"); !daemon && (!remote || strings.Contains(host, "/")) {
			continue
		}
		host, _, _ = strings.Cut(host, "/")
		c.Kernel.Wanted("connect", "rsync "+strings.Join(c.Args, " "))
		if strings.Contains(name, "::") || strings.HasPrefix(name, "rsync://") {
			return rsyncDaemon(c, host)
		}
		newLogin(c, program.Flags{Value: map[string]string{}, Count: map[string]int{}}, host, "p").run()
		side := "sender"
		if i == 0 {
			side = "Receiver"
		}
		if c.Stop == nil {
			c.Err.Print("rsync: connection unexpectedly closed (0 bytes received so far) [" + side + "]\nrsync error: unexplained error (code 255) at io.c(231) [" + side + "=3.2.7]\n")
		}
		return 255
	}
	if len(rest) == 1 {
		return c.Run([]string{"ls", "-l", rest[0]}, c.Streams)
	}
	return c.Run(append([]string{"cp", "-a"}, rest...), c.Streams)
}

func rsyncOptions(c *program.Call) (f program.Flags, rest []string, ok bool) {
	f = program.Flags{Value: map[string]string{}, Count: map[string]int{}}
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case a == "--version" || a == "-V":
			f.Count["V"]++
		case strings.HasPrefix(a, "--") && !rsyncKnows(a[2:]):
			c.Err.Print("rsync: " + a + ": unknown option\nrsync error: syntax or usage error (code 1) at main.c(1795) [client=3.2.7]\n")
			return f, nil, false
		case a == "-e" || a == "--rsh" || a == "-f" || a == "-B" || a == "-T" || a == "-M":
			i++
		case strings.HasPrefix(a, "-"):
		default:
			rest = append(rest, a)
		}
	}
	return f, rest, true
}

// rsyncLong are the starts of rsync's long options.
const rsyncLong = "verbose info debug stderr quiet no- checksum archive recursive inc- relative implied- backup suffix update inplace append dirs old- mkpath links copy- safe- munge- keep- hard- perms executability chmod acls xattrs owner group devices specials times atimes open- crtimes omit- super fake- sparse preallocate dry- whole- block- one- existing ignore- remove- del max- min- force partial delay- prune- numeric- usermap groupmap chown timeout contimeout size- modify- temp- fuzzy compare- link- compress zc skip- cvs- filter exclude include files- from0 secluded- protect- trust- address port sockopts blocking- outbuf stats 8-bit- human- progress itemize- remote- log- password- early- list- bwlimit stop- fsync write- only- read- protocol iconv ipv4 ipv6 rsync- rsh help version"

func rsyncKnows(option string) bool {
	for name := range strings.FieldsSeq(rsyncLong) {
		if strings.HasPrefix(option, name) {
			return true
		}
	}
	return false
}

func rsyncDaemon(c *program.Call, host string) int {
	_, host = target(host)
	r, ok := lookup(c, host)
	if !ok {
		return 20
	}
	if r.fail != 0 {
		c.Err.Print("rsync: getaddrinfo: " + host + " 873: " + r.fail.Text() + "\nrsync error: error in socket IO (code 10) at clientserver.c(139) [Receiver=3.2.7]\n")
		return 10
	}
	if !r.connect(c, 873, 0) {
		return 20
	}
	text := r.link.Answer.Text()
	if text == "" {
		text = "Connection refused"
	}
	c.Err.Print("rsync: [Receiver] failed to connect to " + host + " (" + r.addr.String() + "): " + text + fmt.Sprintf(" (%d)\n", map[string]int{"Connection refused": 111, "Connection timed out": 110, "No route to host": 113, "Network is unreachable": 101}[text]) + "rsync error: error in socket IO (code 10) at clientserver.c(139) [Receiver=3.2.7]\n")
	return 10
}
