package shell

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/grammar"
)

// sprintf is fmt.Sprintf of words that may name fewer arguments than there are.
func sprintf(format string, args ...any) string {
	if n := strings.Count(format, "%s") + strings.Count(format, "%d"); n < len(args) && !strings.Contains(format, "%[") {
		args = args[:n]
	}
	return fmt.Sprintf(format, args...)
}

// Where a script comes from: it is named in the messages of a mistake.
const (
	fromShell = iota // what the shell itself reads
	fromEval
	fromSource
)

// text parses and runs a whole script. A line that does not parse runs up to
// the mistake, as a shell reads one line at a time.
func (r *runner) text(script string, io Streams) {
	if stopped := r.parsed(script, io, fromShell, ""); stopped != nil {
		r.end(stopped, io)
	}
}

// maxNesting bounds what may open something in one script: the parser
// recurses for each.
const maxNesting = 5000

// parsed runs every statement of a script until one stops it; a mistake in it
// is printed.
func (r *runner) parsed(script string, io Streams, from int, file string) (stopped error) {
	if len(script) > r.budget.limits.Line*8 || nesting(script) > maxNesting {
		return errBudget
	}
	outer := r.line
	defer func() { r.line = outer }()
	checked := grammar.Check(script, r.state.dialect.kind)
	good := script
	if checked.Err != nil {
		if checked.Err.Deep {
			return errBudget
		}
		good = script[:min(checked.Err.Start, len(script))]
	}
	before, open := r.text0, r.openEnd
	defer func() { r.text0, r.openEnd = before, open }()
	stmts, ok := r.tree(good, checked)
	if !ok {
		io.Err.Print(r.prefix() + "syntax error\n")
		r.state.status = 2
		return nil
	}
	r.warn(checked, script, io)
	for i := 0; i < len(stmts); {
		// A shell reads a whole line, and the here-documents of all its
		// commands, before it runs the first of them.
		last := stmts[i].End().Line()
		for ; i < len(stmts) && stmts[i].Pos().Line() <= last; i++ {
			last = max(last, stmts[i].End().Line())
			if stopped = r.stmt(stmts[i], io); stopped != nil {
				return stopped
			}
		}
	}
	if checked.Err == nil {
		return nil
	}
	return r.misparsed(*checked.Err, script, io, from, file)
}

// warn says what bash does of a here-document that is not closed.
func (r *runner) warn(checked grammar.Result, script string, io Streams) {
	if !r.state.dialect.bash() {
		return
	}
	for _, u := range checked.Unclosed {
		r.line = uint(1 + strings.Count(strings.TrimSuffix(script, "\n"), "\n"))
		io.Err.Print(r.prefix() + "warning: here-document at line " + strconv.Itoa(u.Line) + " delimited by end-of-file (wanted `" + u.End + "')\n")
	}
}

// tree parses what the grammar accepts. What the parser refuses all the same is
// a mistake in an expansion, which a shell finds when it runs it: its place is
// taken by one that fails in the shell's words.
func (r *runner) tree(script string, checked grammar.Result) ([]*syntax.Stmt, bool) {
	ends, cut := "", false
	if len(checked.Unclosed) > 0 {
		if cut = !strings.HasSuffix(script, "\n"); cut {
			script += "\n"
		}
		for _, u := range checked.Unclosed {
			ends += u.End + "\n"
		}
		script += ends
	}
	original := script
	script = edited(script, checked.Edits)
	file, err := r.parser().Parse(strings.NewReader(script), "")
	for tries := 0; err != nil && tries < 20; tries++ {
		var fixed bool
		if script, fixed = r.repair(script, err); !fixed {
			break
		}
		file, err = r.parser().Parse(strings.NewReader(script), "")
	}
	if err != nil && len(checked.Words) > 0 {
		script = edited(original, mergeEdits(checked.Edits, checked.Words))
		file, err = r.parser().Parse(strings.NewReader(script), "")
	}
	if err != nil {
		return nil, false
	}
	r.text0, r.openEnd = script, 0
	if cut && !r.state.dialect.bash() {
		r.openEnd = len(script) - len(ends)
	}
	return file.Stmts, true
}

