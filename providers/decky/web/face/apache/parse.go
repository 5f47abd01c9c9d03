package apache

import (
	"errors"
	"strings"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/schema/event"
)

// errLong is a line beyond its limit, errBare a line that ends in LF alone.
var (
	errLong = errors.New("line too long")
	errBare = errors.New("line without CR")
)

// line reads up to a line's end, which is not part of the result.
func (f *Face) line(in *web.Input, limit int) (string, error) {
	var line []byte
	for {
		c, err := in.Next()
		if err != nil {
			return string(line), err
		}
		if c == '\n' {
			break
		}
		// A line is measured when it ends, or in blocks of 8 KiB.
		if len(line) >= 2*(limit+2) {
			return string(line), errLong
		}
		line = append(line, c)
	}
	if len(line) > limit+2 {
		return string(line), errLong
	}
	n := len(line)
	if n > 0 && line[n-1] == '\r' {
		return string(line[:n-1]), nil
	}
	if f.version >= strictSince {
		return string(line), errBare
	}
	return string(line), nil
}

// Read implements web.Face.
func (f *Face) Read(in *web.Input, r *web.Request) error {
	var line string
	for blank := 0; ; blank++ {
		var err error
		if line, err = f.line(in, maxLine); err != nil {
			return refusalOf(err, 414)
		}
		if line != "" {
			break
		}
		if blank >= maxFields {
			return web.Refusal(400)
		}
		in.Begin()
	}
	deferred := f.requestLine(r, line)
	if deferred != nil {
		return deferred
	}
	if r.Version < web.Version10 {
		return nil
	}
	if err := f.headers(in, r); err != nil {
		return err
	}
	return f.judge(r)
}

func refusalOf(err error, long int) error {
	switch {
	case errors.Is(err, errLong):
		return web.Refusal(long)
	case errors.Is(err, errBare):
		return web.Refusal(400)
	}
	return err
}

func space(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// word cuts s at its first white space; clean is false for a control character
// before it, and single where one space alone follows.
func word(s string) (text, rest string, clean, single bool) {
	i := 0
	clean, single = true, true
	for i < len(s) && !space(s[i]) {
		if s[i] < 0x20 || s[i] == 0x7f {
			clean = false
		}
		i++
	}
	text = s[:i]
	j := i
	for j < len(s) && space(s[j]) {
		if s[j] != ' ' || j > i {
			single = false
		}
		j++
	}
	return text, s[j:], clean, single
}

// requestLine takes a request line apart (RFC 9112 section 3) in the order of
// ap_parse_request_line.
func (f *Face) requestLine(r *web.Request, line string) error {
	strict := f.version >= strictSince
	method, rest, cleanMethod, one := word(line)
	target, protocol, cleanTarget, two := word(rest)
	protocol, trailing, cleanProtocol, three := word(protocol)
	r.Method, r.Target = method, target
	bad := method == "" || target == "" || strict && (!cleanMethod || !cleanTarget || !cleanProtocol || !one || !two || !three || trailing != "" || protocol != "" && strings.HasSuffix(line, " "))
	for i := range len(method) {
		bad = bad || strict && !web.Token(method[i])
	}
	exact := strings.HasPrefix(protocol, "HTTP/")
	switch {
	case len(protocol) == 8 && strings.EqualFold(protocol[:5], "HTTP/") && web.Digit(protocol[5]) && protocol[6] == '.' && web.Digit(protocol[7]):
		r.Version = int(protocol[5]-'0')*1000 + int(protocol[7]-'0')
		bad = bad || strict && !exact
		if r.Version == web.Version09 {
			bad = true
		}
	case protocol != "":
		bad = true
	default:
		r.Version = web.Version09
		bad = bad || strict && method != "GET"
	}
	if bad || !f.target(r) {
		r.Version = max(r.Version, web.Version10)
		return web.Refusal(400)
	}
	return nil
}

// target takes the target apart: path, query, and the host of an absolute one.
func (f *Face) target(r *web.Request) bool {
	t := r.Target
	if i := strings.IndexByte(t, ':'); i > 0 && !strings.Contains(t[:i], "/") && strings.HasPrefix(t[i+1:], "//") {
		scheme := strings.ToLower(t[:i])
		for j := range len(scheme) {
			if !web.Letter(scheme[j]) && !web.Digit(scheme[j]) && strings.IndexByte("+-.", scheme[j]) < 0 {
				return false
			}
		}
		rest := t[i+3:]
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		r.Host, t = rest[:end], rest[end:]
		if scheme != "http" && scheme != "https" {
			r.Host, r.Note = "", "scheme"
		}
		if t == "" || t[0] != '/' {
			t = "/" + t
		}
		if _, port := web.HostOnly(r.Host); strings.Trim(port, "0123456789") != "" {
			return false
		}
	}
	if strings.IndexByte(t, '#') >= 0 && f.version >= strictSince {
		return false
	}
	r.Path, r.Query, _ = strings.Cut(t, "?")
	if r.Path == "" {
		r.Path = "/"
	}
	if r.Method == "CONNECT" && f.version >= strictSince && !strings.HasPrefix(r.Target, "/") {
		r.Path = "*"
		return strings.Contains(r.Target, ":")
	}
	if r.Method == "CONNECT" {
		return false
	}
	return strings.HasPrefix(r.Path, "/") || r.Path == "*" && r.Method == "OPTIONS"
}

// headers reads the header section (RFC 9112 section 5) with its folded lines.
func (f *Face) headers(in *web.Input, r *web.Request) error {
	strict := f.version >= strictSince
	r.Fields = make(map[string]string, 8)
	last, n := "", 0
	for {
		line, err := f.line(in, maxLine)
		if err != nil {
			if errors.Is(err, errLong) {
				r.Note = "long"
			}
			return refusalOf(err, 400)
		}
		trimmed := line
		for len(trimmed) > 1 && (trimmed[len(trimmed)-1] == ' ' || trimmed[len(trimmed)-1] == '\t') {
			trimmed = trimmed[:len(trimmed)-1]
		}
		if trimmed != "" && (trimmed[0] == ' ' || trimmed[0] == '\t') {
			if last == "" || len(trimmed) == 1 {
				return web.Refusal(400)
			}
			last += " " + strings.TrimLeft(trimmed, " \t")
			if len(last) >= maxLine {
				r.Note = "long"
				return web.Refusal(400)
			}
			continue
		}
		if last != "" {
			if n++; n > maxFields {
				r.Note = "many"
				return web.Refusal(400)
			}
			if !f.field(r, last, strict) {
				return web.Refusal(400)
			}
		}
		if trimmed == "" {
			break
		}
		last = trimmed
	}
	for _, v := range r.Fields {
		if len(v) > maxLine {
			r.Note = "long"
			return web.Refusal(400)
		}
	}
	return nil
}

// field takes one line apart; several of one name are merged (RFC 9110 section
// 5.3).
func (f *Face) field(r *web.Request, line string, strict bool) bool {
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" {
		return false
	}
	value = strings.TrimLeft(value, " \t")
	for i := range len(name) {
		if strict && !web.Token(name[i]) || space(name[i]) {
			return false
		}
	}
	for i := range len(value) {
		if c := value[i]; strict && (c < 0x20 && c != '\t' || c == 0x7f) {
			return false
		}
	}
	r.Headers = append(r.Headers, event.Header{Name: event.Text(name), Value: event.Text(value)})
	key := strings.ToLower(name)
	if old, twice := r.Fields[key]; twice {
		value = old + ", " + value
	}
	r.Fields[key] = value
	return true
}

