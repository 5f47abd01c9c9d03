package shell

import "strings"

// maxMatch bounds the steps of one match: a pattern of many stars is
// expensive.
const maxMatch = 200_000

// match tells whether s matches a shell pattern: * ? [...] and \ before a
// literal character. It gives up, and says no, after maxMatch steps.
func match(pattern, s string) bool {
	steps := 0
	return matchAt(pattern, s, &steps)
}

func matchAt(p, s string, steps *int) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) || i < len(p) {
		if *steps++; *steps > maxMatch {
			return false
		}
		if i < len(p) {
			if alternatives, rest, ok := extended(p[i:]); ok {
				if matchExtended(p[i], alternatives, rest, s[j:], steps) {
					return true
				}
				if star < 0 || mark >= len(s) {
					return false
				}
				mark++
				i, j = star+1, mark
				continue
			}
			switch p[i] {
			case '*':
				star, mark = i, j
				i++
				continue
			case '?':
				if j < len(s) {
					i, j = i+1, j+size(s[j:])
					continue
				}
			case '[':
				if n, ok := class(p[i:], s[j:]); n > 0 {
					if ok {
						i, j = i+n, j+size(s[j:])
						continue
					}
				} else if j < len(s) && s[j] == '[' {
					i, j = i+1, j+1
					continue
				}
			case '\\':
				if i+1 < len(p) && j < len(s) && s[j] == p[i+1] {
					i, j = i+2, j+1
					continue
				}
			default:
				if j < len(s) && s[j] == p[i] {
					i, j = i+1, j+1
					continue
				}
			}
		}
		if star < 0 || mark >= len(s) {
			return false
		}
		mark++
		i, j = star+1, mark
	}
	return true
}

// extended takes ?(a|b) and its kin apart: the alternatives, and the pattern
// that follows.
func extended(p string) (alternatives []string, rest string, ok bool) {
	if len(p) < 3 || strings.IndexByte("?*+@!", p[0]) < 0 || p[1] != '(' {
		return nil, "", false
	}
	from, depth := 2, 0
	for i := 2; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '(':
			depth++
		case '|':
			if depth == 0 {
				alternatives, from = append(alternatives, p[from:i]), i+1
			}
		case ')':
			if depth == 0 {
				return append(alternatives, p[from:i]), p[i+1:], true
			}
			depth--
		}
	}
	return nil, "", false
}

// matchExtended matches s against an extended pattern and what follows it.
func matchExtended(kind byte, alternatives []string, rest, s string, steps *int) bool {
	any := func(s string) bool {
		for _, p := range alternatives {
			if matchAt(p, s, steps) {
				return true
			}
		}
		return false
	}
	for n := 0; n <= len(s); n++ {
		if *steps++; *steps > maxMatch {
			return false
		}
		hit := false
		switch kind {
		case '!':
			hit = !any(s[:n])
		case '?', '@':
			hit = kind == '?' && n == 0 || any(s[:n])
		default:
			hit = kind == '*' && n == 0 || any(s[:n])
			if hit && n > 0 && matchExtended('*', alternatives, rest, s[n:], steps) {
				return true
			}
		}
		if hit && matchAt(rest, s[n:], steps) {
			return true
		}
	}
	return false
}

func size(s string) int {
	for i, r := range s {
		if i > 0 {
			return i
		}
		_ = r
	}
	return len(s)
}

// class matches the first character of s against the bracket expression at the
// start of p and returns how long that is, 0 where it is none.
func class(p, s string) (int, bool) {
	i := 1
	negated := i < len(p) && (p[i] == '!' || p[i] == '^')
	if negated {
		i++
	}
	var c byte
	if s != "" {
		c = s[0]
	}
	hit := false
	for first := true; ; first = false {
		if i >= len(p) {
			return 0, false
		}
		if p[i] == ']' && !first {
			return i + 1, s != "" && hit != negated
		}
		if strings.HasPrefix(p[i:], "[:") {
			if name, _, ok := strings.Cut(p[i+2:], ":]"); ok {
				hit = hit || inClass(name, c)
				i += len(name) + 4
				continue
			}
		}
		if p[i] == '\\' && i+1 < len(p) {
			i++
		}
		low, high := p[i], p[i]
		if i+2 < len(p) && p[i+1] == '-' && p[i+2] != ']' {
			high = p[i+2]
			i += 2
		}
		hit = hit || low <= c && c <= high
		i++
	}
}

