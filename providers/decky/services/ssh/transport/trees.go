package transport

import "sync"

// tree is a Huffman code as zlib's trees.c makes it from frequencies.
type tree struct {
	freq  [2*literals + 1]uint32
	codes [literals + 2]uint16
	lens  [2*literals + 1]uint16
	dad   [2*literals + 1]uint16
	size  int // symbols there may be
	last  int // the largest symbol in use
	most  int // bits of a code
	extra func(symbol int) int
	fixed func(symbol int) int // length of its fixed code; nil without one
}

// Sizes of the alphabets (RFC 1951 section 3.2).
const (
	literals  = 286
	distances = 30
	lengths   = 19
	endBlock  = 256
)

// blockTrees are what one block needs; they are reused.
type blockTrees struct {
	lit, dist, length tree
	heap              [2*literals + 1]int
	depth             [2*literals + 1]uint8
	heapLen, heapMax  int
	best, static      int // bits of the block in either way
}

var trees = sync.Pool{New: func() any {
	t := &blockTrees{}
	t.lit = tree{size: literals, most: 15, fixed: fixedLiteral, extra: func(s int) int {
		if s > endBlock {
			return int(lengthExtra[s-endBlock-1])
		}
		return 0
	}}
	t.dist = tree{size: distances, most: 15, fixed: func(int) int { return 5 }, extra: func(s int) int { return int(distanceExtra[s]) }}
	t.length = tree{size: lengths, most: 7, extra: func(s int) int { return [lengths]int{16: 2, 17: 3, 18: 7}[s] }}
	return t
}}

// fixedLiteral is the length of a literal's fixed code (RFC 1951 section 3.2.6).
func fixedLiteral(s int) int {
	switch {
	case s < 144:
		return 8
	case s < 256:
		return 9
	case s < 280:
		return 7
	}
	return 8
}

// lengthCode and distanceCode are the numbers of the codes.
func lengthCode(value uint8) int {
	i := len(lengthBase) - 1
	for int(lengthBase[i]) > int(value)+minLength {
		i--
	}
	return i
}

func distanceCode(distance uint16) int {
	i := len(distanceBase) - 1
	for distanceBase[i] > distance {
		i--
	}
	return i
}

// write is _tr_flush_block: the shortest of the three ways to write a block.
// data is what it holds, nil where that is gone.
func (t *blockTrees) write(d *deflater, data []byte, size int) {
	t.best, t.static = 0, 0
	clear(t.lit.freq[:])
	clear(t.dist.freq[:])
	clear(t.length.freq[:])
	t.lit.freq[endBlock] = 1
	for _, s := range d.symbols {
		if s.distance == 0 {
			t.lit.freq[s.value]++
			continue
		}
		t.lit.freq[endBlock+1+lengthCode(s.value)]++
		t.dist.freq[distanceCode(s.distance)]++
	}
	t.build(&t.lit)
	t.build(&t.dist)
	count := t.lengthTree()
	best, static := (t.best+3+7)>>3, (t.static+3+7)>>3
	if static <= best {
		best = static
	}
	switch {
	case data != nil && size+4 <= best:
		d.stored(data)
	case static == best:
		d.w.bits(2, 3)
		d.w.fixedBlock(d.symbols)
	default:
		d.w.bits(4, 3)
		d.w.bits(uint64(t.lit.last+1-257), 5)
		d.w.bits(uint64(t.dist.last), 5)
		d.w.bits(uint64(count-4), 4)
		for _, s := range lengthOrder[:count] {
			d.w.bits(uint64(t.length.lens[s]), 3)
		}
		t.sendLengths(&d.w, &t.lit)
		t.sendLengths(&d.w, &t.dist)
		t.sendSymbols(&d.w, d.symbols)
	}
}

// smaller is the heap's order: by frequency, then by depth.
func (t *blockTrees) smaller(x *tree, n, m int) bool {
	return x.freq[n] < x.freq[m] || x.freq[n] == x.freq[m] && t.depth[n] <= t.depth[m]
}

func (t *blockTrees) down(x *tree, k int) {
	v := t.heap[k]
	for j := k << 1; j <= t.heapLen; j <<= 1 {
		if j < t.heapLen && t.smaller(x, t.heap[j+1], t.heap[j]) {
			j++
		}
		if t.smaller(x, v, t.heap[j]) {
			break
		}
		t.heap[k] = t.heap[j]
		k = j
	}
	t.heap[k] = v
}

