package shell

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/grammar"
)

// readCommand reads lines until they are a whole command.
func (s *Session) readCommand(e *editor) (string, error) {
	ps1, ok := s.state.get("PS1")
	if !ok && s.state.dialect.bash() {
		ps1 = `\s-\v\$ `
	}
	line, err := e.read(s.prompt(ps1))
	for err == nil && s.incomplete(line) && len(line) < s.limits.Line {
		ps2, _ := s.state.get("PS2")
		var more string
		more, err = e.read(s.prompt(ps2))
		if strings.HasSuffix(line, `\`) && !strings.HasSuffix(line, `\\`) {
			line = line[:len(line)-1] + more
			continue
		}
		line += "\n" + more
	}
	return line, err
}

// incomplete tells that a shell would ask for another line.
func (s *Session) incomplete(line string) bool {
	if strings.HasSuffix(line, `\`) && !strings.HasSuffix(line, `\\`) {
		return true
	}
	r := grammar.Check(line, s.state.dialect.kind)
	return len(r.Unclosed) > 0 || r.Err != nil && r.Err.EOF
}

// distroPrompt is the prompt that the distribution's own start files make.
func (s *Session) distroPrompt() string {
	title := s.machine.Host.Title
	colour := strings.HasSuffix(s.options.Term, "-256color") || s.options.Term == "xterm-color"
	root := s.login.UID == 0
	switch {
	case s.state.dialect.dash():
		return map[bool]string{true: "# ", false: "$ "}[root]
	case s.state.dialect.ash() && strings.HasPrefix(title, "Alpine"):
		return `\h:\w\$ `
	case s.state.dialect.ash():
		return `\w \$ `
	case strings.HasPrefix(title, "CentOS"), strings.HasPrefix(title, "Rocky"), strings.HasPrefix(title, "Fedora"), strings.HasPrefix(title, "Red Hat"):
		return `[\u@\h \W]\$ `
	case strings.HasPrefix(title, "Alpine"):
		return `\h:\w\$ `
	case root && strings.HasPrefix(title, "Debian"), !colour:
		plain := `\u@\h:\w\$ `
		if !root && strings.HasPrefix(s.options.Term, "xterm") {
			return `\[\e]0;\u@\h: \w\a\]` + plain
		}
		return plain
	}
	text := `\[\033[01;32m\]\u@\h\[\033[00m\]:\[\033[01;34m\]\w\[\033[00m\]\$ `
	if strings.HasPrefix(s.options.Term, "xterm") || strings.HasPrefix(s.options.Term, "rxvt") {
		return `\[\e]0;\u@\h: \w\a\]` + text
	}
	return text
}

// prompt is a prompt with its escapes, and in it what a shell expands.
func (s *Session) prompt(text string) string {
	if s.state.dialect.dash() {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		if text[i] >= '0' && text[i] <= '7' {
			end := i
			for end < len(text) && end < i+3 && text[end] >= '0' && text[end] <= '7' {
				end++
			}
			n, _ := strconv.ParseUint(text[i:end], 8, 16)
			b.WriteByte(byte(n))
			i = end - 1
			continue
		}
		b.WriteString(s.promptEscape(text[i]))
	}
	return strings.NewReplacer("${debian_chroot:+($debian_chroot)}", "", "${debian_chroot:+(${debian_chroot})}", "", "\n", "\r\n").Replace(b.String())
}

// promptEscape is what \x stands for in a prompt.
func (s *Session) promptEscape(letter byte) string {
	dir := s.state.cwd
	if home := s.login.Home; home != "/" && (dir == home || strings.HasPrefix(dir, home+"/")) {
		dir = "~" + dir[len(home):]
	}
	now := s.machine.Now()
	release, _, _ := strings.Cut(s.state.version, "(")
	host, _, _ := strings.Cut(s.machine.Host.Hostname, ".")
	switch letter {
	case 'u':
		return s.login.Name
	case 'h':
		return host
	case 'H':
		return s.machine.Host.Hostname
	case 'w':
		return dir
	case 'W':
		if dir == "/" || dir == "~" {
			return dir
		}
		return base(dir)
	case '$':
		return map[bool]string{true: "#", false: "$"}[s.login.UID == 0]
	case 's':
		return s.state.name
	case 'v':
		return release[:max(strings.LastIndexByte(release, '.'), 0)]
	case 'V':
		return release
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 'e':
		return "\x1b"
	case 'a':
		return "\a"
	case 't':
		return now.Format("15:04:05")
	case 'T':
		return now.Format("03:04:05")
	case '@':
		return now.Format("03:04 PM")
	case 'A':
		return now.Format("15:04")
	case 'd':
		return now.Format("Mon Jan 02")
	case 'j':
		return strconv.Itoa(len(s.state.jobs.list))
	case '!', '#':
		return strconv.Itoa(len(s.history) + 1)
	case 'l':
		return base(s.options.TTY)
	case '[', ']':
		return ""
	case '\\':
		return `\`
	}
	return `\` + string(letter)
}
