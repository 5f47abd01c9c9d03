package editor

import (
	"errors"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// buffer is a file that is edited.
type buffer struct {
	c        *program.Call
	name     string
	lines    [][]rune
	size     int // in runes, to bound it
	fresh    bool
	readonly bool
	changed  bool
	bare     bool // the last line has no line feed
}

// maxBuffer bounds what is edited, in characters.
const maxBuffer = 1 << 20

// load reads a file; bytes is its size.
func (b *buffer) load(name string) (bytes int, err error) {
	b.name, b.lines, b.size, b.fresh, b.changed, b.bare, b.readonly = name, [][]rune{{}}, 0, false, false, false, false
	if name == "" {
		return 0, nil
	}
	info, err := b.c.View().Stat(b.c.Path(name))
	if err == nil && info.IsDir() {
		return 0, syscall.EISDIR
	}
	data, err := b.c.Read(name)
	if errors.Is(err, syscall.ENOENT) {
		b.fresh = true
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	b.readonly = b.c.View().Access(b.c.Path(name), 2) != nil
	if len(data) > maxBuffer {
		data = data[:maxBuffer]
	}
	if len(data) > 0 {
		b.lines = nil
		b.bare = data[len(data)-1] != '\n'
		for line := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n") {
			b.lines = append(b.lines, []rune(line))
			b.size += len(line) + 1
		}
	}
	return len(data), nil
}

// text is what the lines from one to another, exclusive, are in a file.
func (b *buffer) text(from, to int) string {
	var out strings.Builder
	for _, line := range b.lines[from:to] {
		out.WriteString(string(line) + "\n")
	}
	return out.String()
}

// save writes lines to a file.
func (b *buffer) save(name string, from, to int, more bool) (bytes int, err error) {
	data := []byte(b.text(from, to))
	if len(b.lines) == 1 && len(b.lines[0]) == 0 && b.fresh {
		data = nil
	}
	flags := vfs.Write | vfs.Create | vfs.Truncate
	if more {
		flags = vfs.Write | vfs.Create | vfs.Append
	}
	file, err := b.c.Open(name, flags)
	if err != nil {
		return 0, err
	}
	if closer, ok := file.(interface{ Close() error }); ok {
		defer func() { _ = closer.Close() }()
	}
	n, err := file.Write(data)
	return n, err
}

// put puts runes into a line.
func (b *buffer) put(y, x int, text ...rune) {
	if b.size+len(text) > maxBuffer {
		return
	}
	line := b.lines[y]
	b.lines[y] = append(append(append(make([]rune, 0, len(line)+len(text)+8), line[:x]...), text...), line[x:]...)
	b.size += len(text)
	b.changed = true
}

// cut takes the runes of a line from one place to another, exclusive.
func (b *buffer) cut(y, from, to int) []rune {
	line := b.lines[y]
	gone := append([]rune(nil), line[from:to]...)
	b.lines[y] = append(append(make([]rune, 0, len(line)), line[:from]...), line[to:]...)
	b.size -= len(gone)
	b.changed = true
	return gone
}

// split breaks a line in two.
func (b *buffer) split(y, x int) {
	if b.size >= maxBuffer {
		return
	}
	head, tail := b.lines[y][:x:x], append([]rune(nil), b.lines[y][x:]...)
	b.lines[y] = head
	b.insert(y+1, tail)
}

// insert puts whole lines in front of line y.
func (b *buffer) insert(y int, lines ...[]rune) {
	for _, line := range lines {
		b.size += len(line) + 1
	}
	if b.size > maxBuffer {
		return
	}
	all := make([][]rune, 0, len(b.lines)+len(lines))
	all = append(append(all, b.lines[:y]...), lines...)
	b.lines = append(all, b.lines[y:]...)
	b.changed = true
}

// remove takes whole lines away; at least an empty one stays.
func (b *buffer) remove(from, to int) [][]rune {
	gone := append([][]rune(nil), b.lines[from:to]...)
	for _, line := range gone {
		b.size -= len(line) + 1
	}
	b.lines = append(append(make([][]rune, 0, len(b.lines)), b.lines[:from]...), b.lines[to:]...)
	if len(b.lines) == 0 {
		b.lines = [][]rune{{}}
	}
	b.changed = true
	return gone
}

// find looks for text behind a place, around the end of the file; wrapped tells
// that it went around.
func (b *buffer) find(text string, y, x int, back bool) (fy, fx int, wrapped, ok bool) {
	if text == "" {
		return 0, 0, false, false
	}
	step := 1
	if back {
		step = -1
	}
	for i := 0; i <= len(b.lines); i++ {
		if b.c.Busy() {
			break
		}
		line := ((y+step*i)%len(b.lines) + len(b.lines)) % len(b.lines)
		s := string(b.lines[line])
		at := -1
		switch {
		case !back && i == 0:
			if start := min(x+1, len(b.lines[line])); start >= 0 {
				if at = strings.Index(string(b.lines[line][start:]), text); at >= 0 {
					at += len(string(b.lines[line][:start]))
				}
			}
		case back && i == 0:
			at = strings.LastIndex(string(b.lines[line][:min(x, len(b.lines[line]))]), text)
		case back:
			at = strings.LastIndex(s, text)
		default:
			at = strings.Index(s, text)
		}
		if at >= 0 {
			return line, len([]rune(s[:at])), !back && (line < y || i == len(b.lines)) || back && line > y, true
		}
	}
	return 0, 0, false, false
}
