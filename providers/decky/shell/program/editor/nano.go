package editor

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// nano is one nano that runs.
type nano struct {
	buffer
	s       *screen
	release string
	y, x    int
	top     int
	message string
	cut     [][]rune
	cutting bool   // the key before cut a line too
	ask     string // the question on the status bar
	answer  string
	leaving bool // the file is written on the way out
	search  string
	partial []byte
	done    bool
}

// releaseOfNano is what a host has installed. Facts: the distributions' package lists.
func releaseOfNano(c *program.Call) string {
	switch c.Machine.Release.Slug {
	case "ubuntu20":
		return "4.8"
	case "ubuntu22":
		return "6.2"
	case "centos7":
		return "2.3.1"
	case "rocky9":
		return "5.6.1"
	case "kali":
		return "8.2"
	}
	return "7.2"
}

const nanoOptions = "ABC:DEFGHIJ:KLMNO:PQ:RST:UVWX:Y:Zabcdef:ghijklmno:pqr:s:tuvwxyz%_0@/!"

func nanoProgram(c *program.Call) int {
	n := &nano{release: releaseOfNano(c)}
	n.c = c
	c.Hint = "Type 'nano -h' for a list of available options.\n"
	for _, a := range c.Args {
		switch a {
		case "-V", "--version":
			c.Print(" GNU nano, version " + n.release + "\n (C) 2023 the Free Software Foundation and various contributors\n Compiled options: --disable-libmagic --enable-utf8\n")
			return 0
		case "-h", "--help":
			c.Print("Usage: nano [OPTIONS] [[+LINE[,COLUMN]] FILE]...\n\n Option         Long option             Meaning\n -V             --version               tell the version\n -h             --help                  show this\n -l             --linenumbers           number the lines\n -v             --view                  do not change the file\n")
			return 0
		}
	}
	f, names, ok := c.Parse(nanoOptions, "linenumbers=l view=v nowrap=w softwrap=S backup=B mouse=m autoindent=i tabsize=:T syntax=:Y rcfile=:f")
	if !ok {
		return 1
	}
	name := ""
	for _, operand := range names {
		if !strings.HasPrefix(operand, "+") {
			name = operand
			break
		}
	}
	s, restore, ok := newScreen(c)
	if !ok {
		c.Err.Print("Standard input is not a terminal\n")
		return 1
	}
	defer restore()
	n.s = s
	c.Printf("\x1b[?2004h\x1b[?1049h\x1b[22;0;0t\x1b[1;%dr\x1b(B\x1b[m\x1b[4l\x1b[?7h\x1b[39;49m\x1b[?1h\x1b=\x1b[?1h\x1b=\x1b[?25l\x1b[39;49m\x1b(B\x1b[m\x1b[H\x1b[2J", s.rows)
	if _, err := n.load(name); err != nil {
		n.message = "[ Error reading " + name + ": " + words(err) + " ]"
		if words(err) == "Is a directory" {
			n.message = `[ "` + name + `" is a directory ]`
		}
		n.name, n.lines = "", [][]rune{{}}
	} else if n.fresh {
		n.message = "[ New File ]"
	} else if name != "" {
		n.message = "[ Read " + counted(n.count()) + " ]"
		if n.readonly {
			n.message = "[ File '" + name + "' is unwritable ]"
		}
	}
	n.readonly = f.Has("v")
	n.draw()
	for !n.done {
		key, err := s.key()
		if err != nil {
			break
		}
		n.press(key)
		if !n.done {
			n.draw()
		}
	}
	c.Printf("\x1b[%d;1H\x1b[J\x1b[%d;1H\x1b[?12l\x1b[?25h\x1b[?1049l\x1b[23;0;0t\r\x1b[?1l\x1b>\x1b[?2004l", s.rows-2, s.rows)
	return 0
}

func counted(n int) string {
	if n == 1 {
		return "1 line"
	}
	return decimal(n) + " lines"
}

// count is how many lines the file has.
func (n *nano) count() int {
	last := len(n.lines)
	if last == 1 && len(n.lines[0]) == 0 {
		return 0
	}
	return last
}

const (
	reverse = "\x1b(B\x1b[0;7m"
	plain   = "\x1b(B\x1b[m"
)

// hints are the two rows of keys at the bottom.
var hints = map[string][2]string{
	"":       {"^G Help|^O Write Out|^W Where Is|^K Cut|^T Execute|^C Location", "^X Exit|^R Read File|^\\ Replace|^U Paste|^J Justify|^/ Go To Line"},
	"write":  {"^G Help|M-D DOS Format|M-A Append|M-B Backup File", "^C Cancel|M-M Mac Format|M-P Prepend|^T Browse"},
	"search": {"^G Help|M-C Case Sens|M-B Backwards|^P Older|^T Go To Line", "^C Cancel|M-R Reg.exp.|^R Replace|^N Newer"},
	"save":   {" Y Yes", " N No|^C Cancel"},
}

