package remote

import (
	"net/netip"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
	"github.com/decnet/decnet/schema/event"
)

// reach is an attempt to connect to a host by its name.
type reach struct {
	name    string
	numeric bool
	addr    netip.Addr
	fail    peer.Failure
	link    peer.Link
}

// lookup resolves a name in the time that it takes.
func lookup(c *program.Call, name string) (r reach, ok bool) {
	w := peer.Of(c.Machine)
	r.name = name
	_, r.numeric = peer.Numeric(name)
	r.addr, r.fail = w.Lookup(name)
	if r.numeric || r.addr.IsLoopback() {
		return r, true
	}
	return r, c.Wait(time.Duration(c.Machine.Number("resolve/"+name, 4, 60)) * time.Millisecond)
}

// connect waits for the answer of a port, at most limit where that is not 0.
func (r *reach) connect(c *program.Call, port int, limit time.Duration) bool {
	r.link = peer.Of(c.Machine).Connect(r.addr, port)
	wait := r.link.Delay
	if limit > 0 && wait > limit {
		wait, r.link.Answer = limit, peer.Silent
	}
	return c.Wait(wait)
}

// ports are numbers of services by name.
var ports = map[string]int{"ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "tftp": 69, "http": 80, "pop3": 110, "imap": 143, "https": 443, "mysql": 3306, "postgresql": 5432, "redis": 6379}

// portOf reads a port's number or name.
func portOf(text string) (int, bool) {
	if n, ok := ports[text]; ok {
		return n, true
	}
	n, ok := program.Count(text)
	return int(n), ok && n >= 1 && n <= 65535
}

// nameOf is the name of a port's service, "" for none.
func nameOf(port int) string {
	for name, n := range ports {
		if n == port {
			return name
		}
	}
	return ""
}

// ask prompts for a secret of an account elsewhere and records it; ok is false
// where there is no terminal.
func ask(c *program.Call, prompt, method, user string) (secret string, ok bool) {
	if c.TTY == "" {
		return "", false
	}
	c.Err.Print(prompt)
	secret, eof, err := program.ReadLine(c.In, '\n', 512)
	if err != nil || eof && secret == "" {
		return "", false
	}
	body := &event.AuthAttempt{Method: method, Username: event.Text(user).Clip(256), Secret: event.Text(secret), SecretKind: "plaintext"}
	if c.Stop = c.Kernel.Record(body); c.Stop != nil {
		return "", false
	}
	c.Err.Print("\n")
	return secret, true
}

// drain reads what a client would send; so that the input is used up.
func drain(c *program.Call) []byte {
	if c.In == nil {
		return nil
	}
	data, err := c.ReadAll(c.In)
	if err != nil {
		return nil
	}
	return data
}

// greeting is what a server says at once on a port.
func greeting(r reach, port int) string {
	host := r.addr.String()
	pick := func(list ...string) string { return list[peer.Number("greeting/"+host, 0, int64(len(list)-1))] }
	switch port {
	case 22:
		return pick("SSH-2.0-OpenSSH_8.2p1 Ubuntu-4ubuntu0.11\r\n", "SSH-2.0-OpenSSH_7.4\r\n", "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10\r\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
	case 21:
		return pick("220 (vsFTPd 3.0.3)\r\n", "220 (vsFTPd 3.0.5)\r\n", "220 ProFTPD Server ready.\r\n")
	case 25, 587:
		return "220 " + host + " ESMTP Postfix\r\n"
	}
	return ""
}

// target splits user@host.
func target(text string) (user, host string) {
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		return text[:at], text[at+1:]
	}
	return "", text
}
