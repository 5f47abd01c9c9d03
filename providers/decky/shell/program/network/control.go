package network

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// tc shows the queues of the links; it shapes nothing.
func tc(c *program.Call) int {
	const usage = "Usage:\ttc [ OPTIONS ] OBJECT { COMMAND | help }\n\ttc [-force] -batch filename\nwhere  OBJECT := { qdisc | class | filter | chain |\n\t\t    action | monitor | exec }\n       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -r[aw] |\n\t\t    -o[neline] | -j[son] | -p[retty] | -c[olor]\n\t\t    -b[atch] [filename] | -n[etns] name | -N[umeric] |\n\t\t     -nm | -nam[es] | { -cf | -conf } path\n\t\t     -br[ief] }\n"
	args, stats := c.Args, false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch a := strings.TrimPrefix(args[0], "-"); {
		case a == "V", short(a, "Version"):
			c.Print("tc utility, iproute2-6.1.0, libbpf 1.1.2\n")
			return 0
		case short(a, "statistics"):
			stats = true
		case short(a, "details"), short(a, "raw"), short(a, "json"), short(a, "pretty"), short(a, "oneline"), a == "N", a == "nm", short(a, "brief"):
		default:
			c.Err.Print("Option \"" + args[0] + "\" is unknown, try \"tc -help\".\n")
			return 255
		}
		args = args[1:]
	}
	if len(args) == 0 {
		c.Err.Print(usage)
		return 0
	}
	object := ""
	for _, o := range []string{"qdisc", "class", "filter", "actions", "chain", "monitor", "exec", "help"} {
		if short(args[0], o) {
			object = o
			break
		}
	}
	p := &ipCall{c: c, words: args[1:], stats: stats}
	switch object {
	case "":
		c.Err.Print("Object \"" + args[0] + "\" is unknown, try \"tc help\".\n")
		return 255
	case "help":
		c.Err.Print(usage)
		return 0
	}
	verb, ok := p.command("qdisc", "show", "list", "lst", "add", "change", "replace", "delete", "link", "help")
	if !ok {
		return 1
	}
	dev := ""
	for i, w := range p.words {
		if w == "dev" && i+1 < len(p.words) {
			dev = p.words[i+1]
		}
	}
	if _, known := linkOf(c, dev); dev != "" && !known {
		c.Err.Print("Cannot find device \"" + dev + "\"\n")
		return 1
	}
	if verb != "show" {
		if status, ok := root(c, "RTNETLINK answers", 2); !ok {
			return status
		}
		c.Err.Print("Error: Specified qdisc kind is unknown.\n")
		return 2
	}
	if object == "qdisc" {
		p.queues(dev)
	}
	return 0
}

// queues shows the disciplines of one link or of all.
func (p *ipCall) queues(dev string) {
	for _, l := range links(p.c) {
		if dev != "" && l.name != dev {
			continue
		}
		on := " dev " + l.name
		if dev != "" {
			on = ""
		}
		more := ""
		if !l.loop {
			more = "limit 10240p flows 1024 quantum 1514 target 5ms interval 100ms memory_limit 32Mb ecn drop_batch 64 "
		}
		p.c.Printf("qdisc %s 0:%s root refcnt 2 %s\n", l.qdisc(), on, more)
		if !p.stats {
			continue
		}
		sent, packets := l.tx, l.txPackets
		if l.loop { // which has no queue
			sent, packets = 0, 0
		}
		p.c.Printf(" Sent %d bytes %d pkt (dropped 0, overlimits 0 requeues 0) \n backlog 0b 0p requeues 0\n", sent, packets)
	}
}

// bridge shows that the host has none.
func bridge(c *program.Call) int {
	args := c.Args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if short(strings.TrimPrefix(args[0], "-"), "Version") {
			c.Print("bridge utility, 6.1.0\n")
			return 0
		}
		args = args[1:]
	}
	if len(args) == 0 || short(args[0], "help") {
		c.Err.Print("Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }\n       bridge [ -force ] -batch filename\nwhere  OBJECT := { link | fdb | mdb | vlan | monitor }\n       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] |\n                    -o[neline] | -t[imestamp] | -n[etns] name |\n                    -c[ompressvlans] -color -p[retty] -j[son] }\n")
		return 255
	}
	switch {
	case short(args[0], "fdb"):
		for _, l := range links(c) {
			if !l.loop {
				c.Printf("01:00:5e:00:00:01 dev %s self permanent\n", l.name)
			}
		}
	case short(args[0], "vlan"):
		c.Print("port              vlan-id  \n")
	case short(args[0], "link"), short(args[0], "mdb"), short(args[0], "monitor"):
	default:
		c.Err.Print("Object \"" + args[0] + "\" is unknown, try \"bridge help\".\n")
		return 255
	}
	return 0
}

// routel lists all routes in columns.
func routel(c *program.Call) int {
	c.Printf("%-15s %-15s %-15s %-8s %-7s %-16s %s\n", "Dst", "Gateway", "Prefsrc", "Protocol", "Scope", "Dev", "Table")
	row := func(to, via, source, protocol, scope, dev, table string) {
		c.Printf("%-15s %-15s %-15s %-8s %-7s %-16s %s\n", to, via, source, protocol, scope, dev, table)
	}
	for _, r := range routes(c) {
		value := map[string]string{}
		words := strings.Fields(r.More)
		for i := 0; i+1 < len(words); i++ {
			value[words[i]] = words[i+1]
		}
		row(r.To, r.Via, value["src"], value["proto"], value["scope"], r.Dev, "")
	}
	for _, l := range links(c) {
		for _, a := range l.addrs {
			own := a.Addr().String()
			if l.loop {
				row(a.Masked().String(), "", own, "kernel", "host", "lo", "local")
			}
			row(own, "", own, "kernel", "host", l.name, "local")
			row(broadcast(a).String(), "", own, "kernel", "link", l.name, "local")
		}
	}
	return 0
}