// hintRow sets keys in columns.
func (n *nano) hintRow(text string) string {
	parts := strings.Split(text, "|")
	width := max(13, n.s.cols/max(len(parts), 1))
	if len(parts) < 4 {
		width = 13
	}
	var b strings.Builder
	for i, part := range parts {
		if (i+1)*width > n.s.cols+2 {
			break
		}
		at := strings.IndexByte(part[1:], ' ') + 1
		b.WriteString(reverse + part[:at] + plain + part[at:])
		if i+1 < len(parts) {
			b.WriteString(strings.Repeat(" ", max(0, width-len(part))))
		}
	}
	return b.String()
}

// draw shows the file, the bars and the cursor.
func (n *nano) draw() {
	if n.s.typed() {
		return
	}
	room := max(1, n.s.rows-4)
	switch {
	case n.y < n.top:
		n.top = max(0, n.y-room/2)
	case n.y >= n.top+room:
		n.top = n.y - room/2
	}
	title := n.name
	if title == "" {
		title = "New Buffer"
	}
	if n.changed {
		title += " *"
	}
	head := "  GNU nano " + n.release
	pad := max(1, (n.s.cols-len(title))/2-len(head)+2)
	bar := head + strings.Repeat(" ", pad) + title
	rows := []string{reverse + bar + strings.Repeat(" ", max(0, n.s.cols-len(bar))) + plain}
	_, columns := cells(n.lines[n.y])
	column, shift := columns[min(n.x, len(n.lines[n.y]))], 0
	for column-shift >= n.s.cols-1 {
		shift += n.s.cols - 9
	}
	for y := n.top; len(rows) <= room; y++ {
		text := ""
		if y < len(n.lines) {
			text, _ = cells(n.lines[y])
		}
		runes := []rune(text)
		if y == n.y && shift > 0 {
			runes = append([]rune("<"), runes[min(len(runes), shift+1):]...)
		}
		if len(runes) > n.s.cols {
			runes = append(runes[:n.s.cols-1:n.s.cols-1], '>')
		}
		rows = append(rows, string(runes))
	}
	row, col := n.y-n.top+1, column-shift
	status := ""
	if n.ask != "" {
		question := map[string]string{"write": "File Name to Write: ", "search": "Search", "save": "Save modified buffer? ", "read": "File to insert [from ./]: ", "line": "Enter line number, column number: "}[n.ask]
		if n.ask == "search" {
			if n.search != "" {
				question += " [" + n.search + "]"
			}
			question += ": "
		}
		status = reverse + question + n.answer + strings.Repeat(" ", max(0, n.s.cols-len(question)-len(n.answer))) + plain
		row, col = n.s.rows-3, len(question)+len([]rune(n.answer))
	} else if n.message != "" {
		status = strings.Repeat(" ", max(0, (n.s.cols-len(n.message))/2)) + reverse + n.message + plain
	}
	keys, ok := hints[n.ask]
	if !ok {
		keys = [2]string{"^G Help", "^C Cancel"}
	}
	n.s.show(append(rows, status, n.hintRow(keys[0]), n.hintRow(keys[1])), min(row, n.s.rows-1), min(max(0, col), n.s.cols-1))
}

// press is one key.
func (n *nano) press(key byte) {
	n.message = ""
	if n.ask != "" {
		n.askKey(key)
		return
	}
	cutting := n.cutting
	n.cutting = false
	line := n.lines[n.y]
	switch key {
	case 24: // ^X
		if n.changed {
			n.ask, n.answer = "save", ""
			return
		}
		n.done = true
	case 15: // ^O
		n.ask, n.answer, n.leaving = "write", n.name, false
	case 19: // ^S
		n.write(n.name)
	case 23:
		n.ask, n.answer = "search", ""
	case 18:
		n.ask, n.answer = "read", ""
	case 31:
		n.ask, n.answer = "line", ""
	case 11: // ^K
		if n.y == len(n.lines)-1 && len(line) == 0 {
			return
		}
		gone := n.remove(n.y, n.y+1)
		if !cutting {
			n.cut = nil
		}
		n.cut, n.cutting = append(n.cut, gone...), true
		if n.y >= len(n.lines) {
			n.buffer.insert(len(n.lines), []rune{})
			n.y = len(n.lines) - 1
		}
		n.x = 0
	case 21: // ^U
		n.buffer.insert(n.y, n.cut...)
		n.y, n.x = min(n.y+len(n.cut), len(n.lines)-1), 0
	case 1:
		n.x = 0
	case 5:
		n.x = len(line)
	case 2:
		n.move("D")
	case 6:
		n.move("C")
	case 16:
		n.move("A")
	case 14:
		n.move("B")
	case 22:
		n.move("6~")
	case 25:
		n.move("5~")
	case 3:
		n.message = fmt.Sprintf("[ line %d/%d (%d%%), col %d/%d (%d%%) ]", n.y+1, len(n.lines), 100*(n.y+1)/len(n.lines), n.x+1, len(line)+1, 100*(n.x+1)/(len(line)+1))
	case 4:
		n.erase(n.x)
	case 8, 127:
		n.erase(n.x - 1)
	case 13, 10:
		n.split(n.y, n.x)
		n.y, n.x = min(n.y+1, len(n.lines)-1), 0
	case 12:
		clear(n.s.shown)
	case 27:
		n.move(n.s.sequence())
	case 26:
		n.message = "[ Use \"fg\" to return to nano. ]"
	default:
		n.typed(key)
	}
}

