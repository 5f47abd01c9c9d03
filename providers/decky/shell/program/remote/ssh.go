package remote

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

const sshUsage = `usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]
           [-b bind_address] [-c cipher_spec] [-D [bind_address:]port]
           [-E log_file] [-e escape_char] [-F configfile] [-I pkcs11]
           [-i identity_file] [-J [user@]host[:port]] [-L address]
           [-l login_name] [-m mac_spec] [-O ctl_cmd] [-o option] [-p port]
           [-Q query_option] [-R address] [-S ctl_path] [-W host:port]
           [-w local_tun[:remote_tun]] destination [command [argument ...]]
`

const scpUsage = `usage: scp [-346ABCOpqRrsTv] [-c cipher] [-D sftp_server_path] [-F ssh_config]
           [-i identity_file] [-J destination] [-l limit] [-o ssh_option]
           [-P port] [-S program] [-X sftp_option] source ... target
`

const sftpUsage = `usage: sftp [-46AaCfNpqrv] [-B buffer_size] [-b batchfile] [-c cipher]
          [-D sftp_server_command] [-F ssh_config] [-i identity_file]
          [-J destination] [-l limit] [-o ssh_option] [-P port]
          [-R num_requests] [-S program] [-s subsystem | sftp_server]
          [-X sftp_option] destination
`

// login is one attempt to log in to another host by SSH.
type login struct {
	c          *program.Call
	user, host string
	port       int
	limit      time.Duration
	trusting   bool // StrictHostKeyChecking=no
	batch      bool // never asks
	identity   string
	quiet      bool
}

// letters reads options as OpenSSH does: a bad one is told of without the name
// of the program.
func letters(c *program.Call, shorts, usage string, most int) (f program.Flags, rest []string, ok bool) {
	args := c.Args
	f = program.Flags{Value: map[string]string{}, Count: map[string]int{}}
	for len(args) > 0 {
		a := args[0]
		if len(a) < 2 || a[0] != '-' || a == "--" {
			if rest = append(rest, a); len(rest) == most {
				return f, append(rest, args[1:]...), true
			}
			args = args[1:]
			continue
		}
		args = args[1:]
		for j := 1; j < len(a); j++ {
			at := strings.IndexByte(shorts, a[j])
			if at < 0 || a[j] == ':' {
				c.Err.Print("unknown option -- " + a[j:j+1] + "\r\n" + usage)
				return f, nil, false
			}
			letter, value := a[j:j+1], ""
			if at+1 < len(shorts) && shorts[at+1] == ':' {
				if value = a[j+1:]; value == "" {
					if len(args) == 0 {
						c.Err.Print("option requires an argument -- " + letter + "\r\n" + usage)
						return f, nil, false
					}
					value, args = args[0], args[1:]
				}
				j = len(a)
			}
			f.Value[letter] = value
			f.Count[letter]++
			f.Given = append(f.Given, program.Option{Letter: letter, Value: value})
		}
	}
	return f, rest, true
}

// version is what ssh -V says.
func version(c *program.Call) string {
	return map[string]string{"debian": "OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.15 3 Sep 2024", "debian11": "OpenSSH_8.4p1 Debian-5+deb11u3, OpenSSL 1.1.1w  11 Sep 2023", "ubuntu22": "OpenSSH_8.9p1 Ubuntu-3ubuntu0.10, OpenSSL 3.0.2 15 Mar 2022", "ubuntu20": "OpenSSH_8.2p1 Ubuntu-4ubuntu0.11, OpenSSL 1.1.1f  31 Mar 2020", "centos7": "OpenSSH_7.4p1, OpenSSL 1.0.2k-fips  26 Jan 2017", "rocky9": "OpenSSH_8.7p1, OpenSSL 3.0.7 1 Nov 2022", "fedora": "OpenSSH_9.6p1, OpenSSL 3.2.1 30 Jan 2024", "alpine": "OpenSSH_9.6p1, OpenSSL 3.1.4 24 Oct 2023"}[c.Machine.Release.Slug]
}

