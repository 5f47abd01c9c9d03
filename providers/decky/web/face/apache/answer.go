package apache

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// answer is one response before it is written.
type answer struct {
	status  int
	kind    string      // Content-Type, "" for none
	headers []app.Field // between Server and Content-Length
	after   []app.Field // after it
	body    []byte
	bare    bool // no length and no type: 304
	chunked bool
	drop    bool // the connection ends
	waiting bool // the client still waits for 100 Continue
	endless bool // without a length: it ends with the connection
	page    bool // one that Apache makes: HEAD gets no length of it
}

// refuse is the answer of an error page.
func (f *Face) refuse(x *web.Exchange, status int) *answer {
	return &answer{status: status, kind: "text/html; charset=iso-8859-1", body: f.page(x, status, ""), page: true}
}

// Answer implements web.Face.
func (f *Face) Answer(x *web.Exchange) web.Answer {
	r := x.Request
	path, status := r.Path, 0
	if path != "*" {
		path, status = decode(r.Path)
	}
	if r.Note == "scheme" {
		status = 400
	}
	if x.Plain {
		status, r.Note = 400, "plain"
	}
	var a *answer
	switch {
	case status != 0:
		a = f.refuse(x, status)
		f.drain(x, a)
		return f.finish(x, a)
	case r.Method == "TRACE":
		a = f.refuse(x, 405)
		a.headers = []app.Field{{Name: "Allow", Value: ""}}
		f.drain(x, a)
		return f.finish(x, a)
	}
	r.Path = path
	if x.App() {
		return f.finish(x, f.script(x))
	}
	return f.finish(x, f.find(x))
}

// drain reads the body as ap_die does; what is wrong with it ends the
// connection only.
func (f *Face) drain(x *web.Exchange, a *answer) {
	if drops(a.status) {
		return
	}
	a.waiting = f.waits(x)
	if x.Body.ReadAll(timing.Body, timing.BodyTotal, -1) != nil {
		a.drop = true
	}
}

// waits tells whether the client asked for 100 Continue and no body came that
// would have brought it.
func (f *Face) waits(x *web.Exchange) bool {
	return strings.EqualFold(x.Request.Field("expect"), "100-continue") && x.Body.Done()
}

// take reads the body as a handler does; nil is a body that was read whole.
func (f *Face) take(x *web.Exchange) *answer {
	if !x.Body.Done() && x.Continue() != nil {
		return &answer{status: 400, drop: true}
	}
	if x.Request.Note == "both" {
		return nil // the connection ends anyway
	}
	status := 0
	if x.Request.Length > maxBody && f.version >= plainSince {
		status = 413
	} else if err := x.Body.ReadAll(timing.Body, timing.BodyTotal, -1); err != nil {
		status = 400
		if web.Late(err) {
			status = 408
		}
		if x.Body.Bad() && x.Body.Framing().(*chunks).huge {
			status = 413
		}
	}
	if status == 0 {
		return nil
	}
	a := f.refuse(x, status)
	a.endless = x.Body.Bad() && x.Body.Framing().(*chunks).state < chunkTrailer || status == 413
	return a
}

// find looks the path up.
func (f *Face) find(x *web.Exchange) *answer {
	r := x.Request
	if r.Path == "*" {
		return f.handle(x, nil)
	}
	for s := range strings.SplitSeq(r.Path, "/") {
		if len(s) > 255 {
			return f.die(x, 403)
		}
	}
	name := r.Path[strings.LastIndexByte(r.Path, '/')+1:]
	if strings.HasPrefix(name, ".ht") || r.Path == "/server-status" {
		return f.die(x, 403)
	}
	e := f.options.Site.Find(r.Path)
	if e != nil && e.Dir && e.Path != r.Path && e.Path == "/icons/" {
		e = nil // an alias of /icons/, not a directory
	}
	switch {
	case e == nil || !e.Dir:
		return f.handle(x, e)
	case e.Path != r.Path:
		location := f.here(x) + escape(e.Path)
		if r.Query != "" {
			location += "?" + r.Query
		}
		a := f.refuse(x, 301)
		a.headers, a.body = []app.Field{{Name: "Location", Value: location}}, f.page(x, 301, location)
		f.drain(x, a)
		return a
	case e.Index != nil:
		return f.handle(x, e.Index)
	case strings.HasPrefix(e.Path, "/icons/"):
		return f.die(x, 403)
	case r.Method == "GET" || r.Method == "HEAD":
		return f.listing(x, e)
	}
	return f.handle(x, e)
}

func (f *Face) die(x *web.Exchange, status int) *answer {
	a := f.refuse(x, status)
	f.drain(x, a)
	return a
}

// maxBody is LimitRequestBody, since 2.4.53.
const maxBody = 1 << 30

const allowed = "POST,OPTIONS,HEAD,GET"

// handle is the default handler on a file, or on nothing.
func (f *Face) handle(x *web.Exchange, e *site.Entry) *answer {
	waiting := f.waits(x)
	if wrong := f.take(x); wrong != nil {
		return wrong
	}
	a := f.method(x, e)
	a.waiting = waiting
	return a
}

