package rule

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/decnet/decnet/schema/event"
)

// kindNames are all kinds of event; a kinds holds one bit for each.
var kindNames = []event.Kind{
	event.KindConnectionOpened, event.KindConnectionClosed, event.KindAuthAttempt, event.KindCommand, event.KindRequest, event.KindQuery,
	event.KindTransfer, event.KindFingerprint, event.KindScan, event.KindCanary, event.KindDrift, event.KindSystem,
}

// kinds is a set of kinds.
type kinds uint16

// every is the set of all kinds.
var every = kinds(1<<len(kindNames) - 1)

func kindOf(k event.Kind) kinds {
	if i := slices.Index(kindNames, k); i >= 0 {
		return 1 << i
	}
	return 0
}

func (k kinds) String() string {
	var names []string
	for rest := k; rest != 0; rest &= rest - 1 {
		names = append(names, string(kindNames[bits.TrailingZeros16(uint16(rest))]))
	}
	return strings.Join(names, ", ")
}

// Field is one field of event.
type Field struct {
	Name  string
	Type  string // "text", "number", "true or false"
	Kinds []event.Kind
	Doc   string
}

// field is how a field is read: one reader per kind that has it, by type.
type field struct {
	name    string
	doc     string
	ty      kind
	kinds   kinds
	texts   []func(*event.Event) (string, bool)
	numbers []func(*event.Event) (float64, bool)
	tests   []func(*event.Event) (bool, bool)
}

// Fields describes every field, sorted by name.
func Fields() []Field {
	out := make([]Field, 0, len(fields))
	for _, f := range fields {
		d := Field{Name: f.name, Type: f.ty.String(), Doc: f.doc}
		for _, k := range kindNames {
			if f.kinds&kindOf(k) != 0 {
				d.Kinds = append(d.Kinds, k)
			}
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (f *field) value() value {
	v := value{ty: f.ty, yes: f.kinds, no: f.kinds}
	switch f.ty {
	case text:
		v.text = first(f.texts)
	case number:
		v.number = first(f.numbers)
	default:
		v.test = first(f.tests)
	}
	return v
}

// first reads with the first reader that has a value.
func first[T any](readers []func(*event.Event) (T, bool)) func(*event.Event) (T, bool) {
	if len(readers) == 1 {
		return readers[0]
	}
	return func(e *event.Event) (T, bool) {
		for _, read := range readers {
			if v, ok := read(e); ok {
				return v, true
			}
		}
		var none T
		return none, false
	}
}

// reader reads one field of the bodies of one kind.
type reader struct {
	kinds  kinds
	text   func(*event.Event) (string, bool)
	number func(*event.Event) (float64, bool)
	test   func(*event.Event) (bool, bool)
}

// in is a text of bodies of type B.
func in[B event.Body, T ~string](get func(B) T) reader {
	var b B
	return reader{kinds: kindOf(b.Kind()), text: func(e *event.Event) (string, bool) {
		body, ok := e.Body.(B)
		if !ok {
			return "", false
		}
		return string(get(body)), true
	}}
}

// countIn is a number of bodies of type B.
func countIn[B event.Body, T ~int | ~int64](get func(B) T) reader {
	var b B
	return reader{kinds: kindOf(b.Kind()), number: func(e *event.Event) (float64, bool) {
		body, ok := e.Body.(B)
		if !ok {
			return 0, false
		}
		return float64(get(body)), true
	}}
}

// testIn is a flag of bodies of type B.
func testIn[B event.Body](get func(B) bool) reader {
	var b B
	return reader{kinds: kindOf(b.Kind()), test: func(e *event.Event) (bool, bool) {
		body, ok := e.Body.(B)
		if !ok {
			return false, false
		}
		return get(body), true
	}}
}

// of is a text that every event has.
func of(get func(*event.Event) string) reader {
	return reader{kinds: every, text: func(e *event.Event) (string, bool) { return get(e), true }}
}

// numberOf is a number that every event has.
func numberOf(get func(*event.Event) uint16) reader {
	return reader{kinds: every, number: func(e *event.Event) (float64, bool) { return float64(get(e)), true }}
}

func define(name, doc string, readers ...reader) *field {
	f := &field{name: name, doc: doc}
	for _, r := range readers {
		f.kinds |= r.kinds
		switch {
		case r.text != nil:
			f.ty, f.texts = text, append(f.texts, r.text)
		case r.number != nil:
			f.ty, f.numbers = number, append(f.numbers, r.number)
		default:
			f.ty, f.tests = boolean, append(f.tests, r.test)
		}
	}
	return f
}
