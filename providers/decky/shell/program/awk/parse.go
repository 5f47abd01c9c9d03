package awk

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
)

// awkParser reads a program: a recursive descent over its text.
type awkParser struct {
	missing bool // a ) that was wanted
	regexes regex.Options
	text    string
	pos     int
	depth   int
	noIn    bool

	functions map[string]*awkFunction
	called    []string
}

// undefined names a function that is called and nowhere defined.
func (p *awkParser) undefined() string {
	for _, name := range p.called {
		if p.functions[name] == nil {
			return fmt.Sprintf("line %d: function %s never defined", 2+strings.Count(strings.TrimRight(p.text, "\n"), "\n"), name)
		}
	}
	return ""
}

type awkSyntax string

func (p *awkParser) fail() {
	rest := strings.TrimLeft(p.text[min(p.pos, len(p.text)):], " \t")
	line := 1 + strings.Count(p.text[:min(p.pos, len(p.text))], "\n")
	token := rest
	switch n := strings.IndexFunc(rest, func(r rune) bool { return r > 127 || !identifier(byte(r)) }); {
	case rest == "":
		if p.depth > 0 && strings.Count(p.text, "{") > strings.Count(p.text, "}") {
			panic(awkSyntax(fmt.Sprintf("line %d: missing } near end of file", line+1)))
		}
		token = "end of file"
		line++
	case rest[0] == '\n':
		token = "end of line"
	case n > 0:
		token = rest[:n]
	case n == 0:
		token = rest[:1]
	}
	what := "syntax error at or near "
	if p.missing && token == "}" {
		what = "missing ) near "
	}
	panic(awkSyntax(fmt.Sprintf("line %d: %s%s", line, what, token)))
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
		if p.word("function") || p.word("func") {
			p.function()
			continue
		}
		switch {
		case p.word("BEGIN"):
			rule.when = "BEGIN"
		case p.word("END"):
			rule.when = "END"
		case p.peek() != '{':
			rule.pattern = p.expression()
			if p.take(",") {
				to := p.expression()
				rule.to = &to
			}
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

// function is function name(a, b) { ... }.
func (p *awkParser) function() {
	name := p.name()
	f := &awkFunction{}
	p.want("(")
	for !p.take(")") {
		f.params = append(f.params, p.name())
		if !p.take(",") {
			p.want(")")
			break
		}
		if len(f.params) > 50 {
			p.fail()
		}
	}
	p.lines()
	p.functions[name] = f
	f.body = p.block()
}

func (p *awkParser) name() string {
	p.blanks()
	from := p.pos
	for identifier(p.peek()) {
		p.pos++
	}
	if from == p.pos {
		p.fail()
	}
	return p.text[from:p.pos]
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
		if s == ")" {
			p.missing = true
		}
		p.fail()
	}
}

func identifier(c byte) bool { return c == '_' || pattern.InClass("alnum", c) }

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
	case p.word("do"):
		n := awkNode{op: "do", body: [][]awkNode{p.body()}}
		p.lines()
		if !p.word("while") {
			p.fail()
		}
		p.want("(")
		n.kids = []awkNode{p.expression()}
		p.want(")")
		return n
	case p.word("printf"):
		return p.printing("printf")
	case p.word("print"):
		return p.printing("print")
	case p.word("return"):
		n := awkNode{op: "return"}
		p.blanks()
		if c := p.peek(); c != '}' && c != ';' && c != '\n' && c != 0 {
			n.kids = []awkNode{p.expression()}
		}
		return n
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

// printing is print or printf, its arguments and where they go.
func (p *awkParser) printing(op string) awkNode {
	n := awkNode{op: op, kids: p.arguments()}
	for _, mode := range []string{">>", ">", "|"} {
		if p.take(mode) {
			n.text = mode
			n.body = [][]awkNode{{p.binary(5)}}
			break
		}
	}
	return n
}

// closing tells whether a print statement may end here.
func (p *awkParser) closing() bool {
	p.blanks()
	c := p.peek()
	return c == '}' || c == ';' || c == '\n' || c == 0 || c == '|' || c == '>'
}

func (p *awkParser) arguments() []awkNode {
	if p.closing() {
		return nil
	}
	if p.peek() == '(' {
		// (a, b) is the list itself, unless an operator follows.
		mark := p.pos
		if list, ok := p.parenthesized(); ok {
			return list
		}
		p.pos = mark
	}
	var list []awkNode
	for {
		p.noIn = true
		list = append(list, p.expression())
		p.noIn = false
		if !p.take(",") || len(list) > 200 {
			return list
		}
		p.lines()
	}
}

// parenthesized reads (a, b) at the end of a print statement.
func (p *awkParser) parenthesized() ([]awkNode, bool) {
	depth, quoted := 0, false
	for i := p.pos; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		}
		if depth > 0 {
			continue
		}
		from := p.pos
		p.pos = i + 1
		if !p.closing() {
			return nil, false
		}
		p.pos = from + 1
		var list []awkNode
		for {
			list = append(list, p.expression())
			if !p.take(",") || len(list) > 200 {
				break
			}
			p.lines()
		}
		return list, p.take(")") && p.closing()
	}
	return nil, false
}