func (f *Face) method(x *web.Exchange, e *site.Entry) *answer {
	r := x.Request
	switch r.Method {
	case "GET", "HEAD", "POST":
		if e == nil || e.Dir {
			return f.refuse(x, 404)
		}
		if e.Status != 0 && e.Status != 200 {
			return f.special(x, e)
		}
		return f.static(x, e)
	case "OPTIONS":
		a := &answer{status: 200, headers: []app.Field{{Name: "Allow", Value: allowed}}, body: []byte{}}
		switch {
		case r.Path == "*":
			a.headers = nil
		case e != nil && e.Dir:
			a.kind = "httpd/unix-directory"
		case e != nil || strings.Contains(r.Path, "."):
			a.kind = f.kindOf(r.Path)
		}
		return a
	}
	status := 501
	if methods[r.Method] {
		status = 405
	}
	a := f.refuse(x, status)
	a.headers = []app.Field{{Name: "Allow", Value: allowed}}
	return a
}

// methods are those that Apache has a number for, beside what it serves.
var methods = map[string]bool{
	"PUT": true, "DELETE": true, "CONNECT": true, "TRACE": true, "PATCH": true, "PROPFIND": true, "PROPPATCH": true, "MKCOL": true, "COPY": true, "MOVE": true,
	"LOCK": true, "UNLOCK": true, "VERSION-CONTROL": true, "CHECKOUT": true, "UNCHECKOUT": true, "CHECKIN": true, "UPDATE": true, "LABEL": true, "REPORT": true,
	"MKWORKSPACE": true, "MKACTIVITY": true, "BASELINE-CONTROL": true, "MERGE": true,
}

// special is the first page of a site that answers with another status.
func (f *Face) special(x *web.Exchange, e *site.Entry) *answer {
	a := f.refuse(x, e.Status)
	if len(e.Body) > 0 {
		a.body, a.kind = e.Body, f.kindOf(e.Path)
		a.headers = []app.Field{{Name: "Last-Modified", Value: e.Modified.UTC().Format(timeFormat)}, {Name: "ETag", Value: etag(e)}, {Name: "Accept-Ranges", Value: "bytes"}}
	}
	return a
}

// kinds are the rows of mime.types for what a site here holds, and whether
// mod_deflate packs it.
var kinds = map[string]struct {
	name  string
	packs bool
}{
	"html": {"text/html", true}, "htm": {"text/html", true}, "txt": {"text/plain", true}, "css": {"text/css", true}, "xml": {"application/xml", true}, "js": {"text/javascript", true},
	"gif": {"image/gif", false}, "png": {"image/png", false}, "jpg": {"image/jpeg", false}, "ico": {"image/vnd.microsoft.icon", false}, "svg": {"image/svg+xml", false},
	"json": {"application/json", false}, "php": {"application/x-httpd-php", false},
}

func (f *Face) kindOf(path string) string {
	kind := kinds[strings.ToLower(path[strings.LastIndexByte(path, '.')+1:])].name
	if strings.HasSuffix(path, "/") {
		kind = "text/html"
	}
	if f.options.Charset != "" && (kind == "text/html" || kind == "text/plain") {
		kind += "; charset=" + f.options.Charset
	}
	return kind
}

// etag is the file's size and its time in microseconds.
func etag(e *site.Entry) string {
	return `"` + strconv.FormatInt(int64(len(e.Body)), 16) + "-" + strconv.FormatInt(e.Modified.UnixMicro()+int64(e.Inode%1_000_000), 16) + `"`
}

// static is the answer of a file.
func (f *Face) static(x *web.Exchange, e *site.Entry) *answer {
	r := x.Request
	tag := etag(e)
	a := &answer{status: 200, kind: f.kindOf(e.Path), body: e.Body}
	modified := app.Field{Name: "Last-Modified", Value: e.Modified.UTC().Format(timeFormat)}
	accept := app.Field{Name: "Accept-Ranges", Value: "bytes"}
	switch meets(r, tag, e.Modified, x.Now) {
	case 304:
		return &answer{status: 304, bare: true, headers: []app.Field{modified, {Name: "ETag", Value: tag}, accept}}
	case 412:
		return &answer{status: 412, kind: a.kind, headers: []app.Field{modified, {Name: "ETag", Value: tag}, accept}, body: []byte{}}
	}
	if f.packs(e) {
		a.after = []app.Field{{Name: "Vary", Value: "Accept-Encoding"}}
		if wantsGzip(r) {
			small := packed(e.Body)
			a.headers = []app.Field{modified, {Name: "ETag", Value: tag[:len(tag)-1] + `-gzip"`}, accept, a.after[0], {Name: "Content-Encoding", Value: "gzip"}}
			a.after, a.body = nil, small
			return f.ranged(x, a, tag[:len(tag)-1]+`-gzip"`, e)
		}
	}
	a.headers = []app.Field{modified, {Name: "ETag", Value: tag}, accept}
	return f.ranged(x, a, tag, e)
}

