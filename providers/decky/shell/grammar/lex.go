package grammar

import (
	"strings"
)

// kind is what a token is.
type kind int

const (
	tEOF kind = iota
	tNewline
	tWord
	tOp       // ; & | && || ;; ( ) and their like
	tRedirect // < > and their like
)

// token is one token of a script.
type token struct {
	kind   kind
	text   string // as it stands in the script
	at     int    // where it starts
	line   int
	spaced bool // white space is in front of it
	quoted bool // some of it is
}

// pending is a here-document whose body has not been read yet.
type pending struct {
	end  string
	tabs bool
	line int
}

// lexer cuts a script into tokens.
type lexer struct {
	src     string
	pos     int
	line    int
	dialect Dialect
	depth   int
	heres   []pending
	last    token
	peeked  bool
	found   *Result
}

// maxDepth bounds how deep substitutions are followed.
const maxDepth = 200

var operators = []string{";;&", "<<-", "<<<", "&>>", "&&", "||", ";;", ";&", "|&", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "|", "&", ";", "(", ")", "<", ">"}

// bashOnly are operators that dash cuts apart.
var bashOnly = map[string]bool{";;&": true, ";&": true, "<<<": true, "&>>": true, "|&": true, "&>": true}

// fail remembers the first mistake and unwinds.
type failure struct{ Error }

func (l *lexer) fail(e Error) {
	panic(failure{e})
}

// peek is the next token without taking it.
func (l *lexer) peek() token {
	if !l.peeked {
		l.last, l.peeked = l.read(), true
	}
	return l.last
}

// negated parts a "!" from the parenthesis behind it, where a command begins: no
// pattern of extglob's stands there.
func (l *lexer) negated() {
	t := l.peek()
	if t.kind != tWord || !strings.HasPrefix(t.text, "!(") {
		return
	}
	t.text, t.quoted = "!", false
	l.last, l.pos, l.line = t, t.at+1, t.line
}

// next takes the next token.
func (l *lexer) next() token {
	t := l.peek()
	l.peeked = false
	if t.kind == tNewline {
		l.bodies()
	}
	return t
}

// read cuts the next token.
func (l *lexer) read() token {
	if l.found.tokens++; l.found.tokens > l.found.most {
		l.fail(Error{Deep: true, Line: l.line})
	}
	spaced := false
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == ' ' || c == '\t':
			l.pos++
			spaced = true
			continue
		case c == '\\' && strings.HasPrefix(l.src[l.pos:], "\\\n"):
			l.pos += 2
			l.line++
			continue
		case c == '#':
			for l.pos < len(l.src) && l.src[l.pos] != '\n' {
				l.pos++
			}
			continue
		}
		break
	}
	t := token{at: l.pos, line: l.line, spaced: spaced}
	if l.pos >= len(l.src) {
		t.kind = tEOF
		return t
	}
	if l.src[l.pos] == '\n' {
		l.pos++
		l.line++
		t.kind, t.text = tNewline, "\n"
		return t
	}
	if op := l.operator(); op != "" {
		l.pos += len(op)
		if op == "&" && l.dialect == Dash && strings.HasPrefix(l.src[l.pos:], ">") {
			l.found.Edits = append(l.found.Edits, Edit{l.pos, " "})
		}
		t.kind, t.text = tOp, op
		if strings.ContainsAny(op, "<>") {
			t.kind = tRedirect
		}
		return t
	}
	t.kind = tWord
	t.quoted = l.word()
	t.text = l.src[t.at:l.pos]
	if strings.Trim(t.text, "0123456789") == "" && l.pos < len(l.src) && (l.src[l.pos] == '<' || l.src[l.pos] == '>') {
		op := l.operator()
		if op != "&>" && op != "" {
			l.pos += len(op)
			t.kind, t.text = tRedirect, op
		}
	}
	return t
}

// operator is the longest operator here, nothing where none is. Process
// substitution is a word.
func (l *lexer) operator() string {
	rest := l.src[l.pos:]
	if l.dialect != Dash && (strings.HasPrefix(rest, "<(") || strings.HasPrefix(rest, ">(")) {
		return ""
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) && (l.dialect != Dash || !bashOnly[op]) && (l.dialect != Ash || !bashOnly[op] || op == "&>") {
			return op
		}
	}
	return ""
}

