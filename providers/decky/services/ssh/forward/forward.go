// Package forward is what a client meets at the other end of a forwarding: a
// simulated host that resolves, refuses, answers HTTP, SMTP or TLS, or stays
// silent, decided by the target and by what the client says. It keeps what the
// client sends on record. It opens no connection and resolves no name.
package forward

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/schema/event"
)

// Target is where a client wants to go.
type Target struct {
	Host string
	Port uint16
}

// Stream is the client's side of a forwarding.
type Stream interface {
	io.ReadWriter
	CloseWrite() error
	// CloseRead makes reads end.
	CloseRead()
}

// Simulator stands for everything that a host can reach. It is safe for
// concurrent use.
type Simulator struct {
	Now func() time.Time
	// Derive is the host's own, so that it meets the same peers tomorrow.
	Derive func(label string) []byte
	// Hostname and IP are the host's own, Local tells whether it listens on a
	// port itself, and SSH is the identification of its SSH server.
	Hostname string
	IP       string
	Local    func(port uint16) bool
	SSH      string
	// Sleep is a sleep that ends with the context.
	Sleep func(ctx context.Context, d time.Duration)

	mu     sync.Mutex
	leaves map[string]*leaf
}

// Peer is one connection to a target.
type Peer struct {
	s      *Simulator
	target Target
	record func(event.Body) error
}

// Open begins a connection whose talk record keeps.
func (s *Simulator) Open(t Target, record func(event.Body) error) *Peer {
	return &Peer{s: s, target: t, record: record}
}

// Words of the C library for a connection that fails.
const (
	refused = "Connection refused"
	unknown = "Name or service not known"
	noRoute = "No route to host"
	timeout = "Connection timed out"
)

// What a failing connection takes on Linux.
const (
	arpTakes     = 3060 * time.Millisecond
	timeoutTakes = 131 * time.Second // six SYNs
)

// Connect waits as a connection to the target would and returns the words of
// the error, or nothing.
func (p *Peer) Connect(ctx context.Context) string {
	takes, failure := p.s.reach(p.target)
	p.s.Sleep(ctx, takes)
	return failure
}

// number is a number below n for label.
func (s *Simulator) number(label string, n uint32) uint32 {
	return binary.BigEndian.Uint32(s.Derive("forward/"+label)) % n
}

// roundTrip is how far a host is: the same for its whole network.
func (s *Simulator) roundTrip(network string) time.Duration {
	return time.Duration(7_000+s.number("distance/"+network, 170_000)) * time.Microsecond
}

// reach decides how a connection to t ends.
func (s *Simulator) reach(t Target) (time.Duration, string) {
	host := strings.ToLower(strings.TrimSuffix(t.Host, "."))
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return s.reachName(host, t.Port)
	}
	ip = ip.Unmap()
	own, _ := netip.ParseAddr(s.IP)
	switch {
	case ip.IsLoopback(), ip.IsUnspecified(), ip == own:
		return s.reachOwn(t.Port)
	case ip.Is6(), ip.IsMulticast():
		return 0, "Network is unreachable"
	case ip.IsLinkLocalUnicast():
		return arpTakes, noRoute
	case ip.IsPrivate() && own.Is4() && netip.PrefixFrom(own, 24).Contains(ip):
		if s.number("neighbour/"+ip.String(), 5) == 0 {
			return 400 * time.Microsecond, refused
		}
		return arpTakes, noRoute
	case ip.IsPrivate(), reserved(ip):
		return timeoutTakes, timeout
	}
	network := netip.PrefixFrom(ip, 16).Masked().String()
	return s.roundTrip(network), ""
}

// reserved are networks where nothing answers.
func reserved(ip netip.Addr) bool {
	for _, prefix := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "240.0.0.0/4", "100.64.0.0/10", "0.0.0.0/8"} {
		if netip.MustParsePrefix(prefix).Contains(ip) {
			return true
		}
	}
	return false
}

func (s *Simulator) reachOwn(port uint16) (time.Duration, string) {
	if port == 22 || s.Local != nil && s.Local(port) {
		return 150 * time.Microsecond, ""
	}
	return 100 * time.Microsecond, refused
}

func (s *Simulator) reachName(host string, port uint16) (time.Duration, string) {
	if host == "localhost" || host == strings.ToLower(s.Hostname) {
		return s.reachOwn(port)
	}
	lookup := time.Duration(4_000+s.number("lookup/"+host, 60_000)) * time.Microsecond
	if !resolves(host) {
		return lookup, unknown
	}
	return lookup + s.roundTrip(host), ""
}

