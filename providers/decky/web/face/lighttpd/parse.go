package lighttpd

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/schema/event"
)

// Read implements web.Face: the head is read to its empty line, and then taken
// apart.
func (f *Face) Read(in *web.Input, r *web.Request) error {
	var head []byte
	for {
		c, err := in.Next()
		if err != nil {
			return err
		}
		head = append(head, c)
		if len(head) == 1 && c < ' ' {
			return web.Refusal(400)
		}
		if c == '\n' && (strings.HasSuffix(string(head), "\n\r\n") || strings.HasSuffix(string(head), "\n\n")) {
			break
		}
		if len(head) > maxHead {
			return web.Refusal(431)
		}
	}
	lines := strings.Split(strings.TrimSuffix(string(head), "\n"), "\n")
	if !strings.HasSuffix(lines[0], "\r") {
		return web.Refusal(400)
	}
	if err := requestLine(r, lines[0][:len(lines[0])-1]); err != nil {
		return err
	}
	r.Fields = map[string]string{}
	last := ""
	for _, line := range lines[1 : len(lines)-1] {
		line, ok := strings.CutSuffix(line, "\r")
		if !ok {
			return web.Refusal(400)
		}
		if last != "" && line != "" && (line[0] == ' ' || line[0] == '\t') {
			last += " " + strings.Trim(line, " \t")
			continue
		}
		if err := field(r, last); err != nil {
			return err
		}
		last = line
	}
	if err := field(r, last); err != nil {
		return err
	}
	return judge(r)
}

// methods are those that lighttpd has a number for; its table is longer, by
// those of WebDAV.
var methods = map[string]bool{
	"GET": true, "HEAD": true, "POST": true, "PUT": true, "DELETE": true, "CONNECT": true, "OPTIONS": true, "TRACE": true, "PATCH": true, "PROPFIND": true, "PROPPATCH": true,
	"MKCOL": true, "COPY": true, "MOVE": true, "LOCK": true, "UNLOCK": true, "REPORT": true, "SEARCH": true, "MERGE": true, "CHECKOUT": true, "CHECKIN": true, "UPDATE": true,
	"LABEL": true, "BIND": true, "UNBIND": true, "REBIND": true, "ACL": true, "QUERY": true, "LINK": true, "UNLINK": true, "MKACTIVITY": true, "MKWORKSPACE": true, "MKCALENDAR": true,
	"VERSION-CONTROL": true, "UNCHECKOUT": true, "BASELINE-CONTROL": true, "ORDERPATCH": true, "MKREDIRECTREF": true, "UPDATEREDIRECTREF": true, "PRI": true,
}

// requestLine takes a request line apart: the first space ends the method, the
// last begins the version.
func requestLine(r *web.Request, line string) error {
	r.Version = web.Version10
	first, last := strings.IndexByte(line, ' '), strings.LastIndexByte(line, ' ')
	if first < 0 || last <= first {
		return web.Refusal(400)
	}
	method, target, version := line[:first], line[first+1:last], line[last+1:]
	r.Method, r.Target = method, target
	switch {
	case version == "HTTP/1.1":
		r.Version = web.Version11
	case version == "HTTP/1.0":
	case strings.HasPrefix(version, "HTTP/"):
		r.Method = "" // not read yet
		return web.Refusal(505)
	default:
		return web.Refusal(400)
	}
	if !methods[method] {
		return web.Refusal(501)
	}
	return nil
}

// field takes one line of the head apart; an empty one is none.
func field(r *web.Request, line string) error {
	if line == "" {
		return nil
	}
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" {
		return web.Refusal(400)
	}
	for i := range len(name) {
		if !web.Token(name[i]) {
			return web.Refusal(400)
		}
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return web.Refusal(400)
		}
	}
	value = strings.Trim(value, " \t")
	r.Headers = append(r.Headers, event.Header{Name: event.Text(name), Value: event.Text(value)})
	key := strings.ToLower(name)
	if value == "" && key != "host" {
		return nil
	}
	if old, twice := r.Fields[key]; twice {
		switch key {
		case "host", "content-length":
			return web.Refusal(400)
		case "if-modified-since", "if-none-match", "content-type", "range":
			return nil
		}
		value = old + ", " + value
	}
	r.Fields[key] = value
	return nil
}

// judge checks the whole head.
func judge(r *web.Request) error {
	host, has := r.Fields["host"]
	r.Host = host
	if has && !validHost(host) || !has && r.Version >= web.Version11 {
		return web.Refusal(400)
	}
	r.Length = -1
	if v, ok := r.Fields["content-length"]; ok {
		n, err := strconv.ParseUint(v, 10, 62)
		if err != nil || v[0] == '+' {
			return web.Refusal(400)
		}
		r.Length = int64(n)
	}
	if v, ok := r.Fields["transfer-encoding"]; ok {
		switch {
		case r.Version < web.Version11:
			r.Version = web.Version10
			return web.Refusal(400)
		case !strings.EqualFold(v, "chunked"):
			return web.Refusal(501)
		case r.Length >= 0:
			return web.Refusal(400)
		}
		r.Chunked = true
	}
	if r.Method == "CONNECT" {
		if !strings.HasPrefix(r.Target, "/") {
			return web.Refusal(400)
		}
		return web.Refusal(405)
	}
	if r.Version < web.Version11 && r.Has("upgrade") {
		return web.Refusal(400)
	}
	if (r.Method == "GET" || r.Method == "HEAD") && (r.Length > 0 || r.Chunked) {
		return web.Refusal(400)
	}
	if r.Method == "POST" && r.Length < 0 && !r.Chunked {
		return web.Refusal(411)
	}
	if !targetOf(r) {
		return web.Refusal(400)
	}
	return nil
}

// targetOf decodes and resolves the target; what leads above the root stays
// there.
func targetOf(r *web.Request) bool {
	t := r.Target
	if i := strings.Index(t, "://"); i > 0 {
		rest := t[i+3:]
		end := strings.IndexByte(rest, '/')
		if end < 0 || !strings.EqualFold(t[:i], "http") || !strings.EqualFold(rest[:end], r.Host) {
			return false
		}
		t = rest[end:]
	}
	if t == "*" {
		r.Path = t
		return r.Method == "OPTIONS"
	}
	if !strings.HasPrefix(t, "/") {
		return false
	}
	t, _, _ = strings.Cut(t, "#")
	path, query, _ := strings.Cut(t, "?")
	r.Query = query
	var out []byte
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) && web.Hex(path[i+1]) >= 0 && web.Hex(path[i+2]) >= 0 {
			c = byte(web.Hex(path[i+1])<<4 | web.Hex(path[i+2]))
			i += 2
		}
		if c < ' ' || c == 0x7f {
			return false
		}
		out = append(out, c)
	}
	r.Path = resolve(string(out))
	return true
}

func resolve(path string) string {
	var out []string
	segments := strings.Split(path, "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case "", ".":
			if last {
				out = append(out, "")
			}
		case "..":
			out = out[:max(len(out)-1, 0)]
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, s)
		}
	}
	return "/" + strings.Join(out, "/")
}

// validHost is host-strict.
func validHost(host string) bool {
	name, port := web.HostOnly(host)
	if port != "" || strings.HasSuffix(host, ":") {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return false
		}
	}
	if strings.HasPrefix(name, "[") {
		a, err := netip.ParseAddr(strings.Trim(name, "[]"))
		return err == nil && a.Is6() && strings.HasSuffix(name, "]")
	}
	name = strings.TrimSuffix(name, ".")
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if !web.Letter(label[i]) && !web.Digit(label[i]) && label[i] != '-' {
				return false
			}
		}
	}
	return true
}