// word reads a word, whatever is quoted or substituted in it, and tells
// whether something was quoted.
func (l *lexer) word() (quoted bool) {
	start := l.pos
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; c {
		case ' ', '\t', '\n', ';', '&', '|', ')':
			return quoted
		case '<', '>':
			if l.dialect != Dash && strings.HasPrefix(l.src[l.pos+1:], "(") {
				l.substitution(2, ")")
				continue
			}
			return quoted
		case '(':
			before := l.src[start:l.pos]
			switch {
			case l.dialect == Bash && strings.HasSuffix(before, "=") && !quoted && len(before) > 1:
				l.array()
			case l.dialect == Bash && before != "" && strings.IndexByte("?*+@!", before[len(before)-1]) >= 0:
				l.pattern()
			default:
				return quoted
			}
		case '\\':
			quoted = true
			if strings.HasPrefix(l.src[l.pos:], "\\\n") {
				l.line++
			}
			l.pos = min(l.pos+2, len(l.src))
		case '\'':
			quoted = true
			l.single(false)
		case '"':
			quoted = true
			l.double()
		case '`':
			l.backquote()
		case '$':
			l.dollar(false)
		default:
			l.pos++
		}
	}
	return quoted
}

// single reads '...' from its first quote on; ansi tells $'...'.
func (l *lexer) single(ansi bool) {
	line := l.line
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch c := l.src[l.pos]; {
		case c == '\n':
			l.line++
		case c == '\\' && ansi:
			l.pos++
		case c == '\'':
			l.pos++
			return
		}
	}
	l.open("'", line)
}

func (l *lexer) double() {
	line := l.line
	for l.pos++; l.pos < len(l.src); {
		switch c := l.src[l.pos]; c {
		case '"':
			l.pos++
			return
		case '\n':
			l.line++
			l.pos++
		case '\\':
			if strings.HasPrefix(l.src[l.pos:], "\\\n") {
				l.line++
			}
			l.pos = min(l.pos+2, len(l.src))
		case '`':
			l.backquote()
		case '$':
			l.dollar(true)
		default:
			l.pos++
		}
	}
	l.open(`"`, line)
}

// open reports what is still open where the script ends.
func (l *lexer) open(what string, line int) {
	l.fail(Error{Open: what, Line: line, EOF: true, Last: l.line})
}

func (l *lexer) backquote() {
	line := l.line
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch l.src[l.pos] {
		case '\n':
			l.line++
		case '\\':
			l.pos++
		case '`':
			l.pos++
			return
		}
	}
	l.open("`", line)
}

