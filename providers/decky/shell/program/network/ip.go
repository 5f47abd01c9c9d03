package network

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

const ipUsage = `Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }
       ip [ -force ] -batch filename
where  OBJECT := { address | addrlabel | amt | fou | help | ila | ioam | l2tp |
                   link | macsec | maddress | monitor | mptcp | mroute | mrule |
                   neighbor | neighbour | netconf | netns | nexthop | ntable |
                   ntbl | route | rule | sr | tap | tcpmetrics |
                   token | tunnel | tuntap | vrf | xfrm }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -r[esolve] |
                    -h[uman-readable] | -iec | -j[son] | -p[retty] |
                    -f[amily] { inet | inet6 | mpls | bridge | link } |
                    -4 | -6 | -M | -B | -0 |
                    -l[oops] { maximum-addr-flush-attempts } | -br[ief] |
                    -o[neline] | -t[imestamp] | -ts[hort] | -b[atch] [filename] |
                    -rc[vbuf] [size] | -n[etns] name | -N[umeric] | -a[ll] |
                    -c[olor]}
`

// ipCall is one call of ip.
type ipCall struct {
	c                         *program.Call
	brief, one, stats, detail bool
	json                      bool
	four, six                 bool
	words                     []string // behind the object and its command
}

// objects of ip in the order that an abbreviation is looked up in.
var objects = []string{"address", "addrlabel", "maddress", "route", "rule", "neighbor", "neighbour", "ntable", "ntbl", "link", "l2tp", "fou", "ila", "macsec", "tunnel", "tunl", "tuntap", "tap", "token", "tcpmetrics", "monitor", "xfrm", "mroute", "mrule", "netns", "netconf", "vrf", "sr", "nexthop", "mptcp", "ioam", "amt", "help"}

func ip(c *program.Call) int {
	if c.Applet {
		return ipApplet(c)
	}
	p := &ipCall{c: c}
	args := c.Args
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := strings.TrimPrefix(args[0], "-")
		a = strings.TrimPrefix(a, "-")
		args = args[1:]
		switch {
		case a == "4":
			p.four = true
		case a == "6":
			p.six = true
		case short(a, "brief") && len(a) > 1:
			p.brief = true
		case short(a, "oneline"):
			p.one = true
		case short(a, "statistics"), short(a, "stats"):
			p.stats = true
		case short(a, "details"):
			p.detail = true
		case short(a, "json"):
			p.json = true
		case a == "V", short(a, "Version"):
			c.Print("ip utility, iproute2-6.1.0, libbpf 1.1.2\n")
			return 0
		case short(a, "family"), short(a, "netns"), short(a, "loops"), a == "rc", short(a, "batch") && len(a) < 2:
			if len(args) == 0 {
				c.Err.Print("Command line is not complete. Try option \"help\"\n")
				return 255
			}
			p.four, p.six = p.four || args[0] == "inet", p.six || args[0] == "inet6"
			args = args[1:]
		case short(a, "help") && a != "h":
			c.Err.Print(ipUsage)
			return 255
		case short(a, "resolve"), short(a, "pretty"), short(a, "human"), short(a, "color"), strings.HasPrefix(a, "c"), short(a, "timestamp"), short(a, "tshort"), a == "iec", a == "N", a == "0", a == "M", a == "B", short(a, "all"), short(a, "force"), a == "h":
		default:
			c.Err.Print("Option \"-" + a + "\" is unknown, try \"ip -help\".\n")
			return 255
		}
	}
	if len(args) == 0 {
		c.Err.Print(ipUsage)
		return 255
	}
	object := ""
	for _, o := range objects {
		if short(args[0], o) {
			object = o
			break
		}
	}
	p.words = args[1:]
	return p.object(object, args[0])
}

func (p *ipCall) object(object, typed string) int {
	c := p.c
	switch object {
	case "address":
		return p.address()
	case "link":
		return p.link()
	case "route":
		return p.route()
	case "neighbor", "neighbour":
		return p.neighbour()
	case "rule":
		return p.rule()
	case "maddress":
		for _, l := range links(c) {
			c.Printf("%d:\t%s\n", l.index, l.name)
			if !l.loop {
				c.Print("\tlink  01:00:5e:00:00:01\n")
			}
			c.Print("\tinet  224.0.0.1\n")
		}
		return 0
	case "netconf", "ntable", "ntbl", "tcpmetrics", "addrlabel", "mroute", "mrule", "tunnel", "tunl", "tuntap", "tap", "netns", "xfrm", "vrf", "token", "nexthop", "mptcp", "l2tp", "macsec", "fou", "ila", "sr", "ioam", "amt":
		if len(p.words) > 0 && (short(p.words[0], "add") || short(p.words[0], "delete") || p.words[0] == "exec") {
			if c.User.UID != 0 {
				c.Err.Print("RTNETLINK answers: Operation not permitted\n")
				return 2
			}
		}
		return 0
	case "monitor":
		c.Wait(c.Kernel.Time())
		return 0
	case "help":
		c.Err.Print(ipUsage)
		return 255
	}
	c.Err.Print("Object \"" + typed + "\" is unknown, try \"ip help\".\n")
	return 1
}

