package transport

import (
	"encoding/binary"
	"errors"
	"sync"
)

// compression is one direction's (RFC 4253 section 6.2). Nothing is kept of
// what was sent: each packet is compressed by itself, so that a connection
// costs no window. What is received needs one.
type compression struct {
	zlib   bool
	active bool
	began  bool // the stream's header is out
	in     *inflater
}

func newCompression(name string, authenticated bool) compression {
	c := compression{zlib: name == "zlib" || name == "zlib@openssh.com"}
	c.active = name == "zlib" || c.zlib && authenticated
	return c
}

// startDelayed begins zlib@openssh.com after the login.
func (d *direction) startDelayed() { d.comp.active = d.comp.zlib }

var errInflate = errors.New("compressed data is broken")

// expand appends the inflated payload to dst.
func (c *compression) expand(dst, payload []byte) ([]byte, error) {
	if c.in == nil {
		c.in = new(inflater)
	}
	return c.in.feed(dst, payload, maxInflated)
}

// matches of the compressor: at most this far back, hashed into so many slots.
const (
	hashBits = 11
	minMatch = 4
	maxMatch = 258
	maxBack  = 32 << 10
)

// shrink appends the payload as one block of fixed codes and an empty stored
// one, as a flush ends (RFC 1951 sections 3.2.4 and 3.2.6).
func (c *compression) shrink(b, payload []byte) []byte {
	if !c.began {
		c.began = true
		b = append(b, 0x78, 0x9c)
	}
	w := bitWriter{b: b}
	w.bits(2, 3) // not the last, fixed codes
	table := tables.Get().(*[1 << hashBits]int32)
	defer tables.Put(table)
	clear(table[:])
	for i := 0; i < len(payload); {
		if i+minMatch <= len(payload) {
			word := binary.LittleEndian.Uint32(payload[i:])
			slot := &table[word*2654435761>>(32-hashBits)]
			back := i + 1 - int(*slot)
			candidate := int(*slot) - 1
			*slot = int32(i + 1)
			if candidate >= 0 && back <= maxBack && binary.LittleEndian.Uint32(payload[candidate:]) == word {
				n := minMatch
				for n < maxMatch && i+n < len(payload) && payload[candidate+n] == payload[i+n] {
					n++
				}
				w.match(n, back)
				i += n
				continue
			}
		}
		w.literal(int(payload[i]))
		i++
	}
	w.literal(256)
	w.bits(0, 3) // an empty stored block
	w.align()
	return append(w.b, 0, 0, 0xff, 0xff)
}

// tables are the compressor's, too large for every connection's stack.
var tables = sync.Pool{New: func() any { return new([1 << hashBits]int32) }}

// bitWriter writes bits from the lowest on (RFC 1951 section 3.1.1).
type bitWriter struct {
	b    []byte
	acc  uint64
	have uint
}

func (w *bitWriter) bits(v uint64, n uint) {
	w.acc |= v << w.have
	for w.have += n; w.have >= 8; w.have -= 8 {
		w.b = append(w.b, byte(w.acc))
		w.acc >>= 8
	}
}

func (w *bitWriter) align() {
	if w.have > 0 {
		w.bits(0, 8-w.have)
	}
}

// code writes a code of the fixed tables, whose bits go highest first.
func (w *bitWriter) code(v uint64, n uint) {
	var turned uint64
	for i := range n {
		turned |= v >> i & 1 << (n - 1 - i)
	}
	w.bits(turned, n)
}

func (w *bitWriter) literal(v int) {
	switch {
	case v < 144:
		w.code(uint64(0x30+v), 8)
	case v < 256:
		w.code(uint64(0x190+v-144), 9)
	case v < 280:
		w.code(uint64(v-256), 7)
	default:
		w.code(uint64(0xc0+v-280), 8)
	}
}

func (w *bitWriter) match(length, back int) {
	i := len(lengthBase) - 1
	for int(lengthBase[i]) > length {
		i--
	}
	w.literal(257 + i)
	w.bits(uint64(length-int(lengthBase[i])), uint(lengthExtra[i]))
	i = len(distanceBase) - 1
	for int(distanceBase[i]) > back {
		i--
	}
	w.code(uint64(i), 5)
	w.bits(uint64(back-int(distanceBase[i])), uint(distanceExtra[i]))
}

// The lengths and distances of RFC 1951 section 3.2.5.
var (
	lengthBase    = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra   = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase  = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distanceExtra = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)
