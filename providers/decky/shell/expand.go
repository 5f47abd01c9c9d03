package shell

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/word"
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
		if f.quoted[i] && strings.IndexByte(`*?[]\-!^()|@+`, c) >= 0 {
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
	value1 bool // of an assignment: ~ also after a colon
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
		list := []*syntax.Word{w}
		if r.state.dialect.bash() {
			list = braces(w)
		}
		for _, w := range list {
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
		if p := r.plainPattern(f.pattern()); !r.state.options["noglob"] && pattern.HasMeta(p) {
			if list := r.glob(p); len(list) > 0 {
				out = append(out, list...)
				continue
			}
			if r.state.shopt["failglob"] {
				io := r.io
				io.Err.Print(r.prefix() + "no match: " + text + "\n")
				if r.state.status = 1; !r.state.interactive {
					return nil, exitError(1)
				}
				return nil, errExpansion
			}
			if r.state.shopt["nullglob"] {
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
	return r.plainPattern(f.pattern()), err
}

// plainPattern is a pattern in which dash's ^ stands for itself, and so does
// what follows +( where there is no extglob.
func (r *runner) plainPattern(p string) string {
	if r.state.dialect.bash() {
		return p
	}
	if r.state.dialect.dash() {
		p = strings.ReplaceAll(p, "[^", `[\^`)
	}
	for _, open := range []string{"?(", "*(", "+(", "@(", "!("} {
		p = strings.ReplaceAll(p, open, open[:1]+`\(`)
	}
	return p
}

func (r *runner) joined(w *syntax.Word) (field, error) { return r.joinedAs(w, false) }

func (r *runner) joinedAs(w *syntax.Word, value bool) (field, error) {
	if w == nil {
		return field{}, nil
	}
	e := &expander{r: r, single: true, value1: value}
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
		if quoted && !p.Dollar {
			text = "'" + text + "'"
		}
		if p.Dollar {
			if e.r.state.dialect.ash() {
				text = ashQuoted(text)
			}
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
		n, err := e.r.arithmetic(p)
		if err != nil {
			return err
		}
		e.value(strconv.FormatInt(n, 10), quoted)
	case *syntax.ProcSubst:
		return e.process(p)
	case *syntax.ExtGlob:
		e.now.add(p.Op.String()+p.Pattern.Value+")", false)
	case *syntax.BraceExp:
		e.now.add("{", false)
	}
	return nil
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
	if at := strings.Index(s, "=~"); !quoted && start && at > 0 && !e.single && e.r.state.dialect.bash() && syntax.ValidName(s[:at]) {
		e.now.add(s[:at+1], false)
		s = s[at+1:]
	}
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
			if rest := s[i+1:]; s[i] == ':' && e.value1 && !quoted && strings.HasPrefix(rest, "~") {
				end := strings.IndexAny(rest, ":/")
				if end < 0 {
					end = len(rest)
				}
				if home, ok := e.r.home(rest[1:end]); ok {
					e.now.add(home, true)
					i += end
				}
			}
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
			home = r.asUser.Home
		}
		return home, true
	case "+", "-":
		if !r.state.dialect.bash() {
			return "", false
		}
		if name == "+" {
			return r.state.cwd, true
		}
		return r.state.get("OLDPWD")
	}
	for _, a := range r.session.machine.Accounts() {
		if a.Name == name {
			return a.Home, true
		}
	}
	return "", false
}

// ashQuoted keeps ansiQuoted from what ash does not know: \e, \u and \U.
func ashQuoted(s string) string {
	return strings.NewReplacer(`\\`, `\\`, `\e`, `\\e`, `\E`, `\\E`, `\u`, `\\u`, `\U`, `\\U`).Replace(s)
}

// ansiQuoted is the text of $'...'.
func ansiQuoted(s string) string {
	out, _ := word.Escapes(s, true)
	return out
}
