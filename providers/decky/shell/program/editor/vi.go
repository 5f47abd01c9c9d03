package editor

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// vi is one editor that runs.
type vi struct {
	buffer
	s        *screen
	face     face
	y, x     int
	top      int
	message  string
	alarm    bool // the message is an error
	insert   bool // insert mode, over the old text where replace
	replace  bool
	from     int // where the insertion began on its line
	typing   string
	prompt   bool // a command line is typed
	numbers  bool
	pending  string // keys of a command that is not complete
	register [][]rune
	whole    bool // the register holds whole lines
	undo     []state
	redo     []state
	search   string
	back     bool
	intro    bool
	done     bool
	status   int
	partial  []byte // of a character of several bytes
}

// state is what u brings back.
type state struct {
	lines   [][]rune
	y, x    int
	changed bool
}

// maxUndo bounds how many changes can be taken back.
const maxUndo = 100

// viProgram is vi and its names.
func viProgram(c *program.Call) int {
	v := &vi{face: faceOf(c)}
	v.c = c
	view := c.Name == "view" || c.Name == "rview"
	name, commands, status, done := v.face.arguments(c, &view)
	if done {
		return status
	}
	s, restore, ok := newScreen(c)
	if !ok {
		return v.blind(name, commands)
	}
	defer restore()
	v.s = s
	c.Print(v.face.enter(s.rows))
	v.intro = name == "" && !v.face.busybox
	v.open(name)
	v.readonly = v.readonly || view
	for _, command := range commands {
		v.ex(command)
	}
	v.draw()
	for !v.done {
		key, err := s.key()
		if err != nil {
			break
		}
		v.press(key)
		if !v.done {
			v.draw()
		}
	}
	c.Print(v.face.leave(s.rows, v.message))
	return v.status
}

// open loads a file and tells of it.
func (v *vi) open(name string) {
	n, err := v.load(name)
	v.y, v.x, v.top, v.undo, v.redo = 0, 0, 0, nil, nil
	if err != nil {
		v.lines = [][]rune{{}}
	}
	v.message, v.alarm = v.face.opened(&v.buffer, n, err), false
}

// blind is vi without a terminal: it reads its keys from standard input, and
// gives up at the end of it.
func (v *vi) blind(name string, commands []string) int {
	c := v.c
	if v.face.busybox {
		c.Err.Print("vi: can't tcgetattr: Not a tty\n")
	} else {
		if !c.Out.TTY {
			c.Err.Print("Vim: Warning: Output is not to a terminal\n")
		}
		if _, typed := c.In.(program.Keyboard); !typed || !c.Out.TTY {
			c.Err.Print("Vim: Warning: Input is not from a terminal\n")
		}
	}
	data, err := c.ReadAll(c.In)
	if err != nil {
		return 1
	}
	v.s = &screen{c: c, from: silence{}, rows: 24, cols: 80, shown: make([]string, 24)}
	v.open(name)
	if v.message != "" {
		c.Print("\x1b[m\x1b[m\x1b[0m\x1b[H\x1b[2J\x1b[24;1H" + v.message)
	}
	for _, command := range commands {
		v.ex(command)
	}
	for _, key := range data {
		if v.done || c.Busy() {
			break
		}
		v.press(key)
	}
	if !v.done {
		c.Print("\x1b[24;1H")
		c.Err.Print("Vim: Error reading input, exiting...\nVim: Finished.\n")
		return 1
	}
	c.Print("\x1b[24;1H\x1b[K\x1b[24;1H")
	return v.status
}

// silence is a keyboard that nobody types on and nothing is drawn for.
type silence struct{ program.ReadOnly }

// Keys implements program.Keyboard.
func (silence) Keys() (func(), bool) { return func() {}, true }

// Typed implements program.Keyboard.
func (silence) Typed() bool { return true }

