package apache

import "github.com/decnet/decnet/providers/decky/web"

// States of a chunked body (RFC 9112 section 7.1), as parse_chunk_size has them.
const (
	chunkStart = iota
	chunkPart
	chunkExtension
	chunkLF
	chunkData
	chunkEnd
	chunkEndLF
	chunkTrailer
	chunkTrailerLine
	chunkDone
)

// maxBits is how many of a size's bits Apache takes.
const maxBits = 64

// chunks reads the framing of a chunked body. It implements web.Framing.
type chunks struct {
	strict  bool
	state   int
	left    int64
	bits    int
	blank   bool // white space after the size
	huge    bool // the size is beyond what Apache counts
	trailer []byte
}

// Data implements web.Framing.
func (c *chunks) Data() int64 {
	if c.state == chunkData {
		return c.left
	}
	return 0
}

// Took implements web.Framing.
func (c *chunks) Took(n int64) {
	if c.left -= n; c.left == 0 {
		c.state = chunkEnd
	}
}

// Done implements web.Framing.
func (c *chunks) Done() bool { return c.state == chunkDone }

// Step implements web.Framing.
func (c *chunks) Step(b byte) bool {
	switch c.state {
	case chunkEnd, chunkEndLF:
		switch {
		case b == '\n' && (!c.strict || c.state == chunkEndLF):
			c.state = chunkStart
		case b == '\r' && c.state == chunkEnd:
			c.state = chunkEndLF
		default:
			return false
		}
		return true
	case chunkStart:
		if web.Hex(b) < 0 {
			return false
		}
		*c = chunks{strict: c.strict, state: chunkPart, bits: maxBits}
	case chunkTrailer, chunkTrailerLine:
		return c.trail(b)
	}
	return c.size(b)
}

// size reads the rest of a chunk's header.
func (c *chunks) size(b byte) bool {
	switch {
	case b == '\n':
		if c.strict && c.state != chunkLF {
			return false
		}
		c.state = chunkTrailer
		if c.left > 0 {
			c.state = chunkData
		}
		return true
	case c.state == chunkLF:
		return false
	case b == '\r':
		c.state = chunkLF
		return true
	case c.state == chunkExtension:
		return b >= 0x20 && b != 0x7f || b == '\t'
	case b == ';':
		c.state = chunkExtension
		return true
	case b == ' ' || b == '\t':
		c.blank = true
		return true
	case c.blank:
		return false
	}
	digit := web.Hex(b)
	if digit < 0 {
		return false
	}
	if c.left == 0 && digit == 0 {
		return true
	}
	c.bits -= 4
	c.left = c.left<<4 | int64(digit)
	c.huge = c.bits < 0 || c.left < 0
	return !c.huge
}

// trail reads the trailer section to its empty line.
func (c *chunks) trail(b byte) bool {
	if b != '\n' {
		c.trailer = append(c.trailer, b)
		return len(c.trailer) <= maxLine+2
	}
	line := c.trailer
	c.trailer = nil
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	} else if c.strict {
		return false
	}
	if len(line) == 0 {
		c.state = chunkDone
		return true
	}
	c.state = chunkTrailerLine
	for i, b := range line {
		if b == ':' {
			return i > 0
		}
		if b <= ' ' || b == 0x7f {
			return false
		}
	}
	return false
}
