package probe

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// Bytes is what a probe sends. In JSON it is a string, an object, or a list of
// both. In a string every character is one byte ("\u00ff" is FF), and ${name}
// stands for what was captured; {"hex": "0a 0b"} is hexadecimal; {"repeat":
// BYTES, "times": N} repeats; {"u16": N} and {"u32": N} are big-endian numbers.
type Bytes struct{ pieces []piece }

type piece struct {
	data  []byte
	text  bool // may hold ${name}
	times int
	inner *Bytes
}

// Text is Bytes of a string.
func Text(s string) *Bytes { return &Bytes{[]piece{{data: []byte(s), text: true, times: 1}}} }

// Expand is the bytes with captured values in their places.
func (b *Bytes) Expand(values map[string]string) []byte {
	var out bytes.Buffer
	for _, p := range b.pieces {
		once := p.data
		switch {
		case p.inner != nil:
			once = p.inner.Expand(values)
		case p.text:
			once = []byte(Expand(string(p.data), values))
		}
		for range p.times {
			out.Write(once)
		}
	}
	return out.Bytes()
}

// Expand replaces ${name} by values["name"]; an unknown name stays.
func Expand(s string, values map[string]string) string {
	if !strings.Contains(s, "${") {
		return s
	}
	for name, value := range values {
		s = strings.ReplaceAll(s, "${"+name+"}", value)
	}
	return s
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bytes) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) > 0 && data[0] == '[' {
		var list []Bytes
		if err := json.Unmarshal(data, &list); err != nil {
			return err
		}
		for _, l := range list {
			b.pieces = append(b.pieces, l.pieces...)
		}
		return nil
	}
	p, err := parsePiece(data)
	if err != nil {
		return err
	}
	b.pieces = []piece{p}
	return nil
}

func parsePiece(data []byte) (piece, error) {
	if len(data) > 0 && data[0] == '"' {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return piece{}, err
		}
		raw, err := latin1(s)
		return piece{data: raw, text: true, times: 1}, err
	}
	var o struct {
		Hex    *string `json:"hex"`
		Repeat *Bytes  `json:"repeat"`
		Times  int     `json:"times"`
		U16    *uint16 `json:"u16"`
		U32    *uint32 `json:"u32"`
	}
	if err := strict(data, &o); err != nil {
		return piece{}, err
	}
	switch {
	case o.Hex != nil:
		raw, err := hex.DecodeString(strings.ReplaceAll(*o.Hex, " ", ""))
		return piece{data: raw, times: 1}, err
	case o.Repeat != nil:
		if o.Times < 0 || o.Times > maxRepeat {
			return piece{}, fmt.Errorf("times %d is not within 0 and %d", o.Times, maxRepeat)
		}
		return piece{inner: o.Repeat, times: o.Times}, nil
	case o.U16 != nil:
		return piece{data: []byte{byte(*o.U16 >> 8), byte(*o.U16)}, times: 1}, nil
	case o.U32 != nil:
		v := *o.U32
		return piece{data: []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}, times: 1}, nil
	}
	return piece{}, fmt.Errorf("%s is no string, hex, repeat, u16 or u32", data)
}

// latin1 turns every character into the byte of its number.
func latin1(s string) ([]byte, error) {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return nil, fmt.Errorf("character %q is no byte: write its bytes one by one", r)
		}
		out = append(out, byte(r))
	}
	return out, nil
}

// Latin1 turns every character of a checked string into the byte of its number.
func Latin1(s string) []byte {
	b, _ := latin1(s)
	return b
}
