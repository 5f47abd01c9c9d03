// Package minor answers for the programs that an installation brings and
// intruders hardly use: their usage, their version, and what they say of a
// command line that they cannot read. It owns a table of facts, recorded from
// Debian's programs; help is its own, of the same shape. It refuses to do their
// work: whoever gives a program its work takes its name out of the table.
package minor

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// first and second are the programs, each from a line "= name package" to the next, the
// letter of an occasion in front of what the program answers then:
//
//	n without operands, l to an unknown long option, s to an unknown letter,
//	v to --version, h to --help, a to an operand that leads nowhere
//
// as a status and quoted texts for standard output (o) and error (e); u is the
// usage and o are the options, each as help shows it.
//
//go:embed data/a-l.txt
var first string

//go:embed data/m-z.txt
var second string

// hardware are those that look after disks, file systems and the kernel.
//
//go:embed data/system.txt
var hardware string

// reply is one answer.
type reply struct {
	status      int
	out, err    string
	given, says bool
}

// entry is one program.
type entry struct {
	pack    string
	replies map[byte]reply
	usage   string
	options []string
}

// table is read once and shared.
var table = sync.OnceValue(func() map[string]*entry {
	all := map[string]*entry{}
	var e *entry
	for line := range strings.Lines(first + second + hardware) {
		kind, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch kind {
		case "=":
			name, pack, _ := strings.Cut(text, " ")
			e = &entry{pack: pack, replies: map[byte]reply{}}
			all[name] = e
		case "u":
			e.usage, _ = strconv.Unquote(text)
		case "o":
			e.options = strings.Split(text, "|")
		default:
			e.replies[kind[0]] = replyOf(text)
		}
	}
	return all
})

// replyOf reads `1 o"text" e"text"`.
func replyOf(text string) reply {
	status, rest, _ := strings.Cut(text, " ")
	r := reply{given: true}
	r.status, _ = strconv.Atoi(status)
	for rest != "" {
		quoted, err := strconv.QuotedPrefix(rest[1:])
		if err != nil {
			break
		}
		plain, _ := strconv.Unquote(quoted)
		if rest[0] == 'o' {
			r.out = plain
		} else {
			r.err = plain
		}
		r.says = true
		rest = strings.TrimSpace(rest[1+len(quoted):])
	}
	return r
}

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	all := map[string]program.Func{}
	for name, e := range table() {
		all[name] = e.answer
	}
	return all
}

// answer is the program of an entry.
func (e *entry) answer(c *program.Call) int {
	operand := ""
	for i, a := range c.Args {
		switch {
		case a == "--":
		case a == "--help" && e.replies['h'].given:
			return e.say(c, 'h', a)
		case a == "--version" && e.replies['v'].given:
			return e.say(c, 'v', a)
		case strings.HasPrefix(a, "--"):
			if name, _, _ := strings.Cut(a, "="); !e.knows(name) {
				return e.say(c, 'l', a)
			}
		case len(a) > 1 && a[0] == '-':
			for at := 1; at < len(a); at++ {
				if !e.knows("-"+a[at:at+1]) && !e.knows(a) {
					return e.say(c, 's', a[at:])
				}
				if e.takes("-" + a[at:at+1]) {
					break
				}
			}
		case operand == "" && (i == 0 || !e.takes(c.Args[i-1])):
			operand = a
		}
	}
	if len(c.Args) == 0 && e.replies['n'].given {
		return e.say(c, 'n', "")
	}
	if operand != "" && e.replies['a'].given {
		if _, err := c.View().Stat(c.Path(operand)); err != nil {
			return e.say(c, 'a', operand)
		}
	}
	c.Kernel.Unknown()
	return 0
}

// knows tells that an option is one of the program's; one without a list of
// them is asked nothing.
func (e *entry) knows(option string) bool {
	if len(e.options) == 0 {
		return !e.replies['l'].given || !strings.HasPrefix(option, "--")
	}
	for _, spec := range e.options {
		for part := range strings.FieldsFuncSeq(spec, func(r rune) bool { return r == ' ' || r == ',' || r == '=' || r == '[' }) {
			if part == option {
				return true
			}
		}
	}
	// What usage shows in one heap: [-abc].
	return len(option) == 2 && strings.Contains(e.usage, "-") && heaped(e.usage, option[1])
}

// heaped tells that a letter stands in a "[-abc]" of a usage.
func heaped(usage string, letter byte) bool {
	for field := range strings.FieldsSeq(usage) {
		if body, ok := strings.CutPrefix(strings.TrimLeft(field, "[{("), "-"); ok && !strings.HasPrefix(body, "-") && strings.IndexByte(strings.TrimRight(body, "]})"), letter) >= 0 {
			return true
		}
	}
	return false
}

// takes tells that an option wants an argument.
func (e *entry) takes(option string) bool {
	for _, spec := range e.options {
		name, rest, found := strings.Cut(spec, option)
		if !found || name != "" && !strings.HasSuffix(name, " ") {
			continue
		}
		if rest != "" && rest[0] != ' ' && rest[0] != '=' && rest[0] != ',' && rest[0] != '[' {
			continue
		}
		return strings.ContainsAny(rest, "=<") || strings.ToUpper(rest) == rest && strings.TrimSpace(rest) != ""
	}
	return false
}

// say gives the answer of an occasion with what it is about.
func (e *entry) say(c *program.Call, occasion byte, about string) int {
	r := e.replies[occasion]
	if !r.says {
		c.Kernel.Unknown()
	}
	letter := ""
	if occasion == 's' {
		letter, about = about[:1], "-"+about
	}
	full, upstream := version(c, e.pack)
	fill := strings.NewReplacer(
		"{help}", e.help(), "{options}", e.list(), "{opt}", about, "{word}", strings.TrimLeft(about, "-"), "{letter}", letter, "{full}", full, "{version}", upstream,
	)
	c.Print(fill.Replace(r.out))
	c.Err.Print(fill.Replace(r.err))
	return r.status
}

// help is a help page of our own: the usage and the options.
func (e *entry) help() string {
	if len(e.options) == 0 {
		return e.usage + "\n"
	}
	return e.usage + "\n\nOptions:\n" + e.list()
}

// list is a line for each option, with the name of it for a description.
func (e *entry) list() string {
	var b strings.Builder
	for _, spec := range e.options {
		about := ""
		if _, long, ok := strings.Cut(spec, "--"); ok {
			long, _, _ = strings.Cut(long, ",")
			about = strings.ReplaceAll(strings.FieldsFunc(long+" ", func(r rune) bool { return r == ' ' || r == '=' || r == '[' || r == '<' })[0], "-", " ")
		}
		if strings.HasPrefix(spec, "--") {
			spec = "    " + spec
		}
		line := "  " + spec
		if about != "" {
			line += strings.Repeat(" ", max(2, 32-len(line))) + about
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// version is that of a package on this host, whole and as its authors number it.
func version(c *program.Call, pack string) (full, upstream string) {
	for _, p := range image.Packages(c.Machine.Release) {
		if p.Name == pack || strings.HasPrefix(p.Name, pack+"-") && full == "" {
			full = p.Version
			if p.Name == pack {
				break
			}
		}
	}
	if full == "" {
		full = "1.0-1"
	}
	_, upstream, ok := strings.Cut(full, ":")
	if !ok {
		upstream = full
	}
	if at := strings.LastIndexByte(upstream, '-'); at > 0 {
		upstream = upstream[:at]
	}
	if at := strings.IndexAny(upstream, "+~"); at > 0 {
		upstream = upstream[:at]
	}
	return full, upstream
}
