package script

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// interpreter is a python that runs.
type interpreter struct {
	c       *program.Call
	version string
	build   string
	old     bool // python 2
	file    string
	argv    []string
	values  map[string]any // *big.Int, string, bytes, []any, module, bool, nil
	repl    bool
	ended   bool
	status  int

	list  []token
	at    int
	line  int
	depth int
	fault string // what went wrong, in python's words
	lost  bool   // more than is understood
}

type (
	module string // a module or what is in it: "os.path"
	raw    string // bytes
	callee struct {
		self any
		name string
	}
)

// Bounds on what a value holds and how deep expressions go.
const (
	maxText  = 1 << 18
	maxDepth = 60
)

// script runs a text and returns the status.
func (p *interpreter) script(text string) int {
	if to := target(text); to != "" {
		return p.refused(text, to)
	}
	parts, ok := statements(text, ";\n")
	if !ok {
		p.syntax(text, 1)
		return 1
	}
	line := 1
	at := 0
	for _, s := range parts {
		p.line = line + strings.Count(text[:min(at, len(text))], "\n")
		at += len(s) + 1
		if strings.TrimSpace(s) == "" {
			continue
		}
		if p.c.Busy() || p.ended {
			break
		}
		p.statement(s)
		switch {
		case p.ended:
			return p.status
		case p.fault == "SyntaxError":
			p.fault = ""
			p.syntax(s, p.line)
			return 1
		case p.fault != "":
			p.c.Err.Print("Traceback (most recent call last):\n  File \"" + p.file + "\", line " + strconv.Itoa(p.line) + ", in <module>\n" + p.fault + "\n")
			p.fault = ""
			return 1
		case p.lost:
			p.lost = false
			p.c.Kernel.Unknown()
			return 0
		}
	}
	return p.status
}

// syntax is the complaint about a line that cannot be read.
func (p *interpreter) syntax(line string, number int) {
	line = strings.TrimSpace(strings.SplitN(strings.TrimSpace(line), "\n", 2)[0])
	mark, words := "^", "invalid syntax"
	if rest, ok := strings.CutPrefix(line, "print "); ok && !p.old && strings.TrimSpace(rest) != "" {
		mark, words = strings.Repeat("^", len(line)), "Missing parentheses in call to 'print'. Did you mean print(...)?"
		if p.version < "3.10" && len(p.version) < 7 && p.version[2] != '1' {
			mark, words = strings.Repeat(" ", 6)+"^", "Missing parentheses in call to 'print'. Did you mean print("+strings.TrimSpace(rest)+")?"
		}
	} else if at := strings.IndexByte(line, '('); at >= 0 && strings.Count(line, "(") > strings.Count(line, ")") {
		mark, words = strings.Repeat(" ", at)+"^", "'(' was never closed"
	} else if at := strings.IndexAny(line, `"'`); at >= 0 && strings.Count(line, line[at:at+1])%2 == 1 {
		mark, words = strings.Repeat(" ", at)+"^", "unterminated string literal (detected at line "+strconv.Itoa(number)+")"
	}
	p.c.Err.Print("  File \"" + p.file + "\", line " + strconv.Itoa(number) + "\n    " + line + "\n    " + mark + "\nSyntaxError: " + words + "\n")
}

// refused is a script that wants a connection, and gets none.
func (p *interpreter) refused(text, to string) int {
	for _, name := range []string{"requests", "paramiko", "urllib2", "httplib"} {
		if strings.Contains(text, "import "+name) && !p.old {
			p.c.Err.Print("Traceback (most recent call last):\n  File \"" + p.file + "\", line 1, in <module>\nModuleNotFoundError: No module named '" + name + "'\n")
			return 1
		}
	}
	named := reach(p.c, to)
	words := "ConnectionRefusedError: [Errno 111] Connection refused"
	if named {
		words = "socket.gaierror: [Errno -3] Temporary failure in name resolution"
	}
	if p.old {
		words = strings.NewReplacer("ConnectionRefusedError", "socket.error", "[Errno -3] T", "[Errno -3] T").Replace(words)
	}
	if strings.Contains(text, "urllib") {
		words = "urllib.error.URLError: <urlopen error [Errno 111] Connection refused>"
		if named {
			words = "urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>"
		}
	}
	p.c.Err.Print("Traceback (most recent call last):\n  File \"" + p.file + "\", line 1, in <module>\n" + words + "\n")
	return 1
}

