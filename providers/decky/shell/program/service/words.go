package service

import (
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// version is the number of the host's systemd and of its package.
func version(c *program.Call) (number int, whole string) {
	for _, p := range image.Packages(c.Machine.Release) {
		if p.Name == "systemd" {
			_, _ = fmt.Sscan(p.Version, &number)
			_, _ = fmt.Sscanf(p.Version, "%d", &number)
			return number, p.Version
		}
	}
	return 252, "252"
}

// old tells CentOS 7's systemd, whose words differ from all others'.
func (m *manager) old() bool { return m.c.Machine.Release.Slug == "centos7" }

// combined tells whether messages name a unit before its description.
func (m *manager) combined() bool {
	switch m.c.Machine.Release.Slug {
	case "centos7", "ubuntu20", "ubuntu22", "rocky9":
		return false
	}
	return true
}

// title is how messages call a unit.
func (m *manager) title(u *unit) string {
	if m.combined() && u.desc != u.name {
		return u.name + " - " + u.desc
	}
	return u.desc
}

// utf8 tells whether the locale has more than ASCII.
func utf8(c *program.Call) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v, ok := c.Getenv(name); ok && v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// glyph is a sign in the locale.
func glyph(c *program.Call, sign, ascii string) string {
	if utf8(c) {
		return sign
	}
	return ascii
}

// dot is the sign in front of a unit by its state.
func (m *manager) dot(u *unit) string {
	if m.numbered(248) {
		switch u.active {
		case "inactive":
			return glyph(m.c, "○", "*")
		case "failed":
			return glyph(m.c, "×", "x")
		}
	}
	return glyph(m.c, "●", "*")
}

// numbered tells whether systemd is of at least a version.
func (m *manager) numbered(least int) bool {
	n, _ := version(m.c)
	return n >= least
}

// stamp is a time in the host's zone as systemd writes it.
func stamp(c *program.Call, t time.Time) string {
	return t.In(c.Machine.Zone.Location).Format("Mon 2006-01-02 15:04:05 MST")
}

// ago is how long something is past, or to come, as systemd tells it.
func ago(d time.Duration) string {
	s := int64(d / time.Second)
	plural := func(n int64, word string) string {
		if n == 1 {
			return "1 " + word
		}
		return fmt.Sprintf("%d %ss", n, word)
	}
	const day, week, month, year = 86400, 7 * 86400, 2629800, 31557600
	switch {
	case s >= year:
		return plural(s/year, "year") + " " + plural(s%year/month, "month")
	case s >= month:
		return plural(s/month, "month") + " " + plural(s%month/day, "day")
	case s >= week:
		return plural(s/week, "week") + " " + plural(s%week/day, "day")
	case s >= 2*day:
		return plural(s/day, "day")
	case s >= 25*3600:
		return fmt.Sprintf("1 day %dh", (s-day)/3600)
	case s >= 6*3600:
		return fmt.Sprintf("%dh", s/3600)
	case s >= 3600:
		return fmt.Sprintf("%dh %dmin", s/3600, s%3600/60)
	case s >= 300:
		return fmt.Sprintf("%dmin", s/60)
	case s >= 60:
		return fmt.Sprintf("%dmin %ds", s/60, s%60)
	case s > 0:
		return fmt.Sprintf("%ds", s)
	case d >= time.Millisecond:
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	return fmt.Sprintf("%dus", max(d.Microseconds(), 1))
}

// span is a duration in systemd's words: "1min 2.345s".
func span(d time.Duration) string {
	switch {
	case d >= time.Minute:
		text := ""
		if h := int(d.Hours()); h > 0 {
			text = fmt.Sprintf("%dh ", h)
		}
		return strings.TrimSpace(text + fmt.Sprintf("%dmin %.3fs", int(d.Minutes())%60, (d%time.Minute).Seconds()))
	case d >= time.Second:
		return fmt.Sprintf("%.3fs", d.Seconds())
	}
	return fmt.Sprintf("%dms", max(d.Milliseconds(), 1))
}

// bytesText is a size in systemd's words: "5.2M".
func bytesText(n int64) string {
	for i, unit := range []string{"B", "K", "M", "G"} {
		size := float64(n) / float64(int64(1)<<(10*i))
		if size < 1024 || unit == "G" {
			if i == 0 || size >= 1024 {
				return fmt.Sprintf("%.0f%s", size, unit)
			}
			return fmt.Sprintf("%.1f%s", size, unit)
		}
	}
	return ""
}
