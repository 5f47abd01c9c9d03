package change

// Steps is a path as the keys and indices that lead through a tree: "host.ip"
// is "host", "ip", and "ports[0]" is "ports", 0. Where a key may hold a dot, the
// longest that either tree has is taken.
func Steps(tree, other any, path string) []any {
	var steps []any
	for path != "" {
		if index, rest, ok := splitIndex(path); ok {
			steps = append(steps, index)
			tree, other, path = element(tree, index), element(other, index), rest
			continue
		}
		t, _ := tree.(map[string]any)
		o, _ := other.(map[string]any)
		key, rest := splitKey(t, o, path)
		steps = append(steps, key)
		tree, other, path = t[key], o[key], rest
	}
	return steps
}

func element(tree any, index int) any {
	if list, ok := tree.([]any); ok && index < len(list) {
		return list[index]
	}
	return nil
}

// Marks is a tree that says true wherever tree has a Secret and leaves out what
// holds none, in the form of Terraform's before_sensitive.
func Marks(tree any) any {
	switch t := tree.(type) {
	case Secret:
		return true
	case map[string]any:
		marks := map[string]any{}
		for k, v := range t {
			if m := Marks(v); marked(m) {
				marks[k] = m
			}
		}
		return marks
	case []any:
		marks := make([]any, len(t))
		some := false
		for i, v := range t {
			marks[i] = Marks(v)
			some = some || marked(marks[i])
		}
		if !some {
			return []any{}
		}
		return marks
	default:
		return false
	}
}

// marked tells that something in a tree of marks is true.
func marked(marks any) bool {
	switch t := marks.(type) {
	case bool:
		return t
	case map[string]any:
		return len(t) > 0
	case []any:
		return len(t) > 0
	default:
		return false
	}
}
