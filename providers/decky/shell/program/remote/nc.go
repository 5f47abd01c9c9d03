package remote

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

// traditionalHelp is the usage of netcat 1.10 in words of ours.
const traditionalHelp = "[v1.10-47]\nconnect to somewhere:\tnc [-options] hostname port[s] [ports] ... \nlisten for inbound:\tnc -l -p port [-options] [hostname] [port]\noptions:\n\t-c shell commands\tas `-e'; use /bin/sh to exec [dangerous!!]\n\t-e filename\t\tprogram to exec after connect [dangerous!!]\n\t-h\t\t\tthis cruft\n\t-i secs\t\t\tdelay interval for lines sent, ports scanned\n\t-l\t\t\tlisten mode, for inbound connects\n\t-n\t\t\tnumeric-only IP addresses, no DNS\n\t-p port\t\t\tlocal port number\n\t-q secs\t\t\tquit after EOF on stdin and delay of secs\n\t-u\t\t\tUDP mode\n\t-v\t\t\tverbose [use twice to be more verbose]\n\t-w secs\t\t\ttimeout for connects and final net reads\n\t-z\t\t\tzero-I/O mode [used for scanning]\nport numbers can be individual or ranges: lo-hi [inclusive];\nhyphens in port names must be backslash escaped (e.g. 'ftp\\-data').\n"

const openbsdUsage = "usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]\n\t  [-m minttl] [-O length] [-P proxy_username] [-p source_port]\n\t  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]\n\t  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]\n\t  [destination] [port]\n"

// ncCall is one call of any netcat.
type ncCall struct {
	c     *program.Call
	f     program.Flags
	style int // of words
	name  string
}

// Styles of netcat.
const (
	traditional = iota
	openbsd
	busybox
)

func netcat(c *program.Call) int {
	n := &ncCall{c: c, name: c.Name}
	shorts := "bc:e:g:G:hi:klno:p:rq:s:T:tuvw:Cz"
	switch {
	case c.Applet:
		n.style, shorts = busybox, "lp:w:i:f:e:nuvzs:"
	case c.Name == "nc.openbsd" || c.Name != "nc.traditional" && n.modern():
		n.style, shorts = openbsd, "46bCDdFhI:i:klM:m:NnO:P:p:q:rSs:tT:UuV:vW:w:X:x:Zz"
		c.Hint = openbsdUsage
	default:
		c.Hint = "nc -h for help\n"
	}
	f, rest, ok := c.Parse(shorts, "")
	if n.f = f; !ok {
		return 1
	}
	switch {
	case f.Has("h") && n.style == openbsd:
		c.Err.Print("OpenBSD netcat (Debian patchlevel 1.219-1)\n" + openbsdUsage)
		return 0
	case f.Has("h"):
		c.Err.Print(traditionalHelp)
		return 0
	case f.Has("l"):
		return n.listen(rest)
	case len(rest) == 0:
		return n.empty()
	case len(rest) == 1 && n.style == traditional:
		c.Err.Print("no port[s] to connect to\n")
		return 1
	case len(rest) == 1 && n.style == openbsd:
		return c.Complain("missing port number")
	case len(rest) == 1:
		c.Err.Print("nc: missing operand\n")
		return 1
	}
	return n.to(rest[0], rest[1:])
}

// modern tells that the distribution's nc is OpenBSD's.
func (n *ncCall) modern() bool {
	path, err := n.c.View().Resolve("/usr/bin/nc")
	if err != nil {
		return strings.HasPrefix(n.c.Machine.Release.Slug, "ubuntu")
	}
	return strings.HasSuffix(path, "openbsd") || !strings.HasSuffix(path, "traditional") && n.c.Machine.Release.Family != "debian"
}

func (n *ncCall) empty() int {
	switch n.style {
	case openbsd:
		n.c.Err.Print(openbsdUsage)
	case busybox:
		n.c.Err.Print("nc: missing operand\n")
	default:
		n.c.Err.Print("Cmd line: ")
		if n.c.In != nil {
			if line, _, _ := program.ReadLine(n.c.In, '\n', 1024); line != "" {
				words := strings.Fields(line)
				if len(words) > 1 {
					return n.to(words[0], words[1:])
				}
			}
		}
		n.c.Err.Print("wrong\n")
	}
	return 1
}

// listen waits for somebody who never comes.
func (n *ncCall) listen(rest []string) int {
	c := n.c
	port := n.f.Value["p"]
	if len(rest) > 0 && n.style != traditional {
		port = rest[len(rest)-1]
	}
	c.Kernel.Wanted("listen", "nc "+strings.Join(c.Args, " "))
	number, ok := portOf(port)
	if !ok {
		if n.style == openbsd {
			c.Err.Print(openbsdUsage)
			return 1
		}
		number = 30000 + c.PID%9000
	}
	if number < 1024 && c.User.UID != 0 {
		if n.style == traditional {
			c.Err.Print(fmt.Sprintf("Can't grab 0.0.0.0:%d with bind : Permission denied\n", number))
			return 1
		}
		return c.Complain("Permission denied")
	}
	for _, l := range c.Machine.Listening() {
		if l.Port == number && l.Transport == "tcp" {
			if n.style == traditional {
				c.Err.Print(fmt.Sprintf("Can't grab 0.0.0.0:%d with bind : Address already in use\n", number))
				return 1
			}
			return c.Complain("Address already in use")
		}
	}
	if n.f.Has("v") {
		c.Err.Print(map[int]string{traditional: fmt.Sprintf("listening on [any] %d ...\n", number), openbsd: fmt.Sprintf("Listening on 0.0.0.0 %d\n", number), busybox: ""}[n.style])
	}
	c.Wait(c.Kernel.Time())
	return 1
}

