// Package addr owns the names of instances: "decky.web[0]",
// "module.dmz.decky.db["a"].service.mysql". An address is what a user types and
// what state, journal and object labels carry; the package refuses anything
// that is not one.
package addr

import (
	"fmt"
	"strconv"
	"strings"
)

// Address names one instance.
type Address string

// Key is the instance key of a counted or for_each block: the zero Key is a
// block with neither.
type Key struct {
	Kind  KeyKind
	Index int    // for KeyIndex
	Name  string // for KeyName
}

// KeyKind tells what made the instances of a block.
type KeyKind int

// The kinds of key.
const (
	KeyNone KeyKind = iota
	KeyIndex
	KeyName
)

// IndexKey is the key of count's instance i.
func IndexKey(i int) Key { return Key{Kind: KeyIndex, Index: i} }

// NameKey is the key of for_each's instance name.
func NameKey(name string) Key { return Key{Kind: KeyName, Name: name} }

// String is the key as it stands in an address, empty for no key.
func (k Key) String() string {
	switch k.Kind {
	case KeyIndex:
		return "[" + strconv.Itoa(k.Index) + "]"
	case KeyName:
		return "[" + strconv.Quote(k.Name) + "]"
	default:
		return ""
	}
}

// Step is one part of an address: a block type, a name and a key. A service's
// step has the slug as its name, and its label, if any, as the key.
type Step struct {
	Type string
	Name string
	Key  Key
}

// Of joins steps to an address.
func Of(steps ...Step) Address {
	var b strings.Builder
	for i, s := range steps {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.Type)
		b.WriteByte('.')
		b.WriteString(s.Name)
		b.WriteString(s.Key.String())
	}
	return Address(b.String())
}

// Parse checks s and returns its steps.
func Parse(s string) ([]Step, error) {
	var steps []Step
	rest := s
	for {
		var step Step
		var err error
		if step.Type, rest, err = identifier(s, rest); err != nil {
			return nil, err
		}
		if !strings.HasPrefix(rest, ".") {
			return nil, fmt.Errorf("address %q: a name must follow %q", s, step.Type)
		}
		if step.Name, rest, err = identifier(s, rest[1:]); err != nil {
			return nil, err
		}
		if strings.HasPrefix(rest, "[") {
			if step.Key, rest, err = key(s, rest); err != nil {
				return nil, err
			}
		}
		steps = append(steps, step)
		if rest == "" {
			return steps, nil
		}
		if !strings.HasPrefix(rest, ".") {
			return nil, fmt.Errorf("address %q: unexpected %q", s, rest)
		}
		rest = rest[1:]
	}
}

func identifier(whole, rest string) (string, string, error) {
	n := 0
	for n < len(rest) && isIdentifier(rest[n], n == 0) {
		n++
	}
	if n == 0 {
		return "", "", fmt.Errorf("address %q: a name is missing at %q", whole, rest)
	}
	return rest[:n], rest[n:], nil
}

func isIdentifier(c byte, first bool) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c >= 0x80:
		return true
	default:
		return !first && (c == '-' || c >= '0' && c <= '9')
	}
}

func key(whole, rest string) (Key, string, error) {
	if strings.HasPrefix(rest, `["`) {
		quoted, err := strconv.QuotedPrefix(rest[1:])
		if err != nil {
			return Key{}, "", fmt.Errorf("address %q: unfinished key at %q", whole, rest)
		}
		name, err := strconv.Unquote(quoted)
		if err != nil {
			return Key{}, "", fmt.Errorf("address %q: key %s: %w", whole, quoted, err)
		}
		rest = rest[1+len(quoted):]
		if !strings.HasPrefix(rest, "]") {
			return Key{}, "", fmt.Errorf("address %q: key %s is not closed", whole, quoted)
		}
		return NameKey(name), rest[1:], nil
	}
	end := strings.IndexByte(rest, ']')
	if end < 0 {
		return Key{}, "", fmt.Errorf("address %q: unfinished key at %q", whole, rest)
	}
	i, err := strconv.Atoi(rest[1:end])
	if err != nil || i < 0 {
		return Key{}, "", fmt.Errorf("address %q: %q is neither a number nor a quoted name", whole, rest[1:end])
	}
	return IndexKey(i), rest[end+1:], nil
}

// Compare orders addresses as people read them: by block and name, indices by
// number (web[2] before web[10]), a parent before its children.
func Compare(a, b Address) int {
	x, y := string(a), string(b)
	for x != "" && y != "" {
		if isDigit(x[0]) && isDigit(y[0]) {
			nx, rx := digits(x)
			ny, ry := digits(y)
			if len(nx) != len(ny) {
				return len(nx) - len(ny)
			}
			if c := strings.Compare(nx, ny); c != 0 {
				return c
			}
			x, y = rx, ry
			continue
		}
		if x[0] != y[0] {
			return int(x[0]) - int(y[0])
		}
		x, y = x[1:], y[1:]
	}
	if len(x) != len(y) {
		return len(x) - len(y)
	}
	return strings.Compare(string(a), string(b))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// digits splits a run of digits, without leading zeros, from s.
func digits(s string) (string, string) {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	run := strings.TrimLeft(s[:n], "0")
	return run, s[n:]
}
