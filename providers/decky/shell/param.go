package shell

import (
	"maps"
	"slices"
	"strconv"
	"strings"
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
	if strings.HasPrefix(name, brokenName) {
		if err := r.broken(name); err != nil {
			return err
		}
	}
	if !r.state.dialect.bash() && (p.Index != nil || p.Excl || p.Names != 0 || p.Exp != nil && (p.Exp.Op == syntax.UpperFirst || p.Exp.Op == syntax.UpperAll || p.Exp.Op == syntax.LowerFirst || p.Exp.Op == syntax.LowerAll || p.Exp.Op == syntax.OtherParamOps)) {
		return badSubstitution(r.state.dialect, "")
	}
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
		target, _ := r.variable(name)
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
		return r.unset(name + words{": unbound variable", ": parameter not set", ": parameter not set"}.in(r.state.dialect))
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
	r.io.Err.Print(r.prefix() + message + "\n")
	r.state.status = 1
	switch {
	case r.state.interactive && r.state.subshell == 0:
		return errExpansion
	case !r.state.dialect.bash():
		return exitError(2)
	case r.state.subshell > 0:
		return exitError(1)
	}
	return exitError(127)
}

// paramList expands $@, $*, ${a[@]} and their operators on each element.
func (e *expander) paramList(p *syntax.ParamExp, name, all string, quoted bool) error {
	r := e.r
	var list []string
	switch {
	case p.Index == nil:
		list = r.state.params
	case p.Excl:
		list = r.array(name).keys()
	default:
		list = r.array(name).elements()
	}
	if p.Length {
		e.value(strconv.Itoa(len(list)), quoted)
		return nil
	}
	if p.Slice != nil {
		if r.state.dialect.ash() {
			return e.ashSlice(p, list, quoted, all)
		}
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

// ashSlice is ${@:n} in ash, which cuts characters from the parameters as one
// text, $* being joined.
func (e *expander) ashSlice(p *syntax.ParamExp, list []string, quoted bool, all string) error {
	runes := []rune(strings.Join(list, " "))
	from, length, err := e.r.bounds(p.Slice, len(runes))
	if err != nil {
		return err
	}
	e.list(strings.Split(string(runes[from:from+length]), "\x00"), quoted, all)
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
	v := r.array(name)
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
