package grammar

import (
	"slices"
	"strings"
)

// parser walks the grammar of a script.
type parser struct {
	*lexer
	start int
	inner bool // of a command substitution
}

var closers = []string{"then", "else", "elif", "fi", "do", "done", "esac", "}"}

// unexpected reports a token.
func (p *parser) unexpected(t token, expecting string) {
	e := Error{Token: t.text, Expecting: expecting, Line: t.line, EOF: t.kind == tEOF, Last: p.line}
	switch t.kind {
	case tNewline:
		e.Token = "newline"
	case tRedirect:
		e.Redirect = true
	case tWord:
		e.Word = !p.reserved(t)
	}
	if t.kind == tEOF {
		e.Token = ""
	}
	p.fail(e)
}

var reservedWords = []string{"if", "then", "else", "elif", "fi", "do", "done", "while", "until", "for", "case", "esac", "in", "{", "}", "!"}

func (p *parser) reserved(t token) bool {
	return t.kind == tWord && !t.quoted && slices.Contains(reservedWords, t.text)
}

// is tells an unquoted word of that text.
func is(t token, text string) bool { return t.kind == tWord && !t.quoted && t.text == text }

func op(t token, text string) bool { return t.kind == tOp && t.text == text }

// complete is what a shell reads before it runs something: a line.
func (p *parser) complete() {
	for {
		p.andOr()
		t := p.peek()
		if op(t, ";") || op(t, "&") {
			p.next()
			t = p.peek()
			if t.kind != tNewline && t.kind != tEOF {
				continue
			}
		}
		switch t.kind {
		case tNewline:
			p.next()
			return
		case tEOF:
			return
		}
		p.unexpected(t, "")
	}
}

// ends tells a token that ends a list.
func (p *parser) ends(t token) bool {
	return t.kind == tEOF || op(t, ")") || op(t, ";;") || op(t, ";&") || op(t, ";;&") || t.kind == tWord && !t.quoted && slices.Contains(closers, t.text)
}

// list reads commands up to what ends them; must tells that there has to be
// one.
func (p *parser) list(must bool) {
	p.deeper()
	defer func() { p.depth-- }()
	for n := 0; ; n++ {
		for p.peek().kind == tNewline {
			p.next()
		}
		t := p.peek()
		if p.ends(t) {
			if n == 0 && must && (t.kind != tEOF || p.dialect == Bash) {
				p.unexpected(t, "")
			}
			return
		}
		p.andOr()
		switch t = p.peek(); {
		case op(t, ";"), op(t, "&"), t.kind == tNewline:
			p.next()
		case p.ends(t), p.dialect != Bash:
			return // whoever asked for the list says what it wanted
		default:
			p.unexpected(t, "")
		}
	}
}

func (p *parser) andOr() {
	for {
		p.pipeline()
		t := p.peek()
		if !op(t, "&&") && !op(t, "||") {
			return
		}
		p.next()
		p.lines()
	}
}

func (p *parser) lines() {
	for p.peek().kind == tNewline {
		p.next()
	}
}

func (p *parser) pipeline() {
	bang := false
	for {
		if p.dialect == Bash {
			p.negated()
		}
		t := p.peek()
		if is(t, "!") || p.dialect == Bash && is(t, "time") || p.dialect == Bash && bang && is(t, "-p") {
			if is(t, "!") && bang && p.dialect != Bash {
				p.unexpected(t, "")
			}
			p.next()
			bang = true
			continue
		}
		break
	}
	if t := p.peek(); bang && p.dialect == Bash && (t.kind == tNewline || t.kind == tEOF || op(t, ";")) {
		return
	}
	for {
		p.command()
		t := p.peek()
		if !op(t, "|") && !op(t, "|&") {
			return
		}
		p.next()
		p.lines()
	}
}

// command reads one command with its redirections.
func (p *parser) command() {
	p.deeper()
	defer func() { p.depth-- }()
	t := p.peek()
	switch {
	case op(t, "("):
		if p.dialect == Bash && strings.HasPrefix(p.src[t.at:], "((") {
			p.peeked, p.pos = false, t.at
			if p.arithmetic(2) {
				p.redirects(true)
				return
			}
		}
		p.peeked, p.pos, p.line = false, t.at+1, t.line
		if p.dialect != Bash && strings.HasPrefix(p.src[p.pos:], "(") {
			p.found.Edits = append(p.found.Edits, Edit{p.pos, " "})
		}
		p.list(true)
		p.expectOp(")")
		p.redirects(true)
	case t.kind == tWord && !t.quoted && p.compound(t):
		p.redirects(true)
	case t.kind == tWord && !t.quoted && (slices.Contains(closers, t.text)):
		p.unexpected(t, "")
	case t.kind == tWord, t.kind == tRedirect:
		p.simple()
	default:
		p.unexpected(t, "")
	}
}

