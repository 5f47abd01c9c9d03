package plantext

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/view/change"
)

// pair is an element of a list before and after; either may be absent.
type pair struct {
	before, after any
	index         int // in the list that has it, for paths
}

// list writes a list, element by element. Elements that stay are counted, save
// objects that name themselves beside one that changes.
func (d *differ) list(before, after any, was, is []any, indent int, path string) {
	pairs := align(was, is)
	hidden := 0
	flush := func() {
		if hidden > 0 {
			d.note(indent, hidden, "unchanged element")
		}
		hidden = 0
	}
	for _, p := range pairs {
		s := sign(p.before, p.after)
		if s == " " && !d.full && before != (absent{}) && after != (absent{}) {
			hidden++
			continue
		}
		flush()
		d.start(indent, s)
		of := *d
		of.element = true
		of.value(p.before, p.after, indent, fmt.Sprintf("%s[%d]", path, p.index), indent)
		d.b.WriteString(",\n")
	}
	flush()
}

// align pairs the elements of two lists: objects by what names them, all others
// by the longest run that both have.
func align(was, is []any) []pair {
	same := func(a, b any) bool {
		x, y := key(a), key(b)
		if x != "" || y != "" {
			return x == y
		}
		return change.Equal(a, b)
	}
	var pairs []pair
	i, j := 0, 0
	for _, match := range common(len(was), len(is), func(i, j int) bool { return same(was[i], is[j]) }) {
		pairs = append(pairs, between(was, is, i, match[0], j, match[1])...)
		pairs = append(pairs, pair{was[match[0]], is[match[1]], match[1]})
		i, j = match[0]+1, match[1]+1
	}
	return append(pairs, between(was, is, i, len(was), j, len(is))...)
}

// between pairs what stands between two matches: objects without a name in the
// order in which they stand, and scalars as removed and added.
func between(was, is []any, i, iEnd, j, jEnd int) []pair {
	var pairs []pair
	for i < iEnd && j < jEnd && !isScalar(was[i]) && !isScalar(is[j]) && key(was[i]) == "" && key(is[j]) == "" {
		pairs = append(pairs, pair{was[i], is[j], j})
		i, j = i+1, j+1
	}
	for ; i < iEnd; i++ {
		pairs = append(pairs, pair{was[i], absent{}, i})
	}
	for ; j < jEnd; j++ {
		pairs = append(pairs, pair{absent{}, is[j], j})
	}
	return pairs
}

// key is what names an object of a list.
func key(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	for _, k := range keyNames {
		if v, found := m[k]; found && isScalar(v) {
			return k + "=" + text(v) + "/" + text(m["transport"])
		}
	}
	return ""
}

// maxCells bounds the table of common; longer lists are compared from both ends
// only.
const maxCells = 4_000_000

// common is a longest common subsequence, as pairs of indices.
func common(n, m int, same func(i, j int) bool) [][2]int {
	var head, tail [][2]int
	start := 0
	for start < n && start < m && same(start, start) {
		head = append(head, [2]int{start, start})
		start++
	}
	for n > start && m > start && same(n-1, m-1) {
		n, m = n-1, m-1
		tail = append(tail, [2]int{n, m})
	}
	slices.Reverse(tail)
	rows, columns := n-start, m-start
	if rows*columns > maxCells {
		return append(head, tail...)
	}
	table := make([][]int, rows+1)
	for i := range table {
		table[i] = make([]int, columns+1)
	}
	for i := rows - 1; i >= 0; i-- {
		for j := columns - 1; j >= 0; j-- {
			if same(start+i, start+j) {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	for i, j := 0, 0; i < rows && j < columns; {
		switch {
		case same(start+i, start+j):
			head = append(head, [2]int{start + i, start + j})
			i, j = i+1, j+1
		case table[i+1][j] >= table[i][j+1]:
			i++
		default:
			j++
		}
	}
	return append(head, tail...)
}

// isText tells that the difference is one of texts with several lines.
func isText(before, after any) bool {
	b, wasString := before.(string)
	a, isString := after.(string)
	switch {
	case wasString && isString:
		return (strings.Contains(b, "\n") || strings.Contains(a, "\n")) && (a == b || !slices.Equal(split(b), split(a)))
	case wasString && after == absent{}:
		return strings.Contains(b, "\n")
	case isString && before == absent{}:
		return strings.Contains(a, "\n")
	default:
		return false
	}
}

// linesAround is how many unchanged lines stand around a change.
const linesAround = 3

// lines writes a text with several lines as a heredoc, with the lines that
// differ.
func (d *differ) lines(before, after any, indent int) {
	b, _ := before.(string)
	a, _ := after.(string)
	was, is := split(b), split(a)
	if before == (absent{}) {
		was = nil
	}
	if after == (absent{}) {
		is = nil
	}
	type line struct{ sign, text string }
	var all []line
	i, j := 0, 0
	add := func(iEnd, jEnd int) {
		for ; i < iEnd; i++ {
			all = append(all, line{"-", was[i]})
		}
		for ; j < jEnd; j++ {
			all = append(all, line{"+", is[j]})
		}
	}
	for _, match := range common(len(was), len(is), func(i, j int) bool { return was[i] == is[j] }) {
		add(match[0], match[1])
		all = append(all, line{" ", was[i]})
		i, j = i+1, j+1
	}
	add(len(was), len(is))
	near := func(at int) bool {
		for k := max(0, at-linesAround); k <= min(len(all)-1, at+linesAround); k++ {
			if all[k].sign != " " {
				return true
			}
		}
		return false
	}
	d.b.WriteString("<<-EOT\n")
	hidden := 0
	for at, l := range all {
		if !d.full && l.sign == " " && !near(at) {
			hidden++
			continue
		}
		if hidden > 0 {
			d.note(indent+4, hidden, "unchanged line")
			hidden = 0
		}
		d.start(indent+4, l.sign)
		d.b.WriteString(view.Clean(l.text) + "\n")
	}
	if hidden > 0 {
		d.note(indent+4, hidden, "unchanged line")
	}
	d.b.WriteString(strings.Repeat(" ", indent) + "EOT" + d.toNull(after))
}

func split(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }
