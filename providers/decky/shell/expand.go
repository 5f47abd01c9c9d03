package shell

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// field is a word under construction: its bytes, and which of them were
// quoted and so neither split nor matched as a pattern.
type field struct {
	text   []byte
	quoted []bool
	exists bool // even if empty: "" is a word, an empty $x is none
}

func (f *field) add(s string, quoted bool) {
	f.text = append(f.text, s...)
	for range len(s) {
		f.quoted = append(f.quoted, quoted)
	}
	if quoted || s != "" {
		f.exists = true
	}
}

// pattern is the field with its quoted bytes escaped.
func (f *field) pattern() string {
	var b strings.Builder
	for i, c := range f.text {
		if f.quoted[i] && strings.IndexByte(`*?[]\-!^`, c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// expander collects the fields of one word.
type expander struct {
	r      *runner
	done   []field
	now    field
	single bool // no splitting: assignments, redirections, case
}

func (e *expander) next() {
	e.done = append(e.done, e.now)
	e.now = field{}
}

// unquoted adds the result of an expansion, split at IFS.
func (e *expander) unquoted(s string) {
	if e.single {
		e.now.add(s, false)
		return
	}
	ifs, ok := e.r.state.get("IFS")
	if !ok {
		ifs = " \t\n"
	}
	for i := 0; i < len(s); {
		c := s[i]
		if strings.IndexByte(ifs, c) < 0 {
			e.now.add(s[i:i+1], false)
			i++
			continue
		}
		hard := false
		for i < len(s) && strings.IndexByte(ifs, s[i]) >= 0 {
			if strings.IndexByte(" \t\n", s[i]) < 0 {
				if hard {
					break
				}
				hard = true
			}
			i++
		}
		if e.now.exists || hard {
			e.now.exists = true
			e.next()
		}
	}
}

// words expands with fields and pathnames.
func (r *runner) fields(words []*syntax.Word) ([]string, error) {
	var out []string
	for _, w := range words {
		for _, w := range braces(w) {
			list, err := r.oneWord(w)
			if err != nil {
				return nil, err
			}
			if out = append(out, list...); len(out) > maxArray {
				return nil, errBudget
			}
		}
	}
	return out, nil
}

func (r *runner) oneWord(w *syntax.Word) ([]string, error) {
	e := &expander{r: r}
	if err := e.parts(w.Parts, false, true); err != nil {
		return nil, err
	}
	if e.now.exists {
		e.next()
	}
	var out []string
	for _, f := range e.done {
		text := string(f.text)
		if p := f.pattern(); !r.state.options["noglob"] && hasMeta(p) {
			if list := r.glob(p); len(list) > 0 {
				out = append(out, list...)
				continue
			}
		}
		out = append(out, text)
	}
	return out, nil
}

// literal expands without splitting and without pathnames.
func (r *runner) literal(w *syntax.Word) (string, error) {
	f, err := r.joined(w)
	return string(f.text), err
}

// pattern is literal with what was quoted escaped.
func (r *runner) pattern(w *syntax.Word) (string, error) {
	f, err := r.joined(w)
	return f.pattern(), err
}

func (r *runner) joined(w *syntax.Word) (field, error) {
	if w == nil {
		return field{}, nil
	}
	e := &expander{r: r, single: true}
	err := e.parts(w.Parts, false, true)
	for len(e.done) > 0 {
		f := e.done[0]
		f.add(" ", false)
		f.text, f.quoted = append(f.text, e.now.text...), append(f.quoted, e.now.quoted...)
		e.now, e.done = f, e.done[1:]
	}
	return e.now, err
}

func (e *expander) parts(parts []syntax.WordPart, quoted, start bool) error {
	for i, part := range parts {
		if err := e.part(part, quoted, start && i == 0, len(parts) == 1); err != nil {
			return err
		}
	}
	return nil
}

func (e *expander) part(part syntax.WordPart, quoted, start, alone bool) error {
	switch p := part.(type) {
	case *syntax.Lit:
		e.lit(p.Value, quoted, start, alone)
	case *syntax.SglQuoted:
		text := p.Value
		if p.Dollar {
			text = ansiQuoted(text)
		}
		e.now.add(text, true)
		e.now.exists = true
	case *syntax.DblQuoted:
		if !onlyAt(p.Parts) {
			e.now.exists = true
		}
		return e.parts(p.Parts, true, false)
	case *syntax.ParamExp:
		return e.param(p, quoted)
	case *syntax.CmdSubst:
		out, err := e.r.substitute(p.Stmts)
		if err != nil {
			return err
		}
		e.value(out, quoted)
	case *syntax.ArithmExp:
		n, err := e.r.arithm(p.X)
		if err != nil {
			return inExpression(p.X, err)
		}
		e.value(strconv.FormatInt(n, 10), quoted)
	case *syntax.ProcSubst:
		return e.process(p)
	case *syntax.ExtGlob:
		e.now.add(p.Op.String()+p.Pattern.Value+")", true)
	case *syntax.BraceExp:
		e.now.add("{", false)
	}
	return nil
}

// inExpression puts the expression in front of a message about it.
func inExpression(x syntax.ArithmExpr, err error) error {
	var said wordsError
	if !errors.As(err, &said) || !strings.HasPrefix(string(said), "division") && !strings.HasPrefix(string(said), "exponent") && !strings.HasPrefix(string(said), "attempted") {
		return err
	}
	var b strings.Builder
	if x == nil || syntax.NewPrinter(syntax.Minify(true)).Print(&b, &syntax.ArithmExp{X: x}) != nil {
		return err
	}
	text := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(b.String(), "\\\n"), "$(("), "))")
	return wordsError(strings.TrimPrefix(text, "\\\n") + ": " + string(said))
}

// onlyAt tells "$@": the one quoted word that may be none.
func onlyAt(parts []syntax.WordPart) bool {
	if len(parts) != 1 {
		return false
	}
	p, ok := parts[0].(*syntax.ParamExp)
	if !ok || p.Length || p.Param == nil {
		return false
	}
	if p.Param.Value == "@" {
		return true
	}
	return isAll(p.Index) == "@"
}

func (e *expander) value(s string, quoted bool) {
	if quoted {
		e.now.add(s, true)
	} else {
		e.unquoted(s)
	}
}

// lit adds literal text: escapes removed, ~ expanded.
func (e *expander) lit(s string, quoted, start, alone bool) {
	if !quoted && start && strings.HasPrefix(s, "~") {
		name, rest, slash := strings.Cut(s[1:], "/")
		if slash || alone {
			if home, ok := e.r.home(name); ok {
				e.now.add(home, true)
				s = ""
				if slash {
					s = "/" + rest
				}
			}
		}
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			e.now.add(s[i:i+1], quoted)
			continue
		}
		if i+1 == len(s) {
			e.now.add(`\`, true)
			break
		}
		i++
		switch {
		case s[i] == '\n':
		case quoted && strings.IndexByte("$`\"\\", s[i]) < 0:
			e.now.add(s[i-1:i+1], true)
		default:
			e.now.add(s[i:i+1], true)
		}
	}
}

func (r *runner) home(name string) (string, bool) {
	switch name {
	case "":
		home, ok := r.state.get("HOME")
		if !ok {
			home = r.asUser.home
		}
		return home, true
	case "+":
		return r.state.cwd, true
	case "-":
		return r.state.get("OLDPWD")
	}
	for _, a := range r.session.machine.accounts() {
		if a.name == name {
			return a.home, true
		}
	}
	return "", false
}

// ansiQuoted is the text of $'...'.
func ansiQuoted(s string) string {
	out, _ := escapes(s, true)
	return out
}

// substitute is the output of a command substitution without its last line
// breaks.
func (r *runner) substitute(stmts []*syntax.Stmt) (string, error) {
	if len(stmts) == 1 && stmts[0].Cmd == nil && len(stmts[0].Redirs) == 1 && stmts[0].Redirs[0].Op == syntax.RdrIn {
		return r.slurp(stmts[0].Redirs[0])
	}
	p := &pipe{limit: r.budget.limits.Pipe, budget: r.budget}
	io := r.io
	io.out = sink{Writer: p}
	before := r.state.status
	if err := r.isolate(func(sub *runner) error { return sub.stmts(stmts, io) }); err != nil {
		return "", err
	}
	r.substituted, r.state.status = r.state.status, before
	text := bytes.ReplaceAll(p.buffer.Bytes(), []byte{0}, nil)
	return strings.TrimRight(string(text), "\n"), nil
}