// mergeEdits are two lists of edits in one order.
func mergeEdits(a, b []grammar.Edit) []grammar.Edit {
	all := append(slices.Clone(a), b...)
	slices.SortStableFunc(all, func(x, y grammar.Edit) int { return x.At - y.At })
	return all
}

// edited makes a script say to the parser what it says to its shell.
func edited(script string, edits []grammar.Edit) string {
	if len(edits) == 0 {
		return script
	}
	var b strings.Builder
	at := 0
	for _, e := range edits {
		if e.At < at || e.At > len(script) {
			continue
		}
		b.WriteString(script[at:e.At] + e.Insert)
		at = e.At
	}
	b.WriteString(script[at:])
	return b.String()
}

func (r *runner) parser() *syntax.Parser {
	return syntax.NewParser(syntax.Variant(r.state.dialect.parse))
}

// brokenName is the variable that stands for an expansion that cannot be
// parsed; the session remembers the text of each.
const brokenName = "__broken_"

// repair replaces the expansion that err lies in.
func (r *runner) repair(script string, err error) (string, bool) {
	var at int
	var parse syntax.ParseError
	var lang syntax.LangError
	switch {
	case errors.As(err, &parse):
		at = int(parse.Pos.Offset())
	case errors.As(err, &lang):
		at = int(lang.Pos.Offset())
	default:
		return script, false
	}
	checked := grammar.Check(script, r.state.dialect.kind)
	best := grammar.Span{}
	for _, list := range [][]grammar.Span{checked.Expansions, checked.Arithmetic} {
		for _, span := range list {
			if span.From <= at && at <= span.To && span.To <= len(script) && (best.To == 0 || span.To-span.From < best.To-best.From) {
				best = span
			}
		}
	}
	if best.To == 0 || strings.Contains(script[best.From:best.To], brokenName) || len(r.session.broken) > 1000 || best.To-best.From > 4096 {
		return script, false
	}
	text := script[best.From:best.To]
	name := brokenName + strconv.Itoa(len(r.session.broken))
	r.session.broken = append(r.session.broken, text)
	if !strings.HasPrefix(text, "$") { // ((...)) is a command
		return script[:best.From] + "__broken ${" + name + "}" + script[best.To:], true
	}
	return script[:best.From] + "${" + name + "}" + script[best.To:], true
}

// broken is the mistake of an expansion that stands in for one.
func (r *runner) broken(name string) error {
	n, err := strconv.Atoi(strings.TrimPrefix(name, brokenName))
	if err != nil || n >= len(r.session.broken) {
		return nil
	}
	text := r.session.broken[n]
	if strings.HasPrefix(text, "${") {
		return badSubstitution(r.state.dialect, text)
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(text, "$"), "(("), "))")
	said := r.badArithmetic(inner)
	if !strings.HasPrefix(text, "$") {
		return wordsError("((: " + string(said))
	}
	return said
}

func badSubstitution(d *dialect, text string) error {
	if d.bash() {
		return wordsError(text + ": bad substitution")
	}
	return wordsError(words{"", "Bad substitution", "syntax error: bad substitution"}.in(d))
}

