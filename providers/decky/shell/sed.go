package shell

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// sedCommand is one command of a script: s, y, d, p, q, =, a, i, c, n and
// blocks of none.
type sedCommand struct {
	from, to sedAddress
	negated  bool
	name     byte
	re       *regexp.Regexp
	with     string
	global   bool
	print    bool
	nth      int
	text     string
	inRange  bool
}

// sedAddress is a line number, the last line or an expression.
type sedAddress struct {
	set  bool
	line int
	last bool
	re   *regexp.Regexp
}

func sed(c *call) int {
	f, rest, ok := c.parse("nEri::e:f:sz", "quiet=n silent=n regexp-extended=E expression=:e in-place=i file=:f")
	if !ok {
		return 1
	}
	script := f.value["e"]
	if !f.has("e") {
		if len(rest) == 0 {
			c.err.print("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n\n")
			return 1
		}
		script, rest = rest[0], rest[1:]
	}
	p := &sedParser{text: script, extended: f.has("E") || f.has("r")}
	commands, problem := p.parse()
	if problem != "" {
		c.err.print("sed: -e expression #1, char " + strconv.Itoa(p.pos) + ": " + problem + "\n")
		return 1
	}
	if f.has("i") {
		status := 0
		for _, name := range rest {
			data, err := c.view().ReadFile(c.path(name))
			if err != nil {
				c.complain("can't read %s: %s", name, vfs.Text(err))
				status = 2
				continue
			}
			if err := c.view().WriteFile(c.path(name), []byte(c.edit(commands, data, f.has("n"))), 0o644); err != nil {
				c.complain("couldn't open temporary file: %s", vfs.Text(err))
				status = 4
			}
		}
		return status
	}
	all, _, status := c.inputs(rest, "can't read %s: ")
	var joined []byte
	for _, data := range all {
		joined = append(joined, data...)
	}
	c.print(c.edit(commands, joined, f.has("n")))
	return status * 2
}

type sedParser struct {
	text     string
	pos      int
	extended bool
}