// command is the first word, where it is one of names; show is the default.
func (p *ipCall) command(object string, names ...string) (string, bool) {
	if len(p.words) == 0 {
		return "show", true
	}
	for _, n := range names {
		if short(p.words[0], n) {
			p.words = p.words[1:]
			if n == "list" || n == "lst" {
				n = "show"
			}
			return n, true
		}
	}
	p.c.Err.Print("Command \"" + p.words[0] + "\" is unknown, try \"ip " + object + " help\".\n")
	return "", false
}

// shown are the links that the words ask for.
func (p *ipCall) shown() (list []link, ok bool) {
	name, up := "", false
	for i := 0; i < len(p.words); i++ {
		switch w := p.words[i]; {
		case w == "up":
			up = true
		case w == "dev" && i+1 < len(p.words):
			i++
			name = p.words[i]
		case w == "scope", w == "label", w == "to", w == "type", w == "master", w == "group":
			i++
		case w == "primary", w == "secondary", w == "dynamic", w == "permanent", w == "deprecated", w == "tentative":
		default:
			name = w
		}
	}
	for _, l := range links(p.c) {
		if (name == "" || l.name == name) && (!up || l.up) {
			list = append(list, l)
		}
	}
	if name != "" && len(list) == 0 && !up {
		p.c.Err.Print("Device \"" + name + "\" does not exist.\n")
		return nil, false
	}
	return list, true
}

func (p *ipCall) address() int {
	verb, ok := p.command("address", "show", "list", "lst", "add", "delete", "del", "change", "replace", "flush", "save", "restore", "help")
	switch {
	case !ok:
		return 255
	case verb == "help":
		p.c.Err.Print("Usage: ip address {add|change|replace} IFADDR dev IFNAME [ LIFETIME ]\n                                                      [ CONFFLAG-LIST ]\n       ip address del IFADDR dev IFNAME [mngtmpaddr]\n       ip address {save|flush} [ dev IFNAME ] [ scope SCOPE-ID ]\n       ip address [ show [ dev IFNAME ] [ up ] ]\n       ip address {showdump|restore}\n")
		return 255
	case verb != "show":
		return p.changeAddress(verb)
	}
	list, ok := p.shown()
	if !ok {
		return 1
	}
	if p.json {
		return p.addressJSON(list)
	}
	for _, l := range list {
		addrs := l.addrs
		if p.six {
			addrs = nil
		}
		if (p.four || p.six) && len(addrs) == 0 {
			continue
		}
		switch {
		case p.brief:
			p.c.Printf("%-16s %-14s ", l.name, l.state())
			for _, a := range addrs {
				p.c.Print(a.String() + " ")
			}
			p.c.Print("\n")
		case p.one:
			for _, a := range addrs {
				p.c.Printf("%d: %s    inet %s\\       valid_lft forever preferred_lft forever\n", l.index, l.name, l.inet(a))
			}
		default:
			p.head(l, "group default qlen 1000")
			if !p.four && !p.six {
				p.ether(l)
			}
			for _, a := range addrs {
				p.c.Printf("    inet %s\n       valid_lft forever preferred_lft forever\n", l.inet(a))
			}
			if p.stats {
				p.counters(l)
			}
		}
	}
	return 0
}

func (l link) inet(a netip.Prefix) string {
	if l.loop {
		return a.String() + " scope host lo"
	}
	brd := ""
	if a.Bits() < 31 && len(l.addrs) > 0 && a == l.addrs[0] {
		brd = " brd " + broadcast(a).String()
	}
	return a.String() + brd + " scope global " + l.name
}

func (p *ipCall) head(l link, more string) {
	p.c.Printf("%d: %s: <%s> mtu %d qdisc %s state %s %s", l.index, l.name, l.flags(), l.mtu, l.qdisc(), l.state(), more)
	if !p.one {
		p.c.Print("\n")
	}
}

