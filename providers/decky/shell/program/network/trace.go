package network

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

// hop is one router on the way; an invalid address is one that says nothing.
type hop struct {
	addr netip.Addr
	rtt  time.Duration
}

// way are the hops to an address, itself the last where it answers.
func way(c *program.Call, a netip.Addr) (list []hop, reached bool) {
	m, w := c.Machine, peer.Of(c.Machine)
	answer := w.Answers(a)
	if w.Own(a) {
		return []hop{{a, w.RTT(a)}}, true
	}
	if m.Persona.Prefix().Contains(a) {
		if answer == peer.Open {
			return []hop{{a, w.RTT(a)}}, true
		}
		return nil, false
	}
	gateway := m.Persona.Gateway()
	list = []hop{{gateway, w.RTT(gateway)}}
	if answer == peer.Unreachable || a.IsPrivate() {
		return list, false
	}
	out := w.Outside().As4()
	total := w.RTT(a)
	n := int(peer.Number("hops/"+a.String(), 6, 13))
	for i := 1; i < n; i++ {
		b := out
		if i > n/2 {
			b = a.As4()
		}
		label := fmt.Sprint("hop/", i, b[0], b[1])
		b[2], b[3] = byte(peer.Number(label+"2", 0, 255)), byte(peer.Number(label+"3", 1, 254))
		h := hop{netip.AddrFrom4(b), total * time.Duration(i) / time.Duration(n)}
		if peer.Number(label+"silent", 0, 5) == 0 {
			h.addr = netip.Addr{}
		}
		list = append(list, h)
	}
	if answer == peer.Open {
		list = append(list, hop{a, total})
	}
	return list, answer == peer.Open
}

// found resolves the target of a trace or says why not.
func found(c *program.Call, name string, words func(reason string) int) (netip.Addr, int, bool) {
	c.Kernel.Wanted("probe", c.Name+" "+name)
	a, fail := peer.Of(c.Machine).Lookup(name)
	if _, numeric := peer.Numeric(name); !numeric && !a.IsLoopback() && !c.Wait(time.Duration(c.Machine.Number("resolve/"+name, 4, 60))*time.Millisecond) {
		return a, 1, false
	}
	if fail != peer.Found {
		return a, words(fail.Text()), false
	}
	if a.Is6() {
		return a, words("Network is unreachable"), false
	}
	return a, 0, true
}

const tracerouteUsage = "Usage:\n  traceroute [ -46dFITnreAUDV ] [ -f first_ttl ] [ -g gate,... ] [ -i device ] [ -m max_ttl ] [ -N squeries ] [ -p port ] [ -t tos ] [ -l flow_label ] [ -w MAX,HERE,NEAR ] [ -q nqueries ] [ -s src_addr ] [ -z sendwait ] [ --fwmark=num ] host [ packetlen ]\nOptions:\n  -4                          Use IPv4\n  -I  --icmp                  Trace with ICMP ECHO\n  -T  --tcp                   Trace with TCP SYN\n  -m max_ttl  --max-hops=max_ttl\n                              The most hops, 30 where nothing is said\n  -n                          Print addresses alone\n  -q nqueries  --queries=nqueries\n                              Probes of a hop, 3 where nothing is said\n  -w MAX,HERE,NEAR  --wait=MAX,HERE,NEAR\n                              How long to wait for an answer\n  -V  --version               Print version info and exit\n  --help                      Read this help and exit\n"