// judge checks the whole head once it is read.
func (f *Face) judge(r *web.Request) error {
	r.Length = -1
	if v, ok := r.Fields["transfer-encoding"]; ok {
		if !chunked(v) {
			r.Host = ""
			return web.Refusal(400)
		}
		r.Chunked = true
		if r.Has("content-length") {
			r.Note = "both"
		}
	} else if v, ok := r.Fields["content-length"]; ok {
		if r.Length = length(v); r.Length < 0 {
			r.Host = ""
			return web.Refusal(400)
		}
	}
	host, has := r.Fields["host"]
	if r.Host == "" && has {
		r.Host = host
		if !validHost(host) {
			r.Host = ""
			return web.Refusal(400)
		}
	} else if r.Host != "" && !validHost(r.Host) {
		r.Host = ""
		return web.Refusal(400)
	}
	if r.Version >= web.Version11 && !has {
		return web.Refusal(400)
	}
	if v := r.Field("expect"); v != "" && !strings.EqualFold(v, "100-continue") {
		return web.Refusal(417)
	}
	return nil
}

// chunked tells whether chunked is the last coding of Transfer-Encoding.
func chunked(v string) bool {
	last := v[strings.LastIndexByte(v, ',')+1:]
	return strings.EqualFold(strings.Trim(last, " \t"), "chunked")
}

// length reads a Content-Length strictly; -1 is none.
func length(v string) int64 {
	if v == "" || len(v) > 18 {
		return -1
	}
	n := int64(0)
	for i := range len(v) {
		if !web.Digit(v[i]) {
			return -1
		}
		n = n*10 + int64(v[i]-'0')
	}
	return n
}

// validHost is what Apache takes for a host with an optional port.
func validHost(host string) bool {
	if host == "" {
		return false
	}
	name, port := web.HostOnly(host)
	if strings.HasPrefix(host, "[") {
		inside, ok := strings.CutSuffix(strings.TrimPrefix(name, "["), "]")
		return ok && inside != "" && strings.Trim(inside, "0123456789abcdefABCDEF:.") == "" && validPort(host, port)
	}
	if strings.Trim(host, "0123456789") == "" || name == "" || !validPort(host, port) {
		return false
	}
	return plain(name)
}

func validPort(host, port string) bool {
	if port == "" {
		return !strings.HasSuffix(host, ":")
	}
	n := 0
	for i := range len(port) {
		if !web.Digit(port[i]) {
			return false
		}
		if n = n*10 + int(port[i]-'0'); n > 65535 {
			return false
		}
	}
	return n > 0
}

// plain is a name of letters, digits, hyphens and single dots, or a dotted
// decimal address.
func plain(name string) bool {
	decimal, dots := true, 0
	for i := range len(name) {
		switch c := name[i]; {
		case web.Letter(c) || c == '-' || c == '_':
			decimal = false
		case c == '.':
			dots++
			if i > 0 && name[i-1] == '.' {
				return false
			}
		case !web.Digit(c):
			return false
		}
	}
	if decimal {
		return dots == 3 && name[0] != '.'
	}
	top := name[strings.LastIndexByte(strings.TrimSuffix(name, "."), '.')+1:]
	return dots == 0 || top == "" || web.Letter(top[0]) || !strings.Contains(name, ".")
}