// inClass is the POSIX character class of that name for ASCII.
func inClass(name string, c byte) bool {
	switch name {
	case "alpha":
		return c|0x20 >= 'a' && c|0x20 <= 'z'
	case "digit":
		return c >= '0' && c <= '9'
	case "alnum":
		return inClass("alpha", c) || inClass("digit", c)
	case "upper":
		return c >= 'A' && c <= 'Z'
	case "lower":
		return c >= 'a' && c <= 'z'
	case "space":
		return strings.IndexByte(" \t\n\v\f\r", c) >= 0
	case "blank":
		return c == ' ' || c == '\t'
	case "punct":
		return c > 0x20 && c < 0x7f && !inClass("alnum", c)
	case "print":
		return c >= 0x20 && c < 0x7f
	case "graph":
		return c > 0x20 && c < 0x7f
	case "cntrl":
		return c < 0x20 || c == 0x7f
	case "xdigit":
		return inClass("digit", c) || c|0x20 >= 'a' && c|0x20 <= 'f'
	}
	return false
}

// hasMeta tells whether a pattern is more than a literal.
func hasMeta(p string) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		case '+', '@', '!':
			if i+1 < len(p) && p[i+1] == '(' {
				return true
			}
		}
	}
	return false
}

// unescape is a pattern as the literal it would be.
func unescape(p string) string {
	if !strings.Contains(p, `\`) {
		return p
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] == '\\' && i+1 < len(p) {
			i++
		}
		b.WriteByte(p[i])
	}
	return b.String()
}

// glob lists the paths that match pattern, none where nothing does. It stops
// at maxGlob.
func (r *runner) glob(pattern string) []string {
	const maxGlob = 10_000
	view := r.view()
	root, prefix := r.state.cwd, ""
	if strings.HasPrefix(pattern, "/") {
		root, prefix = "/", "/"
		pattern = strings.TrimLeft(pattern, "/")
	}
	type found struct{ path, shown string }
	level := []found{{root, prefix}}
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		var next []found
		for _, f := range level {
			if r.step() != nil {
				return nil
			}
			join := func(name string) found {
				shown := f.shown + name
				if i < len(parts)-1 {
					shown += "/"
				}
				return found{strings.TrimSuffix(f.path, "/") + "/" + name, shown}
			}
			if part == "" {
				next = append(next, f)
				continue
			}
			if !hasMeta(part) {
				if one := join(unescape(part)); existsPath(view.Lstat, one.path) {
					next = append(next, one)
				}
				continue
			}
			list, err := view.ReadDir(f.path)
			if err != nil {
				continue
			}
			for _, entry := range list {
				if strings.HasPrefix(entry.Name, ".") && !strings.HasPrefix(part, ".") && !r.state.shopt["dotglob"] || !match(part, entry.Name) {
					continue
				}
				if i < len(parts)-1 {
					if info, err := view.Stat(strings.TrimSuffix(f.path, "/") + "/" + entry.Name); err != nil || !info.IsDir() {
						continue
					}
				}
				if next = append(next, join(entry.Name)); len(next) >= maxGlob {
					break
				}
			}
		}
		level = next
	}
	out := make([]string, 0, len(level))
	for _, f := range level {
		out = append(out, f.shown)
	}
	return out
}

func existsPath[T any](stat func(string) (T, error), path string) bool {
	_, err := stat(path)
	return err == nil
}
