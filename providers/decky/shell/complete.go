package shell

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// tab completes the word at the cursor: the first Tab adds what is certain, the
// second one lists what may be meant.
func (e *editor) tab() {
	e.tabs++
	line := string(e.text[:e.at])
	word, found := e.session.candidates(line)
	if len(found) == 0 {
		if e.tabs == 1 || !e.simple {
			e.bell()
		}
		return
	}
	if len(found) == 1 {
		e.tabs = 0
		tail := " "
		if strings.HasSuffix(found[0], "/") {
			tail = ""
		} else if name, is := strings.CutPrefix(found[0], "$"); is && e.session.directory(name) {
			tail = "/"
		}
		e.complete(escapeName(found[0])[min(len(escapeName(word)), len(escapeName(found[0]))):] + tail)
		return
	}
	common := found[0]
	for _, name := range found[1:] {
		n := 0
		for n < len(common) && n < len(name) && common[n] == name[n] {
			n++
		}
		common = common[:n]
	}
	switch {
	case len(common) > len(word):
		if !e.simple {
			e.tabs = 0
		}
		e.bell()
		e.complete(escapeName(common)[len(escapeName(word)):])
	case e.tabs == 1:
		e.bell()
		if e.simple && word != "" {
			e.redraw()
		}
	default:
		e.offer(found)
	}
}

// complete adds what is certain of a word.
func (e *editor) complete(text string) {
	if !e.simple {
		e.insertAll([]rune(text))
		return
	}
	e.text = slices.Insert(e.text, e.at, []rune(text)...)
	e.at += len([]rune(text))
	e.redraw()
}

// escapeName is a name as it is typed.
func escapeName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if strings.IndexByte(" \t\n\"'\\`$&|;<>()*?[]{}!#", name[i]) >= 0 && (name[i] != '$' || i > 0) {
			b.WriteByte('\\')
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// offer lists names in columns and shows the line again.
func (e *editor) offer(found []string) {
	if len(found) > 100 && !e.simple {
		e.put(fmt.Sprintf("\r\nDisplay all %d possibilities? (y or n)", len(found)))
		for {
			c, err := e.t.next()
			if err != nil {
				return
			}
			if c == 'n' || c == 'N' || c == 127 || c == 3 {
				e.put("\r\n")
				e.redraw()
				return
			}
			if c == 'y' || c == 'Y' || c == ' ' {
				break
			}
			e.bell()
		}
	}
	longest := 0
	names := make([]string, len(found))
	for i, name := range found {
		trimmed := strings.TrimSuffix(name, "/")
		names[i] = name[strings.LastIndexByte(trimmed, '/')+1:]
		longest = max(longest, len(names[i]))
	}
	width := max(int(e.session.cols.Load()), 20)
	columns := max(1, width/(longest+2))
	if e.full && columns > 1 && columns*(longest+2) == width {
		columns--
	}
	rows := (len(names) + columns - 1) / columns
	var b strings.Builder
	b.WriteString("\r\n")
	if e.simple {
		e.tabs = 0
	}
	for row := range rows {
		for at := row; at < len(names); at += rows {
			b.WriteString(names[at])
			if at+rows < len(names) && !e.full || e.full && at/rows+1 < columns {
				b.WriteString(strings.Repeat(" ", longest+2-len(names[at])))
			}
		}
		b.WriteString("\r\n")
	}
	e.put(b.String())
	e.redraw()
}

// candidates are the word that ends a line and what it may become.
func (s *Session) candidates(line string) (word string, found []string) {
	s.begin()
	defer s.end()
	start := len(line)
	for start > 0 && (strings.IndexByte(" \t;|&<>(){}=\"'`", line[start-1]) < 0 || start > 1 && line[start-2] == '\\') {
		start--
	}
	word = strings.ReplaceAll(line[start:], `\`, "")
	before := strings.TrimRight(line[:start], " \t")
	first := before == "" || strings.HasSuffix(before, "|") || strings.HasSuffix(before, ";") || strings.HasSuffix(before, "&") || strings.HasSuffix(before, "(") || strings.HasSuffix(before, "{") || strings.HasSuffix(before, "`")
	for _, lead := range []string{"sudo", "then", "do", "else", "exec", "nohup", "time", "which", "man"} {
		first = first || before == lead || strings.HasSuffix(before, " "+lead)
	}
	r := &runner{session: s, state: s.state, asUser: s.login, budget: &budget{limits: s.limits}}
	seen := map[string]bool{}
	add := func(name string) {
		if strings.HasPrefix(name, word) && !seen[name] && len(found) < 5000 {
			seen[name] = true
			found = append(found, name)
		}
	}
	switch {
	case strings.HasPrefix(word, "$") && s.state.dialect.bash():
		for name := range s.state.vars {
			add("$" + name)
		}
	case strings.HasPrefix(word, "$") && s.state.dialect.ash():
	case strings.HasPrefix(word, "~") && !strings.Contains(word, "/"):
		for _, a := range s.machine.Accounts() {
			add("~" + a.Name + "/")
		}
	case first && !strings.Contains(word, "/"):
		if word == "" {
			return word, nil
		}
		for name := range maps.Keys(s.state.dialect.builtins) {
			add(name)
		}
		for name := range s.state.funcs {
			add(name)
		}
		for name := range s.state.aliases {
			add(name)
		}
		for _, name := range r.programNames() {
			add(name)
		}
	default:
		cd := s.state.dialect.ash() && (before == "cd" || strings.HasSuffix(before, " cd"))
		s.files(r, word, first || cd, !cd, add)
	}
	slices.Sort(found)
	return word, found
}

// files adds the paths that start with word; where it is to be narrow, only
// directories and perhaps what can be run.
func (s *Session) files(r *runner, word string, narrow, programs bool, add func(string)) {
	dir, prefix, shown := s.state.cwd, word, ""
	if i := strings.LastIndexByte(word, '/'); i >= 0 {
		shown, prefix = word[:i+1], word[i+1:]
		path := shown
		if rest, ok := strings.CutPrefix(path, "~/"); ok {
			path = s.login.Home + "/" + rest
		}
		dir = vfs.Clean(s.state.cwd, path)
	}
	list, err := r.view().ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range list {
		if !strings.HasPrefix(entry.Name, prefix) || prefix == "" && strings.HasPrefix(entry.Name, ".") {
			continue
		}
		path := strings.TrimSuffix(dir, "/") + "/" + entry.Name
		info, err := r.view().Stat(path)
		isDir := err == nil && info.IsDir()
		if narrow && !isDir && (!programs || r.view().Access(path, 1) != nil) {
			continue
		}
		name := shown + entry.Name
		if isDir {
			name += "/"
		}
		add(name)
	}
}

// directory tells whether a variable holds the path of a directory.
func (s *Session) directory(variable string) bool {
	value, _ := s.state.get(variable)
	info, err := s.machine.FS.As(s.login.UID, s.login.GID).Stat(vfs.Clean(s.state.cwd, value))
	return value != "" && err == nil && info.IsDir()
}
