package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

const (
	maxPacket   = 256 << 10 // OpenSSH's PACKET_MAX_SIZE
	maxInflated = 256 << 10 // of one compressed packet
	readSize    = 8192      // what sshd reads at once
	smallRead   = 256       // what an idle connection keeps
	largeRead   = 64 << 10  // the size that is kept for others
)

// direction is the state of one direction's packets.
type direction struct {
	seq             uint32
	cipher          packetCipher
	packets, blocks uint64 // since the last keys
	maxBlocks       uint64
	comp            compression
}

// passed tells that new keys are due (RFC 4344 section 3).
func (d *direction) passed(more uint64) bool {
	return d.packets > 1<<31 || d.maxBlocks > 0 && d.blocks+more > d.maxBlocks
}

// limit sets the number of blocks after which sshd asks for new keys.
func (d *direction) limit(configured uint64) {
	block := uint64(d.cipher.block())
	d.maxBlocks = 1 << 30 / block
	if block >= 16 {
		d.maxBlocks = 1 << (2 * block)
	}
	if configured > 0 {
		d.maxBlocks = min(d.maxBlocks, configured/block)
	}
	d.packets, d.blocks = 0, 0
}

// reader takes packets out of the connection, with a buffer that is small
// while nothing is there.
type reader struct {
	direction
	small   [smallRead]byte
	buf     []byte
	r, w    int    // what is unread of buf
	took    int    // bytes of the packet handed out last
	length  int    // of the packet under way, without its own four bytes; 0 is unknown
	last    uint32 // number of the packet handed out last
	lean    bool   // give large buffers back
	inflate []byte // what a compressed packet became
}

var buffers = sync.Pool{New: func() any { b := make([]byte, largeRead); return &b }}
var pages = sync.Pool{New: func() any { b := make([]byte, readSize); return &b }}

// fill reads until at least n bytes are there.
func (c *Conn) fill(n int) error {
	d := &c.in
	for d.w-d.r < n {
		if d.r == d.w {
			d.r, d.w = 0, 0
			d.idle()
		}
		d.room(n)
		m, err := c.conn.Read(d.buf[d.w:])
		d.w += m
		if m == 0 {
			if err == nil {
				err = io.ErrNoProgress
			}
			return err
		}
	}
	return nil
}

// idle chooses the buffer of an empty reader.
func (d *reader) idle() {
	if d.lean {
		d.release()
		d.buf = d.small[:]
	} else if d.buf == nil {
		d.buf = *pages.Get().(*[]byte)
	}
}

// release gives the buffer back.
func (d *reader) release() {
	switch buf := d.buf; cap(buf) {
	case largeRead:
		buffers.Put(&buf)
	case readSize:
		pages.Put(&buf)
	}
	d.buf = nil
}

// room makes place for more, growing with what has come, not with what was
// announced.
func (d *reader) room(n int) {
	if d.w < len(d.buf) {
		return
	}
	if d.r > 0 && d.w-d.r <= len(d.buf)/2 {
		d.w = copy(d.buf, d.buf[d.r:d.w])
		d.r = 0
		return
	}
	var grown []byte
	switch size := min(n, 2*len(d.buf)); {
	case size <= readSize && len(d.buf) < readSize:
		grown = *pages.Get().(*[]byte)
	case size <= largeRead && len(d.buf) < largeRead:
		grown = *buffers.Get().(*[]byte)
	default:
		grown = make([]byte, max(2*len(d.buf), largeRead))
	}
	d.w = copy(grown, d.buf[d.r:d.w])
	d.r = 0
	d.release()
	d.buf = grown
}

// readPacket is the next packet's payload; it flushes what waits first.
func (c *Conn) readPacket() ([]byte, error) {
	if c.unflushed {
		c.mu.Lock()
		err := c.flush()
		c.mu.Unlock()
		if err != nil {
			return nil, err
		}
		c.unflushed = false
	}
	d := &c.in
	d.r += d.took
	d.took, d.length = 0, 0
	packet, err := c.nextPacket()
	if err != nil {
		return nil, err
	}
	d.last = d.seq
	d.seq++
	d.packets++
	d.blocks += uint64(len(packet) / d.cipher.block())
	if d.seq == 0 && c.strict {
		return nil, c.end("sequence number wrapped")
	}
	padding := int(packet[4])
	if padding < 4 {
		if err := c.sendDisconnect(disconnectProtocolError, fmt.Sprintf("Corrupted padlen %d on input.", padding)); err != nil {
			return nil, err
		}
		return nil, c.end("padding is too short")
	}
	payload := packet[5:]
	if padding > len(payload) {
		return nil, c.end("padding is longer than the packet")
	}
	payload = payload[:len(payload)-padding]
	if d.comp.active {
		if payload, err = d.comp.expand(d.inflate[:0], payload); err != nil {
			return nil, c.end("compressed data is broken")
		}
		if d.inflate = payload; cap(payload) > readSize {
			d.inflate = nil
		}
	}
	if len(payload) == 0 {
		return nil, c.end("message is empty")
	}
	return payload, nil
}

