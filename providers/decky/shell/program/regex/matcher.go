package regex

import (
	"unicode"
	"unicode/utf8"
)

// matcher tries all ways, for what Go's engine cannot do.
type matcher struct {
	tree    *node
	groups  int
	fold    bool
	lines   bool
	longest bool
	left    int // steps of all searches
	steps   int // of this one

	text  string
	found []int // places of the groups
	depth int
	begin int // \K
}

// maxNest bounds how deep it recurses.
const maxNest = 5_000

// find is the leftmost match at or after a place.
func (m *matcher) find(s string, at int) []int {
	m.text = s
	m.steps = min(m.left, maxSearch)
	granted := m.steps
	defer func() { m.left -= granted - m.steps }()
	for ; at <= len(s); at++ {
		if at > 0 && at < len(s) && !utf8.RuneStart(s[at]) {
			continue
		}
		m.found = make([]int, 2*(m.groups+1))
		for i := range m.found {
			m.found[i] = -1
		}
		var best []int
		m.begin = at
		m.try(m.tree, at, func(end int) bool {
			if best == nil || end > best[1] {
				best = append([]int(nil), m.found...)
				best[0], best[1] = m.begin, end
			}
			return !m.longest || end == len(s)
		})
		if best != nil {
			return best
		}
		if m.steps <= 0 {
			return nil
		}
	}
	return nil
}

// try matches a node at a place and goes on with then, until that is content.
func (m *matcher) try(n *node, at int, then func(int) bool) bool {
	if m.steps--; m.steps <= 0 || m.depth > maxNest {
		return false
	}
	m.depth++
	defer func() { m.depth-- }()
	switch n.op {
	case opText, opAny, opSet, opReference:
		if end := m.take(n, at); end >= 0 {
			return then(end)
		}
		return false
	case opCat:
		return m.sequence(n.subs, at, then)
	case opAlt:
		for _, s := range n.subs {
			if m.try(s, at, then) {
				return true
			}
		}
		return false
	case opGroup:
		from, to := m.found[2*n.n], m.found[2*n.n+1]
		done := m.try(n.subs[0], at, func(end int) bool {
			a, b := m.found[2*n.n], m.found[2*n.n+1]
			m.found[2*n.n], m.found[2*n.n+1] = at, end
			if then(end) {
				return true
			}
			m.found[2*n.n], m.found[2*n.n+1] = a, b
			return false
		})
		if !done {
			m.found[2*n.n], m.found[2*n.n+1] = from, to
		}
		return done
	case opRepeat:
		return m.repeat(n, at, 0, then)
	case opLook:
		return m.look(n, at) != n.negative && then(at)
	case opKeep:
		before := m.begin
		m.begin = at
		if then(at) {
			return true
		}
		m.begin = before
		return false
	}
	return m.holds(n.op, at) && then(at)
}

func (m *matcher) sequence(list []*node, at int, then func(int) bool) bool {
	if m.steps--; m.steps <= 0 {
		return false
	}
	if len(list) == 0 {
		return then(at)
	}
	return m.try(list[0], at, func(end int) bool { return m.sequence(list[1:], end, then) })
}

func (m *matcher) repeat(n *node, at, count int, then func(int) bool) bool {
	if op := n.subs[0].op; (op == opText || op == opAny || op == opSet) && !n.lazy {
		return m.run(n, at, then)
	}
	more := func() bool {
		return (n.max < 0 || count < n.max) && m.try(n.subs[0], at, func(end int) bool {
			if end == at && count >= n.min {
				return false
			}
			return m.repeat(n, end, count+1, then)
		})
	}
	if m.steps--; m.steps <= 0 {
		return false
	}
	if count < n.min {
		return more()
	}
	if n.lazy {
		return then(at) || more()
	}
	return more() || then(at)
}

// run is repeat for what takes one piece of text at a time.
func (m *matcher) run(n *node, at int, then func(int) bool) bool {
	ends := []int{at}
	for n.max < 0 || len(ends) <= n.max {
		end := m.take(n.subs[0], ends[len(ends)-1])
		if m.steps--; end < 0 || m.steps <= 0 {
			break
		}
		ends = append(ends, end)
	}
	for i := len(ends) - 1; i >= n.min && m.steps > 0; i-- {
		if then(ends[i]) {
			return true
		}
	}
	return false
}

// look tells whether the inner expression matches here, or ends here.
func (m *matcher) look(n *node, at int) bool {
	if !n.behind {
		return m.try(n.subs[0], at, func(int) bool { return true })
	}
	for from := at; from >= 0; from-- {
		if m.try(n.subs[0], from, func(end int) bool { return end == at }) {
			return true
		}
		if m.steps <= 0 {
			break
		}
	}
	return false
}

// take is where a node that takes text ends, -1 where it does not match.
func (m *matcher) take(n *node, at int) int {
	if n.op == opText || n.op == opReference {
		text := n.text
		if n.op == opReference {
			if m.found[2*n.n] < 0 {
				return -1
			}
			text = m.text[m.found[2*n.n]:m.found[2*n.n+1]]
		}
		for text != "" {
			want, a := utf8.DecodeRuneInString(text)
			got, b := utf8.DecodeRuneInString(m.text[at:])
			if b == 0 || want != got && !(m.fold && unicode.SimpleFold(want) == got) && !(m.fold && unicode.ToLower(want) == unicode.ToLower(got)) || want == utf8.RuneError && text[0] != m.text[at] {
				return -1
			}
			text, at = text[a:], at+b
		}
		return at
	}
	c, length := utf8.DecodeRuneInString(m.text[at:])
	if length == 0 || n.op == opAny && n.lines && c == '\n' || n.op == opSet && !n.set.has(c, m.fold) {
		return -1
	}
	return at + length
}

// holds tells whether a place is what a node wants of it.
func (m *matcher) holds(op operation, at int) bool {
	word := func(i int) bool { return i >= 0 && i < len(m.text) && wordSet.holds(rune(m.text[i])) }
	switch op {
	case opBegin:
		return at == 0 || m.lines && m.text[at-1] == '\n'
	case opEnd:
		return at == len(m.text) || m.lines && m.text[at] == '\n'
	case opTextBegin:
		return at == 0
	case opTextEnd:
		return at == len(m.text)
	case opWordEdge:
		return word(at-1) != word(at)
	case opNotWordEdge:
		return word(at-1) == word(at)
	case opWordBegin:
		return !word(at-1) && word(at)
	case opNoWordBefore:
		return !word(at - 1)
	case opNoWordAfter:
		return !word(at)
	case opWordEnd:
		return word(at-1) && !word(at)
	}
	return true
}
