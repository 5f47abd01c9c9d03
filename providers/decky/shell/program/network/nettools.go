package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

func ifconfig(c *program.Call) int {
	args := c.Args
	all := false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-a":
			all = true
		case "-v":
		case "-s":
			c.Print("Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n")
			interfaceTable(c)
			return 0
		case "-V", "--version":
			c.Print(netToolsVersion)
			return 0
		case "-h", "--help", "-?":
			c.Err.Print("Usage:\n  ifconfig [-a] [-v] [-s] <interface> [[<AF>] <address>]\n  [add <address>[/<prefixlen>]]\n  [del <address>[/<prefixlen>]]\n  [[-]broadcast [<address>]]  [[-]pointopoint [<address>]]\n  [netmask <address>]  [dstaddr <address>]  [tunnel <address>]\n  [hw <HW> <address>]  [mtu <NN>]\n  [[-]promisc]  [[-]arp]  [[-]allmulti]\n  [multicast]\n  [mem_start <NN>]  [io_addr <NN>]  [irq <NN>]  [media <type>]\n  [txqueuelen <NN>]\n  [name <newname>]\n  [up|down] ...\n")
			return 0
		default:
			c.Err.Print("ifconfig: option `" + args[0] + "' not recognised.\nifconfig: `--help' gives usage information.\n")
			return 1
		}
		args = args[1:]
	}
	if len(args) == 0 {
		list := slices.Clone(links(c))
		slices.SortFunc(list, func(a, b link) int { return strings.Compare(a.name, b.name) })
		for _, l := range list {
			if l.up || all {
				ifconfigLink(c, l)
			}
		}
		return 0
	}
	name, _, _ := strings.Cut(args[0], ":")
	l, ok := linkOf(c, name)
	if len(args) == 1 {
		if !ok {
			c.Err.Print(name + ": error fetching interface information: Device not found\n")
			if c.Applet {
				return 1
			}
			return 1
		}
		ifconfigLink(c, l)
		return 0
	}
	return ifconfigSet(c, args[0], name, ok, args[1:])
}

// ifconfigSet changes a link.
func ifconfigSet(c *program.Call, alias, name string, there bool, args []string) int {
	deny := func(call string) bool {
		if c.User.UID == 0 && !there {
			c.Err.Print(call + ": No such device\n")
			return true
		}
		if c.User.UID != 0 {
			c.Err.Print(call + ": Operation not permitted\n")
			return true
		}
		return false
	}
	x := loadChanges(c)
	bits := 0
	var added netip.Addr
	for i := 0; i < len(args); i++ {
		next := ""
		if i+1 < len(args) {
			next = args[i+1]
		}
		switch a := args[i]; a {
		case "up", "down":
			if deny("SIOCSIFFLAGS") {
				return 255
			}
			if a == "down" {
				x.Down[name] = true
			} else {
				delete(x.Down, name)
			}
		case "netmask":
			if m, err := netip.ParseAddr(next); err == nil && m.Is4() {
				for _, b := range m.As4() {
					for ; b&0x80 != 0; b <<= 1 {
						bits++
					}
				}
			}
			i++
		case "mtu":
			if deny("SIOCSIFMTU") {
				return 255
			}
			if n, ok := program.Count(next); ok && n >= 68 && n <= 9000 {
				x.MTU[name] = int(n)
			}
			i++
		case "broadcast", "hw", "txqueuelen", "pointopoint", "dstaddr", "media":
			if deny("SIOCSIFBRDADDR") {
				return 255
			}
			i++
			if a == "hw" {
				i++
			}
		case "promisc", "-promisc", "arp", "-arp", "allmulti", "-allmulti", "multicast", "inet":
			if a != "inet" && deny("SIOCSIFFLAGS") {
				return 255
			}
		default:
			text, length, _ := strings.Cut(a, "/")
			ip, ok := peer.Numeric(text)
			if !ok {
				c.Err.Print(a + ": Host name lookup failure\nifconfig: `--help' gives usage information.\n")
				return 1
			}
			if deny("SIOCSIFADDR") {
				if c.User.UID != 0 {
					c.Err.Print("SIOCSIFFLAGS: Operation not permitted\n")
				}
				return 255
			}
			added = ip
			if n, ok := program.Count(length); ok && n <= 32 {
				bits = int(n)
			}
		}
	}
	if added.IsValid() {
		if bits == 0 {
			bits = classful(added)
		}
		if !strings.Contains(alias, ":") {
			if l, ok := linkOf(c, name); ok {
				for _, a := range l.addrs {
					x.drop(name, a)
				}
			}
		}
		if len(x.Addrs[name]) < maxChanges {
			x.Addrs[name] = append(x.Addrs[name], netip.PrefixFrom(added, bits).String())
		}
	}
	x.store(c)
	return 0
}

