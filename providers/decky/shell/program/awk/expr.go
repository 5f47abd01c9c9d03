package awk

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program/regex"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// awkBuiltins are the functions that every program has.
var awkBuiltins = map[string]bool{
	"length": true, "substr": true, "index": true, "split": true, "sub": true, "gsub": true, "match": true, "sprintf": true, "sin": true, "cos": true, "atan2": true, "exp": true, "log": true, "sqrt": true, "int": true,
	"rand": true, "srand": true, "tolower": true, "toupper": true, "system": true, "close": true, "fflush": true, "strftime": true, "systime": true, "mktime": true,
}

// awkLevels are the binary operators, loosest first; concatenation stands
// between comparison and addition.
var awkLevels = [][]string{{"||"}, {"&&"}, {" in"}, {"!~", "~"}, {"==", "!=", "<=", ">=", "<", ">"}, {"concat"}, {"+", "-"}, {"*", "/", "%"}, {"^"}}

func (p *awkParser) expression() awkNode {
	p.enter()
	defer func() { p.depth-- }()
	left := p.binary(0)
	p.blanks()
	if p.take("?") {
		yes := p.expression()
		p.want(":")
		return awkNode{op: "?", kids: []awkNode{left, yes, p.expression()}}
	}
	if left.op == "name" || left.op == "$" || left.op == "index" {
		for _, op := range []string{"+=", "-=", "*=", "/=", "%=", "^="} {
			if p.take(op) {
				return awkNode{op: "=", kids: []awkNode{left, {op: op[:1], kids: []awkNode{left, p.expression()}}}}
			}
		}
		if !strings.HasPrefix(p.text[p.pos:], "==") && p.take("=") {
			return awkNode{op: "=", kids: []awkNode{left, p.expression()}}
		}
	}
	return left
}

func (p *awkParser) binary(level int) awkNode {
	p.enter()
	defer func() { p.depth-- }()
	if level == len(awkLevels) {
		return p.unary()
	}
	left := p.binary(level + 1)
	for level == 4 && p.reads() {
		left = awkNode{op: "getline", text: "|", kids: p.lvalue(), body: [][]awkNode{{left}}}
	}
	for n := 0; n < 1000; n++ {
		op := p.operator(level)
		if op == "" {
			return left
		}
		left = awkNode{op: op, kids: []awkNode{left, p.binary(level + 1)}}
	}
	return left
}

// reads takes | getline.
func (p *awkParser) reads() bool {
	mark := p.pos
	if p.take("|") && p.word("getline") {
		return true
	}
	p.pos = mark
	return false
}

// lvalue is what getline reads into, if anything.
func (p *awkParser) lvalue() []awkNode {
	p.blanks()
	if c := p.peek(); c == '$' || identifier(c) && (c < '0' || c > '9') && !strings.HasPrefix(p.text[p.pos:], "in ") {
		return []awkNode{p.primary()}
	}
	return nil
}

func (p *awkParser) operator(level int) string {
	p.blanks()
	rest := p.text[p.pos:]
	for _, op := range awkLevels[level] {
		switch {
		case op == "concat":
			if c := p.peek(); c == '$' || c == '"' || c == '(' || identifier(c) && !strings.HasPrefix(rest, "in ") {
				return op
			}
		case op == " in":
			if p.word("in") {
				return "in"
			}
		case strings.HasPrefix(rest, op):
			after := rest[len(op):]
			if strings.HasPrefix(after, "=") && strings.Contains("+-*/%^", op) || (op == "+" || op == "-") && strings.HasPrefix(after, op) || op == ">" && p.noIn {
				continue
			}
			p.pos += len(op)
			return op
		}
	}
	return ""
}

func (p *awkParser) unary() awkNode {
	p.enter()
	defer func() { p.depth-- }()
	p.blanks()
	for _, op := range []string{"++", "--"} {
		if p.take(op) {
			target := p.primary()
			return awkNode{op: "=", kids: []awkNode{target, {op: op[:1], kids: []awkNode{target, {op: "number", text: "1"}}}}}
		}
	}
	for _, op := range []string{"!", "-", "+"} {
		if p.take(op) {
			return awkNode{op: "unary" + op, kids: []awkNode{p.unary()}}
		}
	}
	n := p.primary()
	for _, op := range []string{"++", "--"} {
		if (n.op == "name" || n.op == "$" || n.op == "index") && strings.HasPrefix(p.text[p.pos:], op) {
			p.pos += 2
			return awkNode{op: "post" + op[:1], kids: []awkNode{n}}
		}
	}
	return n
}

