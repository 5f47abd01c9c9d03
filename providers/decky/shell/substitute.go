package shell

import (
	"bytes"
	"errors"
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
	if r.state.dialect.bash() && len(stmts) == 1 && stmts[0].Cmd == nil && len(stmts[0].Redirs) == 1 && stmts[0].Redirs[0].Op == syntax.RdrIn {
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

// process makes <(...) and >(...) files: ends of pipes, whose other end a
// process of its own holds.
func (e *expander) process(p *syntax.ProcSubst) error {
	r := e.r
	s := r.session
	if r.crowded(r.io) {
		return errExpansion
	}
	number := 63
	if r.state.dialect.ash() {
		number = 64
	}
	path := ""
	for {
		path = "/dev/fd/" + itoa(number)
		if _, taken := s.ends[path]; !taken {
			break
		}
		if number--; r.state.dialect.ash() {
			number += 2
		}
	}
	line, streams := s.newPipe(r.budget), r.io
	s.ends[path] = line
	in := p.Op == syntax.CmdIn
	line.outward = !in
	r.made = append(r.made, path)
	r.spawn(r.ctx, func(sub *runner) error {
		sub.made = nil
		if in {
			streams.Out = Stream{Writer: pipeEnd{line, sub.proc}}
			streams.In = nil
		} else {
			streams.In = pipeEnd{line, sub.proc}
		}
		return sub.stmts(p.Stmts, streams)
	}, func() {
		if in {
			line.closeWriter()
		} else {
			line.closeReader()
		}
	})
	e.now.add(path, true)
	return nil
}

// unmake closes the pipes of a statement's process substitutions.
func (r *runner) unmake(from int) {
	for _, path := range r.made[from:] {
		if line := r.session.ends[path]; line != nil {
			if line.outward {
				line.closeWriter()
			} else {
				line.closeReader()
			}
			delete(r.session.ends, path)
		}
	}
	r.made = r.made[:from]
}
