// Package pack compresses as zlib 1.2 does, to the byte: which matches it takes
// and where its blocks end tell a web server's gzip from every other deflate
// (RFC 1951). It knows the two levels that web servers use by default, and holds
// a whole body in memory; it reads nothing and decompresses nothing.
package pack

import "hash/crc32"

// Options are those of zlib's deflateInit2.
type Options struct {
	Level  int // 1 or 6
	Window int // bits, 9 to 15
	Memory int // level, 1 to 9
}

// Header is the last two bytes of a gzip header (RFC 1952 section 2.3): XFL and
// OS.
type Header struct{ XFL, OS byte }

// Gzip is body as a gzip member without name and time.
func Gzip(body []byte, o Options, h Header) []byte {
	out := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, h.XFL, h.OS}
	c := newCompressor(body, o)
	c.out = out
	if o.Level == 1 {
		c.fast()
	} else {
		c.slow()
	}
	c.flush(true)
	out = c.out
	sum, n := crc32.ChecksumIEEE(body), uint32(len(body))
	for _, v := range []uint32{sum, n} {
		out = append(out, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return out
}

const (
	minMatch     = 3
	maxMatch     = 258
	minLookahead = maxMatch + minMatch + 1
	tooFar       = 4096
)

// symbol is a literal (distance nought) or a match of length+3.
type symbol struct {
	distance uint16
	value    byte
}

// compressor is one body on its way.
type compressor struct {
	window []byte // the body and room for compares past its end
	size   int
	levels levels

	maxDistance int
	hashShift   uint
	hashMask    uint32
	head, prev  []int32 // positions plus one; nought is none

	symbols    []symbol
	most       int // symbols of a block
	blockStart int
	at         int // the next byte to look at

	out  []byte
	bits uint64
	n    uint
}

// levels are the rows of zlib's configuration_table.
type levels struct{ good, lazy, nice, chain int }

func newCompressor(body []byte, o Options) *compressor {
	c := &compressor{
		window: append(append(make([]byte, 0, len(body)+maxMatch+8), body...), make([]byte, maxMatch+8)...), size: len(body),
		levels: levels{good: 8, lazy: 16, nice: 128, chain: 128}, maxDistance: 1<<o.Window - minLookahead, most: 1<<(o.Memory+6) - 1,
	}
	if o.Level == 1 {
		c.levels = levels{good: 4, lazy: 4, nice: 8, chain: 4}
	}
	bits := uint(o.Memory + 7)
	c.hashShift, c.hashMask = (bits+minMatch-1)/minMatch, 1<<bits-1
	c.head, c.prev = make([]int32, 1<<bits), make([]int32, len(body)+1)
	return c
}

// insert puts the string at position p into its chain and returns the former
// head, -1 for none. zlib's position 0 stands for none.
func (c *compressor) insert(p int) int {
	w := c.window
	h := (uint32(w[p])<<(2*c.hashShift) ^ uint32(w[p+1])<<c.hashShift ^ uint32(w[p+2])) & c.hashMask
	old := c.head[h]
	c.prev[p], c.head[h] = old, int32(p)
	if old == 0 {
		return -1
	}
	return int(old)
}

// longest finds the longest match for position p among the chain from match, if
// it is longer than best.
func (c *compressor) longest(p, match, best int) (length, start int) {
	w, lookahead := c.window, c.size-p
	chain, nice := c.levels.chain, min(c.levels.nice, lookahead)
	if best >= c.levels.good {
		chain >>= 2
	}
	limit := max(p-c.maxDistance, 0)
	start = -1
	for {
		if w[match+best] == w[p+best] && w[match+best-1] == w[p+best-1] && w[match] == w[p] && w[match+1] == w[p+1] {
			n := minMatch
			for n < maxMatch && w[match+n] == w[p+n] {
				n++
			}
			if n > best {
				start, best = match, n
				if n >= nice {
					break
				}
			}
		}
		match = int(c.prev[match])
		if chain--; match <= limit || chain == 0 {
			break
		}
	}
	return min(best, lookahead), start
}

// fast is deflate_fast.
func (c *compressor) fast() {
	for p := 0; p < c.size; {
		hit := -1
		if c.size-p >= minMatch {
			hit = c.insert(p)
		}
		length, start := 0, -1
		if hit > 0 && p-hit <= c.maxDistance {
			length, start = c.longest(p, hit, minMatch-1)
		}
		full := false
		if length >= minMatch && start >= 0 {
			full = c.match(p-start, length)
			left := c.size - p - length
			if length <= c.levels.lazy && left >= minMatch {
				for i := 1; i < length; i++ {
					c.insert(p + i)
				}
			}
			p += length
		} else {
			full = c.literal(c.window[p])
			p++
		}
		c.at = p
		if full {
			c.flush(false)
		}
	}
	c.at = c.size
}

// slow is deflate_slow.
func (c *compressor) slow() {
	length, start, available := minMatch-1, 0, false
	p := 0
	for p < c.size {
		hit := -1
		if c.size-p >= minMatch {
			hit = c.insert(p)
		}
		before, beforeStart := length, start
		length = minMatch - 1
		if hit > 0 && before < c.levels.lazy && p-hit <= c.maxDistance {
			n, at := c.longest(p, hit, before)
			length = n
			if at >= 0 {
				start = at
			}
			if length == minMatch && p-start > tooFar {
				length = minMatch - 1
			}
		}
		switch {
		case before >= minMatch && length <= before:
			last := c.size - minMatch
			full := c.match(p-1-beforeStart, before)
			for i := before - 2; i > 0; i-- {
				if p++; p <= last {
					c.insert(p)
				}
			}
			available, length = false, minMatch-1
			p++
			c.at = p
			if full {
				c.flush(false)
			}
		case available:
			full := c.literal(c.window[p-1])
			c.at = p
			if full {
				c.flush(false)
			}
			p++
		default:
			available = true
			p++
		}
	}
	if available {
		c.literal(c.window[p-1])
	}
	c.at = c.size
}

// literal and match add a symbol and tell whether the block is full.
func (c *compressor) literal(b byte) bool {
	c.symbols = append(c.symbols, symbol{value: b})
	return len(c.symbols) == c.most
}

func (c *compressor) match(distance, length int) bool {
	c.symbols = append(c.symbols, symbol{uint16(distance), byte(length - minMatch)})
	return len(c.symbols) == c.most
}

// put writes n bits, the lowest first.
func (c *compressor) put(value uint32, n uint) {
	c.bits |= uint64(value) << c.n
	c.n += n
	for c.n >= 8 {
		c.out = append(c.out, byte(c.bits))
		c.bits >>= 8
		c.n -= 8
	}
}

// align fills the last byte.
func (c *compressor) align() {
	if c.n > 0 {
		c.out = append(c.out, byte(c.bits))
		c.bits, c.n = 0, 0
	}
}
