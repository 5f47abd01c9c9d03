// Package transport is the server's side of the SSH transport protocol (RFC
// 4253) as sshd and dropbear speak it: the identification with their texts, key
// exchange with their lists, padding and order of events, ciphers, MACs,
// compression and rekeying, and an end of the connection like theirs. What a
// server shows is a row of package build. It refuses to know users, channels
// or requests: it hands their packets on.
package transport

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/build"
)

// Config is what a server is and has. Connections may share one.
type Config struct {
	// Build is the server to be.
	Build *build.Build
	// Keys are the host keys in the order in which they are announced.
	Keys Keys
	// Rand defaults to crypto/rand.
	Rand io.Reader
	// RekeyBytes makes the server ask for new keys after so many bytes in one
	// direction; 0 is the build's own limit.
	RekeyBytes uint64
	// Identified, where set, hears the client's identification line as it came,
	// without its end, and whether it was accepted, before it is answered. Its
	// error ends the connection.
	Identified func(line []byte, accepted bool) error
	// Offered, where set, hears what the client's first KEXINIT told, before
	// it is answered. Its error ends the connection.
	Offered func(Client) error
}

func (c *Config) rand() io.Reader {
	if c.Rand == nil {
		return rand.Reader
	}
	return c.Rand
}

// EndError says that the transport ended the connection, or that the client
// did so by the rules. The caller closes; every byte that sshd would have sent
// is sent.
type EndError struct {
	// Reset tells that the client hears RST, as the kernel answers where bytes
	// lie unread; otherwise FIN.
	Reset bool
	// Client tells that the client left, by MSG_DISCONNECT or by closing.
	Client bool
	// Reason is for the log; a client's own words are not in it.
	Reason string
	// Text and Code are those of the client's MSG_DISCONNECT.
	Text string
	Code uint32
}

// Error implements error.
func (e *EndError) Error() string { return "ssh: " + e.Reason }

// Conn is a connection whose first key exchange is done. One goroutine reads;
// any may write. Closing is the business of who opened the net.Conn; Disconnect
// closes it too.
type Conn struct {
	conn   net.Conn
	config *Config
	quirks quirks
	client Client

	sessionID []byte
	theirs    []byte // the client's identification line
	ours      string
	kex       *exchange // the key exchange under way, the reader's

	in        reader
	unflushed bool // the reader has sealed what waits in pending

	reading atomic.Bool           // the reader is in ReadPacket
	waiting atomic.Int32          // writers that wait for a key exchange
	over    atomic.Pointer[error] // why the reader left

	mu       sync.Mutex // everything below
	settled  sync.Cond  // keys, queue or the reader's place changed
	out      direction
	pending  []byte   // sealed packets that wait for a flush
	queue    [][]byte // payloads that wait for the end of a key exchange
	queued   int
	rekeying bool   // our KEXINIT is out, our NEWKEYS is not
	offer    []byte // our KEXINIT of the exchange under way
	authed   bool
	strict   bool
	extSeen  bool   // the client's EXT_INFO has come
	extAgain bool   // and wants ours again
	rekeyAt  uint64 // configured limit in bytes
	failed   error
}

// Server identifies itself and runs the first key exchange. The caller closes
// conn, whatever comes back; an *EndError says how. ctx ends the exchange by
// making conn's deadline pass.
func Server(ctx context.Context, conn net.Conn, config Config) (*Conn, error) {
	if config.Build == nil || len(config.Keys) == 0 {
		return nil, errors.New("ssh: server without a build or a host key")
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // a closed socket has ended already
	defer stop()
	c := &Conn{conn: conn, config: &config, ours: config.Build.Identification, rekeyAt: config.RekeyBytes}
	c.settled.L = &c.mu
	c.in.cipher, c.out.cipher = plain{}, plain{}
	if _, err := io.WriteString(conn, config.Build.Identification+config.Build.LineEnd); err != nil {
		return nil, fmt.Errorf("ssh: write identification: %w", err)
	}
	if config.Build.Eager {
		if err := c.start(); err != nil {
			return nil, err
		}
	}
	if err := c.identify(); err != nil {
		return nil, err
	}
	if !config.Build.Eager {
		if err := c.start(); err != nil {
			return nil, err
		}
	}
	for c.sessionID == nil || c.kex != nil {
		payload, err := c.readPacket()
		if err != nil {
			return nil, err
		}
		if err := c.handleEarly(payload); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// start sends the first KEXINIT.
func (c *Conn) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.sendKexInit(); err != nil {
		return err
	}
	return c.flush()
}

// SessionID is the first exchange's hash (RFC 4253 section 7.2).
func (c *Conn) SessionID() []byte { return c.sessionID }

// Client is what the client told about itself.
func (c *Conn) Client() Client { return c.client }

// Quirk tells whether sshd treats this client's software specially.
func (c *Conn) Quirk(q Quirk) bool { return c.quirks.has(q) }

// Authenticated starts delayed compression and allows rekeying. The goroutine
// that reads calls it right after it has written USERAUTH_SUCCESS.
func (c *Conn) Authenticated() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.authed = true
	c.out.startDelayed()
	c.in.startDelayed()
	c.in.lean = true
}

// ReadPacket returns the payload of the next message that is not the
// transport's own; it is valid until the next call. The transport's own
// messages are answered meanwhile. Only one goroutine may call it.
func (c *Conn) ReadPacket() ([]byte, error) {
	c.reading.Store(true)
	payload, err := c.nextMessage()
	c.reading.Store(false)
	switch {
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
		// As with sshd, whose one process reads and writes, nothing is said
		// after that.
		c.over.Store(&err)
		c.wake()
		return nil, err
	case c.waiting.Load() > 0:
		c.wake() // they may queue more now that nobody reads
	}
	return payload, err
}

func (c *Conn) nextMessage() ([]byte, error) {
	for {
		payload, err := c.readPacket()
		if err != nil {
			return nil, err
		}
		handled, err := c.handle(payload)
		if err != nil {
			return nil, err
		}
		if !handled {
			return payload, nil
		}
	}
}

// wake lets waiting writers look again. A writer that is stuck in a write
// holds the lock and waits for nothing else.
func (c *Conn) wake() {
	if c.waiting.Load() > 0 {
		c.mu.Lock()
		c.settled.Broadcast()
		c.mu.Unlock()
	}
}

// Unimplemented answers the last packet that ReadPacket returned with
// MSG_UNIMPLEMENTED.
func (c *Conn) Unimplemented() error { return c.unimplemented(c.in.last) }

// Disconnect sends MSG_DISCONNECT (RFC 4253 section 11.1) and closes the
// connection.
func (c *Conn) Disconnect(reason uint32, text string) error {
	err := c.sendDisconnect(reason, text)
	if closed := c.conn.Close(); err == nil && closed != nil {
		err = fmt.Errorf("close after disconnect: %w", closed)
	}
	return err
}