// resolves tells whether a name looks like one that the public DNS has.
func resolves(host string) bool {
	labels := strings.Split(host, ".")
	if len(labels) < 2 || len(host) > 253 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	top := labels[len(labels)-1]
	switch top {
	case "invalid", "test", "example", "local", "localhost", "internal", "lan", "home", "corp", "localdomain", "onion":
		return false
	}
	return len(top) >= 2 && strings.Trim(top, "abcdefghijklmnopqrstuvwxyz") == "" || strings.HasPrefix(top, "xn--")
}

// Bounds of one connection.
const (
	idle    = 75 * time.Second // nothing came: the peer closes
	maxHead = 16 << 10
	maxBody = 64 << 10 // kept of what a client sends
)

// line is a connection with its buffered input.
type line struct {
	Stream
	in    *bufio.Reader
	timer *time.Timer
}

// Read implements io.Reader.
func (l *line) Read(p []byte) (int, error) { return l.in.Read(p) }

// watched restarts the timer with everything that comes.
type watched struct {
	Stream
	timer *time.Timer
}

func (w watched) Read(p []byte) (int, error) {
	n, err := w.Stream.Read(p)
	w.timer.Reset(idle)
	return n, err
}

// Serve talks to the client until one side ends.
func (p *Peer) Serve(ctx context.Context, stream Stream) {
	timer := time.AfterFunc(idle, stream.CloseRead)
	defer timer.Stop()
	stop := context.AfterFunc(ctx, stream.CloseRead)
	defer stop()
	l := &line{Stream: stream, in: bufio.NewReaderSize(watched{stream, timer}, 4<<10), timer: timer}
	// What fails here is the client's end, which shows in its connection.
	if greeting := p.greeting(); greeting != "" {
		if _, err := io.WriteString(l, greeting); err != nil {
			return
		}
	}
	switch p.target.Port {
	case 25, 587, 2525:
		_ = p.smtp(l, l, false)
	case 21, 22, 110, 143:
		_ = p.banner(l)
	default:
		_ = p.listen(l)
	}
}

// greeting is what a peer says before it hears anything.
func (p *Peer) greeting() string {
	switch p.target.Port {
	case 21:
		return "220 (vsFTPd 3.0.5)\r\n"
	case 22:
		if _, failure := p.s.reachOwn(22); failure == "" && p.own() {
			return p.s.SSH + "\r\n"
		}
		versions := []string{"SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", "SSH-2.0-OpenSSH_8.7", "SSH-2.0-OpenSSH_8.2p1 Ubuntu-4ubuntu0.11"}
		return versions[p.s.number("ssh/"+p.target.Host, uint32(len(versions)))] + "\r\n"
	case 110:
		return "+OK Dovecot ready.\r\n"
	case 143:
		return "* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS LOGINDISABLED] Dovecot ready.\r\n"
	case 25, 587, 2525:
		return "220 " + p.mailName() + " ESMTP Postfix\r\n"
	}
	return ""
}

// own tells whether the target is the host itself.
func (p *Peer) own() bool {
	takes, failure := p.s.reach(p.target)
	return failure == "" && takes < time.Millisecond
}

// banner keeps the first bytes that answer a greeting and ends.
func (p *Peer) banner(l *line) error {
	if _, err := l.in.Peek(1); err != nil {
		return err
	}
	first, _ := l.in.Peek(min(l.in.Buffered(), 2048))
	if err := p.said("", first); err != nil {
		return err
	}
	return l.CloseWrite()
}

// said keeps bytes of no known protocol.
func (p *Peer) said(protocol string, data []byte) error {
	return p.record(&event.Request{Protocol: "forwarded" + protocol, Method: "data", Target: p.name(), Host: event.Text(p.target.Host).Clip(1024), Body: event.Text(data).Clip(maxBody), BodySize: int64(len(data))})
}

// listen waits for the client and answers in its protocol.
func (p *Peer) listen(l *line) error {
	first, err := l.in.Peek(3)
	if len(first) == 0 {
		return err
	}
	switch {
	case len(first) == 3 && first[0] == 0x16 && first[1] == 3:
		return p.tls(l)
	case first[0] >= 'A' && first[0] <= 'Z' || first[0] >= 'a' && first[0] <= 'z':
		return p.http(l, l.in, "http")
	}
	return p.silent(l)
}

// silent is a peer that says nothing: what comes is kept, up to a bound.
func (p *Peer) silent(l *line) error {
	kept := 0
	for kept < maxBody {
		if _, err := l.in.Peek(1); err != nil {
			return err
		}
		data, _ := l.in.Peek(min(l.in.Buffered(), 2048))
		if err := p.said("", data); err != nil {
			return err
		}
		kept += len(data)
		if _, err := l.in.Discard(len(data)); err != nil {
			return err
		}
	}
	return nil
}
