package sed

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program/regex"
)

func (p *parser) addresses(cmd *Command) string {
	var problem string
	if cmd.from, problem = p.address(false); problem != "" {
		return problem
	}
	p.skip(" \t")
	if cmd.from.set && p.peek() == ',' {
		p.pos++
		p.skip(" \t")
		if cmd.to, problem = p.address(true); problem != "" {
			return problem
		}
		if !cmd.to.set {
			p.pos++
			return "unexpected `,'"
		}
		cmd.active = cmd.from.kind == 'n' && cmd.from.line == 0
	}
	if cmd.from.kind == 'n' && cmd.from.line == 0 && cmd.from.set && cmd.to.kind != '/' {
		p.pos++
		return "invalid usage of line address 0"
	}
	p.skip(" \t")
	for p.peek() == '!' {
		cmd.negated = true
		p.pos++
		p.skip(" \t")
	}
	return ""
}

func (p *parser) number() int {
	from := p.pos
	p.skip("0123456789")
	n, err := strconv.Atoi(p.text[from:p.pos])
	if err != nil && p.pos > from {
		return 1 << 40
	}
	return n
}

func (p *parser) address(second bool) (sedAddress, string) {
	switch c := p.peek(); {
	case c >= '0' && c <= '9':
		a := sedAddress{set: true, kind: 'n', line: p.number()}
		if p.peek() == '~' && !second {
			p.pos++
			a.kind, a.step = '~', p.number()
		}
		return a, ""
	case second && (c == '+' || c == '~'):
		p.pos++
		kind := c
		if c == '~' {
			kind = '*'
		}
		return sedAddress{set: true, kind: kind, line: p.number()}, ""
	case c == '$':
		p.pos++
		return sedAddress{set: true, kind: '$'}, ""
	case c == '/' || c == '\\':
		if c == '\\' {
			p.pos++
		}
		delimiter := p.peek()
		p.pos++
		text, ok := p.until(delimiter, true)
		if !ok {
			return sedAddress{}, "unterminated address regex"
		}
		fold := false
		for p.peek() == 'I' || p.peek() == 'M' {
			fold = fold || p.peek() == 'I'
			p.pos++
		}
		a := sedAddress{set: true, kind: '/'}
		if text == "" {
			return a, ""
		}
		var problem string
		a.re, problem = sedRegex(text, p.extended, fold)
		return a, problem
	}
	return sedAddress{}, ""
}

func sedRegex(text string, extended, fold bool) (*regex.Regexp, string) {
	re, err := regex.Compile(text, extended, fold)
	if err != nil {
		return nil, regex.Problem(err)
	}
	return re, ""
}

// until reads up to a delimiter that is neither escaped nor, in an expression,
// within brackets.
func (p *parser) until(delimiter byte, expression bool) (string, bool) {
	var b strings.Builder
	class := 0
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		p.pos++
		switch {
		case class > 0:
			if c == ']' && class > 1 {
				class = 0
			} else if !(class == 1 && c == '^') {
				class++
			}
		case c == delimiter:
			return b.String(), true
		case c == '[' && expression:
			class = 1
		case c == '\n' && expression:
			return "", false
		case c == '\\' && p.pos < len(p.text):
			if p.text[p.pos] != delimiter {
				b.WriteByte('\\')
			} else if !expression && (delimiter == '&' || delimiter >= '0' && delimiter <= '9') {
				b.WriteByte('\\')
			}
			c = p.text[p.pos]
			p.pos++
			if c == 'n' && delimiter != 'n' && expression {
				b.WriteByte('n')
				continue
			}
		}
		b.WriteByte(c)
	}
	return "", false
}

func (s *run) hits(a sedAddress) bool {
	n := s.at + 1
	switch a.kind {
	case '/':
		re := a.re
		if re == nil {
			re = s.re
		}
		s.re = re
		return re != nil && re.MatchString(s.pattern)
	case '$':
		return s.last()
	case '~':
		if a.step <= 0 {
			return n == a.line
		}
		return n >= a.line && (n-a.line)%a.step == 0
	}
	return a.line == n
}

// applies tells whether a command's addresses choose the line.
func (s *run) applies(cmd *Command) bool {
	hit := true
	switch {
	case cmd.to.set:
		hit = s.inRange(cmd)
	case cmd.from.set:
		hit = s.hits(cmd.from)
	}
	return hit != cmd.negated
}

func (s *run) inRange(cmd *Command) bool {
	n := s.at + 1
	if !cmd.active {
		if !s.hits(cmd.from) {
			return false
		}
		cmd.active, cmd.end = true, -1
		switch cmd.to.kind {
		case 'n':
			cmd.end = cmd.to.line
		case '+':
			cmd.end = n + cmd.to.line
		case '*':
			cmd.end = n
			if cmd.to.line > 0 {
				cmd.end = (n + cmd.to.line - 1) / cmd.to.line * cmd.to.line
			}
		case '$':
			cmd.active = !s.last()
		}
		if cmd.end >= 0 && cmd.end <= n {
			cmd.active = false
		}
		return true
	}
	switch cmd.to.kind {
	case '/', '$':
		cmd.active = !s.hits(cmd.to)
		return true
	}
	if n >= cmd.end {
		cmd.active = false
	}
	return n <= cmd.end
}
