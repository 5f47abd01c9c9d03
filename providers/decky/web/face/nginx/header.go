package nginx

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/web"
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
	p.req.Fields = map[string]string{}
	for {
		name, value, valid, err := p.header()
		if err != nil {
			return err
		}
		if name == "" {
			return p.judge()
		}
		p.req.Headers = append(p.req.Headers, event.Header{Name: event.Text(name), Value: event.Text(value)})
		if !valid {
			continue
		}
		key := strings.ToLower(name)
		if _, twice := p.req.Fields[key]; twice {
			if unique[key] {
				return web.Refusal(400)
			}
			continue
		}
		p.req.Fields[key] = value
		if key == "host" {
			if !validHost(value) {
				return web.Refusal(400)
			}
			if p.req.Host == "" {
				p.req.Host = value
			}
		}
	}
}

// header reads one line; an empty name is the end of the section.
func (p *parser) header() (name, value string, valid bool, err error) {
	c, err := p.next()
	if err != nil {
		return "", "", false, err
	}
	if c == '\n' || c == '\r' {
		if c == '\r' {
			if c, err = p.next(); err == nil && c != '\n' {
				err = web.Refusal(400)
			}
		}
		p.line = 0
		return "", "", true, err
	}
	var key []byte
	valid = true
	for ; err == nil && c != ':' && c != '\r' && c != '\n'; c, err = p.next() {
		if c == 0 || (c <= 0x20 || c == 0x7f) && !p.old {
			return "", "", false, web.Refusal(400)
		}
		if !web.Letter(c) && !web.Digit(c) && c != '-' {
			valid = false
		}
		key = append(key, c)
	}
	if err != nil {
		return "", "", false, err
	}
	if len(key) == 0 {
		return "", "", false, web.Refusal(400)
	}
	if c == ':' {
		if c, err = p.next(); err != nil {
			return "", "", false, err
		}
		if value, c, err = p.value(c); err != nil {
			return "", "", false, err
		}
	}
	for err == nil && c == '\r' {
		c, err = p.next()
	}
	if err != nil {
		return "", "", false, err
	}
	if c != '\n' {
		return "", "", false, web.Refusal(400)
	}
	p.line = 0
	return string(key), value, valid, nil
}

// value reads a header's value from its first byte and returns the byte that
// ended it, spaces on both sides removed.
func (p *parser) value(c byte) (string, byte, error) {
	var err error
	for err == nil && c == ' ' {
		c, err = p.next()
	}
	var value []byte
	for ; err == nil && c != '\r' && c != '\n'; c, err = p.next() {
		if c == 0 {
			return "", 0, web.Refusal(400)
		}
		value = append(value, c)
	}
	return strings.TrimRight(string(value), " "), c, err
}

// judge checks the whole section once it is read.
func (p *parser) judge() error {
	r := p.req
	if !r.Has("host") && r.Version > web.Version10 {
		return web.Refusal(400)
	}
	r.Length = -1
	if v, ok := r.Fields["content-length"]; ok {
		n, err := strconv.ParseUint(v, 10, 63)
		if err != nil || v[0] == '+' {
			return web.Refusal(400)
		}
		r.Length = int64(n)
	}
	if v, ok := r.Fields["transfer-encoding"]; ok {
		switch {
		case p.old && strings.EqualFold(v, "identity"):
			return p.method()
		case r.Version < web.Version11 && !p.old:
			return web.Refusal(400)
		case !strings.EqualFold(v, "chunked"):
			return web.Refusal(501)
		case r.Length >= 0 && !p.old:
			return web.Refusal(400)
		}
		r.Chunked, r.Length = true, -1
	}
	return p.method()
}

// method refuses what nginx never serves.
func (p *parser) method() error {
	if p.req.Method == "TRACE" || p.req.Method == "CONNECT" && !p.old {
		return web.Refusal(405)
	}
	return nil
}

// validHost is nginx's idea of a host name with an optional port.
func validHost(host string) bool {
	_, ok := hostLength(host)
	return ok
}

// hostLength is how much of a valid host is its name.
func hostLength(host string) (int, bool) {
	length, state := len(host), 0 // 0 usual, 1 literal, 2 rest
	if host == "" {
		return 0, false
	}
	for i := range len(host) {
		c := host[i]
		switch {
		case c == '.':
			if i > 0 && host[i-1] == '.' {
				return 0, false
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
			return 0, false
		}
	}
	if length > 0 && host[length-1] == '.' {
		length--
	}
	return length, length > 0
}
