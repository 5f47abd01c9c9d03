package providers

import (
	"bytes"
	"encoding/json"
	"sort"
	"strconv"
)

// Compare lists the attributes in which two values of one struct differ, by
// their JSON names, sorted by path. replace tells which paths (or their
// prefixes) cannot change in place; nil means none.
func Compare(before, after any, replace func(path string) bool) []Change {
	old, now := map[string]string{}, map[string]string{}
	flatten("", before, old)
	flatten("", after, now)
	paths := make([]string, 0, len(old)+len(now))
	for p := range old {
		paths = append(paths, p)
	}
	for p := range now {
		if _, both := old[p]; !both {
			paths = append(paths, p)
		}
	}
	sort.Strings(paths)
	var changes []Change
	for _, p := range paths {
		if old[p] == now[p] {
			continue
		}
		changes = append(changes, Change{Path: p, Before: old[p], After: now[p], Replace: replace != nil && replace(p)})
	}
	return changes
}

func flatten(prefix string, v any, into map[string]string) {
	data, err := json.Marshal(v)
	if err != nil {
		panic("providers: a configuration or state that is no JSON: " + err.Error())
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		panic("providers: a configuration or state that is no JSON: " + err.Error())
	}
	flattenTree(prefix, tree, into)
}

func flattenTree(path string, tree any, into map[string]string) {
	switch t := tree.(type) {
	case map[string]any:
		for k, v := range t {
			flattenTree(join(path, k), v, into)
		}
	case []any:
		for i, v := range t {
			flattenTree(path+"["+strconv.Itoa(i)+"]", v, into)
		}
	case nil:
	case string:
		into[path] = strconv.Quote(t)
	case bool:
		into[path] = strconv.FormatBool(t)
	case json.Number:
		into[path] = t.String()
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
