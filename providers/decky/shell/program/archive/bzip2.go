package archive

import (
	"bytes"
	"sort"
	"syscall"
	"time"
)

// bitWriter writes bits, the most significant first.
type bitWriter struct {
	bytes.Buffer
	acc  uint64
	have uint
}

func (w *bitWriter) bits(v uint64, n uint) {
	for n > 32 {
		n -= 32
		w.bits(v>>n&0xffffffff, 32)
	}
	w.acc = w.acc<<n | v&(1<<n-1)
	w.have += n
	for w.have >= 8 {
		w.have -= 8
		w.WriteByte(byte(w.acc >> w.have))
	}
}

func bzipCRC(data []byte) uint32 {
	v := ^uint32(0)
	for _, b := range data {
		v ^= uint32(b) << 24
		for range 8 {
			if v&0x80000000 != 0 {
				v = v<<1 ^ 0x04c11db7
			} else {
				v <<= 1
			}
		}
	}
	return ^v
}

// maxPacked bounds what is compressed as bzip2: sorting is dear.
const maxPacked = 4 << 20

// packBzip2 writes bzip2's format: run lengths, Burrows and Wheeler's
// transform, move to front, Huffman codes.
func packBzip2(data []byte, _ string, _ time.Time) ([]byte, error) {
	if len(data) > maxPacked {
		return nil, syscall.EFBIG
	}
	w := &bitWriter{}
	w.WriteString("BZh9")
	total := uint32(0)
	const block = 600_000
	for len(data) > 0 {
		part := data[:min(len(data), block)]
		data = data[len(part):]
		crc := bzipCRC(part)
		total = total<<1 | total>>31
		total ^= crc
		bzipBlock(w, part, crc)
	}
	w.bits(0x177245385090, 48)
	w.bits(uint64(total), 32)
	if w.have > 0 {
		w.bits(0, 8-w.have)
	}
	return w.Bytes(), nil
}

// runs replaces four to 255 equal bytes by four and a count.
func runs(data []byte) []byte {
	var out []byte
	for i := 0; i < len(data); {
		n := 1
		for i+n < len(data) && data[i+n] == data[i] && n < 255 {
			n++
		}
		for range min(n, 4) {
			out = append(out, data[i])
		}
		if n >= 4 {
			out = append(out, byte(n-4))
		}
		i += n
	}
	return out
}

// rotations sorts the rotations of data by doubling.
func rotations(data []byte) []int {
	n := len(data)
	order, rank, next := make([]int, n), make([]int, n), make([]int, n)
	for i, b := range data {
		order[i], rank[i] = i, int(b)
	}
	for k := 1; ; k *= 2 {
		second := func(i int) int { return rank[(i+k)%n] }
		sort.Slice(order, func(a, b int) bool {
			x, y := order[a], order[b]
			if rank[x] != rank[y] {
				return rank[x] < rank[y]
			}
			return second(x) < second(y)
		})
		next[order[0]] = 0
		for i := 1; i < n; i++ {
			next[order[i]] = next[order[i-1]]
			if x, y := order[i-1], order[i]; rank[x] != rank[y] || second(x) != second(y) {
				next[order[i]]++
			}
		}
		copy(rank, next)
		if k >= n || rank[order[n-1]] == n-1 {
			return order
		}
	}
}

func bzipBlock(w *bitWriter, part []byte, crc uint32) {
	data := runs(part)
	order := rotations(data)
	last := make([]byte, len(data))
	origin := 0
	for i, at := range order {
		last[i] = data[(at+len(data)-1)%len(data)]
		if at == 0 {
			origin = i
		}
	}
	w.bits(0x314159265359, 48)
	w.bits(uint64(crc), 32)
	w.bits(0, 1)
	w.bits(uint64(origin), 24)
	var used [256]bool
	for _, b := range data {
		used[b] = true
	}
	var groups, rows [16]uint64
	var front []byte
	for b := range 256 {
		if used[b] {
			groups[b/16] = 1
			rows[b/16] |= 1 << (15 - b%16)
			front = append(front, byte(b))
		}
	}
	for _, g := range groups {
		w.bits(g, 1)
	}
	for i, g := range groups {
		if g == 1 {
			w.bits(rows[i], 16)
		}
	}
	symbols := len(front) + 2
	list := moved(last, front, symbols-1)
	lengths := codeLengths(list, symbols)
	count := (len(list) + 49) / 50
	w.bits(2, 3) // tables: the format wants at least two
	w.bits(uint64(count), 15)
	for range count {
		w.bits(0, 1)
	}
	for range 2 {
		w.bits(uint64(lengths[0]), 5)
		at := lengths[0]
		for _, l := range lengths {
			for ; at < l; at++ {
				w.bits(2, 2)
			}
			for ; at > l; at-- {
				w.bits(3, 2)
			}
			w.bits(0, 1)
		}
	}
	codes := canonical(lengths)
	for _, s := range list {
		w.bits(codes[s], uint(lengths[s]))
	}
}

// moved is the move to front of last with runs of zero in RUNA and RUNB.
func moved(last, front []byte, end int) []int {
	var out []int
	zeroes := 0
	flush := func() {
		for n := zeroes; n > 0; n = (n - 1) / 2 {
			out = append(out, 1-n&1)
		}
		zeroes = 0
	}
	for _, b := range last {
		at := bytes.IndexByte(front, b)
		if at == 0 {
			zeroes++
			continue
		}
		flush()
		copy(front[1:at+1], front[:at])
		front[0] = b
		out = append(out, at+1)
	}
	flush()
	return append(out, end)
}

// codeLengths are Huffman's, at most 17 bits.
func codeLengths(list []int, symbols int) []int {
	weight := make([]int, symbols)
	for _, s := range list {
		weight[s]++
	}
	for {
		type node struct{ weight, left, right int }
		var nodes []node
		var heap []int
		for _, v := range weight {
			heap = append(heap, len(nodes))
			nodes = append(nodes, node{max(v, 1), -1, -1})
		}
		for len(heap) > 1 {
			sort.Slice(heap, func(a, b int) bool { return nodes[heap[a]].weight > nodes[heap[b]].weight })
			x, y := heap[len(heap)-1], heap[len(heap)-2]
			heap = append(heap[:len(heap)-2], len(nodes))
			nodes = append(nodes, node{nodes[x].weight + nodes[y].weight, x, y})
		}
		lengths := make([]int, symbols)
		longest := 0
		var walk func(n, depth int)
		walk = func(n, depth int) {
			if nodes[n].left < 0 {
				lengths[n] = max(depth, 1)
				longest = max(longest, depth)
				return
			}
			walk(nodes[n].left, depth+1)
			walk(nodes[n].right, depth+1)
		}
		walk(heap[0], 0)
		if longest <= 17 {
			return lengths
		}
		for i := range weight {
			weight[i] = weight[i]/2 + 1
		}
	}
}

func canonical(lengths []int) []uint64 {
	codes := make([]uint64, len(lengths))
	code := uint64(0)
	for l := 1; l <= 20; l++ {
		for s, n := range lengths {
			if n == l {
				codes[s] = code
				code++
			}
		}
		code <<= 1
	}
	return codes
}
