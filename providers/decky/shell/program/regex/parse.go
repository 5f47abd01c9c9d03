package regex

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// operation is what a node of an expression does.
type operation int

const (
	opEmpty operation = iota
	opText
	opAny    // one character, but a line feed for Perl
	opSet    // one of a bracket
	opCat    // one behind the other
	opAlt    // one of them
	opGroup  // number n
	opRepeat // min to max times
	opBegin
	opEnd
	opWordEdge
	opNotWordEdge
	opWordBegin
	opWordEnd
	opTextBegin
	opTextEnd
	opNoWordBefore
	opNoWordAfter
	opReference // group n once more
	opLook      // what stands here, without taking it
	opKeep      // the match begins here
)

type node struct {
	op       operation
	text     string // of opText; how Go writes an opSet
	set      *set
	subs     []*node
	n        int
	min, max int // max -1: no bound
	lazy     bool
	negative bool
	behind   bool
	lines    bool // opAny: not a line feed
}

// set is a bracket.
type set struct {
	negative bool
	pairs    [][2]rune
}

func (s *set) has(c rune, fold bool) bool {
	in := s.holds(c)
	if !in && fold {
		in = s.holds(unicode.ToLower(c)) || s.holds(unicode.ToUpper(c))
	}
	return in != s.negative
}

func (s *set) holds(c rune) bool {
	for _, p := range s.pairs {
		if p[0] <= c && c <= p[1] {
			return true
		}
	}
	return false
}

type parser struct {
	text     string
	o        Options
	pos      int
	depth    int
	nodes    int
	groups   int
	open     []int // groups that are not closed
	slow     bool
	warnings []string
}

func (p *parser) extended() bool { return p.o.Dialect != Basic }

func (p *parser) parse() (*node, error) {
	tree, err := p.alternatives()
	for err == nil && p.pos < len(p.text) {
		// Only a ) that nothing opened is left.
		if !p.o.Loose && !p.o.Close || p.o.Dialect == Basic {
			return nil, ErrClose
		}
		p.pos++
		var rest *node
		rest, err = p.alternatives()
		tree = &node{op: opCat, subs: []*node{tree, {op: opText, text: ")"}, rest}}
	}
	return tree, err
}