// badArithmetic says why an expression cannot be read.
func (r *runner) badArithmetic(text string) wordsError {
	d := r.state.dialect
	text = strings.TrimSpace(text)
	trimmed := strings.TrimRight(text, " \t")
	operand := trimmed == "" || strings.ContainsAny(trimmed[len(trimmed)-1:], "+-*/%<>=&|^?:!~,(")
	switch {
	case d.ash():
		return "arithmetic syntax error"
	case d.dash() && operand:
		return wordsError("arithmetic expression: expecting primary: \"" + text + "\"")
	case d.dash():
		return wordsError("arithmetic expression: expecting EOF: \"" + text + "\"")
	case operand:
		return wordsError(text + ": syntax error: operand expected (error token is \"" + trimmed[strings.LastIndexAny(trimmed, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_)")+1:] + "\")")
	}
	_, rest, _ := strings.Cut(text, " ")
	if rest == "" {
		rest = strings.TrimLeft(text, "0123456789")
	}
	if rest != "" && strings.ContainsAny(rest[:1], ".@#") {
		return wordsError(text + ": syntax error: invalid arithmetic operator (error token is \"" + rest + "\")")
	}
	return wordsError(text + ": syntax error in expression (error token is \"" + rest + "\")")
}

// nesting counts what may open something.
func nesting(script string) int {
	n := 0
	for _, opener := range []string{"(", "{", "`", "if", "while", "until", "for", "case", "do", "time", "coproc"} {
		n += strings.Count(script, opener)
	}
	return n
}

// misparsed prints a mistake in the words of the dialect and returns what it
// does to the script.
func (r *runner) misparsed(e grammar.Error, script string, io Streams, from int, file string) error {
	d := r.state.dialect
	r.state.status = 2
	if d.bash() {
		if e.Array {
			r.state.status = 1
		}
		r.misparsedBash(e, script, io, from, file)
		return nil
	}
	text := plainMistake(e, d)
	r.line = uint(max(e.Last, e.Line))
	if !e.EOF {
		r.line = uint(e.Line)
	}
	head := r.prefix()
	switch {
	case from == fromEval && d.dash():
		head += "eval: "
	case from == fromEval:
		head = r.prefixOf("eval")
	case from == fromSource && d.dash():
		head += file + ": "
	case from == fromSource:
		head = r.state.name + ": " + file + ": line " + strconv.Itoa(int(r.line)) + ": "
	}
	io.Err.Print(head + text + "\n")
	if r.state.interactive {
		return nil
	}
	return exitError(2)
}

// plainMistake is a mistake as dash and ash word it.
func plainMistake(e grammar.Error, d *dialect) string {
	pick := func(dash, ash string) string { return words{"", dash, ash}.in(d) }
	head := pick("Syntax error: ", "syntax error: ")
	switch {
	case e.Text != "" && d.ash():
		return head + strings.ToLower(e.Text[:1]) + e.Text[1:]
	case e.Text != "":
		return head + e.Text
	case e.Open == "`":
		return head + "EOF in backquote substitution"
	case e.Open == "}":
		return head + pick("Missing '}'", "missing '}'")
	case e.Open == "'" || e.Open == `"`:
		return head + pick("Unterminated quoted string", "unterminated quoted string")
	case e.Open != "" && !e.Command:
		return head + pick("Missing '))'", "missing '))'")
	}
	token := `"` + e.Token + `"`
	switch {
	case e.EOF:
		token = "end of file"
	case e.Redirect:
		token = "redirection"
	case e.Word:
		token = "word"
	case e.Token == "newline":
		token = "newline"
	}
	expecting := ""
	if e.Expecting == "word" {
		expecting = " (expecting word)"
	} else if e.Expecting != "" {
		expecting = ` (expecting "` + e.Expecting + `")`
	}
	if d.ash() {
		return head + "unexpected " + token + expecting
	}
	return head + token + " unexpected" + expecting
}

// misparsedBash is a mistake as bash words it.
func (r *runner) misparsedBash(e grammar.Error, script string, io Streams, from int, file string) {
	at := func(line int) string {
		place := "line " + strconv.Itoa(line) + ": "
		switch {
		case from == fromEval && r.state.interactive:
			return r.state.name + ": eval: " + place
		case from == fromEval:
			return r.state.name + ": eval: " + place
		case from == fromSource:
			return file + ": " + place
		case r.state.interactive:
			return r.state.name + ": "
		case r.state.file:
			return r.state.name + ": " + place
		}
		return r.state.name + ": -c: " + place
	}
	lines := strings.Split(script, "\n")
	shown := func(line int) string { return lines[min(max(line-1, 0), len(lines)-1)] }
	switch {
	case e.Open != "":
		line := e.Line
		if e.Command {
			line = e.Last
		}
		io.Err.Print(at(line) + "unexpected EOF while looking for matching `" + e.Open + "'\n")
	case e.Test && e.EOF:
		io.Err.Print(at(1) + "unexpected token `newline', conditional binary operator expected\n")
	case e.EOF:
		io.Err.Print(at(1+strings.Count(strings.TrimSuffix(script, "\n"), "\n")+1) + "syntax error: unexpected end of file\n")
	default:
		io.Err.Print(at(e.Line) + "syntax error near unexpected token `" + e.Token + "'\n" + at(e.Line) + "`" + shown(e.Line) + "'\n")
	}
}
