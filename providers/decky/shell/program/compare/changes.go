package compare

import (
	"strings"
)

// change is one difference: dels lines at a go, adds lines at b come.
type change struct{ a, dels, b, adds int }

// maxEdits bounds the search: beyond, files count as wholly different.
const maxEdits = 500

// key is a line as the options make it comparable.
func (d *differ) key(line string) string {
	if d.f.Has("K") {
		line = strings.Replace(line, "\r\n", "\n", 1)
	}
	switch {
	case d.f.Has("w"):
		line = strings.Join(strings.Fields(line), "")
	case d.f.Has("b"):
		lead := ""
		if line != "" && (line[0] == ' ' || line[0] == '\t') {
			lead = " "
		}
		line = lead + strings.Join(strings.Fields(line), " ")
	case d.f.Has("Z"):
		line = strings.TrimRight(line, " \t\n")
	}
	if d.f.Has("i") {
		line = strings.ToLower(line)
	}
	return line
}

// changes are what turns a into b, in order.
func (d *differ) changes(a, b []string) []change {
	ka, kb := make([]string, len(a)), make([]string, len(b))
	for i, l := range a {
		ka[i] = d.key(l)
	}
	for i, l := range b {
		kb[i] = d.key(l)
	}
	start := 0
	for start < len(ka) && start < len(kb) && ka[start] == kb[start] {
		start++
	}
	endA, endB := len(ka), len(kb)
	for endA > start && endB > start && ka[endA-1] == kb[endB-1] {
		endA, endB = endA-1, endB-1
	}
	removed, added, ok := d.edits(ka[start:endA], kb[start:endB])
	if !ok {
		return []change{{start, endA - start, start, endB - start}}
	}
	slide(ka, removed, start)
	slide(kb, added, start)
	var out []change
	i, j := start, start
	for i < endA || j < endB {
		h := change{a: i, b: j}
		for i < endA && removed[i-start] {
			i++
		}
		for j < endB && added[j-start] {
			j++
		}
		if h.dels, h.adds = i-h.a, j-h.b; h.dels > 0 || h.adds > 0 {
			if !d.f.Has("B") || !blank(a[h.a:i]) || !blank(b[h.b:j]) {
				out = append(out, h)
			}
			continue
		}
		i, j = i+1, j+1
	}
	return out
}

func blank(lines []string) bool {
	for _, l := range lines {
		if strings.TrimRight(l, "\n") != "" {
			return false
		}
	}
	return true
}

// slide moves each run of changed lines down as far as it can go, as GNU diff
// does.
func slide(keys []string, changed []bool, start int) {
	n := len(changed)
	for i := 0; i < n; {
		if !changed[i] {
			i++
			continue
		}
		end := i
		for end < n && changed[end] {
			end++
		}
		for end < n && keys[start+i] == keys[start+end] && !changed[end] {
			changed[i], changed[end] = false, true
			i, end = i+1, end+1
			for end < n && changed[end] {
				end++
			}
		}
		i = end
	}
}

// edits finds a shortest script (Myers, 1986): which lines go, which come.
func (d *differ) edits(a, b []string) (removed, added []bool, ok bool) {
	n, m := len(a), len(b)
	removed, added = make([]bool, n), make([]bool, m)
	limit := min(n+m, maxEdits)
	v := make([]int, 2*limit+2)
	var trace [][]int
	for e := 0; e <= limit; e++ {
		if d.c.Busy() {
			return nil, nil, false
		}
		trace = append(trace, append([]int(nil), v[limit-e:limit+e+2]...))
		for k := -e; k <= e; k += 2 {
			x := 0
			if k == -e || k != e && v[limit+k-1] < v[limit+k+1] {
				x = v[limit+k+1]
			} else {
				x = v[limit+k-1] + 1
			}
			y := x - k
			for x < n && y < m && a[x] == b[y] {
				x, y = x+1, y+1
			}
			v[limit+k] = x
			if x >= n && y >= m {
				back(trace, n, m, removed, added)
				return removed, added, true
			}
		}
	}
	return nil, nil, false
}

// back walks the search back and marks what goes and comes.
func back(trace [][]int, x, y int, removed, added []bool) {
	for e := len(trace) - 1; e > 0; e-- {
		v := trace[e] // diagonals -e .. e+1, as they were before step e
		at := func(k int) int { return v[k+e] }
		k := x - y
		previous := k - 1
		if k == -e || k != e && at(k-1) < at(k+1) {
			previous = k + 1
		}
		px := at(previous)
		py := px - previous
		if previous == k+1 {
			added[py] = true
		} else {
			removed[px] = true
		}
		x, y = px, py
	}
}

// beside is -y: both files in two columns.
func (d *differ) beside(a, b []string, changes []change) {
	const width, gutter = 130, 3
	half := (width - gutter) / 2
	put := func(left, mark, right string) {
		left, right = strings.TrimSuffix(left, "\n"), strings.TrimSuffix(right, "\n")
		left = left[:min(len(left), half-2)]
		if mark == " " {
			d.c.Print(left + tabs(len(left), half+1) + right[:min(len(right), half-2)] + "\n")
			return
		}
		text := left + tabs(len(left), half-2) + " " + mark
		if right != "" || mark != "<" {
			text += "\t" + right
		}
		d.c.Print(text + "\n")
	}
	i, j := 0, 0
	for _, h := range append(changes, change{len(a), 0, len(b), 0}) {
		for i < h.a && j < h.b {
			if !d.f.Has("S") {
				put(a[i], " ", b[j])
			}
			i, j = i+1, j+1
		}
		for n := range max(h.dels, h.adds) {
			switch {
			case n < h.dels && n < h.adds:
				put(a[i+n], "|", b[j+n])
			case n < h.dels:
				put(a[i+n], "<", "")
			default:
				put("", ">", b[j+n])
			}
		}
		i, j = i+h.dels, j+h.adds
		if d.c.Busy() {
			return
		}
	}
}

// tabs fills from column to column with tabs, then blanks.
func tabs(from, to int) string {
	var b strings.Builder
	for from/8*8+8 <= to {
		b.WriteByte('\t')
		from = from/8*8 + 8
	}
	return b.String() + strings.Repeat(" ", max(to-from, 0))
}