func (p *ipCall) ether(l link) {
	kind, brd := "ether", "ff:ff:ff:ff:ff:ff"
	if l.loop {
		kind, brd = "loopback", "00:00:00:00:00:00"
	}
	if p.one {
		p.c.Printf("\\    link/%s %s brd %s\n", kind, l.mac, brd)
		return
	}
	p.c.Printf("    link/%s %s brd %s", kind, l.mac, brd)
	if p.detail {
		p.c.Print(" promiscuity 0  allmulti 0 minmtu 68 maxmtu 9000 numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535 tso_max_size 65536 tso_max_segs 65535 gro_max_size 65536 ")
	}
	p.c.Print("\n")
}

func (p *ipCall) counters(l link) {
	width := max(len(fmt.Sprint(l.rx)), len(fmt.Sprint(l.tx)), len("*X errors:"))
	packets := max(len(fmt.Sprint(l.rxPackets)), len(fmt.Sprint(l.txPackets)), len("packets"))
	row := func(way, last string, bytes, count int64) {
		p.c.Printf("    %s: %*s %*s errors dropped %s           \n", way, width-4, "bytes", packets, "packets", last)
		p.c.Printf("    %*d %*d %6d %7d %7d %7d \n", width, bytes, packets, count, 0, 0, 0, 0)
	}
	row("RX", " missed   mcast", l.rx, l.rxPackets)
	row("TX", "carrier collsns", l.tx, l.txPackets)
}

func (p *ipCall) link() int {
	verb, ok := p.command("link", "show", "list", "lst", "set", "add", "delete", "del", "change", "replace", "property", "afstats", "xstats", "help")
	switch {
	case !ok:
		return 255
	case verb == "help":
		p.c.Err.Print("Usage: ip link add [link DEV | parentdev NAME] [ name ] NAME\n\t\t    type TYPE [ ARGS ]\n\n\tip link delete { DEVICE | dev DEVICE | group DEVGROUP } type TYPE [ ARGS ]\n\n\tip link set { DEVICE | dev DEVICE | group DEVGROUP }\n\t\t\t[ { up | down } ]\n\n\tip link show [ DEVICE | group GROUP ] [up] [master DEV] [vrf NAME] [type TYPE]\n\t\t[nomaster]\n\n\tip link help [ TYPE ]\n")
		return 255
	case verb != "show":
		return p.changeLink(verb)
	}
	list, ok := p.shown()
	if !ok {
		return 1
	}
	if p.json {
		return p.linkJSON(list)
	}
	for _, l := range list {
		if p.brief {
			p.c.Printf("%-16s %-14s %s <%s> \n", l.name, l.state(), l.mac, l.flags())
			continue
		}
		p.head(l, "mode DEFAULT group default qlen 1000")
		p.ether(l)
		if p.stats {
			p.counters(l)
		}
	}
	return 0
}

func (p *ipCall) route() int {
	verb, ok := p.command("route", "show", "list", "lst", "get", "add", "append", "change", "replace", "delete", "del", "flush", "save", "restore", "help")
	switch {
	case !ok:
		return 255
	case verb == "help":
		p.c.Err.Print("Usage: ip route { list | flush } SELECTOR\n       ip route save SELECTOR\n       ip route restore\n       ip route showdump\n       ip route get [ ROUTE_GET_FLAGS ] ADDRESS\n                            [ from ADDRESS iif STRING ]\n       ip route { add | del | change | append | replace } ROUTE\n")
		return 255
	case verb == "get":
		return p.routeGet()
	case verb != "show":
		return p.changeRoute(verb)
	}
	if p.six {
		return 0
	}
	dev, table := "", "main"
	filter := ""
	for i := 0; i < len(p.words); i++ {
		switch w := p.words[i]; {
		case w == "dev" && i+1 < len(p.words):
			i++
			dev = p.words[i]
		case w == "table" && i+1 < len(p.words):
			i++
			table = p.words[i]
		case w == "via", w == "proto", w == "scope", w == "type", w == "src":
			i++
		case w == "default", w == "0/0", w == "0.0.0.0/0":
			filter = "default"
		}
	}
	if table == "local" || table == "all" || table == "255" {
		p.local()
	}
	if table == "local" || table == "255" {
		return 0
	}
	list := routes(p.c)
	if p.json {
		return p.routeJSON(list)
	}
	for _, r := range list {
		if dev != "" && r.Dev != dev || filter != "" && r.To != filter {
			continue
		}
		p.c.Print(r.text(dev == "") + "\n")
	}
	return 0
}

