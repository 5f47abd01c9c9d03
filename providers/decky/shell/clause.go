package shell

import (
	"errors"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
	"mvdan.cc/sh/v3/syntax"
)

// testClause is [[ ... ]].
func (r *runner) testClause(t *syntax.TestClause, io Streams) error {
	c := &call{Call: &program.Call{Process: r.process(), Kernel: &kernel{r}, Ctx: r.ctx, Name: "[[", Streams: io}, r: r}
	ok, err := r.testExpr(c, t.X)
	if err != nil && !errors.Is(err, errTest) {
		return r.expansionFailed(err, io)
	}
	r.state.status = 1
	switch {
	case err != nil:
		r.state.status = 2
	case ok:
		r.state.status = 0
	}
	return nil
}

func (r *runner) testExpr(c *call, x syntax.TestExpr) (bool, error) {
	if err := r.enter(); err != nil {
		return false, err
	}
	defer r.leave()
	switch x := x.(type) {
	case *syntax.Word:
		s, err := r.literal(x)
		return s != "", err
	case *syntax.ParenTest:
		return r.testExpr(c, x.X)
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			ok, err := r.testExpr(c, x.X)
			return !ok, err
		}
		w, ok := x.X.(*syntax.Word)
		if !ok {
			return false, nil
		}
		s, err := r.literal(w)
		if err != nil {
			return false, err
		}
		hit, _ := c.unaryTest(x.Op.String(), s)
		return hit, nil
	case *syntax.BinaryTest:
		return r.binaryTestExpr(c, x)
	}
	return false, nil
}

func (r *runner) binaryTestExpr(c *call, x *syntax.BinaryTest) (bool, error) {
	if x.Op == syntax.AndTest || x.Op == syntax.OrTest {
		ok, err := r.testExpr(c, x.X)
		if err != nil || ok == (x.Op == syntax.OrTest) {
			return ok, err
		}
		return r.testExpr(c, x.Y)
	}
	left, ok1 := x.X.(*syntax.Word)
	right, ok2 := x.Y.(*syntax.Word)
	if !ok1 || !ok2 {
		return false, nil
	}
	a, err := r.literal(left)
	if err != nil {
		return false, err
	}
	switch x.Op {
	case syntax.TsMatch, syntax.TsMatchShort, syntax.TsNoMatch:
		p, err := r.pattern(right)
		return pattern.Match(p, a) == (x.Op != syntax.TsNoMatch), err
	case syntax.TsReMatch:
		return r.regexTest(a, right)
	}
	b, err := r.literal(right)
	if err != nil {
		return false, err
	}
	switch x.Op {
	case syntax.TsEql, syntax.TsNeq, syntax.TsLss, syntax.TsLeq, syntax.TsGtr, syntax.TsGeq:
		n, err := r.number(a)
		if err != nil {
			return false, err
		}
		m, err := r.number(b)
		return compareNumbers(x.Op.String(), n, m), err
	}
	hit, _ := c.binaryTest(a, x.Op.String(), b)
	return hit, nil
}

// errTest is a [[ ]] that cannot be evaluated: its status is 2.
var errTest = errors.New("wrong expression")

// regexTest is =~ and sets BASH_REMATCH; what was quoted stands for itself.
func (r *runner) regexTest(a string, right *syntax.Word) (bool, error) {
	f, err := r.joined(right)
	if err != nil {
		return false, err
	}
	var b strings.Builder
	for i, c := range f.text {
		if f.quoted[i] && strings.IndexByte(`.[]*^$\+?{}|()`, c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	re, err := regex.New(b.String(), regex.Options{Dialect: regex.Extended, Close: true, Fold: r.state.shopt["nocasematch"]})
	if err != nil {
		return false, errTest
	}
	found := re.FindStringSubmatch(a)
	list := map[int]string{}
	for i, s := range found {
		list[i] = s
	}
	r.state.vars["BASH_REMATCH"] = &variable{list: list}
	return found != nil, nil
}
