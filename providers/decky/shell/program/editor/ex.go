package editor

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/word"
)

// ex is a command line behind ":".
func (v *vi) ex(line string) {
	line = strings.TrimSpace(strings.TrimLeft(line, ": \t"))
	from, to, given, rest := v.addresses(line)
	rest = strings.TrimSpace(rest)
	if rest == "" {
		if given {
			v.y = max(0, min(to-1, len(v.lines)-1))
			v.x = indent(v.lines[v.y])
		}
		return
	}
	if rest[0] == '!' {
		v.run(rest[1:])
		return
	}
	end := 0
	for end < len(rest) && (rest[end]|0x20 >= 'a' && rest[end]|0x20 <= 'z') {
		end++
	}
	name, operand := rest[:end], rest[end:]
	force := strings.HasPrefix(operand, "!")
	operand = strings.TrimSpace(strings.TrimPrefix(operand, "!"))
	if !given {
		from, to = v.y, v.y+1
	}
	switch name {
	case "w", "wr", "write", "wq", "x", "xit", "exit", "wa", "wqa", "xa", "up", "update":
		v.write(name, operand, force, from, to, given)
	case "q", "qu", "quit", "qa", "qall", "quita":
		switch {
		case v.changed && !force && v.face.busybox:
			v.fail("No write since last change (:q! overrides)")
		case v.changed && !force:
			v.fail("E37: No write since last change (add ! to override)")
			if v.face.release < "8" {
				v.fail("E37: No write since last change (add ! to override)")
			}
		default:
			v.done, v.message = true, ""
		}
	case "cq":
		v.done, v.status, v.message = true, 1, ""
	case "e", "edit":
		v.edit(operand, force)
	case "r", "read":
		v.read(operand)
	case "s", "substitute":
		v.substitute(rest[end:], from, to)
	case "d", "delete":
		v.lineOperation('d', max(0, from), min(to, len(v.lines)))
	case "y", "yank":
		v.lineOperation('y', max(0, from), min(to, len(v.lines)))
	case "set", "se":
		v.set(operand)
	case "n", "next", "prev", "bn", "bp":
		v.fail("E163: There is only one file to edit")
	case "f", "file":
		v.message = `"` + v.name + `" ` + decimal(len(v.lines)) + " lines --" + decimal(100*(v.y+1)/len(v.lines)) + "%--"
	case "u", "undo":
		v.restore(&v.undo, &v.redo)
	case "noh", "nohl", "nohlsearch", "syntax", "syn", "map", "let", "colorscheme", "filetype", "scriptencoding":
		if !v.face.busybox {
			v.fail("E319: Sorry, the command is not available in this version")
		}
	case "sh", "shell", "sus", "stop", "st":
		v.run("exit")
	case "help", "h":
		v.fail("E149: Sorry, no help for help.txt")
	default:
		if v.face.busybox {
			v.fail("'" + rest + "' is not implemented")
			return
		}
		v.fail("E492: Not an editor command: " + line)
	}
}

// addresses are the lines in front of a command, from 0, the last exclusive.
func (v *vi) addresses(line string) (from, to int, given bool, rest string) {
	if strings.HasPrefix(line, "%") {
		return 0, len(v.lines), true, line[1:]
	}
	from, rest, given = v.address(line)
	to = from
	if strings.HasPrefix(rest, ",") {
		to, rest, _ = v.address(rest[1:])
		given = true
	}
	from, to = min(from, len(v.lines)), min(to, len(v.lines))
	if from > to {
		from, to = to, from
	}
	return max(0, from-1), to, given, rest
}

// address is one line's number, from 1.
func (v *vi) address(text string) (n int, rest string, given bool) {
	text = strings.TrimLeft(text, " ")
	n = v.y + 1
	switch {
	case strings.HasPrefix(text, "."):
		text, given = text[1:], true
	case strings.HasPrefix(text, "$"):
		n, text, given = len(v.lines), text[1:], true
	default:
		end := 0
		for end < len(text) && text[end] >= '0' && text[end] <= '9' && end < 9 {
			end++
		}
		if end > 0 {
			value, _ := word.Number(strings.TrimLeft(text[:end-1], "0") + text[end-1:end])
			n, text, given = int(value), text[end:], true
		}
	}
	for len(text) > 1 && (text[0] == '+' || text[0] == '-') && text[1] >= '0' && text[1] <= '9' {
		end := 1
		for end < len(text) && text[end] >= '0' && text[end] <= '9' && end < 8 {
			end++
		}
		value, _ := word.Number(strings.TrimLeft(text[1:end-1], "0") + text[end-1:end])
		if text[0] == '-' {
			value = -value
		}
		n, text, given = max(0, n+int(value)), text[end:], true
	}
	return n, text, given
}

