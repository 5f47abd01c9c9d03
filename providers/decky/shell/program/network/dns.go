package network

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

// question is what dig, host and nslookup ask.
type question struct {
	name, kind string
	server     netip.Addr
	given      bool // the server was named
	answers    []string
	status     string // NOERROR, NXDOMAIN, SERVFAIL
	took       time.Duration
}

// ask lets a server answer; ok is false where none does.
func ask(c *program.Call, name, kind, server string) (q question, ok bool) {
	c.Kernel.Wanted("probe", c.Name+" "+name)
	w := peer.Of(c.Machine)
	q = question{name: strings.TrimSuffix(name, "."), kind: kind, status: "NOERROR"}
	if server != "" {
		q.given = true
		a, fail := w.Lookup(server)
		if q.server = a; fail != peer.Found {
			return q, false
		}
	} else if list := w.Resolvers(); len(list) > 0 {
		q.server = list[0]
	} else {
		q.server = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	answering := false
	for _, r := range append(w.Resolvers(), c.Machine.Persona.Resolvers()...) {
		answering = answering || r == q.server
	}
	if answers := w.Connect(q.server, 53); !answering && answers.Answer != peer.Open {
		return q, false
	}
	q.took = w.RTT(q.server) + time.Duration(c.Machine.Number("resolve/"+name, 1, 60))*time.Millisecond
	if !c.Wait(q.took) {
		return q, false
	}
	if a, err := netip.ParseAddr(q.name); err == nil && (kind == "A" || kind == "PTR") {
		q.kind, q.name = "PTR", reverse(a)
		if q.status = "NXDOMAIN"; a.IsLoopback() {
			q.status, q.answers = "NOERROR", []string{"localhost."}
		}
		return q, true
	}
	a, fail := w.Lookup(q.name)
	switch {
	case fail != peer.Found:
		q.status = "NXDOMAIN"
	case kind == "A" || kind == "ANY":
		q.answers = []string{a.String()}
	case kind == "MX":
		q.answers = []string{"10 mail." + q.name + "."}
	case kind == "NS":
		q.answers = []string{"ns1." + q.name + ".", "ns2." + q.name + "."}
	case kind == "TXT":
		q.answers = []string{"\"v=spf1 mx -all\""}
	}
	return q, true
}

func reverse(a netip.Addr) string {
	if a.Is6() {
		return a.String() + ".ip6.arpa"
	}
	b := a.As4()
	return fmt.Sprintf("%d.%d.%d.%d.in-addr.arpa", b[3], b[2], b[1], b[0])
}

const noServers = ";; connection timed out; no servers could be reached\n"

const digVersion = "9.18.28-1~deb12u2-Debian"

func dig(c *program.Call) int {
	name, kind, server := "", "A", ""
	brief, answer, comments := false, true, true
	wait := 5 * time.Second
	tries := 3
	for i := 0; i < len(c.Args); i++ {
		switch a := c.Args[i]; {
		case a == "-v":
			c.Err.Print("DiG " + digVersion + "\n")
			return 0
		case a == "-h":
			c.Print("Usage:  dig [@global-server] [domain] [q-type] [q-class] {q-opt}\n            {global-d-opt} host [@local-server] {local-d-opt}\n            [ host [@local-server] {local-d-opt} [...]]\n")
			return 0
		case strings.HasPrefix(a, "@"):
			server = a[1:]
		case a == "+short":
			brief = true
		case a == "+noall", a == "+nocomments":
			comments = false
		case a == "+noanswer":
			answer = false
		case strings.HasPrefix(a, "+time="):
			if n, ok := program.Count(a[6:]); ok {
				wait = time.Duration(min(n, 60)) * time.Second
			}
		case strings.HasPrefix(a, "+tries="):
			if n, ok := program.Count(a[7:]); ok {
				tries = int(min(n, 10))
			}
		case strings.HasPrefix(a, "+"):
		case (a == "-t" || a == "-q" || a == "-x" || a == "-p" || a == "-b" || a == "-c" || a == "-f" || a == "-k") && i+1 < len(c.Args):
			i++
			switch a {
			case "-t":
				kind = strings.ToUpper(c.Args[i])
			case "-q", "-x":
				name = c.Args[i]
			}
		case a == "-4" || a == "-6" || a == "-r" || a == "-m" || a == "-u":
		case strings.HasPrefix(a, "-"):
			c.Err.Print("Invalid option: " + a + "\nUsage:  dig [@global-server] [domain] [q-type] [q-class] {q-opt}\n            {global-d-opt} host [@local-server] {local-d-opt}\n            [ host [@local-server] {local-d-opt} [...]]\n\nUse \"dig -h\" (or \"dig -h | more\") for complete list of options\n")
			return 1
		case recordType(a):
			kind = strings.ToUpper(a)
		case strings.EqualFold(a, "IN"):
		default:
			name = a
		}
	}
	if name == "" {
		name, kind = ".", "NS"
	}
	q, ok := ask(c, name, kind, server)
	if !ok {
		if c.Stop != nil {
			return 1
		}
		for range tries {
			if !c.Wait(wait) {
				return 1
			}
			c.Printf(";; communications error to %s#53: timed out\n", q.server)
		}
		c.Printf("\n; <<>> DiG %s <<>> %s\n;; global options: +cmd\n;; no servers could be reached\n", digVersion, strings.Join(c.Args, " "))
		return 9
	}
	if brief {
		for _, a := range q.answers {
			c.Print(a + "\n")
		}
		return 0
	}
	q.print(c, comments, answer)
	return 0
}

// recordType tells the name of a type of record.
func recordType(a string) bool {
	return strings.Contains(" A AAAA MX NS TXT SOA PTR CNAME ANY SRV AXFR CAA DNSKEY DS ", " "+strings.ToUpper(a)+" ")
}

func (q question) print(c *program.Call, comments, answer bool) {
	if comments {
		n := len(q.answers)
		c.Printf("\n; <<>> DiG %s <<>> %s\n;; global options: +cmd\n;; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: %s, id: %d\n;; flags: qr rd ra; QUERY: 1, ANSWER: %d, AUTHORITY: 0, ADDITIONAL: 1\n\n;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: 1232\n;; QUESTION SECTION:\n;%-30s IN\t%s\n\n", digVersion, strings.Join(c.Args, " "), q.status, c.Now().UnixNano()>>8&0xffff, n, q.name+".\t\t", q.kind)
	}
	if answer && len(q.answers) > 0 {
		if comments {
			c.Print(";; ANSWER SECTION:\n")
		}
		for _, a := range q.answers {
			c.Printf("%s.\t\t%d\tIN\t%s\t%s\n", q.name, peer.Number("ttl/"+q.name, 40, 3600), q.kind, a)
		}
		c.Print("\n")
	}
	if comments {
		c.Printf(";; Query time: %d msec\n;; SERVER: %s#53(%s) (UDP)\n;; WHEN: %s\n;; MSG SIZE  rcvd: %d\n\n", q.took.Milliseconds(), q.server, q.server, c.Now().UTC().Format("Mon Jan 02 15:04:05 MST 2006"), 29+len(q.name)+16*len(q.answers))
	}
}

func host(c *program.Call) int {
	const usage = "Usage: host [-aCdilrTvVw] [-c class] [-N ndots] [-t type] [-W time]\n            [-R number] [-m flag] [-p port] hostname [server]\n"
	c.Hint = usage
	f, rest, ok := c.Parse("aCdilrTvVwc:N:t:W:R:m:p:46AsU", "")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Err.Print("host " + digVersion + "\n")
		return 0
	case len(rest) == 0:
		c.Err.Print(usage + "       -a is equivalent to -v -t ANY\n       -t specifies the query type\n       -v enables verbose output\n       -V print version number and exit\n       -W specifies how long to wait for a reply\n")
		return 1
	}
	kind := strings.ToUpper(f.Value["t"])
	if kind == "" {
		kind = "A"
	}
	server := ""
	if len(rest) > 1 {
		server = rest[1]
	}
	q, ok := ask(c, rest[0], kind, server)
	if !ok {
		if c.Stop == nil && c.Wait(10*time.Second) {
			c.Print(noServers)
		}
		return 1
	}
	if q.given {
		c.Printf("Using domain server:\nName: %s\nAddress: %s#53\nAliases: \n\n", server, q.server)
	}
	if q.status != "NOERROR" {
		c.Printf("Host %s not found: 3(%s)\n", q.name+map[bool]string{true: "."}[q.kind == "PTR"], q.status)
		return 1
	}
	if len(q.answers) == 0 {
		c.Printf("%s has no %s record\n", q.name, kind)
	}
	for _, a := range q.answers {
		c.Printf("%s %s %s\n", q.name, map[string]string{"A": "has address", "PTR": "domain name pointer", "MX": "mail is handled by", "NS": "name server", "TXT": "descriptive text"}[q.kind], a)
	}
	return 0
}