// statement runs one.
func (p *interpreter) statement(s string) {
	list, ok := tokens(s)
	if !ok {
		p.fault = "SyntaxError"
		return
	}
	p.list, p.at = list, 0
	first := p.peek()
	switch {
	case len(list) == 0:
	case first.kind == 'w' && (first.text == "import" || first.text == "from"):
		p.imports()
	case first.kind == 'w' && strings.Contains(" for while if def class try with lambda async elif else except finally return @ del global raise assert nonlocal yield ", " "+first.text+" "):
		p.lost = true
	case first.kind == 'w' && first.text == "pass":
	case first.kind == 'w' && first.text == "print" && len(list) > 1 && (p.old || list[1].text != "("):
		if !p.old {
			if len(list) > 1 && list[1].kind != 'o' {
				p.fault = "SyntaxError"
				return
			}
			break
		}
		p.at++
		var words []string
		for p.peek().kind != 0 && !p.stopped() {
			words = append(words, text(p.expression(0)))
			if p.peek().text != "," {
				break
			}
			p.at++
		}
		p.finish(func() { p.c.Print(strings.Join(words, " ") + "\n") })
	case len(list) > 2 && first.kind == 'w' && list[1].text == "=":
		p.at = 2
		v := p.expression(0)
		p.finish(func() {
			if len(p.values) < 1000 {
				p.values[first.text] = v
			}
		})
	default:
		v := p.expression(0)
		p.finish(func() {
			if p.repl && v != nil {
				p.c.Print(represent(v) + "\n")
			}
		})
	}
}

// finish does what a statement that was read to its end asks for.
func (p *interpreter) finish(f func()) {
	if p.fault == "" && !p.lost && !p.ended {
		if p.at < len(p.list) {
			if p.list[p.at].kind == 'o' && strings.Contains("= += -= *= : @", p.list[p.at].text) || p.list[p.at].kind == 'w' && strings.Contains(" if for else lambda in is not and or ", " "+p.list[p.at].text+" ") {
				p.lost = true
				return
			}
			p.fault = "SyntaxError"
			return
		}
		f()
	}
}

func (p *interpreter) stopped() bool { return p.fault != "" || p.lost || p.ended || p.c.Stop != nil }

func (p *interpreter) peek() token {
	if p.at < len(p.list) {
		return p.list[p.at]
	}
	return token{}
}

// imports is import and from.
func (p *interpreter) imports() {
	from := p.peek().text == "from"
	p.at++
	for {
		name := ""
		for p.peek().kind == 'w' || p.peek().text == "." {
			if t := p.peek().text; t == "as" || t == "import" {
				break
			}
			name += p.peek().text
			p.at++
		}
		if name == "" {
			p.fault = "SyntaxError"
			return
		}
		if !standard(name) {
			p.fault = "ModuleNotFoundError: No module named '" + strings.SplitN(name, ".", 2)[0] + "'"
			if p.old {
				p.fault = "ImportError: No module named " + name
			}
			return
		}
		as, _, _ := strings.Cut(name, ".")
		value := module(as)
		if from {
			p.at++
			for p.peek().kind == 'w' || p.peek().text == "," {
				if p.peek().text != "," {
					p.values[p.peek().text] = module(name + "." + p.peek().text)
				}
				p.at++
			}
			return
		}
		if p.peek().text == "as" {
			p.at++
			as, value = p.peek().text, module(name)
			p.at++
		}
		p.values[as] = value
		if p.peek().text != "," {
			return
		}
		p.at++
	}
}

