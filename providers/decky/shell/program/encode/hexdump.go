package encode

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// hexdump is util-linux' hexdump and hd.
func hexdump(c *program.Call) int {
	f, names, ok := c.Parse("bcCde:f:n:os:vxL", "one-byte-octal=b one-byte-char=c canonical=C two-bytes-decimal=d two-bytes-octal=o two-bytes-hex=x format=:e length=:n skip=:s no-squeezing=v color=::L")
	if !ok {
		return 1
	}
	var data []byte
	status := 0
	if len(names) == 0 {
		names = []string{"-"}
	}
	read := false
	for _, name := range names {
		d, err := c.Read(name)
		if c.Stop != nil {
			return 1
		}
		if err != nil {
			status = c.Complain("%s: %s", name, vfs.Text(err))
			continue
		}
		read = true
		data = append(data, d...)
	}
	if !read {
		return c.Complain("all input file arguments failed")
	}
	skip := int64(0)
	if n, ok := odCount(f.Value["s"]); ok {
		skip = min(n, int64(len(data)))
		data = data[skip:]
	}
	if n, ok := odCount(f.Value["n"]); ok {
		data = data[:min(int64(len(data)), max(n, 0))]
	}
	style := "_"
	for _, o := range f.Given {
		if strings.Contains("bcCdox", o.Letter) {
			style = o.Letter
		}
	}
	if c.Name == "hd" {
		style = "C"
	}
	if f.Has("e") {
		var formats []string
		for _, o := range f.Given {
			if o.Letter == "e" {
				formats = append(formats, o.Value)
			}
		}
		custom(c, formats, data)
		return status
	}
	h := rows{c: c, style: style, all: f.Has("v")}
	h.dump(data, skip)
	return status
}

// rows is a hexdump of sixteen bytes a line.
type rows struct {
	c     *program.Call
	style string
	all   bool
}

func (h rows) dump(data []byte, offset int64) {
	var last string
	starred, width := false, 7
	if h.style == "C" {
		width = 8
	}
	for i := 0; i < len(data); i += 16 {
		if h.c.Busy() {
			return
		}
		row := data[i:min(i+16, len(data))]
		if !h.all && i > 0 && string(row) == last && len(row) == 16 {
			if !starred {
				h.c.Print("*\n")
			}
			starred = true
			continue
		}
		last, starred = string(row), false
		h.c.Print(fmt.Sprintf("%0*x", width, offset+int64(i)) + h.line(row) + "\n")
	}
	if len(data) > 0 {
		h.c.Print(fmt.Sprintf("%0*x\n", width, offset+int64(len(data))))
	}
}

func (h rows) line(row []byte) string {
	var b strings.Builder
	cell := func(i int, text string, width int) {
		if i >= len(row) {
			text = ""
		}
		b.WriteString(fmt.Sprintf(" %*s", width, text))
	}
	switch h.style {
	case "C":
		for i := range 16 {
			if i%8 == 0 {
				b.WriteByte(' ')
			}
			v := byte(0)
			if i < len(row) {
				v = row[i]
			}
			cell(i, fmt.Sprintf("%02x", v), 2)
		}
		return b.String() + "  |" + printable(row) + "|"
	case "b", "c":
		for i := range 16 {
			v := byte(0)
			if i < len(row) {
				v = row[i]
			}
			if h.style == "b" {
				cell(i, fmt.Sprintf("%03o", v), 3)
			} else {
				cell(i, odChar(v), 3)
			}
		}
		return b.String()
	}
	verb, width := map[string]string{"_": "%04x", "x": "%04x", "d": "%05d", "o": "%06o"}[h.style], 7
	if h.style == "_" {
		width = 4
	}
	for i := 0; i < 16; i += 2 {
		v := 0
		if i < len(row) {
			v = int(row[i])
		}
		if i+1 < len(row) {
			v |= int(row[i+1]) << 8
		}
		cell(i, fmt.Sprintf(verb, v), width)
	}
	return b.String()
}

