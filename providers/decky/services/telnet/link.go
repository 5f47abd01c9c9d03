package telnet

import (
	"slices"

	"github.com/decnet/decnet/providers/decky"
)

// server is one product's telnetd on one connection: everything between the
// network and the terminal. receive, encode and flushed are called with the
// terminal's lock held.
type server interface {
	// begin negotiates until the program may start. It reads the connection
	// itself.
	begin() error
	// receive takes what came from the network.
	receive(p []byte)
	// encode is what goes to the network for what the terminal shows.
	encode(p []byte) []byte
	// flushed is called when the terminal threw its output away.
	flushed()
	// greet shows what the server itself has to say before the program.
	greet() error
	// client describes the other side's terminal.
	client() client
}

// client is what the other side told of itself.
type client struct {
	term    string // in lower case
	speed   string
	display string
	env     map[string]string
	options []byte // the verbs and options it sent, for a fingerprint
}

// urgent is a connection that can send a byte out of band (RFC 793 section
// 3.7), as telnetd does with the first byte of IAC DM.
type urgent interface{ WriteUrgent(b byte) error }

// delaying is a connection that can gather small writes until the other side has
// acknowledged those before (RFC 896), as the socket of a telnetd does.
type delaying interface{ SetNoDelay(bool) error }

// gather lets the kernel gather small writes.
func gather(conn decky.Conn) error {
	if d, ok := conn.(delaying); ok {
		return d.SetNoDelay(false)
	}
	return nil
}

// link is the network side of a session.
type link struct {
	conn decky.Conn
	tty  *tty
	out  []byte
	err  error
	seen []byte // verbs and options received
}

// send queues bytes.
func (l *link) send(p ...byte) { l.out = append(l.out, p...) }

// flush writes what is queued.
func (l *link) flush() error {
	if len(l.out) == 0 || l.err != nil {
		return l.err
	}
	p := l.out
	l.out = nil
	_, l.err = l.conn.Write(p)
	return l.err
}

// synch sends IAC DM (RFC 854's Synch), the IAC out of band where that works.
func (l *link) synch(outOfBand bool) {
	u, ok := l.conn.(urgent)
	if !outOfBand || !ok {
		l.send(iac, cmdDM)
		return
	}
	if l.flush() != nil {
		return
	}
	if l.err = u.WriteUrgent(iac); l.err == nil {
		l.send(cmdDM)
	}
}

// maxSeen bounds the fingerprint.
const maxSeen = 256

func (l *link) note(verb, option byte) {
	if len(l.seen) < maxSeen {
		l.seen = append(l.seen, verb, option)
	}
}

func (l *link) options() []byte { return slices.Clone(l.seen) }
