package regex

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// classes are the characters of [:name:], in the locale C.
var classes = map[string][][2]rune{
	"alpha": {{'A', 'Z'}, {'a', 'z'}}, "digit": {{'0', '9'}}, "alnum": {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}, "upper": {{'A', 'Z'}}, "lower": {{'a', 'z'}}, "space": {{'\t', '\r'}, {' ', ' '}}, "blank": {{'\t', '\t'}, {' ', ' '}},
	"punct": {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}, "cntrl": {{0, 0x1f}, {0x7f, 0x7f}}, "print": {{' ', '~'}}, "graph": {{'!', '~'}}, "xdigit": {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}, "word": {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}},
}

// bracket reads [...].
func (p *parser) bracket() (*node, error) {
	s := &set{}
	p.pos++
	if strings.HasPrefix(p.text[p.pos:], "^") {
		s.negative = true
		p.pos++
	}
	for first := true; ; first = false {
		rest := p.text[p.pos:]
		switch {
		case rest == "" && first && !s.negative:
			return nil, ErrWhole
		case rest == "":
			return nil, ErrBracket
		case rest[0] == ']' && !first:
			p.pos++
			n := newSet(s)
			if s.negative && p.o.Dialect == Perl {
				return n, nil
			}
			return n, nil
		case strings.HasPrefix(rest, "[:"):
			name, _, ok := strings.Cut(rest[2:], ":]")
			if !ok {
				return nil, ErrBracket
			}
			pairs, known := classes[name]
			if !known || name == "word" && p.o.Dialect != Perl {
				return nil, ErrClass
			}
			s.pairs = append(s.pairs, pairs...)
			p.pos += len(name) + 4
			continue
		}
		from, whole, err := p.element(s)
		if err != nil {
			return nil, err
		}
		if whole {
			continue
		}
		to := from
		if rest = p.text[p.pos:]; len(rest) > 1 && rest[0] == '-' && rest[1] != ']' {
			p.pos++
			if to, whole, err = p.element(s); err != nil {
				return nil, err
			}
			if whole || to < from {
				return nil, ErrRange
			}
		}
		s.pairs = append(s.pairs, [2]rune{from, to})
	}
}

// element is one character within a bracket; whole tells that it was several,
// which s has got.
func (p *parser) element(s *set) (c rune, whole bool, err error) {
	rest := p.text[p.pos:]
	for _, mark := range []string{".", "="} {
		if strings.HasPrefix(rest, "["+mark) {
			name, _, ok := strings.Cut(rest[2:], mark+"]")
			if !ok {
				return 0, false, ErrBracket
			}
			if utf8.RuneCountInString(name) != 1 {
				return 0, false, ErrClass
			}
			p.pos += len(name) + 4
			c, _ = utf8.DecodeRuneInString(name)
			return c, false, nil
		}
	}
	if rest[0] == '\\' && len(rest) > 1 && p.o.Dialect != Basic && p.o.Dialect != Extended {
		p.pos += 2
		switch letter := rest[1]; {
		case p.o.Dialect == Perl && strings.IndexByte("wds", letter) >= 0:
			s.pairs = append(s.pairs, classes[map[byte]string{'w': "word", 'd': "digit", 's': "space"}[letter]]...)
			return 0, true, nil
		default:
			if text, ok := p.control(letter); ok && len(text) == 1 {
				return rune(text[0]), false, nil
			}
			return rune(letter), false, nil
		}
	}
	// sed reads the escapes of a line feed and a tab everywhere.
	if !p.o.Loose && len(rest) > 1 && rest[0] == '\\' && (rest[1] == 'n' || rest[1] == 't') {
		p.pos += 2
		return map[byte]rune{'n': '\n', 't': '\t'}[rest[1]], false, nil
	}
	c, n := utf8.DecodeRuneInString(rest)
	p.pos += n
	return c, false, nil
}

// newSet is a node of a set, and how Go writes it.
func newSet(s *set) *node {
	var b strings.Builder
	b.WriteByte('[')
	if s.negative {
		b.WriteByte('^')
	}
	for _, p := range s.pairs {
		fmt.Fprintf(&b, `\x{%x}-\x{%x}`, p[0], p[1])
	}
	b.WriteByte(']')
	return &node{op: opSet, set: s, text: b.String()}
}

// golang writes an expression in Go's syntax.
func (n *node) golang() string {
	inner := func(i int) string { return n.subs[i].golang() }
	switch n.op {
	case opText:
		return regexp.QuoteMeta(n.text)
	case opAny:
		if n.lines {
			return `[^\n]`
		}
		return "."
	case opSet:
		return n.text
	case opCat, opAlt:
		var parts []string
		for i := range n.subs {
			parts = append(parts, inner(i))
		}
		if n.op == opCat {
			return "(?:" + strings.Join(parts, "") + ")"
		}
		return "(?:" + strings.Join(parts, "|") + ")"
	case opGroup:
		return "(" + inner(0) + ")"
	case opRepeat:
		text := fmt.Sprintf("(?:%s){%d,%d}", inner(0), n.min, n.max)
		switch {
		case n.min == 0 && n.max == 1:
			text = "(?:" + inner(0) + ")?"
		case n.min <= 1 && n.max < 0:
			text = "(?:" + inner(0) + ")" + "*+"[n.min:n.min+1]
		case n.max < 0:
			text = fmt.Sprintf("(?:%s){%d,}", inner(0), n.min)
		}
		if n.lazy {
			text += "?"
		}
		return text
	}
	return map[operation]string{opBegin: "^", opEnd: "$", opWordEdge: `\b`, opNotWordEdge: `\B`, opTextBegin: `\A`, opTextEnd: `\z`}[n.op]
}
