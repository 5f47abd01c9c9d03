// Package word holds what shells and programs do to one word alike: quoting,
// backslash escapes, numbers.
package word

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
)

// Quote is s so that a shell reads it as one word.
func Quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Shown is a value as set lists it.
func Shown(s string) string {
	if s != "" && strings.IndexFunc(s, func(c rune) bool {
		return !strings.ContainsRune("_-./:@%+=,", c) && !pattern.InClass("alnum", byte(min(c, 255)))
	}) < 0 {
		return s
	}
	if s == "" {
		return ""
	}
	if strings.ContainsAny(s, "\n\t\x1b") {
		return "$'" + strings.NewReplacer("\n", `\n`, "\t", `\t`, "'", `\'`, "\x1b", `\E`).Replace(s) + "'"
	}
	return Quote(s)
}

// Number reads an integer as bash's arithmetic does: decimal, 0 for octal, 0x,
// base#digits.
func Number(text string) (int64, bool) {
	negative := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	base := 10
	digits := text
	if b, d, ok := strings.Cut(text, "#"); ok {
		n, err := strconv.Atoi(b)
		if err != nil || n < 2 || n > 64 {
			return 0, false
		}
		if n > 36 {
			return large(d, n, negative)
		}
		base, digits = n, d
	} else if strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X") {
		base, digits = 16, text[2:]
	} else if len(text) > 1 && text[0] == '0' {
		base, digits = 8, text[1:]
	}
	if strings.ContainsAny(digits, "+-_") {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		return 0, false
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// large reads digits in a base above 36: 0-9, a-z, A-Z, @ and _.
func large(digits string, base int, negative bool) (int64, bool) {
	const order = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@_"
	n := int64(0)
	for i := range len(digits) {
		value := strings.IndexByte(order, digits[i])
		if value < 0 || value >= base {
			return 0, false
		}
		n = n*int64(base) + int64(value)
	}
	if negative {
		n = -n
	}
	return n, digits != ""
}