func newLogin(c *program.Call, f program.Flags, text, portLetter string) *login {
	l := &login{c: c, port: 22, identity: f.Value["i"], quiet: f.Has("q")}
	text = strings.TrimPrefix(text, "ssh://")
	l.user, l.host = target(text)
	if f.Value["l"] != "" && portLetter == "p" {
		l.user = f.Value["l"]
	}
	if l.user == "" {
		l.user = c.User.Name
	}
	if n, ok := portOf(f.Value[portLetter]); ok {
		l.port = n
	}
	for _, g := range f.Given {
		if g.Letter != "o" {
			continue
		}
		name, value, _ := strings.Cut(strings.ReplaceAll(g.Value, " ", "="), "=")
		switch strings.ToLower(name) {
		case "stricthostkeychecking":
			l.trusting = value == "no" || value == "accept-new" || value == "off"
		case "connecttimeout":
			if n, ok := program.Count(value); ok {
				l.limit = time.Duration(min(n, 3600)) * time.Second
			}
		case "batchmode":
			l.batch = value == "yes"
		case "port":
			if n, ok := portOf(value); ok {
				l.port = n
			}
		case "user":
			l.user = value
		}
	}
	return l
}

func ssh(c *program.Call) int {
	f, rest, ok := letters(c, "1246ab:c:e:fgi:kl:m:no:p:qstvxAB:CD:E:F:GI:J:KL:MNO:P:Q:R:S:TVw:W:XYy", sshUsage, 1)
	switch {
	case !ok:
		return 255
	case f.Has("V"):
		c.Err.Print(version(c) + "\n")
		return 0
	case f.Has("Q"):
		c.Print("ssh-ed25519\nssh-ed25519-cert-v01@openssh.com\necdsa-sha2-nistp256\necdsa-sha2-nistp384\necdsa-sha2-nistp521\nssh-dss\nssh-rsa\n")
		return 0
	case len(rest) == 0:
		c.Err.Print(sshUsage)
		return 255
	}
	if port := f.Value["p"]; port != "" {
		if _, ok := portOf(port); !ok {
			c.Err.Print("Bad port '" + port + "'\n")
			return 255
		}
	}
	l := newLogin(c, f, rest[0], "p")
	c.Kernel.Wanted("connect", "ssh "+strings.Join(c.Args, " "))
	if len(rest) == 1 && c.TTY == "" && !f.Has("T") && !f.Has("N") && !f.Has("q") {
		c.Err.Print("Pseudo-terminal will not be allocated because stdin is not a terminal.\r\n")
	}
	return l.run()
}

// run connects and never gets in.
func (l *login) run() int {
	c := l.c
	say := func(text string) {
		if !l.quiet {
			c.Err.Print(text)
		}
	}
	r, ok := lookup(c, l.host)
	if !ok {
		return 255
	}
	if r.fail != peer.Found {
		c.Err.Print("ssh: Could not resolve hostname " + l.host + ": " + r.fail.Text() + "\r\n")
		return 255
	}
	if !r.connect(c, l.port, l.limit) {
		return 255
	}
	if r.link.Answer != peer.Open {
		c.Err.Print(fmt.Sprintf("ssh: connect to host %s port %d: %s\r\n", l.host, l.port, r.link.Answer.Text()))
		return 255
	}
	if !c.Wait(4 * r.link.RTT) {
		return 255
	}
	if l.port == 80 || l.port == 443 || l.port == 21 || l.port == 23 || l.port == 25 {
		say(fmt.Sprintf("kex_exchange_identification: Connection closed by remote host\r\nConnection closed by %s port %d\r\n", r.addr, l.port))
		return 255
	}
	if !l.hostKey(r, say) {
		return 255
	}
	if l.identity != "" {
		if _, err := c.View().Stat(c.Path(l.identity)); err != nil {
			say("Warning: Identity file " + l.identity + " not accessible: No such file or directory.\r\n")
		}
	}
	for try := range 3 {
		if l.batch {
			break
		}
		if _, ok := ask(c, l.user+"@"+l.host+"'s password: ", "ssh", l.user); !ok {
			break
		}
		if !c.Wait(2*r.link.RTT + time.Duration(peer.Number("refuse/"+r.addr.String(), 1600, 2600))*time.Millisecond) {
			return 255
		}
		if try < 2 {
			c.Err.Print("Permission denied, please try again.\r\n")
		}
	}
	c.Err.Print(l.user + "@" + l.host + ": Permission denied (publickey,password).\r\n")
	return 255
}