// nextPacket reads, checks and decrypts a packet, which stays in the buffer;
// its tag is cut off.
func (c *Conn) nextPacket() ([]byte, error) {
	d := &c.in
	head := 4
	if d.cipher.clear() == 0 {
		head = max(head, d.cipher.block())
	}
	if err := c.fill(head); err != nil {
		return nil, ended(err)
	}
	length := d.cipher.length(d.seq, d.buf[d.r:d.r+head])
	if length < 5 || length > maxPacket {
		return nil, c.corrupt(0, "packet length is out of range")
	}
	if (int(length)+4-d.cipher.clear())%d.cipher.block() != 0 {
		return nil, c.corrupt(d.cipher.block(), "packet length is no multiple of the block")
	}
	total := 4 + int(length) + d.cipher.tag()
	if err := c.fill(total); err != nil {
		return nil, ended(err)
	}
	packet := d.buf[d.r : d.r+total]
	if err := d.cipher.open(d.seq, packet); err != nil {
		return nil, c.corrupt(4+int(length), "packet is not authentic")
	}
	d.took = total
	return packet[: 4+int(length) : 4+int(length)], nil
}

// corrupt is what sshd does with a packet that it cannot trust: it says nothing
// and leaves, with CBC only after a whole packet's worth of bytes (CVE-2008-5161).
func (c *Conn) corrupt(already int, reason string) error {
	if s, ok := c.in.cipher.(*stream); ok && s.cbc && !s.etm {
		left := maxPacket - already - (c.in.w - c.in.r)
		for scratch := make([]byte, 4096); left > 0; {
			n, err := c.conn.Read(scratch)
			if n == 0 && err != nil {
				return ended(err)
			}
			left -= n
		}
	}
	return c.end(reason)
}

// end is the server's own end of the connection.
func (c *Conn) end(reason string) error {
	if c.unflushed && c.mu.TryLock() {
		c.pending = nil // sshd exits without writing it
		c.mu.Unlock()
	}
	return &EndError{Reset: c.unreadPackets(), Reason: reason}
}

const (
	// queueSoft is how much may wait for a key exchange before writers wait
	// too, queueHard what may wait at all.
	queueSoft = 256 << 10
	queueHard = 4 << 20
)

var errBacklog = errors.New("ssh: too much waits for a key exchange")

// WritePacket sends a message. While a key exchange is under way the message
// waits, and a writer that has much to say waits with it. It is safe for
// concurrent use; payload may be reused when it returns.
func (c *Conn) WritePacket(payload []byte) error {
	if len(payload) == 0 || len(payload) > maxPacket-512 {
		return fmt.Errorf("ssh: message of %d bytes", len(payload))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil && c.due(len(payload)) {
		if err := c.sendKexInit(); err != nil {
			return err
		}
		if err := c.flush(); err != nil {
			return err
		}
	}
	c.waiting.Add(1)
	for c.rekeying && c.failed == nil && c.queued > queueSoft && c.reading.Load() && c.over.Load() == nil {
		c.settled.Wait()
	}
	c.waiting.Add(-1)
	if why := c.over.Load(); why != nil {
		return fmt.Errorf("ssh: write after the end: %w", *why)
	}
	switch {
	case c.failed != nil:
		return c.failed
	case !c.rekeying:
		c.seal(payload)
		return c.flush()
	case c.queued+len(payload) > queueHard:
		return errBacklog
	}
	c.queue = append(c.queue, slices.Clone(payload))
	c.queued += len(payload)
	return nil
}

// due tells whether the server asks for new keys now.
func (c *Conn) due(size int) bool {
	return c.authed && !c.rekeying && !c.quirks.has(quirkNoRekey) && c.out.packets > 0 &&
		c.out.passed(uint64(size/c.out.cipher.block()))
}

// seal appends a packet to pending; the caller holds mu.
func (c *Conn) seal(payload []byte) {
	d := &c.out
	if c.pending == nil {
		c.pending = (*pages.Get().(*[]byte))[:0]
	}
	from := len(c.pending)
	b := append(c.pending, 0, 0, 0, 0, 0)
	if d.comp.active {
		b = d.comp.shrink(b, payload)
	} else {
		b = append(b, payload...)
	}
	block := d.cipher.block()
	size := len(b) - from - d.cipher.clear()
	padding := block - size%block
	if padding < 4 {
		padding += block
	}
	var pad [32]byte
	if _, clear := d.cipher.(plain); !clear || c.config.Build.RandomPadding {
		c.random(pad[:padding])
	}
	b = append(b, pad[:padding]...)
	binary.BigEndian.PutUint32(b[from:], uint32(len(b)-from-4))
	b[from+4] = byte(padding)
	d.packets++
	d.blocks += uint64((len(b) - from) / block)
	c.pending = d.cipher.seal(d.seq, b, from)
	d.seq++
}

func (c *Conn) random(b []byte) {
	if _, err := io.ReadFull(c.config.rand(), b); err != nil {
		panic("transport: no randomness: " + err.Error())
	}
}

// flush writes what is pending; the caller holds mu.
func (c *Conn) flush() error {
	if c.failed != nil {
		return c.failed
	}
	if len(c.pending) == 0 {
		return nil
	}
	b := c.pending
	c.pending = nil
	_, err := c.conn.Write(b)
	if cap(b) == readSize {
		b = b[:readSize]
		pages.Put(&b)
	}
	if err != nil {
		c.fail(fmt.Errorf("ssh: write: %w", err))
	}
	return c.failed
}

// fail wakes every writer; the caller holds mu.
func (c *Conn) fail(err error) {
	if c.failed == nil {
		c.failed = err
	}
	c.settled.Broadcast()
}
