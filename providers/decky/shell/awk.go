package shell

import (
	"fmt"
	"regexp"
	"strings"
)

// awk runs a small awk: patterns, print, printf, assignments, if, for, while,
// arrays and the usual functions.
func awk(c *call) int {
	f, rest, ok := c.parse("+F:v:f:W:", "field-separator=:F assign=:v file=:f version=V")
	if !ok {
		return 2
	}
	in := &awkRun{c: c, vars: map[string]awkValue{"FS": {s: " "}, "OFS": {s: " "}, "ORS": {s: "\n"}, "RS": {s: "\n"}, "SUBSEP": {s: "\x1c"}}, arrays: map[string]map[string]awkValue{}, regexes: map[string]*regexp.Regexp{}}
	if f.has("F") {
		separator, _ := escapes(f.value["F"], true)
		in.vars["FS"] = awkValue{s: separator}
	}
	if name, value, ok := strings.Cut(f.value["v"], "="); ok {
		in.vars[name] = awkInput(value)
	}
	var program string
	switch {
	case f.has("f"):
		data, err := c.read(f.value["f"])
		if err != nil {
			c.err.print("awk: cannot open " + f.value["f"] + " (No such file or directory)\n")
			return 2
		}
		program = string(data)
	case len(rest) == 0:
		c.err.print("Usage: mawk [Options] [Program] [file ...]\n")
		return 2
	default:
		program, rest = rest[0], rest[1:]
	}
	p := &awkParser{text: program}
	rules, problem := p.program()
	if problem != "" {
		c.err.print("awk: line 1: syntax error at or near " + problem + "\n")
		return 2
	}
	return in.run(rules, rest)
}

// awkRule is pattern { action }.
type awkRule struct {
	when    string // "BEGIN", "END" or empty
	pattern awkNode
	action  []awkNode // nil: print $0
	bare    bool
}

// awkNode is an expression or a statement.
type awkNode struct {
	op   string
	text string
	kids []awkNode
	body [][]awkNode
}

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

// printfFormat is awk's sprintf over the shell's formatter.
func (a *awkRun) printfFormat(args []awkValue) string {
	if len(args) == 0 {
		return ""
	}
	words := make([]string, 0, len(args))
	for _, v := range args[1:] {
		words = append(words, v.String())
	}
	// A verb for whole numbers takes what is before the point.
	format := args[0].String()
	at := 0
	for i := 0; i+1 < len(format) && at < len(words); i++ {
		if format[i] != '%' {
			continue
		}
		j := i + 1
		for j < len(format) && strings.IndexByte("-+ #0123456789.", format[j]) >= 0 {
			j++
		}
		if j < len(format) && format[j] != '%' {
			if strings.IndexByte("dioxX", format[j]) >= 0 {
				words[at] = fmt.Sprintf("%d", int64(args[at+1].number()))
			}
			at++
		}
		i = j
	}
	f := &formatter{c: &call{r: a.c.r, name: "awk", err: sink{Writer: closed{}}}, args: words}
	f.pass(format)
	return f.out.String()
}