// classful is the length of the prefix that an address has by its class.
func classful(a netip.Addr) int {
	switch b := a.As4()[0]; {
	case b < 128:
		return 8
	case b < 192:
		return 16
	}
	return 24
}

// ifconfigLink shows a link; busybox keeps the older form.
func ifconfigLink(c *program.Call, l link) {
	if c.Applet {
		oldLink(c, l)
		return
	}
	flags := "4163<UP,BROADCAST,RUNNING,MULTICAST>"
	switch {
	case l.loop:
		flags = "73<UP,LOOPBACK,RUNNING>"
	case !l.up:
		flags = "4098<BROADCAST,MULTICAST>"
	}
	c.Printf("%s: flags=%s  mtu %d\n", l.name, flags, l.mtu)
	if len(l.addrs) > 0 {
		a := l.addrs[0]
		c.Printf("        inet %s  netmask %s", a.Addr(), netmask(a.Bits()))
		if !l.loop {
			c.Printf("  broadcast %s", broadcast(a))
		}
		c.Print("\n")
	}
	if l.loop {
		c.Print("        loop  txqueuelen 1000  (Local Loopback)\n")
	} else {
		c.Printf("        ether %s  txqueuelen 1000  (Ethernet)\n", l.mac)
	}
	c.Printf("        RX packets %d  bytes %d (%s)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets %d  bytes %d (%s)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n", l.rxPackets, l.rx, size(l.rx), l.txPackets, l.tx, size(l.tx))
}

func oldLink(c *program.Call, l link) {
	kind := "Link encap:Ethernet  HWaddr " + strings.ToUpper(l.mac)
	flags := "UP BROADCAST RUNNING MULTICAST"
	if l.loop {
		kind, flags = "Link encap:Local Loopback", "UP LOOPBACK RUNNING"
	}
	if !l.up {
		flags = "BROADCAST MULTICAST"
	}
	c.Printf("%-9s %s  \n", l.name, kind)
	if len(l.addrs) > 0 {
		a := l.addrs[0]
		bcast := ""
		if !l.loop {
			bcast = "  Bcast:" + broadcast(a).String()
		}
		c.Printf("          inet addr:%s%s  Mask:%s\n", a.Addr(), bcast, netmask(a.Bits()))
	}
	c.Printf("          %s  MTU:%d  Metric:1\n          RX packets:%d errors:0 dropped:0 overruns:0 frame:0\n          TX packets:%d errors:0 dropped:0 overruns:0 carrier:0\n          collisions:0 txqueuelen:1000 \n          RX bytes:%d (%s)  TX bytes:%d (%s)\n\n", flags, l.mtu, l.rxPackets, l.txPackets, l.rx, size(l.rx), l.tx, size(l.tx))
}

// interfaceTable is that of netstat -i and ifconfig -s.
func interfaceTable(c *program.Call) {
	for _, l := range links(c) {
		flags := "BMRU"
		switch {
		case l.loop:
			flags = "LRU"
		case !l.up:
			continue
		}
		c.Printf("%-15s %5d %8d %6d %6d %-6d %8d %6d %6d %6d %s\n", l.name, l.mtu, l.rxPackets, 0, 0, 0, l.txPackets, 0, 0, 0, flags)
	}
}

