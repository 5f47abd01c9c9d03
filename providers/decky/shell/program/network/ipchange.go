package network

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

const notPermitted = "RTNETLINK answers"

// operands takes "dev NAME" and the like out of the words.
func (p *ipCall) operands(names ...string) (rest []string, value map[string]string, ok bool) {
	value = map[string]string{}
	for i := 0; i < len(p.words); i++ {
		w := p.words[i]
		if !slices.Contains(names, w) {
			rest = append(rest, w)
			continue
		}
		if i++; i == len(p.words) {
			p.c.Err.Print("Command line is not complete. Try option \"help\"\n")
			return nil, nil, false
		}
		value[w] = p.words[i]
	}
	return rest, value, true
}

func (p *ipCall) fail(status int, text string) int {
	p.c.Err.Print(text + "\n")
	return status
}

// prefix reads an address with or without its length.
func prefix(text string) (netip.Prefix, bool) {
	if !strings.Contains(text, "/") {
		text += "/32"
	}
	x, err := netip.ParsePrefix(text)
	return x, err == nil && x.Addr().Is4()
}

func (p *ipCall) changeAddress(verb string) int {
	rest, value, ok := p.operands("dev", "brd", "broadcast", "scope", "label", "peer", "local", "valid_lft", "preferred_lft", "to")
	if !ok {
		return 255
	}
	dev := value["dev"]
	if verb == "flush" {
		if dev == "" && len(rest) > 0 {
			dev = rest[0]
		}
		return p.flushAddresses(dev)
	}
	if len(rest) > 0 && value["local"] == "" {
		value["local"] = rest[0]
	}
	if dev == "" {
		return p.fail(1, "Not enough information: \"dev\" argument is required.")
	}
	a, ok := prefix(value["local"])
	if !ok {
		return p.fail(1, "Error: any valid prefix is expected rather than \""+value["local"]+"\".")
	}
	l, ok := linkOf(p.c, dev)
	if !ok {
		return p.fail(1, "Cannot find device \""+dev+"\"")
	}
	if status, ok := root(p.c, notPermitted, 2); !ok {
		return status
	}
	x := loadChanges(p.c)
	there := slices.Contains(l.addrs, a)
	switch verb {
	case "add":
		if there {
			return p.fail(2, "Error: ipv4: Address already assigned.")
		}
		fallthrough
	case "change", "replace":
		if !there && len(x.Addrs[dev]) < maxChanges {
			x.Addrs[dev] = append(x.Addrs[dev], a.String())
		}
	default:
		if !there {
			return p.fail(2, "RTNETLINK answers: Cannot assign requested address")
		}
		x.drop(dev, a)
	}
	x.store(p.c)
	return 0
}

// drop takes an address from a link.
func (x *changes) drop(dev string, a netip.Prefix) {
	before := len(x.Addrs[dev])
	x.Addrs[dev] = slices.DeleteFunc(x.Addrs[dev], func(s string) bool { return s == a.String() })
	if len(x.Addrs[dev]) == before && !slices.Contains(x.Lost, a.String()) && len(x.Lost) < maxChanges {
		x.Lost = append(x.Lost, a.String())
	}
}

func (p *ipCall) flushAddresses(dev string) int {
	if dev == "" {
		return p.fail(255, "Flush requires arguments.")
	}
	l, ok := linkOf(p.c, dev)
	if !ok {
		return p.fail(1, "Device \""+dev+"\" does not exist.")
	}
	if status, ok := root(p.c, "Failed to send flush request", 255); !ok {
		return status
	}
	x := loadChanges(p.c)
	for _, a := range l.addrs {
		x.drop(dev, a)
	}
	x.store(p.c)
	return 0
}