// slurp is $(<file).
func (r *runner) slurp(redirect *syntax.Redirect) (string, error) {
	io, done, err := r.redirect([]*syntax.Redirect{redirect}, r.io)
	defer done()
	if err != nil {
		return "", r.failed(err, r.io)
	}
	data, err := r.readAll(io.in)
	return strings.TrimRight(string(data), "\n"), err
}

// process makes <(...) a file with the output in it; what is written to
// >(...) is lost.
func (e *expander) process(p *syntax.ProcSubst) error {
	path := fmt.Sprintf("/dev/fd/%d", 63-len(e.done)%8)
	if p.Op == syntax.CmdIn {
		text, err := e.r.substitute(p.Stmts)
		if err != nil {
			return err
		}
		if text != "" {
			text += "\n"
		}
		name := fmt.Sprintf("/tmp/sh-thd.%d", e.r.session.rand.Uint32())
		if err := e.r.view().WriteFile(name, []byte(text), 0o600); err == nil {
			path = name
		}
	}
	e.now.add(path, true)
	return nil
}

// braces expands {a,b} and {1..3} into words.
func braces(w *syntax.Word) []*syntax.Word {
	syntax.SplitBraces(w)
	out := []*syntax.Word{{}}
	for _, part := range w.Parts {
		b, ok := part.(*syntax.BraceExp)
		if !ok {
			for _, o := range out {
				o.Parts = append(o.Parts, part)
			}
			continue
		}
		var options []*syntax.Word
		if b.Sequence {
			options = sequence(b)
		} else {
			for _, elem := range b.Elems {
				options = append(options, braces(elem)...)
			}
		}
		if len(out)*len(options) > maxArray {
			return out
		}
		var grown []*syntax.Word
		for _, o := range out {
			for _, option := range options {
				parts := append(append([]syntax.WordPart{}, o.Parts...), option.Parts...)
				grown = append(grown, &syntax.Word{Parts: parts})
			}
		}
		out = grown
	}
	return out
}

// sequence is {x..y[..step]}.
func sequence(b *syntax.BraceExp) []*syntax.Word {
	word := func(s string) *syntax.Word { return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: s}}} }
	first, last := b.Elems[0].Lit(), b.Elems[1].Lit()
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	letters := false
	if err1 != nil || err2 != nil {
		if len(first) != 1 || len(last) != 1 {
			return []*syntax.Word{word("{" + first + ".." + last + "}")}
		}
		from, to, letters = int(first[0]), int(last[0]), true
	}
	step := 1
	if len(b.Elems) > 2 {
		if n, err := strconv.Atoi(b.Elems[2].Lit()); err == nil && n != 0 {
			step = max(n, -n)
		}
	}
	width := 0
	for _, s := range []string{first, last} {
		if !letters && len(strings.TrimPrefix(s, "-")) > 1 && strings.HasPrefix(strings.TrimPrefix(s, "-"), "0") {
			width = max(width, len(first), len(last))
		}
	}
	if from > to {
		step = -step
	}
	var out []*syntax.Word
	for i := from; (step > 0 && i <= to || step < 0 && i >= to) && len(out) < maxArray; i += step {
		if letters {
			out = append(out, word(string(rune(i))))
		} else {
			out = append(out, word(fmt.Sprintf("%0*d", width, i)))
		}
	}
	return out
}
