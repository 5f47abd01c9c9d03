package transport

import "errors"

// compression is one direction's (RFC 4253 section 6.2): one stream from a key
// exchange to the next, whose window is made with the first packet.
type compression struct {
	zlib   bool
	active bool
	sync   bool // each packet ends at a byte
	in     *inflater
	out    *deflater
}

func newCompression(name string, authenticated, sync bool) compression {
	c := compression{zlib: name == "zlib" || name == "zlib@openssh.com", sync: sync}
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

// shrink appends the deflated payload and a flush.
func (c *compression) shrink(b, payload []byte) []byte {
	if c.out == nil {
		c.out = &deflater{sync: c.sync}
	}
	return c.out.compress(b, payload)
}

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

// symbol writes the code that a tree has for a symbol.
func (w *bitWriter) symbol(x *tree, symbol int) {
	w.code(uint64(x.codes[symbol]), uint(x.lens[symbol]))
}

// fixedBlock writes symbols and the block's end in fixed codes.
func (w *bitWriter) fixedBlock(symbols []symbol) {
	for _, s := range symbols {
		if s.distance == 0 {
			w.literal(int(s.value))
			continue
		}
		i := lengthCode(s.value)
		w.literal(endBlock + 1 + i)
		w.bits(uint64(int(s.value)+minLength-int(lengthBase[i])), uint(lengthExtra[i]))
		i = distanceCode(s.distance)
		w.code(uint64(i), 5)
		w.bits(uint64(s.distance-distanceBase[i]), uint(distanceExtra[i]))
	}
	w.literal(endBlock)
}

// The lengths and distances of RFC 1951 section 3.2.5.
var (
	lengthBase    = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra   = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase  = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distanceExtra = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)
