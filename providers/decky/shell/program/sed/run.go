package sed

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// sedLine is one line of input.
type sedLine struct {
	text, file string
	whole      bool // a separator follows
}

// sedRun is a script as it runs.
type run struct {
	c         *program.Call
	commands  []*Command
	quiet     bool
	separator string

	Lines   []sedLine
	at      int // of the line in the pattern space
	pattern string
	hold    string
	whole   bool
	after   []string // what a and r put behind the line
	re      *regex.Regexp
	changed bool // for t
	out     strings.Builder
	missing bool // the last line printed lacks its separator
	written map[string]*strings.Builder
	quit    bool
	status  int
}

// load appends a file to the input.
func (s *run) load(name string, data []byte) {
	text := string(data)
	for text != "" {
		line, rest, whole := strings.Cut(text, s.separator)
		s.Lines = append(s.Lines, sedLine{line, name, whole})
		text = rest
	}
}

func (s *run) last() bool { return s.at == len(s.Lines)-1 }

func (s *run) put(text string, whole bool) {
	if s.out.Len() > program.MaxValue*8 {
		s.c.Stop = program.ErrBudget
		return
	}
	if s.missing {
		s.out.WriteString(s.separator)
	}
	s.out.WriteString(text)
	if s.missing = !whole; whole {
		s.out.WriteString(s.separator)
	}
}

// run edits what is loaded.
func (s *run) run() {
	kept := false // D leaves the rest of the pattern space
	for s.at = 0; s.at < len(s.Lines) && !s.quit && !s.c.Busy(); {
		if !kept {
			s.pattern, s.whole = s.Lines[s.at].text, s.Lines[s.at].whole
		}
		var printed bool
		printed, kept = s.cycle()
		if printed && !s.quiet {
			s.put(s.pattern, s.whole)
		}
		s.behind()
		if !kept {
			s.at++
		}
	}
	s.Lines = nil
}

// behind prints what a and r left for the end of the cycle.
func (s *run) behind() {
	for _, text := range s.after {
		if text, whole := strings.CutSuffix(text, "\n"); whole || text != "" {
			s.put(text, whole)
		}
	}
	s.after = nil
}

// cycle runs the script once; printed tells that the pattern space is to be
// shown, kept that the next cycle starts with it.
func (s *run) cycle() (printed, kept bool) {
	s.changed = false
	for i := 0; i < len(s.commands); i++ {
		cmd := s.commands[i]
		if s.c.Busy() {
			return false, false
		}
		hit := s.applies(cmd)
		switch cmd.name {
		case '{':
			if !hit {
				i = cmd.jump - 1
			}
			continue
		case 'b', 't', 'T':
			if hit && (cmd.name == 'b' || s.changed == (cmd.name == 't')) {
				i = cmd.jump - 1
			}
			if hit && cmd.name != 'b' {
				s.changed = false
			}
			continue
		}
		if !hit {
			continue
		}
		switch cmd.name {
		case 'd':
			return false, false
		case 'D':
			_, rest, more := strings.Cut(s.pattern, "\n")
			s.pattern = rest
			return false, more
		case 'q', 'Q':
			s.quit, s.status = true, max(cmd.number, 0)
			return cmd.name == 'q', false
		case 'c':
			if !cmd.to.set || cmd.negated || !cmd.active {
				s.put(cmd.text, true)
			}
			return false, false
		case 'n', 'N':
			if s.last() {
				s.quit = true
				return true, false
			}
			if cmd.name == 'n' && !s.quiet {
				s.put(s.pattern, s.whole)
			}
			s.behind()
			s.next(cmd.name == 'N')
		default:
			s.do(cmd)
		}
	}
	return true, false
}

// shell is what a command of the system's shell prints.
func (s *run) shell(text string) string {
	var b strings.Builder
	streams := s.c.Streams
	streams.In, streams.Out = strings.NewReader(""), program.Stream{Writer: &b}
	s.c.Script(text, []string{"sh"}, streams)
	return b.String()
}

// next reads a line into the pattern space, or behind what is there.
func (s *run) next(more bool) {
	s.at++
	line := s.Lines[s.at]
	s.whole = line.whole
	if !more {
		s.pattern = line.text
	} else if len(s.pattern)+len(line.text) < program.MaxValue {
		s.pattern += "\n" + line.text
	}
}

// do runs a command that goes on with the next one.
func (s *run) do(cmd *Command) {
	first, _, _ := strings.Cut(s.pattern, "\n")
	switch cmd.name {
	case 's':
		s.substitute(cmd)
	case 'y':
		from, to := []rune(cmd.text), []rune(cmd.With)
		s.pattern = strings.Map(func(r rune) rune {
			for i, f := range from {
				if f == r {
					return to[i]
				}
			}
			return r
		}, s.pattern)
	case 'p':
		s.put(s.pattern, s.whole || !s.last())
	case 'P':
		s.put(first, true)
	case '=':
		s.put(strconv.Itoa(s.at+1), true)
	case 'F':
		s.put(s.Lines[s.at].file, true)
	case 'l':
		s.put(unambiguous(s.pattern, cmd.number), true)
	case 'a':
		s.after = append(s.after, cmd.text+"\n")
	case 'i':
		s.put(cmd.text, true)
	case 'h':
		s.hold = s.pattern
	case 'g':
		s.pattern = s.hold
	case 'H', 'G':
		if len(s.hold)+len(s.pattern) < program.MaxValue {
			if cmd.name == 'H' {
				s.hold += "\n" + s.pattern
			} else {
				s.pattern += "\n" + s.hold
			}
		}
	case 'x':
		s.pattern, s.hold = s.hold, s.pattern
	case 'z':
		s.pattern = ""
	case 'e':
		if cmd.text != "" {
			s.out.WriteString(s.shell(cmd.text))
			break
		}
		s.pattern = strings.TrimSuffix(s.shell(s.pattern), "\n")
	case 'r':
		if data, err := s.c.Read(cmd.text); err == nil {
			s.after = append(s.after, string(data))
		}
	case 'w':
		s.write(cmd.text, s.pattern)
	case 'W':
		s.write(cmd.text, first)
	}
}

// write collects what w puts in a file.
func (s *run) write(name, line string) {
	switch name {
	case "/dev/stdout":
		s.put(line, true)
		return
	case "/dev/stderr":
		s.c.Err.Print(line + "\n")
		return
	}
	if s.written[name] == nil {
		s.written[name] = &strings.Builder{}
	}
	if b := s.written[name]; b.Len() < program.MaxValue*8 {
		b.WriteString(line + s.separator)
	}
}

// flush makes the files of w, those that got nothing included.
func (s *run) flush() {
	for _, cmd := range s.commands {
		if cmd.text == "" || strings.IndexByte("wWs", cmd.name) < 0 || strings.HasPrefix(cmd.text, "/dev/std") {
			continue
		}
		b := s.written[cmd.text]
		if b == nil {
			b = &strings.Builder{}
		}
		if err := s.c.View().WriteFile(s.c.Path(cmd.text), []byte(b.String()), 0o644); err != nil {
			s.c.Complain("couldn't open file %s: %s", cmd.text, vfs.Text(err))
			s.status = 4
		}
	}
}