// routeTable is that of route and, with other columns, of netstat -r.
func routeTable(c *program.Call, numeric, mss bool) {
	columns := "Flags Metric Ref    Use Iface"
	if mss {
		columns = "Flags   MSS Window  irtt Iface"
	}
	c.Print("Kernel IP routing table\nDestination     Gateway         Genmask         " + columns + "\n")
	for _, r := range routes(c) {
		to, mask, flags := netip.MustParsePrefix("0.0.0.0/0"), "0.0.0.0", "U"
		if r.To != "default" {
			var err error
			if to, err = netip.ParsePrefix(r.To); err != nil {
				continue
			}
			mask = netmask(to.Bits())
		}
		gateway := "0.0.0.0"
		if !numeric && c.Applet {
			gateway = "*"
		}
		if r.Via != "" {
			gateway, flags = r.Via, "UG"
			if a, err := netip.ParseAddr(r.Via); err == nil && !numeric {
				if name := peer.Of(c.Machine).Reverse(a); name != "" {
					gateway = name
				}
			}
		}
		if to.Bits() == 32 {
			flags += "H"
		}
		name := to.Addr().String()
		if to.Bits() == 0 && !numeric {
			name = "default"
		}
		if mss {
			c.Printf("%-15s %-15s %-15s %-5s %5d %-5d %6d %s\n", name, gateway, mask, flags, 0, 0, 0, r.Dev)
			continue
		}
		c.Printf("%-15s %-15s %-15s %-5s %-6d %-3d %6d %s\n", name, gateway, mask, flags, 0, 0, 0, r.Dev)
	}
}

const routeUsage = `Usage: route [-nNvee] [-FC] [<AF>]           List kernel routing tables
       route [-v] [-FC] {add|del|flush} ...  Modify routing table for AF.

       route {-h|--help} [<AF>]              Detailed usage syntax for specified AF.
       route {-V|--version}                  Display version/author and exit.

        -v, --verbose            be verbose
        -n, --numeric            don't resolve names
        -e, --extend             display other/more information
`

func routeProgram(c *program.Call) int {
	c.Hint = routeUsage
	if c.Applet {
		c.Hint = ""
	}
	f, rest, ok := c.Parse("nNveFCA:46hV", "numeric=n extend=e verbose=v version=V help=h")
	switch {
	case !ok && c.Applet:
		return 1
	case !ok:
		return 4
	case f.Has("V"):
		c.Print(netToolsVersion)
		return 0
	case f.Has("h"):
		c.Print(routeUsage)
		return 4
	case len(rest) == 0:
		routeTable(c, f.Has("n"), f.Has("e"))
		return 0
	}
	return routeChange(c, rest)
}

// routeChange is route add and del, by way of ip's.
func routeChange(c *program.Call, words []string) int {
	const usage = "Usage: inet_route [-vF] del {-host|-net} Target[/prefix] [gw Gw] [metric M] [[dev] If]\n       inet_route [-vF] add {-host|-net} Target[/prefix] [gw Gw] [metric M]\n                              [netmask N] [mss Mss] [window W] [irtt I]\n                              [mod] [dyn] [reinstate] [[dev] If]\n       inet_route [-vF] add {-host|-net} Target[/prefix] [metric M] reject\n       inet_route [-FC] flush      NOT supported\n"
	verb := words[0]
	if verb != "add" && verb != "del" && verb != "delete" || len(words) < 2 {
		c.Err.Print(usage)
		return 4
	}
	call := map[bool]string{true: "SIOCADDRT", false: "SIOCDELRT"}[verb == "add"]
	to, bits, value := "", 32, map[string]string{}
	for i := 1; i < len(words); i++ {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch w := words[i]; w {
		case "-net", "-host", "reject", "mod", "dyn":
		case "gw":
			value["via"] = next
			i++
		case "dev":
			value["dev"] = next
			i++
		case "netmask":
			if m, err := netip.ParseAddr(next); err == nil && m.Is4() {
				bits = 0
				for _, b := range m.As4() {
					for ; b&0x80 != 0; b <<= 1 {
						bits++
					}
				}
			}
			i++
		case "metric", "mss", "window", "irtt":
			i++
		default:
			if to == "" {
				to = w
			} else {
				value["dev"] = w
			}
		}
	}
	if c.User.UID != 0 {
		c.Err.Print(call + ": Operation not permitted\n")
		return 7
	}
	if to != "default" {
		if !strings.Contains(to, "/") {
			to = fmt.Sprintf("%s/%d", to, bits)
		}
		p, err := netip.ParsePrefix(to)
		if err != nil {
			c.Err.Print(strings.Split(to, "/")[0] + ": Host name lookup failure\n")
			return 6
		}
		to = p.Masked().String()
	}
	inner := *c
	inner.Err = program.Stream{Writer: nothing{}}
	p := &ipCall{c: &inner}
	gateway, _ := netip.ParseAddr(value["via"])
	if status := p.keepRoute(map[bool]string{true: "add", false: "del"}[verb == "add"], to, gateway, value); status != 0 {
		switch {
		case verb != "add":
			c.Err.Print(call + ": No such process\n")
		case value["via"] != "":
			c.Err.Print(call + ": Network is unreachable\n")
		default:
			c.Err.Print(call + ": No such device\n")
		}
		return 7
	}
	return 0
}

