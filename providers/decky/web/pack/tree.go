package pack

const (
	literals   = 286
	distances  = 30
	codeLength = 19
	endOfBlock = 256
)

// Extra bits and bases of the codes (RFC 1951 section 3.2.5).
var (
	lengthExtra   = [29]uint{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceExtra = [30]uint{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	codeExtra     = [19]uint{16: 2, 17: 3, 18: 7}
	codeOrder     = [19]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	lengthBase    = bases(lengthExtra[:28])
	distanceBase  = bases(distanceExtra[:])
	fixedLiterals = fixed()
)

func bases(extra []uint) []int {
	all, at := make([]int, len(extra)), 0
	for i, n := range extra {
		all[i] = at
		at += 1 << n
	}
	return all
}

// lengthCode and distanceCode find the code of a length less three and of a
// distance less one.
func lengthCode(n int) int {
	if n == maxMatch-minMatch {
		return 28
	}
	return code(lengthBase, n)
}

func distanceCode(n int) int { return code(distanceBase, n) }

func code(base []int, n int) int {
	i := len(base) - 1
	for base[i] > n {
		i--
	}
	return i
}

// tree is one alphabet: how often each symbol occurs, and the code that follows
// from it.
type tree struct {
	freq   []int
	length []uint
	code   []uint32
	most   int // the largest symbol with a code
}

func fixed() tree {
	t := tree{length: make([]uint, 288)}
	for i := range t.length {
		switch {
		case i < 144:
			t.length[i] = 8
		case i < 256:
			t.length[i] = 9
		case i < 280:
			t.length[i] = 7
		default:
			t.length[i] = 8
		}
	}
	t.code = codes(t.length, 287)
	return t
}

// build makes the tree of frequencies with codes of at most limit bits, by the
// same heap and the same rule for ties as zlib. total is the length of all
// symbols coded, in bits, without their extra bits.
func build(freq []int, limit uint) (t tree, total int) {
	n := len(freq)
	b := builder{freq: append(append([]int{}, freq...), make([]int, n+1)...), depth: make([]int, 2*n+1), parent: make([]int, 2*n+1), heap: []int{0}}
	t = tree{freq: b.freq[:n], length: make([]uint, n), most: -1}
	for s, f := range freq {
		if f != 0 {
			b.heap = append(b.heap, s)
			t.most = s
		}
	}
	// There are two codes at the least.
	for len(b.heap) < 3 {
		s := 0
		if t.most < 2 {
			t.most++
			s = t.most
		}
		b.heap = append(b.heap, s)
		b.freq[s] = 1
		total-- // it is never sent
	}
	for i := (len(b.heap) - 1) / 2; i >= 1; i-- {
		b.down(i)
	}
	node := n
	for len(b.heap) > 2 {
		one := b.pop()
		two := b.heap[1]
		b.order = append(b.order, one, two)
		b.freq[node] = b.freq[one] + b.freq[two]
		b.depth[node] = max(b.depth[one], b.depth[two]) + 1
		b.parent[one], b.parent[two] = node, node
		b.heap[1] = node
		node++
		b.down(1)
	}
	b.order = append(b.order, b.heap[1])
	total += b.lengths(&t, n, limit)
	t.code = codes(t.length, t.most)
	return t, total
}

// builder is the heap of build.
type builder struct {
	freq, depth, parent []int
	heap                []int // from 1
	order               []int // taken off, least frequent first
}

func (b *builder) smaller(one, two int) bool {
	return b.freq[one] < b.freq[two] || b.freq[one] == b.freq[two] && b.depth[one] <= b.depth[two]
}

func (b *builder) down(k int) {
	v, n := b.heap[k], len(b.heap)-1
	for j := 2 * k; j <= n; j *= 2 {
		if j < n && b.smaller(b.heap[j+1], b.heap[j]) {
			j++
		}
		if b.smaller(v, b.heap[j]) {
			break
		}
		b.heap[k], k = b.heap[j], j
	}
	b.heap[k] = v
}

func (b *builder) pop() int {
	top := b.heap[1]
	b.heap[1] = b.heap[len(b.heap)-1]
	b.heap = b.heap[:len(b.heap)-1]
	b.down(1)
	return top
}

// lengths is gen_bitlen: the depth of every leaf, cut to limit.
func (b *builder) lengths(t *tree, n int, limit uint) (total int) {
	depth := make([]uint, len(b.freq))
	var count [17]int
	overflow := 0
	for i := len(b.order) - 2; i >= 0; i-- {
		s := b.order[i]
		bits := depth[b.parent[s]] + 1
		if bits > limit {
			bits = limit
			overflow++
		}
		depth[s] = bits
		if s < n {
			count[bits]++
			t.length[s] = bits
		}
	}
	cut := overflow > 0
	for ; overflow > 0; overflow -= 2 {
		bits := limit - 1
		for count[bits] == 0 {
			bits--
		}
		count[bits]--
		count[bits+1] += 2
		count[limit]--
	}
	at := 0
	for bits := limit; cut && bits != 0; bits-- {
		for left := count[bits]; left > 0; at++ {
			if s := b.order[at]; s < n {
				t.length[s] = bits
				left--
			}
		}
	}
	for s := range n {
		total += t.freq[s] * int(t.length[s])
	}
	return total
}

// codes are the canonical codes of lengths (RFC 1951 section 3.2.2), as they
// are written: the highest bit first.
func codes(length []uint, most int) []uint32 {
	var count, next [17]uint32
	for i := 0; i <= most; i++ {
		count[length[i]]++
	}
	count[0] = 0
	for bits := 1; bits <= 15; bits++ {
		next[bits] = (next[bits-1] + count[bits-1]) << 1
	}
	all := make([]uint32, len(length))
	for i := 0; i <= most; i++ {
		n := length[i]
		if n == 0 {
			continue
		}
		c, reversed := next[n], uint32(0)
		next[n]++
		for range n {
			reversed = reversed<<1 | c&1
			c >>= 1
		}
		all[i] = reversed
	}
	return all
}
