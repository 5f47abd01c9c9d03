package shell

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/decnet/decnet/schema/event"
)

var errUnreachable = syscall.ENETUNREACH

// wanted records that a client wanted to reach something. Nothing is contacted
// and no name is resolved.
func (r *runner) wanted(technique, target string) {
	if err := r.session.record(&event.Scan{Technique: technique, Data: event.Text(target).Clip(4096)}); err != nil {
		r.answer.err = err
	}
}

// fetched records a download that was asked for.
func (c *call) fetched(target string) {
	if err := c.r.session.record(&event.Transfer{Direction: "download", Name: event.Text(target).Clip(4096)}); err != nil {
		c.stop = err
	}
}

// resolving is how long a name server that does not answer is waited for.
func (c *call) resolving() bool {
	return c.wait(time.Duration(c.r.session.machine.number("net/resolve", 900, 2600)) * time.Millisecond)
}

// split takes a target apart: host, port and whether the host is an address.
func split(target, scheme string) (host, port string, numeric bool) {
	if !strings.Contains(target, "://") {
		target = scheme + "://" + target
	}
	u, err := url.Parse(target)
	if err != nil {
		return target, "80", false
	}
	host, port = u.Hostname(), u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "ftp": "21"}[u.Scheme]
		if port == "" {
			port = "80"
		}
	}
	_, err = netip.ParseAddr(host)
	return host, port, err == nil
}

func wget(c *call) int {
	f, urls, ok := c.parse("bcdhi:kmno:O:P:pqrSt:T:U:vVx", "quiet=q output-document=:O no-check-certificate=N timeout=:T tries=:t directory-prefix=:P user-agent=:U help=h version=V header=:H post-data=:D continue=c spider=s no-verbose=n")
	if !ok {
		return 2
	}
	if f.has("V") {
		c.print("GNU Wget 1.21.3 built on linux-gnu.\n")
		return 0
	}
	if len(urls) == 0 {
		c.err.print("wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n")
		return 1
	}
	quiet := f.has("q")
	status := 0
	for _, target := range urls {
		c.fetched(target)
		shown := target
		if !strings.Contains(shown, "://") {
			shown = "http://" + shown
		}
		host, port, numeric := split(target, "http")
		if u, err := url.Parse(shown); err == nil && u.Path == "" {
			shown += "/"
		}
		say := func(format string, args ...any) {
			if !quiet {
				c.err.print(fmt.Sprintf(format, args...))
			}
		}
		say("--%s--  %s\n", c.r.session.machine.now().UTC().Format("2006-01-02 15:04:05"), shown)
		if !numeric {
			say("Resolving %s (%s)... ", host, host)
			if !c.resolving() {
				return 1
			}
			say("failed: Temporary failure in name resolution.\nwget: unable to resolve host address ‘%s’\n", host)
			status = 4
			continue
		}
		say("Connecting to %s:%s... ", host, port)
		if !c.wait(3 * time.Second) {
			return 1
		}
		say("failed: Connection timed out.\nGiving up.\n\n")
		status = 4
	}
	return status
}

func curl(c *call) int {
	f, urls, ok := c.parse("A:b:B:c:d:D:e:E:F:fgGH:hiIjJkKlL:m:M:nNo:O:pP:qQ:rRsSt:T:u:U:vVw:x:X:y:Y:z:#", "silent=s output=:o remote-name=O location=l insecure=k head=I request=:X data=:d header=:H user-agent=:A fail=f show-error=S max-time=:m connect-timeout=:C version=V verbose=v user=:u proxy=:x retry=:R compressed=Z")
	if !ok {
		return 2
	}
	for _, letter := range []string{"L", "O"} {
		// Flags without an argument that getopt took one for.
		if v := f.value[letter]; v != "" {
			urls = append(urls, v)
		}
	}
	if f.has("V") {
		c.print("curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 OpenSSL/3.0.15 zlib/1.2.13\n")
		return 0
	}
	if len(urls) == 0 {
		c.err.print("curl: try 'curl --help' or 'curl --manual' for more information\n")
		return 2
	}
	status := 0
	for _, target := range urls {
		c.fetched(target)
		host, port, numeric := split(target, "http")
		message := "curl: (6) Could not resolve host: " + host
		status = 6
		if numeric {
			if !c.wait(3 * time.Second) {
				return 1
			}
			message = "curl: (28) Failed to connect to " + host + " port " + port + " after 3001 ms: Couldn't connect to server"
			status = 28
		} else if !c.resolving() {
			return 1
		}
		if !f.has("s") || f.has("S") {
			c.err.print(message + "\n")
		}
	}
	return status
}

