package telnet

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// traits are what tells the descendants of BSD's telnetd apart.
type traits struct {
	auth     bool // offers AUTHENTICATION and ENCRYPT (RFC 2941, RFC 2946)
	oldEnv   bool // asks for the older ENVIRON too
	linemode bool // asks for LINEMODE (RFC 1184), and BINARY once it runs
	// hello is what it shows before login.
	hello func(h hostinfo) string
}

// bsdTraits are the products, by face. Measured: inetutils 2.4 of Debian 12
// under inetd. From its source and from captures of others: netkit 0.17 as in
// Debian 11, Ubuntu 22.04, CentOS 7 and Rocky 9.
var bsdTraits = map[string]traits{
	faceInetutils: {auth: true, oldEnv: true, linemode: true, hello: func(h hostinfo) string {
		return "\r\nLinux " + h.kernel + " (" + h.fqdn + ") (" + h.tty + ")\r\n\r\n"
	}},
	faceNetkit: {hello: func(h hostinfo) string { return strings.ReplaceAll(h.issue, "\n", "\r\n") }},
}

// side is the negotiation of one option by one side: BSD's state machine,
// which RFC 1143 describes and mends.
type side struct {
	state, want bool
	pending     int // requests not answered yet
}

func (s *side) changing() bool { return s.state != s.want || s.pending > 0 }

// bsd is telnetd of inetutils or netkit.
type bsd struct {
	*link
	traits traits
	host   hostinfo

	mine, his [256]side
	early     []byte // for the terminal, before it is there
	exists    bool   // the terminal is there
	running   bool   // and takes what the client types

	state  func(*bsd, byte)
	verb   byte
	sub    []byte
	afterC bool // a CR was seen
	old42  bool // the other side may not survive urgent data

	lines     lineState
	flow      int // -1 where it was never told
	got       [256]bool
	told      client
	gone      bool // the client asked to be logged out
	linemode  bool
	slc       [slcCount + 1]slc
	later     []byte // special characters that came too early
	hasLater  bool
	editmode  byte
	restarted bool
}

// lineState is how far line mode was agreed on.
type lineState int

const (
	lineNone lineState = iota
	lineKludge
	lineReal
)

func newBSD(l *link, t traits, h hostinfo) *bsd {
	b := &bsd{link: l, traits: t, host: h, flow: 1, told: client{env: map[string]string{}}}
	b.state = (*bsd).data
	return b
}

// greet sends the banner past the terminal.
func (b *bsd) greet() error {
	b.tty.mu.Lock()
	defer b.tty.mu.Unlock()
	return b.tty.deliver([]byte(b.traits.hello(b.host)))
}

func (b *bsd) client() client {
	c := b.told
	c.options = b.options()
	return c
}

// loop reads the network while wanted.
func (b *bsd) loop(wanted func() bool) error {
	var buf [4096]byte
	for wanted() && !b.gone {
		if err := b.flush(); err != nil {
			return err
		}
		n, err := b.conn.Read(buf[:])
		b.tty.mu.Lock()
		b.parse(buf[:n])
		b.tty.mu.Unlock()
		if err != nil {
			return err
		}
	}
	if b.gone {
		return errors.Join(b.flush(), io.EOF)
	}
	return nil
}

// start makes the terminal take what came before it was there.
func (b *bsd) start() {
	b.running = true
	early := b.early
	b.early = nil
	b.tty.input(early)
}

// maxEarly is telnetd's buffer for the terminal.
const maxEarly = 8192

// key gives one byte to the terminal.
func (b *bsd) key(c byte) {
	if len(b.early) < maxEarly {
		b.early = append(b.early, c)
	}
}

// receive implements server.
func (b *bsd) receive(p []byte) {
	b.parse(p)
	early := b.early
	b.early = nil
	b.tty.input(early)
	b.tty.flush()
	if b.flush() != nil || b.gone {
		b.tty.hangup(io.EOF)
	}
}

func (b *bsd) parse(p []byte) {
	for _, c := range p {
		if b.gone {
			return
		}
		b.state(b, c)
	}
}

// push gives the terminal what it has been sent so far, before something
// overtakes it.
func (b *bsd) push() {
	if !b.running {
		return
	}
	early := b.early
	b.early = nil
	b.tty.input(early)
}

// data is a byte outside of commands.
func (b *bsd) data(c byte) {
	if b.afterC {
		b.afterC = false
		if c == 0 || c == '\n' {
			return
		}
	}
	if c == iac {
		b.state = (*bsd).command
		return
	}
	if c == '\r' && !b.his[optBinary].state {
		b.afterC = true
	}
	b.key(c)
}

// command is the byte after IAC.
func (b *bsd) command(c byte) {
	b.state = (*bsd).data
	switch c {
	case cmdIP:
		b.push()
		b.key(3)
	case cmdBreak, cmdAbort:
		b.push()
		b.key(0x1c)
	case cmdAYT:
		b.send([]byte("\r\n[Yes]\r\n")...)
	case cmdAO:
		b.push()
		b.key(0x0f)
		b.synch(!b.old42)
	case cmdEC:
		b.push()
		b.key(b.char(slcEC))
	case cmdEL:
		b.push()
		b.key(b.char(slcEL))
	case cmdEOR:
		if b.his[optEOR].state {
			b.key(4)
		}
	case cmdEOF:
		b.key(4)
	case cmdSusp:
		b.push()
		b.key(0x1a)
	case cmdSB:
		b.sub = b.sub[:0]
		b.state = (*bsd).suboption
	case cmdWill, cmdWont, cmdDo, cmdDont:
		b.verb = c
		b.state = (*bsd).option
	case iac:
		b.key(iac)
	}
}

func (b *bsd) option(o byte) {
	b.state = (*bsd).data
	b.note(b.verb, o)
	switch b.verb {
	case cmdWill:
		b.recvWill(o)
	case cmdWont:
		b.recvWont(o)
	case cmdDo:
		b.recvDo(o)
	case cmdDont:
		b.recvDont(o)
	}
}

func (b *bsd) suboption(c byte) {
	if c == iac {
		b.state = (*bsd).suboptionIAC
		return
	}
	b.subByte(c)
}

func (b *bsd) subByte(c byte) {
	if len(b.sub) < maxSub {
		b.sub = append(b.sub, c)
	}
}

func (b *bsd) suboptionIAC(c byte) {
	switch c {
	case cmdSE:
		b.state = (*bsd).data
		b.recvSub(bytes.Clone(b.sub))
	case iac:
		b.subByte(c)
		b.state = (*bsd).suboption
	default:
		// Not closed as it should be: what follows is a command again.
		b.recvSub(bytes.Clone(b.sub))
		b.command(c)
	}
}

// encode implements server: IAC doubled, CR alone made CR NUL (RFC 854).
func (b *bsd) encode(p []byte) []byte {
	out := make([]byte, 0, len(p)+8)
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c == iac {
			out = append(out, c)
		}
		out = append(out, c)
		if c == '\r' && !b.mine[optBinary].state {
			if i+1 < len(p) && p[i+1] == '\n' {
				i++
				out = append(out, '\n')
			} else {
				out = append(out, 0)
			}
		}
	}
	return out
}

// flushed implements server.
func (b *bsd) flushed() { b.synch(!b.old42) }
