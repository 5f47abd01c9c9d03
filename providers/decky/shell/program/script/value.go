package script

import (
	"math/big"
	"strconv"
	"strings"
)

// binary is one operator's work.
func (p *interpreter) binary(op string, a, b any) any {
	switch op {
	case "and":
		if !truth(a) {
			return a
		}
		return b
	case "or":
		if truth(a) {
			return a
		}
		return b
	case "==", "!=":
		return (represent(a) == represent(b)) == (op == "==")
	}
	x, okX := a.(*big.Int)
	y, okY := b.(*big.Int)
	if okX && okY {
		return p.arithmetic(op, x, y)
	}
	if s, ok := a.(string); ok {
		switch {
		case op == "+" && isText(b):
			if len(s)+len(b.(string)) <= maxText {
				return s + b.(string)
			}
		case op == "*" && okY:
			return p.repeat(s, y)
		case op == "%":
			return p.formatted(s, b)
		case op == "+" && okY:
			p.fault = `TypeError: can only concatenate str (not "int") to str`
			return nil
		}
	}
	if s, ok := b.(string); ok && okX {
		switch op {
		case "*":
			return p.repeat(s, x)
		case "+":
			p.fault = "TypeError: unsupported operand type(s) for +: 'int' and 'str'"
			return nil
		}
	}
	p.lost = true
	return nil
}

func (p *interpreter) repeat(s string, n *big.Int) any {
	if n.Sign() <= 0 || s == "" {
		return ""
	}
	if !n.IsInt64() || n.Int64() > maxText || int64(len(s))*n.Int64() > maxText {
		p.fault = "MemoryError"
		return nil
	}
	return strings.Repeat(s, int(n.Int64()))
}

func (p *interpreter) formatted(s string, v any) any {
	values, ok := v.([]any)
	if !ok {
		values = []any{v}
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+1 >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch {
		case s[i] == '%':
			b.WriteByte('%')
		case strings.IndexByte("sdirx", s[i]) >= 0 && len(values) > 0:
			if n, isNumber := values[0].(*big.Int); s[i] == 'x' && isNumber {
				b.WriteString(n.Text(16))
			} else if s[i] == 'r' {
				b.WriteString(represent(values[0]))
			} else {
				b.WriteString(text(values[0]))
			}
			values = values[1:]
		default:
			p.lost = true
			return nil
		}
	}
	return b.String()
}

// maxBits bounds a number.
const maxBits = 1 << 14

func (p *interpreter) arithmetic(op string, x, y *big.Int) any {
	z := new(big.Int)
	switch op {
	case "+":
		return z.Add(x, y)
	case "-":
		return z.Sub(x, y)
	case "*":
		if x.BitLen()+y.BitLen() > maxBits {
			break
		}
		return z.Mul(x, y)
	case "**":
		if y.Sign() < 0 || !y.IsInt64() || int64(x.BitLen())*y.Int64() > maxBits || y.Int64() > maxBits {
			break
		}
		return z.Exp(x, y, nil)
	case "/", "//", "%":
		if y.Sign() == 0 {
			p.fault = map[string]string{"/": "ZeroDivisionError: division by zero", "//": "ZeroDivisionError: integer division or modulo by zero", "%": "ZeroDivisionError: integer modulo by zero"}[op]
			return nil
		}
		if op == "/" && !p.old {
			f, _ := new(big.Rat).SetFrac(x, y).Float64()
			return f
		}
		m := new(big.Int)
		z.DivMod(x, y, m)
		if y.Sign() < 0 && m.Sign() != 0 { // python rounds down
			z.Sub(z, big.NewInt(1))
			m.Add(m, y)
		}
		if op == "%" {
			return m
		}
		return z
	case "<":
		return x.Cmp(y) < 0
	case ">":
		return x.Cmp(y) > 0
	case "<=":
		return x.Cmp(y) <= 0
	case ">=":
		return x.Cmp(y) >= 0
	case "&":
		return z.And(x, y)
	case "|":
		return z.Or(x, y)
	case "^":
		return z.Xor(x, y)
	case "<<", ">>":
		if !y.IsInt64() || y.Int64() < 0 || y.Int64() > maxBits {
			break
		}
		if op == "<<" {
			return z.Lsh(x, uint(y.Int64()))
		}
		return z.Rsh(x, uint(y.Int64()))
	}
	p.lost = true
	return nil
}

// text is a value as print shows it.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return represent(v)
}

// represent is a value as repr shows it.
func represent(v any) string {
	switch x := v.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[x]
	case *big.Int:
		return x.String()
	case float64:
		s := strconv.FormatFloat(x, 'g', -1, 64)
		if !strings.ContainsAny(s, ".en") {
			s += ".0"
		}
		return s
	case string:
		s := strconv.Quote(x)
		s = strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`)
		if strings.Contains(x, "'") && !strings.Contains(x, `"`) {
			return `"` + s + `"`
		}
		return "'" + strings.ReplaceAll(s, "'", `\'`) + "'"
	case raw:
		return "b" + represent(string(x))
	case module:
		return "<module '" + string(x) + "'>"
	case []any:
		parts := make([]string, len(x))
		for i, e := range x {
			parts[i] = represent(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case callee:
		return "<built-in function " + x.name + ">"
	}
	return ""
}