// client are programs that only connect: ftp, telnet, nc, ssh and the like.
func client(c *call) int {
	host, port := "", ""
	for _, a := range c.args {
		switch {
		case strings.HasPrefix(a, "-"):
		case host == "":
			host = a
		case port == "":
			port = a
		}
	}
	if host == "" {
		c.err.print("usage: " + c.name + " host [port]\n")
		return 1
	}
	target := strings.TrimSpace(host + " " + port)
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	c.r.wanted("connect", c.name+" "+target)
	_, err := netip.ParseAddr(host)
	numeric := err == nil
	if !numeric && !c.resolving() || numeric && !c.wait(2*time.Second) {
		return 1
	}
	switch c.name {
	case "ssh", "scp", "sftp":
		if numeric {
			c.err.print("ssh: connect to host " + host + " port 22: Connection timed out\n")
		} else {
			c.err.print("ssh: Could not resolve hostname " + host + ": Temporary failure in name resolution\n")
		}
		return 255
	case "telnet":
		if numeric {
			c.print("Trying " + host + "...\n")
			c.err.print("telnet: Unable to connect to remote host: Connection timed out\n")
		} else {
			c.err.print("telnet: could not resolve " + host + "/" + port + ": Temporary failure in name resolution\n")
		}
	case "nc", "netcat":
		if numeric {
			c.err.print("(UNKNOWN) [" + host + "] " + port + " (?) : Connection timed out\n")
		} else {
			c.err.print(host + ": forward host lookup failed: Host name lookup failure\n")
		}
	default:
		c.err.print(c.name + ": " + host + ": Temporary failure in name resolution\n")
	}
	return 1
}

func ping(c *call) int {
	f, hosts, ok := c.parse("aAbBc:dDfhi:I:l:Lm:M:nOp:qQ:rRs:S:t:T:UvVw:W:46", "")
	if !ok || len(hosts) == 0 {
		c.err.print("ping: usage error: Destination address required\n")
		return 1
	}
	host := hosts[len(hosts)-1]
	c.r.wanted("probe", "ping "+host)
	if _, err := netip.ParseAddr(host); err != nil && host != "localhost" {
		if !c.resolving() {
			return 2
		}
		c.err.print("ping: " + host + ": Temporary failure in name resolution\n")
		return 2
	}
	n, ok := count(f.value["c"])
	if !ok {
		n = 10
	}
	n = min(n, 20)
	c.printf("PING %s (%s) 56(84) bytes of data.\n", host, host)
	if !c.wait(time.Duration(n) * time.Second) {
		return 1
	}
	c.printf("\n--- %s ping statistics ---\n%d packets transmitted, 0 received, 100%% packet loss, time %dms\n\n", host, n, n*1023)
	return 1
}

func ifconfig(c *call) int {
	m := c.r.session.machine
	rb, rp, tb, tp := m.traffic()
	c.printf("%s: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        inet %s  netmask 255.255.255.0  broadcast %s\n        ether %s  txqueuelen 1000  (Ethernet)\n        RX packets %d  bytes %d (%s)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets %d  bytes %d (%s)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n", m.nic(), m.host.IP, m.broadcast(), m.mac(), rp, rb, mebi(rb), tp, tb, mebi(tb))
	c.print("lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n        loop  txqueuelen 1000  (Local Loopback)\n        RX packets 918  bytes 92304 (90.1 KiB)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets 918  bytes 92304 (90.1 KiB)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n")
	return 0
}

