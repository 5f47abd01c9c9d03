package repository

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MaxMessage is how many bytes of a commit or tag are read, message and
// signature included.
const MaxMessage = 1 << 20

// Person is who wrote, committed or tagged, as they say. It proves nothing.
type Person struct {
	Name, Email string
	When        time.Time
}

// Commit is a commit as it stands in git, byte for byte.
type Commit struct {
	ID, Tree          string
	Parents           []string
	Author, Committer Person
	// Message is hostile text; Summary is what may be shown.
	Message string
	// Cut says that its parents lie beyond what was fetched.
	Cut bool
	// Payload is what Signature signs: the object without its gpgsig headers.
	// Signature is empty where there is none.
	Payload, Signature []byte
}

// MaxSummary is how many bytes a summary has.
const MaxSummary = 200

// Summary is the first line of the message, without control characters, in at
// most MaxSummary bytes.
func (c Commit) Summary() string { return summary(c.Message) }

func summary(message string) string {
	line, _, _ := strings.Cut(strings.TrimLeft(message, "\r\n\t "), "\n")
	return strings.TrimSpace(Text(line, MaxSummary))
}

// Tag is an annotated tag as it stands in git.
type Tag struct {
	ID     string
	Object string // what it names
	Type   string // of that object: commit, tag, tree or blob
	Name   string // without refs/tags/
	Tagger Person
	// Message is hostile text, without the signature.
	Message string
	// Payload is what Signature signs: all that stands before it. Signature is
	// empty where there is none.
	Payload, Signature []byte
}

var isID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// ParseCommit reads a commit object (gitformat-commit: tree, parents, author,
// committer, other headers, an empty line, the message). It refuses one that
// two readers could understand in two ways: headers out of order, twice, or
// with a NUL. Payload has exactly the bytes that git verifies.
func ParseCommit(id string, raw []byte) (Commit, error) {
	c := Commit{ID: id}
	h, err := c.links(raw)
	if err != nil {
		return c, err
	}
	if c.Author, err = h.person("author"); err != nil {
		return c, fmt.Errorf("commit %s: %w", id, err)
	}
	if c.Committer, err = h.person("committer"); err != nil {
		return c, fmt.Errorf("commit %s: %w", id, err)
	}
	payload := bytes.Clone(raw[:len(raw)-h.left()])
	signatures := map[string]bool{}
	for len(h.headers) > 0 {
		f := h.headers[0]
		h.headers = h.headers[1:]
		switch {
		case f.key == "tree" || f.key == "parent" || f.key == "author" || f.key == "committer":
			return c, fmt.Errorf("commit %s: it has a header %s in the wrong place", id, f.key)
		case !strings.HasPrefix(f.key, "gpgsig"):
			payload = append(payload, f.raw...)
			continue
		case f.key != "gpgsig" && f.key != "gpgsig-sha256":
			return c, fmt.Errorf("commit %s: it has an unknown header %s", id, clean(f.key))
		case signatures[f.key]:
			return c, fmt.Errorf("commit %s: it has two headers %s", id, f.key)
		}
		signatures[f.key] = true
		if f.key == "gpgsig" {
			c.Signature = f.value()
		}
	}
	c.Payload = append(payload, h.rest...)
	c.Message = string(h.rest[min(1, len(h.rest)):])
	return c, nil
}

// links reads the tree and the parents, and returns what comes after them.
func (c *Commit) links(raw []byte) (*headers, error) {
	h, err := split(raw)
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", c.ID, err)
	}
	if c.Tree, err = h.id("tree"); err != nil {
		return nil, fmt.Errorf("commit %s: %w", c.ID, err)
	}
	for h.next() == "parent" {
		parent, err := h.id("parent")
		if err != nil {
			return nil, fmt.Errorf("commit %s: %w", c.ID, err)
		}
		c.Parents = append(c.Parents, parent)
	}
	return h, nil
}

