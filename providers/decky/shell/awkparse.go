package shell

import "strings"

// awkParser reads a program: a recursive descent over its text.
type awkParser struct {
	text  string
	pos   int
	depth int
	noIn  bool
}

type awkSyntax string

func (p *awkParser) fail() {
	token := strings.TrimSpace(p.text[min(p.pos, len(p.text)):])
	if token == "" {
		panic(awkSyntax("end of file"))
	}
	panic(awkSyntax(token[:1]))
}

func (p *awkParser) program() (rules []awkRule, problem string) {
	defer func() {
		if r := recover(); r != nil {
			said, ok := r.(awkSyntax)
			if !ok {
				panic(r)
			}
			problem = string(said)
		}
	}()
	for {
		p.lines()
		if p.pos >= len(p.text) {
			return rules, ""
		}
		rule := awkRule{}
		switch {
		case p.word("BEGIN"):
			rule.when = "BEGIN"
		case p.word("END"):
			rule.when = "END"
		case p.peek() != '{':
			rule.pattern = p.expression()
		}
		p.blanks()
		if p.peek() == '{' {
			rule.action = p.block()
		} else {
			rule.bare = true
		}
		if rules = append(rules, rule); len(rules) > 200 {
			p.fail()
		}
	}
}

func (p *awkParser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *awkParser) blanks() {
	for p.pos < len(p.text) && (p.text[p.pos] == ' ' || p.text[p.pos] == '\t' || strings.HasPrefix(p.text[p.pos:], "\\\n")) {
		p.pos++
	}
	if p.peek() == '#' {
		for p.pos < len(p.text) && p.text[p.pos] != '\n' {
			p.pos++
		}
	}
}

func (p *awkParser) lines() {
	for {
		p.blanks()
		if c := p.peek(); c != '\n' && c != ';' && c != '\r' {
			return
		}
		p.pos++
	}
}

func (p *awkParser) take(s string) bool {
	p.blanks()
	if strings.HasPrefix(p.text[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *awkParser) want(s string) {
	if !p.take(s) {
		p.fail()
	}
}

func identifier(c byte) bool { return c == '_' || inClass("alnum", c) }

// word takes a keyword.
func (p *awkParser) word(s string) bool {
	p.blanks()
	rest := p.text[p.pos:]
	if strings.HasPrefix(rest, s) && (len(rest) == len(s) || !identifier(rest[len(s)])) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *awkParser) enter() {
	if p.depth++; p.depth > 100 {
		p.fail()
	}
}

func (p *awkParser) block() []awkNode {
	p.enter()
	defer func() { p.depth-- }()
	p.want("{")
	list := []awkNode{}
	for {
		p.lines()
		if p.take("}") {
			return list
		}
		if p.pos >= len(p.text) || len(list) > 500 {
			p.fail()
		}
		list = append(list, p.statement())
	}
}

// body is a block or one statement.
func (p *awkParser) body() []awkNode {
	p.lines()
	if p.peek() == '{' {
		return p.block()
	}
	return []awkNode{p.statement()}
}

func (p *awkParser) statement() awkNode {
	p.enter()
	defer func() { p.depth-- }()
	switch {
	case p.word("if"):
		p.want("(")
		n := awkNode{op: "if", kids: []awkNode{p.expression()}}
		p.want(")")
		n.body = append(n.body, p.body())
		mark := p.pos
		p.lines()
		if p.word("else") {
			n.body = append(n.body, p.body())
		} else {
			p.pos = mark
		}
		return n
	case p.word("while"):
		p.want("(")
		n := awkNode{op: "while", kids: []awkNode{p.expression()}}
		p.want(")")
		n.body = [][]awkNode{p.body()}
		return n
	case p.word("for"):
		return p.forLoop()
	case p.word("printf"):
		return awkNode{op: "printf", kids: p.arguments()}
	case p.word("print"):
		return awkNode{op: "print", kids: p.arguments()}
	case p.word("next"):
		return awkNode{op: "next"}
	case p.word("break"):
		return awkNode{op: "break"}
	case p.word("continue"):
		return awkNode{op: "continue"}
	case p.word("exit"):
		n := awkNode{op: "exit"}
		p.blanks()
		if c := p.peek(); c != '}' && c != ';' && c != '\n' && c != 0 {
			n.kids = []awkNode{p.expression()}
		}
		return n
	case p.word("delete"):
		return awkNode{op: "delete", kids: []awkNode{p.primary()}}
	}
	if p.peek() == '{' {
		return awkNode{op: "block", body: [][]awkNode{p.block()}}
	}
	return p.expression()
}

func (p *awkParser) forLoop() awkNode {
	p.want("(")
	p.blanks()
	mark := p.pos
	for identifier(p.peek()) {
		p.pos++
	}
	name := p.text[mark:p.pos]
	if name != "" && p.word("in") {
		p.blanks()
		from := p.pos
		for identifier(p.peek()) {
			p.pos++
		}
		n := awkNode{op: "forin", text: name, kids: []awkNode{{op: "name", text: p.text[from:p.pos]}}}
		p.want(")")
		n.body = [][]awkNode{p.body()}
		return n
	}
	p.pos = mark
	n := awkNode{op: "for"}
	for i, end := range []string{";", ";", ")"} {
		part := awkNode{op: "none"}
		p.blanks()
		if p.peek() != end[0] {
			part = p.expression()
		} else if i == 1 {
			part = awkNode{op: "number", text: "1"}
		}
		p.want(end)
		n.kids = append(n.kids, part)
	}
	n.body = [][]awkNode{p.body()}
	return n
}

func (p *awkParser) arguments() []awkNode {
	var list []awkNode
	for {
		p.blanks()
		if c := p.peek(); c == '}' || c == ';' || c == '\n' || c == 0 || c == '|' || c == '>' {
			if c == '|' || c == '>' {
				p.fail()
			}
			return list
		}
		p.noIn = true
		list = append(list, p.expression())
		p.noIn = false
		if !p.take(",") || len(list) > 200 {
			return list
		}
	}
}
