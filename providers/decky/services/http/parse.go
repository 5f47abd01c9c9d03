package http

import (
	"strings"

	"github.com/decnet/decnet/schema/event"
)

// HTTP versions as nginx counts them: major*1000+minor.
const (
	version09 = 9
	version10 = 1000
	version11 = 1001
)

// refusal is an error that a client is told with a status.
type refusal int

// Error implements error.
func (r refusal) Error() string { return reasons[int(r)][0] }

// request is one request as far as it was understood; version is 1.0 until
// the client names one, as an error before that is answered so.
type request struct {
	method, target    string
	path, query, host string
	version           int
	headers           []event.Header // every one, in order
	fields            map[string]string
	length            int64 // of the body, -1 where none is announced
	chunked           bool
}

// field is the value of the first header of that name that nginx accepts, name
// in lower case.
func (r *request) field(name string) string { return r.fields[name] }

func (r *request) has(name string) bool { _, ok := r.fields[name]; return ok }

// parser reads one request. It reads byte by byte and refuses at the first
// wrong byte, as nginx does: a TLS greeting has no line feed to wait for.
type parser struct {
	in  *input
	req *request
}

// requestLine reads the request line (RFC 9112 section 3, with nginx's own
// tolerance: leading line breaks, several spaces, HTTP/0.9).
func (p *parser) requestLine() error {
	c, err := p.in.next()
	for err == nil && (c == '\r' || c == '\n') {
		p.in.skipLine()
		p.in.raw = p.in.raw[:0]
		c, err = p.in.next()
	}
	var method []byte
	for ; err == nil && c != ' '; c, err = p.in.next() {
		if (c < 'A' || c > 'Z') && c != '_' && c != '-' {
			return refusal(400)
		}
		method = append(method, c)
	}
	if err != nil {
		return err
	}
	if len(method) == 0 {
		return refusal(400)
	}
	p.req.method = string(method)
	for err == nil && c == ' ' {
		c, err = p.in.next()
	}
	if err != nil {
		return err
	}
	if c != '/' {
		if c, err = p.authority(c); err != nil {
			return err
		}
	}
	if c, err = p.rest(c); err != nil {
		return err
	}
	if err := p.protocol(c); err != nil {
		return err
	}
	if p.req.version == version09 && p.req.method != "GET" {
		return refusal(400)
	}
	path, query, ok := normalise(p.req.target)
	if !ok {
		return refusal(400)
	}
	p.req.path, p.req.query = path, query
	return nil
}

// authority reads scheme://host of an absolute target and returns the byte
// after it.
func (p *parser) authority(c byte) (byte, error) {
	var err error
	if !letter(c) {
		return 0, refusal(400)
	}
	for ; err == nil && c != ':'; c, err = p.in.next() {
		if !letter(c) && !digit(c) && c != '+' && c != '-' && c != '.' {
			return 0, refusal(400)
		}
	}
	for range 2 {
		if err != nil {
			return 0, err
		}
		if c, err = p.in.next(); err == nil && c != '/' {
			return 0, refusal(400)
		}
	}
	if err != nil {
		return 0, err
	}
	if c, err = p.in.next(); err != nil {
		return 0, err
	}
	var host []byte
	if c == '[' {
		for ; err == nil && c != ']'; c, err = p.in.next() {
			if c != '[' && !letter(c) && !digit(c) && !strings.ContainsRune(":-._~!$&'()*+,;=", rune(c)) {
				return 0, refusal(400)
			}
			host = append(host, c)
		}
		host = append(host, ']')
		if err == nil {
			c, err = p.in.next()
		}
	} else {
		for ; err == nil && (letter(c) || digit(c) || c == '.' || c == '-'); c, err = p.in.next() {
			host = append(host, c)
		}
	}
	if err == nil && c == ':' {
		for c, err = p.in.next(); err == nil && digit(c); c, err = p.in.next() {
		}
	}
	if err != nil {
		return 0, err
	}
	if c != '/' && c != '?' && c != ' ' {
		return 0, refusal(400)
	}
	if !validHost(string(host)) {
		return 0, refusal(400)
	}
	p.req.host = string(host)
	return c, nil
}

// rest reads the target from its first byte c up to the space or line end that
// follows, which it returns.
func (p *parser) rest(c byte) (byte, error) {
	var target []byte
	var err error
	for ; err == nil && c != ' ' && c != '\r' && c != '\n'; c, err = p.in.next() {
		if c < 0x20 || c == 0x7f {
			p.req.target = string(target)
			return 0, refusal(400)
		}
		target = append(target, c)
	}
	p.req.target = string(target)
	if len(target) == 0 {
		p.req.target = "/"
	}
	return c, err
}

// protocol reads what follows the target, c being its first byte.
func (p *parser) protocol(c byte) error {
	var err error
	for err == nil && c == ' ' {
		c, err = p.in.next()
	}
	if err != nil {
		return err
	}
	if c == '\r' || c == '\n' {
		p.req.version = version09
		return p.lineEnd(c)
	}
	for _, want := range []byte("HTTP/") {
		if c != want {
			return refusal(400)
		}
		if c, err = p.in.next(); err != nil {
			return err
		}
	}
	major, minor := 0, 0
	if c < '1' || c > '9' {
		return refusal(400)
	}
	for ; err == nil && c != '.'; c, err = p.in.next() {
		if !digit(c) {
			return refusal(400)
		}
		if major = major*10 + int(c-'0'); major > 1 {
			return refusal(505)
		}
	}
	if err == nil {
		c, err = p.in.next()
	}
	if err == nil && !digit(c) {
		return refusal(400)
	}
	for ; err == nil && digit(c); c, err = p.in.next() {
		if minor > 99 {
			return refusal(400)
		}
		minor = minor*10 + int(c-'0')
	}
	for err == nil && c == ' ' {
		c, err = p.in.next()
	}
	if err != nil {
		return err
	}
	if err := p.lineEnd(c); err != nil {
		return err
	}
	p.req.version = major*1000 + minor
	return nil
}

func (p *parser) lineEnd(c byte) error {
	var err error
	if c == '\r' {
		if c, err = p.in.next(); err != nil {
			return err
		}
	}
	if c != '\n' {
		return refusal(400)
	}
	p.in.endLine()
	return nil
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }
