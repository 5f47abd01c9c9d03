package encode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// field is one -t of od.
type field struct {
	kind  byte // a c d f o u x
	size  int
	width int
	text  bool // z: the characters at the end of a line
}

// widths of a number by kind and size.
var widths = map[byte]map[int]int{
	'a': {1: 3}, 'c': {1: 3}, 'd': {1: 4, 2: 6, 4: 11, 8: 20}, 'u': {1: 3, 2: 5, 4: 10, 8: 20},
	'o': {1: 3, 2: 6, 4: 11, 8: 22}, 'x': {1: 2, 2: 4, 4: 8, 8: 16}, 'f': {4: 15, 8: 24},
}

// short options and the types they stand for.
var odShort = map[string]string{"a": "a", "b": "o1", "c": "c", "d": "u2", "f": "fF", "i": "dI", "l": "dL", "o": "o2", "s": "d2", "x": "x2"}

func odFields(spec string) ([]field, string) {
	var out []field
	for s := spec; s != ""; {
		f := field{kind: s[0]}
		s = s[1:]
		if widths[f.kind] == nil {
			return nil, "invalid character '" + string(rune(f.kind)) + "' in type string ‘" + spec + "’"
		}
		f.size = map[byte]int{'a': 1, 'c': 1, 'f': 8}[f.kind]
		if f.size == 0 {
			f.size = 4
		}
		if f.kind != 'a' && f.kind != 'c' && s != "" {
			if n := strings.IndexByte("CSILFD", s[0]); n >= 0 {
				f.size = []int{1, 2, 4, 8, 4, 8}[n]
				s = s[1:]
			} else if n := len(s) - len(strings.TrimLeft(s, "0123456789")); n > 0 {
				f.size, _ = strconv.Atoi(s[:n])
				if widths[f.kind][f.size] == 0 {
					return nil, "invalid type string ‘" + spec + "’;\nthis system doesn't provide a " + s[:n] + "-byte " + map[bool]string{true: "floating point", false: "integral"}[f.kind == 'f'] + " type"
				}
				s = s[n:]
			}
		}
		if strings.HasPrefix(s, "z") {
			f.text, s = true, s[1:]
		}
		f.width = widths[f.kind][f.size]
		out = append(out, f)
	}
	return out, ""
}

func od(c *program.Call) int {
	f, names, ok := c.Parse("A:abcdfij:lN:oS:st:vw::x", "format=:t address-radix=:A read-bytes=:N skip-bytes=:j output-duplicates=v width=::w strings=::S endian=:e traditional=T")
	if !ok {
		return 1
	}
	var fields []field
	for _, o := range f.Given {
		spec, known := odShort[o.Letter]
		if o.Letter == "t" {
			spec, known = o.Value, true
		}
		if known {
			more, problem := odFields(spec)
			if problem != "" {
				return c.Complain("%s", problem)
			}
			fields = append(fields, more...)
		}
	}
	if len(fields) == 0 {
		fields = []field{{kind: 'o', size: 2, width: 6}}
	}
	if radix := f.Value["A"]; f.Has("A") && (len(radix) != 1 || strings.Trim(radix, "doxn") != "") {
		return c.Complain("invalid output address radix '%s'; it must be one character from [doxn]", radix)
	}
	data, status := together(c, names)
	if c.Stop != nil {
		return 1
	}
	if status != 0 && len(data) == 0 {
		return status
	}
	skip := int64(0)
	if f.Has("j") {
		n, ok := odCount(f.Value["j"])
		if !ok {
			return c.Complain("invalid -j argument ‘%s’", f.Value["j"])
		}
		if n > int64(len(data)) {
			return c.Complain("cannot skip past end of combined input")
		}
		skip, data = n, data[n:]
	}
	if f.Has("N") {
		n, ok := odCount(f.Value["N"])
		if !ok {
			return c.Complain("invalid -N argument ‘%s’", f.Value["N"])
		}
		data = data[:min(int64(len(data)), max(n, 0))]
	}
	width := 16
	if f.Has("w") {
		width = 32
		if n, err := strconv.Atoi(f.Value["w"]); err == nil && n > 0 && n <= 4096 {
			width = n
		}
	}
	d := &dumper{c: c, fields: fields, row: width, all: f.Has("v"), radix: "o", big: f.Value["e"] == "big"}
	if f.Has("A") {
		d.radix = f.Value["A"]
	}
	d.dump(data, skip)
	return status
}

// odCount reads a number in decimal, octal or hexadecimal with a suffix.
func odCount(s string) (int64, bool) {
	if n, err := strconv.ParseInt(s, 0, 40); err == nil {
		return n, true
	}
	return program.Count(s)
}

// together joins the inputs.
func together(c *program.Call, names []string) (data []byte, status int) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		d, err := c.Read(name)
		if c.Stop != nil {
			return nil, 1
		}
		if err != nil {
			words := "%s: %s"
			if errors.Is(err, syscall.EISDIR) {
				words = "%s: read error: %s"
			}
			status = c.Complain(words, name, vfs.Text(err))
		}
		data = append(data, d...)
	}
	return data, status
}

