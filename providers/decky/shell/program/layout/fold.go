package layout

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// old turns -20 into -w 20.
func old(c *program.Call, letter string) {
	for i, a := range c.Args {
		if len(a) > 2 && a[0] == '-' && a[1] >= 'a' && strings.Trim(a[2:], "0123456789") == "" && strings.IndexByte("bs", a[1]) >= 0 && letter == "w" {
			args := append([]string{}, c.Args[:i]...)
			c.Args = append(append(args, a[:2], "-"+letter+a[2:]), c.Args[i+1:]...)
			return
		}
		if len(a) > 1 && a[0] == '-' && strings.Trim(a[1:], "0123456789") == "" {
			args := append([]string{}, c.Args[:i]...)
			c.Args = append(append(args, "-"+letter+a[1:]), c.Args[i+1:]...)
			return
		}
	}
}

// columns is how far a line reaches after a byte.
func columns(at int, b byte) int {
	switch b {
	case '\t':
		return at/8*8 + 8
	case '\b':
		return max(at-1, 0)
	case '\r':
		return 0
	}
	if b >= 0x80 && b < 0xc0 { // the rest of a UTF-8 sequence
		return at
	}
	return at + 1
}

func fold(c *program.Call) int {
	old(c, "w")
	f, names, ok := c.Parse("bsw:", "bytes=b spaces=s width=:w")
	if !ok {
		return 1
	}
	width := 80
	if f.Has("w") {
		n, err := strconv.Atoi(f.Value["w"])
		if err == nil && n < 1 {
			return c.Complain("invalid number of columns: ‘%s’: Numerical result out of range", f.Value["w"])
		}
		if err != nil {
			return c.Complain("invalid number of columns: ‘%s’", f.Value["w"])
		}
		width = n
	}
	all, _, status := c.Inputs(names, "%s: ")
	for _, data := range all {
		for line := range strings.Lines(string(data)) {
			if c.Busy() {
				return 1
			}
			body, ended := strings.CutSuffix(line, "\n")
			c.Print(folded(body, width, f.Has("b"), f.Has("s")))
			if ended {
				c.Print("\n")
			}
		}
	}
	return status
}

func folded(line string, width int, bytes, spaces bool) string {
	var b strings.Builder
	start, at := 0, 0
	for i := 0; i < len(line); i++ {
		next := columns(at, line[i])
		if bytes {
			next = at + 1
		}
		if next <= width || i == start {
			at = next
			continue
		}
		end := i
		if spaces {
			if j := strings.LastIndexAny(line[start:i], " \t"); j >= 0 {
				end = start + j + 1
			}
		}
		b.WriteString(line[start:end] + "\n")
		start, at = end, 0
		i = end - 1
	}
	b.WriteString(line[start:])
	return b.String()
}

// format is fmt: it fills paragraphs.
func format(c *program.Call) int {
	old(c, "w")
	f, names, ok := c.Parse("cg:p:stuw:", "crown-margin=c goal=:g prefix=:p split-only=s tagged-paragraph=t uniform-spacing=u width=:w")
	if !ok {
		return 1
	}
	width := 75
	if f.Has("w") {
		n, err := strconv.Atoi(f.Value["w"])
		if err != nil || n < 0 || n > 2500 {
			return c.Complain("invalid width: ‘%s’", f.Value["w"])
		}
		width = n
	}
	goal := width * 187 / 200
	if n, err := strconv.Atoi(f.Value["g"]); err == nil && n <= width {
		goal = n
	}
	all, _, status := c.Inputs(names, "cannot open '%s' for reading: ")
	for _, data := range all {
		var words []piece
		indent := ""
		flush := func() {
			if len(words) > 0 {
				fill(c, words, indent, width, goal)
			}
			words = nil
		}
		for _, line := range program.Lines(data) {
			if c.Busy() {
				return 1
			}
			trimmed := strings.TrimLeft(line, " \t")
			lead := line[:len(line)-len(trimmed)]
			if strings.TrimSpace(line) == "" {
				flush()
				c.Print("\n")
				continue
			}
			if len(words) > 0 && (lead != indent || f.Has("s")) {
				flush()
			}
			indent = lead
			words = append(words, spaced(trimmed, f.Has("u"))...)
		}
		flush()
	}
	return status
}

// piece is a word of a paragraph and the blanks behind it.
type piece struct {
	text                        string
	space                       int
	paren, period, punct, final bool
}

// spaced are the words of a line, which keep the blanks behind them unless
// they are made uniform.
func spaced(line string, uniform bool) []piece {
	var out []piece
	for line != "" {
		end := strings.IndexAny(line, " \t")
		if end < 0 {
			end = len(line)
		}
		next := end
		for next < len(line) && (line[next] == ' ' || line[next] == '\t') {
			next++
		}
		p := piece{text: line[:end], space: next - end}
		p.paren = strings.IndexByte("(['`\"", p.text[0]) >= 0
		last := p.text[len(p.text)-1]
		p.punct = strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", last) >= 0
		bare := strings.TrimRight(p.text, ")]'\"")
		p.period = bare != "" && strings.IndexByte(".?!", bare[len(bare)-1]) >= 0
		p.final = p.period && (next == len(line) || p.space > 1)
		if next == len(line) || uniform {
			if p.space = 1; p.final {
				p.space = 2
			}
		}
		out = append(out, p)
		line = line[next:]
	}
	return out
}

// fill breaks words into lines near the goal at least cost, a cost being a
// square as in the algorithm of Knuth and Plass: short and ragged lines, broken
// sentences, single words at an end.
func fill(c *program.Call, words []piece, indent string, width, goal int) {
	const block = 1000
	for len(words) > block {
		fill(c, words[:block], indent, width, goal)
		words = words[block:]
	}
	n := len(words)
	square := func(v int) int { return v * v }
	cost, length, next := make([]int, n+1), make([]int, n+1), make([]int, n+1)
	for i := n - 1; i >= 0; i-- {
		best, size := -1, len(indent)+len(words[i].text)
		for j := i + 1; ; j++ {
			total := cost[j]
			if j < n {
				total += square((goal - size) * 10)
				if next[j] != n {
					total += square((size-length[j])*10) / 2
				}
			}
			if best < 0 || total < best {
				best, next[i], length[i] = total, j, size
			}
			if j == n {
				break
			}
			if size += words[j-1].space + len(words[j].text); size >= width {
				break
			}
		}
		cost[i] = best + startCost(words, i)
	}
	for i := 0; i < n; i = next[i] {
		line := indent
		for j := i; j < next[i]; j++ {
			line += words[j].text
			if j+1 < next[i] {
				line += strings.Repeat(" ", min(words[j].space, 1000))
			}
		}
		c.Print(line + "\n")
		if c.Busy() {
			return
		}
	}
}

// startCost is what it costs to begin a line with a word.
func startCost(words []piece, i int) int {
	cost := 70 * 70
	if i > 0 {
		switch before := words[i-1]; {
		case before.period && before.final:
			cost -= 50 * 50
		case before.period:
			cost += 600 * 600
		case before.punct:
			cost -= 40 * 40
		case i > 1 && words[i-2].final:
			cost += 200 * 200 / (len(before.text) + 2)
		}
	}
	if words[i].paren {
		cost -= 40 * 40
	} else if words[i].final {
		cost += 150 * 150 / (len(words[i].text) + 2)
	}
	return cost
}
