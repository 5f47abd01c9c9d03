package plantext

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/view/change"
)

// absent stands for a value that is not there, which nil is not: null is a value.
type absent struct{}

// differ writes the difference of two trees, as Terraform lays it out.
type differ struct {
	b     *strings.Builder
	style view.Style
	full  bool // nothing is folded
	width int  // columns, 0 for any number
	// forces and drifted are paths with a note behind them.
	forces, drifted []string
	// element says that the value is one of a list, which "-> null" never
	// follows.
	element bool
}

// keyNames are the attributes that say which one an object of a list is; they
// stay in view where nothing else of it changes.
var keyNames = []string{"name", "hostname", "number", "slug", "id"}

const sensitiveValue = "(sensitive value)"

// sign is the sign in front of a value.
func sign(before, after any) string {
	switch {
	case before == absent{}:
		return "+"
	case after == absent{}:
		return "-"
	case !change.Equal(before, after):
		return "~"
	default:
		return " "
	}
}

// start begins a line: the sign two columns left of the text.
func (d *differ) start(indent int, sign string) {
	d.b.WriteString(strings.Repeat(" ", max(indent-2, 0)))
	d.b.WriteString(d.style.Sign(sign))
	d.b.WriteByte(' ')
}

// object writes the attributes of an object, sorted, one a line.
func (d *differ) object(before, after map[string]any, indent int, path string) {
	names := make([]string, 0, len(before)+len(after))
	for k := range before {
		names = append(names, k)
	}
	for k := range after {
		if _, both := before[k]; !both {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	changed := !change.Equal(before, after)
	shown, hidden, width := names[:0], 0, 0
	for _, k := range names {
		if s := sign(at(before, k), at(after, k)); s == " " && !d.full && !(changed && slices.Contains(keyNames, k) && isScalar(before[k])) {
			hidden++
			continue
		}
		shown = append(shown, k)
		width = max(width, utf8.RuneCountInString(name(k)))
	}
	for _, k := range shown {
		d.attribute(name(k), width, at(before, k), at(after, k), indent, join(path, k))
	}
	if hidden > 0 {
		d.note(indent, hidden, "unchanged attribute")
	}
}

func (d *differ) note(indent, n int, what string) {
	if n != 1 {
		what += "s"
	}
	d.b.WriteString(strings.Repeat(" ", indent) + d.style.Dim(fmt.Sprintf("# (%d %s hidden)", n, what)) + "\n")
}

func at(m map[string]any, key string) any {
	if v, found := m[key]; found {
		return v
	}
	return absent{}
}

// name is a key as it can stand in front of "=".
func name(key string) string {
	for i, r := range key {
		if r != '_' && r != '-' && r != '.' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return view.Clean(strconv.Quote(key))
		}
	}
	return key
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

// attribute writes name = value, or what becomes of the value.
func (d *differ) attribute(name string, width int, before, after any, indent int, path string) {
	d.start(indent, sign(before, after))
	d.b.WriteString(name)
	d.b.WriteString(strings.Repeat(" ", width-utf8.RuneCountInString(name)))
	d.b.WriteString(" = ")
	of := *d
	of.element = false
	of.value(before, after, indent, path, indent+width+3)
	d.b.WriteByte('\n')
}

// value writes a value behind what is on the line already, up to column.
func (d *differ) value(before, after any, indent int, path string, column int) {
	bm, isBefore := before.(map[string]any)
	am, isAfter := after.(map[string]any)
	bl, wasList := before.([]any)
	al, isList := after.([]any)
	switch {
	case isBefore && isAfter, isBefore && after == absent{}, before == absent{} && isAfter:
		d.braced("{", "}", len(bm)+len(am), before, after, path, indent, func() { d.object(bm, am, indent+4, path) })
	case wasList && isList, wasList && after == absent{}, before == absent{} && isList:
		d.braced("[", "]", len(bl)+len(al), before, after, path, indent, func() { d.list(before, after, bl, al, indent+4, path) })
	case isText(before, after):
		d.lines(before, after, indent)
	default:
		d.scalar(before, after, indent, path, column)
	}
}

func (d *differ) braced(open, close string, length int, before, after any, path string, indent int, inner func()) {
	if length == 0 {
		d.b.WriteString(open + close + d.toNull(after) + d.notes(path, before, after))
		return
	}
	d.b.WriteString(open + d.notes(path, before, after) + "\n")
	inner()
	d.b.WriteString(strings.Repeat(" ", indent) + close + d.toNull(after))
}

// toNull follows what goes.
func (d *differ) toNull(after any) string {
	if after == (absent{}) && !d.element {
		return d.style.Dim(" -> null")
	}
	return ""
}

// scalar writes one value, or two with an arrow; where they do not fit on the
// line, the second stands on the next.
func (d *differ) scalar(before, after any, indent int, path string, column int) {
	notes := d.notes(path, before, after)
	_, wasSecret := before.(change.Secret)
	_, isSecret := after.(change.Secret)
	switch {
	case wasSecret && isSecret:
		d.b.WriteString(sensitiveValue + notes)
	case before == absent{}:
		d.compound(after, indent)
		d.b.WriteString(notes)
	case after == absent{}:
		d.compound(before, indent)
		d.b.WriteString(d.toNull(after) + notes)
	case change.Equal(before, after):
		d.compound(before, indent)
	default:
		arrow := d.style.Warn("->")
		if d.width > 0 && isScalar(before) && isScalar(after) && column+printed(before)+4+printed(after) > d.width {
			d.compound(before, indent)
			d.b.WriteString("\n" + strings.Repeat(" ", max(column-3, 0)) + arrow + " ")
		} else {
			d.compound(before, indent)
			d.b.WriteString(" " + arrow + " ")
		}
		d.compound(after, indent)
		d.b.WriteString(notes)
	}
}

func printed(v any) int { return utf8.RuneCountInString(text(v)) }

// compound writes a value that has no counterpart of its kind.
func (d *differ) compound(v any, indent int) {
	data, isMap := v.(map[string]any)
	list, isList := v.([]any)
	inner := *d
	inner.full, inner.forces, inner.drifted = true, nil, nil
	switch {
	case isMap && len(data) > 0:
		d.b.WriteString("{\n")
		inner.object(data, data, indent+4, "")
		d.b.WriteString(strings.Repeat(" ", indent) + "}")
	case isList && len(list) > 0:
		d.b.WriteString("[\n")
		inner.list(v, v, list, list, indent+4, "")
		d.b.WriteString(strings.Repeat(" ", indent) + "]")
	default:
		d.b.WriteString(text(v))
	}
}

// text is a value on one line.
func text(v any) string {
	switch t := v.(type) {
	case change.Secret:
		return sensitiveValue
	case bare:
		return view.Clean(string(t))
	case nil:
		return "null"
	case string:
		return view.Clean(strconv.Quote(t))
	case json.Number:
		return t.String()
	case bool:
		return strconv.FormatBool(t)
	case map[string]any:
		return "{}"
	case []any:
		return "[]"
	default:
		return ""
	}
}

// notes stand behind a value that changes.
func (d *differ) notes(path string, before, after any) string {
	notes := ""
	if sign(before, after) == " " {
		return ""
	}
	if slices.Contains(d.forces, path) {
		notes += " " + d.style.Bad("# forces replacement")
	}
	if slices.Contains(d.drifted, path) {
		notes += " " + d.style.Dim("# drift")
	}
	return notes
}
