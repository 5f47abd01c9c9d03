// Package connection is the connection protocol of RFC 4254 as OpenSSH's server
// speaks it: channels with its windows, its order of messages, its answers to
// what is wrong. It owns the multiplexing and the bounds on it; what a channel
// is for is the Handler's business. It reaches no other host.
package connection

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
)

// Conn carries the packets of an authenticated client.
type Conn interface {
	ReadPacket() ([]byte, error)
	WritePacket(payload []byte) error
	// Unimplemented answers the packet that was read last.
	Unimplemented() error
	// Disconnect sends SSH_MSG_DISCONNECT; the caller ends the connection.
	Disconnect(reason uint32, text string) error
}

// Handler decides what a client gets. Its methods are called one at a time by
// the goroutine that reads the connection and must not wait for the client.
type Handler interface {
	// OpenSession tells whether one more session channel may be opened.
	OpenSession(ch *Channel) bool
	// OpenForward begins a forwarding of a kind ("direct-tcpip", ...) or
	// refuses it; of a nil Forward and a nil Refusal nothing is known.
	OpenForward(kind string, r *wire.Reader) (Forward, *Refusal, error)
	// Request answers a channel request on a session.
	Request(ch *Channel, name string, r *wire.Reader, reply func(ok bool)) error
	// Global answers a global request; debug is sent as SSH_MSG_DEBUG first.
	Global(name string, wantReply bool, r *wire.Reader) (answer Answer, err error)
	// Closed tells that a session channel is gone.
	Closed(ch *Channel)
}

// Answer is the reply to a global request.
type Answer struct {
	OK      bool
	Payload []byte
	Debug   string // sent as SSH_MSG_DEBUG before the reply
}

// Refusal is why a channel is not opened (RFC 4254 section 5.1).
type Refusal struct {
	Reason uint32
	Text   string
	Debug  string // sent as SSH_MSG_DEBUG before the refusal
}

// Forward is a forwarding that has begun. Connect waits as a connection would
// and returns nil, or why there is none; Serve talks over the channel then.
type Forward interface {
	Connect(ctx context.Context) *Refusal
	Serve(ctx context.Context, ch *Channel)
}

// Reasons of RFC 4254 section 5.1 and 11.1 of RFC 4253.
const (
	Prohibited    = 1
	ConnectFailed = 2
	unknownType   = 3
	protocolError = 2 // SSH_DISCONNECT_PROTOCOL_ERROR

	maxReason = 1023 // bytes of a reason that sshd has room for
)

// OpenSSH's windows.
const (
	packetSize = 32 << 10
	windowSize = 64 * packetSize
)

// Bounds of one connection.
const (
	// MaxChannels is how many channels may be open: a process of OpenSSH
	// has 1,024 descriptors.
	MaxChannels = 1000
	// maxQueued is how much of a client's data may wait unread over all
	// channels; the connection stands still above it.
	maxQueued = 4 << 20
)

// Options are what differs between builds and clients.
type Options struct {
	// OldTexts is the wording of releases before 7.7.
	OldTexts bool
	// Window is what a session's channel opens with, and regains as it is
	// read; 0 is OpenSSH's manner: none at first, and 2 MiB when its command
	// starts.
	Window uint32
	// Packet is the largest packet that a client may send; 0 is OpenSSH's.
	Packet uint32
	// Silent: the server ends without a word where a client breaks the
	// protocol, and refuses channels of unknown types with reason 3 and no
	// text.
	Silent bool
	// EndOfWrite: the client knows eow@openssh.com.
	EndOfWrite bool
}

// ErrProtocol ends a connection whose client broke the protocol; where sshd
// says so to the client that was sent.
var ErrProtocol = errors.New("protocol error")

// Serve speaks the protocol until the connection ends and every forwarding and
// everything started with Channel.Go has returned. A nil error is a client that
// left in order.
func Serve(ctx context.Context, conn Conn, handler Handler, options Options) error {
	ctx, cancel := context.WithCancel(ctx)
	m := &mux{ctx: ctx, conn: conn, handler: handler, options: options, window: windowSize, packetMax: packetSize}
	if options.Window != 0 {
		m.window = options.Window
	}
	if options.Packet != 0 {
		m.packetMax = options.Packet
	}
	m.drained.L = &m.mu
	stop := context.AfterFunc(ctx, func() { m.mu.Lock(); m.drained.Broadcast(); m.mu.Unlock() })
	defer stop()
	err := m.loop()
	cancel()
	m.kill()
	m.running.Wait()
	return err
}

// mux is the channels of one connection.
type mux struct {
	ctx     context.Context // of Serve, which created the mux and outlives it
	conn    Conn
	handler Handler
	options Options
	window  uint32 // that a channel has when its data flows
	// packetMax is what a client hears that it may send at once.
	packetMax uint32
	running   sync.WaitGroup
	// noSessions: the client said that it opens no more; only the reading
	// goroutine uses it.
	noSessions bool

	write sync.Mutex

	mu       sync.Mutex
	channels []*Channel // by number, nil where free
	queued   int
	drained  sync.Cond
	freed    map[uint32]time.Time // when a number was given back
}

// collected is how long after its channel's end a number is used again: sshd
// collects what has ended once it has read all that arrived.
const collected = 2 * time.Millisecond