func (p *ipCall) changeLink(verb string) int {
	rest, value, ok := p.operands("dev", "mtu", "address", "name", "txqueuelen", "type", "link", "master", "netns", "promisc", "multicast", "arp", "alias", "group")
	if !ok {
		return 255
	}
	dev := value["dev"]
	if dev == "" && verb != "add" {
		if len(rest) == 0 {
			return p.fail(1, "Not enough information: \"dev\" argument is required.")
		}
		dev, rest = rest[0], rest[1:]
	}
	if verb == "add" || verb == "delete" || verb == "del" {
		if status, ok := root(p.c, notPermitted, 2); !ok {
			return status
		}
		if verb == "add" {
			if value["type"] == "" {
				return p.fail(255, "Not enough information: \"type\" argument is required")
			}
			return p.fail(2, "RTNETLINK answers: Operation not supported")
		}
	}
	if _, ok := linkOf(p.c, dev); !ok {
		return p.fail(1, "Cannot find device \""+dev+"\"")
	}
	if status, ok := root(p.c, notPermitted, 2); !ok {
		return status
	}
	if verb != "set" && verb != "change" {
		return p.fail(2, "RTNETLINK answers: Operation not supported")
	}
	x := loadChanges(p.c)
	for _, w := range rest {
		switch w {
		case "up":
			delete(x.Down, dev)
		case "down":
			x.Down[dev] = true
		default:
			return p.fail(255, "Error: either \"dev\" is duplicate, or \""+w+"\" is a garbage.")
		}
	}
	if text, ok := value["mtu"]; ok {
		n, ok := program.Count(text)
		if !ok {
			return p.fail(255, "Error: argument \""+text+"\" is wrong: Invalid \"mtu\" value")
		}
		most := int64(9000)
		if dev == "lo" {
			most = 1<<31 - 1
		}
		if n < 68 && dev != "lo" || n > most {
			return p.fail(2, "Error: mtu "+map[bool]string{true: "less than device minimum", false: "greater than device maximum"}[n < 68]+".")
		}
		x.MTU[dev] = int(n)
	}
	x.store(p.c)
	return 0
}

func (p *ipCall) changeRoute(verb string) int {
	rest, value, ok := p.operands("dev", "via", "src", "metric", "proto", "scope", "table", "mtu", "to")
	if !ok {
		return 255
	}
	if verb == "flush" {
		if len(rest) == 0 && len(value) == 0 {
			return p.fail(255, "\"ip route flush\" requires arguments.")
		}
		if len(rest) > 0 && rest[0] == "cache" {
			return 0
		}
	}
	to := value["to"]
	if len(rest) > 0 {
		to = rest[0]
	}
	switch to {
	case "":
		if value["via"] == "" && value["dev"] == "" {
			return p.fail(2, "RTNETLINK answers: Invalid argument")
		}
		to = "default"
	case "default", "0/0", "0.0.0.0/0":
		to = "default"
	case "blackhole", "unreachable", "prohibit":
		if len(rest) < 2 {
			return p.fail(2, "RTNETLINK answers: Invalid argument")
		}
		to = rest[1]
	}
	if to != "default" {
		x, ok := prefix(to)
		if !ok {
			return p.fail(1, "Error: any valid prefix is expected rather than \""+to+"\".")
		}
		if x.Masked() != x {
			return p.fail(2, "Error: Invalid prefix for given prefix length.")
		}
		to = x.String()
	}
	if dev := value["dev"]; dev != "" {
		if _, ok := linkOf(p.c, dev); !ok {
			return p.fail(1, "Cannot find device \""+dev+"\"")
		}
	}
	gateway, err := netip.ParseAddr(value["via"])
	if value["via"] != "" && err != nil {
		return p.fail(1, "Error: inet address is expected rather than \""+value["via"]+"\".")
	}
	if status, ok := root(p.c, notPermitted, 2); !ok {
		return status
	}
	return p.keepRoute(verb, to, gateway, value)
}