func traceroute(c *program.Call) int {
	f, rest, ok := c.Parse("46dFITnreAUDVf:g:i:m:N:p:t:l:w:q:s:z:M:O:", "icmp=I tcp=T udp=U max-hops=:m queries=:q wait=:w version=V help=h first=:f interface=:i port=:p")
	switch {
	case !ok && c.Applet:
		return 1
	case !ok:
		return 2
	case f.Has("V"):
		c.Err.Print("Modern traceroute for Linux, version 2.1.2\nCopyright (c) 2016  Dmitry Butskoy,   License: GPL v2 or any later\n")
		return 0
	case f.Has("h"):
		c.Print(tracerouteUsage)
		return 0
	case len(rest) == 0 && c.Applet:
		c.Err.Print(c.Name + ": missing operand\n")
		return 1
	case len(rest) == 0:
		c.Print(tracerouteUsage)
		return 0
	}
	name := rest[0]
	a, status, ok := found(c, name, func(reason string) int {
		if c.Applet {
			return c.Complain("bad address '%s'", name)
		}
		c.Err.Print(name + ": " + reason + "\nCannot handle \"host\" cmdline arg `" + name + "' on position 1 (argc 1)\n")
		return 2
	})
	if !ok {
		return status
	}
	if (f.Has("I") || f.Has("T")) && c.User.UID != 0 {
		c.Err.Print("You do not have enough privileges to use this traceroute method.\nsocket: Operation not permitted\n")
		return 1
	}
	count := func(letter string, normal, most int64) int {
		if n, ok := program.Count(f.Value[letter]); ok && n > 0 {
			return int(min(n, most))
		}
		return int(normal)
	}
	most, queries, wait := count("m", 30, 255), count("q", 3, 10), 5*time.Second
	if n, ok := program.Count(f.Value["w"]); ok {
		wait = time.Duration(min(n, 60)) * time.Second
	}
	bytes := 60
	if c.Applet {
		bytes = 46
	}
	c.Printf("traceroute to %s (%s), %d hops max, %d byte packets\n", name, a, most, bytes)
	hops, reached := way(c, a)
	for n := 1; n <= most; n++ {
		var h hop
		if n <= len(hops) {
			h = hops[n-1]
		}
		if !traceLine(c, n, h, queries, wait, f.Has("n"), (n-1)%16 == 0) {
			return 1
		}
		if reached && n == len(hops) {
			break
		}
	}
	return 0
}

// traceLine is one hop; those that say nothing are waited for together.
func traceLine(c *program.Call, n int, h hop, queries int, wait time.Duration, numeric, first bool) bool {
	if !h.addr.IsValid() {
		if (first || c.Applet) && !c.Wait(wait) {
			return false
		}
		c.Printf("%2d  %s\n", n, strings.Repeat("* ", queries-1)+"*")
		return true
	}
	name := h.addr.String()
	if r := peer.Of(c.Machine).Reverse(h.addr); r != "" {
		name = r
	}
	where := name + " (" + h.addr.String() + ")"
	if numeric {
		where = h.addr.String()
	}
	line := fmt.Sprintf("%2d  %s", n, where)
	for i := range queries {
		jitter := 1 + float64(peer.Number(fmt.Sprint("trace/", h.addr, i, c.Now().UnixNano()), -80, 200))/1000
		line += fmt.Sprintf("  %.3f ms", h.rtt.Seconds()*1000*jitter)
	}
	if !c.Wait(h.rtt) {
		return false
	}
	c.Print(line + "\n")
	return true
}

const tracepathUsage = "\nUsage\n  tracepath [options] <destination>\n\nOptions:\n  -4             use IPv4\n  -6             use IPv6\n  -b             print both name and IP\n  -l <length>    use packet <length>\n  -m <hops>      use maximum <hops>\n  -n             no reverse DNS name resolution\n  -p <port>      use destination <port>\n  -V             print version and exit\n  <destination>  DNS name or IP address\n\nFor more details see tracepath(8).\n"

func tracepath(c *program.Call) int {
	c.Hint = tracepathUsage
	f, rest, ok := c.Parse("46bl:m:np:Vh?", "")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Print("tracepath from iputils 20221126\n")
		return 0
	case len(rest) == 0:
		c.Err.Print(tracepathUsage)
		return 1
	}
	a, status, ok := found(c, rest[0], func(reason string) int {
		c.Err.Print("tracepath: " + rest[0] + ": " + reason + "\n")
		return 1
	})
	if !ok {
		return status
	}
	most := int64(30)
	if n, ok := program.Count(f.Value["m"]); ok && n > 0 {
		most = min(n, 255)
	}
	hops, reached := way(c, a)
	c.Printf(" 1?: [LOCALHOST]                      pmtu 1500\n")
	for n := 1; n <= int(most); n++ {
		if n > len(hops) || !hops[n-1].addr.IsValid() {
			if !c.Wait(3 * time.Second) {
				return 1
			}
			c.Printf("%2d:  no reply\n", n)
			continue
		}
		h := hops[n-1]
		name := h.addr.String()
		if r := peer.Of(c.Machine).Reverse(h.addr); r != "" && !f.Has("n") {
			name = r
		}
		if !c.Wait(h.rtt) {
			return 1
		}
		end := ""
		if reached && n == len(hops) {
			end = " reached"
		}
		c.Printf("%2d:  %-50s %7.3fms%s\n", n, name, h.rtt.Seconds()*1000, end)
		if end != "" {
			c.Printf("     Resume: pmtu 1500 hops %d back %d \n", n, n)
			return 0
		}
	}
	c.Print("     Too many hops: pmtu 1500\n     Resume: pmtu 1500 \n")
	return 0
}
