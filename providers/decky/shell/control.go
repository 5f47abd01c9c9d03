package shell

import (
	"errors"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"mvdan.cc/sh/v3/syntax"
)

func (r *runner) ifClause(c *syntax.IfClause, io Streams) error {
	for ; c != nil; c = c.Else {
		if len(c.Cond) == 0 {
			return r.stmts(c.Then, io)
		}
		if err := r.condition(c.Cond, io); err != nil {
			return err
		}
		if r.state.status == 0 {
			return r.stmts(c.Then, io)
		}
	}
	r.state.status = 0
	return nil
}

func (r *runner) condition(list []*syntax.Stmt, io Streams) error {
	r.quiet++
	defer func() { r.quiet-- }()
	return r.stmts(list, io)
}

// loop runs one pass of a loop's body; done tells that the loop ends.
func (r *runner) loop(body []*syntax.Stmt, io Streams) (done bool, err error) {
	if err := r.step(); err != nil {
		return true, err
	}
	r.loops++
	err = r.stmts(body, io)
	r.loops--
	var out breakError
	var next nextError
	switch {
	case errors.As(err, &out):
		if out > 1 && r.loops > 0 {
			return true, out - 1
		}
		return true, nil
	case errors.As(err, &next):
		if next > 1 && r.loops > 0 {
			return true, next - 1
		}
		return false, nil
	}
	return err != nil, err
}

func (r *runner) while(c *syntax.WhileClause, io Streams) error {
	status := 0
	for {
		if err := r.step(); err != nil {
			return err
		}
		if err := r.condition(c.Cond, io); err != nil {
			return err
		}
		if (r.state.status == 0) == c.Until {
			r.state.status = status
			return nil
		}
		done, err := r.loop(c.Do, io)
		status = r.state.status
		if done {
			return err
		}
	}
}

func (r *runner) forClause(c *syntax.ForClause, io Streams) error {
	switch l := c.Loop.(type) {
	case *syntax.WordIter:
		items := r.state.params
		if l.InPos.IsValid() {
			var err error
			if items, err = r.fields(l.Items); err != nil {
				return r.failed(err, io)
			}
		}
		if !syntax.ValidName(l.Name.Value) {
			return r.failed(wordsError("`"+l.Name.Value+"': not a valid identifier"), io)
		}
		if c.Select {
			return r.selectClause(l.Name.Value, items, c.Do, io)
		}
		r.state.status = 0
		for _, item := range items {
			if r.state.options["xtrace"] && r.state.dialect.bash() {
				shown := make([]string, len(items))
				for i, word := range items {
					shown[i] = r.traced(word)
				}
				r.traceLine("for "+l.Name.Value+" in "+strings.Join(shown, " "), io)
			}
			r.state.set(l.Name.Value, item)
			if done, err := r.loop(c.Do, io); done {
				return err
			}
		}
		return nil
	case *syntax.CStyleLoop:
		return r.countLoop(l, c.Do, io)
	}
	return nil
}

func (r *runner) countLoop(l *syntax.CStyleLoop, body []*syntax.Stmt, io Streams) error {
	number := func(x syntax.ArithmExpr) (int64, error) {
		if x == nil {
			return 1, nil
		}
		return r.arithm(x)
	}
	if _, err := number(l.Init); err != nil {
		return r.failed(err, io)
	}
	for {
		n, err := number(l.Cond)
		if err != nil {
			return r.failed(err, io)
		}
		if n == 0 {
			return nil
		}
		if done, err := r.loop(body, io); done {
			return err
		}
		if _, err := number(l.Post); err != nil {
			return r.failed(err, io)
		}
	}
}

func (r *runner) caseClause(c *syntax.CaseClause, io Streams) error {
	subject, err := r.literal(c.Word)
	if err != nil {
		return r.failed(err, io)
	}
	r.state.status = 0
	through := false
	for _, item := range c.Items {
		hit := through
		for _, p := range item.Patterns {
			if hit {
				break
			}
			glob, err := r.pattern(p)
			if err != nil {
				return r.failed(err, io)
			}
			hit = pattern.Match(glob, subject)
		}
		if !hit {
			continue
		}
		if err := r.stmts(item.Stmts, io); err != nil {
			return err
		}
		switch item.Op {
		case syntax.Fallthrough:
			through = true
		case syntax.Resume:
			through = false
		default:
			return nil
		}
	}
	return nil
}

func (r *runner) arithmStatus(x syntax.ArithmExpr, io Streams) error {
	n, err := r.arithm(x)
	if err != nil {
		return r.failed(err, io)
	}
	r.state.status = 1
	if n != 0 {
		r.state.status = 0
	}
	return nil
}
