package shell

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/word"
	"mvdan.cc/sh/v3/syntax"
)

// assign carries out name=value, name+=value, name[i]=value and name=(...).
func (r *runner) assign(a *syntax.Assign) error {
	name := a.Name.Value
	if v := r.state.vars[name]; v != nil && v.readonly {
		return r.readonly(name)
	}
	if a.Array != nil {
		return r.assignArray(a)
	}
	value, err := r.assigned(a.Value)
	if err != nil {
		return err
	}
	if a.Index != nil {
		return r.assignElement(name, a.Index, value, a.Append)
	}
	if v := r.state.vars[name]; v != nil && v.integer {
		n, err := r.number(value)
		if err != nil {
			return err
		}
		if a.Append {
			old, _ := r.state.get(name)
			before, _ := word.Number(old)
			n += before
		}
		value = strconv.FormatInt(n, 10)
	} else if a.Append {
		old, _ := r.state.get(name)
		value = old + value
	}
	r.state.set(name, value)
	return nil
}

// assigned expands the right side: ~ also after a colon.
func (r *runner) assigned(w *syntax.Word) (string, error) {
	if w == nil {
		return "", nil
	}
	f, err := r.joinedAs(w, true)
	return string(f.text), err
}

func (r *runner) assignElement(name string, index syntax.ArithmExpr, value string, more bool) error {
	v := r.state.vars[name]
	if v == nil {
		v = &variable{list: map[int]string{}}
		r.state.vars[name] = v
	}
	if v.readonly {
		return r.readonly(name)
	}
	r.session.held += len(value) + 48
	if v.table != nil {
		key, err := r.key(index)
		if err != nil {
			return err
		}
		if more {
			value = v.table[key] + value
		}
		if len(v.table) < maxArray {
			v.table[key] = value
		}
		return nil
	}
	if v.list == nil {
		v.list = map[int]string{0: v.value}
	}
	n, err := r.arithm(index)
	if err != nil {
		return err
	}
	if n < 0 {
		if keys := slices.Sorted(maps.Keys(v.list)); len(keys) > 0 {
			n += int64(keys[len(keys)-1]) + 1
		}
		if n < 0 {
			return wordsError(name + "[" + strconv.FormatInt(n, 10) + "]: bad array subscript")
		}
	}
	if more {
		value = v.list[int(n)] + value
	}
	if len(v.list) < maxArray {
		v.list[int(n)] = value
	}
	return nil
}

func (r *runner) assignArray(a *syntax.Assign) error {
	name := a.Name.Value
	v := r.state.vars[name]
	if v == nil {
		v = &variable{}
		r.state.vars[name] = v
	}
	next := 0
	if v.table != nil {
		if !a.Append {
			v.table = map[string]string{}
		}
	} else if !a.Append || v.list == nil {
		v.list = map[int]string{}
		if a.Append && v.value != "" {
			v.list[0] = v.value
		}
	}
	for k := range v.list {
		next = max(next, k+1)
	}
	for _, elem := range a.Array.Elems {
		if elem.Index != nil {
			value, err := r.assigned(elem.Value)
			if err != nil {
				return err
			}
			if err := r.assignElement(name, elem.Index, value, false); err != nil {
				return err
			}
			if v.table == nil {
				n, err := r.arithm(elem.Index)
				if err != nil {
					return err
				}
				next = max(int(n), 0) + 1
			}
			continue
		}
		values, err := r.fields([]*syntax.Word{elem.Value})
		if err != nil {
			return err
		}
		for _, value := range values {
			if v.table == nil && len(v.list) < maxArray {
				v.list[next] = value
				r.session.held += len(value) + 48
				next++
			}
		}
	}
	return nil
}

// declare is declare, local, export, readonly and typeset.
func (r *runner) declare(d *syntax.DeclClause, io Streams) error {
	kind := d.Variant.Value
	if _, known := r.state.builtin(kind); !known {
		return r.undeclared(d, io)
	}
	flags := ""
	var names []*syntax.Assign
	r.state.status = 0
	for _, a := range d.Args {
		if a.Naked && a.Name == nil {
			words, err := r.fields([]*syntax.Word{a.Value})
			if err != nil {
				return r.expansionFailed(err, io)
			}
			for _, w := range words {
				if strings.HasPrefix(w, "-") || strings.HasPrefix(w, "+") {
					flags += w
					continue
				}
				name, value, assigned := strings.Cut(w, "=")
				one := &syntax.Assign{Name: &syntax.Lit{Value: name}, Naked: !assigned}
				if assigned {
					one.Value = &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Value: value}}}
				}
				names = append(names, one)
			}
			continue
		}
		names = append(names, a)
	}
	return r.declareNames(kind, flags, names, io)
}

