package transport

import "math/bits"

// inflater reads a zlib stream that never ends and is flushed at every packet
// without a byte's alignment (zlib's partial flush), which compress/flate
// cannot do: it decodes as far as the bits reach and waits for more.
type inflater struct {
	header bool
	ended  bool
	in     []byte // what is not consumed yet
	acc    uint64
	have   uint
	window []byte // the last 32 KiB, a ring once it is full
	at     int

	state   int
	last    bool
	stored  int
	lit     *huffman
	dist    *huffman
	dynamic [2]huffman
}

const (
	windowSize = 32 << 10
	// maxHeld bounds the bytes of a block's header that wait for the rest.
	maxHeld = 512

	stateBlock = iota
	stateStored
	stateCodes
)

// feed appends what data decodes to, at most limit bytes.
func (f *inflater) feed(dst, data []byte, limit int) ([]byte, error) {
	if f.ended {
		return dst, errInflate
	}
	f.in = append(f.in, data...)
	start := len(dst)
	defer func() {
		f.in = append([]byte(nil), f.in...)
	}()
	if !f.header {
		if len(f.in) < 2 {
			return dst, nil
		}
		if f.in[0]&15 != 8 || f.in[0]>>4 > 7 || f.in[1]&32 != 0 || (uint(f.in[0])<<8|uint(f.in[1]))%31 != 0 {
			return dst, errInflate
		}
		f.in, f.header = f.in[2:], true
	}
	for {
		more, err := f.step(&dst, start+limit)
		if err != nil {
			f.ended = true
			return dst, err
		}
		if !more {
			if len(f.in) > maxHeld {
				return dst, errInflate
			}
			return dst, nil
		}
	}
}

// step decodes one piece: a header, a run of stored bytes, or a symbol. Where
// the bits do not reach it changes nothing and returns false.
func (f *inflater) step(dst *[]byte, limit int) (more bool, err error) {
	in, acc, have := f.in, f.acc, f.have
	ok := false
	switch f.state {
	case stateStored:
		ok, err = f.copyStored(dst, limit)
	case stateCodes:
		ok, err = f.symbol(dst, limit)
	default:
		ok, err = f.block()
	}
	if !ok {
		f.in, f.acc, f.have = in, acc, have
	}
	return ok, err
}

func (f *inflater) block() (ok bool, err error) {
	if f.last {
		return false, errInflate // a stream of SSH has no end
	}
	last, ok1 := f.bits(1)
	kind, ok2 := f.bits(2)
	if !ok1 || !ok2 {
		return false, nil
	}
	switch kind {
	case 0:
		f.drop(f.have % 8)
		n, ok1 := f.bits(16)
		inverse, ok2 := f.bits(16)
		if !ok1 || !ok2 {
			return false, nil
		}
		if n != ^inverse&0xffff {
			return false, errInflate
		}
		f.stored, f.state = int(n), stateStored
	case 1:
		f.lit, f.dist, f.state = fixedLiterals, fixedDistances, stateCodes
	case 2:
		if ok, err := f.tables(); !ok || err != nil {
			return false, err
		}
		f.lit, f.dist, f.state = &f.dynamic[0], &f.dynamic[1], stateCodes
	default:
		return false, errInflate
	}
	f.last = last == 1
	return true, nil
}

func (f *inflater) copyStored(dst *[]byte, limit int) (ok bool, err error) {
	before := f.stored
	for ; f.stored > 0 && f.have >= 8; f.stored-- {
		b, _ := f.bits(8)
		if err := f.put(dst, byte(b), limit); err != nil {
			return false, err
		}
	}
	n := min(f.stored, len(f.in))
	for _, b := range f.in[:n] {
		if err := f.put(dst, b, limit); err != nil {
			return false, err
		}
	}
	f.in, f.stored = f.in[n:], f.stored-n
	if f.stored > 0 {
		return f.stored < before, nil
	}
	f.state = stateBlock
	return true, nil
}