// dollar reads what follows a dollar sign.
func (l *lexer) dollar(quoted bool) {
	rest := l.src[l.pos:]
	switch {
	case strings.HasPrefix(rest, "$(("):
		if l.arithmetic(3) {
			return
		}
		l.substitution(2, ")")
	case strings.HasPrefix(rest, "$("):
		l.substitution(2, ")")
	case strings.HasPrefix(rest, "${"):
		l.parameter(quoted)
	case strings.HasPrefix(rest, "$'") && !quoted && l.dialect != Dash:
		l.pos++
		l.single(true)
	default:
		if len(rest) > 1 && l.dialect != Bash && (rest[1] == '[' || rest[1] == '"' && !quoted) {
			l.found.Edits = append(l.found.Edits, Edit{l.pos, `\`})
		}
		l.pos++
	}
}

// parameter reads ${...}.
func (l *lexer) parameter(quoted bool) {
	at, line := l.pos, l.line
	l.deeper()
	defer func() { l.depth-- }()
	for l.pos += 2; l.pos < len(l.src); {
		switch c := l.src[l.pos]; c {
		case '}':
			l.pos++
			l.found.Expansions = append(l.found.Expansions, Span{at, l.pos})
			return
		case '\n':
			l.line++
			l.pos++
		case '\\':
			l.pos = min(l.pos+2, len(l.src))
		case '\'':
			if quoted {
				l.pos++
			} else {
				l.single(false)
			}
		case '"':
			l.double()
		case '`':
			l.backquote()
		case '$':
			l.dollar(quoted)
		default:
			l.pos++
		}
	}
	l.open("}", line)
}

// arithmetic reads $((...)) or ((...)) and tells false, without moving, where
// it is none.
func (l *lexer) arithmetic(skip int) bool {
	at, line := l.pos, l.line
	depth := 0
	if l.found.plain[at] {
		return false
	}
	l.deeper()
	defer func() { l.depth-- }()
	for l.pos += skip; l.pos < len(l.src); {
		switch c := l.src[l.pos]; c {
		case '(':
			depth++
			l.pos++
		case ')':
			l.pos++
			if depth > 0 {
				depth--
				continue
			}
			if l.pos < len(l.src) && l.src[l.pos] == ')' {
				l.pos++
				l.found.Arithmetic = append(l.found.Arithmetic, Span{at, l.pos})
				return true
			}
			l.pos, l.line = at, line
			l.found.plain[at] = true
			return false
		case '\n':
			l.line++
			l.pos++
		case '\'':
			l.single(false)
		case '"':
			l.double()
		case '`':
			l.backquote()
		case '$':
			l.dollar(true)
		default:
			l.pos++
		}
	}
	l.open(")", line)
	return false
}

func (l *lexer) deeper() {
	if l.depth++; l.depth > maxDepth {
		l.fail(Error{Deep: true, Line: l.line})
	}
}

// substitution reads a command substitution whose opener is skip long.
func (l *lexer) substitution(skip int, end string) {
	line := l.line
	l.deeper()
	defer func() { l.depth-- }()
	l.pos += skip
	inner := &parser{lexer: &lexer{src: l.src, pos: l.pos, line: l.line, dialect: l.dialect, depth: l.depth, found: l.found}, inner: true}
	inner.list(false)
	t := inner.peek()
	if t.kind == tEOF {
		l.fail(Error{Open: end, Command: true, Line: line, EOF: true, Last: inner.line, Token: "", Expecting: ")"})
	}
	if t.text != end || t.kind != tOp {
		inner.unexpected(t, ")")
	}
	l.pos, l.line = t.at+len(t.text), t.line
}

// array reads the words of name=(...).
func (l *lexer) array() {
	line := l.line
	l.deeper()
	defer func() { l.depth-- }()
	l.pos++
	inner := &lexer{src: l.src, pos: l.pos, line: l.line, dialect: l.dialect, depth: l.depth, found: l.found}
	for {
		switch t := inner.next(); {
		case t.kind == tEOF:
			l.fail(Error{Open: ")", Array: true, Line: line, EOF: true, Last: inner.line})
		case t.kind == tOp && t.text == ")":
			l.pos, l.line = inner.pos, inner.line
			return
		case t.kind == tWord, t.kind == tNewline:
		default:
			l.fail(Error{Token: t.text, Line: t.line})
		}
	}
}

// pattern reads ?(...) and its kin.
func (l *lexer) pattern() {
	depth, line := 0, l.line
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; c {
		case '(':
			depth++
			l.pos++
		case ')':
			l.pos++
			if depth--; depth == 0 {
				return
			}
		case '\n':
			l.line++
			l.pos++
		case '\\':
			l.pos = min(l.pos+2, len(l.src))
		case '\'':
			l.single(false)
		case '"':
			l.double()
		case '$':
			l.dollar(false)
		case '`':
			l.backquote()
		default:
			l.pos++
		}
	}
	l.open(")", line)
}

// bodies reads the here-documents that were announced on the line that ended.
func (l *lexer) bodies() {
	for _, h := range l.heres {
		closed := false
		for l.pos < len(l.src) && !closed {
			text, _, ended := strings.Cut(l.src[l.pos:], "\n")
			l.pos += len(text)
			if ended {
				l.pos++
			}
			l.line++
			if h.tabs {
				text = strings.TrimLeft(text, "\t")
			}
			closed = text == h.end
		}
		if !closed {
			l.found.Unclosed = append(l.found.Unclosed, Unclosed{End: h.end, Line: h.line, Last: l.line})
		}
	}
	l.heres = nil
}
