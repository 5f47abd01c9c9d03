package connection

import (
	"context"
	"io"
	"sync"

	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
)

// Channel is one open channel. Read takes what the client sends, Write and
// Stderr send; they may be used by one goroutine each, beside the connection's
// own.
type Channel struct {
	// Data is the Handler's own, for a session what it knows of it.
	Data any

	m        *mux
	kind     string
	id, peer uint32

	mu         sync.Mutex
	wake       sync.Cond
	connecting bool // a forwarding that is not confirmed
	active     bool // data flows: a command runs, or a forwarding is confirmed
	queue      [][]byte
	pipe       pipe // taken from the queue
	recvWindow uint32
	consumed   uint32
	sendWindow uint32
	sendMax    uint32
	gotEOF     bool // SSH_MSG_CHANNEL_EOF came
	gotClose   bool // SSH_MSG_CHANNEL_CLOSE came
	sentEOF    bool
	sentClose  bool
	noReader   bool // nothing here reads any more
	noWriter   bool // the client does not want what is written
	cut        bool // a write failed by that
	finished   bool
	dead       bool // the connection is over
}

// Activate opens the window, as sshd does when a command starts, and makes data
// flow.
func (c *Channel) Activate() error {
	c.mu.Lock()
	c.active, c.recvWindow = true, c.m.window
	c.mu.Unlock()
	if c.m.options.Window != 0 {
		return nil // the client has it already
	}
	p := wire.AppendUint32([]byte{wire.ChannelWindowAdjust}, c.peer)
	return c.m.send(wire.AppendUint32(p, windowSize))
}

// Active tells whether Activate was called.
func (c *Channel) Active() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.active
}

// Cut tells whether something was written that the client, who has closed the
// channel, does not read any more.
func (c *Channel) Cut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

// Go runs f in a goroutine that Serve waits for; ctx ends with the connection.
func (c *Channel) Go(f func(ctx context.Context)) {
	c.m.running.Go(func() { f(c.m.ctx) })
}

// Debug sends SSH_MSG_DEBUG, which clients show with -v.
func (c *Channel) Debug(text string) error { return c.m.debug(text) }

// Disconnect ends the connection with a reason in words; return its error.
func (c *Channel) Disconnect(text string) error { return c.m.disconnect("%s", text) }

// Broken is the error of a request that cannot be parsed: the connection ends
// without a word.
func Broken(what string) error { return broken(what) }

func (c *Channel) gone() bool { return c.dead || c.gotClose }

// Write implements io.Writer: standard output.
func (c *Channel) Write(p []byte) (int, error) { return c.write(p, 0) }

// Stderr is standard error (RFC 4254 section 5.2).
func (c *Channel) Stderr() io.Writer { return stderr{c} }

type stderr struct{ c *Channel }

func (s stderr) Write(p []byte) (int, error) { return s.c.write(p, 1) }

func (c *Channel) write(p []byte, stream uint32) (int, error) {
	done := 0
	for done < len(p) {
		n, err := c.room(len(p) - done)
		if err != nil {
			return done, err
		}
		message := make([]byte, 0, 13+n)
		if stream == 0 {
			message = wire.AppendUint32(append(message, wire.ChannelData), c.peer)
		} else {
			message = wire.AppendUint32(wire.AppendUint32(append(message, wire.ChannelExtended), c.peer), stream)
		}
		if err := c.m.send(wire.AppendString(message, p[done:done+n])); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// room waits until something may be sent and takes it off the client's window.
func (c *Channel) room(want int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if c.dead || c.noWriter || c.sentEOF || c.sentClose {
			c.cut = c.gotClose
			return 0, io.ErrClosedPipe
		}
		if n := min(uint32(want), c.sendWindow, c.sendMax, packetSize); n > 0 {
			c.sendWindow -= n
			return int(n), nil
		}
		c.wake.Wait()
	}
}

// reply answers a request, unless the channel is closed already.
func (c *Channel) reply(ok bool) {
	c.mu.Lock()
	closed := c.sentClose || c.dead
	c.mu.Unlock()
	if closed {
		return
	}
	number := byte(wire.ChannelFailure)
	if ok {
		number = wire.ChannelSuccess
	}
	_ = c.m.send(wire.AppendUint32([]byte{number}, c.peer)) // a client that is gone shows at the next read
}

// ask sends a channel request that wants no answer.
func (c *Channel) ask(name string, payload []byte) error {
	p := wire.AppendUint32([]byte{wire.ChannelRequest}, c.peer)
	p = wire.AppendBool(wire.AppendString(p, name), false)
	return c.m.send(append(p, payload...))
}

// Exit ends a session as the end of its process does (RFC 4254 section 6.10);
// terminal tells that it ran on one, whose end shows after the status.
func (c *Channel) Exit(status uint32, terminal bool) error {
	return c.exit("exit-status", wire.AppendUint32(nil, status), terminal)
}

// Kill ends a session as a signal to its process does, its name without SIG.
func (c *Channel) Kill(signal string, core, terminal bool) error {
	p := wire.AppendBool(wire.AppendString(nil, signal), core)
	return c.exit("exit-signal", wire.AppendString(wire.AppendString(p, ""), ""), terminal)
}

func (c *Channel) exit(name string, payload []byte, terminal bool) error {
	if !terminal {
		if err := c.CloseWrite(); err != nil {
			return err
		}
	}
	c.mu.Lock()
	closed := c.dead || c.sentClose
	tell := c.m.options.EndOfWrite && !c.gotEOF
	c.mu.Unlock()
	if !closed {
		if err := c.ask(name, payload); err != nil {
			return err
		}
		if tell {
			if err := c.ask("eow@openssh.com", nil); err != nil {
				return err
			}
		}
	}
	return c.finish()
}

// CloseRead drops what comes from now on, as a forwarding whose peer does not
// read any more.
func (c *Channel) CloseRead() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropQueue()
}

// dropQueue forgets what was not read. The caller holds the lock.
func (c *Channel) dropQueue() {
	c.noReader = true
	n := c.pipe.size()
	for _, b := range c.queue {
		n += len(b)
	}
	c.queue, c.pipe = nil, pipe{}
	if n > 0 {
		c.m.release(n)
	}
	c.wake.Broadcast()
}

// CloseWrite sends SSH_MSG_CHANNEL_EOF, once.
func (c *Channel) CloseWrite() error {
	c.mu.Lock()
	skip := c.sentEOF || c.sentClose || c.dead || c.gotClose
	c.sentEOF = true
	c.wake.Broadcast()
	c.mu.Unlock()
	if skip {
		return nil
	}
	return c.m.send(wire.AppendUint32([]byte{wire.ChannelEOF}, c.peer))
}

// finish is the end of what is behind the channel.
func (c *Channel) finish() error {
	c.mu.Lock()
	c.finished = true
	c.dropQueue()
	c.mu.Unlock()
	if err := c.CloseWrite(); err != nil {
		return err
	}
	return c.sendClose()
}

// sendClose sends SSH_MSG_CHANNEL_CLOSE, once, and frees the number when both
// sides have closed.
func (c *Channel) sendClose() error {
	c.mu.Lock()
	skip := c.sentClose || c.dead
	c.sentClose = true
	free := c.gotClose && (c.finished || !c.active)
	c.mu.Unlock()
	var err error
	if !skip {
		err = c.m.send(wire.AppendUint32([]byte{wire.ChannelClose}, c.peer))
	}
	if free {
		c.m.remove(c)
		c.die()
	}
	return err
}

// die makes every use of the channel fail.
func (c *Channel) die() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
	c.dropQueue()
}
