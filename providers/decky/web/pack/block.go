package pack

// flush ends a block: stored, with fixed codes or with its own, whichever is
// shortest by zlib's reckoning.
func (c *compressor) flush(last bool) {
	lit, dist := make([]int, literals), make([]int, distances)
	extra := 0
	for _, s := range c.symbols {
		if s.distance == 0 {
			lit[s.value]++
			continue
		}
		l, d := lengthCode(int(s.value)), distanceCode(int(s.distance)-1)
		lit[l+endOfBlock+1]++
		dist[d]++
		extra += int(lengthExtra[l] + distanceExtra[d])
	}
	lit[endOfBlock]++
	fixedBits := extra
	for s, n := range lit {
		fixedBits += n * int(fixedLiterals.length[s])
	}
	for _, n := range dist {
		fixedBits += n * 5
	}
	literalTree, a := build(lit, 15)
	distanceTree, b := build(dist, 15)
	run := runs(literalTree, distanceTree)
	codeTree, sent := run.tree()
	header := 3*(sent+1) + 5 + 5 + 4 + run.bits(codeTree)
	// Bits of symbols that build added are never sent, and a fixed code pays
	// nothing for them either.
	own, fixedBytes := (a+b+extra+addedBits(literalTree, lit)+addedBits(distanceTree, dist)+header+3+7)>>3, (fixedBits+3+7)>>3
	best := min(own, fixedBytes)
	stored := c.at - c.blockStart
	final := uint32(0)
	if last {
		final = 1
	}
	switch {
	case stored+4 <= best:
		c.put(final, 3)
		c.align()
		n := uint16(stored)
		c.out = append(c.out, byte(n), byte(n>>8), byte(^n), byte(^n>>8))
		c.out = append(c.out, c.window[c.blockStart:c.at]...)
	case fixedBytes == best:
		c.put(1<<1|final, 3)
		c.send(fixedLiterals, tree{})
	default:
		c.put(2<<1|final, 3)
		c.put(uint32(literalTree.most-256), 5)
		c.put(uint32(distanceTree.most), 5)
		c.put(uint32(sent+1-4), 4)
		for i := 0; i <= sent; i++ {
			c.put(uint32(codeTree.length[codeOrder[i]]), 3)
		}
		for _, r := range run {
			c.put(codeTree.code[r.symbol], codeTree.length[r.symbol])
			c.put(uint32(r.extra), codeExtra[r.symbol])
		}
		c.send(literalTree, distanceTree)
	}
	c.symbols, c.blockStart = c.symbols[:0], c.at
	if last {
		c.align()
	}
}

// addedBits takes back what build counted for the symbols that it added so that
// there are two codes.
func addedBits(t tree, freq []int) int {
	bits := 0
	for s, f := range freq {
		if f == 0 && t.freq[s] != 0 {
			bits += 1 - int(t.length[s])
		}
	}
	return bits
}

// send writes the symbols; distances have five bits where their tree is empty.
func (c *compressor) send(lit, dist tree) {
	for _, s := range c.symbols {
		if s.distance == 0 {
			c.put(lit.code[s.value], lit.length[s.value])
			continue
		}
		l := lengthCode(int(s.value))
		c.put(lit.code[l+endOfBlock+1], lit.length[l+endOfBlock+1])
		if n := lengthExtra[l]; n > 0 {
			c.put(uint32(int(s.value)-lengthBase[l]), n)
		}
		distance := int(s.distance) - 1
		d := distanceCode(distance)
		if dist.length == nil {
			reversed := uint32(0)
			for i := range 5 {
				reversed |= uint32(d) >> i & 1 << (4 - i)
			}
			c.put(reversed, 5)
		} else {
			c.put(dist.code[d], dist.length[d])
		}
		if n := distanceExtra[d]; n > 0 {
			c.put(uint32(distance-distanceBase[d]), n)
		}
	}
	c.put(lit.code[endOfBlock], lit.length[endOfBlock])
}

// entry is one symbol of the coded lengths.
type entry struct{ symbol, extra int }

type entries []entry

// runs are the lengths of both trees with their repetitions coded (RFC 1951
// section 3.2.7), each tree by itself as zlib does.
func runs(trees ...tree) entries {
	var all entries
	for _, t := range trees {
		previous, next := -1, int(t.length[0])
		count, most, least := 0, 7, 4
		if next == 0 {
			most, least = 138, 3
		}
		for n := 0; n <= t.most; n++ {
			current := next
			next = -1
			if n < t.most {
				next = int(t.length[n+1])
			}
			if count++; count < most && current == next {
				continue
			}
			all = all.add(current, previous, count, least)
			count, previous = 0, current
			switch {
			case next == 0:
				most, least = 138, 3
			case current == next:
				most, least = 6, 3
			default:
				most, least = 7, 4
			}
		}
	}
	return all
}

func (e entries) add(current, previous, count, least int) entries {
	switch {
	case count < least:
		for range count {
			e = append(e, entry{symbol: current})
		}
	case current != 0:
		if current != previous {
			e = append(e, entry{symbol: current})
			count--
		}
		e = append(e, entry{16, count - 3})
	case count <= 10:
		e = append(e, entry{17, count - 3})
	default:
		e = append(e, entry{18, count - 11})
	}
	return e
}

// tree is the code of the lengths, and the last of codeOrder that is sent.
func (e entries) tree() (t tree, last int) {
	freq := make([]int, codeLength)
	for _, one := range e {
		freq[one.symbol]++
	}
	t, _ = build(freq, 7)
	for last = codeLength - 1; last >= 3; last-- {
		if t.length[codeOrder[last]] != 0 {
			break
		}
	}
	return t, last
}

func (e entries) bits(t tree) int {
	n := 0
	for _, one := range e {
		n += int(t.length[one.symbol] + codeExtra[one.symbol])
	}
	return n
}
