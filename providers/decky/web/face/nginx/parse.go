package nginx

import (
	"errors"
	"strings"

	"github.com/decnet/decnet/providers/decky/web"
)

// nginx's client_header_buffer_size and large_client_header_buffers.
const (
	smallBuffer  = 1024
	largeBuffer  = 8192
	largeBuffers = 4
)

// errSpace is a space that does not end the target.
var errSpace = errors.New("space in target")

var errTooLarge = errors.New("header does not fit the buffers")

// parser reads one request. It reads byte by byte and refuses at the first
// wrong byte, as nginx does: a TLS greeting has no line feed to wait for.
type parser struct {
	in  *web.Input
	req *web.Request
	old bool // before 1.21.1

	room  int // bytes left in the current header buffer
	size  int // of the current header buffer
	large int // large buffers used by this request
	line  int // bytes of the unfinished line

	unread byte // what followed a space in the target
}

// next is the next byte; it fails with errTooLarge where nginx has no buffer
// left for it.
func (p *parser) next() (byte, error) {
	if p.room == 0 {
		if p.line >= largeBuffer || p.large == largeBuffers {
			return 0, errTooLarge
		}
		p.large++
		p.size, p.room = largeBuffer, largeBuffer-p.line
	}
	c, err := p.in.Next()
	if err == nil {
		p.room--
		p.line++
	}
	return c, err
}

// skipLine forgets an empty line before the request line: nginx reads it into
// the same buffer again once that is full.
func (p *parser) skipLine() {
	p.line = 0
	if p.room == 0 {
		p.room = p.size
	}
}

// requestLine reads the request line (RFC 9112 section 3, with nginx's own
// tolerance: leading line breaks, several spaces, HTTP/0.9).
func (p *parser) requestLine() error {
	c, err := p.next()
	for err == nil && (c == '\r' || c == '\n') {
		p.skipLine()
		p.in.Begin()
		c, err = p.next()
	}
	var method []byte
	for ; err == nil && c != ' '; c, err = p.next() {
		if (c < 'A' || c > 'Z') && c != '_' && c != '-' {
			return web.Refusal(400)
		}
		method = append(method, c)
	}
	if err != nil {
		return err
	}
	if len(method) == 0 {
		return web.Refusal(400)
	}
	p.req.Method = string(method)
	for err == nil && c == ' ' {
		c, err = p.next()
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
	for err = errSpace; err == errSpace; {
		err = p.protocol(c)
		if err == errSpace {
			// Before 1.21.1 the space was part of the target.
			target := p.req.Target + " "
			if c, err = p.rest(p.unread); err != nil {
				return err
			}
			p.req.Target, err = target+p.req.Target, errSpace
		}
	}
	if err != nil {
		return err
	}
	if p.req.Version == web.Version09 && p.req.Method != "GET" {
		return web.Refusal(400)
	}
	path, query, ok := normalise(p.req.Target)
	if !ok {
		return web.Refusal(400)
	}
	p.req.Path, p.req.Query = path, query
	return nil
}

// authority reads scheme://host of an absolute target and returns the byte
// after it.
func (p *parser) authority(c byte) (byte, error) {
	var err error
	if !web.Letter(c) {
		return 0, web.Refusal(400)
	}
	for ; err == nil && c != ':'; c, err = p.next() {
		if !web.Letter(c) && !web.Digit(c) && c != '+' && c != '-' && c != '.' {
			return 0, web.Refusal(400)
		}
	}
	for range 2 {
		if err != nil {
			return 0, err
		}
		if c, err = p.next(); err == nil && c != '/' {
			return 0, web.Refusal(400)
		}
	}
	if err != nil {
		return 0, err
	}
	if c, err = p.next(); err != nil {
		return 0, err
	}
	var host []byte
	if c == '[' {
		for ; err == nil && c != ']'; c, err = p.next() {
			if c != '[' && !web.Letter(c) && !web.Digit(c) && !strings.ContainsRune(":-._~!$&'()*+,;=", rune(c)) {
				return 0, web.Refusal(400)
			}
			host = append(host, c)
		}
		host = append(host, ']')
		if err == nil {
			c, err = p.next()
		}
	} else {
		for ; err == nil && (web.Letter(c) || web.Digit(c) || c == '.' || c == '-'); c, err = p.next() {
			host = append(host, c)
		}
	}
	if err == nil && c == ':' {
		for c, err = p.next(); err == nil && web.Digit(c); c, err = p.next() {
		}
	}
	if err != nil {
		return 0, err
	}
	if c != '/' && c != '?' && c != ' ' {
		return 0, web.Refusal(400)
	}
	if !validHost(string(host)) {
		return 0, web.Refusal(400)
	}
	p.req.Host = string(host)
	return c, nil
}

// rest reads the target from its first byte c up to the space or line end that
// follows, which it returns.
func (p *parser) rest(c byte) (byte, error) {
	var target []byte
	var err error
	for ; err == nil && c != ' ' && c != '\r' && c != '\n'; c, err = p.next() {
		if c == 0 || (c < 0x20 || c == 0x7f) && !p.old {
			p.req.Target = string(target)
			return 0, web.Refusal(400)
		}
		target = append(target, c)
	}
	p.req.Target = string(target)
	if len(target) == 0 {
		p.req.Target = "/"
	}
	return c, err
}

// protocol reads what follows the target, c being its first byte.
func (p *parser) protocol(c byte) error {
	var err error
	for err == nil && c == ' ' {
		c, err = p.next()
	}
	if err != nil {
		return err
	}
	if c == '\r' || c == '\n' {
		p.req.Version = web.Version09
		return p.lineEnd(c)
	}
	if c != 'H' && p.old {
		p.unread = c
		return errSpace
	}
	for _, want := range []byte("HTTP/") {
		if c != want {
			return web.Refusal(400)
		}
		if c, err = p.next(); err != nil {
			return err
		}
	}
	major, minor := 0, 0
	if c < '1' || c > '9' {
		return web.Refusal(400)
	}
	for ; err == nil && c != '.'; c, err = p.next() {
		if !web.Digit(c) {
			return web.Refusal(400)
		}
		if major = major*10 + int(c-'0'); major > 1 {
			return web.Refusal(505)
		}
	}
	if err == nil {
		c, err = p.next()
	}
	if err == nil && !web.Digit(c) {
		return web.Refusal(400)
	}
	for ; err == nil && web.Digit(c); c, err = p.next() {
		if minor > 99 {
			return web.Refusal(400)
		}
		minor = minor*10 + int(c-'0')
	}
	for err == nil && c == ' ' {
		c, err = p.next()
	}
	if err != nil {
		return err
	}
	if err := p.lineEnd(c); err != nil {
		return err
	}
	p.req.Version = major*1000 + minor
	return nil
}

func (p *parser) lineEnd(c byte) error {
	var err error
	if c == '\r' {
		if c, err = p.next(); err != nil {
			return err
		}
	}
	if c != '\n' {
		return web.Refusal(400)
	}
	p.line = 0
	return nil
}