// typed is a key that stands for itself.
func (n *nano) typed(key byte) {
	if key < 0x20 && key != '\t' {
		n.message = "[ Unbound key: ^" + string(rune(key+64)) + " ]"
		return
	}
	n.partial = append(n.partial, key)
	r, size := utf8.DecodeRune(n.partial)
	if r == utf8.RuneError && size <= 1 && len(n.partial) < utf8.UTFMax && key >= 0x80 {
		return
	}
	n.partial = nil
	if n.readonly {
		n.message = "[ Key is invalid in view mode ]"
		return
	}
	before := n.size
	n.put(n.y, n.x, r)
	if n.size > before {
		n.x++
	}
}

// erase takes the character at x away, or the line's end.
func (n *nano) erase(x int) {
	switch {
	case x >= 0 && x < len(n.lines[n.y]):
		n.buffer.cut(n.y, x, x+1)
		n.x = x
	case x < 0 && n.y > 0:
		line := n.remove(n.y, n.y+1)[0]
		n.y--
		n.x = len(n.lines[n.y])
		n.put(n.y, n.x, line...)
	case x >= len(n.lines[n.y]) && n.y+1 < len(n.lines):
		line := n.remove(n.y+1, n.y+2)[0]
		n.put(n.y, len(n.lines[n.y]), line...)
	}
}

// move is an arrow or a key of its kind.
func (n *nano) move(key string) {
	switch key {
	case "A":
		n.y--
	case "B":
		n.y++
	case "C":
		if n.x++; n.x > len(n.lines[n.y]) && n.y+1 < len(n.lines) {
			n.y, n.x = n.y+1, 0
		}
	case "D":
		if n.x--; n.x < 0 && n.y > 0 {
			n.y--
			n.x = len(n.lines[n.y])
		}
	case "H", "1~", "7~":
		n.x = 0
	case "F", "4~", "8~":
		n.x = len(n.lines[n.y])
	case "5~":
		n.y -= n.s.rows - 6
	case "6~":
		n.y += n.s.rows - 6
	case "3~":
		n.erase(n.x)
	}
	n.y = max(0, min(n.y, len(n.lines)-1))
	n.x = max(0, min(n.x, len(n.lines[n.y])))
}

// askKey is a key of an answer on the status bar.
func (n *nano) askKey(key byte) {
	switch {
	case key == 3:
		n.message, n.ask = "[ Cancelled ]", ""
	case n.ask == "save":
		switch key | 0x20 {
		case 'y':
			n.ask, n.answer, n.leaving = "write", n.name, true
		case 'n':
			n.done = true
		}
	case key == 13 || key == 10:
		asked := n.ask
		n.ask = ""
		n.answered(asked)
	case key == 8 || key == 127:
		_, size := utf8.DecodeLastRuneInString(n.answer)
		n.answer = n.answer[:len(n.answer)-size]
	case key == 21 || key == 11:
		n.answer = ""
	case key == 27:
		n.s.sequence()
	case key >= 0x20 && len(n.answer) < 4096:
		n.answer += string([]byte{key})
	}
}

// answered does what was asked for.
func (n *nano) answered(asked string) {
	switch asked {
	case "write":
		n.write(n.answer)
	case "search":
		if n.answer != "" {
			n.search = n.answer
		}
		if n.search == "" {
			n.message = "[ Cancelled ]"
			return
		}
		y, x, wrapped, ok := n.find(n.search, n.y, n.x, false)
		switch {
		case !ok:
			n.message = `[ "` + n.search + `" not found ]`
			return
		case y == n.y && x == n.x:
			n.message = "[ This is the only occurrence ]"
		case wrapped:
			n.message = "[ Search Wrapped ]"
		}
		n.y, n.x = y, x
	case "read":
		data, err := n.c.Read(n.answer)
		if err != nil {
			n.message = `[ File "` + n.answer + `" not found ]`
			return
		}
		var lines [][]rune
		for line := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n") {
			lines = append(lines, []rune(line))
		}
		n.buffer.insert(n.y, lines...)
		n.message = "[ Read " + counted(len(lines)) + " ]"
	case "line":
		y, x := 0, 1
		_, _ = fmt.Sscanf(strings.ReplaceAll(n.answer, ",", " "), "%d %d", &y, &x)
		n.y = max(0, min(y-1, len(n.lines)-1))
		n.x = max(0, min(x-1, len(n.lines[n.y])))
	}
}

// write saves the file, and ends where that was asked for.
func (n *nano) write(name string) {
	if name == "" {
		n.message = "[ Cancelled ]"
		return
	}
	lines := len(n.lines)
	if lines > 1 && len(n.lines[lines-1]) == 0 {
		lines--
	}
	if _, err := n.save(name, 0, lines, false); err != nil {
		n.message = "[ Error writing " + name + ": " + words(err) + " ]"
		return
	}
	n.name, n.changed, n.fresh = name, false, false
	n.message = "[ Wrote " + counted(n.count()) + " ]"
	n.done = n.leaving
}