// compound reads a command that starts with a reserved word, if t is one.
func (p *parser) compound(t token) bool {
	switch t.text {
	case "{":
		p.next()
		p.list(true)
		p.expect("}")
	case "if":
		p.next()
		p.ifs()
	case "while", "until":
		p.next()
		p.list(true)
		p.body()
	case "for":
		p.next()
		p.forLoop()
	case "case":
		p.next()
		p.cases()
	case "select":
		if p.dialect != Bash {
			return false
		}
		p.next()
		p.forLoop()
	case "function":
		if p.dialect == Dash {
			return false
		}
		p.next()
		name := p.next()
		if name.kind != tWord {
			p.unexpected(name, map[bool]string{true: "word"}[p.dialect == Ash])
		}
		if op(p.peek(), "(") {
			p.next()
			p.expectOp(")")
		}
		p.lines()
		p.functionBody()
	case "[[":
		if p.dialect != Bash {
			return false
		}
		p.found.Words = append(p.found.Words, Edit{t.at, `\`})
		p.next()
		p.test()
	case "coproc":
		if p.dialect != Bash {
			return false
		}
		p.next()
		if t := p.peek(); t.kind == tWord {
			p.next()
			if n := p.peek(); !op(n, "(") && !is(n, "{") {
				p.simple()
				return true
			}
		}
		p.command()
	default:
		return false
	}
	return true
}

func (p *parser) expect(word string) {
	if t := p.next(); !is(t, word) {
		p.unexpected(t, word)
	}
}

func (p *parser) expectOp(text string) {
	if t := p.next(); !op(t, text) {
		p.unexpected(t, text)
	}
}

func (p *parser) ifs() {
	p.list(true)
	p.expect("then")
	p.list(true)
	for {
		t := p.next()
		switch {
		case is(t, "elif"):
			p.list(true)
			p.expect("then")
			p.list(true)
		case is(t, "else"):
			p.list(true)
			p.expect("fi")
			return
		case is(t, "fi"):
			return
		default:
			p.unexpected(t, "fi")
		}
	}
}

// body is do ... done.
func (p *parser) body() {
	p.expect("do")
	p.list(true)
	p.expect("done")
}

func (p *parser) forLoop() {
	t := p.peek()
	if p.dialect == Bash && op(t, "(") && strings.HasPrefix(p.src[t.at:], "((") {
		p.peeked, p.pos = false, t.at
		if !p.arithmetic(2) {
			p.unexpected(t, "")
		}
		p.found.Arithmetic = p.found.Arithmetic[:len(p.found.Arithmetic)-1]
		if op(p.peek(), ";") {
			p.next()
		}
		p.lines()
		if is(p.peek(), "{") {
			p.next()
			p.list(true)
			p.expect("}")
			return
		}
		p.body()
		return
	}
	p.next()
	if t.kind != tWord || p.dialect != Bash && (t.quoted || !validName(t.text)) {
		if p.dialect != Bash {
			p.fail(Error{Text: "Bad for loop variable", Line: t.line, Last: p.line})
		}
		p.unexpected(t, "")
	}
	semi := false
	if op(p.peek(), ";") {
		p.next()
		semi = true
	}
	p.lines()
	if t := p.peek(); is(t, "in") && !semi {
		p.next()
		for p.peek().kind == tWord {
			p.next()
		}
		t := p.next()
		if !op(t, ";") && t.kind != tNewline {
			p.unexpected(t, "")
		}
		p.lines()
	}
	if p.dialect == Bash && is(p.peek(), "{") {
		p.next()
		p.list(true)
		p.expect("}")
		return
	}
	p.body()
}

func (p *parser) cases() {
	if t := p.next(); t.kind != tWord {
		p.unexpected(t, "word")
	}
	p.lines()
	p.expect("in")
	for {
		p.lines()
		t := p.next()
		if is(t, "esac") {
			return
		}
		if op(t, "(") {
			t = p.next()
		}
		for {
			if t.kind != tWord && p.dialect == Bash {
				p.unexpected(t, "")
			}
			if t = p.next(); !op(t, "|") {
				break
			}
			t = p.next()
		}
		if !op(t, ")") {
			p.unexpected(t, ")")
		}
		p.list(false)
		switch t = p.next(); {
		case op(t, ";;"), op(t, ";&"), op(t, ";;&"):
		case is(t, "esac"):
			return
		default:
			p.unexpected(t, ";;")
		}
	}
}

// test reads the inside of [[ ]].
func (p *parser) test() {
	for n := 0; ; n++ {
		t := p.next()
		switch {
		case is(t, "]]") && n > 0:
			return
		case t.kind == tEOF:
			p.fail(Error{Test: true, Line: t.line, Last: p.line, EOF: true, Token: "newline"})
		case t.kind == tOp && (t.text == ";" || t.text == ";;" || t.text == "&"):
			p.fail(Error{Test: true, Token: t.text, Line: t.line, Last: p.line})
		}
		if is(t, "=~") {
			p.regex()
		}
	}
}

// regex skips the word after =~, in which brackets stand for themselves.
func (p *parser) regex() {
	if p.peeked {
		return
	}
	depth := 0
	for p.pos < len(p.src) && (p.src[p.pos] == ' ' || p.src[p.pos] == '\t') {
		p.pos++
	}
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '(':
			depth++
			p.pos++
		case c == ')':
			depth--
			p.pos++
		case c == '\\':
			p.pos = min(p.pos+2, len(p.src))
		case c == '\'':
			p.single(false)
		case c == '"':
			p.double()
		case c == '$':
			p.dollar(false)
		case (c == ' ' || c == '\t' || c == '\n' || c == '&') && depth <= 0:
			return
		case c == '\n':
			p.line++
			p.pos++
		default:
			p.pos++
		}
	}
}

func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// simple reads words and redirections, or the definition of a function.
func (p *parser) simple() {
	brackets := false // within ash's [[
	for n := 0; ; {
		t := p.peek()
		switch {
		case brackets && (op(t, "&&") || op(t, "||")):
			p.next()
			p.found.Edits = append(p.found.Edits, Edit{t.at, ` \`}, Edit{t.at + 1, `\`}, Edit{t.at + 2, " "})
		case t.kind == tRedirect:
			p.redirects(false)
		case t.kind == tWord:
			p.next()
			if n == 0 && !t.quoted {
				p.ordinary(t)
				brackets = t.text == "[[" && p.dialect == Ash
			}
			brackets = brackets && t.text != "]]"
			if n++; n == 1 && op(p.peek(), "(") && !assignment(t.text, p.dialect) {
				p.next()
				p.expectOp(")")
				if p.dialect != Bash && !validName(t.text) {
					p.fail(Error{Text: "Bad function name", Line: t.line, Last: p.line})
				}
				p.lines()
				p.functionBody()
				return
			}
			if next := p.peek(); op(next, "(") && p.dialect == Bash {
				p.unexpected(next, "")
			}
			if n == 1 && assignment(t.text, p.dialect) {
				n = 0
			}
		default:
			if op(t, "(") && p.dialect == Bash {
				p.unexpected(t, "")
			}
			return
		}
	}
}

// ordinary notes the commands that another parser has trees of their own for.
func (p *parser) ordinary(t token) {
	switch t.text {
	case "let":
		p.found.Edits = append(p.found.Edits, Edit{t.at, `\`})
	case "coproc", "time", "select":
		if p.dialect != Bash {
			p.found.Edits = append(p.found.Edits, Edit{t.at, `\`})
		}
	case "[[":
		if p.dialect == Ash {
			p.found.Edits = append(p.found.Edits, Edit{t.at, `\`})
			break
		}
		p.found.Words = append(p.found.Words, Edit{t.at, `\`})
	case "export", "readonly", "local", "declare", "typeset", "nameref":
		p.found.Words = append(p.found.Words, Edit{t.at, `\`})
	}
}

// functionBody is a compound command in bash, any command in the others.
func (p *parser) functionBody() {
	t := p.peek()
	if p.dialect == Bash && !op(t, "(") && (t.kind != tWord || t.quoted || !slices.Contains([]string{"{", "if", "while", "until", "for", "case", "select", "[["}, t.text)) {
		p.unexpected(t, "")
	}
	p.command()
}

// redirects reads redirections; after a compound command nothing but they may
// follow.
func (p *parser) redirects(bool) {
	for p.peek().kind == tRedirect {
		r := p.next()
		t := p.next()
		if t.kind != tWord {
			p.unexpected(t, "")
		}
		if r.text == "<<" || r.text == "<<-" {
			p.heres = append(p.heres, pending{end: unquote(t.text), tabs: r.text == "<<-", line: t.line})
		}
	}
}

// unquote is the word that ends a here-document.
func unquote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\'', '"':
		case '\\':
			if i+1 < len(s) {
				i++
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// assignment tells name=..., and in bash name+=... and name[i]=...
func assignment(s string, d Dialect) bool {
	name, _, ok := strings.Cut(s, "=")
	if !ok {
		return false
	}
	if d == Bash {
		name, _, _ = strings.Cut(strings.TrimSuffix(name, "+"), "[")
	}
	return validName(name)
}
