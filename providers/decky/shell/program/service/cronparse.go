package service

import (
	"slices"
	"strconv"
	"strings"
)

// cronField is one of the five times of a crontab's line (crontab(5)).
type cronField struct {
	name      string
	low, high int
	names     []string // of the values from low on
}

var cronFields = []cronField{
	{name: "minute", high: 59}, {name: "hour", high: 23}, {name: "day-of-month", low: 1, high: 31},
	{name: "month", low: 1, high: 12, names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{name: "day-of-week", high: 7, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// cronTimes are the names of times that stand for five fields.
var cronTimes = []string{"reboot", "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"}

// checkCrontab finds the first mistake of a crontab as cron's parser counts
// lines: it has read the line's end or not. problem is "" where there is none.
func checkCrontab(text string) (line int, problem string) {
	n := 0
	for l := range strings.Lines(text) {
		n++
		body := strings.TrimLeft(strings.TrimSuffix(l, "\n"), " \t")
		if body == "" || body[0] == '#' || isAssignment(body) {
			continue
		}
		if name, ok := strings.CutPrefix(body, "@"); ok {
			word, _, more := strings.Cut(name, " ")
			word, _, tab := strings.Cut(word, "\t")
			if slices.Contains(cronTimes, word) {
				continue
			}
			if more || tab {
				return n - 1, "bad time specifier"
			}
			return n, "bad time specifier"
		}
		for _, f := range cronFields {
			token := body[:len(body)-len(strings.TrimLeft(body, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*/,-"))]
			rest := body[len(token):]
			ended := rest == ""
			if !f.fits(token) || !ended && rest[0] != ' ' && rest[0] != '\t' {
				if ended {
					return n, "bad " + f.name
				}
				return n - 1, "bad " + f.name
			}
			body = strings.TrimLeft(rest, " \t")
		}
	}
	return 0, ""
}

// isAssignment tells a line that sets a variable of the environment.
func isAssignment(line string) bool {
	name, _, ok := strings.Cut(line, "=")
	if !ok {
		return false
	}
	name = strings.TrimSpace(name)
	if len(name) > 1 && (name[0] == '"' || name[0] == '\'') && name[len(name)-1] == name[0] {
		return true
	}
	return name != "" && !strings.ContainsAny(name, " \t")
}

// fits tells whether a token is a list of the field's values.
func (f cronField) fits(token string) bool {
	if token == "" {
		return false
	}
	for part := range strings.SplitSeq(token, ",") {
		span, step, stepped := strings.Cut(part, "/")
		if stepped {
			if n, err := strconv.Atoi(step); err != nil || n < 1 {
				return false
			}
		}
		if span == "*" {
			continue
		}
		from, to, ranged := strings.Cut(span, "-")
		a, ok := f.value(from)
		if !ok {
			return false
		}
		if b, ok := f.value(to); ranged && (!ok || b < a) {
			return false
		}
	}
	return true
}

func (f cronField) value(s string) (int, bool) {
	if i := slices.Index(f.names, strings.ToLower(s)); i >= 0 {
		return i + f.low, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= f.low && n <= f.high
}
