package transport

// deflater is zlib's deflate at level 6 (deflate.c of zlib 1.2.13, RFC 1951):
// the same matches and the same blocks, so that a packet has the length on the
// wire that the real server's has. One stream lasts from one key exchange to the
// next, and each packet ends with a flush.
type deflater struct {
	sync bool // Z_SYNC_FLUSH, as Dropbear does; else Z_PARTIAL_FLUSH
	w    bitWriter

	window []byte // grows to twice windowSize, then turns over
	head   []uint16
	prev   []uint16
	hash   uint
	start  int // where the string that is looked at begins
	ahead  int // bytes from there on
	block  int // where the block that is not written yet begins
	insert int // strings before start that are not in the table yet

	length, prevLength int
	match, prevMatch   int
	available          bool // the byte before start waits

	symbols []symbol
}

// symbol is a literal, or a match with its distance.
type symbol struct {
	distance uint16
	value    uint8 // a byte, or a length less minLength
}

// Level 6 of zlib's configuration_table, and its limits.
const (
	goodLength = 8
	maxLazy    = 16
	niceLength = 128
	maxChain   = 128

	minLength    = 3
	maxLength    = 258
	minLookahead = maxLength + minLength + 1
	maxDistance  = windowSize - minLookahead
	tooFar       = 4096
	hashBits     = 15
	hashShift    = 5
	maxSymbols   = 1<<14 - 1
	// outputPiece is what sshd gives deflate to write into: where a packet
	// fills it exactly, the flush is repeated.
	outputPiece = 4096
)

// compress appends data and a flush to b.
func (d *deflater) compress(b, data []byte) []byte {
	from := len(b)
	d.w.b = b
	if d.head == nil {
		d.head = make([]uint16, 1<<hashBits)
		d.length = minLength - 1
		d.w.b = append(d.w.b, 0x78, 0x9c)
	}
	d.slow(data)
	d.flush()
	for !d.sync && (len(d.w.b)-from)%outputPiece == 0 {
		d.flush()
	}
	b, d.w.b = d.w.b, nil
	return b
}

// flush ends what a packet adds: an empty block of fixed codes, or one that is
// stored and ends at a byte.
func (d *deflater) flush() {
	if !d.sync {
		d.w.bits(2, 3)
		d.w.bits(0, 7)
		return
	}
	d.stored(nil)
}

func (d *deflater) stored(data []byte) {
	d.w.bits(0, 3)
	d.w.align()
	n := len(data)
	d.w.b = append(d.w.b, byte(n), byte(n>>8), ^byte(n), ^byte(n>>8))
	d.w.b = append(d.w.b, data...)
}

// fill takes from data what the window has room for and returns the rest.
func (d *deflater) fill(data []byte) []byte {
	for {
		if d.start >= windowSize+maxDistance {
			d.slide()
		}
		if len(data) == 0 {
			return nil
		}
		d.window = d.window[:d.start+d.ahead]
		n := min(len(data), 2*windowSize-len(d.window))
		d.window = append(d.window, data[:n]...)
		d.ahead += n
		data = data[n:]
		if d.ahead+d.insert >= minLength {
			at := d.start - d.insert
			d.hash = uint(d.window[at])<<hashShift ^ uint(d.window[at+1])
			for d.insert > 0 {
				d.put(at)
				at++
				d.insert--
				if d.ahead+d.insert < minLength {
					break
				}
			}
		}
		if d.ahead >= minLookahead || len(data) == 0 {
			return data
		}
	}
}

// slide throws the older half of the window away.
func (d *deflater) slide() {
	copy(d.window, d.window[windowSize:])
	d.window = d.window[:len(d.window)-windowSize]
	d.match -= windowSize
	d.start -= windowSize
	d.block -= windowSize
	d.insert = min(d.insert, d.start)
	for _, table := range [][]uint16{d.head, d.prev} {
		for i, at := range table {
			table[i] = uint16(max(0, int(at)-windowSize))
		}
	}
}