// serverKey is the Ed25519 key that a stranger shows, in the wire's form (RFC 8709
// section 4).
func serverKey(r reach) []byte {
	seed := sha256.Sum256([]byte("hostkey/" + r.addr.String()))
	public := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	out := append([]byte{0, 0, 0, 11}, "ssh-ed25519"...)
	return append(append(out, 0, 0, 0, 32), public...)
}

// fingerprint is a key's digest as ssh shows it.
func fingerprint(blob []byte) string {
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// hostKey asks whether to trust the server and remembers that.
func (l *login) hostKey(r reach, say func(string)) bool {
	c := l.c
	file := c.User.Home + "/.ssh/known_hosts"
	shown := l.host
	if l.port != 22 {
		shown = fmt.Sprintf("[%s]:%d", l.host, l.port)
	}
	data, err := c.View().ReadFile(file)
	if err == nil && strings.Contains("\n"+string(data), "\n"+shown+" ") {
		return true
	}
	key := serverKey(r)
	if !l.trusting {
		if c.TTY == "" || l.batch {
			say("Host key verification failed.\r\n")
			return false
		}
		where := shown
		if l.port == 22 {
			where = l.host + " (" + r.addr.String() + ")"
		} else if l.host != r.addr.String() {
			where = shown + " ([" + r.addr.String() + "]:" + fmt.Sprint(l.port) + ")"
		}
		c.Err.Print("The authenticity of host '" + where + "' can't be established.\nED25519 key fingerprint is " + fingerprint(key) + ".\nThis key is not known by any other names.\nAre you sure you want to continue connecting (yes/no/[fingerprint])? ")
		for {
			answer, _, err := program.ReadLine(c.In, '\n', 256)
			if err != nil || answer == "" || answer == "no" || c.Busy() {
				say("Host key verification failed.\r\n")
				return false
			}
			if answer == "yes" || answer == fingerprint(key) {
				break
			}
			c.Err.Print("Please type 'yes', 'no' or the fingerprint: ")
		}
	}
	say("Warning: Permanently added '" + shown + "' (ED25519) to the list of known hosts.\r\n")
	v := c.View()
	if _, err := v.Stat(c.User.Home + "/.ssh"); err != nil {
		// A list that cannot be written is asked for again.
		_ = v.Mkdir(c.User.Home+"/.ssh", 0o700)
	}
	_ = v.WriteFile(file, append(data, shown+" ssh-ed25519 "+base64.StdEncoding.EncodeToString(key)+"\n"...), 0o600)
	return true
}

// scp is scp and sftp.
func scp(c *program.Call) int {
	if c.Name == "scp" && len(c.Args) > 1 && slices.Contains(c.Args, "-t") {
		return sink(c)
	}
	c.Kernel.Wanted("connect", c.Name+" "+strings.Join(c.Args, " "))
	if c.Name == "sftp" {
		f, rest, ok := letters(c, "1246AafhNpqrvCc:D:i:l:o:s:S:b:B:F:J:P:R:X:", sftpUsage, 0)
		if !ok || len(rest) == 0 {
			if ok {
				c.Err.Print(sftpUsage)
			}
			return 1
		}
		host, _, _ := strings.Cut(rest[0], ":")
		status := newLogin(c, f, host, "P").run()
		if c.Stop == nil {
			c.Err.Print("Connection closed\r\n")
		}
		return status
	}
	f, rest, ok := letters(c, "12346ABCTdfOpqRrstvD:F:J:M:P:S:c:i:l:o:X:", scpUsage, 0)
	if !ok || len(rest) < 2 {
		if ok {
			c.Err.Print(scpUsage)
		}
		return 1
	}
	for _, name := range rest {
		if host, _, remote := strings.Cut(name, ":"); remote && !strings.Contains(host, "/") {
			status := newLogin(c, f, host, "P").run()
			if c.Stop == nil {
				c.Err.Print("scp: Connection closed\r\n")
			}
			return status
		}
	}
	words := []string{"cp"}
	if f.Has("r") {
		words = append(words, "-r")
	}
	return c.Run(append(words, rest...), c.Streams)
}
