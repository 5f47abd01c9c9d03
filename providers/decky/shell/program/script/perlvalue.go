package script

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// binding is how strongly perl's operators bind.
var binding = map[string]int{".": 9, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10, "x": 10, "**": 12}

// expression reads and evaluates what binds at least as strongly as least.
func (p *camel) expression(least int) string {
	if p.depth++; p.depth > maxDepth {
		p.lost = true
	}
	defer func() { p.depth-- }()
	if p.stopped() {
		return ""
	}
	left := p.term()
	for !p.stopped() {
		t := p.peek()
		if times, ok := strings.CutPrefix(t.text, "x"); ok && t.kind == 'w' && times != "" && strings.Trim(times, "0123456789") == "" && least <= 10 {
			p.at++
			left = p.apply("x", left, times)
			continue
		}
		strength, ok := binding[t.text]
		if !ok || t.kind == 's' || t.kind == 'n' || strength < least {
			return left
		}
		p.at++
		right := p.expression(strength + 1)
		if p.stopped() {
			return ""
		}
		left = p.apply(t.text, left, right)
	}
	return left
}

func (p *camel) apply(op, a, b string) string {
	x, y := number(a), number(b)
	switch op {
	case ".":
		if len(a)+len(b) > maxText {
			p.lost = true
			return ""
		}
		return a + b
	case "x":
		if y < 1 || a == "" {
			return ""
		}
		if float64(len(a))*y > maxText {
			p.fault = "Out of memory!"
			p.status = 1
			return ""
		}
		return strings.Repeat(a, int(y))
	case "+":
		return shown(x + y)
	case "-":
		return shown(x - y)
	case "*":
		return shown(x * y)
	case "/":
		if y == 0 {
			p.fault = "Illegal division by zero at " + p.file + " line 1."
			return ""
		}
		return shown(x / y)
	case "%":
		if int64(y) == 0 {
			p.fault = "Illegal modulus zero at " + p.file + " line 1."
			return ""
		}
		m := math.Mod(x, y)
		if m != 0 && (m < 0) != (y < 0) {
			m += y
		}
		return shown(math.Trunc(m))
	}
	return shown(math.Pow(x, y))
}