// at tells whether an operator stands here: bare in an ERE, behind a backslash
// in a BRE.
func (p *parser) at(operator string) bool {
	if p.o.Dialect == Basic {
		operator = `\` + operator
	}
	return strings.HasPrefix(p.text[p.pos:], operator)
}

func (p *parser) skip() {
	p.pos++
	if p.o.Dialect == Basic {
		p.pos++
	}
}

func (p *parser) alternatives() (*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, ErrSize
	}
	defer func() { p.depth-- }()
	var list []*node
	for {
		n, err := p.sequence()
		if err != nil {
			return nil, err
		}
		list = append(list, n)
		if p.pos >= len(p.text) || !p.at("|") {
			break
		}
		p.skip()
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return &node{op: opAlt, subs: list}, nil
}

// sequence is what stands between alternatives.
func (p *parser) sequence() (*node, error) {
	all := &node{op: opCat}
	start := true
	for p.pos < len(p.text) && !p.at("|") && !p.at(")") {
		if p.nodes++; p.nodes > maxNodes {
			return nil, ErrSize
		}
		if p.pos+1 == len(p.text) && p.text[p.pos] == '\\' {
			return nil, ErrBackslash
		}
		from := p.pos
		low, high, repeats, err := p.repetition()
		if err != nil {
			return nil, err
		}
		switch {
		case repeats && start && p.o.Dialect == Basic:
			// A * with nothing in front of it stands for itself.
			p.pos = from + 1
			all.subs = append(all.subs, &node{op: opText, text: p.text[from:p.pos]})
		case repeats && start && !p.o.Loose:
			return nil, ErrRepeat
		case repeats && start:
			operator := p.text[from : from+1]
			if operator == "{" {
				operator = "{...}"
			}
			p.warnings = append(p.warnings, operator+" at start of expression")
			continue
		case repeats:
			last := all.subs[len(all.subs)-1]
			if last.op == opRepeat && last.max < 0 && high < 0 && last.min <= 1 && low <= 1 && p.o.Dialect != Perl {
				last.min = min(last.min, low) // a+* is a*
				break
			}
			r := &node{op: opRepeat, subs: []*node{last}, min: low, max: high}
			if p.o.Dialect == Perl && p.pos < len(p.text) && (p.text[p.pos] == '?' || p.text[p.pos] == '+') {
				r.lazy = p.text[p.pos] == '?'
				p.pos++
			}
			if high > 1000 || low > 1000 || high > 1 && last.weight() > 1 {
				p.slow = p.slow || high > 1000 || low > 1000 || max(low, high)*last.weight() > 1000
			}
			all.subs[len(all.subs)-1] = r
		default:
			n, err := p.atom(len(all.subs) == 0)
			if err != nil {
				return nil, err
			}
			all.subs = append(all.subs, n)
			start = n.op >= opBegin && n.op <= opTextEnd
			continue
		}
		start = false
	}
	if len(all.subs) == 1 {
		return all.subs[0], nil
	}
	return all, nil
}

// weight is how often Go's engine would write a node out.
func (n *node) weight() int {
	w := 1
	for _, s := range n.subs {
		w = max(w, s.weight())
	}
	if n.op == opRepeat {
		w *= max(n.max, n.min, 1)
	}
	return min(w, 1_000_000)
}

// repetition reads *, +, ? and {n,m} where one stands.
func (p *parser) repetition() (low, high int, ok bool, err error) {
	rest := p.text[p.pos:]
	gnu := rest
	if p.o.Dialect == Basic {
		gnu, _ = strings.CutPrefix(rest, `\`)
		if gnu == rest {
			gnu = ""
		}
	}
	switch {
	case rest[0] == '*':
		p.pos++
		return 0, -1, true, nil
	case gnu == "":
		return 0, 0, false, nil
	case gnu[0] == '+':
		p.skip()
		return 1, -1, true, nil
	case gnu[0] == '?':
		p.skip()
		return 0, 1, true, nil
	case gnu[0] != '{', p.o.Dialect == Awk:
		return 0, 0, false, nil
	}
	end := "}"
	if p.o.Dialect == Basic {
		end = `\}`
	}
	body, _, closed := strings.Cut(gnu[1:], end)
	from, to, comma := strings.Cut(body, ",")
	low, high, valid := bounds(from, to, comma)
	switch {
	case (!valid || !closed) && (p.o.Dialect == Perl || p.o.Dialect == Extended && p.o.Loose):
		return 0, 0, false, nil // it is no interval, and stands for itself
	case !closed:
		return 0, 0, false, ErrBrace
	case !valid:
		return 0, 0, false, ErrCount
	case low > maxRepeat || high > maxRepeat:
		return 0, 0, false, ErrSize
	}
	p.skip()
	p.pos += len(body) + len(end)
	return low, high, true, nil
}

func bounds(from, to string, comma bool) (low, high int, ok bool) {
	number := func(s string) (int, bool) {
		n, err := strconv.Atoi(s)
		return n, err == nil && s[0] >= '0' && s[0] <= '9'
	}
	if from != "" || !comma {
		if low, ok = number(from); !ok {
			return 0, 0, false
		}
	}
	switch {
	case !comma:
		return low, low, true
	case to == "":
		return low, -1, true
	}
	high, ok = number(to)
	return low, high, ok && low <= high
}

// atom is what can be repeated.
func (p *parser) atom(first bool) (*node, error) {
	c := p.text[p.pos]
	switch {
	case p.at("("):
		return p.group()
	case c == '[':
		return p.bracket()
	case c == '.':
		p.pos++
		return &node{op: opAny, lines: p.o.Dialect == Perl || p.o.Lines}, nil
	case c == '^' && (p.extended() || first):
		p.pos++
		return &node{op: opBegin}, nil
	case c == '$' && (p.extended() || p.last()):
		p.pos++
		return &node{op: opEnd}, nil
	case c == '\\':
		return p.escape()
	}
	n := size(p.text[p.pos:])
	p.pos += n
	return &node{op: opText, text: p.text[p.pos-n : p.pos]}, nil
}

// last tells whether a $ ends a BRE or a part of it.
func (p *parser) last() bool {
	rest := p.text[p.pos+1:]
	return rest == "" || strings.HasPrefix(rest, `\)`) || strings.HasPrefix(rest, `\|`)
}

func (p *parser) group() (*node, error) {
	p.skip()
	n := &node{op: opGroup}
	if p.o.Dialect == Perl && strings.HasPrefix(p.text[p.pos:], "?") {
		var special bool
		if n, special = p.special(); !special {
			return nil, ErrRepeat
		}
	}
	if n.op == opGroup && n.n == 0 {
		p.groups++
		n.n = p.groups
		p.open = append(p.open, n.n)
		defer func() { p.open = p.open[:len(p.open)-1] }()
	}
	inner, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if p.pos >= len(p.text) || !p.at(")") {
		return nil, ErrOpen
	}
	p.skip()
	n.subs = []*node{inner}
	return n, nil
}

// special reads what follows (? in Perl's expressions.
func (p *parser) special() (*node, bool) {
	for _, known := range []struct {
		text string
		node node
	}{
		{"?:", node{op: opCat}}, {"?=", node{op: opLook}}, {"?!", node{op: opLook, negative: true}}, {"?<=", node{op: opLook, behind: true}}, {"?<!", node{op: opLook, behind: true, negative: true}}, {"?>", node{op: opCat}},
	} {
		if strings.HasPrefix(p.text[p.pos:], known.text) {
			p.pos += len(known.text)
			n := known.node
			p.slow = p.slow || n.op == opLook
			return &n, true
		}
	}
	if strings.HasPrefix(p.text[p.pos:], "?i)") {
		p.pos += 2
		p.o.Fold = true
		return &node{op: opCat}, true
	}
	if strings.HasPrefix(p.text[p.pos:], "?P<") || strings.HasPrefix(p.text[p.pos:], "?<") {
		if end := strings.IndexByte(p.text[p.pos:], '>'); end > 0 {
			p.pos += end + 1
			return &node{op: opGroup}, true
		}
	}
	return nil, false
}

// wordSet are the letters that make a word.
var wordSet = &set{pairs: [][2]rune{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}}

// escape reads what follows a backslash.
func (p *parser) escape() (*node, error) {
	c := p.text[p.pos+1]
	p.pos += 2
	simple := map[byte]operation{'b': opWordEdge, 'B': opNotWordEdge, '<': opWordBegin, '>': opWordEnd, '`': opTextBegin, '\'': opTextEnd}
	if p.o.Dialect == Awk || p.o.Dialect == Perl {
		if text, ok := p.control(c); ok {
			return &node{op: opText, text: text}, nil
		}
		if p.o.Dialect == Awk {
			return &node{op: opText, text: string(rune(c))}, nil
		}
		switch c {
		case 'A':
			return &node{op: opTextBegin}, nil
		case 'Z', 'z':
			return &node{op: opTextEnd}, nil
		case 'K':
			p.slow = true
			return &node{op: opKeep}, nil
		case 'd', 'D':
			return newSet(&set{negative: c == 'D', pairs: [][2]rune{{'0', '9'}}}), nil
		}
		delete(simple, '<')
		delete(simple, '>')
	}
	if op, ok := simple[c]; ok {
		p.slow = p.slow || op == opWordBegin || op == opWordEnd
		return &node{op: op}, nil
	}
	switch {
	case c == 'w' || c == 'W':
		return newSet(&set{negative: c == 'W', pairs: wordSet.pairs}), nil
	case c == 's' || c == 'S':
		return newSet(&set{negative: c == 'S', pairs: [][2]rune{{'\t', '\r'}, {' ', ' '}}}), nil
	case c >= '1' && c <= '9':
		n := int(c - '0')
		if n > p.groups || slices.Contains(p.open, n) {
			return nil, ErrReference
		}
		p.slow = true
		return &node{op: opReference, n: n}, nil
	case c == '\n' || c == 'n' && !p.o.Loose:
		return &node{op: opText, text: "\n"}, nil
	case c == 't' && !p.o.Loose:
		return &node{op: opText, text: "\t"}, nil
	}
	n := size(p.text[p.pos-1:])
	p.pos += n - 1
	return &node{op: opText, text: p.text[p.pos-n : p.pos]}, nil
}

