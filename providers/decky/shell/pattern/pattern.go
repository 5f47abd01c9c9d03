// Package pattern matches the patterns of shells, find and tar: *, ?, brackets
// with classes, and bash's extended groups. It owns a bound on how long a
// pattern may search.
package pattern

import "strings"

// maxMatch bounds the steps of one match: a pattern of many stars is
// expensive.
const maxMatch = 200_000

// Match tells whether s matches a shell pattern: * ? [...] and \ before a
// literal character. It gives up, and says no, after maxMatch steps.
func Match(pattern, s string) bool {
	steps := 0
	return matchAt(pattern, s, &steps)
}

// MaxSteps bounds one match.
const MaxSteps = maxMatch

// MatchSteps is Match that adds the steps it took to *steps and gives up at
// MaxSteps.
func MatchSteps(pattern, s string, steps *int) bool { return matchAt(pattern, s, steps) }

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
					i, j = i+1, j+Size(s[j:])
					continue
				}
			case '[':
				if n, ok := Class(p[i:], s[j:]); n > 0 {
					if ok {
						i, j = i+n, j+Size(s[j:])
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

func Size(s string) int {
	for i, r := range s {
		if i > 0 {
			return i
		}
		_ = r
	}
	return len(s)
}

// Class matches the first character of s against the bracket expression at the
// start of p and returns how long that is, 0 where it is none.
func Class(p, s string) (int, bool) {
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
				hit = hit || InClass(name, c)
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

// InClass is the POSIX character class of that name for ASCII.
func InClass(name string, c byte) bool {
	switch name {
	case "alpha":
		return c|0x20 >= 'a' && c|0x20 <= 'z'
	case "digit":
		return c >= '0' && c <= '9'
	case "alnum":
		return InClass("alpha", c) || InClass("digit", c)
	case "upper":
		return c >= 'A' && c <= 'Z'
	case "lower":
		return c >= 'a' && c <= 'z'
	case "space":
		return strings.IndexByte(" \t\n\v\f\r", c) >= 0
	case "blank":
		return c == ' ' || c == '\t'
	case "punct":
		return c > 0x20 && c < 0x7f && !InClass("alnum", c)
	case "print":
		return c >= 0x20 && c < 0x7f
	case "graph":
		return c > 0x20 && c < 0x7f
	case "cntrl":
		return c < 0x20 || c == 0x7f
	case "xdigit":
		return InClass("digit", c) || c|0x20 >= 'a' && c|0x20 <= 'f'
	}
	return false
}

// HasMeta tells whether a pattern is more than a literal.
func HasMeta(p string) bool {
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

// Unescape is a pattern as the literal it would be.
func Unescape(p string) string {
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
