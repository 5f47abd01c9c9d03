package tlsface

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Bounds on what a client may send, as OpenSSL has them.
const (
	maxMessage  = 16 << 10 // of a handshake after the ClientHello, in bytes
	maxWarnings = 5
	maxEmpty    = 32 // records without data in a row
)

// State is what a handshake came to.
type State struct {
	Version  uint16
	Cipher   uint16
	Protocol string // of ALPN
	Resumed  bool
}

// Conn is a connection after its handshake. One goroutine may read while another
// writes.
type Conn struct {
	net.Conn
	server  *Server
	version uint16 // of the records that go out
	state   State
	suite   *suite
	open    bool // the handshake is over

	raw      []byte // read and not yet taken
	messages []byte // of the handshake, not yet taken
	plain    []byte
	in       half
	empty    int
	warnings int
	ended    error // of reading

	said    transcript
	writing sync.Mutex
	pending []byte // records not yet sent
	out     half
	closed  bool // close_notify went out
}

// State is what the handshake came to.
func (c *Conn) State() State { return c.state }

// fill reads until n bytes are there.
func (c *Conn) fill(n int) error {
	for len(c.raw) < n {
		var buffer [8192]byte
		got, err := c.Conn.Read(buffer[:])
		c.raw = append(c.raw, buffer[:got]...)
		if err != nil && len(c.raw) < n {
			if len(c.raw) > 0 && errors.Is(err, io.EOF) {
				return io.ErrUnexpectedEOF
			}
			return err // as the connection has it: the caller looks for timeouts
		}
	}
	return nil
}

// record reads the next record and takes its protection off.
func (c *Conn) record() (byte, []byte, error) {
	for {
		if err := c.fill(headerSize); err != nil {
			return 0, nil, err
		}
		kind, version, size := c.raw[0], uint16(c.raw[1])<<8|uint16(c.raw[2]), int(c.raw[3])<<8|int(c.raw[4])
		most := maxPlain + moreSealed
		if c.in.version == VersionTLS13 {
			most = maxPlain + moreSealed13
		}
		switch {
		case version>>8 != 3, c.open && version != c.version:
			return 0, nil, alertVersion
		case size > most:
			return 0, nil, alertOverflow
		}
		if err := c.fill(headerSize + size); err != nil {
			return 0, nil, err
		}
		data := c.raw[headerSize : headerSize+size]
		if c.state.Version == VersionTLS13 && !c.open && kind == recordChange {
			if len(data) != 1 || data[0] != 1 {
				return 0, nil, alertUnexpected
			}
			c.raw = c.raw[headerSize+size:]
			continue
		}
		kind, plain, err := c.in.open(kind, version, data)
		if err != nil {
			return 0, nil, err
		}
		if c.raw = c.raw[headerSize+size:]; len(c.raw) == 0 {
			c.raw = nil
		}
		if len(plain) > maxPlain {
			return 0, nil, alertOverflow
		}
		if len(plain) == 0 {
			if c.empty++; c.empty > maxEmpty || kind != recordData {
				return 0, nil, alertUnexpected
			}
			continue
		}
		c.empty = 0
		return kind, plain, nil
	}
}

// alerted weighs an alert of the client's; nil lets the connection go on.
func (c *Conn) alerted(data []byte) error {
	switch {
	case len(data) != 2:
		return alertUnexpected
	case Alert(data[1]) == alertClose:
		return io.EOF
	case data[0] == 1 && c.state.Version < VersionTLS13:
		if c.warnings++; c.warnings >= maxWarnings {
			return alertUnexpected
		}
		return nil
	}
	return PeerAlert(data[1])
}

// message is the next message of the handshake with its header.
func (c *Conn) message() ([]byte, error) {
	for {
		if len(c.messages) >= 4 {
			size := 4 + (int(c.messages[1])<<16 | int(c.messages[2])<<8 | int(c.messages[3]))
			if most := maxMessage; size > most && (c.messages[0] != typeClientHello || size > MaxHello) {
				return nil, alertParameter
			}
			if len(c.messages) >= size {
				message := c.messages[:size:size]
				c.messages = c.messages[size:]
				return message, nil
			}
		}
		kind, data, err := c.record()
		switch {
		case err != nil:
			return nil, err
		case kind == recordAlert:
			if err := c.alerted(data); err != nil {
				return nil, err
			}
		case kind != recordHandshake:
			return nil, alertUnexpected
		default:
			c.messages = append(c.messages, data...)
		}
	}
}

// expect is the next message, which has to be of this type, and puts it into the
// transcript.
func (c *Conn) expect(kind byte) (whole, body []byte, err error) {
	message, err := c.message()
	if err != nil {
		return nil, nil, err
	}
	if message[0] != kind {
		return nil, nil, alertUnexpected
	}
	c.said = append(c.said, message...)
	return message, message[4:], nil
}

