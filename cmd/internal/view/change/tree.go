// Package change turns a plan into what its renderers show: for each instance
// the values before and after, as trees, with everything sensitive taken out of
// them once and for all. It renders nothing, and no renderer looks at a plan's
// configurations but through it.
package change

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strconv"
	"strings"
)

// Secret stands in a tree where a sensitive value did. Two are equal if the
// values were; the value itself is gone.
type Secret struct{ sum [sha256.Size]byte }

// MarshalJSON implements json.Marshaler: a secret is null.
func (Secret) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// Sealed is a secret that equals every other of the same label: for values that
// are known by their digests only.
func Sealed(label string) Secret { return Secret{sha256.Sum256([]byte(label))} }

func seal(v any) any {
	if s, ok := v.(Secret); ok {
		return s
	}
	data, err := json.Marshal(v)
	if err != nil {
		return Secret{}
	}
	return Secret{sha256.Sum256(data)}
}

// Decode is a JSON document as a tree of map[string]any, []any, string,
// json.Number, bool and nil; a document that is none is a nil tree.
func Decode(document []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var tree any
	if len(document) == 0 || decoder.Decode(&tree) != nil {
		return nil
	}
	return tree
}

// Hide replaces what stands at the paths, "arguments.users" or
// "arguments.users[0].password". It changes tree and returns it.
func Hide(tree any, paths []string) any {
	for _, p := range paths {
		tree = edit(tree, tree, p, func(v any, found bool) (any, bool) { return seal(v), found })
	}
	return tree
}

// HideEverywhere replaces what stands at any path that ends with one of paths:
// for the state of an object, where a configuration stands somewhere inside.
func HideEverywhere(tree any, paths []string) any {
	tree = Hide(tree, paths)
	switch t := tree.(type) {
	case map[string]any:
		for k, v := range t {
			t[k] = HideEverywhere(v, paths)
		}
	case []any:
		for i, v := range t {
			t[i] = HideEverywhere(v, paths)
		}
	}
	return tree
}

// gone marks a list's element that edit removed, until prune.
type gone struct{}

// edit replaces the value at a path, or removes it where change says so. shape
// is a tree like the one that is edited: where a key may hold a dot, the longest
// one that either tree has is taken. A path that leads nowhere becomes one key
// of the innermost object that it reaches.
func edit(tree, shape any, path string, change func(v any, found bool) (any, bool)) any {
	if path == "" {
		v, keep := change(tree, true)
		if !keep {
			return gone{}
		}
		return v
	}
	switch t := tree.(type) {
	case map[string]any:
		s, _ := shape.(map[string]any)
		key, rest := splitKey(t, s, path)
		child, found := t[key]
		if !found {
			if other, known := s[key]; known && rest != "" {
				child = empty(other)
			} else {
				key, rest = path, ""
			}
		}
		if rest == "" {
			if v, keep := change(child, found); keep {
				t[key] = v
			} else {
				delete(t, key)
			}
			return t
		}
		t[key] = edit(child, s[key], rest, change)
		return t
	case []any:
		index, rest, ok := splitIndex(path)
		if !ok || index > len(t) {
			return tree
		}
		var other any
		if s, _ := shape.([]any); index < len(s) {
			other = s[index]
		}
		if index == len(t) {
			if v := edit(empty(other), other, rest, change); v != (gone{}) && v != nil {
				return append(t, v)
			}
			return t
		}
		t[index] = edit(t[index], other, rest, change)
		return t
	case Secret: // what is inside of it is no more seen than the whole
		v, keep := change(t, true)
		if !keep {
			return Secret{}
		}
		return v
	default:
		return tree
	}
}

func empty(like any) any {
	switch like.(type) {
	case map[string]any:
		return map[string]any{}
	case []any:
		return []any{}
	default:
		return nil
	}
}

// splitKey finds the key that a path begins with.
func splitKey(t, shape map[string]any, path string) (string, string) {
	best := ""
	for _, m := range []map[string]any{t, shape} {
		for k := range m {
			if len(k) > len(best) && strings.HasPrefix(path, k) && (len(path) == len(k) || path[len(k)] == '.' || path[len(k)] == '[') {
				best = k
			}
		}
	}
	if best == "" {
		return path, ""
	}
	return best, strings.TrimPrefix(path[len(best):], ".")
}

func splitIndex(path string) (int, string, bool) {
	if !strings.HasPrefix(path, "[") {
		return 0, "", false
	}
	digits, rest, ok := strings.Cut(path[1:], "]")
	n, err := strconv.Atoi(digits)
	return n, strings.TrimPrefix(rest, "."), ok && err == nil && n >= 0
}

// prune takes out what edit has marked as removed.
func prune(tree any) any {
	switch t := tree.(type) {
	case map[string]any:
		for k, v := range t {
			if v == (gone{}) {
				delete(t, k)
				continue
			}
			t[k] = prune(v)
		}
	case []any:
		kept := t[:0]
		for _, v := range t {
			if v != (gone{}) {
				kept = append(kept, prune(v))
			}
		}
		return kept
	}
	return tree
}

// Equal tells that two trees hold the same.
func Equal(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			if other, found := y[k]; !found || !Equal(v, other) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !Equal(x[i], y[i]) {
				return false
			}
		}
		return true
	default:
		switch b.(type) {
		case map[string]any, []any:
			return false
		}
		return a == b
	}
}

// value reads what a handler says of an attribute: JSON, a quoted string, or
// bare text. An empty one is no value.
func value(text string) (any, bool) {
	if text == "" {
		return nil, false
	}
	if v := Decode([]byte(text)); v != nil && json.Valid([]byte(text)) {
		return v, true
	}
	if s, err := strconv.Unquote(text); err == nil {
		return s, true
	}
	return text, true
}

// dotted is a path with every step behind a dot: "a.b.0.c".
func dotted(path string) string {
	return strings.NewReplacer("[", ".", "]", "").Replace(path)
}

// Covers tells that the value at a path is sensitive, or holds something that
// is: the path ends with, leads into or leads to one of sensitive.
func Covers(sensitive []string, path string) bool {
	p := dotted(path)
	for _, s := range sensitive {
		s = dotted(s)
		if strings.Contains("."+p+".", "."+s+".") || strings.HasPrefix(s+".", p+".") {
			return true
		}
	}
	return false
}
