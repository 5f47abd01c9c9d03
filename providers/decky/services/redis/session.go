package redis

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/schema/event"
)

// Limits of one client.
const (
	maxPushes    = 256     // messages that wait for a subscriber; further ones are dropped
	maxQueued    = 1024    // commands of a transaction
	maxChannels  = 256     // subscriptions of a client
	maxOut       = 1 << 20 // bytes answered before they are sent
	maxStatement = 16 << 10
	maxReply     = 1 << 10
)

// session is one client. Its fields belong to the goroutine of ServeConn, save
// those that the server's lock guards.
type session struct {
	server *server
	conn   decky.Conn
	port   uint16
	id     int64
	since  time.Time
	out    []byte
	taken  int        // of server.held, by out
	writes sync.Mutex // held while bytes are sent

	startPump func()
	pushes    chan []byte

	// Guarded by server.mu.
	name, user    string
	db            int
	proto         int
	authenticated bool
	monitoring    bool
	channels      map[string]bool
	patterns      map[string]bool
	last          string // command
	active        time.Time

	transaction bool
	broken      bool // the transaction had an error while it was queued
	queue       [][][]byte
	target      event.Text         // of the command that runs
	attempt     *event.AuthAttempt // of the command that runs
	closing     bool
	silent      bool // close without sending what is pending
}

var errOutput = errors.New("too many answers that nobody reads")

func (c *session) locked() bool {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return !c.authenticated
}

// flush sends what was answered.
func (c *session) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	out := c.out
	c.out = nil
	defer c.release()
	return c.send(out)
}

// release gives back what answers held.
func (c *session) release() {
	c.server.held.give(c.taken)
	c.taken = 0
}

func (c *session) send(data []byte) error {
	c.writes.Lock()
	defer c.writes.Unlock()
	_, err := c.conn.Write(data)
	return err
}

// pump sends what other clients publish.
func (c *session) pump(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case data := <-c.pushes:
			if c.send(data) != nil {
				return // the reader meets the same end
			}
		}
	}
}

// offer queues data for the client; one that does not read loses it.
func (c *session) offer(data []byte) {
	select {
	case c.pushes <- data:
	default:
	}
}

// refuse answers a protocol error, on record like everything else.
func (c *session) refuse(p protocolError) error {
	answer := &reply{proto: c.proto}
	answer.fail(p.Error())
	if err := c.conn.Record(&event.Query{Verb: "", Statement: event.Text(p.Error()), Reply: event.Text(answer.String()), Error: true}); err != nil {
		return err
	}
	c.out = append(c.out, answer.Bytes()...)
	return c.flush()
}

// handle runs one command, records it and keeps its answer for the next flush.
// goOn is false where the connection ends.
func (c *session) handle(args [][]byte) (goOn bool, err error) {
	s := c.server
	s.mu.Lock()
	answer := &reply{proto: c.proto}
	c.target, c.attempt = "", nil
	c.active = s.env.Now()
	s.counters.commands++
	s.process(c, answer, args)
	if answer.failed != "" {
		s.counters.errors++
		if len(s.counters.failed) < 128 {
			s.counters.failed[answer.failed]++
		}
	}
	attempt := c.attempt
	s.mu.Unlock()
	if attempt != nil {
		if err := c.conn.Record(attempt); err != nil {
			return false, err
		}
	}
	if err := c.conn.Record(c.query(args, answer)); err != nil {
		return false, err
	}
	if c.silent {
		c.out = nil
		return false, nil
	}
	if n := answer.Len(); n > freeHeld {
		// As with Redis' own limit on output buffers, the client is dropped.
		if !s.held.take(n) {
			return false, errOutput
		}
		c.taken += n
	}
	c.out = append(c.out, answer.Bytes()...)
	if c.closing || len(c.out) < maxOut {
		return !c.closing, nil
	}
	return true, c.flush()
}

// query is the record of a command.
func (c *session) query(args [][]byte, answer *reply) *event.Query {
	q := &event.Query{
		Verb: strings.ToUpper(string(args[0][:min(len(args[0]), 64)])), Error: answer.failed != "", Target: c.target,
		Reply: event.Text(answer.Bytes()[:min(answer.Len(), maxReply)]),
	}
	var statement strings.Builder
	for i, a := range args {
		if i > 0 {
			statement.WriteByte(' ')
			q.Args = append(q.Args, event.Text(a))
		}
		if statement.Len() < maxStatement {
			statement.WriteString(shown(a[:min(len(a), maxStatement)]))
		}
	}
	q.Statement = event.Text(statement.String()).Clip(maxStatement)
	return q
}

// shown is an argument as it would be typed.
func shown(a []byte) string {
	if len(a) > 0 && strings.IndexFunc(string(a), func(r rune) bool { return r <= ' ' || r == '"' || r == '\'' || r == 0x7f }) < 0 {
		return string(a)
	}
	return quote(a)
}

const digits = "0123456789abcdef"

// quote is a in double quotes as Redis' own logs and MONITOR write it.
func quote(a []byte) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range a {
		i := strings.IndexByte("\\\"\n\r\t\a\b", c)
		switch {
		case i >= 0:
			b.WriteByte('\\')
			b.WriteByte("\\\"nrtab"[i])
		case c < ' ' || c > '~':
			b.WriteString(`\x` + string(digits[c>>4]) + string(digits[c&15]))
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
