package connection

import (
	"io"

	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
)

// pipe is a process's standard input as Linux has it (pipe(7)): so many pages,
// each write on pages of its own but for a rest that fits the last one. sshd
// writes into it while a page is free, and counts what it could write as
// consumed: that decides when a client gets window back, and how much.
type pipe struct {
	pages [][]byte
	room  int // left on the last page
}

const (
	pageSize  = 4096
	pipePages = 16
)

// full tells whether poll(2) does not call it writable.
func (p *pipe) full() bool { return len(p.pages) >= pipePages }

// write takes what fits of all of queue in one write and returns the rest.
func (p *pipe) write(queue [][]byte) (rest [][]byte, n int) {
	total := 0
	for _, b := range queue {
		total += len(b)
	}
	take := func(page []byte, room int) []byte {
		for room > 0 && len(queue) > 0 {
			k := min(room, len(queue[0]))
			page = append(page, queue[0][:k]...)
			n, room = n+k, room-k
			if queue[0] = queue[0][k:]; len(queue[0]) == 0 {
				queue[0] = nil
				queue = queue[1:]
			}
		}
		return page
	}
	if tail := total % pageSize; tail > 0 && len(p.pages) > 0 && tail <= p.room {
		last := len(p.pages) - 1
		p.pages[last] = take(p.pages[last], tail)
		p.room -= tail
	}
	for len(queue) > 0 && !p.full() {
		size := min(pageSize, total-n)
		p.pages = append(p.pages, take(make([]byte, 0, size), size))
		p.room = pageSize - size
	}
	if len(queue) == 0 {
		queue = nil
	}
	return queue, n
}

// read takes out what fits b.
func (p *pipe) read(b []byte) (n int) {
	for n < len(b) && len(p.pages) > 0 {
		k := copy(b[n:], p.pages[0])
		n += k
		if p.pages[0] = p.pages[0][k:]; len(p.pages[0]) == 0 {
			p.pages[0] = nil
			p.pages = p.pages[1:]
		}
	}
	if len(p.pages) == 0 {
		p.pages, p.room = nil, 0
	}
	return n
}

func (p *pipe) size() (n int) {
	for _, page := range p.pages {
		n += len(page)
	}
	return n
}

// Ready tells whether Read would return at once.
func (c *Channel) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pipe.pages) > 0 || len(c.queue) > 0 || c.dead || c.gotEOF || c.noReader
}

// Read implements io.Reader: what the client sent, and io.EOF after its end.
func (c *Channel) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.pipe.pages) == 0 {
		switch {
		case c.dead:
			return 0, io.ErrClosedPipe
		case c.gotEOF || c.noReader:
			return 0, io.EOF
		}
		c.wake.Wait()
	}
	n := c.pipe.read(p)
	c.m.release(n)
	return n, c.fill()
}

// fill moves what fits the pipe out of the queue and gives the client window
// back. The caller holds the lock.
func (c *Channel) fill() error {
	if len(c.queue) > 0 && !c.pipe.full() {
		var n int
		c.queue, n = c.pipe.write(c.queue)
		c.consumed += uint32(n)
	}
	return c.regrow()
}

// release counts n queued bytes out.
func (m *mux) release(n int) {
	m.mu.Lock()
	m.queued -= n
	m.drained.Broadcast()
	m.mu.Unlock()
}

// regrow gives the client window back once enough is consumed. The caller holds
// the lock.
func (c *Channel) regrow() error {
	if c.consumed == 0 || c.gone() || c.sentClose || c.gotEOF {
		return nil
	}
	if c.m.window-c.recvWindow <= 3*packetSize && c.recvWindow >= c.m.window/2 {
		return nil
	}
	n := c.consumed
	c.recvWindow += n
	c.consumed = 0
	p := wire.AppendUint32([]byte{wire.ChannelWindowAdjust}, c.peer)
	return c.m.send(wire.AppendUint32(p, n))
}