func nslookup(c *program.Call) int {
	var words []string
	kind := "A"
	for _, a := range c.Args {
		switch {
		case strings.HasPrefix(a, "-type="), strings.HasPrefix(a, "-query="), strings.HasPrefix(a, "-q="):
			_, kind, _ = strings.Cut(strings.ToUpper(a), "=")
		case strings.HasPrefix(a, "-"):
		default:
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		if c.Applet {
			c.Err.Print("nslookup: missing operand\n")
			return 1
		}
		for range 100 {
			c.Print("> ")
			line, _, err := program.ReadLine(c.In, '\n', 1024)
			line = strings.TrimSpace(line)
			if err != nil && line == "" || line == "exit" || c.Busy() {
				return 0
			}
			if line != "" && !strings.HasPrefix(line, "set ") && !strings.HasPrefix(line, "server ") {
				lookup(c, line, kind, "")
			}
		}
		return 0
	}
	server := ""
	if len(words) > 1 {
		server = words[1]
	}
	return lookup(c, words[0], kind, server)
}

func lookup(c *program.Call, name, kind, server string) int {
	q, ok := ask(c, name, kind, server)
	if !ok {
		if c.Stop == nil && c.Wait(10*time.Second) {
			c.Print(noServers + "\n")
		}
		return 1
	}
	if c.Applet {
		c.Printf("Server:\t\t%s\nAddress:\t%s:53\n\n", q.server, q.server)
	} else {
		c.Printf("Server:\t\t%s\nAddress:\t%s#53\n\n", q.server, q.server)
	}
	if q.status != "NOERROR" {
		c.Printf("** server can't find %s: %s\n\n", q.name, q.status)
		return 1
	}
	if !strings.HasSuffix(q.name, ".arpa") {
		c.Print("Non-authoritative answer:\n")
	}
	for _, a := range q.answers {
		switch q.kind {
		case "PTR":
			c.Printf("%s\tname = %s\n", q.name, a)
		case "MX":
			c.Printf("%s\tmail exchanger = %s\n", q.name, a)
		case "NS":
			c.Printf("%s\tnameserver = %s\n", q.name, a)
		case "TXT":
			c.Printf("%s\ttext = %s\n", q.name, a)
		default:
			c.Printf("Name:\t%s\nAddress: %s\n", q.name, a)
		}
	}
	c.Print("\n")
	return 0
}