// change takes the client's ChangeCipherSpec (RFC 5246 section 7.1).
func (c *Conn) change() error {
	for {
		kind, data, err := c.record()
		switch {
		case err != nil:
			return err
		case kind == recordAlert:
			if err := c.alerted(data); err != nil {
				return err
			}
			continue
		case kind != recordChange || len(c.messages) > 0:
			return alertUnexpected
		case len(data) != 1 || data[0] != 1:
			return alertParameter
		}
		return nil
	}
}

// say adds a message of the handshake to the transcript and to what goes out.
func (c *Conn) say(kind byte, body []byte) error {
	message := append([]byte{kind, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
	c.said = append(c.said, message...)
	return c.put(recordHandshake, message)
}

// put adds records to what goes out.
func (c *Conn) put(kind byte, data []byte) error {
	for len(data) > 0 {
		n := min(len(data), maxPlain)
		var err error
		if c.pending, err = c.out.seal(c.pending, kind, c.version, data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// flush sends what waits.
func (c *Conn) flush() error {
	data := c.pending
	c.pending = nil
	if len(data) == 0 {
		return nil
	}
	if _, err := c.Conn.Write(data); err != nil {
		return fmt.Errorf("write TLS records: %w", err)
	}
	return nil
}

// alert sends an alert of a level, after what waits.
func (c *Conn) alert(level byte, a Alert) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.put(recordAlert, []byte{level, byte(a)}); err != nil {
		return err
	}
	return c.flush()
}

// Read implements net.Conn; io.EOF is the client's close_notify.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(c.plain) == 0 {
		if c.ended != nil {
			return 0, c.ended
		}
		if err := c.next(); err != nil {
			var own Alert
			if errors.As(err, &own) {
				err = errors.Join(err, c.alert(2, own))
			}
			var timeout net.Error
			if !errors.As(err, &timeout) || !timeout.Timeout() {
				c.ended = err
			}
			return 0, err
		}
	}
	n := copy(p, c.plain)
	c.plain = c.plain[n:]
	return n, nil
}

// next takes one record.
func (c *Conn) next() error {
	kind, data, err := c.record()
	if err != nil {
		return err
	}
	switch kind {
	case recordData:
		c.plain = data
		return nil
	case recordAlert:
		return c.alerted(data)
	case recordHandshake:
		c.messages = append(c.messages, data...)
		for len(c.messages) > 0 {
			message, err := c.message()
			if err != nil {
				return err
			}
			if err := c.after(message); err != nil {
				return err
			}
		}
		return nil
	}
	return alertUnexpected
}

// after answers a message of the handshake that comes after it: a new key in TLS
// 1.3, a wish to begin again before.
func (c *Conn) after(message []byte) error {
	if c.state.Version < VersionTLS13 {
		if message[0] != typeClientHello {
			return alertUnexpected
		}
		return c.alert(1, alertRenegotiate)
	}
	if message[0] != typeKeyUpdate {
		return alertUnexpected
	}
	if len(message) != 5 || len(c.messages) > 0 {
		return alertDecode
	}
	if message[4] > 1 {
		return alertParameter
	}
	if err := c.in.update(c.suite); err != nil {
		return err
	}
	if message[4] == 0 {
		return nil
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.put(recordHandshake, []byte{typeKeyUpdate, 0, 0, 1, 0}); err != nil {
		return err
	}
	if err := c.flush(); err != nil {
		return err
	}
	return c.out.update(c.suite)
}

// update goes on to the next key of a direction (RFC 8446 section 7.2).
func (h *half) update(u *suite) error {
	s := schedule{hash: u.hash}
	next, err := s.traffic(u, s.expand(h.secret, "traffic upd", nil, u.hash.Size()))
	if err != nil {
		return err
	}
	*h = *next
	return nil
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	written := 0
	for written < len(p) {
		n := min(len(p)-written, 4*maxPlain)
		if err := c.put(recordData, p[written:written+n]); err != nil {
			return written, err
		}
		if err := c.flush(); err != nil {
			return written, err
		}
		written += n
	}
	return written, nil
}

// CloseWrite sends close_notify, once; the connection outside stays as it is.
func (c *Conn) CloseWrite() error {
	c.writing.Lock()
	closed := c.closed
	c.closed = true
	c.writing.Unlock()
	if closed {
		return nil
	}
	return c.alert(1, alertClose)
}

// Close sends close_notify and closes the connection outside.
func (c *Conn) Close() error {
	said := c.CloseWrite()
	if err := c.Conn.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return said
}