// dumper is one od.
type dumper struct {
	c      *program.Call
	fields []field
	row    int
	all    bool
	radix  string
	big    bool
}

func (d *dumper) address(n int64) string {
	switch d.radix {
	case "n":
		return ""
	case "x":
		return fmt.Sprintf("%06x", n)
	case "d":
		return fmt.Sprintf("%07d", n)
	}
	return fmt.Sprintf("%07o", n)
}

func (d *dumper) dump(data []byte, offset int64) {
	wide := 0
	for _, f := range d.fields {
		wide = max(wide, d.row/f.size*(f.width+1))
	}
	var last []byte
	starred := false
	for i := 0; i < len(data); i += d.row {
		if d.c.Busy() {
			return
		}
		row := data[i:min(i+d.row, len(data))]
		if !d.all && last != nil && string(last) == string(row) && len(row) == d.row {
			if !starred {
				d.c.Print("*\n")
			}
			starred = true
			continue
		}
		last, starred = row, false
		for k, f := range d.fields {
			lead := d.address(offset + int64(i))
			if k > 0 {
				lead = strings.Repeat(" ", len(lead))
			}
			d.c.Print(lead + d.rendered(f, row, wide) + "\n")
		}
	}
	if end := d.address(offset + int64(len(data))); end != "" {
		d.c.Print(end + "\n")
	}
}

// rendered is a row in one type; types of other widths are set in the same
// columns.
func (d *dumper) rendered(f field, row []byte, wide int) string {
	n := d.row / f.size
	pad := wide - n*f.width
	left := pad
	var b strings.Builder
	for i := n; i > 0; i-- {
		at := (n - i) * f.size
		if at >= len(row) {
			if f.text {
				next := pad * (i - 1) / n
				b.WriteString(strings.Repeat(" ", f.width+left-next))
				left = next
				continue
			}
			break
		}
		next := pad * (i - 1) / n
		var cell [8]byte
		copy(cell[:], row[at:min(at+f.size, len(row))])
		text := d.value(f, cell[:f.size])
		b.WriteString(strings.Repeat(" ", max(left-next+f.width-len(text), 0)) + text)
		left = next
	}
	if f.text {
		b.WriteString("  >" + printable(row) + "<")
	}
	return b.String()
}

func printable(row []byte) string {
	out := make([]byte, len(row))
	for i, b := range row {
		out[i] = b
		if b < 0x20 || b > 0x7e {
			out[i] = '.'
		}
	}
	return string(out)
}

var odNames = strings.Fields("nul soh stx etx eot enq ack bel bs ht nl vt ff cr so si dle dc1 dc2 dc3 dc4 nak syn etb can em sub esc fs gs rs us sp")

func (d *dumper) value(f field, cell []byte) string {
	var order binary.ByteOrder = binary.LittleEndian
	if d.big {
		order = binary.BigEndian
	}
	var u uint64
	switch f.size {
	case 1:
		u = uint64(cell[0])
	case 2:
		u = uint64(order.Uint16(cell))
	case 4:
		u = uint64(order.Uint32(cell))
	default:
		u = order.Uint64(cell)
	}
	switch f.kind {
	case 'a':
		if u &= 0x7f; u <= 32 {
			return odNames[u]
		} else if u == 127 {
			return "del"
		}
		return string(rune(u))
	case 'c':
		return odChar(byte(u))
	case 'd':
		return strconv.FormatInt(int64(u<<(64-8*f.size))>>(64-8*f.size), 10)
	case 'u':
		return strconv.FormatUint(u, 10)
	case 'o':
		return fmt.Sprintf("%0*o", f.width, u)
	case 'x':
		return fmt.Sprintf("%0*x", f.width, u)
	}
	if f.size == 4 {
		return float(float64(math.Float32frombits(uint32(u))), 32)
	}
	return float(math.Float64frombits(u), 64)
}

// float is a number as C's %g writes it with as few digits as bring it back.
func float(v float64, size int) string {
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 0):
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(v, 'g', -1, size), "+"))
	}
	text := strconv.FormatFloat(v, 'g', -1, size)
	if e := strings.IndexByte(text, 'e'); e >= 0 {
		exponent, _ := strconv.Atoi(text[e+1:])
		if digits := len(strings.Trim(strings.Replace(text[:e], ".", "", 1), "-")); exponent > 0 && exponent < max(digits, 6) {
			return strconv.FormatFloat(v, 'f', -1, size)
		}
	}
	return text
}

func odChar(b byte) string {
	if i := strings.IndexByte("\x00\a\b\t\n\v\f\r", b); i >= 0 {
		return []string{`\0`, `\a`, `\b`, `\t`, `\n`, `\v`, `\f`, `\r`}[i]
	}
	if b >= 0x20 && b < 0x7f {
		return string(rune(b))
	}
	return fmt.Sprintf("%03o", b)
}
