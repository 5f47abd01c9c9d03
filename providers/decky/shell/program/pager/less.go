// Package pager holds what shows text page by page: less, more and man. At a
// terminal they take their keys; elsewhere they hand the text on. It refuses to
// start an editor or a shell from within.
package pager

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{"less": less, "more": more, "man": man, "zless": compressed, "zmore": compressed, "bzless": compressed, "bzmore": compressed, "xzless": compressed, "xzmore": compressed}
}

// page is a text that is looked at.
type page struct {
	c      *program.Call
	from   program.Keyboard
	rows   int
	cols   int
	name   string // of the file, "" of standard input
	lines  []string
	top    int
	search string
	back   bool
	first  bool
	note   string
}

// show pages through a text at the terminal; ok is false where there is none.
func show(c *program.Call, name, text string) (ok bool) {
	if !c.Out.TTY {
		return false
	}
	from, restore, ok := c.Keys()
	if !ok {
		return false
	}
	defer restore()
	p := &page{c: c, from: from, rows: c.Rows, cols: c.Cols, name: name, first: true}
	if p.rows < 3 || p.cols < 8 {
		p.rows, p.cols = 24, 80
	}
	p.lines = folded(text, p.cols)
	c.Print("\x1b[?1049h\x1b[22;0;0t\x1b[?1h\x1b=\r")
	p.draw()
	for !c.Busy() {
		var b [1]byte
		if _, err := from.Read(b[:]); err != nil {
			break
		}
		if p.key(b[0]) {
			break
		}
	}
	c.Print("\r\x1b[K\x1b[?1l\x1b>\x1b[?1049l\x1b[23;0;0t")
	return true
}

// folded parts text into rows of a width.
func folded(text string, cols int) []string {
	var rows []string
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		line = strings.ReplaceAll(line, "\t", "        ")
		for utf8.RuneCountInString(line) > cols {
			cut := 0
			for range cols {
				_, n := utf8.DecodeRuneInString(line[cut:])
				cut += n
			}
			rows = append(rows, line[:cut])
			line = line[cut:]
		}
		rows = append(rows, line)
	}
	return rows
}

// last is the first row of the last page.
func (p *page) last() int { return max(0, len(p.lines)-(p.rows-1)) }

// draw shows the page and the prompt.
func (p *page) draw() {
	end := min(len(p.lines), p.top+p.rows-1)
	var b strings.Builder
	b.WriteString("\r\x1b[K")
	if !p.first {
		b.WriteString("\x1b[H\x1b[2J\x1b[H")
	}
	for _, line := range p.lines[p.top:end] {
		if p.search != "" {
			line = strings.ReplaceAll(line, p.search, "\x1b[7m"+p.search+"\x1b[27m")
		}
		b.WriteString(line + "\r\n")
	}
	for i := end - p.top; i < p.rows-1 && !p.first; i++ {
		b.WriteString("\x1b[1m~\x1b[0m\r\n")
	}
	p.c.Print(b.String())
	p.prompt(end)
}

// prompt is the last row.
func (p *page) prompt(end int) {
	switch {
	case p.note != "":
		p.c.Print("\x1b[7m" + p.note + "\x1b[27m\x1b[K")
		p.note = ""
	case end >= len(p.lines):
		p.c.Print("\x1b[7m" + map[bool]string{true: p.name + " "}[p.first && p.name != ""] + "(END)\x1b[27m\x1b[K")
	case p.first && p.name != "":
		p.c.Print("\x1b[7m" + p.name + "\x1b[27m\x1b[K")
	default:
		p.c.Print(":\x1b[K")
	}
	p.first = false
}

// forward goes n rows on and shows those only.
func (p *page) forward(n int) {
	end := min(len(p.lines), p.top+p.rows-1)
	next := min(p.top+n, max(p.top, p.last()))
	p.c.Print("\r\x1b[K")
	for _, line := range p.lines[end:min(len(p.lines), next+p.rows-1)] {
		p.c.Print(line + "\r\n")
	}
	p.top = next
	p.prompt(min(len(p.lines), p.top+p.rows-1))
}

// key is one key; it tells that less ends.
func (p *page) key(key byte) bool {
	room := p.rows - 1
	switch key {
	case 'q', 'Q', 3:
		return true
	case ' ', 'f', 6, 22:
		p.forward(room)
	case '\r', '\n', 'j', 'e', 5, 14:
		p.forward(1)
	case 'd', 4:
		p.forward(room / 2)
	case 'b', 2:
		p.goTo(p.top - room)
	case 'u', 21:
		p.goTo(p.top - room/2)
	case 'k', 'y', 25, 16:
		p.goTo(p.top - 1)
	case 'g', '<', 'p':
		p.goTo(0)
	case 'G', '>':
		p.goTo(p.last())
	case 'h', 'H':
		p.note = "HELP -- Press RETURN for more, or q when done"
		p.draw()
	case '/', '?':
		p.ask(key)
	case 'n':
		p.seek(p.back)
	case 'N':
		p.seek(!p.back)
	case '=':
		p.note = fmt.Sprintf("%s lines %d-%d/%d (END)", p.name, p.top+1, min(len(p.lines), p.top+room), len(p.lines))
		p.draw()
	case '!', 'v', 's', '|':
		p.note = "Command not available  (press RETURN)"
		p.draw()
	case ':':
		p.c.Print("\r\x1b[K:")
		var b [1]byte
		if _, err := p.from.Read(b[:]); err != nil || b[0] == 'q' || b[0] == 'Q' {
			return true
		}
		p.draw()
	case 27:
		p.arrow()
	case 'r', 12:
		p.draw()
	default:
		p.c.Print("\a")
	}
	return false
}

