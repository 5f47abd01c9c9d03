// Package seal takes sensitive values out of JSON documents and puts them back.
// In place of a value stands a mark that holds a keyed digest of it, so that two
// of them can be compared and neither can be guessed. The package refuses to
// know what is sensitive, and to keep a key or a value.
package seal

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Hidden is what people and their tools are shown in place of a value.
const Hidden = "(sensitive)"

// hidden is Hidden as JSON.
var hidden = json.RawMessage(strconv.Quote(Hidden))

const (
	markStart = `{"$sensitive":"`
	markEnd   = `"}`
)

// Mark is what stands in place of a value with the given digest.
func Mark(digest string) json.RawMessage { return json.RawMessage(markStart + digest + markEnd) }

// Marked tells that value is a mark, and of which digest.
func Marked(value json.RawMessage) (string, bool) {
	rest, ok := bytes.CutPrefix(value, []byte(markStart))
	digest, ended := bytes.CutSuffix(rest, []byte(markEnd))
	if !ok || !ended || bytes.ContainsAny(digest, `"\`) {
		return "", false
	}
	return string(digest), true
}

// Matches tells that a value at path is sensitive: it, or what holds it, ends
// with one of the paths. "arguments.users" covers "config.arguments.users.root".
func Matches(path string, paths []string) bool {
	for _, p := range paths {
		for at := 0; at <= len(path)-len(p); {
			i := strings.Index(path[at:], p)
			if i < 0 {
				break
			}
			i += at
			end := i + len(p)
			if (i == 0 || path[i-1] == '.') && (end == len(path) || path[end] == '.' || path[end] == '[') {
				return true
			}
			at = i + 1
		}
	}
	return false
}

// Hide replaces every value of document that is sensitive; what is no JSON
// comes back as it is. The rest keeps its bytes.
func Hide(document json.RawMessage, paths []string, replace func(path string, value json.RawMessage) json.RawMessage) json.RawMessage {
	if len(paths) == 0 || len(document) == 0 || !json.Valid(document) {
		return document
	}
	s := scanner{data: document}
	var out []byte
	kept := 0
	s.value(nil, func(path []byte, start, end int) bool {
		text := string(path)
		if text == "" || !Matches(text, paths) {
			return true
		}
		out = append(append(out, document[kept:start]...), replace(text, document[start:end])...)
		kept = end
		return false
	})
	if out == nil {
		return document
	}
	return append(out, document[kept:]...)
}

// Show is document as people may see it: "(sensitive)" in place of what is, and
// of every mark.
func Show(document json.RawMessage, paths []string) json.RawMessage {
	document = Hide(document, paths, func(string, json.RawMessage) json.RawMessage { return hidden })
	shown, _ := Reveal(document, func(string) (json.RawMessage, bool) { return hidden, true })
	return shown
}

// Values calls visit for every sensitive value of document.
func Values(document json.RawMessage, paths []string, visit func(path string, value json.RawMessage)) {
	Hide(document, paths, func(path string, value json.RawMessage) json.RawMessage {
		visit(path, value)
		return value
	})
}

// Reveal puts values in place of the marks in document; a mark that lookup does
// not know stays, and complete is false.
func Reveal(document json.RawMessage, lookup func(digest string) (json.RawMessage, bool)) (revealed json.RawMessage, complete bool) {
	complete = true
	var out []byte
	rest := document
	for {
		// A quotation mark inside a string is escaped: this is always an object.
		at := bytes.Index(rest, []byte(markStart))
		if at < 0 {
			break
		}
		end := bytes.Index(rest[at:], []byte(markEnd))
		if end < 0 {
			break
		}
		end += at + len(markEnd)
		value := rest[at:end]
		if digest, ok := Marked(value); ok {
			if known, ok := lookup(digest); ok {
				value = known
			} else {
				complete = false
			}
		}
		out = append(append(out, rest[:at]...), value...)
		rest = rest[end:]
	}
	if out == nil {
		return document, complete
	}
	return append(out, rest...), complete
}

// scanner walks a document that is known to be valid JSON.
type scanner struct {
	data []byte
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.data) && strings.IndexByte(" \t\r\n", s.data[s.at]) >= 0 {
		s.at++
	}
}

// value visits the value at hand, and what it holds where visit asks for that.
func (s *scanner) value(path []byte, visit func(path []byte, start, end int) bool) {
	s.space()
	start := s.at
	end := s.end()
	if !visit(path, start, end) {
		s.at = end
		return
	}
	switch s.data[start] {
	case '{':
		s.object(path, visit)
	case '[':
		s.list(path, visit)
	}
	s.at = end
}

func (s *scanner) object(path []byte, visit func(path []byte, start, end int) bool) {
	s.at++
	for s.space(); s.data[s.at] != '}'; s.space() {
		if s.data[s.at] == ',' {
			s.at++
			s.space()
		}
		start := s.at
		s.text()
		key := s.data[start+1 : s.at-1]
		if bytes.IndexByte(key, '\\') >= 0 {
			var plain string
			_ = json.Unmarshal(s.data[start:s.at], &plain) // the document is valid
			key = []byte(plain)
		}
		s.space()
		s.at++ // the colon
		below := path
		if len(below) > 0 {
			below = append(below, '.')
		}
		s.value(append(below, key...), visit)
	}
}

func (s *scanner) list(path []byte, visit func(path []byte, start, end int) bool) {
	s.at++
	i := 0
	for s.space(); s.data[s.at] != ']'; s.space() {
		if s.data[s.at] == ',' {
			s.at++
		}
		below := strconv.AppendInt(append(path, '['), int64(i), 10)
		s.value(append(below, ']'), visit)
		i++
	}
}

// text skips a string.
func (s *scanner) text() {
	for s.at++; s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}

// end is where the value at hand ends; the scanner stays.
func (s *scanner) end() int {
	from := s.at
	defer func() { s.at = from }()
	for depth := 0; s.at < len(s.data); {
		switch s.data[s.at] {
		case '"':
			s.text()
		case '{', '[':
			depth++
			s.at++
			continue
		case '}', ']':
			depth--
			s.at++
		case ' ', '\t', '\r', '\n', ',', ':':
			s.at++
			continue
		default:
			for s.at < len(s.data) && strings.IndexByte(" \t\r\n,]}", s.data[s.at]) < 0 {
				s.at++
			}
		}
		if depth == 0 {
			return s.at
		}
	}
	return s.at
}