func (p *awkParser) primary() awkNode {
	p.enter()
	defer func() { p.depth-- }()
	p.blanks()
	c := p.peek()
	switch {
	case c == '$':
		p.pos++
		return awkNode{op: "$", kids: []awkNode{p.primary()}}
	case c == '(':
		p.pos++
		held := p.noIn
		p.noIn = false
		list := []awkNode{p.expression()}
		for p.take(",") && len(list) < 50 {
			list = append(list, p.expression())
		}
		p.noIn = held
		p.want(")")
		if len(list) > 1 {
			if p.blanks(); !strings.HasPrefix(p.text[p.pos:], "in ") {
				p.fail()
			}
		}
		return awkNode{op: "group", kids: list}
	case c == '"':
		return awkNode{op: "string", text: p.quoted('"')}
	case c == '/':
		return awkNode{op: "regex", text: p.quoted('/')}
	case c >= '0' && c <= '9' || c == '.':
		from := p.pos
		for p.pos < len(p.text) && (p.text[p.pos] >= '0' && p.text[p.pos] <= '9' || p.text[p.pos] == '.') {
			p.pos++
		}
		if rest := p.text[p.pos:]; rest != "" && rest[0]|0x20 == 'e' {
			n := 1
			if len(rest) > 1 && (rest[1] == '+' || rest[1] == '-') {
				n++
			}
			if digits := len(rest[n:]) - len(strings.TrimLeft(rest[n:], "0123456789")); digits > 0 {
				p.pos += n + digits
			}
		}
		return awkNode{op: "number", text: p.text[from:p.pos]}
	case identifier(c):
		return p.named()
	}
	p.fail()
	return awkNode{}
}

func (p *awkParser) quoted(end byte) string {
	p.pos++
	from := p.pos
	class := 0 // of an expression, within brackets: bytes since [
	for p.pos < len(p.text) && (p.text[p.pos] != end || class > 0) && (end != '/' || p.text[p.pos] != '\n') {
		switch c := p.text[p.pos]; {
		case c == '\\':
			p.pos++
		case end != '/':
		case class == 0 && c == '[':
			class = 1
		case class > 0 && c == ']' && class > 1:
			class = 0
		case class > 0 && (class > 1 || c != '^'):
			class++
		}
		p.pos++
	}
	if end == '/' && (p.pos >= len(p.text) || p.text[p.pos] != end) {
		text := strings.ReplaceAll(p.text[from:min(p.pos, len(p.text))], `\/`, "/")
		panic(awkSyntax(fmt.Sprintf("line %d: runaway regular expression /%.10s ...", 1+strings.Count(p.text[:from], "\n"), text)))
	}
	if p.pos >= len(p.text) {
		p.fail()
	}
	text := p.text[from:p.pos]
	p.pos++
	if end == '"' {
		text, _ = word.Escapes(text, true)
		return text
	}
	text = strings.ReplaceAll(text, `\/`, "/")
	if _, err := regex.New(text, p.regexes); err != nil {
		why := map[error]string{regex.ErrOpen: "missing ')'", regex.ErrRepeat: "missing operand"}[err]
		if why != "" {
			panic(awkSyntax(fmt.Sprintf("line %d: regular expression compile failed (%s)\n%s", 1+strings.Count(p.text[:from], "\n"), why, text)))
		}
	}
	return text
}

func (p *awkParser) named() awkNode {
	from := p.pos
	for p.pos < len(p.text) && identifier(p.text[p.pos]) {
		p.pos++
	}
	name := p.text[from:p.pos]
	list := func(end string) []awkNode {
		var kids []awkNode
		held := p.noIn
		p.noIn = false
		for !p.take(end) {
			kids = append(kids, p.expression())
			if !p.take(",") {
				p.want(end)
				break
			}
			if len(kids) > 50 {
				p.fail()
			}
		}
		p.noIn = held
		return kids
	}
	switch {
	case name == "getline":
		n := awkNode{op: "getline", kids: p.lvalue()}
		if p.take("<") {
			n.text, n.body = "<", [][]awkNode{{p.primary()}}
		}
		return n
	case p.peek() == '(':
		p.pos++
		if !awkBuiltins[name] {
			p.called = append(p.called, name)
		}
		return awkNode{op: "call", text: name, kids: list(")")}
	case p.peek() == '[':
		p.pos++
		return awkNode{op: "index", text: name, kids: list("]")}
	case name == "length":
		return awkNode{op: "call", text: name}
	}
	return awkNode{op: "name", text: name}
}