func (p *sedParser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *sedParser) skip(set string) {
	for p.pos < len(p.text) && strings.IndexByte(set, p.text[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *sedParser) parse() ([]*sedCommand, string) {
	var out []*sedCommand
	for {
		p.skip(" \t\n;}")
		if p.pos >= len(p.text) {
			return out, ""
		}
		cmd := &sedCommand{nth: 1}
		var problem string
		if cmd.from, problem = p.address(); problem != "" {
			return nil, problem
		}
		if p.peek() == ',' {
			p.pos++
			if cmd.to, problem = p.address(); problem != "" {
				return nil, problem
			}
		}
		p.skip(" \t")
		if p.peek() == '!' {
			cmd.negated = true
			p.pos++
			p.skip(" \t")
		}
		cmd.name = p.peek()
		p.pos++
		if problem := p.arguments(cmd); problem != "" {
			return nil, problem
		}
		if cmd.name != '{' && cmd.name != '#' {
			out = append(out, cmd)
		}
		if len(out) > 200 {
			return nil, "too many commands"
		}
	}
}

func (p *sedParser) address() (sedAddress, string) {
	switch c := p.peek(); {
	case c >= '0' && c <= '9':
		from := p.pos
		p.skip("0123456789")
		n, _ := strconv.Atoi(p.text[from:p.pos])
		return sedAddress{set: true, line: n}, ""
	case c == '$':
		p.pos++
		return sedAddress{set: true, last: true}, ""
	case c == '/' || c == '\\':
		if c == '\\' {
			p.pos++
		}
		delimiter := p.peek()
		p.pos++
		text, ok := p.until(delimiter)
		if !ok {
			return sedAddress{}, "unterminated address regex"
		}
		re, err := regex(text, p.extended, false)
		if err != nil {
			return sedAddress{}, "Invalid preceding regular expression"
		}
		return sedAddress{set: true, re: re}, ""
	}
	return sedAddress{}, ""
}

// until reads up to a delimiter that is not escaped.
func (p *sedParser) until(delimiter byte) (string, bool) {
	var b strings.Builder
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		p.pos++
		if c == delimiter {
			return b.String(), true
		}
		if c == '\\' && p.pos < len(p.text) {
			if p.text[p.pos] != delimiter {
				b.WriteByte('\\')
			}
			c = p.text[p.pos]
			p.pos++
		}
		b.WriteByte(c)
	}
	return "", false
}

func (p *sedParser) arguments(cmd *sedCommand) string {
	switch cmd.name {
	case 's', 'y':
		delimiter := p.peek()
		p.pos++
		pattern, ok1 := p.until(delimiter)
		with, ok2 := p.until(delimiter)
		if !ok1 || !ok2 {
			return "unterminated `" + string(cmd.name) + "' command"
		}
		cmd.with, cmd.text = with, pattern
		if cmd.name == 'y' {
			return ""
		}
		fold := false
		for ; p.pos < len(p.text) && strings.IndexByte("; \n}", p.text[p.pos]) < 0; p.pos++ {
			switch c := p.text[p.pos]; {
			case c == 'g':
				cmd.global = true
			case c == 'p':
				cmd.print = true
			case c == 'i' || c == 'I':
				fold = true
			case c >= '1' && c <= '9':
				cmd.nth = int(c - '0')
			default:
				p.pos++
				return "unknown option to `s'"
			}
		}
		var err error
		if cmd.re, err = regex(pattern, p.extended, fold); err != nil {
			return "Invalid preceding regular expression"
		}
	case 'a', 'i', 'c':
		p.skip(" \t")
		if p.peek() == '\\' {
			p.pos++
			p.skip(" \t\n")
		}
		line, _, _ := strings.Cut(p.text[p.pos:], "\n")
		cmd.text = line
		p.pos += len(line)
	case 'd', 'p', 'q', '=', 'n', 'D', 'G', 'h', 'H', 'g', 'x', '{':
	case '#':
		line, _, _ := strings.Cut(p.text[p.pos:], "\n")
		p.pos += len(line)
	case 0:
		return "missing command"
	default:
		return "unknown command: `" + string(cmd.name) + "'"
	}
	return ""
}

func (a sedAddress) hits(n int, last bool, line string) bool {
	switch {
	case a.re != nil:
		return a.re.MatchString(line)
	case a.last:
		return last
	}
	return a.line == n
}

func (cmd *sedCommand) applies(n int, last bool, line string) bool {
	hit := true
	switch {
	case cmd.to.set && cmd.inRange:
		if cmd.to.hits(n, last, line) || cmd.to.re == nil && !cmd.to.last && n >= cmd.to.line {
			cmd.inRange = false
		}
	case cmd.to.set:
		hit = cmd.from.hits(n, last, line)
		cmd.inRange = hit && (cmd.to.re != nil || cmd.to.last && !last || cmd.to.line > n)
	case cmd.from.set:
		hit = cmd.from.hits(n, last, line)
	}
	return hit != cmd.negated
}

// edit runs a script over text.
func (c *call) edit(commands []*sedCommand, data []byte, quiet bool) string {
	var out strings.Builder
	all := lines(data)
	hold := ""
	for i, line := range all {
		if c.busy() || out.Len() > maxValue*8 {
			break
		}
		printed, quit, after := !quiet, false, ""
		for _, cmd := range commands {
			if !cmd.applies(i+1, i == len(all)-1, line) {
				continue
			}
			deleted := false
			switch cmd.name {
			case 's':
				next, changed := cmd.substitute(line)
				line = next
				if changed && cmd.print {
					out.WriteString(line + "\n")
				}
			case 'y':
				line = strings.Map(func(r rune) rune {
					if j := strings.IndexRune(cmd.text, r); j >= 0 && j < len(cmd.with) {
						return rune(cmd.with[j])
					}
					return r
				}, line)
			case 'd', 'D':
				printed, deleted = false, true
			case 'p':
				out.WriteString(line + "\n")
			case '=':
				out.WriteString(strconv.Itoa(i+1) + "\n")
			case 'q':
				quit = true
			case 'a':
				after += cmd.text + "\n"
			case 'i':
				out.WriteString(cmd.text + "\n")
			case 'c':
				out.WriteString(cmd.text + "\n")
				printed, deleted = false, true
			case 'h':
				hold = line
			case 'g':
				line = hold
			case 'G':
				line += "\n" + hold
			}
			if deleted || quit {
				break
			}
		}
		if printed {
			out.WriteString(line)
			if i < len(all)-1 || len(data) > 0 && data[len(data)-1] == '\n' {
				out.WriteByte('\n')
			}
		}
		out.WriteString(after)
		if quit {
			break
		}
	}
	return out.String()
}

// substitute is s///.
func (cmd *sedCommand) substitute(line string) (string, bool) {
	matches := cmd.re.FindAllStringSubmatchIndex(line, -1)
	var b strings.Builder
	at, changed := 0, false
	for i, m := range matches {
		if i+1 < cmd.nth || !cmd.global && i+1 > cmd.nth {
			continue
		}
		b.WriteString(line[at:m[0]])
		b.WriteString(replacement(cmd.with, line, m))
		at, changed = m[1], true
		if b.Len() > maxValue {
			break
		}
	}
	b.WriteString(line[at:])
	return b.String(), changed
}

// replacement expands & and \1 in the right side of s///.
func replacement(with, line string, m []int) string {
	var b strings.Builder
	for i := 0; i < len(with); i++ {
		switch {
		case with[i] == '&':
			b.WriteString(line[m[0]:m[1]])
		case with[i] == '\\' && i+1 < len(with):
			i++
			switch c := with[i]; {
			case c >= '0' && c <= '9':
				if n := int(c-'0') * 2; n+1 < len(m) && m[n] >= 0 {
					b.WriteString(line[m[n]:m[n+1]])
				}
			case c == 'n':
				b.WriteByte('\n')
			case c == 't':
				b.WriteByte('\t')
			default:
				b.WriteByte(c)
			}
		default:
			b.WriteByte(with[i])
		}
	}
	return b.String()
}