// to connects to the ports of a host.
func (n *ncCall) to(host string, list []string) int {
	c := n.c
	c.Kernel.Wanted("connect", "nc "+host+" "+strings.Join(list, " "))
	if program := n.f.Value["e"] + n.f.Value["c"]; program != "" {
		c.Kernel.Wanted("connect", "nc -e "+program+" "+host+" "+strings.Join(list, " "))
	}
	var numbers []int
	for _, text := range list {
		low, high, ranged := strings.Cut(text, "-")
		from, ok := portOf(low)
		to := from
		if ranged {
			to, _ = portOf(high)
		}
		if !ok {
			switch n.style {
			case openbsd:
				return c.Complain("port number invalid: %s", text)
			case busybox:
				return c.Complain("invalid number '%s'", text)
			}
			c.Err.Print("invalid port " + text + "\n")
			return 1
		}
		for p := from; p <= to && len(numbers) < 1024; p++ {
			numbers = append(numbers, p)
		}
	}
	r, ok := lookup(c, host)
	if !ok {
		return 1
	}
	if r.fail != peer.Found {
		switch n.style {
		case openbsd:
			return c.Complain("getaddrinfo for host \"%s\" port %s: %s", host, list[0], r.fail.Text())
		case busybox:
			return c.Complain("bad address '%s'", host)
		}
		c.Err.Print(host + ": forward host lookup failed: Unknown host\n")
		return 1
	}
	status := 1
	for _, p := range numbers {
		if c.Busy() {
			return 1
		}
		if n.port(r, p) {
			status = 0
		}
		if c.Stop != nil {
			return 1
		}
	}
	return status
}

// port tries one port and tells whether somebody answered.
func (n *ncCall) port(r reach, port int) bool {
	c := n.c
	if n.f.Has("u") {
		if data := drain(c); len(data) > 0 && !n.f.Has("z") {
			c.Wait(time.Second)
		}
		return true
	}
	limit := time.Duration(0)
	if s, ok := program.Count(n.f.Value["w"]); ok && s > 0 {
		limit = time.Duration(min(s, 3600)) * time.Second
	}
	if !r.connect(c, port, limit) {
		return false
	}
	service := nameOf(port)
	known := service
	if known == "" {
		known = "?"
	}
	where := "(UNKNOWN)"
	if !r.numeric {
		where = r.name
	} else if name := peer.Of(c.Machine).Reverse(r.addr); name != "" && n.f.Has("v") && !n.f.Has("n") {
		where = name
	}
	verbose := n.f.Has("v")
	if r.link.Answer != peer.Open {
		switch text := r.link.Answer.Text(); {
		case n.style == traditional && (verbose || !n.f.Has("z")):
			c.Err.Print(fmt.Sprintf("%s [%s] %d (%s) : %s\n", where, r.addr, port, known, text))
		case n.style == openbsd && verbose && limit > 0 && r.link.Answer == peer.Silent:
			c.Complain("connect to %s port %d (tcp) timed out: Operation now in progress", n.shown(r), port)
		case n.style == openbsd && verbose:
			c.Complain("connect to %s port %d (tcp) failed: %s", n.shown(r), port, text)
		case n.style == busybox && limit > 0 && r.link.Answer == peer.Silent:
			c.Complain("timed out")
		case n.style == busybox:
			c.Complain("can't connect to remote host (%s): %s", r.addr, text)
		}
		return false
	}
	if verbose {
		switch n.style {
		case traditional:
			c.Err.Print(fmt.Sprintf("%s [%s] %d (%s) open\n", where, r.addr, port, known))
		case openbsd:
			kind := "*"
			if service != "" {
				kind = service
			}
			c.Err.Print(fmt.Sprintf("Connection to %s %d port [tcp/%s] succeeded!\n", n.shown(r), port, kind))
		}
	}
	if !n.f.Has("z") {
		n.talk(r, port)
	}
	return true
}

func (n *ncCall) shown(r reach) string {
	if r.numeric {
		return r.name
	}
	return r.name + " (" + r.addr.String() + ")"
}

// talk is what a stranger's service answers to what is sent.
func (n *ncCall) talk(r reach, port int) {
	c := n.c
	if r.link.Local {
		page := peer.Of(c.Machine).Get(&url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}, c.Now())
		if page.Plain {
			c.Print(string(page.Body))
		}
	} else if text := greeting(r, port); text != "" {
		c.Print(text)
	}
	if n.f.Has("e") || n.f.Has("c") {
		// Nobody types at the other end, which ends the program once it is tired.
		c.Wait(time.Duration(peer.Number("shell/"+r.addr.String(), 2, 20)) * time.Second)
		return
	}
	sent := drain(c)
	if c.Stop != nil || len(sent) == 0 {
		return
	}
	c.Kernel.Wanted("connect", fmt.Sprintf("nc %s %d: %s", r.name, port, sent[:min(len(sent), 2048)]))
	words := strings.Fields(string(sent[:min(len(sent), 4096)]))
	if len(words) < 2 || words[0] != "GET" && words[0] != "HEAD" && words[0] != "POST" || !c.Wait(r.link.RTT) {
		return
	}
	u, err := url.Parse(fmt.Sprintf("http://%s:%d/%s", r.name, port, strings.TrimPrefix(words[1], "/")))
	if err != nil {
		return
	}
	page := peer.Of(c.Machine).Get(u, c.Now())
	c.Print(fmt.Sprintf("HTTP/1.1 %d %s\r\nServer: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", page.Status, page.Reason, page.Server, page.Type, len(page.Body)))
	if words[0] != "HEAD" {
		c.Write(c.Out, string(page.Body))
	}
}
