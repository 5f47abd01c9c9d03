package awk

import (
	"math"
	"strconv"
	"strings"
)

// awkValue is a string, a number, or input that may be both.
type awkValue struct {
	s       string
	n       float64
	numeric bool
}

func awkNumber(n float64) awkValue { return awkValue{n: n, numeric: true, s: awkText(n)} }

func awkText(n float64) string {
	switch {
	case math.IsInf(n, 1):
		return "inf"
	case math.IsInf(n, -1):
		return "-inf"
	case math.IsNaN(n):
		return "nan"
	}
	if n == math.Trunc(n) && math.Abs(n) < 1<<31 {
		return strconv.FormatInt(int64(n), 10)
	}
	return strconv.FormatFloat(n, 'g', 6, 64)
}

// awkInput is a value from outside: a number where it looks like one.
func awkInput(s string) awkValue {
	if n, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil && !strings.ContainsAny(s, "xXnNpP") {
		return awkValue{s: s, n: n, numeric: true}
	}
	return awkValue{s: s}
}

// String is the value as print shows it.
func (v awkValue) String() string { return v.s }

func (v awkValue) number() float64 {
	if v.numeric {
		return v.n
	}
	return leadingNumber(v.s)
}

func (v awkValue) true() bool {
	if v.numeric {
		return v.n != 0
	}
	return v.s != ""
}

// FloatStart is the longest start of s that is a number.
func FloatStart(s string) string {
	s = strings.TrimLeft(s, " \t")
	n := 0
	for n < len(s) && n < 400 && strings.IndexByte("0123456789.+-eE", s[n]) >= 0 {
		n++
	}
	for ; n > 0; n-- {
		if _, err := strconv.ParseFloat(s[:n], 64); err == nil {
			break
		}
	}
	return s[:n]
}

// leadingNumber is the number that a string starts with, as awk reads it.
func leadingNumber(s string) float64 {
	v, err := strconv.ParseFloat(FloatStart(strings.TrimLeft(s, "\n")), 64)
	if err != nil {
		return 0
	}
	return v
}
