package process

import (
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// wishOf reads the options of Unix, BSD and GNU; nil where they were answered.
func wishOf(c *program.Call) (*wish, string) {
	w := &wish{}
	args := c.Args
	take := func(rest string) (string, bool) {
		if rest != "" {
			return rest, true
		}
		if len(args) == 0 {
			return "", false
		}
		v := args[0]
		args = args[1:]
		return v, true
	}
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		if strings.HasPrefix(a, "--") {
			name, value, given := strings.Cut(a[2:], "=")
			if problem, done := w.long(c, name, value, given, take); problem != "" || done {
				return nil, problem
			}
			continue
		}
		if pids := ints(strings.TrimPrefix(a, "-")); len(pids) > 0 && strings.Trim(a, "-0123456789,") == "" {
			w.pids = append(w.pids, pids...)
			w.bsd = w.bsd || a[0] != '-'
			continue
		}
		unix := strings.HasPrefix(a, "-") && len(a) > 1
		letters := strings.TrimPrefix(a, "-")
		if unix && letters == "V" {
			c.Version()
			return nil, ""
		}
		if unix && (strings.HasPrefix(letters, "aux") || strings.HasSuffix(letters, "ux") && strings.Trim(letters, "afuxw") == "") { // what is meant, as procps takes it
			unix = false
		}
		read := w.letter
		if unix {
			read = w.unix
		}
		for i := 0; i < len(letters); i++ {
			rest := letters[i+1:]
			used, problem := read(letters[i], func() (string, bool) { return take(rest) })
			if problem == "version" {
				c.Version()
				return nil, ""
			}
			if problem != "" {
				return nil, problem
			}
			if used {
				break
			}
		}
		w.bsd = w.bsd || !unix
	}
	if w.bsd && w.format == "" {
		w.format = "bsd"
	}
	return w, ""
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func ints(text string) []int {
	var out []int
	for _, w := range words(text) {
		if n, err := strconv.Atoi(w); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// unix takes an option behind a dash.
func (w *wish) unix(letter byte, take func() (string, bool)) (used bool, problem string) {
	switch letter {
	case 'e', 'A':
		w.all, w.notTTY = true, true
	case 'a':
		w.all = true
	case 'd':
		w.leaders = true
	case 'f', 'F', 'l', 'j':
		w.format = string(letter)
	case 'w':
		w.wide = true
	case 'L':
		w.threads = true
	case 'T':
		w.spid = true
	case 'y':
		w.y = true
	case 'H':
		w.forest = true
	case 'M', 'Z':
		w.label = true
	case 'N':
		w.none = true
	case 'c', 'P', 'm':
	case 'x':
		w.notTTY = true
	case 'o', 'O', 'p', 'u', 'U', 'C', 't', 'g', 'G', 'q', 's':
		v, ok := take()
		if !ok {
			return true, missing(letter)
		}
		return true, w.value(letter, v)
	case 'V':
		return true, "version"
	default:
		return false, "unsupported SysV option"
	}
	return false, ""
}

// missing is what lacks behind an option.
func missing(letter byte) string {
	what := map[byte]string{'p': "list of process IDs must follow -p", 'q': "list of process IDs must follow -q", 'u': "list of users must follow -u", 'U': "list of real users must follow -U", 'C': "list of command names must follow -C", 't': "list of terminals (pty, tty...) must follow -t", 'g': "list of session leaders OR effective group names must follow -g", 'G': "list of real groups must follow -G", 's': "list of session IDs must follow -s", 'o': "format specification must follow -o", 'O': "format or sort specification must follow -O"}[letter]
	if what == "" {
		return "option requires an argument"
	}
	return what
}

// letter takes an option of BSD.
func (w *wish) letter(letter byte, take func() (string, bool)) (used bool, problem string) {
	switch letter {
	case 'a':
		w.everybody = true
	case 'x', 'g':
		w.notTTY = w.notTTY || letter == 'x'
	case 'u', 'l', 'j', 'v':
		w.format = string(letter)
	case 'f':
		w.forest = true
	case 'w':
		w.wide = true
	case 'r':
		w.running = true
	case 'T':
	case 'h':
		w.noHeader = true
	case 'L', 'm', 'H':
	case 'c', 'e', 'n', 'S', 's', 'X':
	case 'Z', 'M':
		w.label = true
	case 'V':
		return true, "version"
	case 'o', 'p', 'U', 't', 'k', 'O', 'q':
		v, ok := take()
		if !ok && letter == 't' {
			return true, ""
		}
		if !ok {
			return true, missing(letter)
		}
		if letter == 'k' {
			w.sort = v
			return true, ""
		}
		return true, w.value(letter, v)
	default:
		return false, "unsupported option (BSD syntax)"
	}
	return false, ""
}

// value takes an option's argument.
func (w *wish) value(letter byte, v string) string {
	switch letter {
	case 'p', 'q':
		if strings.Trim(v, "0123456789, ") != "" || len(ints(v)) == 0 {
			return "process ID list syntax error"
		}
		w.pids = append(w.pids, ints(v)...)
	case 'u', 'U':
		w.users = append(w.users, words(v)...)
	case 'C':
		w.names = append(w.names, words(v)...)
	case 't':
		w.ttys = append(w.ttys, words(strings.ReplaceAll(v, "/dev/", ""))...)
	case 'g', 's':
		w.sessions = append(w.sessions, ints(v)...)
	case 'G':
		w.groups = append(w.groups, words(v)...)
	case 'o', 'O':
		return w.columns(v)
	}
	return ""
}

// columns takes the list of -o.
func (w *wish) columns(v string) string {
	w.format = "o"
	for i := 0; i < len(v); {
		part := v[i:]
		end := strings.IndexAny(part, ", ")
		if at := strings.IndexByte(part, '='); at >= 0 && (end < 0 || at < end) {
			end = -1 // a title goes to the end
			if part[at+1:] == "" || strings.HasPrefix(part[at+1:], ",") {
				end = at + 1
			}
		}
		if end < 0 {
			end = len(part)
		}
		word := part[:end]
		i += end + 1
		if word == "" {
			continue
		}
		name, title, renamed := strings.Cut(word, "=")
		col, ok := find(name)
		if !ok {
			return "unknown user-defined format specifier \"" + name + "\""
		}
		if renamed {
			col.title = title
			if n := len(title); n > max(col.width, -col.width) && col.width > 0 {
				col.width = n
			}
		}
		w.titled = w.titled || col.title != ""
		w.shown = append(w.shown, col)
	}
	return ""
}

// long takes an option of two dashes.
func (w *wish) long(c *program.Call, name, value string, given bool, take func(string) (string, bool)) (problem string, done bool) {
	wants := map[string]byte{"format": 'o', "pid": 'p', "user": 'u', "User": 'U', "tty": 't', "group": 'G', "Group": 'G', "sid": 's', "quick-pid": 'q'}
	switch {
	case name == "version":
		c.Version()
		return "", true
	case name == "help":
		c.Answered = true
		c.Print(psUsage[1:])
		return "", true
	case slices.Contains([]string{"no-headers", "no-heading", "noheader", "no-header", "noheaders", "no-headings"}, name):
		w.noHeader = true
	case name == "forest":
		w.forest = true
	case name == "deselect":
		w.none = true
	case name == "sort" || name == "ppid" || wants[name] != 0:
		if !given {
			v, ok := take("")
			if !ok {
				return "option requires an argument", false
			}
			value = v
		}
		switch name {
		case "sort":
			w.sort = value
		case "ppid":
			w.parent = append(w.parent, ints(value)...)
		default:
			return w.value(wants[name], value), false
		}
	case slices.Contains([]string{"headers", "heading", "cumulative", "cols", "width", "columns", "rows", "lines", "context", "info"}, name):
	default:
		return "unknown gnu long option", false
	}
	return "", false
}
