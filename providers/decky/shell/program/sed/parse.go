package sed

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program/regex"
)

// Command is one command of a script.
type Command struct {
	from, to sedAddress
	negated  bool
	name     byte
	Re       *regex.Regexp // of s; nil is the last one used
	With     string
	Global   bool
	print    bool
	execute  bool // e of s: the result is a command
	Nth      int
	text     string // of a, i, c, y; a file or a label
	number   int    // of q, Q and l
	jump     int    // index of the command that { b t T go on with
	active   bool   // within the range
	end      int    // its last line, where that is a number
}

// sedAddress is a line number, the last line, an expression, or what follows
// the comma: +n and ~n.
type sedAddress struct {
	set  bool
	kind byte // 'n' number, '$', '/', '~' first~step, '+', '*' (addr,~n)
	line int
	step int
	re   *regex.Regexp // nil is the last one used
}

// maxSed is how many commands a script may have.
const maxSed = 500

// sedParser reads a script.
type parser struct {
	text     string
	pos      int
	extended bool
	silent   bool // #n in the first line
	zero     bool // the mistake is not at a character
	labels   map[string]int
}

// at is where the mistake is, as sed counts.
func (p *parser) at() int {
	if p.zero {
		return 0
	}
	return min(p.pos, len(p.text))
}

