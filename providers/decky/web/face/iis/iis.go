// Package iis is the face of IIS 10 on Windows Server: HTTP.sys, which reads
// requests and refuses what is broken under its own name, and the static files
// behind it. No such server runs beside it: what it does is checked against facts
// from captures that were published (Nmap's service probes, Microsoft's list of
// HTTP.sys errors); rows that nobody could check are marked in the tests.
package iis

import (
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/site"
	"github.com/decnet/decnet/schema/event"
)

// Options of a Face.
type Options struct {
	Server string // "Microsoft-IIS/10.0"
	Site   *site.Site
	Extra  []app.Field // custom headers of the site
}

// Face is IIS. It implements web.Face.
type Face struct{ options Options }

// New is IIS with these options.
func New(options Options) *Face { return &Face{options} }

var timing = web.Timing{
	First: 120 * time.Second, Header: 120 * time.Second, KeepAlive: 120 * time.Second,
	Body: 120 * time.Second, BodyTotal: 5 * time.Minute, Write: 2 * time.Minute,
	Linger: 5 * time.Second, LingerAll: 30 * time.Second,
}

const (
	maxHead      = 16 << 10 // MaxRequestBytes
	bodyPatience = 100 * time.Millisecond
)

// Timing implements web.Face.
func (f *Face) Timing() *web.Timing { return &timing }

// Framing implements web.Face.
func (f *Face) Framing(*web.Request) web.Framing { return &web.Lenient{} }

// Abandon implements web.Face: HTTP.sys closes without a word.
func (f *Face) Abandon(*web.Exchange, bool) web.Answer { return web.Answer{} }

// Notes of a refusal.
const (
	noteVerb    = "verb"
	noteURL     = "url"
	noteHeader  = "header"
	noteHost    = "host"
	noteLong    = "long"
	noteVersion = "version"
	noteLength  = "length"
)

// Read implements web.Face.
func (f *Face) Read(in *web.Input, r *web.Request) error {
	r.Version = web.Version11
	line, size, err := readLine(in, 0)
	for err == nil && line == "" {
		line, size, err = readLine(in, size)
	}
	if err != nil {
		return wrong(r, noteURL, err)
	}
	if err := requestLine(r, line); err != nil {
		return err
	}
	r.Fields = map[string]string{}
	for {
		line, size, err = readLine(in, size)
		if err != nil {
			return wrong(r, noteLong, err)
		}
		if line == "" {
			return judge(r)
		}
		name, value, ok := strings.Cut(line, ":")
		for i := range len(name) {
			ok = ok && web.Token(name[i])
		}
		if !ok || name == "" {
			return refuse(r, noteHeader)
		}
		value = strings.Trim(value, " \t")
		r.Headers = append(r.Headers, event.Header{Name: event.Text(name), Value: event.Text(value)})
		key := strings.ToLower(name)
		if old, twice := r.Fields[key]; twice {
			if key == "host" || key == "content-length" {
				return refuse(r, noteHeader)
			}
			value = old + ", " + value
		}
		r.Fields[key] = value
	}
}

func refuse(r *web.Request, note string) error {
	r.Note = note
	return web.Refusal(400)
}

// wrong turns a head that is too long into a refusal.
func wrong(r *web.Request, note string, err error) error {
	if err == errLong {
		return refuse(r, note)
	}
	return err
}

// errLong is a head beyond its limit.
const errLong = tooLong("head is too long")

type tooLong string

func (t tooLong) Error() string { return string(t) }

// readLine reads a line of a head of which size bytes were read.
func readLine(in *web.Input, size int) (string, int, error) {
	var line []byte
	for {
		c, err := in.Next()
		if err != nil {
			return "", size, err
		}
		if size++; size > maxHead {
			return "", size, errLong
		}
		// A verb is refused at its first wrong byte.
		if size == 1 && !web.Token(c) && c != '\r' && c != '\n' {
			return string([]byte{c}), size, nil
		}
		if c == '\n' {
			return strings.TrimSuffix(string(line), "\r"), size, nil
		}
		line = append(line, c)
	}
}

// requestLine takes a request line apart.
func requestLine(r *web.Request, line string) error {
	method, rest, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(rest, " ")
	r.Method, r.Target = method, target
	for i := range len(method) {
		if !web.Token(method[i]) {
			return refuse(r, noteVerb)
		}
	}
	if method == "" {
		return refuse(r, noteVerb)
	}
	switch {
	case version == "HTTP/1.1":
	case version == "HTTP/1.0":
		r.Version = web.Version10
	case strings.HasPrefix(version, "HTTP/") && len(version) == 8 && web.Digit(version[5]) && web.Digit(version[7]):
		if version[5] != '1' {
			r.Note = noteVersion
			return web.Refusal(505)
		}
	default:
		if version == "" && method == strings.ToUpper(method) && target == "" {
			return refuse(r, noteVerb)
		}
		return refuse(r, noteURL)
	}
	if !decode(r) {
		return refuse(r, noteURL)
	}
	return nil
}

// decode turns the target into the path that is looked up.
func decode(r *web.Request) bool {
	t := r.Target
	if i := strings.Index(t, "://"); i > 0 && strings.EqualFold(t[:i], "http") {
		rest := t[i+3:]
		end := strings.IndexByte(rest, '/')
		if end < 0 {
			rest, end = rest+"/", len(rest)
		}
		r.Host, t = rest[:end], rest[end:]
	}
	if t == "*" {
		r.Path = "*"
		return r.Method == "OPTIONS"
	}
	if !strings.HasPrefix(t, "/") {
		return false
	}
	path, query, _ := strings.Cut(t, "?")
	r.Query = query
	var out []byte
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			if i+2 >= len(path) || web.Hex(path[i+1]) < 0 || web.Hex(path[i+2]) < 0 {
				return false
			}
			c = byte(web.Hex(path[i+1])<<4 | web.Hex(path[i+2]))
			i += 2
		}
		if c < ' ' || c == 0x7f {
			return false
		}
		if c == '\\' {
			c = '/'
		}
		out = append(out, c)
	}
	var parts []string
	segments := strings.Split(string(out), "/")
	for i, s := range segments {
		switch s {
		case "..":
			parts = parts[:max(len(parts)-1, 0)]
		case "", ".":
		default:
			parts = append(parts, s)
			continue
		}
		if i == len(segments)-1 {
			parts = append(parts, "")
		}
	}
	r.Path = "/" + strings.Join(parts, "/")
	return true
}

// judge checks the whole head.
func judge(r *web.Request) error {
	host, has := r.Fields["host"]
	if r.Host == "" {
		r.Host = host
	}
	if !has && r.Version >= web.Version11 || strings.ContainsAny(host, " /\\@?#") {
		return refuse(r, noteHost)
	}
	r.Length = -1
	if v, ok := r.Fields["content-length"]; ok {
		n := int64(0)
		for i := range len(v) {
			if !web.Digit(v[i]) || n > 1<<58 {
				return refuse(r, noteHeader)
			}
			n = n*10 + int64(v[i]-'0')
		}
		r.Length = n
	}
	if v, ok := r.Fields["transfer-encoding"]; ok {
		if !strings.EqualFold(v, "chunked") {
			r.Note = ""
			return web.Refusal(501)
		}
		r.Chunked, r.Length = true, -1
	}
	if (r.Method == "POST" || r.Method == "PUT") && r.Length < 0 && !r.Chunked {
		r.Note = noteLength
		return web.Refusal(411)
	}
	return nil
}