// put enters the string at a place and returns where the last like it is; 0 is
// nowhere.
func (d *deflater) put(at int) int {
	d.hash = (d.hash<<hashShift ^ uint(d.window[at+minLength-1])) & (1<<hashBits - 1)
	before := d.head[d.hash]
	slot := at & (windowSize - 1)
	for len(d.prev) <= slot {
		d.prev = append(d.prev, 0)
	}
	d.prev[slot] = before
	d.head[d.hash] = uint16(at)
	return int(before)
}

// slow is deflate_slow: a match counts once the next place has no better one.
func (d *deflater) slow(data []byte) {
	for {
		if d.ahead < minLookahead {
			data = d.fill(data)
			if d.ahead == 0 {
				break
			}
		}
		before := 0
		if d.ahead >= minLength {
			before = d.put(d.start)
		}
		d.prevLength, d.prevMatch, d.length = d.length, d.match, minLength-1
		if before != 0 && d.prevLength < maxLazy && d.start-before <= maxDistance {
			d.length = d.longest(before)
			if d.length == minLength && d.start-d.match > tooFar {
				d.length = minLength - 1
			}
		}
		switch {
		case d.prevLength >= minLength && d.length <= d.prevLength:
			d.take()
		case d.available:
			if d.tally(symbol{0, d.window[d.start-1]}) {
				d.write()
			}
			d.start++
			d.ahead--
		default:
			d.available = true
			d.start++
			d.ahead--
		}
	}
	if d.available {
		d.tally(symbol{0, d.window[d.start-1]})
		d.available = false
	}
	d.insert = min(d.start, minLength-1)
	if len(d.symbols) > 0 {
		d.write()
	}
}

// take writes down the match of the place before.
func (d *deflater) take() {
	last := d.start + d.ahead - minLength
	full := d.tally(symbol{uint16(d.start - 1 - d.prevMatch), uint8(d.prevLength - minLength)})
	d.ahead -= d.prevLength - 1
	for n := d.prevLength - 2; n > 0; n-- {
		if d.start++; d.start <= last {
			d.put(d.start)
		}
	}
	d.available, d.length = false, minLength-1
	d.start++
	if full {
		d.write()
	}
}

// longest is the longest match from a place on, and leaves where it is.
func (d *deflater) longest(at int) int {
	chain, best, nice := maxChain, d.prevLength, min(niceLength, d.ahead)
	limit := max(0, d.start-maxDistance)
	if d.prevLength >= goodLength {
		chain >>= 2
	}
	scan := d.window[d.start : d.start+min(d.ahead, maxLength)]
	if best >= len(scan) {
		return min(best, d.ahead)
	}
	for {
		m := d.window[at:]
		if m[best] == scan[best] && m[best-1] == scan[best-1] && m[0] == scan[0] && m[1] == scan[1] {
			n := 2
			for n < len(scan) && m[n] == scan[n] {
				n++
			}
			if n > best {
				d.match, best = at, n
				if n >= nice || n >= len(scan) {
					break
				}
			}
		}
		at = int(d.prev[at&(windowSize-1)])
		if chain--; at <= limit || chain == 0 {
			break
		}
	}
	return min(best, d.ahead)
}

// tally writes a symbol down and tells whether the block is full.
func (d *deflater) tally(s symbol) bool {
	d.symbols = append(d.symbols, s)
	return len(d.symbols) == maxSymbols
}

// write ends the block.
func (d *deflater) write() {
	var from []byte
	if d.block >= 0 {
		from = d.window[d.block:d.start]
	}
	t := trees.Get().(*blockTrees)
	t.write(d, from, d.start-d.block)
	trees.Put(t)
	d.block = d.start
	const kept = 1 << 10
	if d.symbols = d.symbols[:0]; cap(d.symbols) > kept {
		d.symbols = nil
	}
}