// control is what an escape of awk and Perl stands for.
func (p *parser) control(c byte) (string, bool) {
	if i := strings.IndexByte("tnrfvae", c); i >= 0 && (c != 'e' || p.o.Dialect == Perl) {
		return "\t\n\r\f\v\a\x1b"[i : i+1], true
	}
	rest := p.text[p.pos:]
	if c == 'x' && p.o.Dialect == Perl {
		n := 0
		for n < 2 && n < len(rest) && strings.IndexByte("0123456789abcdefABCDEF", rest[n]) >= 0 {
			n++
		}
		value, _ := strconv.ParseUint("0"+rest[:n], 16, 8)
		p.pos += n
		return string(rune(value)), true
	}
	if c < '0' || c > '7' || p.o.Dialect == Perl {
		return "", false
	}
	p.pos--
	n := 0
	for n < 3 && p.pos+n < len(p.text) && p.text[p.pos+n] >= '0' && p.text[p.pos+n] <= '7' {
		n++
	}
	value, _ := strconv.ParseUint(p.text[p.pos:p.pos+n], 8, 16)
	p.pos += n
	return string([]byte{byte(value)}), true
}

// size is how many bytes the first character takes.
func size(s string) int {
	if s == "" {
		return 0
	}
	_, n := utf8.DecodeRuneInString(s)
	return n
}
