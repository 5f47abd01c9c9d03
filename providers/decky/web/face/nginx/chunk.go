package nginx

import (
	"math"

	"github.com/decnet/decnet/providers/decky/web"
)

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

// chunks reads the framing of a chunked body, a byte at a time.
type chunks struct {
	state int
	size  int64
}

// Data implements web.Framing.
func (c *chunks) Data() int64 {
	if c.state == chunkData {
		return c.size
	}
	return 0
}

// Took implements web.Framing.
func (c *chunks) Took(n int64) {
	if c.size -= n; c.size == 0 {
		c.state = chunkAfter
	}
}

// Done implements web.Framing.
func (c *chunks) Done() bool { return c.state == chunkDone }

// Step implements web.Framing.
func (c *chunks) Step(b byte) bool {
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
	if c.size > math.MaxInt64-5 {
		return false
	}
	if digit := web.Hex(b); digit >= 0 {
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
