package shell

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

var errNoEvent = errors.New("event not found")

// expandHistory replaces !! and its kin in a line that was typed, and shows
// what became of it.
func (s *Session) expandHistory(line string, e *editor) (string, error) {
	if !s.state.dialect.bash() || !strings.ContainsAny(line, "!^") {
		return line, nil
	}
	if on, changed := s.state.options["histexpand"]; changed && !on {
		return line, nil
	}
	if strings.HasPrefix(line, "^") {
		parts := strings.Split(line[1:], "^")
		if len(s.history) > 0 && len(parts) > 1 && strings.Contains(s.history[len(s.history)-1], parts[0]) {
			line = strings.Replace(s.history[len(s.history)-1], parts[0], parts[1], 1)
			e.put(strings.ReplaceAll(line, "\n", "\r\n") + "\r\n")
			return line, nil
		}
		e.put(s.state.name + ": :s" + line + ": substitution failed\r\n")
		return "", errNoEvent
	}
	var b strings.Builder
	changed, single, double := false, false, false
	for i := 0; i < len(line); {
		c := line[i]
		switch {
		case c == '\\' && !single && i+1 < len(line):
			b.WriteString(line[i : i+2])
			i += 2
			continue
		case c == '\'' && !double:
			single = !single
		case c == '"' && !single:
			double = !double
		case c == '!' && !single && i+1 < len(line) && strings.IndexByte(" \t\n=(", line[i+1]) < 0 && (!double || line[i+1] != '"'):
			text, length, ok := s.event(line[i:])
			if !ok {
				e.put(s.state.name + ": " + line[i:i+length] + ": event not found\r\n")
				return "", errNoEvent
			}
			b.WriteString(text)
			changed = true
			i += length
			continue
		}
		b.WriteByte(c)
		i++
	}
	if !changed {
		return line, nil
	}
	line = b.String()
	e.put(strings.ReplaceAll(line, "\n", "\r\n") + "\r\n")
	return line, nil
}

// event is what a designator at the start of text stands for, and its length.
func (s *Session) event(text string) (found string, length int, ok bool) {
	n := len(s.history)
	last := func() string {
		if n == 0 {
			return ""
		}
		return s.history[n-1]
	}
	rest := text[1:]
	word := func(line string, pick byte) string {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			return ""
		case pick == '$':
			return words[len(words)-1]
		case pick == '^':
			return words[min(1, len(words)-1)]
		}
		return strings.Join(words[1:], " ")
	}
	switch {
	case strings.HasPrefix(rest, "!"):
		found, length, ok = last(), 2, n > 0
	case rest[0] == '$' || rest[0] == '^' || rest[0] == '*':
		return word(last(), rest[0]), 2, n > 0
	case rest[0] == '-' || rest[0] >= '0' && rest[0] <= '9':
		end := 1
		for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
			end++
		}
		at, err := strconv.Atoi(rest[:end])
		if at < 0 {
			at += n + 1
		}
		length = 1 + end
		if ok = err == nil && at >= 1 && at <= n; ok {
			found = s.history[at-1]
		}
	default:
		end := strings.IndexAny(rest, " \t\n;|&<>:$^\"")
		wanted, anywhere := rest, strings.HasPrefix(rest, "?")
		if anywhere {
			if end = strings.IndexByte(rest[1:], '?'); end >= 0 {
				end += 2
			}
		}
		if end >= 0 {
			wanted = rest[:end]
		}
		length = 1 + len(wanted)
		wanted = strings.Trim(wanted, "?")
		for _, line := range slices.Backward(s.history) {
			if !anywhere && strings.HasPrefix(line, wanted) || anywhere && strings.Contains(line, wanted) {
				found, ok = line, true
				break
			}
		}
	}
	if after := text[min(length, len(text)):]; ok && len(after) > 1 && after[0] == ':' && strings.IndexByte("$^*", after[1]) >= 0 {
		return word(found, after[1]), length + 2, true
	}
	return found, length, ok
}
