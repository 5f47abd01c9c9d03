package shell

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"mvdan.cc/sh/v3/syntax"
)

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

// substitute is the output of a command substitution without its last line
// breaks.
func (r *runner) substitute(stmts []*syntax.Stmt) (string, error) {
	if len(stmts) == 1 && stmts[0].Cmd == nil && len(stmts[0].Redirs) == 1 && stmts[0].Redirs[0].Op == syntax.RdrIn {
		return r.slurp(stmts[0].Redirs[0])
	}
	p := &program.Pipe{Budget: &kernel{r}}
	io := r.io
	io.Out = Stream{Writer: p}
	before := r.state.status
	if err := r.isolate(func(sub *runner) error { return sub.stmts(stmts, io) }); err != nil {
		return "", err
	}
	r.substituted, r.state.status = r.state.status, before
	text := bytes.ReplaceAll(p.Bytes(), []byte{0}, nil)
	return strings.TrimRight(string(text), "\n"), nil
}

// slurp is $(<file).
func (r *runner) slurp(redirect *syntax.Redirect) (string, error) {
	io, done, err := r.redirect([]*syntax.Redirect{redirect}, r.io)
	defer done()
	if err != nil {
		return "", r.failed(err, r.io)
	}
	data, err := r.readAll(io.In)
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
