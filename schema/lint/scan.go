package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

var errJSON = errors.New("malformed JSON")

// members calls member with every key and value of a JSON object, both as they are encoded, until it
// returns false. It is for documents that the evaluator wrote: they are read
// once and copied not at all, since a fleet has tens of thousands. It accepts
// some documents that are no JSON and reads no further than their objects go.
func members(doc []byte, member func(key, value []byte) bool) error {
	i := space(doc, 0)
	if i >= len(doc) || doc[i] != '{' {
		return errJSON
	}
	i = space(doc, i+1)
	if i < len(doc) && doc[i] == '}' {
		return nil
	}
	for {
		if i >= len(doc) || doc[i] != '"' {
			return errJSON
		}
		end := value(doc, i)
		if end < 0 {
			return errJSON
		}
		key := doc[i:end]
		if i = space(doc, end); i >= len(doc) || doc[i] != ':' {
			return errJSON
		}
		i = space(doc, i+1)
		if end = value(doc, i); end < 0 {
			return errJSON
		}
		if !member(key, doc[i:end]) {
			return nil
		}
		i = space(doc, end)
		switch {
		case i < len(doc) && doc[i] == '}':
			return nil
		case i >= len(doc) || doc[i] != ',':
			return errJSON
		}
		i = space(doc, i+1)
	}
}

func space(doc []byte, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\t' || doc[i] == '\r') {
		i++
	}
	return i
}

// value is the end of the value that begins at i, or -1.
func value(doc []byte, i int) int {
	if i >= len(doc) {
		return -1
	}
	switch doc[i] {
	case '"':
		return quoted(doc, i)
	case '{', '[':
		depth := 0
		for ; i < len(doc); i++ {
			switch doc[i] {
			case '"':
				if i = quoted(doc, i); i < 0 {
					return -1
				}
				i--
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
		return -1
	default:
		start := i
		for i < len(doc) && doc[i] != ',' && doc[i] != '}' && doc[i] != ']' && doc[i] != ' ' && doc[i] != '\n' && doc[i] != '\r' && doc[i] != '\t' {
			i++
		}
		if i == start {
			return -1
		}
		return i
	}
}

// quoted is the end of the string that begins at i, or -1.
func quoted(doc []byte, i int) int {
	for i++; ; {
		next := bytes.IndexByte(doc[i:], '"')
		if next < 0 {
			return -1
		}
		escapes := 0
		for at := i + next - 1; at >= i && doc[at] == '\\'; at-- {
			escapes++
		}
		i += next + 1
		if escapes%2 == 0 {
			return i
		}
	}
}

// interner decodes strings, each text once.
type interner map[string]string

// text is the string that raw encodes; "" for null.
func (n interner) text(raw []byte) (string, error) {
	if s, known := n[string(raw)]; known {
		return s, nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("%w: %w", errJSON, err)
	}
	n[string(raw)] = s
	return s, nil
}