// unit is one part of a format: how often, how many bytes, how shown.
type unit struct {
	times, size int
	format      string
}

// units reads -e: [times/size] "format" ...
func units(text string) []unit {
	var out []unit
	for text = strings.TrimSpace(text); text != "" && len(out) < 64; text = strings.TrimSpace(text) {
		u := unit{times: 1}
		if text[0] != '"' {
			head, rest, _ := strings.Cut(text, "\"")
			times, size, _ := strings.Cut(strings.TrimSpace(head), "/")
			if n, err := strconv.Atoi(times); err == nil {
				u.times = min(max(n, 1), 4096)
			}
			u.size, _ = strconv.Atoi(size)
			text = "\"" + rest
		}
		body, rest, _ := strings.Cut(text[1:], "\"")
		u.format, _ = word.Escapes(body, true)
		text = rest
		if i := strings.IndexByte(u.format, '%'); i >= 0 && u.size == 0 {
			u.size = 4
			verb := strings.TrimLeft(u.format[i+1:], "-+ #0123456789.")
			if verb != "" && strings.IndexByte("c_", verb[0]) >= 0 {
				u.size = 1
			}
		}
		u.size = min(max(u.size, 0), 8)
		out = append(out, u)
	}
	return out
}

// custom prints data by the formats of -e.
func custom(c *program.Call, formats []string, data []byte) {
	var list []unit
	consumes := false
	for _, f := range formats {
		list = append(list, units(f)...)
	}
	for _, u := range list {
		consumes = consumes || u.size > 0 && strings.Contains(u.format, "%")
	}
	if !consumes {
		return
	}
	for at := 0; at < len(data); {
		for _, u := range list {
			for n := range u.times {
				if c.Busy() {
					return
				}
				if !strings.Contains(u.format, "%") {
					c.Print(u.format)
					at += u.size
					continue
				}
				if at >= len(data) {
					continue
				}
				text := shownUnit(u, data[at:min(at+u.size, len(data))], at)
				at += u.size
				if n == u.times-1 && u.times > 1 {
					text = strings.TrimRight(text, " \t\n")
				}
				c.Print(text)
			}
		}
	}
}

func shownUnit(u unit, cell []byte, at int) string {
	i := strings.IndexByte(u.format, '%')
	j := i + 1
	for j < len(u.format) && strings.IndexByte("-+ #0123456789.", u.format[j]) >= 0 {
		j++
	}
	if j >= len(u.format) {
		return u.format
	}
	flags, verb, end := clipped(u.format[i:j]), u.format[j], j+1
	var v uint64
	for k := len(cell) - 1; k >= 0; k-- {
		v = v<<8 | uint64(cell[k])
	}
	text := ""
	switch verb {
	case '_':
		kind := byte('p')
		if end < len(u.format) {
			kind = u.format[end]
			end++
		}
		switch kind {
		case 'a':
			if end < len(u.format) {
				end++
			}
			text = fmt.Sprintf(flags+"x", at)
		case 'c':
			text = odChar(byte(v))
		default:
			text = printable(cell)
		}
	case 'c':
		text = string(cell)
	case 's':
		text = fmt.Sprintf(flags+"s", cell)
	case 'd', 'i':
		shift := 64 - 8*max(len(cell), 1)
		text = fmt.Sprintf(flags+"d", int64(v<<shift)>>shift)
	case 'u':
		text = fmt.Sprintf(flags+"d", v)
	case 'x', 'X', 'o':
		text = fmt.Sprintf(flags+string(rune(verb)), v)
	default:
		return u.format
	}
	return u.format[:i] + text + u.format[end:]
}

// clipped bounds the width of a verb.
func clipped(flags string) string {
	digits := strings.TrimLeft(flags, "%-+ #0")
	if n, err := strconv.Atoi(strings.SplitN(digits+".", ".", 2)[0]); err == nil && n > 200 || len(flags) > 12 {
		return "%"
	}
	return flags
}