func (r *runner) declareOne(kind, flags string, a *syntax.Assign, io Streams) error {
	name := a.Name.Value
	if !syntax.ValidName(name) {
		if !r.state.dialect.bash() {
			io.Err.Print(r.prefixOf(kind) + name + ": bad variable name\n")
			return r.fatal(2)
		}
		shown := name
		if lit := a.Value; lit != nil && len(lit.Parts) == 1 {
			if text, ok := lit.Parts[0].(*syntax.SglQuoted); ok {
				shown += "=" + text.Value
			}
		}
		io.Err.Print(r.prefixOf(kind) + "`" + shown + "': not a valid identifier\n")
		r.state.status = 1
		return nil
	}
	if strings.Contains(flags, "f") || strings.Contains(flags, "F") {
		if _, ok := r.state.funcs[name]; !ok {
			r.state.status = 1
		} else if strings.Contains(flags, "f") {
			io.Out.Print(r.definition(name))
		}
		return nil
	}
	if strings.Contains(flags, "p") {
		r.showVariable(name, io)
		return nil
	}
	if kind == "local" || kind != "export" && kind != "readonly" && len(r.state.locals) > 0 && !strings.Contains(flags, "g") {
		r.state.local(name)
	}
	if r.state.vars[name] == nil && (!a.Naked || strings.ContainsAny(flags, "aAi") || kind == "local") {
		r.state.vars[name] = &variable{unset: true}
	}
	if a.Naked && r.state.vars[name] == nil && (kind == "export" || kind == "readonly" || strings.ContainsAny(flags, "rxlun")) {
		r.state.vars[name] = &variable{unset: true}
	}
	v := r.state.vars[name]
	if v != nil {
		on := !strings.HasPrefix(flags, "+")
		switch {
		case strings.Contains(flags, "l"):
			v.lower, v.upper = on, false
		case strings.Contains(flags, "u"):
			v.upper, v.lower = on, false
		case strings.Contains(flags, "n") && kind != "export":
			v.ref = on
		}
		switch {
		case strings.Contains(flags, "A") && v.table == nil:
			v.table = map[string]string{}
		case strings.Contains(flags, "a") && v.list == nil && v.table == nil:
			v.list = map[int]string{}
		case strings.Contains(flags, "i"):
			v.integer = on
		}
	}
	if !a.Naked {
		if v != nil && v.ref {
			if v.value, v.unset = "", false; a.Value != nil {
				text, err := r.assigned(a.Value)
				if err != nil {
					return err
				}
				v.value = text
			}
		} else if err := r.assign(a); err != nil {
			var said wordsError
			if errors.As(err, &said) && r.state.dialect.bash() && strings.HasSuffix(string(said), ": readonly variable") {
				io.Err.Print(r.prefixOf(kind) + string(said) + "\n")
				r.state.status = 1
				return nil
			}
			return err
		}
		v = r.state.vars[name]
	}
	if v == nil {
		return nil
	}
	if kind == "export" || strings.Contains(flags, "x") {
		v.exported = !strings.Contains(flags, "n") && !strings.Contains(flags, "+x")
		if _, ok := r.state.vars[name]; !ok && !a.Naked {
			r.state.vars[name] = v
		}
	}
	if kind == "readonly" || strings.Contains(flags, "r") {
		v.readonly = true
	}
	return nil
}

// listVariables is declare -p, export -p and the like without names.
func (r *runner) listVariables(kind, flags string, io Streams) {
	for _, name := range slices.Sorted(maps.Keys(r.state.vars)) {
		v := r.state.vars[name]
		if kind == "export" && !v.exported || kind == "readonly" && !v.readonly || name == "__getopts" || name == "_" {
			continue
		}
		if kind == "local" && (len(r.state.locals) == 0 || !declaredLocal(r.state.locals, name)) || v.unset && kind != "export" {
			continue
		}
		if !r.state.dialect.bash() {
			io.Out.Print(plainDeclaration(kind, name, v))
			continue
		}
		if kind != "export" && kind != "readonly" && !strings.Contains(flags, "p") {
			io.Out.Print(name + "=" + word.Shown(v.value) + "\n")
			continue
		}
		r.showVariable(name, io)
	}
}

func (r *runner) showVariable(name string, io Streams) {
	v := r.state.vars[name]
	if v == nil {
		io.Err.Print(r.prefixOf("declare") + name + ": not found\n")
		r.state.status = 1
		return
	}
	flags := ""
	for _, f := range []struct {
		on     bool
		letter string
	}{{v.list != nil, "a"}, {v.table != nil, "A"}, {v.integer, "i"}, {v.readonly, "r"}, {v.exported, "x"}} {
		if f.on {
			flags += f.letter
		}
	}
	if flags == "" {
		flags = "-"
	}
	switch {
	case v.unset && v.list == nil && v.table == nil:
		io.Out.Print("declare -" + flags + " " + name + "\n")
		return
	case v.list != nil || v.table != nil:
		io.Out.Print("declare -" + flags + " " + name + "=" + v.compound() + "\n")
		return
	}
	value := doubleQuoted(v.value)
	io.Out.Print("declare -" + flags + " " + name + "=" + value + "\n")
}

func doubleQuoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(s) + `"`
}

// compound is an array as declare -p shows its value.
func (v *variable) compound() string {
	parts := make([]string, 0, len(v.list)+len(v.table))
	elements := v.elements()
	for i, k := range v.keys() {
		parts = append(parts, "["+k+"]="+doubleQuoted(elements[i]))
	}
	text := "(" + strings.Join(parts, " ")
	if v.table != nil && len(parts) > 0 {
		text += " "
	}
	return text + ")"
}

func declaredLocal(locals []map[string]*variable, name string) bool {
	_, ok := locals[len(locals)-1][name]
	return ok
}

// undeclared is declare and its like in a shell that has no such builtin.
func (r *runner) undeclared(d *syntax.DeclClause, io Streams) error {
	args := []string{d.Variant.Value}
	for _, a := range d.Args {
		if a.Naked && a.Value != nil {
			list, err := r.fields([]*syntax.Word{a.Value})
			if err != nil {
				return r.expansionFailed(err, io)
			}
			args = append(args, list...)
		}
	}
	return r.run(args, io)
}

// readonly is the mistake of writing to a variable that may not change.
func (r *runner) readonly(name string) error {
	return wordsError(name + words{": readonly variable", ": is read only", ": is read only"}.in(r.state.dialect))
}
