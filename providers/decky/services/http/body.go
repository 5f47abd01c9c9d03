package http

import (
	"errors"
	"math"
	"net"
	"time"
)

// maxKept is how much of a body is recorded.
const maxKept = 32 << 10

var errChunk = errors.New("invalid chunked body")

// body reads and forgets a request's body, keeping its first bytes for the
// record.
type body struct {
	left    int64 // of a counted body
	chunked bool
	chunk   chunks
	read    int64
	kept    []byte
	done    bool
	bad     bool
}

func newBody(r *request) *body {
	b := &body{left: max(r.length, 0), chunked: r.chunked}
	b.done = !b.chunked && b.left == 0
	return b
}

// size is the body's length as far as it is known.
func (b *body) size(r *request) int64 { return max(r.length, b.read) }

// take reads once.
func (b *body) take(in *input) error {
	var p [4096]byte
	limit := int64(len(p))
	if b.chunked {
		if b.chunk.state == chunkData {
			limit = min(limit, b.chunk.size)
		} else {
			limit = 1
		}
	} else {
		limit = min(limit, b.left)
	}
	n, err := in.read(p[:limit])
	if err != nil {
		return err
	}
	if !b.chunked {
		b.left -= int64(n)
		b.done = b.left == 0
		b.keep(p[:n])
		return nil
	}
	if b.chunk.state == chunkData {
		b.keep(p[:n])
		if b.chunk.size -= int64(n); b.chunk.size == 0 {
			b.chunk.state = chunkAfter
		}
		return nil
	}
	if !b.chunk.step(p[0]) {
		b.bad = true
		return errChunk
	}
	b.done = b.chunk.state == chunkDone
	return nil
}

func (b *body) keep(p []byte) {
	b.read += int64(len(p))
	b.kept = append(b.kept, p[:min(len(p), maxKept-len(b.kept))]...)
}

// prefetch reads what is there or arrives at once, up to maxKept; it tells
// whether the body's state is known, whole or broken.
func (b *body) prefetch(in *input, conn net.Conn) bool {
	deadline := time.Now().Add(bodyPatience)
	for !b.done && !b.bad && b.read < maxKept {
		if err := conn.SetReadDeadline(deadline); err != nil {
			return false
		}
		if err := b.take(in); err != nil {
			break
		}
	}
	return b.done || b.bad
}

// discard reads the rest within nginx's lingering limits.
func (b *body) discard(in *input, conn net.Conn) error {
	end := time.Now().Add(lingerTime)
	for !b.done {
		deadline := time.Now().Add(lingerTimeout)
		if deadline.After(end) {
			deadline = end
		}
		if err := conn.SetReadDeadline(deadline); err != nil {
			return err
		}
		if err := b.take(in); err != nil {
			return timeout(err)
		}
	}
	return nil
}

// States of a chunked body (RFC 9112 section 7.1).
const (
	chunkStart = iota
	chunkSize
	chunkExtension
	chunkExtensionEnd
	chunkData
	chunkAfter
	chunkAfterEnd
	chunkTrailer
	chunkTrailerEnd
	chunkTrailerLine
	chunkTrailerLineEnd
	chunkDone
)

// chunks reads the framing of a chunked body, a byte at a time; the data
// itself is the caller's, who sets chunkAfter once it is read.
type chunks struct {
	state int
	size  int64
}

// step takes one byte of framing and tells whether it was right.
func (c *chunks) step(b byte) bool {
	switch c.state {
	case chunkStart, chunkSize:
		return c.header(b)
	case chunkExtension:
		switch b {
		case '\r':
			c.state = chunkExtensionEnd
		case '\n':
			c.data()
		}
		return true
	case chunkExtensionEnd:
		c.data()
		return b == '\n'
	case chunkAfter, chunkAfterEnd:
		switch {
		case b == '\n':
			c.state = chunkStart
		case b == '\r' && c.state == chunkAfter:
			c.state = chunkAfterEnd
		default:
			return false
		}
		return true
	}
	return c.trailer(b)
}

func (c *chunks) header(b byte) bool {
	if digit := hex(b); digit >= 0 {
		if c.state == chunkStart {
			c.size = 0
		}
		if c.size > math.MaxInt64/16 {
			return false
		}
		c.size = c.size*16 + int64(digit)
		c.state = chunkSize
		return true
	}
	if c.state == chunkStart {
		return false
	}
	switch b {
	case '\r':
		c.state = chunkExtensionEnd
	case '\n':
		c.data()
	case ';', ' ', '\t':
		c.state = chunkExtension
	default:
		return false
	}
	return true
}

// data follows a chunk's header: a size of nought is the last chunk.
func (c *chunks) data() {
	if c.state = chunkData; c.size == 0 {
		c.state = chunkTrailer
	}
}

func (c *chunks) trailer(b byte) bool {
	switch c.state {
	case chunkTrailer:
		switch b {
		case '\r':
			c.state = chunkTrailerEnd
		case '\n':
			c.state = chunkDone
		default:
			c.state = chunkTrailerLine
		}
	case chunkTrailerEnd:
		c.state = chunkDone
		return b == '\n'
	case chunkTrailerLine:
		switch b {
		case '\r':
			c.state = chunkTrailerLineEnd
		case '\n':
			c.state = chunkTrailer
		}
	case chunkTrailerLineEnd:
		c.state = chunkTrailer
		return b == '\n'
	}
	return true
}