func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) skip(set string) {
	for p.pos < len(p.text) && strings.IndexByte(set, p.text[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *parser) parse() ([]*Command, string) {
	var out []*Command
	var open []int
	p.silent = p.text == "#n" || strings.HasPrefix(p.text, "#n\n")
	for {
		p.skip(" \t\n;")
		if p.pos >= len(p.text) {
			break
		}
		cmd := &Command{Nth: 1, number: -1}
		if problem := p.addresses(cmd); problem != "" {
			return nil, problem
		}
		if cmd.name = p.peek(); p.pos >= len(p.text) {
			return nil, "missing command"
		}
		p.pos++
		switch {
		case cmd.name == '{':
			open = append(open, len(out))
		case cmd.name == '}':
			if len(open) == 0 {
				return nil, "unexpected `}'"
			}
			if cmd.from.set {
				return nil, "} doesn't want any addresses"
			}
			out[open[len(open)-1]].jump = len(out)
			open = open[:len(open)-1]
			if problem := p.ended(); problem != "" {
				return nil, problem
			}
			continue
		case cmd.name == ':':
			if problem := p.label(cmd, len(out)); problem != "" {
				return nil, problem
			}
			continue
		default:
			if problem := p.arguments(cmd); problem != "" {
				return nil, problem
			}
		}
		if cmd.name == '#' {
			continue
		}
		if out = append(out, cmd); len(out) > maxSed {
			return nil, "too many commands"
		}
	}
	if len(open) > 0 {
		p.zero = true
		return nil, "unmatched `{'"
	}
	return out, p.resolve(out)
}

// label is : name.
func (p *parser) label(cmd *Command, at int) string {
	if cmd.from.set {
		return ": doesn't want any addresses"
	}
	p.skip(" \t")
	from := p.pos
	for p.pos < len(p.text) && strings.IndexByte("\n;", p.text[p.pos]) < 0 {
		p.pos++
	}
	name := strings.TrimRight(p.text[from:p.pos], " \t")
	if name == "" {
		return "\":\" lacks a label"
	}
	p.labels[name] = at
	return ""
}

// resolve finds the labels of jumps.
func (p *parser) resolve(list []*Command) string {
	for _, cmd := range list {
		if strings.IndexByte("btT", cmd.name) < 0 {
			continue
		}
		cmd.jump = len(list)
		if at, ok := p.labels[cmd.text]; ok {
			cmd.jump = at
		} else if cmd.text != "" {
			return "can't find label for jump to `" + cmd.text + "'"
		}
	}
	return ""
}

// ended reads what may follow a command.
func (p *parser) ended() string {
	p.skip(" \t")
	switch p.peek() {
	case 0, '\n', ';', '}', '#':
		return ""
	}
	p.pos++
	return "extra characters after command"
}

func (p *parser) arguments(cmd *Command) string {
	switch cmd.name {
	case 's':
		return p.substitution(cmd)
	case 'y':
		return p.translation(cmd)
	case 'a', 'i', 'c':
		return p.insertion(cmd)
	case 'd', 'p', '=', 'n', 'D', 'G', 'h', 'H', 'g', 'x', 'N', 'P', 'F', 'z':
		return p.ended()
	case 'q', 'Q', 'l', 'L':
		p.skip(" \t")
		if c := p.peek(); c >= '0' && c <= '9' {
			cmd.number = p.number()
		}
		return p.ended()
	case 'b', 't', 'T':
		p.skip(" \t")
		from := p.pos
		for p.pos < len(p.text) && strings.IndexByte("\n;}", p.text[p.pos]) < 0 {
			p.pos++
		}
		cmd.text = strings.TrimRight(p.text[from:p.pos], " \t")
	case 'e':
		p.skip(" \t")
		cmd.text, _, _ = strings.Cut(p.text[p.pos:], "\n")
		p.pos += len(cmd.text)
	case 'r', 'R', 'w', 'W':
		p.skip(" \t")
		line, _, _ := strings.Cut(p.text[p.pos:], "\n")
		if cmd.text = line; line == "" {
			return "missing filename in r/R/w/W commands"
		}
		p.pos += len(line)
	case '#':
		line, _, _ := strings.Cut(p.text[p.pos:], "\n")
		p.pos += len(line)
	case ',':
		return "unexpected `,'"
	default:
		return "unknown command: `" + string(rune(cmd.name)) + "'"
	}
	return ""
}

func (p *parser) substitution(cmd *Command) string {
	delimiter := p.peek()
	p.pos++
	pattern, ok1 := p.until(delimiter, true)
	with, ok2 := p.until(delimiter, false)
	if !ok1 || !ok2 {
		return "unterminated `s' command"
	}
	cmd.With = with
	fold := false
	for p.pos < len(p.text) && strings.IndexByte("; \t\n}#", p.text[p.pos]) < 0 {
		c := p.text[p.pos]
		p.pos++
		switch {
		case c == 'g':
			cmd.Global = true
		case c == 'p':
			cmd.print = true
		case c == 'i' || c == 'I':
			fold = true
		case c == 'm' || c == 'M':
			pattern = "(?m)" + pattern
		case c >= '1' && c <= '9':
			p.pos--
			cmd.Nth = p.number()
		case c == '0':
			return "number option to `s' command may not be zero"
		case c == 'e':
			cmd.execute = true
		case c == 'w':
			p.skip(" \t")
			line, _, _ := strings.Cut(p.text[p.pos:], "\n")
			cmd.text = line
			p.pos += len(line)
		default:
			return "unknown option to `s'"
		}
	}
	groups := 9
	if pattern != "" {
		var problem string
		if cmd.Re, problem = sedRegex(pattern, p.extended, fold); problem != "" {
			return problem
		}
		groups = cmd.Re.NumSubexp()
	}
	for i := 0; i+1 < len(with); i++ {
		if with[i] != '\\' {
			continue
		}
		i++
		if c := with[i]; c >= '1' && c <= '9' && int(c-'0') > groups {
			return "invalid reference \\" + string(rune(c)) + " on `s' command's RHS"
		}
	}
	return p.ended()
}

func (p *parser) translation(cmd *Command) string {
	delimiter := p.peek()
	p.pos++
	from, ok1 := p.until(delimiter, false)
	to, ok2 := p.until(delimiter, false)
	if !ok1 || !ok2 {
		return "unterminated `y' command"
	}
	plain := strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t")
	cmd.text, cmd.With = plain.Replace(from), plain.Replace(to)
	if len([]rune(cmd.text)) != len([]rune(cmd.With)) {
		return "strings for `y' command are different lengths"
	}
	return p.ended()
}

// insertion reads the text of a, i and c: up to a line feed that no backslash
// escapes.
func (p *parser) insertion(cmd *Command) string {
	p.skip(" \t")
	if p.pos >= len(p.text) {
		return "expected \\ after `a', `c' or `i'"
	}
	if p.peek() == '\\' {
		p.pos++
		mark := p.pos
		p.skip(" \t")
		if p.peek() == '\n' {
			p.pos++
		} else {
			p.pos = mark
		}
	}
	var b strings.Builder
	for p.pos < len(p.text) && p.text[p.pos] != '\n' {
		if p.text[p.pos] == '\\' && p.pos+1 < len(p.text) {
			p.pos++
		}
		b.WriteByte(p.text[p.pos])
		p.pos++
	}
	cmd.text = b.String()
	return ""
}
