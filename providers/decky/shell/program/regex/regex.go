// Package regex reads POSIX regular expressions as grep, sed and awk do, over
// Go's engine, whose time is linear. It has no back-references.
package regex

import (
	"regexp"
	"strings"
)

// Basic turns a POSIX basic expression into Go's syntax: \( \) \{ \} \| \+
// \? are operators, their bare forms are literal.
func Basic(s string) string {
	var b strings.Builder
	class := 0 // bytes since [
	for i := 0; i < len(s); i++ {
		c := s[i]
		if class > 0 {
			b.WriteByte(c)
			if strings.HasPrefix(s[i:], "[:") {
				if j := strings.Index(s[i:], ":]"); j > 0 {
					b.WriteString(s[i+1 : i+j+2])
					i += j + 1
				}
			} else if c == ']' && class > 1 {
				class = 0
				continue
			}
			if !(class == 1 && c == '^') {
				class++
			}
			continue
		}
		switch {
		case c == '[':
			class = 1
			b.WriteByte(c)
		case c == '\\' && i+1 < len(s):
			i++
			if strings.IndexByte("(){}|+?", s[i]) >= 0 {
				b.WriteByte(s[i])
			} else {
				b.WriteString(escapedRegex(s[i]))
			}
		case strings.IndexByte("(){}|+?", c) >= 0, c == '*' && (i == 0 || strings.HasSuffix(s[:i], `\(`) || s[:i] == "^"):
			b.WriteString(`\` + string(c))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func escapedRegex(c byte) string {
	switch {
	case c == '<' || c == '>' || c == 'b':
		return `\b`
	case strings.IndexByte("wWsSB", c) >= 0:
		return `\` + string(c)
	case c == 'n' || c == 't':
		return `\` + string(c)
	}
	return regexp.QuoteMeta(string(c))
}

// Compile compiles an expression as grep and sed read it.
func Compile(s string, extended, fold bool) (*regexp.Regexp, error) {
	if !extended {
		s = Basic(s)
	} else {
		s = strings.NewReplacer(`\<`, `\b`, `\>`, `\b`).Replace(s)
	}
	if fold {
		s = "(?i)" + s
	}
	re, err := regexp.Compile(s)
	if err == nil {
		re.Longest()
	}
	return re, err
}

// Problem is the C library's word for a mistake in an expression.
func Problem(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "missing closing ]"):
		return "Unmatched [, [^, [:, [., or [="
	case strings.Contains(text, "missing closing )"):
		return "Unmatched ( or \\("
	case strings.Contains(text, "unexpected )"):
		return "Unmatched ) or \\)"
	case strings.Contains(text, "missing argument to repetition"):
		return "Invalid preceding regular expression"
	case strings.Contains(text, "invalid character class range"):
		return "Invalid range end"
	case strings.Contains(text, "invalid repeat count"):
		return "Invalid content of \\{\\}"
	}
	return "Invalid regular expression"
}
