package shell

import (
	"errors"
	"io"
	"maps"
	"strconv"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// redirect opens the files of a statement. done closes them and is never nil.
func (r *runner) redirect(list []*syntax.Redirect, s Streams) (_ Streams, done func(), err error) {
	opened := 0
	done = func() { r.budget.files -= opened }
	s.Other = maps.Clone(s.Other)
	for _, redirect := range list {
		if opened++; r.budget.files+opened > r.budget.limits.Files {
			return s, done, wordsError("Too many open files")
		}
		if err := r.redirectOne(redirect, &s); err != nil {
			r.budget.files += opened
			return s, done, err
		}
	}
	r.budget.files += opened
	return s, done, nil
}

func (r *runner) redirectOne(redirect *syntax.Redirect, s *Streams) error {
	fd := -1
	if redirect.N != nil {
		n, err := strconv.Atoi(redirect.N.Value)
		if err != nil {
			n = r.namedDescriptor(redirect, *s)
		}
		fd = n
	}
	switch redirect.Op {
	case syntax.Hdoc, syntax.DashHdoc:
		text, err := r.heredoc(redirect)
		if err != nil {
			return err
		}
		setIn(s, max(fd, 0), strings.NewReader(text))
		return nil
	}
	word, err := r.target(redirect)
	if err != nil {
		return err
	}
	flags := 0
	switch redirect.Op {
	case syntax.WordHdoc:
		setIn(s, max(fd, 0), strings.NewReader(word+"\n"))
		return nil
	case syntax.DplIn, syntax.DplOut:
		return r.duplicate(redirect.Op, fd, word, s)
	case syntax.RdrIn:
		flags = vfs.Read
	case syntax.RdrInOut:
		flags = vfs.Read | vfs.Write | vfs.Create
	case syntax.RdrOut, syntax.RdrClob, syntax.RdrAll:
		flags = vfs.Write | vfs.Create | vfs.Truncate
	case syntax.AppOut, syntax.AppAll:
		flags = vfs.Write | vfs.Create | vfs.Append
	}
	if r.state.options["noclobber"] && redirect.Op == syntax.RdrOut {
		if info, err := r.view().Stat(vfs.Clean(r.state.cwd, word)); err == nil && info.IsFile() {
			return r.cannot(word, true, syscall.EEXIST)
		}
	}
	file, err := r.open(word, flags, *s)
	if err != nil {
		return r.cannot(word, flags&vfs.Create != 0, err)
	}
	if flags&vfs.Write == 0 || redirect.Op == syntax.RdrInOut {
		setIn(s, max(fd, 0), file)
		return nil
	}
	out := Stream{Writer: &program.CountedWriter{Budget: &kernel{r}, To: file}}
	if w, ok := file.(Stream); ok {
		out = w
	}
	if redirect.Op == syntax.RdrAll || redirect.Op == syntax.AppAll {
		s.Out, s.Err = out, out
		return nil
	}
	if fd < 0 {
		fd = 1
	}
	setOut(s, fd, out)
	return nil
}

// namedDescriptor is {name}>file: the first free number from 10 on, kept in
// the variable, or what the variable holds where it is closed.
func (r *runner) namedDescriptor(redirect *syntax.Redirect, s Streams) int {
	name := strings.Trim(redirect.N.Value, "{}")
	if redirect.Word != nil && redirect.Word.Lit() == "-" {
		text, _ := r.state.get(name)
		if plain, index, ok := strings.Cut(strings.TrimSuffix(name, "]"), "["); ok {
			if v := r.state.vars[plain]; v != nil {
				n, _ := strconv.Atoi(index)
				text = v.list[n]
			}
		}
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
		return 10
	}
	n := 10
	for s.Other[n] != nil {
		n++
	}
	r.assignNamed(name, strconv.Itoa(n))
	return n
}

// pipeFile is a pipe that was opened by its name.
type pipeFile struct{ pipeEnd }

// nowhere takes what is sent to a UDP port and answers nothing.
type nowhere struct{}

// Read implements io.Reader.
func (nowhere) Read([]byte) (int, error) { return 0, io.EOF }

// Write implements io.Writer.
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// cannot is why a file cannot be opened, in the words of the dialect.
func (r *runner) cannot(name string, create bool, err error) error {
	text := vfs.Text(err)
	d := r.state.dialect
	if d.bash() {
		if errors.Is(err, syscall.EEXIST) {
			text = "cannot overwrite existing file"
		}
		return wordsError(name + ": " + text)
	}
	if errors.Is(err, syscall.ENOENT) {
		switch {
		case create:
			text = words{"", "Directory nonexistent", "nonexistent directory"}.in(d)
		default:
			text = words{"", "No such file", "no such file"}.in(d)
		}
	}
	verb := words{"", "cannot open ", "can't open "}.in(d)
	if create {
		verb = words{"", "cannot create ", "can't create "}.in(d)
	}
	return wordsError(verb + name + ": " + text)
}

// target is the one word that a redirection names.
func (r *runner) target(redirect *syntax.Redirect) (string, error) {
	if redirect.Op == syntax.WordHdoc {
		return r.literal(redirect.Word)
	}
	if !r.state.dialect.bash() {
		return r.literal(redirect.Word)
	}
	words, err := r.fields([]*syntax.Word{redirect.Word})
	if err != nil {
		return "", err
	}
	if len(words) != 1 {
		var text strings.Builder
		if err := syntax.NewPrinter().Print(&text, redirect.Word); err != nil {
			return "", wordsError(": ambiguous redirect")
		}
		return "", wordsError(text.String() + ": ambiguous redirect")
	}
	return words[0], nil
}

// open opens a path for a command, the devices of the session included.
func (r *runner) open(path string, flags int, s Streams) (io.ReadWriter, error) {
	if path == "" {
		return nil, syscall.ENOENT
	}
	switch path {
	case "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0":
		return program.ReadOnly{Reader: s.In}, nil
	case "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
		return s.Out, nil
	case "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2":
		return s.Err, nil
	case "/dev/tty", r.session.options.TTY:
		if r.session.options.TTY == "" {
			return nil, syscall.ENXIO
		}
		if flags&vfs.Write != 0 {
			return r.answer.stream(1), nil
		}
		return keyboard{&lineInput{answer: r.answer, from: r.answer.stdin, proc: r.proc}}, nil
	}
	if line := r.session.ends[path]; line != nil {
		return pipeFile{pipeEnd{line, r.proc}}, nil
	}
	if strings.HasPrefix(path, "/dev/tcp/") || strings.HasPrefix(path, "/dev/udp/") {
		if !r.state.dialect.bash() {
			return nil, syscall.ENOENT
		}
		if err := r.dial(path, s); err != nil {
			return nil, err
		}
		return nowhere{}, nil
	}
	return r.view().Open(vfs.Clean(r.state.cwd, path), flags, 0o666&^r.state.umask)
}

func setIn(s *Streams, fd int, from io.Reader) {
	if fd == 0 {
		s.In = from
		return
	}
	put(s, fd, from)
}

func setOut(s *Streams, fd int, to Stream) {
	switch fd {
	case 0:
		s.In = to
	case 1:
		s.Out = to
	case 2:
		s.Err = to
	default:
		put(s, fd, to)
	}
}

func put(s *Streams, fd int, what any) {
	if s.Other == nil {
		s.Other = map[int]any{}
	}
	s.Other[fd] = what
}

// duplicate is n>&m and n<&m; "-" closes.
func (r *runner) duplicate(op syntax.RedirOperator, fd int, word string, s *Streams) error {
	if fd < 0 {
		fd = 0
		if op == syntax.DplOut {
			fd = 1
		}
	}
	if word == "-" {
		switch fd {
		case 0:
			s.In = strings.NewReader("")
		case 1, 2:
			setOut(s, fd, Stream{Writer: closed{}})
		default:
			if out, ok := s.Other[fd].(Stream); ok {
				if end, ok := out.Writer.(pipeEnd); ok {
					end.closeWriter()
				}
			}
			delete(s.Other, fd)
		}
		return nil
	}
	from, err := strconv.Atoi(strings.TrimSuffix(word, "-"))
	if err != nil {
		if op == syntax.DplOut && fd == 1 {
			file, err := r.open(word, vfs.Write|vfs.Create|vfs.Truncate, *s)
			if err != nil {
				return r.cannot(word, true, err)
			}
			out := Stream{Writer: &program.CountedWriter{Budget: &kernel{r}, To: file}}
			s.Out, s.Err = out, out
			return nil
		}
		return wordsError(word + ": ambiguous redirect")
	}
	switch from {
	case 0:
		setIn(s, fd, s.In)
	case 1:
		setOut(s, fd, s.Out)
	case 2:
		setOut(s, fd, s.Err)
	default:
		switch what := s.Other[from].(type) {
		case Stream:
			setOut(s, fd, what)
		case io.Reader:
			setIn(s, fd, what)
		default:
			return wordsError(strconv.Itoa(from) + ": Bad file descriptor")
		}
	}
	return nil
}

// closed is a descriptor that was closed.
type closed struct{}

// Write implements io.Writer.
func (closed) Write([]byte) (int, error) { return 0, syscall.EBADF }

// heredoc is the text of << with its expansions.
func (r *runner) heredoc(redirect *syntax.Redirect) (string, error) {
	if redirect.Hdoc == nil {
		return "", nil
	}
	end := int(redirect.Hdoc.End().Offset())
	quoted := redirect.Word.Lit() == "" || strings.Contains(redirect.Word.Lit(), `\`)
	if quoted && len(redirect.Hdoc.Parts) > 0 {
		var raw strings.Builder
		if err := syntax.NewPrinter().Print(&raw, redirect.Hdoc); err == nil {
			redirect = &syntax.Redirect{Op: redirect.Op, Word: redirect.Word, Hdoc: &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: raw.String()}}}}
		}
	}
	var b strings.Builder
	for _, part := range redirect.Hdoc.Parts {
		if lit, ok := part.(*syntax.Lit); ok {
			text := lit.Value
			if !quoted {
				text = hereEscapes(text)
			}
			b.WriteString(text)
			continue
		}
		text, err := r.literal(&syntax.Word{Parts: []syntax.WordPart{&syntax.DblQuoted{Parts: []syntax.WordPart{part}}}})
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	text := b.String()
	if r.openEnd > 0 && end >= r.openEnd {
		text = strings.TrimSuffix(text, "\n")
	}
	if redirect.Op == syntax.DashHdoc {
		lines := strings.SplitAfter(text, "\n")
		for i := range lines {
			lines[i] = strings.TrimLeft(lines[i], "\t")
		}
		text = strings.Join(lines, "")
	}
	return text, nil
}

func hereEscapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("$`\\\n", s[i+1]) >= 0 {
			i++
			if s[i] != '\n' {
				b.WriteByte(s[i])
			}
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
