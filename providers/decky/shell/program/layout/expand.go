package layout

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// stops are tab stops: a list, or every n columns.
type stops struct {
	every int
	at    []int
}

// next is the stop behind column; 0 where there is none.
func (s stops) next(column int) int {
	for _, a := range s.at {
		if a > column {
			return a
		}
	}
	if len(s.at) > 1 {
		return 0
	}
	return column/s.every*s.every + s.every
}

func tabStops(c *program.Call, list string) (stops, bool) {
	s := stops{every: 8}
	if list == "" {
		return s, true
	}
	for part := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(part)
		switch {
		case err != nil:
			c.Complain("tab size contains invalid character(s): ‘%s’", strings.TrimLeft(part, "0123456789"))
			return s, false
		case n < 1:
			c.Complain("tab size cannot be 0")
			return s, false
		case len(s.at) > 0 && n <= s.at[len(s.at)-1]:
			c.Complain("tab sizes must be ascending")
			return s, false
		}
		s.at = append(s.at, min(n, 4096))
	}
	if len(s.at) == 1 {
		s.every, s.at = s.at[0], nil
	}
	return s, true
}

func expand(c *program.Call) int {
	old(c, "t")
	f, names, ok := c.Parse("it:", "initial=i tabs=:t")
	if !ok {
		return 1
	}
	s, ok := tabStops(c, f.Value["t"])
	if !ok {
		return 1
	}
	all, _, status := c.Inputs(names, "%s: ")
	for _, data := range all {
		for line := range strings.Lines(string(data)) {
			if c.Busy() {
				return 1
			}
			var b strings.Builder
			at, lead := 0, true
			for i := range len(line) {
				switch ch := line[i]; {
				case ch == '\t' && (lead || !f.Has("i")):
					to := max(s.next(at), at+1)
					b.WriteString(strings.Repeat(" ", to-at))
					at = to
				default:
					if ch != ' ' {
						lead = false
					}
					b.WriteByte(ch)
					if ch < 0x80 || ch >= 0xc0 {
						at++
					}
				}
			}
			c.Print(b.String())
		}
	}
	return status
}

func unexpand(c *program.Call) int {
	f, names, ok := c.Parse("at:", "all=a first-only=F tabs=:t")
	if !ok {
		return 1
	}
	s, ok := tabStops(c, f.Value["t"])
	if !ok {
		return 1
	}
	everywhere := (f.Has("a") || f.Has("t")) && !f.Has("F")
	all, _, status := c.Inputs(names, "%s: ")
	for _, data := range all {
		for line := range strings.Lines(string(data)) {
			if c.Busy() {
				return 1
			}
			c.Print(tabbed(line, s, everywhere))
		}
	}
	return status
}

// tabbed turns blanks before a tab stop into tabs.
func tabbed(line string, s stops, everywhere bool) string {
	var b strings.Builder
	at, lead := 0, true
	for i := 0; i < len(line); {
		ch := line[i]
		if ch != ' ' && ch != '\t' || !lead && !everywhere {
			b.WriteByte(ch)
			lead = false
			at++
			i++
			continue
		}
		from := at
		for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
			if line[i] == '\t' {
				at = max(s.next(at), at+1)
			} else {
				at++
			}
			i++
		}
		for {
			to := s.next(from)
			if to == 0 || to > at || to-from == 1 && to == at && b.Len() > 0 && !lead {
				break
			}
			b.WriteByte('\t')
			from = to
		}
		b.WriteString(strings.Repeat(" ", at-from))
	}
	return b.String()
}