// write is :w and its kin.
func (v *vi) write(name, operand string, force bool, from, to int, given bool) {
	leave := strings.ContainsAny(name, "qx") || name == "exit"
	if strings.HasPrefix(name, "x") && !v.changed || name == "exit" && !v.changed {
		v.done, v.message = true, ""
		return
	}
	more := false
	if after, ok := strings.CutPrefix(operand, ">>"); ok {
		more, operand = true, strings.TrimSpace(after)
	}
	if strings.HasPrefix(operand, "!") {
		v.run(operand[1:])
		return
	}
	target := operand
	if target == "" {
		target = v.name
	}
	if target == "" {
		v.fail("E32: No file name")
		if v.face.busybox {
			v.fail("No current filename")
		}
		return
	}
	if v.readonly && !force && (operand == "" || operand == v.name) {
		v.fail("E45: 'readonly' option is set (add ! to override)")
		if v.face.busybox {
			v.fail("'" + target + "' is read only")
		}
		return
	}
	_, err := v.c.View().Stat(v.c.Path(target))
	fresh := err != nil
	if !fresh && !force && !more && target != v.name && !v.face.busybox {
		v.fail("E13: File exists (add ! to override)")
		return
	}
	if !given {
		from, to = 0, len(v.lines)
	}
	bytes, err := v.save(target, from, to, more)
	if err != nil {
		if v.face.busybox {
			v.fail("'" + target + "' " + words(err))
		} else {
			v.fail(`"` + target + `" E212: Can't open file for writing`)
		}
		return
	}
	if v.name == "" {
		v.name = target
	}
	if !given && target == v.name {
		v.changed, v.fresh = false, false
	}
	lines := to - from
	if bytes == 0 {
		lines = 0
	}
	v.message, v.alarm = v.face.written(target, fresh, lines, bytes), false
	if leave {
		v.done = true
		if v.s.shown != nil && !v.face.busybox {
			v.c.Printf("\x1b[%d;1H\x1b[K%s\r", v.s.rows, v.message)
		}
	}
}

// edit is :e.
func (v *vi) edit(name string, force bool) {
	switch {
	case v.changed && !force:
		v.fail("E37: No write since last change (add ! to override)")
		return
	case name == "" && v.name == "":
		v.fail("E32: No file name")
		return
	case name == "":
		name = v.name
	}
	v.open(name)
}

// read is :r of a file or a command.
func (v *vi) read(operand string) {
	var data []byte
	if command, ok := strings.CutPrefix(operand, "!"); ok {
		v.run(command)
		return
	}
	if operand == "" {
		operand = v.name
	}
	data, err := v.c.Read(operand)
	if err != nil {
		v.fail("E484: Can't open file " + operand)
		return
	}
	v.keep()
	var lines [][]rune
	for line := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n") {
		lines = append(lines, []rune(line))
	}
	v.buffer.insert(v.y+1, lines...)
	v.y = min(v.y+1, len(v.lines)-1)
	v.message, v.alarm = `"`+operand+`" `+v.face.amount(len(lines), len(data)), false
}

// set is :set.
func (v *vi) set(operand string) {
	switch strings.Fields(operand + " x")[0] {
	case "nu", "number":
		v.numbers = true
		clear(v.s.shown)
	case "nonu", "nonumber":
		v.numbers = false
		clear(v.s.shown)
	case "nocp", "nocompatible":
		v.face.raw, v.face.long = false, false
	case "x", "all":
		v.message = "--- Options ---"
	}
}

// substitute is :s with a pattern that is taken by the letter.
func (v *vi) substitute(text string, from, to int) {
	if len(text) < 2 {
		v.fail("E35: No previous regular expression")
		return
	}
	parts := strings.SplitN(text[1:], text[:1], 3)
	for len(parts) < 3 {
		parts = append(parts, "")
	}
	old, fresh, many := strings.NewReplacer(`\/`, "/", `\.`, ".").Replace(parts[0]), strings.NewReplacer(`\/`, "/", `\\`, `\`).Replace(parts[1]), strings.Contains(parts[2], "g")
	if old == "" {
		v.fail("E35: No previous regular expression")
		return
	}
	n, lines := 0, 0
	v.keep()
	for y := max(0, from); y < min(to, len(v.lines)) && !v.c.Busy(); y++ {
		line := string(v.lines[y])
		here := strings.Count(line, old)
		if here == 0 {
			continue
		}
		times := 1
		if many {
			times = -1
			n += here - 1
		}
		text := []rune(strings.Replace(line, old, fresh, times))
		if v.size+len(text)-len(v.lines[y]) > maxBuffer {
			break
		}
		v.size += len(text) - len(v.lines[y])
		v.lines[y], v.changed, v.y = text, true, y
		n++
		lines++
	}
	switch {
	case n == 0:
		v.fail("E486: Pattern not found: " + parts[0])
	case n > 2 && lines == 1:
		v.message = decimal(n) + " substitutions on 1 line"
	case n > 2:
		v.message = decimal(n) + " substitutions on " + decimal(lines) + " lines"
	}
}
