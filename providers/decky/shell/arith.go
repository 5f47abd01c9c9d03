package shell

import (
	"errors"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/word"
	"mvdan.cc/sh/v3/syntax"
)

// errExpansion ends the command whose words could not be expanded; its message
// is out already.
var errExpansion = errors.New("expansion failed")

// arithm evaluates an arithmetic expression in 64 bits.
func (r *runner) arithm(x syntax.ArithmExpr) (int64, error) {
	if err := r.step(); err != nil {
		return 0, err
	}
	if err := r.enter(); err != nil {
		return 0, err
	}
	defer r.leave()
	switch x := x.(type) {
	case nil:
		return 0, nil
	case *syntax.Word:
		return r.arithmWord(x)
	case *syntax.ParenArithm:
		return r.arithm(x.X)
	case *syntax.UnaryArithm:
		return r.unary(x)
	case *syntax.BinaryArithm:
		return r.binaryArithm(x)
	}
	return 0, nil
}

// arithmWord is a number, or a name whose value is an expression in turn.
func (r *runner) arithmWord(w *syntax.Word) (int64, error) {
	if len(w.Parts) == 1 {
		if p, ok := w.Parts[0].(*syntax.ParamExp); ok && p.Short && p.Index != nil && !p.Dollar.IsValid() {
			value, _, err := r.lookup(p.Param.Value, p.Index)
			if err != nil {
				return 0, err
			}
			return r.number(value)
		}
	}
	text, err := r.literal(w)
	if err != nil {
		return 0, err
	}
	return r.number(text)
}

// number reads what stands for a number: digits in a base, or a variable.
func (r *runner) number(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	if n, ok := word.Number(text); ok {
		return n, nil
	}
	if c := text[0]; c >= '0' && c <= '9' && !strings.ContainsAny(text, "+-*/%<>=&|^?() ") {
		return 0, badNumber(text)
	}
	if syntax.ValidName(text) {
		value, set := r.variable(text)
		if !set && r.state.options["nounset"] {
			return 0, r.unset(text + words{": unbound variable", ": parameter not set", ": parameter not set"}.in(r.state.dialect))
		}
		if value == "" {
			return 0, nil
		}
		if _, ok := word.Number(strings.TrimSpace(value)); !ok && r.state.dialect.dash() {
			return 0, wordsError("Illegal number: " + value)
		}
		if n, ok := word.Number(strings.TrimSpace(value)); ok {
			return n, nil
		}
		text = value
		if c := strings.TrimSpace(text); c[0] >= '0' && c[0] <= '9' && strings.Trim(c, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_@#") == "" {
			return 0, badNumber(c)
		}
	}
	if err := r.enter(); err != nil {
		return 0, err
	}
	defer r.leave()
	x, err := syntax.NewParser().Arithmetic(strings.NewReader(text))
	if err != nil {
		return 0, wordsError(text + ": syntax error: operand expected (error token is \"" + text + "\")")
	}
	if w, ok := x.(*syntax.Word); ok && w.Lit() == text && !syntax.ValidName(text) {
		return 0, wordsError(text + ": syntax error: operand expected (error token is \"" + text + "\")")
	}
	return r.arithm(x)
}

func badNumber(text string) error {
	if strings.Trim(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_@#") == "" {
		return wordsError(text + ": value too great for base (error token is \"" + text + "\")")
	}
	return wordsError(text + ": syntax error: invalid arithmetic operator (error token is \"" + strings.TrimLeft(text, "0123456789") + "\")")
}

// target is what an assignment in an expression changes.
func (r *runner) assignTo(x syntax.ArithmExpr, value int64) error {
	text := strconv.FormatInt(value, 10)
	w, ok := x.(*syntax.Word)
	if !ok || len(w.Parts) != 1 {
		return wordsError("attempted assignment to non-variable")
	}
	switch p := w.Parts[0].(type) {
	case *syntax.Lit:
		if !syntax.ValidName(p.Value) {
			return wordsError("attempted assignment to non-variable")
		}
		if !r.state.set(p.Value, text) {
			return r.readonly(p.Value)
		}
		return nil
	case *syntax.ParamExp:
		return r.assignElement(p.Param.Value, p.Index, text, false)
	}
	return wordsError("attempted assignment to non-variable")
}