func (m *mux) send(payload []byte) error {
	m.write.Lock()
	defer m.write.Unlock()
	return m.conn.WritePacket(payload)
}

// disconnect ends the connection as ssh_packet_disconnect does.
func (m *mux) disconnect(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if m.options.Silent {
		return broken(text)
	}
	text = text[:min(len(text), maxReason)]
	m.write.Lock()
	defer m.write.Unlock()
	if err := m.conn.Disconnect(protocolError, text); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", ErrProtocol, text)
}

// broken ends the connection without a word, as sshd's fatal does.
func broken(what string) error { return fmt.Errorf("%w: %s", ErrProtocol, what) }

func (m *mux) debug(text string) error {
	if text == "" {
		return nil
	}
	p := wire.AppendBool([]byte{wire.Debug}, false)
	return m.send(wire.AppendString(wire.AppendString(p, text), ""))
}

func (m *mux) loop() error {
	for {
		if err := m.backpressure(); err != nil {
			return err
		}
		payload, err := m.conn.ReadPacket()
		if err != nil {
			return err
		}
		if err := m.packet(payload); err != nil {
			return err
		}
	}
}

// backpressure waits while too much lies unread.
func (m *mux) backpressure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.queued > maxQueued && m.ctx.Err() == nil {
		m.drained.Wait()
	}
	return m.ctx.Err()
}

func (m *mux) packet(payload []byte) error {
	if len(payload) == 0 {
		return m.conn.Unimplemented()
	}
	r := wire.NewReader(payload[1:])
	switch payload[0] {
	case wire.GlobalRequest:
		return m.global(r)
	case wire.ChannelOpen:
		return m.open(r)
	case wire.ChannelData:
		return m.data(r)
	case wire.ChannelExtended:
		return m.extended(r)
	case wire.ChannelWindowAdjust:
		return m.adjust(r)
	case wire.ChannelRequest:
		return m.request(r)
	case wire.ChannelEOF:
		return m.eof(r)
	case wire.ChannelClose:
		return m.closed(r)
	case wire.ChannelConfirm:
		return m.unasked(r, "open confirmation", "Received open confirmation for non-opening channel %d.")
	case wire.ChannelOpenFailure:
		return m.unasked(r, "open failure", "Received open failure for non-opening channel %d.")
	case wire.RequestSuccess, wire.RequestFailure, wire.ChannelSuccess, wire.ChannelFailure:
		return nil // answers to a keepalive of ours
	}
	return m.conn.Unimplemented()
}

func (m *mux) global(r *wire.Reader) error {
	name, want := r.Text(), r.Bool()
	if r.Bad() {
		return broken("global request")
	}
	var answer Answer
	var err error
	if name == "no-more-sessions@openssh.com" {
		m.noSessions, answer.OK = true, true
	} else {
		answer, err = m.handler.Global(name, want, r)
	}
	if err != nil {
		return err
	}
	if err := m.debug(answer.Debug); err != nil || !want {
		return err
	}
	if !answer.OK {
		return m.send([]byte{wire.RequestFailure})
	}
	return m.send(append([]byte{wire.RequestSuccess}, answer.Payload...))
}

// add gives ch the lowest free number.
func (m *mux) add(ch *Channel) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, other := range m.channels {
		if other == nil && time.Since(m.freed[uint32(i)]) > collected {
			delete(m.freed, uint32(i))
			ch.id, m.channels[i] = uint32(i), ch
			return true
		}
	}
	if len(m.channels) >= MaxChannels {
		return false
	}
	ch.id = uint32(len(m.channels))
	m.channels = append(m.channels, ch)
	return true
}

// remove frees ch's number.
func (m *mux) remove(ch *Channel) {
	m.mu.Lock()
	if int(ch.id) < len(m.channels) && m.channels[ch.id] == ch {
		m.channels[ch.id] = nil
		if m.freed == nil {
			m.freed = map[uint32]time.Time{}
		}
		m.freed[ch.id] = time.Now()
	}
	m.mu.Unlock()
}

func (m *mux) lookup(id uint32) *Channel {
	m.mu.Lock()
	defer m.mu.Unlock()
	if uint64(id) >= uint64(len(m.channels)) {
		return nil
	}
	return m.channels[id]
}

// named finds the channel that a message is about, in sshd's words where there
// is none.
func (m *mux) named(r *wire.Reader, what, old string) (*Channel, error) {
	id := r.Uint32()
	switch {
	case r.Bad():
		return nil, m.disconnect("Invalid %s message", what)
	case id > 1<<31-1:
		return nil, m.disconnect("Invalid %s channel id", what)
	}
	ch := m.lookup(id)
	if ch == nil && m.options.OldTexts {
		return nil, m.disconnect("Received %s for nonexistent channel %d.", old, id)
	}
	if ch == nil {
		return nil, m.disconnect("%s packet referred to nonexistent channel %d", what, id)
	}
	return ch, nil
}

// kill makes every channel fail: the connection is over.
func (m *mux) kill() {
	m.mu.Lock()
	channels := append([]*Channel(nil), m.channels...)
	m.channels = nil
	m.mu.Unlock()
	for _, ch := range channels {
		if ch != nil {
			ch.die()
			if ch.kind == "session" {
				m.handler.Closed(ch)
			}
		}
	}
}