// strength of the operators.
var strength = map[string]int{"or": 1, "and": 2, "==": 4, "!=": 4, "<": 4, ">": 4, "<=": 4, ">=": 4, "|": 5, "^": 6, "&": 7, "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "//": 10, "%": 10, "**": 12}

// expression reads and evaluates what binds at least as strongly as least.
func (p *interpreter) expression(least int) any {
	if p.depth++; p.depth > maxDepth {
		p.lost = true
	}
	defer func() { p.depth-- }()
	if p.stopped() {
		return nil
	}
	left := p.unary()
	for !p.stopped() {
		op := p.peek().text
		s, ok := strength[op]
		if !ok || p.peek().kind == 's' || s < least || s == 0 {
			return left
		}
		p.at++
		next := s + 1
		if op == "**" {
			next = s
		}
		right := p.expression(next)
		if p.stopped() {
			return nil
		}
		left = p.binary(op, left, right)
	}
	return nil
}

func (p *interpreter) unary() any {
	t := p.peek()
	switch {
	case t.kind == 'o' && (t.text == "-" || t.text == "+" || t.text == "~"):
		p.at++
		v, ok := p.expression(11).(*big.Int)
		if !ok {
			p.lost = p.fault == ""
			return nil
		}
		switch t.text {
		case "-":
			return new(big.Int).Neg(v)
		case "~":
			return new(big.Int).Not(v)
		}
		return v
	case t.kind == 'w' && t.text == "not":
		p.at++
		return !truth(p.expression(3))
	}
	return p.postfix(p.primary())
}

func truth(v any) bool {
	switch x := v.(type) {
	case nil:
		return false
	case bool:
		return x
	case string:
		return x != ""
	case raw:
		return x != ""
	case *big.Int:
		return x.Sign() != 0
	case []any:
		return len(x) > 0
	}
	return true
}

// primary is a literal, a name or what stands in brackets.
func (p *interpreter) primary() any {
	t := p.peek()
	p.at++
	switch {
	case t.kind == 'n':
		n, ok := new(big.Int).SetString(t.text, 0)
		if !ok {
			if f, err := strconv.ParseFloat(t.text, 64); err == nil {
				return f
			}
			p.fault = "SyntaxError"
			return nil
		}
		return n
	case t.kind == 's':
		value := t.text
		if strings.Contains(t.quote, "f") {
			p.lost = strings.Contains(value, "{")
		}
		if !strings.Contains(t.quote, "r") {
			value, _ = word.Escapes(strings.ReplaceAll(value, "\\'", "'"), false)
			value = strings.ReplaceAll(value, `\"`, `"`)
		}
		if strings.Contains(t.quote, "b") {
			return raw(value)
		}
		if next := p.peek(); next.kind == 's' {
			if more, ok := p.primary().(string); ok {
				value += more
			}
		}
		return value
	case t.text == "(" || t.text == "[":
		all, tuple := p.arguments(map[string]string{"(": ")", "[": "]"}[t.text])
		if t.text == "(" && len(all) == 1 && !tuple {
			return all[0]
		}
		return all
	case t.kind == 'w':
		switch t.text {
		case "True":
			return true
		case "False":
			return false
		case "None":
			return nil
		}
		if v, ok := p.values[t.text]; ok {
			return v
		}
		if strings.Contains(" print len str int chr ord hex oct bin range list exit quit exec eval open input abs min max sum sorted repr type bytes __import__ float bool dir help reversed set tuple dict ", " "+t.text+" ") {
			return callee{name: t.text}
		}
		p.fault = "NameError: name '" + t.text + "' is not defined"
	default:
		p.fault = "SyntaxError"
	}
	return nil
}

// arguments are what stands before a closing bracket; tuple tells of a comma
// at the end.
func (p *interpreter) arguments(end string) (all []any, tuple bool) {
	for !p.stopped() {
		t := p.peek()
		if t.kind == 'o' && t.text == end {
			p.at++
			return all, tuple
		}
		if t.kind == 0 {
			p.fault = "SyntaxError"
			return nil, false
		}
		if t.kind == 'w' && p.at+1 < len(p.list) && p.list[p.at+1].text == "=" { // a named argument
			p.at += 2
			v := p.expression(0)
			if t.text == "end" || t.text == "sep" {
				all = append(all, [2]string{t.text, text(v)})
			}
		} else {
			all = append(all, p.expression(0))
		}
		tuple = false
		if p.peek().text == "," {
			tuple = true
			p.at++
		} else if p.peek().text != end && !p.stopped() {
			if p.peek().kind == 'w' {
				p.lost = true
			} else {
				p.fault = "SyntaxError"
			}
		}
	}
	return nil, false
}

// postfix are calls, members and places behind a value.
func (p *interpreter) postfix(v any) any {
	for !p.stopped() {
		t := p.peek()
		switch {
		case t.kind == 'o' && t.text == "." && p.at+1 < len(p.list) && p.list[p.at+1].kind == 'w':
			name := p.list[p.at+1].text
			p.at += 2
			if m, ok := v.(module); ok {
				v = p.attribute(string(m) + "." + name)
			} else {
				v = callee{v, name}
			}
		case t.kind == 'o' && t.text == "(":
			p.at++
			args, _ := p.arguments(")")
			if p.stopped() {
				return nil
			}
			v = p.call(v, args)
		case t.kind == 'o' && t.text == "[":
			p.at++
			args, _ := p.arguments("]")
			if p.stopped() || len(args) != 1 {
				p.lost = p.fault == ""
				return nil
			}
			v = p.item(v, args[0])
		default:
			return v
		}
	}
	return nil
}

func (p *interpreter) item(v, at any) any {
	n, ok := at.(*big.Int)
	if !ok || !n.IsInt64() {
		p.lost = true
		return nil
	}
	i := int(n.Int64())
	var size int
	switch x := v.(type) {
	case string:
		size = len(x)
	case []any:
		size = len(x)
	default:
		p.lost = true
		return nil
	}
	if i < 0 {
		i += size
	}
	if i < 0 || i >= size {
		p.fault = "IndexError: " + map[bool]string{true: "string", false: "list"}[isText(v)] + " index out of range"
		return nil
	}
	if s, ok := v.(string); ok {
		return s[i : i+1]
	}
	return v.([]any)[i]
}

func isText(v any) bool { _, ok := v.(string); return ok }
