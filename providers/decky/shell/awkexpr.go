package shell

import "strings"

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
		for _, op := range []string{"+=", "-=", "*=", "/=", "%="} {
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
	for n := 0; n < 1000; n++ {
		op := p.operator(level)
		if op == "" {
			return left
		}
		left = awkNode{op: op, kids: []awkNode{left, p.binary(level + 1)}}
	}
	return left
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
		n := p.expression()
		p.noIn = held
		p.want(")")
		return awkNode{op: "group", kids: []awkNode{n}}
	case c == '"':
		return awkNode{op: "string", text: p.quoted('"')}
	case c == '/':
		return awkNode{op: "regex", text: p.quoted('/')}
	case c >= '0' && c <= '9' || c == '.':
		from := p.pos
		for p.pos < len(p.text) && (p.text[p.pos] >= '0' && p.text[p.pos] <= '9' || p.text[p.pos] == '.') {
			p.pos++
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
	for p.pos < len(p.text) && p.text[p.pos] != end {
		if p.text[p.pos] == '\\' {
			p.pos++
		}
		p.pos++
	}
	if p.pos >= len(p.text) {
		p.fail()
	}
	text := p.text[from:p.pos]
	p.pos++
	if end == '"' {
		text, _ = escapes(strings.ReplaceAll(text, `\/`, "/"), true)
		return text
	}
	return strings.ReplaceAll(text, `\/`, "/")
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
	case p.peek() == '(':
		p.pos++
		return awkNode{op: "call", text: name, kids: list(")")}
	case p.peek() == '[':
		p.pos++
		return awkNode{op: "index", text: name, kids: list("]")}
	case name == "length":
		return awkNode{op: "call", text: name}
	}
	return awkNode{op: "name", text: name}
}
