package http

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/schema/event"
)

// unique are the headers that nginx accepts once.
var unique = map[string]bool{
	"host": true, "if-modified-since": true, "if-unmodified-since": true, "if-match": true, "if-none-match": true,
	"content-length": true, "content-range": true, "if-range": true, "transfer-encoding": true, "expect": true, "authorization": true,
}

// headers reads the header section (RFC 9112 section 5). A header with a name
// that nginx finds odd is recorded and otherwise ignored.
func (p *parser) headers() error {
	p.req.fields = map[string]string{}
	for {
		name, value, valid, err := p.header()
		if err != nil {
			return err
		}
		if name == "" {
			return p.judge()
		}
		p.req.headers = append(p.req.headers, event.Header{Name: event.Text(name), Value: event.Text(value)})
		if !valid {
			continue
		}
		key := strings.ToLower(name)
		if _, twice := p.req.fields[key]; twice {
			if unique[key] {
				return refusal(400)
			}
			continue
		}
		p.req.fields[key] = value
		if key == "host" {
			if !validHost(value) {
				return refusal(400)
			}
			if p.req.host == "" {
				p.req.host = value
			}
		}
	}
}

// header reads one line; an empty name is the end of the section.
func (p *parser) header() (name, value string, valid bool, err error) {
	c, err := p.in.next()
	if err != nil {
		return "", "", false, err
	}
	if c == '\n' || c == '\r' {
		if c == '\r' {
			if c, err = p.in.next(); err == nil && c != '\n' {
				err = refusal(400)
			}
		}
		p.in.endLine()
		return "", "", true, err
	}
	var key []byte
	valid = true
	for ; err == nil && c != ':' && c != '\r' && c != '\n'; c, err = p.in.next() {
		if c <= 0x20 || c == 0x7f {
			return "", "", false, refusal(400)
		}
		if !letter(c) && !digit(c) && c != '-' {
			valid = false
		}
		key = append(key, c)
	}
	if err != nil {
		return "", "", false, err
	}
	if len(key) == 0 {
		return "", "", false, refusal(400)
	}
	if c == ':' {
		if c, err = p.in.next(); err != nil {
			return "", "", false, err
		}
		if value, c, err = p.value(c); err != nil {
			return "", "", false, err
		}
	}
	for err == nil && c == '\r' {
		c, err = p.in.next()
	}
	if err != nil {
		return "", "", false, err
	}
	if c != '\n' {
		return "", "", false, refusal(400)
	}
	p.in.endLine()
	return string(key), value, valid, nil
}

// value reads a header's value from its first byte and returns the byte that
// ended it, spaces on both sides removed.
func (p *parser) value(c byte) (string, byte, error) {
	var err error
	for err == nil && c == ' ' {
		c, err = p.in.next()
	}
	var value []byte
	for ; err == nil && c != '\r' && c != '\n'; c, err = p.in.next() {
		if c == 0 {
			return "", 0, refusal(400)
		}
		value = append(value, c)
	}
	return strings.TrimRight(string(value), " "), c, err
}

// judge checks the whole section once it is read.
func (p *parser) judge() error {
	r := p.req
	if !r.has("host") && r.version > version10 {
		return refusal(400)
	}
	r.length = -1
	if v, ok := r.fields["content-length"]; ok {
		n, err := strconv.ParseUint(v, 10, 63)
		if err != nil || v[0] == '+' {
			return refusal(400)
		}
		r.length = int64(n)
	}
	if v, ok := r.fields["transfer-encoding"]; ok {
		switch {
		case r.version < version11:
			return refusal(400)
		case !strings.EqualFold(v, "chunked"):
			return refusal(501)
		case r.length >= 0:
			return refusal(400)
		}
		r.chunked = true
	}
	if r.method == "CONNECT" || r.method == "TRACE" {
		return refusal(405)
	}
	return nil
}

// validHost is nginx's idea of a host name with an optional port.
func validHost(host string) bool {
	length, state := len(host), 0 // 0 usual, 1 literal, 2 rest
	if host == "" {
		return false
	}
	for i := range len(host) {
		c := host[i]
		switch {
		case c == '.':
			if i > 0 && host[i-1] == '.' {
				return false
			}
		case c == ':':
			if state == 0 {
				length, state = i, 2
			}
		case c == '[':
			if i == 0 {
				state = 1
			}
		case c == ']':
			if state == 1 {
				length, state = i+1, 2
			}
		case c == '/' || c <= 0x20 || c == 0x7f:
			return false
		}
	}
	if length > 0 && host[length-1] == '.' {
		length--
	}
	return length > 0
}