// nothing takes what nobody is to read.
type nothing struct{}

// Write implements io.Writer.
func (nothing) Write(p []byte) (int, error) { return len(p), nil }

func arp(c *program.Call) int {
	c.Hint = "Usage:\n  arp [-vn]  [<HW>] [-i <if>] [-a] [<hostname>]             <-Display ARP cache\n  arp [-v]          [-i <if>] -d  <host> [pub]               <-Delete ARP entry\n  arp [-vnD] [<HW>] [-i <if>] -f  [<filename>]            <-Add entry from file\n  arp [-v]   [<HW>] [-i <if>] -s  <host> <hwaddr> [temp]            <-Add entry\n  arp [-v]   [<HW>] [-i <if>] -Ds <host> <if> [netmask <nm>] pub          <-''-\n"
	if c.Applet {
		c.Hint = ""
	}
	f, rest, ok := c.Parse("aA:dDefH:hi:np:sVv", "all=a delete=d numeric=n set=s version=V device=:i help=h verbose=v")
	switch {
	case !ok && c.Applet:
		return 1
	case !ok:
		return 3
	case f.Has("V"):
		c.Print(netToolsVersion)
		return 0
	case f.Has("s") || f.Has("d"):
		if len(rest) == 0 {
			c.Err.Print("arp: need host name\n")
			return 255
		}
		if c.User.UID != 0 {
			c.Err.Print(map[bool]string{true: "SIOCSARP", false: "SIOCDARP(dontpub)"}[f.Has("s")] + ": Operation not permitted\n")
			return 255
		}
		if a, ok := peer.Numeric(rest[0]); ok && !c.Machine.Persona.Prefix().Contains(a) {
			c.Err.Print(map[bool]string{true: "SIOCSARP", false: "SIOCDARP(dontpub)"}[f.Has("s")] + ": Network is unreachable\n")
			return 255
		}
		return 0
	}
	w := peer.Of(c.Machine)
	shown := 0
	old := f.Has("a") || c.Applet
	for _, n := range c.Machine.Neighbours() {
		a, err := netip.ParseAddr(n.IP)
		name := n.IP
		if err == nil && !f.Has("n") {
			if r := w.Reverse(a); r != "" {
				name = r
			}
		}
		if len(rest) > 0 && rest[0] != n.IP && rest[0] != name {
			continue
		}
		if !old {
			if shown == 0 {
				c.Print("Address                  HWtype  HWaddress           Flags Mask            Iface\n")
			}
			c.Printf("%-24s ether   %s   C                     %s\n", name, n.MAC, c.Machine.NIC())
			shown++
			continue
		}
		if name == n.IP {
			name = "?"
		}
		c.Printf("%s (%s) at %s [ether] %son %s\n", name, n.IP, n.MAC, map[bool]string{true: " "}[c.Applet], c.Machine.NIC())
		shown++
	}
	if shown == 0 && len(rest) > 0 {
		c.Print(rest[0] + " (" + rest[0] + ") -- no entry\n")
	}
	return 0
}
