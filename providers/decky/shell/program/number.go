package program

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Count reads the number of head and tail, with its suffix.
func Count(s string) (n int64, ok bool) {
	factor := int64(1)
	for suffix, v := range map[string]int64{"k": 1024, "K": 1024, "M": 1 << 20, "G": 1 << 30, "b": 512, "kB": 1000, "MB": 1_000_000} {
		if digits, found := strings.CutSuffix(s, suffix); found && digits != "" && strings.Trim(digits, "0123456789+-") == "" {
			s, factor = digits, v
		}
	}
	n, err := strconv.ParseInt(s, 10, 40)
	return n * factor, err == nil
}

// Human is a size as -h shows it.
func Human(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	v, unit := float64(n), 0
	for v >= 1024 && unit < 5 {
		v /= 1024
		unit++
	}
	letter := string("KMGTP"[unit-1])
	if v < 10 {
		tenths := int64(v*10 + 0.9999)
		if tenths < 100 {
			return fmt.Sprintf("%d.%d%s", tenths/10, tenths%10, letter)
		}
		return "10" + letter
	}
	return strconv.FormatInt(int64(v+0.9999), 10) + letter
}

// Interval is a time as sleep and timeout read it.
func Interval(s string) (time.Duration, bool) {
	unit := time.Second
	for suffix, u := range map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour} {
		if d, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = d, u
			break
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil && s != "infinity" || n < 0 {
		return 0, false
	}
	return time.Duration(min(n, 1e6) * float64(unit)), true
}

// Decimal is a number in decimal digits.
func Decimal(n int64) string { return strconv.FormatInt(n, 10) }