// term is a literal, a variable, a function or what stands in brackets.
func (p *camel) term() string {
	t := p.peek()
	p.at++
	switch {
	case t.kind == 'n':
		if strings.HasPrefix(t.text, "0x") {
			n, _ := strconv.ParseInt(t.text[2:], 16, 63)
			return strconv.FormatInt(n, 10)
		}
		if f, err := strconv.ParseFloat(t.text, 64); err == nil {
			return shown(f)
		}
	case t.kind == 's' && t.quote == "'":
		return strings.NewReplacer(`\'`, `'`, `\\`, `\`).Replace(t.text)
	case t.kind == 's' && t.quote == "`":
		return p.capture(p.interpolate(t.text))
	case t.kind == 's':
		return p.interpolate(t.text)
	case t.text == "-":
		return shown(-number(p.expression(11)))
	case t.text == "(":
		all := p.comma()
		if p.peek().text != ")" {
			p.lost = true
			return ""
		}
		p.at++
		return strings.Join(all, "")
	case t.text == "$" && p.peek().kind == 'w':
		name := p.peek().text
		p.at++
		if name == "ENV" && p.at+2 < len(p.list) && p.peek().text == "{" {
			key := p.list[p.at+1].text
			p.at += 3
			value, _ := p.c.Getenv(key)
			return value
		}
		if next := p.peek(); next.kind == 'o' && strings.Contains("[ { -> ++ -- =~", next.text) {
			p.lost = true
			return ""
		}
		if name == "0" {
			return p.file
		}
		return p.values[name]
	case t.text == "$" && p.peek().kind != 0:
		name := p.peek().text
		p.at++
		switch name {
		case "$":
			return program.Decimal(int64(p.c.Machine.NextPID()))
		case "<", ">":
			return program.Decimal(int64(p.c.User.UID))
		case "^":
			name = p.peek().text
			p.at++
			if name == "O" {
				return "linux"
			}
			if name == "V" {
				return "v" + versionOfPerl(p.c)
			}
		case "]":
			v := versionOfPerl(p.c)
			return "5." + strings.Repeat("0", max(0, 3-len(part(v, 1)))) + part(v, 1) + strings.Repeat("0", max(0, 3-len(part(v, 2)))) + part(v, 2)
		}
	case t.kind == 'w':
		return p.function(t)
	}
	p.lost = true
	return ""
}

// function is one of perl's own.
func (p *camel) function(t token) string {
	switch t.text {
	case "q", "qq", "qx":
		if p.peek().kind == 'o' && p.at == len(p.list)-1 || p.peek().text != "(" && p.peek().text != "{" {
			p.lost = true
			return ""
		}
		start := p.peek().at + 1
		closing := map[string]string{"(": ")", "{": "}"}[p.peek().text]
		for p.at < len(p.list) && p.peek().text != closing {
			p.at++
		}
		if p.at >= len(p.list) || p.text == "" || p.peek().at > len(p.text) || start > p.peek().at {
			p.lost = true
			return ""
		}
		inner := p.text[start:p.peek().at]
		p.at++
		switch t.text {
		case "q":
			return inner
		case "qx":
			return p.capture(p.interpolate(inner))
		}
		return p.interpolate(inner)
	}
	open := p.peek().text == "(" && p.peek().kind == 'o'
	if open {
		p.at++
	}
	args := []string{}
	if open || strings.Contains(" join length uc lc reverse ord chr hex oct pack ucfirst lcfirst abs int sqrt sleep sprintf decode_base64 chomp ", " "+t.text+" ") {
		args = p.comma()
		if open {
			if p.peek().text != ")" {
				p.lost = true
				return ""
			}
			p.at++
		}
	}
	first := strings.Join(args[:min(1, len(args))], "")
	switch t.text {
	case "join":
		if len(args) > 0 {
			return strings.Join(args[1:], first)
		}
	case "length":
		return strconv.Itoa(len(first))
	case "uc":
		return strings.ToUpper(first)
	case "lc":
		return strings.ToLower(first)
	case "ord":
		if first != "" {
			return strconv.Itoa(int(first[0]))
		}
		return "0"
	case "chr":
		if n := number(first); n >= 0 && n < 256 {
			return string([]byte{byte(n)})
		}
	case "hex":
		n, _ := strconv.ParseInt(strings.TrimPrefix(first, "0x"), 16, 63)
		return strconv.FormatInt(n, 10)
	case "oct":
		n, _ := strconv.ParseInt(first, 8, 63)
		return strconv.FormatInt(n, 10)
	case "abs":
		return shown(math.Abs(number(first)))
	case "int":
		return shown(math.Trunc(number(first)))
	case "sqrt":
		return shown(math.Sqrt(number(first)))
	case "reverse":
		runes := []byte(strings.Join(args, ""))
		for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
			runes[i], runes[j] = runes[j], runes[i]
		}
		return string(runes)
	case "pack":
		if len(args) > 1 && strings.HasPrefix(first, "H") {
			data, _ := hex.DecodeString(args[1])
			return string(data)
		}
	case "time":
		return strconv.FormatInt(p.c.Now().Unix(), 10)
	case "sleep":
		if d, ok := program.Interval(first); ok {
			p.c.Wait(d)
		}
		return first
	case "hostname":
		return p.c.Machine.Persona.Hostname()
	case "getppid":
		return strconv.Itoa(p.c.PID)
	}
	p.lost = true
	return ""
}

// interpolate is a text in double quotes.
func (p *camel) interpolate(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			switch s[i+1] {
			case '$', '@', '"', '\\':
				b.WriteByte(s[i+1])
				i++
				continue
			}
			end := i + 2
			for end < len(s) && end < i+6 && strings.IndexByte("0123456789abcdefABCDEF{}", s[end]) >= 0 && (s[i+1] == 'x' || s[i+1] >= '0' && s[i+1] <= '7') {
				end++
			}
			if s[i+1] == 'x' {
				end = min(end, i+4)
			}
			plain, _ := word.Escapes(s[i:end], true)
			b.WriteString(plain)
			i = end - 1
		case s[i] == '$' && i+1 < len(s) && (isName(s[i+1]) || s[i+1] == '{' || s[i+1] == '$' || s[i+1] == ']'):
			if s[i+1] == '$' {
				b.WriteString(program.Decimal(int64(p.c.Machine.NextPID())))
				i++
				continue
			}
			if s[i+1] == ']' {
				v := versionOfPerl(p.c)
				b.WriteString("5." + strings.Repeat("0", max(0, 3-len(part(v, 1)))) + part(v, 1) + "000")
				i++
				continue
			}
			end := i + 1
			if s[end] == '{' {
				end++
			}
			start := end
			for end < len(s) && isName(s[end]) {
				end++
			}
			name := s[start:end]
			if s[i+1] == '{' && end < len(s) && s[end] == '}' {
				end++
			}
			if name == "ENV" && strings.HasPrefix(s[end:], "{") {
				key, _, _ := strings.Cut(s[end+1:], "}")
				value, _ := p.c.Getenv(key)
				b.WriteString(value)
				i = min(len(s), end+len(key)+2) - 1
				continue
			}
			b.WriteString(p.values[name])
			i = end - 1
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// capture is what a command says.
func (p *camel) capture(command string) string {
	pipe := &program.Pipe{Budget: p.c.Kernel}
	s := p.c.Streams
	s.Out = program.Stream{Writer: pipe}
	p.c.Script(command, []string{"sh"}, s)
	return pipe.String()
}
