package shell

import (
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/word"
	"mvdan.cc/sh/v3/syntax"
)

// defaults handles ${x:-w} and its kin; handled tells that nothing is left to
// do.
func (e *expander) defaults(p *syntax.ParamExp, name, value string, set, quoted bool) (bool, error) {
	present := set
	switch p.Exp.Op {
	case syntax.AlternateUnsetOrNull, syntax.DefaultUnsetOrNull, syntax.ErrorUnsetOrNull, syntax.AssignUnsetOrNull:
		present = set && value != ""
	}
	word := func() error {
		if p.Exp.Word == nil {
			return nil
		}
		return e.parts(p.Exp.Word.Parts, quoted, !quoted)
	}
	switch p.Exp.Op {
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if present {
			return true, word()
		}
		return true, nil
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull:
		if !present {
			return true, word()
		}
	case syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if !present {
			text, err := e.r.literal(p.Exp.Word)
			if err != nil {
				return true, err
			}
			e.r.state.set(name, text)
			e.value(text, quoted)
			return true, nil
		}
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		if !present {
			text, err := e.r.literal(p.Exp.Word)
			if err != nil {
				return true, err
			}
			if text == "" {
				text = "parameter null or not set"
				if p.Exp.Op == syntax.ErrorUnset {
					text = "parameter not set"
				}
			}
			return true, e.r.unset(name + ": " + text)
		}
	default:
		return false, nil
	}
	e.value(value, quoted)
	return true, nil
}

// modify applies slices, replacements and removals.
func (r *runner) modify(p *syntax.ParamExp, value string) (string, error) {
	switch {
	case p.Slice != nil:
		runes := []rune(value)
		from, length, err := r.bounds(p.Slice, len(runes))
		if err != nil {
			return "", err
		}
		return string(runes[from : from+length]), nil
	case p.Repl != nil:
		return r.replace(p.Repl, value)
	case p.Exp == nil:
		return value, nil
	}
	if p.Exp.Op == syntax.OtherParamOps {
		op, err := r.literal(p.Exp.Word)
		if err != nil {
			return "", err
		}
		if op == "A" {
			return p.Param.Value + "=" + word.Quote(value), nil
		}
		return transform(op, value), nil
	}
	glob, err := r.pattern(p.Exp.Word)
	if err != nil {
		return "", err
	}
	switch p.Exp.Op {
	case syntax.RemSmallSuffix, syntax.RemLargeSuffix, syntax.RemSmallPrefix, syntax.RemLargePrefix:
		return trim(p.Exp.Op, glob, value), nil
	case syntax.UpperFirst, syntax.UpperAll, syntax.LowerFirst, syntax.LowerAll:
		return changeCase(p.Exp.Op, glob, value), nil
	}
	return value, nil
}

func transform(op, value string) string {
	switch op {
	case "Q":
		return word.Quote(value)
	case "U":
		return strings.ToUpper(value)
	case "L":
		return strings.ToLower(value)
	case "u":
		return changeCase(syntax.UpperFirst, "", value)
	case "E":
		return ansiQuoted(value)
	}
	return value
}

// maxTrim bounds the text that is searched for a prefix or suffix.
const maxTrim = 64 << 10

func trim(op syntax.ParExpOperator, glob, value string) string {
	if len(value) > maxTrim {
		return value
	}
	n, steps := len(value), 0
	// All the places share a bound, and where it is reached nothing is cut.
	hit := func(s string) bool {
		one := 0
		found := steps < 50*pattern.MaxSteps && pattern.MatchSteps(glob, s, &one)
		steps += one + 1
		return found
	}
	switch op {
	case syntax.RemSmallPrefix:
		for i := 0; i <= n; i++ {
			if hit(value[:i]) {
				return value[i:]
			}
		}
	case syntax.RemLargePrefix:
		for i := n; i >= 0; i-- {
			if hit(value[:i]) {
				return value[i:]
			}
		}
	case syntax.RemSmallSuffix:
		for i := n; i >= 0; i-- {
			if hit(value[i:]) {
				return value[:i]
			}
		}
	case syntax.RemLargeSuffix:
		for i := 0; i <= n; i++ {
			if hit(value[i:]) {
				return value[:i]
			}
		}
	}
	return value
}

