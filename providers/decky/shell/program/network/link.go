package network

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// changesFile keeps what was changed of links and routes until the host starts
// anew, in a file that ifupdown leaves behind.
const changesFile = "/run/network/.ifstate.lock"

// maxChanges bounds addresses and routes that are kept.
const maxChanges = 100

// changes are what a client changed.
type changes struct {
	Down    map[string]bool
	MTU     map[string]int
	Addrs   map[string][]string // of a link, beside its own
	Lost    []string            // own addresses that are gone
	Routes  []route
	Removed []string // own routes that are gone, by their destination
}

func loadChanges(c *program.Call) changes {
	x := changes{Down: map[string]bool{}, MTU: map[string]int{}, Addrs: map[string][]string{}}
	data, err := c.Machine.FS.As(0, 0).ReadFile(changesFile)
	if err != nil {
		return x
	}
	var kept changes
	if json.Unmarshal(data, &kept) != nil || kept.Down == nil || kept.MTU == nil || kept.Addrs == nil {
		return x
	}
	return kept
}

func (x changes) store(c *program.Call) {
	data, err := json.Marshal(x)
	if err != nil {
		return
	}
	v := c.Machine.FS.As(0, 0)
	if _, err := v.Stat("/run/network"); err != nil {
		// What cannot be kept is forgotten: the disk is full.
		_ = v.Mkdir("/run/network", 0o755)
	}
	_ = v.WriteFile(changesFile, data, 0o600)
}

// link is a network interface.
type link struct {
	index     int
	name      string
	loop      bool
	up        bool
	mtu       int
	mac       string
	addrs     []netip.Prefix
	rx, tx    int64 // bytes
	rxPackets int64
	txPackets int64
}

// links are the host's, by number.
func links(c *program.Call) []link {
	m := c.Machine
	x := loadChanges(c)
	n := m.Number("net/lo", 300, 1900)
	rb, rp, tb, tp := m.Traffic()
	list := []link{
		{index: 1, name: "lo", loop: true, up: true, mtu: 65536, mac: "00:00:00:00:00:00", addrs: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}, rx: n * 98, tx: n * 98, rxPackets: n, txPackets: n},
		{index: 2, name: m.NIC(), up: true, mtu: 1500, mac: m.MAC(), addrs: []netip.Prefix{m.Persona.Prefix()}, rx: rb, tx: tb, rxPackets: rp, txPackets: tp},
	}
	for i := range list {
		l := &list[i]
		l.up = !x.Down[l.name]
		if mtu := x.MTU[l.name]; mtu != 0 {
			l.mtu = mtu
		}
		l.addrs = slices.DeleteFunc(l.addrs, func(p netip.Prefix) bool { return slices.Contains(x.Lost, p.String()) })
		for _, a := range x.Addrs[l.name] {
			if p, err := netip.ParsePrefix(a); err == nil {
				l.addrs = append(l.addrs, p)
			}
		}
	}
	return list
}

func linkOf(c *program.Call, name string) (link, bool) {
	for _, l := range links(c) {
		if l.name == name {
			return l, true
		}
	}
	return link{}, false
}

// broadcast is the last address of a prefix.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	return netip.AddrFrom4(b)
}

// netmask is a prefix' mask, dotted.
func netmask(bits int) string {
	var b [4]byte
	for i := range bits {
		b[i/8] |= 1 << (7 - i%8)
	}
	return netip.AddrFrom4(b).String()
}

// flags of a link as iproute2 names them.
func (l link) flags() string {
	if l.loop {
		if !l.up {
			return "LOOPBACK"
		}
		return "LOOPBACK,UP,LOWER_UP"
	}
	if !l.up {
		return "BROADCAST,MULTICAST"
	}
	return "BROADCAST,MULTICAST,UP,LOWER_UP"
}

func (l link) state() string {
	switch {
	case !l.up:
		return "DOWN"
	case l.loop:
		return "UNKNOWN"
	}
	return "UP"
}

func (l link) qdisc() string {
	if l.loop {
		return "noqueue"
	}
	return "fq_codel"
}

// route is one of the main table.
type route struct {
	To   string // a prefix, "default"
	Via  string
	Dev  string
	More string // "onlink", "proto kernel scope link src 10.0.0.5"
}

// routes are the main table's, the default first.
func routes(c *program.Call) []route {
	m := c.Machine
	x := loadChanges(c)
	var list []route
	if !x.Down[m.NIC()] {
		more := map[string]string{"debian": "onlink", "debian11": "onlink", "kali": "onlink", "alpine": ""}
		word, ok := more[m.Release.Slug]
		if !ok {
			word = "proto static"
		}
		list = []route{
			{"default", m.Gateway(), m.NIC(), word},
			{m.Persona.Prefix().Masked().String(), "", m.NIC(), "proto kernel scope link src " + m.IP()},
		}
	}
	list = slices.DeleteFunc(list, func(r route) bool { return slices.Contains(x.Removed, r.To) })
	for _, r := range x.Routes {
		if r.To == "default" {
			list = slices.Insert(list, 0, r)
			continue
		}
		list = append(list, r)
	}
	for name, addrs := range x.Addrs {
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a); err == nil && p.Bits() < 32 && name != "lo" {
				list = append(list, route{p.Masked().String(), "", name, "proto kernel scope link src " + p.Addr().String()})
			}
		}
	}
	return list
}

// via is the route that a packet to an address takes.
func via(c *program.Call, a netip.Addr) (route, bool) {
	best, bits := route{}, -1
	for _, r := range routes(c) {
		p := netip.MustParsePrefix("0.0.0.0/0")
		if r.To != "default" {
			var err error
			if p, err = netip.ParsePrefix(r.To); err != nil {
				continue
			}
		}
		if p.Contains(a) && p.Bits() > bits {
			best, bits = r, p.Bits()
		}
	}
	return best, bits >= 0
}

// size is a count of bytes as ifconfig has it in brackets.
func size(n int64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v < 1024 {
			break
		}
		v, unit = v/1024, u
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

// root complains where the user is not root.
func root(c *program.Call, words string, status int) (int, bool) {
	if c.User.UID == 0 {
		return 0, true
	}
	c.Err.Print(words + ": Operation not permitted\n")
	return status, false
}

// short tells that word is a start of name.
func short(word, name string) bool { return word != "" && strings.HasPrefix(name, word) }
