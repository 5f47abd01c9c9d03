package shell

import (
	"errors"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/word"
)

// arithmetic evaluates $((...)) in the words of the dialect.
func (r *runner) arithmetic(p *syntax.ArithmExp) (int64, error) {
	d := r.state.dialect
	if d.bash() {
		n, err := r.arithm(p.X)
		if err != nil {
			return 0, inExpression(p.X, err)
		}
		return n, nil
	}
	text := r.sourceOf(p)
	if d.dash() {
		if said := dashArithmetic(text); said != "" {
			return 0, wordsError("arithmetic expression: " + said + ": \"" + text + "\"")
		}
	}
	n, err := r.arithm(p.X)
	var said wordsError
	if err == nil || !errors.As(err, &said) {
		return n, err
	}
	division := strings.Contains(string(said), "division by 0")
	switch {
	case strings.HasPrefix(string(said), "Illegal number"):
		return 0, said
	case d.dash() && division:
		return 0, wordsError("arithmetic expression: division by zero: \"" + text + "\"")
	case d.dash():
		return 0, r.badArithmetic(text)
	case division:
		return 0, wordsError("divide by zero")
	case strings.Contains(string(said), "exponent"):
		return 0, wordsError("exponent less than 0")
	}
	return 0, wordsError("arithmetic syntax error")
}

// sourceOf is an expression as it was typed.
func (r *runner) sourceOf(p *syntax.ArithmExp) string {
	from, to := int(p.Pos().Offset()), int(p.End().Offset())
	if from >= 0 && to <= len(r.text0) && from+5 <= to && strings.HasPrefix(r.text0[from:], "$((") && r.text0[to-2:to] == "))" {
		return r.text0[from+3 : to-2]
	}
	var b strings.Builder
	if p.X == nil || syntax.NewPrinter(syntax.Minify(true)).Print(&b, p) != nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), "$(("), "))")
}

// dashArithmetic tells what dash does not know of an expression: no **, no ++
// behind a name, no comma, no other bases.
func dashArithmetic(text string) string {
	primary := false
	for i := 0; i < len(text); i++ {
		switch rest := text[i:]; {
		case strings.HasPrefix(rest, "**"):
			primary = true
		case strings.HasPrefix(rest, "++"), strings.HasPrefix(rest, "--"):
			before, after := strings.TrimRight(text[:i], " "), strings.TrimLeft(rest[2:], " ")
			if before != "" && namePart(before[len(before)-1]) && (after == "" || !namePart(after[0]) && after[0] != '$' && after[0] != '(') {
				primary = true
			}
			i++
		case rest[0] == ',' || rest[0] == '#':
			if !primary {
				return "expecting EOF"
			}
		case rest[0] >= '0' && rest[0] <= '9' && (i == 0 || !namePart(text[i-1])):
			digits := rest
			for n := 0; n < len(rest); n++ {
				if !namePart(rest[n]) {
					digits = rest[:n]
					break
				}
			}
			if _, ok := word.Number(digits); !ok && !primary {
				return "expecting EOF"
			}
		}
	}
	if primary {
		return "expecting primary"
	}
	return ""
}

func namePart(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