// ranged turns a into 206 or 416 where the client asked for parts (RFC 9110
// section 14).
func (f *Face) ranged(x *web.Exchange, a *answer, tag string, e *site.Entry) *answer {
	v, ok := x.Request.Fields["range"]
	if !ok || x.Request.Version < web.Version10 || !rangeApplies(x.Request, tag, e.Modified) {
		return a
	}
	size := len(a.body)
	spans, unsatisfiable := ranges(v, int64(size))
	switch {
	case unsatisfiable:
		refused := f.refuse(x, 416)
		refused.chunked, refused.endless = x.Request.Version >= web.Version11, true
		refused.drop = !refused.chunked
		return refused
	case len(spans) == 0:
		return a
	case len(spans) == 1:
		s := spans[0]
		a.status = 206
		part := app.Field{Name: "Content-Range", Value: fmt.Sprintf("bytes %d-%d/%d", s.start, s.end, size)}
		if strings.HasSuffix(tag, `-gzip"`) {
			a.headers = append(a.headers, part)
		} else {
			a.after = append(a.after, part)
		}
		a.body = a.body[s.start : s.end+1]
		return a
	}
	mark := fmt.Sprintf("%x%05x", x.Now.UnixMicro(), x.Count)
	mark = mark[len(mark)-16:]
	var b bytes.Buffer
	for _, s := range spans {
		fmt.Fprintf(&b, "\r\n--%s\r\nContent-type: %s\r\nContent-range: bytes %d-%d/%d\r\n\r\n", mark, a.kind, s.start, s.end, size)
		b.Write(a.body[s.start : s.end+1])
	}
	fmt.Fprintf(&b, "\r\n--%s--\r\n", mark)
	a.status, a.kind, a.body = 206, "multipart/byteranges; boundary="+mark, b.Bytes()
	return a
}

// script is the answer of an application behind mod_php, which reads the whole
// body first.
func (f *Face) script(x *web.Exchange) *answer {
	if wrong := f.take(x); wrong != nil {
		return wrong
	}
	reply := x.Serve()
	if reply == nil {
		if reply = x.Page(404); reply == nil {
			return f.refuse(x, 404)
		}
	}
	a := &answer{status: reply.Status, kind: reply.Type, body: reply.Body, headers: reply.Header}
	if a.status == 0 {
		a.status = 200
	}
	if a.kind == "" {
		a.kind = "text/html; charset=UTF-8"
	}
	for _, c := range reply.Cookies {
		a.headers = append(a.headers, app.Field{Name: "Set-Cookie", Value: c})
	}
	a.bare = a.status == 204 || a.status == 304
	if len(a.body) > 0 && !a.bare && len(a.body) >= minPack && strings.HasPrefix(a.kind, "text/html") {
		a.headers = append(a.headers, app.Field{Name: "Vary", Value: "Accept-Encoding"})
		if wantsGzip(x.Request) {
			a.headers = append(a.headers, app.Field{Name: "Content-Encoding", Value: "gzip"})
			a.body = packed(a.body)
		}
	}
	// Pages beyond the output buffer have no length.
	a.chunked = len(a.body) > 8000 && x.Request.Version >= web.Version11
	return a
}

const timeFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// encode is the answer on the wire, headers in Apache's order; HTTP/0.9 has
// none.
func (f *Face) encode(x *web.Exchange, a *answer, keep bool) []byte {
	r := x.Request
	if r.Version < web.Version10 {
		return a.body
	}
	b := make([]byte, 0, 512+len(a.body))
	put := func(name, value string) {
		b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
	}
	b = append(append(append(append(b, "HTTP/1.1 "...), strconv.Itoa(a.status)...), ' '), reasons[a.status]...)
	b = append(x.Now.UTC().AppendFormat(append(b, "\r\nDate: "...), timeFormat), "\r\n"...)
	put("Server", f.options.Server)
	for _, h := range f.options.Extra {
		put(h.Name, h.Value)
	}
	for _, h := range a.headers {
		put(h.Name, h.Value)
	}
	if !a.bare && !a.chunked && !a.endless && !(a.page && r.Method == "HEAD") {
		put("Content-Length", strconv.Itoa(len(a.body)))
	}
	for _, h := range a.after {
		put(h.Name, h.Value)
	}
	switch {
	case !keep:
		put("Connection", "close")
	case token(r.Field("connection"), "keep-alive"):
		put("Keep-Alive", keepAlive+strconv.Itoa(keepAliveMax-x.Count+1))
		put("Connection", "Keep-Alive")
	}
	if a.chunked {
		put("Transfer-Encoding", "chunked")
	}
	if a.kind != "" && !a.bare {
		put("Content-Type", a.kind)
	}
	b = append(b, "\r\n"...)
	switch {
	case r.Method == "HEAD" || a.bare:
	case a.chunked:
		b = append(fmt.Appendf(b, "%x\r\n", len(a.body)), a.body...)
		b = append(b, "\r\n0\r\n\r\n"...)
	default:
		b = append(b, a.body...)
	}
	return b
}