// ParseTag reads a tag object (object, type, tag, tagger, an empty line, the
// message, the signature). It refuses one with two signatures.
func ParseTag(id string, raw []byte) (Tag, error) {
	t := Tag{ID: id}
	h, err := split(raw)
	if err != nil {
		return t, fmt.Errorf("tag %s: %w", id, err)
	}
	if t.Object, err = h.id("object"); err != nil {
		return t, fmt.Errorf("tag %s: %w", id, err)
	}
	if t.Type, err = h.take("type"); err != nil {
		return t, fmt.Errorf("tag %s: %w", id, err)
	}
	if t.Name, err = h.take("tag"); err != nil {
		return t, fmt.Errorf("tag %s: %w", id, err)
	}
	if h.next() == "tagger" { // tags of git's first years have none
		if t.Tagger, err = h.person("tagger"); err != nil {
			return t, fmt.Errorf("tag %s: %w", id, err)
		}
	}
	if len(h.headers) > 0 {
		return t, fmt.Errorf("tag %s: it has an unknown header %s", id, clean(h.headers[0].key))
	}
	from, found := -1, 0
	for at := 0; at < len(h.rest); {
		if startsSignature(h.rest[at:]) {
			from, found = at, found+1
		}
		end := bytes.IndexByte(h.rest[at:], '\n')
		if end < 0 {
			break
		}
		at += end + 1
	}
	if found > 1 {
		return t, fmt.Errorf("tag %s: it has two signatures", id)
	}
	if found == 0 {
		from = len(h.rest)
	}
	t.Payload = bytes.Clone(raw[:len(raw)-len(h.rest)+from])
	t.Signature = bytes.Clone(h.rest[from:])
	t.Message = string(h.rest[min(1, from):from])
	return t, nil
}

var beginnings = [][]byte{
	[]byte("-----BEGIN PGP SIGNATURE-----"), []byte("-----BEGIN PGP MESSAGE-----"),
	[]byte("-----BEGIN SIGNED MESSAGE-----"), []byte("-----BEGIN SSH SIGNATURE-----"),
}

func startsSignature(b []byte) bool {
	for _, beginning := range beginnings {
		if bytes.HasPrefix(b, beginning) {
			return true
		}
	}
	return false
}

// header is one header with its continuation lines.
type header struct {
	key string
	raw []byte // all of its lines
}

// value is what the header says, its continuation lines without their space.
func (h header) value() []byte {
	v := bytes.ReplaceAll(h.raw[len(h.key):], []byte("\n "), []byte("\n"))
	return bytes.TrimPrefix(v, []byte(" "))
}

type headers struct {
	headers []header
	rest    []byte // from the empty line on
}

// split cuts an object into headers and the rest.
func split(raw []byte) (*headers, error) {
	if len(raw) > MaxMessage {
		return nil, &TooLargeError{What: "a commit or tag object", Limit: MaxMessage}
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return nil, errors.New("it has a NUL")
	}
	h := &headers{}
	for at := 0; at < len(raw); {
		if raw[at] == '\n' {
			h.rest = raw[at:]
			return h, nil
		}
		end := bytes.IndexByte(raw[at:], '\n')
		if end < 0 {
			return nil, errors.New("a header has no end")
		}
		line := raw[at : at+end+1]
		at += len(line)
		if line[0] == ' ' {
			if len(h.headers) == 0 {
				return nil, errors.New("it starts with a space")
			}
			last := &h.headers[len(h.headers)-1]
			last.raw = last.raw[:len(last.raw)+len(line)] // the lines lie side by side
			continue
		}
		key, _, ok := bytes.Cut(line, []byte(" "))
		if !ok {
			return nil, errors.New("a header has no value")
		}
		h.headers = append(h.headers, header{key: string(key), raw: line})
	}
	return h, nil // neither empty line nor message, as git allows
}

func (h *headers) next() string {
	if len(h.headers) == 0 {
		return ""
	}
	return h.headers[0].key
}

// left is how many bytes were not taken yet.
func (h *headers) left() int {
	n := len(h.rest)
	for _, f := range h.headers {
		n += len(f.raw)
	}
	return n
}

// take is the value of the next header, which has this name and one line.
func (h *headers) take(key string) (string, error) {
	if h.next() != key {
		return "", fmt.Errorf("it has no header %s where one must be", key)
	}
	line := h.headers[0].raw[len(key)+1:]
	h.headers = h.headers[1:]
	if bytes.IndexByte(line, '\n') != len(line)-1 {
		return "", fmt.Errorf("its header %s has several lines", key)
	}
	return string(line[:len(line)-1]), nil
}

func (h *headers) id(key string) (string, error) {
	value, err := h.take(key)
	if err == nil && !isID.MatchString(value) {
		err = fmt.Errorf("its header %s is no object name", key)
	}
	return value, err
}

var person = regexp.MustCompile(`^([^<>\n]*)<([^<>\n]*)> (\d{1,12}) ([+-]\d{4})$`)

func (h *headers) person(key string) (Person, error) {
	value, err := h.take(key)
	if err != nil {
		return Person{}, err
	}
	m := person.FindStringSubmatch(value)
	if m == nil {
		return Person{}, fmt.Errorf("its header %s names nobody, or no time", key)
	}
	seconds, err := strconv.ParseInt(m[3], 10, 64)
	if err != nil {
		return Person{}, fmt.Errorf("its header %s: %w", key, err)
	}
	return Person{Name: strings.TrimSpace(m[1]), Email: m[2], When: time.Unix(seconds, 0).UTC()}, nil
}
