package fetch

import (
	"fmt"
	"strconv"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

func hexOf(n int64) string { return strconv.FormatInt(n, 16) }

// seconds reads an option's number of seconds, a fraction allowed.
func seconds(text string) (time.Duration, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < 0 || f > 1e7 {
		return 0, false
	}
	return time.Duration(f * float64(time.Second)), true
}

// human is a size as wget shows it: in the unit that leaves the least, with
// places behind the point below limit.
func human(n int, limit float64, places int) string {
	if n < 1024 {
		return itoa(n)
	}
	v := float64(n)
	for i, unit := range "KMGT" {
		if v /= 1024; v < 1024 || i == 3 {
			if v >= limit {
				places = 0
			}
			return fmt.Sprintf("%.*f%c", places, v, unit)
		}
	}
	return ""
}

// speed is bytes in a second in the largest unit that fits: none, K, M, G.
func speed(bytes int, took time.Duration) (float64, int) {
	v := float64(bytes) / max(took.Seconds(), 1e-6)
	unit := 0
	for v >= 1024 && unit < 3 {
		v /= 1024
		unit++
	}
	return v, unit
}

// rate is a speed as wget's last line has it.
func rate(bytes int, took time.Duration) string {
	v, unit := speed(bytes, took)
	return threeDigits(v) + " " + [...]string{"B/s", "KB/s", "MB/s", "GB/s"}[unit]
}

func threeDigits(v float64) string {
	switch {
	case v >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// spell is a time in seconds as wget prints it.
func spell(d time.Duration) string {
	s := d.Seconds()
	switch {
	case s >= 9.95:
		return fmt.Sprintf("%.0f", s)
	case s >= 0.95:
		return fmt.Sprintf("%.1f", s)
	case s >= 0.001:
		return fmt.Sprintf("%.1g", s)
	case s >= 0.0005:
		return "0.001"
	}
	return "0"
}