func (f *inflater) symbol(dst *[]byte, limit int) (ok bool, err error) {
	v, ok, err := f.decode(f.lit)
	switch {
	case !ok || err != nil:
		return false, err
	case v < 256:
		err = f.put(dst, byte(v), limit)
		return err == nil, err
	case v == 256:
		f.state = stateBlock
		return true, nil
	case v > 285:
		return false, errInflate
	}
	extra, ok := f.bits(uint(lengthExtra[v-257]))
	if !ok {
		return false, nil
	}
	length := int(lengthBase[v-257]) + int(extra)
	if v, ok, err = f.decode(f.dist); !ok || err != nil {
		return false, err
	}
	if v > 29 {
		return false, errInflate
	}
	if extra, ok = f.bits(uint(distanceExtra[v])); !ok {
		return false, nil
	}
	back := int(distanceBase[v]) + int(extra)
	if back > len(f.window) {
		return false, errInflate
	}
	for range length {
		if err := f.put(dst, f.window[(f.at-back+windowSize)%windowSize], limit); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (f *inflater) put(dst *[]byte, b byte, limit int) error {
	if len(*dst) >= limit {
		return errInflate
	}
	*dst = append(*dst, b)
	if len(f.window) < windowSize {
		f.window = append(f.window, b)
	} else {
		f.window[f.at] = b
	}
	f.at = (f.at + 1) % windowSize
	return nil
}

func (f *inflater) refill() {
	for f.have <= 56 && len(f.in) > 0 {
		f.acc |= uint64(f.in[0]) << f.have
		f.in, f.have = f.in[1:], f.have+8
	}
}

func (f *inflater) bits(n uint) (uint32, bool) {
	if f.have < n {
		f.refill()
	}
	if f.have < n {
		return 0, false
	}
	v := uint32(f.acc & (1<<n - 1))
	f.drop(n)
	return v, true
}

func (f *inflater) drop(n uint) {
	f.acc >>= n
	f.have -= n
}

// huffman is a canonical code (RFC 1951 section 3.2.2): how many codes of each
// length there are, and the symbols in the order of their codes.
type huffman struct {
	count   [16]uint16
	symbols [288]uint16
}

// build makes the code; it refuses one with more codes than there is room for,
// and an incomplete one of more than one code.
func (h *huffman) build(lengths []uint8) bool {
	h.count = [16]uint16{}
	for _, n := range lengths {
		h.count[n]++
	}
	left, used := 1, 0
	for n := 1; n < 16; n++ {
		left = left<<1 - int(h.count[n])
		used += int(h.count[n])
		if left < 0 {
			return false
		}
	}
	if left > 0 && used > 1 {
		return false
	}
	var offset [17]uint16
	for n := 1; n < 16; n++ {
		offset[n+1] = offset[n] + h.count[n]
	}
	for symbol, n := range lengths {
		if n > 0 {
			h.symbols[offset[n]] = uint16(symbol)
			offset[n]++
		}
	}
	return true
}

func (f *inflater) decode(h *huffman) (symbol int, ok bool, err error) {
	f.refill()
	code, first, index := 0, 0, 0
	turned := bits.Reverse64(f.acc)
	for n := uint(1); n < 16; n++ {
		if n > f.have {
			return 0, false, nil
		}
		code |= int(turned >> 63)
		turned <<= 1
		count := int(h.count[n])
		if code-count < first {
			f.drop(n)
			return int(h.symbols[index+code-first]), true, nil
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, false, errInflate
}

var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// tables reads the codes of a block (RFC 1951 section 3.2.7).
func (f *inflater) tables() (ok bool, err error) {
	literals, ok1 := f.bits(5)
	distances, ok2 := f.bits(5)
	orders, ok3 := f.bits(4)
	if !ok1 || !ok2 || !ok3 {
		return false, nil
	}
	nlit, ndist := int(literals)+257, int(distances)+1
	if nlit > 286 || ndist > 30 {
		return false, errInflate
	}
	var lengths [320]uint8
	for i := range int(orders) + 4 {
		v, ok := f.bits(3)
		if !ok {
			return false, nil
		}
		lengths[lengthOrder[i]] = uint8(v)
	}
	var code huffman
	if !code.build(lengths[:19]) {
		return false, errInflate
	}
	lengths = [320]uint8{}
	for i := 0; i < nlit+ndist; {
		v, ok, err := f.decode(&code)
		if !ok || err != nil {
			return false, err
		}
		if v < 16 {
			lengths[i] = uint8(v)
			i++
			continue
		}
		repeat, value, ok := f.run(v, i, &lengths)
		switch {
		case !ok:
			return false, nil
		case v == 16 && i == 0, i+repeat > nlit+ndist:
			return false, errInflate
		}
		for range repeat {
			lengths[i] = value
			i++
		}
	}
	if lengths[256] == 0 || !f.dynamic[0].build(lengths[:nlit]) || !f.dynamic[1].build(lengths[nlit:nlit+ndist]) {
		return false, errInflate
	}
	return true, nil
}

// run is a repetition of code lengths.
func (f *inflater) run(symbol, i int, lengths *[320]uint8) (repeat int, value uint8, ok bool) {
	width, base := uint(2), 3
	switch symbol {
	case 17:
		width = 3
	case 18:
		width, base = 7, 11
	}
	extra, ok := f.bits(width)
	if symbol == 16 && i > 0 {
		value = lengths[i-1]
	}
	return base + int(extra), value, ok
}

var fixedLiterals, fixedDistances = func() (*huffman, *huffman) {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	lit, dist := new(huffman), new(huffman)
	lit.build(lengths[:])
	for i := range 30 {
		lengths[i] = 5
	}
	dist.build(lengths[:30])
	// Two codes of five bits stand for nothing, so the code is incomplete.
	dist.count[5] = 30
	var offset int
	for i := range 30 {
		dist.symbols[offset] = uint16(i)
		offset++
	}
	return lit, dist
}()