func (r *runner) unary(x *syntax.UnaryArithm) (int64, error) {
	n, err := r.arithm(x.X)
	if err != nil {
		return 0, err
	}
	switch x.Op {
	case syntax.Not:
		return truth(n == 0), nil
	case syntax.BitNegation:
		return ^n, nil
	case syntax.Minus:
		return -n, nil
	case syntax.Inc, syntax.Dec:
		next := n + 1
		if x.Op == syntax.Dec {
			next = n - 1
		}
		if err := r.assignTo(x.X, next); err != nil {
			return 0, err
		}
		if x.Post {
			return n, nil
		}
		return next, nil
	}
	return n, nil
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

var assignments = map[syntax.BinAritOperator]syntax.BinAritOperator{
	syntax.AddAssgn: syntax.Add, syntax.SubAssgn: syntax.Sub, syntax.MulAssgn: syntax.Mul, syntax.QuoAssgn: syntax.Quo, syntax.RemAssgn: syntax.Rem,
	syntax.AndAssgn: syntax.And, syntax.OrAssgn: syntax.Or, syntax.XorAssgn: syntax.Xor, syntax.ShlAssgn: syntax.Shl, syntax.ShrAssgn: syntax.Shr,
}

func (r *runner) binaryArithm(x *syntax.BinaryArithm) (int64, error) {
	switch x.Op {
	case syntax.Assgn:
		n, err := r.arithm(x.Y)
		if err != nil {
			return 0, err
		}
		return n, r.assignTo(x.X, n)
	case syntax.AndArit, syntax.OrArit:
		a, err := r.arithm(x.X)
		if err != nil || (a != 0) == (x.Op == syntax.OrArit) && !r.state.dialect.ash() {
			return truth(a != 0), err
		}
		b, err := r.arithm(x.Y)
		if x.Op == syntax.OrArit { // ash looks at both sides in any case
			return truth(a != 0 || b != 0), err
		}
		return truth(a != 0 && b != 0), err
	case syntax.TernQuest:
		a, err := r.arithm(x.X)
		if err != nil {
			return 0, err
		}
		arms, ok := x.Y.(*syntax.BinaryArithm)
		if !ok {
			return 0, nil
		}
		if a != 0 {
			return r.arithm(arms.X)
		}
		return r.arithm(arms.Y)
	}
	a, err := r.arithm(x.X)
	if err != nil {
		return 0, err
	}
	b, err := r.arithm(x.Y)
	if err != nil {
		return 0, err
	}
	if op, ok := assignments[x.Op]; ok {
		n, err := calculate(op, a, b)
		if err != nil {
			return 0, err
		}
		return n, r.assignTo(x.X, n)
	}
	return calculate(x.Op, a, b)
}

func calculate(op syntax.BinAritOperator, a, b int64) (int64, error) {
	switch op {
	case syntax.Add:
		return a + b, nil
	case syntax.Sub:
		return a - b, nil
	case syntax.Mul:
		return a * b, nil
	case syntax.Quo, syntax.Rem:
		if b == 0 {
			return 0, wordsError("division by 0 (error token is \"" + strconv.FormatInt(b, 10) + "\")")
		}
		if b == -1 {
			if op == syntax.Rem {
				return 0, nil
			}
			return -a, nil
		}
		if op == syntax.Rem {
			return a % b, nil
		}
		return a / b, nil
	case syntax.Pow:
		return power(a, b)
	case syntax.And:
		return a & b, nil
	case syntax.Or:
		return a | b, nil
	case syntax.Xor:
		return a ^ b, nil
	case syntax.Shl:
		return a << uint(b&63), nil
	case syntax.Shr:
		return a >> uint(b&63), nil
	case syntax.Comma:
		return b, nil
	}
	return compare(op, a, b), nil
}

func compare(op syntax.BinAritOperator, a, b int64) int64 {
	switch op {
	case syntax.Eql:
		return truth(a == b)
	case syntax.Neq:
		return truth(a != b)
	case syntax.Lss:
		return truth(a < b)
	case syntax.Gtr:
		return truth(a > b)
	case syntax.Leq:
		return truth(a <= b)
	case syntax.Geq:
		return truth(a >= b)
	}
	return 0
}

func power(a, b int64) (int64, error) {
	if b < 0 {
		return 0, wordsError("exponent less than 0 (error token is \"" + strconv.FormatInt(-b, 10) + "\")")
	}
	n := int64(1)
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			n *= a
		}
		a *= a
	}
	return n, nil
}