func mebi(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func (m *Machine) broadcast() string {
	if i := strings.LastIndexByte(m.host.IP, '.'); i > 0 {
		return m.host.IP[:i] + ".255"
	}
	return "192.168.1.255"
}

func ip(c *call) int {
	m := c.r.session.machine
	var words []string
	for _, a := range c.args {
		if !strings.HasPrefix(a, "-") {
			words = append(words, a)
		}
	}
	object := ""
	if len(words) > 0 {
		object = words[0]
	}
	switch {
	case object == "":
		c.err.print("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n       ip [ -force ] -batch filename\n")
		return 255
	case strings.HasPrefix("address", object), object == "addr":
		c.printf("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n2: %s: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000\n    link/ether %s brd ff:ff:ff:ff:ff:ff\n    inet %s/24 brd %s scope global %s\n       valid_lft forever preferred_lft forever\n", m.nic(), m.mac(), m.host.IP, m.broadcast(), m.nic())
	case strings.HasPrefix("link", object):
		c.printf("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n2: %s: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP mode DEFAULT group default qlen 1000\n    link/ether %s brd ff:ff:ff:ff:ff:ff\n", m.nic(), m.mac())
	case strings.HasPrefix("route", object):
		c.printf("default via %s dev %s onlink \n%s/24 dev %s proto kernel scope link src %s \n", m.gateway(), m.nic(), m.network(), m.nic(), m.host.IP)
	case strings.HasPrefix("neighbour", object), object == "neigh", object == "neighbor":
		c.printf("%s dev %s lladdr %s REACHABLE\n", m.gateway(), m.nic(), m.gatewayMAC())
	default:
		c.err.print("Object \"" + object + "\" is unknown, try \"ip help\".\n")
		return 1
	}
	return 0
}

func (m *Machine) network() string {
	if i := strings.LastIndexByte(m.host.IP, '.'); i > 0 {
		return m.host.IP[:i] + ".0"
	}
	return "192.168.1.0"
}

func route(c *call) int {
	m := c.r.session.machine
	gateway := m.gateway()
	c.printf("Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n%-15s %-15s 0.0.0.0         UG    0      0        0 %s\n%-15s 0.0.0.0         255.255.255.0   U     0      0        0 %s\n", "0.0.0.0", gateway, m.nic(), m.network(), m.nic())
	return 0
}

func arp(c *call) int {
	m := c.r.session.machine
	if len(c.args) > 0 && strings.Contains(c.args[0], "a") {
		c.printf("_gateway (%s) at %s [ether] on %s\n", m.gateway(), m.gatewayMAC(), m.nic())
		return 0
	}
	c.printf("Address                  HWtype  HWaddress           Flags Mask            Iface\n%-24s ether   %s   C                     %s\n", m.gateway(), m.gatewayMAC(), m.nic())
	return 0
}

// listening are the ports of the host's services.
func (m *Machine) listening() (list []struct {
	port int
	name string
	pid  int
}) {
	add := func(port int, name string, pid int64) {
		list = append(list, struct {
			port int
			name string
			pid  int
		}{port, name, int(pid)})
	}
	sshd := m.number("proc/sshd", 480, 720)
	add(22, "sshd", sshd)
	if m.host.Packages["nginx"] != "" {
		add(80, "nginx", sshd+9)
	}
	if m.host.Packages["redis"] != "" {
		add(6379, "redis-server", sshd+5)
	}
	return list
}

func netstat(c *call) int {
	options := strings.Join(c.args, "")
	m := c.r.session.machine
	if strings.Contains(options, "r") {
		return route(c)
	}
	programs := strings.Contains(options, "p") && c.r.asUser.uid == 0
	listening := strings.ContainsAny(options, "la")
	title := "(w/o servers)"
	if strings.Contains(options, "a") {
		title = "(servers and established)"
	} else if listening {
		title = "(only servers)"
	}
	c.print("Active Internet connections " + title + "\nProto Recv-Q Send-Q Local Address           Foreign Address         State      ")
	if programs {
		c.print(" PID/Program name    ")
	}
	c.print("\n")
	row := func(local, foreign, state, program string) {
		line := fmt.Sprintf("tcp        0      0 %-23s %-23s %-11s", local, foreign, state)
		if programs {
			line += fmt.Sprintf(" %-20s", program)
		}
		c.print(line + "\n")
	}
	if listening {
		for _, l := range m.listening() {
			row(fmt.Sprintf("0.0.0.0:%d", l.port), "0.0.0.0:*", "LISTEN", fmt.Sprintf("%d/%s", l.pid, l.name))
		}
	}
	if s := c.r.session.options; s.Source.IsValid() && !(listening && !strings.Contains(options, "a")) {
		row(fmt.Sprintf("%s:%d", m.host.IP, s.Local.Port()), s.Source.String(), "ESTABLISHED", fmt.Sprintf("%d/sshd: %s", c.r.session.pid-2, c.r.session.login.name))
	}
	return 0
}

func ss(c *call) int {
	options := strings.Join(c.args, "")
	m := c.r.session.machine
	c.print("State      Recv-Q     Send-Q          Local Address:Port           Peer Address:Port     Process     \n")
	if strings.ContainsAny(options, "la") {
		for _, l := range m.listening() {
			process := ""
			if strings.Contains(options, "p") && c.r.asUser.uid == 0 {
				process = fmt.Sprintf("users:((\"%s\",pid=%d,fd=3))", l.name, l.pid)
			}
			c.printf("LISTEN     0          128                   0.0.0.0:%-18d      0.0.0.0:*         %s\n", l.port, process)
		}
	}
	if s := c.r.session.options; s.Source.IsValid() && !strings.Contains(options, "l") {
		c.printf("ESTAB      0          36        %21s:%-18d %12s:%d\n", m.host.IP, s.Local.Port(), s.Source.Addr(), s.Source.Port())
	}
	return 0
}
