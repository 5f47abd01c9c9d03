// Package peer is the world beyond a decky as its programs find it: whom a name
// stands for, whether somebody answers at an address, and what a download holds.
// All of it is made up, and the same whenever the same host asks again. It
// connects to nothing and resolves nothing.
package peer

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
)

// Answer is what an attempt to connect meets.
type Answer int

// Answers.
const (
	Open        Answer = iota // somebody listens
	Refused                   // RST
	Silent                    // nothing comes back
	NoHost                    // nobody answers to ARP
	Unreachable               // there is no route
)

// Text is the error as strerror(3) has it; "" where somebody listens.
func (a Answer) Text() string {
	return [...]string{"", "Connection refused", "Connection timed out", "No route to host", "Network is unreachable"}[a]
}

// Bounds of how long Linux tries: six SYNs, three ARP requests.
const (
	connectTime = 131 * time.Second
	arpTime     = 3070 * time.Millisecond
)

// Link is one attempt to connect.
type Link struct {
	Answer
	Delay time.Duration // until the attempt is decided
	RTT   time.Duration // there and back
	Local bool          // the host itself
}

// World is the network as one machine sees it.
type World struct{ m *machine.Machine }

// Of is the world of a machine.
func Of(m *machine.Machine) World { return World{m} }

// Number is a value in [low, high] for a label, the same for every host.
func Number(label string, low, high int64) int64 {
	if high <= low {
		return low
	}
	return low + int64(hash(label)%uint64(high-low+1))
}

// Own tells whether an address is the host's.
func (w World) Own(a netip.Addr) bool {
	return a.IsLoopback() || a.IsUnspecified() || a.String() == w.m.IP()
}

// Connect is what a TCP connection to an address meets.
func (w World) Connect(a netip.Addr, port int) Link {
	a = a.Unmap()
	l := Link{RTT: w.RTT(a)}
	l.Answer = w.answer(a, port)
	l.Local = w.Own(a)
	switch l.Answer {
	case Silent:
		l.Delay = connectTime
	case NoHost:
		l.Delay = arpTime
	case Unreachable:
	default:
		l.Delay = l.RTT
	}
	return l
}

func (w World) answer(a netip.Addr, port int) Answer {
	prefix := w.m.Persona.Prefix()
	switch {
	case w.Own(a):
		for _, l := range w.m.Listening() {
			if l.Port == port {
				return Open
			}
		}
		return Refused
	case a.Is6(), a.IsMulticast(), a.As4()[0] >= 240:
		return Unreachable
	case prefix.Contains(a):
		if w.Neighbour(a) {
			return Refused
		}
		return NoHost
	case special(a):
		return Silent
	}
	return public(a, port)
}

// Neighbour tells a host of the segment that this one knows.
func (w World) Neighbour(a netip.Addr) bool {
	for _, n := range w.m.Neighbours() {
		if n.IP == a.String() {
			return true
		}
	}
	return false
}

// reserved are the blocks that no packet comes back from: RFC 1918, 6598,
// 3927, 5737, 2544.
var reserved = func() (out []netip.Prefix) {
	for _, p := range strings.Fields("0.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 169.254.0.0/16 192.0.0.0/24 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 198.18.0.0/15") {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

func special(a netip.Addr) bool {
	for _, p := range reserved {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// resolvers are public ones: they answer where everybody knows them to.
var resolvers = map[string][]int{
	"1.1.1.1": {53, 80, 443, 853}, "1.0.0.1": {53, 80, 443, 853}, "8.8.8.8": {53, 443, 853}, "8.8.4.4": {53, 443, 853},
	"9.9.9.9": {53, 443, 853}, "208.67.222.222": {53, 443}, "114.114.114.114": {53},
}

// nobody are addresses that people type for a test.
var nobody = " 1.2.3.4 4.3.2.1 1.1.1.2 2.2.2.2 3.3.3.3 5.5.5.5 6.6.6.6 7.7.7.7 11.11.11.11 12.34.56.78 123.123.123.123 111.111.111.111 "

// web are ports that what is fetched is served from.
var web = map[int]bool{80: true, 443: true, 8080: true, 8000: true, 8443: true, 8081: true, 8088: true, 8888: true, 81: true, 82: true, 88: true, 9000: true, 9999: true, 1337: true, 5000: true, 3000: true, 8001: true, 8090: true}

// public is how an address of the Internet answers.
func public(a netip.Addr, port int) Answer {
	name := a.String()
	if ports, ok := resolvers[name]; ok {
		for _, p := range ports {
			if p == port {
				return Open
			}
		}
		return Silent
	}
	last := a.As4()[3]
	draw := Number("port/"+name+"/"+strconv.Itoa(port), 0, 99)
	switch {
	case strings.Contains(nobody, " "+name+" "), last == 0, last == 255:
		return Silent
	case Number("dead/"+name, 0, 99) < 4:
		return Silent
	case web[port]:
		return Open
	case port == 21 || port == 69:
		return Open
	case port == 22:
		if draw < 80 {
			return Open
		}
		return Silent
	case port == 0 || port < 1024:
		if draw < 55 {
			return Refused
		}
		return Silent
	case port >= 61000, port == 65535, port == 12345:
		return Refused
	}
	switch {
	case draw < 82:
		return Open
	case draw < 94:
		return Refused
	}
	return Silent
}

// RTT is how long a packet to an address and back takes.
func (w World) RTT(a netip.Addr) time.Duration {
	switch {
	case w.Own(a):
		return 40 * time.Microsecond
	case w.m.Persona.Prefix().Contains(a):
		return time.Duration(w.m.Number("rtt/"+a.String(), 180, 700)) * time.Microsecond
	}
	if _, ok := resolvers[a.String()]; ok {
		return time.Duration(w.m.Number("rtt/near", 3000, 15000)) * time.Microsecond
	}
	for _, b := range known {
		if b == a.String() {
			return time.Duration(Number("rtt/"+b, 4_000, 30_000)+w.m.Number("rtt/near", 3000, 15000)) * time.Microsecond
		}
	}
	return time.Duration(Number("rtt/"+a.String(), 14_000, 210_000)+w.m.Number("rtt/near", 3000, 15000)) * time.Microsecond
}

// Answers tells whether an address answers to an echo request.
func (w World) Answers(a netip.Addr) Answer {
	prefix := w.m.Persona.Prefix()
	switch {
	case w.Own(a):
		return Open
	case a.Is6(), a.IsMulticast(), a.As4()[0] >= 240:
		return Unreachable
	case prefix.Contains(a):
		if w.Neighbour(a) {
			return Open
		}
		return NoHost
	case special(a), strings.Contains(nobody, " "+a.String()+" "), a.As4()[3] == 0, a.As4()[3] == 255:
		return Silent
	}
	if _, ok := resolvers[a.String()]; ok {
		return Open
	}
	if Number("echo/"+a.String(), 0, 99) < 18 {
		return Silent
	}
	return Open
}

// Outside is the address that the Internet sees the host's site come from.
func (w World) Outside() netip.Addr {
	own := w.m.Persona.Prefix().Addr()
	if own.Is4() && !special(own) && !own.IsLoopback() {
		return own
	}
	h := hash("outside/" + string(w.m.Host.Site) + w.m.Persona.Prefix().Masked().String())
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(h))
	// Blocks that access providers of Europe and America number customers from.
	first := [...]byte{62, 77, 80, 81, 84, 87, 91, 93, 95, 109, 178, 188, 212, 213, 217, 24, 50, 66, 71, 98}
	b[0] = first[int(h>>40)%len(first)]
	b[3] = 2 + b[3]%250
	return netip.AddrFrom4(b)
}
