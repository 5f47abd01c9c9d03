package shell

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// isAll tells the subscripts [@] and [*].
func isAll(index syntax.ArithmExpr) string {
	if w, ok := index.(*syntax.Word); ok {
		if lit := w.Lit(); lit == "@" || lit == "*" {
			return lit
		}
	}
	return ""
}

// param expands ${...}.
func (e *expander) param(p *syntax.ParamExp, quoted bool) error {
	r := e.r
	if p.Param == nil {
		return wordsError("bad substitution")
	}
	name := p.Param.Value
	all := ""
	if name == "@" || name == "*" {
		all = name
	} else if p.Index != nil {
		all = isAll(p.Index)
	}
	if p.Names != 0 {
		var names []string
		for _, k := range slices.Sorted(maps.Keys(r.state.vars)) {
			if strings.HasPrefix(k, name) {
				names = append(names, k)
			}
		}
		e.list(names, quoted, "@")
		return nil
	}
	if all != "" {
		return e.paramList(p, name, all, quoted)
	}
	if p.Excl && p.Exp == nil && p.Index == nil {
		target, _ := r.state.get(name)
		value, _ := r.variable(target)
		e.value(value, quoted)
		return nil
	}
	value, set, err := r.lookup(name, p.Index)
	if err != nil {
		return err
	}
	if p.Length {
		e.value(strconv.Itoa(utf8.RuneCountInString(value)), quoted)
		return nil
	}
	if p.Exp != nil {
		if handled, err := e.defaults(p, name, value, set, quoted); handled || err != nil {
			return err
		}
	} else if !set && r.state.options["nounset"] {
		return r.unset(name + ": unbound variable")
	}
	value, err = r.modify(p, value)
	if err != nil {
		return err
	}
	e.value(value, quoted)
	return nil
}

// unset ends the script, as a shell that is not interactive does.
func (r *runner) unset(message string) error {
	r.io.err.print(r.prefix() + message + "\n")
	r.state.status = 1
	if r.session.options.TTY == "" || r.state.subshell > 0 {
		return exitError(127)
	}
	return errExpansion
}

// paramList expands $@, $*, ${a[@]} and their operators on each element.
func (e *expander) paramList(p *syntax.ParamExp, name, all string, quoted bool) error {
	r := e.r
	var list []string
	switch {
	case p.Index == nil:
		list = r.state.params
	case p.Excl:
		list = r.state.vars[name].keys()
	default:
		list = r.state.vars[name].elements()
	}
	if p.Length {
		e.value(strconv.Itoa(len(list)), quoted)
		return nil
	}
	if p.Slice != nil {
		if p.Index == nil {
			list = append([]string{r.state.name}, list...)
		}
		from, length, err := r.bounds(p.Slice, len(list))
		if err != nil {
			return err
		}
		list = list[from : from+length]
	} else if p.Exp != nil || p.Repl != nil {
		if p.Exp != nil && p.Exp.Op < syntax.RemSmallSuffix {
			if handled, err := e.defaults(p, name, strings.Join(list, " "), len(list) > 0, quoted); handled || err != nil {
				return err
			}
		}
		changed := make([]string, len(list))
		for i, v := range list {
			var err error
			if changed[i], err = r.modify(p, v); err != nil {
				return err
			}
		}
		list = changed
	}
	e.list(list, quoted, all)
	return nil
}

func (e *expander) list(list []string, quoted bool, all string) {
	if quoted && all == "*" {
		ifs, ok := e.r.state.get("IFS")
		sep := " "
		if ok {
			sep = ifs[:min(1, len(ifs))]
		}
		e.now.add(strings.Join(list, sep), true)
		return
	}
	for i, v := range list {
		if i > 0 && (quoted || e.now.exists) {
			e.next()
		}
		if quoted {
			e.now.add(v, true)
			e.now.exists = true
		} else {
			e.unquoted(v)
		}
	}
}

// lookup is the value of name or of its element.
func (r *runner) lookup(name string, index syntax.ArithmExpr) (string, bool, error) {
	if index == nil {
		value, set := r.variable(name)
		return value, set, nil
	}
	v := r.state.vars[name]
	if v == nil {
		return "", false, nil
	}
	if v.table != nil {
		key, err := r.key(index)
		if err != nil {
			return "", false, err
		}
		value, set := v.table[key]
		return value, set, nil
	}
	n, err := r.arithm(index)
	if err != nil {
		return "", false, err
	}
	if v.list == nil {
		if n == 0 {
			return v.value, true, nil
		}
		return "", false, nil
	}
	if n < 0 {
		if keys := slices.Sorted(maps.Keys(v.list)); len(keys) > 0 {
			n += int64(keys[len(keys)-1]) + 1
		}
	}
	value, set := v.list[int(n)]
	return value, set, nil
}