func (p *ipCall) keepRoute(verb, to string, gateway netip.Addr, value map[string]string) int {
	list := routes(p.c)
	there := slices.ContainsFunc(list, func(r route) bool { return r.To == to })
	x := loadChanges(p.c)
	remove := func() {
		before := len(x.Routes)
		x.Routes = slices.DeleteFunc(x.Routes, func(r route) bool { return r.To == to })
		if len(x.Routes) == before && len(x.Removed) < maxChanges {
			x.Removed = append(x.Removed, to)
		}
	}
	switch verb {
	case "del", "delete", "flush":
		if !there {
			if verb == "flush" {
				return 0
			}
			return p.fail(2, "RTNETLINK answers: No such process")
		}
		remove()
		x.store(p.c)
		return 0
	case "add":
		if there {
			return p.fail(2, "RTNETLINK answers: File exists")
		}
	case "change", "replace":
		if there {
			remove()
		}
	}
	dev := value["dev"]
	if gateway.IsValid() {
		way, ok := via(p.c, gateway)
		if !ok || way.Via != "" {
			return p.fail(2, "Error: Nexthop has invalid gateway.")
		}
		if dev == "" {
			dev = way.Dev
		}
	}
	if dev == "" {
		return p.fail(2, "RTNETLINK answers: No such device")
	}
	r := route{To: to, Via: value["via"], Dev: dev}
	if r.Via == "" {
		r.More = "scope link"
	}
	if value["metric"] != "" {
		r.More = strings.TrimSpace(r.More + " metric " + value["metric"])
	}
	if len(x.Routes) < maxChanges {
		x.Routes = append(x.Routes, r)
	}
	x.store(p.c)
	return 0
}

// ipApplet is busybox' ip.
func ipApplet(c *program.Call) int {
	p := &ipCall{c: c}
	args := c.Args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		p.four, p.six, p.one = p.four || args[0] == "-4", p.six || args[0] == "-6", p.one || args[0] == "-o"
		args = args[1:]
	}
	object := ""
	if len(args) > 0 {
		for _, o := range []string{"address", "route", "link", "tunnel", "neigh", "rule"} {
			if short(args[0], o) {
				object = o
				break
			}
		}
	}
	if object == "" {
		c.Err.Print("ip: missing operand\n")
		return 1
	}
	if p.words = args[1:]; len(p.words) > 0 && !short(p.words[0], "show") && !short(p.words[0], "list") {
		return p.object(object, object)
	}
	if len(p.words) > 0 {
		p.words = p.words[1:]
	}
	dev := ""
	for i, w := range p.words {
		if w == "dev" && i+1 < len(p.words) {
			dev = p.words[i+1]
		} else if i == 0 && w != "dev" {
			dev = w
		}
	}
	if _, ok := linkOf(c, dev); dev != "" && !ok {
		return c.Complain("can't find device '%s'", dev)
	}
	switch object {
	case "address", "link":
		for _, l := range links(c) {
			if dev != "" && l.name != dev {
				continue
			}
			c.Printf("%d: %s: <%s> mtu %d qdisc %s qlen 1000\n", l.index, l.name, l.flags(), l.mtu, l.qdisc())
			p.ether(l)
			for _, a := range l.addrs {
				if object == "address" {
					c.Printf("    inet %s\n       valid_lft forever preferred_lft forever\n", l.inet(a))
				}
			}
		}
	case "route":
		for _, r := range routes(c) {
			more := strings.Replace(strings.Replace(r.More, "proto kernel scope link src", "scope link  src", 1), "onlink", "", 1)
			c.Print(strings.TrimSpace(route{r.To, r.Via, r.Dev, ""}.text(true)+strings.TrimPrefix(more, "proto static")) + " \n")
		}
	case "neigh":
		for _, n := range c.Machine.Neighbours() {
			c.Printf("%s dev %s lladdr %s used 0/0/0 probes 1 REACHABLE\n", n.IP, c.Machine.NIC(), n.MAC)
		}
	case "rule":
		return p.rule()
	}
	return 0
}