func changeCase(op syntax.ParExpOperator, glob, value string) string {
	upper := op == syntax.UpperFirst || op == syntax.UpperAll
	all := op == syntax.UpperAll || op == syntax.LowerAll
	var b strings.Builder
	for i, c := range value {
		s := string(c)
		if (all || i == 0) && (glob == "" || pattern.Match(glob, s)) {
			if upper {
				s = strings.ToUpper(s)
			} else {
				s = strings.ToLower(s)
			}
		}
		b.WriteString(s)
	}
	return b.String()
}

// replacing tells whether & stands for what matched: since bash 5.2, unless it
// is switched off.
func (s *state) replacing() bool {
	on, changed := s.shopt["patsub_replacement"]
	return s.dialect.bash() && s.version >= "5.2" && (on || !changed)
}

func (r *runner) replace(rep *syntax.Replace, value string) (string, error) {
	glob, err := r.pattern(rep.Orig)
	if err != nil || len(value) > maxTrim {
		return value, err
	}
	f, err := r.joined(rep.With)
	if err != nil {
		return "", err
	}
	if glob == "" && rep.All && len(f.text) > 0 && f.text[0] == '/' { // ${x////-}
		glob, f.text, f.quoted = "/", f.text[1:], f.quoted[1:]
		if len(f.text) > 0 && f.text[0] == '/' {
			f.text, f.quoted = f.text[1:], f.quoted[1:]
		}
	}
	if glob == "" {
		return value, nil
	}
	var parts []string
	last := 0
	for i, c := range f.text {
		if c == '&' && !f.quoted[i] && r.state.replacing() {
			parts = append(parts, string(f.text[last:i]))
			last = i + 1
		}
	}
	parts = append(parts, string(f.text[last:]))
	with := func(found string) string { return strings.Join(parts, found) }
	anchor := byte(0)
	if !rep.All && r.state.dialect.bash() && len(glob) > 1 && (glob[0] == '#' || glob[0] == '%') {
		anchor, glob = glob[0], glob[1:]
	}
	if anchor == '%' {
		for i := 0; i <= len(value); i++ {
			if pattern.Match(glob, value[i:]) {
				return value[:i] + with(value[i:]), nil
			}
		}
		return value, nil
	}
	deadline := time.Now().Add(time.Second)
	var b strings.Builder
	for i := 0; i < len(value); {
		if time.Now().After(deadline) {
			return value, errBudget
		}
		end := -1
		for j := len(value); j > i; j-- {
			if pattern.Match(glob, value[i:j]) {
				end = j
				break
			}
		}
		if end < 0 {
			if anchor == '#' {
				return value, nil
			}
			b.WriteByte(value[i])
			i++
			continue
		}
		b.WriteString(with(value[i:end]))
		i = end
		if !rep.All {
			b.WriteString(value[i:])
			break
		}
	}
	return b.String(), nil
}

// bounds are the offset and length of ${x:offset:length} within n.
func (r *runner) bounds(s *syntax.Slice, n int) (from, length int, err error) {
	offset := int64(0)
	if s.Offset != nil {
		if offset, err = r.arithm(s.Offset); err != nil {
			return 0, 0, err
		}
	}
	if offset < 0 {
		if offset += int64(n); offset < 0 {
			return 0, 0, nil
		}
	}
	from = int(min(offset, int64(n)))
	length = n - from
	if s.Length != nil {
		want, err := r.arithm(s.Length)
		if err != nil {
			return 0, 0, err
		}
		if want < 0 {
			want += int64(n) - int64(from)
			if want < 0 && s.Length != nil && r.state.dialect.ash() {
				return from, n - from, nil
			}
			if want < 0 {
				return 0, 0, wordsError(strconv.FormatInt(want-int64(n)+int64(from), 10) + ": substring expression < 0")
			}
		}
		length = int(min(want, int64(length)))
	}
	return from, length, nil
}