// text is a route as ip shows it.
func (r route) text(dev bool) string {
	out := r.To
	if host, ok := strings.CutSuffix(r.To, "/32"); ok {
		out = host
	}
	if r.Via != "" {
		out += " via " + r.Via
	}
	if dev {
		out += " dev " + r.Dev
	}
	if r.More != "" {
		out += " " + r.More
	}
	return out + " "
}

// local is the table of the host's own addresses.
func (p *ipCall) local() {
	for _, l := range links(p.c) {
		for _, a := range l.addrs {
			own := a.Addr().String()
			if l.loop {
				p.c.Printf("local %s dev lo proto kernel scope host src %s \n", a.Masked(), own)
			}
			p.c.Printf("local %s dev %s proto kernel scope host src %s \n", own, l.name, own)
			p.c.Printf("broadcast %s dev %s proto kernel scope link src %s \n", broadcast(a), l.name, own)
		}
	}
}

func (p *ipCall) routeGet() int {
	c := p.c
	if len(p.words) == 0 {
		c.Err.Print("need at least a destination address\n")
		return 1
	}
	target := p.words[0]
	if (target == "to") && len(p.words) > 1 {
		target = p.words[1]
	}
	a, err := netip.ParseAddr(target)
	if err != nil {
		c.Err.Print("Error: any valid prefix is expected rather than \"" + target + "\".\n")
		return 1
	}
	if peer.Of(c.Machine).Own(a) {
		c.Printf("local %s dev lo src %s uid %d \n    cache <local> \n", a, a, c.User.UID)
		return 0
	}
	r, ok := via(c, a)
	if !ok || a.Is6() {
		c.Err.Print("RTNETLINK answers: Network is unreachable\n")
		return 2
	}
	text := a.String()
	if r.Via != "" {
		text += " via " + r.Via
	}
	c.Printf("%s dev %s src %s uid %d \n    cache \n", text, r.Dev, c.Machine.IP(), c.User.UID)
	return 0
}

func (p *ipCall) neighbour() int {
	verb, ok := p.command("neigh", "show", "list", "lst", "add", "delete", "del", "change", "replace", "flush", "get", "help")
	switch {
	case !ok:
		return 255
	case verb == "help":
		p.c.Err.Print("Usage: ip neigh { add | del | change | replace }\n                { ADDR [ lladdr LLADDR ] [ nud STATE ] proxy ADDR }\n                [ dev DEV ] [ router ] [ extern_learn ] [ protocol PROTO ]\n\n       ip neigh { show | flush } [ proxy ] [ to PREFIX ] [ dev DEV ] [ nud STATE ]\n                                  [ vrf NAME ] [ nomaster ]\n       ip neigh get { ADDR | proxy ADDR } dev DEV\n")
		return 255
	case verb != "show":
		if _, ok := root(p.c, "RTNETLINK answers", 2); !ok {
			return 2
		}
		return 0
	}
	dev := ""
	for i, w := range p.words {
		if w == "dev" && i+1 < len(p.words) {
			dev = p.words[i+1]
		}
	}
	if dev != "" {
		if _, ok := linkOf(p.c, dev); !ok {
			p.c.Err.Print("Cannot find device \"" + dev + "\"\n")
			return 1
		}
	}
	if p.six || dev == "lo" {
		return 0
	}
	for i, n := range p.c.Machine.Neighbours() {
		state := "REACHABLE"
		if i > 0 && p.c.Machine.Number("neigh/"+n.IP, 0, 2) > 0 {
			state = "STALE"
		}
		on := " dev " + p.c.Machine.NIC()
		if dev != "" {
			on = ""
		}
		p.c.Printf("%s%s lladdr %s %s \n", n.IP, on, n.MAC, state)
	}
	return 0
}

func (p *ipCall) rule() int {
	verb, ok := p.command("rule", "show", "list", "lst", "add", "delete", "del", "flush", "save", "restore", "help")
	switch {
	case !ok:
		return 255
	case verb != "show":
		if _, ok := root(p.c, "RTNETLINK answers", 2); !ok {
			return 2
		}
		return 0
	}
	p.c.Print("0:\tfrom all lookup local\n32766:\tfrom all lookup main\n")
	if !p.six {
		p.c.Print("32767:\tfrom all lookup default\n")
	}
	return 0
}

// put writes a value as ip -j does.
func (p *ipCall) put(v any) int {
	data, err := json.Marshal(v)
	if err != nil {
		return 1
	}
	p.c.Print(string(data) + "\n")
	return 0
}