// key is the subscript of an associative array.
func (r *runner) key(index syntax.ArithmExpr) (string, error) {
	if w, ok := index.(*syntax.Word); ok {
		return r.literal(w)
	}
	n, err := r.arithm(index)
	return strconv.FormatInt(n, 10), err
}

// variable is the value of a variable or special parameter.
func (r *runner) variable(name string) (string, bool) {
	s := r.state
	switch name {
	case "?":
		return strconv.Itoa(s.status), true
	case "$":
		return strconv.Itoa(r.session.pid), true
	case "!":
		if s.bang == 0 {
			return "", false
		}
		return strconv.Itoa(s.bang), true
	case "#":
		return strconv.Itoa(len(s.params)), true
	case "-":
		return s.flags(), true
	case "0":
		return s.name, true
	case "_":
		return s.last, true
	case "RANDOM":
		return strconv.Itoa(r.session.rand.IntN(32768)), true
	case "SECONDS":
		return strconv.Itoa(int(r.session.machine.now().Sub(r.session.started).Seconds())), true
	case "EPOCHSECONDS":
		return strconv.FormatInt(r.session.machine.now().Unix(), 10), true
	case "EPOCHREALTIME":
		now := r.session.machine.now()
		return fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000), true
	case "BASHPID":
		return strconv.Itoa(r.session.pid + s.subshell), true
	case "BASH_SUBSHELL":
		return strconv.Itoa(s.subshell), true
	case "LINENO":
		return "1", true
	case "COLUMNS":
		if r.session.options.TTY != "" {
			return strconv.Itoa(int(r.session.cols.Load())), true
		}
	case "LINES":
		if r.session.options.TTY != "" {
			return strconv.Itoa(int(r.session.rows.Load())), true
		}
	}
	if n, err := strconv.Atoi(name); err == nil {
		if n >= 1 && n <= len(s.params) {
			return s.params[n-1], true
		}
		return "", false
	}
	return s.get(name)
}

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
		return transform(op, value), nil
	}
	pattern, err := r.pattern(p.Exp.Word)
	if err != nil {
		return "", err
	}
	switch p.Exp.Op {
	case syntax.RemSmallSuffix, syntax.RemLargeSuffix, syntax.RemSmallPrefix, syntax.RemLargePrefix:
		return trim(p.Exp.Op, pattern, value), nil
	case syntax.UpperFirst, syntax.UpperAll, syntax.LowerFirst, syntax.LowerAll:
		return changeCase(p.Exp.Op, pattern, value), nil
	}
	return value, nil
}

func transform(op, value string) string {
	switch op {
	case "Q":
		return quote(value)
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

func trim(op syntax.ParExpOperator, pattern, value string) string {
	if len(value) > maxTrim {
		return value
	}
	n := len(value)
	switch op {
	case syntax.RemSmallPrefix:
		for i := 0; i <= n; i++ {
			if match(pattern, value[:i]) {
				return value[i:]
			}
		}
	case syntax.RemLargePrefix:
		for i := n; i >= 0; i-- {
			if match(pattern, value[:i]) {
				return value[i:]
			}
		}
	case syntax.RemSmallSuffix:
		for i := n; i >= 0; i-- {
			if match(pattern, value[i:]) {
				return value[:i]
			}
		}
	case syntax.RemLargeSuffix:
		for i := 0; i <= n; i++ {
			if match(pattern, value[i:]) {
				return value[:i]
			}
		}
	}
	return value
}

func changeCase(op syntax.ParExpOperator, pattern, value string) string {
	upper := op == syntax.UpperFirst || op == syntax.UpperAll
	all := op == syntax.UpperAll || op == syntax.LowerAll
	var b strings.Builder
	for i, c := range value {
		s := string(c)
		if (all || i == 0) && (pattern == "" || match(pattern, s)) {
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

func (r *runner) replace(rep *syntax.Replace, value string) (string, error) {
	pattern, err := r.pattern(rep.Orig)
	if err != nil || pattern == "" || len(value) > maxTrim {
		return value, err
	}
	with, err := r.literal(rep.With)
	if err != nil {
		return "", err
	}
	anchor := byte(0)
	if !rep.All && len(pattern) > 1 && (pattern[0] == '#' || pattern[0] == '%') {
		anchor, pattern = pattern[0], pattern[1:]
	}
	if anchor == '%' {
		for i := 0; i <= len(value); i++ {
			if match(pattern, value[i:]) {
				return value[:i] + with, nil
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
			if match(pattern, value[i:j]) {
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
		b.WriteString(with)
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
			if want < 0 {
				return 0, 0, wordsError(strconv.FormatInt(want-int64(n)+int64(from), 10) + ": substring expression < 0")
			}
		}
		length = int(min(want, int64(length)))
	}
	return from, length, nil
}

// quote is s so that a shell reads it as one word.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