// draw shows the file around the cursor.
func (v *vi) draw() {
	if v.s.typed() {
		return
	}
	room := v.s.rows - 1
	text, columns := cells(v.lines[v.y])
	_ = text
	v.top = min(v.top, v.y)
	height := func(y int) int {
		_, c := cells(v.lines[y])
		return max(1, (v.margin()+c[len(c)-1]+v.s.cols-1)/v.s.cols)
	}
	used := 0
	for y := v.y; y >= v.top; y-- {
		if used += height(y); used > room {
			v.top = min(y+1, v.y)
			break
		}
	}
	var rows []string
	row := 0
	for y := v.top; y < len(v.lines) && len(rows) < room; y++ {
		if y == v.y {
			row = len(rows)
		}
		text, _ := cells(v.lines[y])
		folded := v.s.folded(v.number(y) + text)
		if len(rows)+len(folded) > room && len(rows) > 0 {
			for len(rows) < room {
				rows = append(rows, "@")
			}
			break
		}
		rows = append(rows, folded...)
	}
	rows = rows[:min(len(rows), room)]
	for len(rows) < room {
		rows = append(rows, v.face.tilde)
	}
	if v.intro {
		v.face.introduce(rows, v.s.cols)
	}
	x := min(v.x, len(v.lines[v.y]))
	if x == len(v.lines[v.y]) && x > 0 && !v.insert {
		x--
	}
	column := columns[x] + v.margin()
	row += column / v.s.cols
	column %= v.s.cols
	bottom := v.message
	switch {
	case v.prompt:
		bottom, row, column = v.typing, room, len([]rune(v.typing))
	case v.alarm:
		bottom = v.face.alarm + v.message + "\x1b[m"
	case v.message == "":
		bottom = v.face.bottom(v)
	}
	v.s.show(append(rows, bottom), min(row, v.s.rows-1), min(column, v.s.cols-1))
}

func (v *vi) margin() int {
	if v.numbers {
		return 8
	}
	return 0
}

func (v *vi) number(y int) string {
	if !v.numbers {
		return ""
	}
	n := program.Decimal(int64(y + 1))
	return strings.Repeat(" ", max(0, 7-len(n))) + n + " "
}

// keep remembers the file as it is, for u.
func (v *vi) keep() {
	v.undo = append(v.undo, state{append([][]rune(nil), v.lines...), v.y, v.x, v.changed})
	if len(v.undo) > maxUndo || len(v.undo)*len(v.lines) > maxBuffer && len(v.undo) > 1 {
		v.undo = v.undo[1:]
	}
	v.redo = nil
}

// restore takes a state from one heap, and lays the present on another.
func (v *vi) restore(from, to *[]state) bool {
	if len(*from) == 0 {
		return false
	}
	old := (*from)[len(*from)-1]
	*from = (*from)[:len(*from)-1]
	*to = append(*to, state{v.lines, v.y, v.x, v.changed})
	v.lines, v.y, v.x, v.changed = old.lines, min(old.y, len(old.lines)-1), old.x, old.changed
	return true
}

// press is one key.
func (v *vi) press(key byte) {
	v.intro = false
	switch {
	case v.prompt:
		v.promptKey(key)
	case v.insert:
		v.insertKey(key)
	default:
		if key == 27 && !v.face.raw {
			if sequence := v.s.sequence(); sequence != "" {
				v.arrow(sequence)
				return
			}
		}
		v.normalKey(key)
	}
	v.y = max(0, min(v.y, len(v.lines)-1))
	limit := len(v.lines[v.y])
	if !v.insert && limit > 0 {
		limit--
	}
	v.x = max(0, min(v.x, limit))
}

// arrow is a key that sends a sequence.
func (v *vi) arrow(sequence string) {
	switch sequence {
	case "A":
		v.y--
	case "B":
		v.y++
	case "C":
		v.x++
	case "D":
		v.x--
	case "H", "1~", "7~":
		v.x = 0
	case "F", "4~", "8~":
		v.x = len(v.lines[max(0, min(v.y, len(v.lines)-1))])
	case "5~":
		v.y -= v.s.rows - 3
	case "6~":
		v.y += v.s.rows - 3
	case "3~":
		if y := v.y; v.x < len(v.lines[y]) {
			v.keep()
			v.cut(y, v.x, v.x+1)
		}
	case "200~", "201~":
	}
	v.y = max(0, min(v.y, len(v.lines)-1))
	v.x = max(0, min(v.x, len(v.lines[v.y])))
}

// beep is the bell and forgets what was typed of a command.
func (v *vi) beep() {
	v.pending = ""
	if v.s.shown != nil && !v.s.typed() {
		v.c.Print("\a")
	}
}

func (v *vi) fail(message string) {
	v.message, v.alarm = message, true
}

// run is :!command, whose output stands on the terminal until a key is typed.
func (v *vi) run(command string) {
	v.c.Print("\x1b[?1049l\r\n")
	v.c.Script(command, []string{"sh"}, program.Streams{In: strings.NewReader(""), Out: v.c.Out, Err: v.c.Err})
	if v.c.Stop != nil {
		v.done = true
		return
	}
	v.c.Print("\r\nPress ENTER or type command to continue")
	_, _ = v.s.key()
	clear(v.s.shown)
	v.c.Print("\x1b[?1049h\x1b[H\x1b[2J")
}

// words of errors that files give.
func words(err error) string { return vfs.Text(err) }
