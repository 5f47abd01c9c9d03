package shell

import (
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// elements are the values of an array in the order of its indices.
func (v *variable) elements() []string {
	switch {
	case v == nil:
		return nil
	case v.list != nil:
		keys := slices.Sorted(maps.Keys(v.list))
		out := make([]string, len(keys))
		for i, k := range keys {
			out[i] = v.list[k]
		}
		return out
	case v.table != nil:
		keys := slices.Sorted(maps.Keys(v.table))
		out := make([]string, len(keys))
		for i, k := range keys {
			out[i] = v.table[k]
		}
		return out
	}
	return []string{v.value}
}

// keys are the indices of an array.
func (v *variable) keys() []string {
	switch {
	case v == nil:
		return nil
	case v.list != nil:
		var out []string
		for _, k := range slices.Sorted(maps.Keys(v.list)) {
			out = append(out, strconv.Itoa(k))
		}
		return out
	case v.table != nil:
		return slices.Sorted(maps.Keys(v.table))
	}
	return []string{"0"}
}

// environ are the exported variables as name=value, sorted.
func (s *state) environ() []string {
	var out []string
	for k, v := range s.vars {
		if v.exported && !v.unset {
			out = append(out, k+"="+v.value)
		}
	}
	sort.Strings(out)
	return out
}

// flags is $-.
func (s *state) flags() string {
	on := ""
	for _, o := range []struct{ name, letter string }{{"allexport", "a"}, {"errexit", "e"}, {"noglob", "f"}, {"noclobber", "C"}, {"nounset", "u"}, {"verbose", "v"}, {"xtrace", "x"}} {
		if s.options[o.name] {
			on += o.letter
		}
	}
	switch {
	case s.dialect.dash():
		order := "efIimnsxvVECabu"
		if s.interactive {
			on += "im"
		}
		return arrange(on, order)
	case s.dialect.ash():
		if s.interactive {
			return arrange(on+"im", "efIimnsxvCabu")
		}
		if !s.file {
			on += "c"
		}
		return sortLetters(on)
	}
	on += "h"
	if s.interactive {
		return sortLetters(on+"im") + "BHs"
	}
	rest := "B"
	if strings.Contains(on, "C") {
		on, rest = strings.ReplaceAll(on, "C", ""), "BC"
	}
	if s.file {
		return sortLetters(on) + rest
	}
	return sortLetters(on) + rest + "c"
}

func arrange(letters, order string) string {
	out := ""
	for _, c := range order {
		if strings.ContainsRune(letters, c) {
			out += string(c)
		}
	}
	return out
}

func sortLetters(s string) string {
	letters := strings.Split(s, "")
	sort.Strings(letters)
	return strings.Join(letters, "")
}