func (p *page) arrow() {
	var b [1]byte
	text := ""
	for len(text) < 4 && p.from.Typed() {
		if _, err := p.from.Read(b[:]); err != nil {
			return
		}
		text += string(rune(b[0]))
		if b[0] >= 'A' && b[0] <= 'Z' && text != "O" || b[0] == '~' {
			break
		}
	}
	switch strings.TrimLeft(text, "[O") {
	case "A":
		p.goTo(p.top - 1)
	case "B":
		p.forward(1)
	case "5~":
		p.goTo(p.top - p.rows + 1)
	case "6~":
		p.forward(p.rows - 1)
	case "H", "1~":
		p.goTo(0)
	case "F", "4~":
		p.goTo(p.last())
	}
}

func (p *page) goTo(top int) {
	p.top = max(0, min(top, len(p.lines)-1))
	p.draw()
}

// ask reads what is looked for.
func (p *page) ask(kind byte) {
	p.c.Print("\r\x1b[K" + string(rune(kind)))
	text := ""
	var b [1]byte
	for !p.c.Busy() {
		if _, err := p.from.Read(b[:]); err != nil {
			return
		}
		switch {
		case b[0] == '\r' || b[0] == '\n':
			if text != "" {
				p.search = text
			}
			p.back = kind == '?'
			p.seek(p.back)
			return
		case b[0] == 27 || b[0] == 3 || (b[0] == 127 || b[0] == 8) && text == "":
			p.draw()
			return
		case b[0] == 127 || b[0] == 8:
			text = text[:len(text)-1]
			p.c.Print("\b \b")
		case b[0] >= 0x20 && len(text) < 1024:
			text += string(b[:])
			p.c.Print(string(b[:]))
		}
	}
}

// seek goes to the next row with what is looked for.
func (p *page) seek(back bool) {
	step := 1
	if back {
		step = -1
	}
	if p.search == "" {
		p.note = "No previous regular expression  (press RETURN)"
		p.draw()
		return
	}
	for i := p.top + step; i >= 0 && i < len(p.lines); i += step {
		if strings.Contains(p.lines[i], p.search) {
			p.goTo(i)
			return
		}
	}
	p.note = "Pattern not found  (press RETURN)"
	p.draw()
}

// releaseOfLess is by the distributions' package lists.
func releaseOfLess(c *program.Call) string {
	switch c.Machine.Release.Slug {
	case "ubuntu20":
		return "551"
	case "centos7":
		return "458"
	case "kali", "arch", "fedora":
		return "643"
	}
	return "590"
}

// less is less. Facts: less 590.
func less(c *program.Call) int {
	var names []string
	for i, a := range c.Args {
		switch {
		case a == "-V" || a == "--version":
			c.Print("less " + releaseOfLess(c) + " (GNU regular expressions)\nCopyright (C) 1984-2021  Mark Nudelman\n\nless comes with NO WARRANTY, to the extent permitted by law.\nFor information about the terms of redistribution,\nsee the file named README in the less distribution.\nHome page: https://greenwoodsoftware.com/less\n")
			return 0
		case a == "--":
			names = append(names, c.Args[i+1:]...)
		case a == "-?" || a == "--help":
			c.Print("\n                   SUMMARY OF LESS COMMANDS\n\n  h  H                 Display this help.\n  q  :q  Q  :Q  ZZ     Exit.\n")
			return 0
		case strings.HasPrefix(a, "--") && !known(a[2:]):
			c.Print("There is no " + a[2:] + " option (\"less --help\" for help)\n")
			return 1
		case len(a) > 1 && (a[0] == '-' || a[0] == '+'):
		default:
			names = append(names, a)
		}
	}
	if len(names) == 0 {
		if _, typed := c.In.(program.Keyboard); typed && c.Out.TTY {
			c.Err.Print("Missing filename (\"less --help\" for help)\n")
			return 1
		}
		names = []string{"-"}
	}
	status := 0
	for _, name := range names {
		if info, err := c.View().Stat(c.Path(name)); name != "-" && err == nil && info.IsDir() {
			c.Print(name + " is a directory\n")
			status = 1
			continue
		}
		data, err := c.Read(name)
		if err != nil {
			c.Print(name + ": " + vfs.Text(err) + "\n")
			status = 1
			continue
		}
		label := name
		if name == "-" {
			label = ""
		}
		if !show(c, label, string(data)) {
			c.Print(string(data))
		}
		if c.Stop != nil {
			return 1
		}
	}
	return status
}

// known tells the long options that scripts give.
func known(option string) bool {
	option, _, _ = strings.Cut(option, "=")
	return strings.Contains(" quit-if-one-screen RAW-CONTROL-CHARS raw-control-chars no-init chop-long-lines LINE-NUMBERS line-numbers ignore-case quit-at-eof QUIT-AT-EOF squeeze-blank-lines tabs force quiet silent prompt pattern mouse long-prompt LONG-PROMPT help no-lessopen clear-screen search-skip-screen ", " "+option+" ")
}