// build is build_tree: codes as short as they may be, and what they cost.
func (t *blockTrees) build(x *tree) {
	t.heapLen, t.heapMax, x.last = 0, len(t.heap), -1
	for n := range x.size {
		x.lens[n] = 0
		if x.freq[n] != 0 {
			t.heapLen++
			t.heap[t.heapLen], x.last, t.depth[n] = n, n, 0
		}
	}
	for t.heapLen < 2 { // a code has two symbols at least
		node := 0
		if x.last < 2 {
			x.last++
			node = x.last
		}
		t.heapLen++
		t.heap[t.heapLen], x.freq[node], t.depth[node] = node, 1, 0
		t.best--
		if x.fixed != nil {
			t.static -= x.fixed(node)
		}
	}
	for n := t.heapLen / 2; n >= 1; n-- {
		t.down(x, n)
	}
	for node := x.size; ; node++ {
		n := t.heap[1]
		t.heap[1] = t.heap[t.heapLen]
		t.heapLen--
		t.down(x, 1)
		m := t.heap[1]
		t.heap[t.heapMax-1], t.heap[t.heapMax-2] = n, m
		t.heapMax -= 2
		x.freq[node] = x.freq[n] + x.freq[m]
		t.depth[node] = max(t.depth[n], t.depth[m]) + 1
		x.dad[n], x.dad[m] = uint16(node), uint16(node)
		t.heap[1] = node
		t.down(x, 1)
		if t.heapLen < 2 {
			break
		}
	}
	t.heapMax--
	t.heap[t.heapMax] = t.heap[1]
	x.number(t.limit(x))
}

// limit is gen_bitlen: the lengths of the codes, none above the most.
func (t *blockTrees) limit(x *tree) (count [16]int) {
	overflow := 0
	x.lens[t.heap[t.heapMax]] = 0
	for h := t.heapMax + 1; h < len(t.heap); h++ {
		n := t.heap[h]
		bits := int(x.lens[x.dad[n]]) + 1
		if bits > x.most {
			bits = x.most
			overflow++
		}
		x.lens[n] = uint16(bits)
		if n > x.last {
			continue // no symbol
		}
		count[bits]++
		extra, freq := x.extra(n), int(x.freq[n])
		t.best += freq * (bits + extra)
		if x.fixed != nil {
			t.static += freq * (x.fixed(n) + extra)
		}
	}
	if overflow == 0 {
		return count
	}
	for ; overflow > 0; overflow -= 2 {
		bits := x.most - 1
		for count[bits] == 0 {
			bits--
		}
		count[bits]--
		count[bits+1] += 2
		count[x.most]--
	}
	h := len(t.heap)
	for bits := x.most; bits > 0; bits-- {
		for n := count[bits]; n > 0; {
			h--
			m := t.heap[h]
			if m > x.last {
				continue
			}
			t.best += (bits - int(x.lens[m])) * int(x.freq[m])
			x.lens[m] = uint16(bits)
			n--
		}
	}
	return count
}

// number is gen_codes: the codes of one length follow one another (RFC 1951
// section 3.2.2).
func (x *tree) number(count [16]int) {
	var next [16]uint16
	code := uint16(0)
	for bits := 1; bits < len(next); bits++ {
		code = (code + uint16(count[bits-1])) << 1
		next[bits] = code
	}
	for n := 0; n <= x.last; n++ {
		if bits := x.lens[n]; bits != 0 {
			x.codes[n] = next[bits]
			next[bits]++
		}
	}
}

// runs cuts the lengths of a tree's codes into runs, as scan_tree and send_tree
// do: use gets a symbol of the length alphabet and the bits behind it.
func runs(x *tree, use func(symbol int, value uint64, bits uint)) {
	before := -1
	for n := 0; n <= x.last; {
		current := int(x.lens[n])
		most, least := 7, 4
		switch {
		case current == 0:
			most, least = 138, 3
		case current == before:
			most, least = 6, 3
		}
		count := 1
		for count < most && n+count <= x.last && int(x.lens[n+count]) == current {
			count++
		}
		n += count
		switch {
		case count < least:
			for range count {
				use(current, 0, 0)
			}
		case current != 0:
			if current != before {
				use(current, 0, 0)
				count--
			}
			use(16, uint64(count-3), 2)
		case count <= 10:
			use(17, uint64(count-3), 3)
		default:
			use(18, uint64(count-11), 7)
		}
		before = current
	}
}

// lengthTree builds the code for the lengths of the other two, and tells how
// many of its own lengths are sent.
func (t *blockTrees) lengthTree() int {
	for _, x := range []*tree{&t.lit, &t.dist} {
		runs(x, func(symbol int, _ uint64, _ uint) { t.length.freq[symbol]++ })
	}
	t.build(&t.length)
	count := lengths
	for count > 4 && t.length.lens[lengthOrder[count-1]] == 0 {
		count--
	}
	t.best += 3*count + 5 + 5 + 4
	return count
}

func (t *blockTrees) sendLengths(w *bitWriter, x *tree) {
	runs(x, func(symbol int, value uint64, bits uint) {
		w.symbol(&t.length, symbol)
		w.bits(value, bits)
	})
}

func (t *blockTrees) sendSymbols(w *bitWriter, symbols []symbol) {
	for _, s := range symbols {
		if s.distance == 0 {
			w.symbol(&t.lit, int(s.value))
			continue
		}
		i := lengthCode(s.value)
		w.symbol(&t.lit, endBlock+1+i)
		w.bits(uint64(int(s.value)+minLength-int(lengthBase[i])), uint(lengthExtra[i]))
		i = distanceCode(s.distance)
		w.symbol(&t.dist, i)
		w.bits(uint64(s.distance-distanceBase[i]), uint(distanceExtra[i]))
	}
	w.symbol(&t.lit, endBlock)
}
