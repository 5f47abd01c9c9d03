package nginx

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// answer is one response before it is written.
type answer struct {
	status    int
	kind      string // Content-Type
	body      []byte
	bare      bool // no Content-Type and no length: 304
	keepAlive bool // what the Connection header says
	drop      bool // the connection ends although the header says otherwise
	abrupt    bool
	file      *site.Entry // whose Last-Modified and ETag are shown
	location  string
	extra     [][2]string
	packed    bool
	chunked   bool // of a script
}

// refuse is the answer of an error page.
func (f *Face) refuse(r *web.Request, status int, keepAlive bool) *answer {
	switch status {
	case 400, 413, 414, 497, 500, 501:
		keepAlive = false
	}
	return &answer{
		status: status, kind: "text/html", keepAlive: keepAlive,
		body: errorPage(status, f.options.Server, padded(r, status)),
	}
}

// padded tells whether the client gets nginx's padding for browsers that hide
// short error pages.
func padded(r *web.Request, status int) bool {
	agent := r.Field("user-agent")
	if agent == "" || r.Version < web.Version10 || status < 400 {
		return false
	}
	i := strings.Index(agent, "MSIE ")
	if i >= 0 && i+7 < len(agent) && !strings.Contains(agent, "Opera") {
		return true
	}
	return !strings.Contains(agent, "Opera") && !strings.Contains(agent, "Gecko/") && strings.Contains(agent, "Chrome/")
}

// decide is what nginx answers to a request that was understood.
func (f *Face) decide(x *web.Exchange, keepAlive bool) *answer {
	r := x.Request
	if x.Plain {
		return f.refuse(r, statusPlainHTTP, false)
	}
	if r.Length > maxBody {
		return f.refuse(r, 413, false)
	}
	var a *answer
	if x.App() {
		a = f.script(x, keepAlive)
	} else {
		a = f.find(x, keepAlive)
	}
	if (a.status == 200 || a.status == 403 || a.status == 404) && a.kind == "text/html" && len(a.body) >= minGzip && wantsGzip(r) && !a.chunked {
		a.packed = true
		a.extra = slices.DeleteFunc(a.extra, func(e [2]string) bool { return e[0] == "Accept-Ranges" })
		a.extra = append(a.extra, [2]string{"Content-Encoding", "gzip"})
	}
	return a
}

// minGzip is gzip_min_length.
const minGzip = 20

// find looks the path up with Debian's try_files $uri $uri/ =404, which the
// other distributions' static module equals but for its words.
func (f *Face) find(x *web.Exchange, keepAlive bool) *answer {
	r := x.Request
	e := f.options.Site.Find(r.Path)
	reading := r.Method == "GET" || r.Method == "HEAD"
	switch {
	case e == nil:
		return f.refuse(r, 404, keepAlive)
	case e.Dir && e.Path != r.Path && !reading && r.Method != "POST":
		return f.refuse(r, 405, keepAlive)
	case e.Dir && e.Path != r.Path:
		a := f.refuse(r, 301, keepAlive)
		a.location = here(x) + escape(e.Path)
		if r.Query != "" {
			a.location += "?" + r.Query
		}
		return a
	case e.Dir && e.Index == nil && !reading:
		return f.refuse(r, 405, keepAlive)
	case e.Dir && e.Index == nil:
		return f.refuse(r, 403, keepAlive)
	case e.Dir:
		e = e.Index
	}
	if !reading {
		return f.refuse(r, 405, keepAlive)
	}
	if e.Status != 0 && e.Status != 200 {
		a := f.refuse(r, e.Status, keepAlive)
		if len(e.Body) > 0 {
			a.body = e.Body
		}
		return a
	}
	return f.static(r, e, keepAlive)
}

// here is scheme and authority of an absolute redirect.
func here(x *web.Exchange) string {
	scheme, usual := "http://", uint16(80)
	if x.Secure {
		scheme, usual = "https://", 443
	}
	host := serverName(x.Request.Host)
	if host == "" {
		host = x.Local.Addr().String()
	}
	if port := x.Local.Port(); port != usual && port != 0 {
		return scheme + host + ":" + strconv.Itoa(int(port))
	}
	return scheme + host
}

// serverName is the host that a client named as nginx keeps it: in lower case,
// without port and last dot.
func serverName(host string) string {
	length, ok := hostLength(host)
	if !ok {
		return ""
	}
	lower := []byte(host[:length])
	for i, c := range lower {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c | 0x20
		}
	}
	return string(lower)
}

// escape writes a decoded path into a URI.
func escape(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"#%<>?\^`+"`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// static is the answer of a file.
func (f *Face) static(r *web.Request, e *site.Entry, keepAlive bool) *answer {
	a := &answer{status: 200, kind: kindOf(e), keepAlive: keepAlive, body: e.Body, file: e}
	switch condition(r, e.Modified, etag(e)) {
	case preconditionFailed:
		a = f.refuse(r, 412, keepAlive)
		a.drop = true
		return a
	case notModified:
		a.status, a.bare, a.body = 304, true, nil
		return a
	}
	packs := wantsGzip(r) && a.kind == "text/html"
	if r.Version >= web.Version10 && !packs {
		if v, ok := r.Fields["range"]; ok && rangeApplies(r, e) {
			spans, result := ranges(v, int64(len(e.Body)))
			switch result {
			case unsatisfiable:
				a = f.refuse(r, 416, keepAlive)
				a.extra = [][2]string{{"Content-Range", fmt.Sprintf("bytes */%d", len(e.Body))}}
				return a
			case someRanges:
				f.partial(a, spans)
				return a
			}
		}
	}
	a.extra = append(a.extra, [2]string{"Accept-Ranges", "bytes"})
	return a
}

func etag(e *site.Entry) string {
	return `"` + strconv.FormatInt(e.Modified.Unix(), 16) + "-" + strconv.FormatInt(int64(len(e.Body)), 16) + `"`
}

// kinds are the rows of mime.types for what a site here holds.
var kinds = map[string]string{
	"html": "text/html", "htm": "text/html", "txt": "text/plain", "css": "text/css", "xml": "text/xml", "gif": "image/gif", "png": "image/png",
	"jpg": "image/jpeg", "ico": "image/x-icon", "svg": "image/svg+xml", "js": "application/javascript", "json": "application/json", "zip": "application/zip",
}

func kindOf(e *site.Entry) string {
	if kind, ok := kinds[e.Type()]; ok {
		return kind
	}
	return "application/octet-stream"
}

func rangeApplies(r *web.Request, e *site.Entry) bool {
	v, ok := r.Fields["if-range"]
	switch {
	case !ok:
		return true
	case len(v) >= 2 && strings.HasSuffix(v, `"`):
		return v == etag(e)
	}
	return parseTime(v).Equal(e.Modified)
}

// partial turns a into 206 (RFC 9110 section 15.3.7).
func (f *Face) partial(a *answer, spans []span) {
	a.status = 206
	size := len(a.body)
	if len(spans) == 1 {
		s := spans[0]
		a.extra = [][2]string{{"Content-Range", fmt.Sprintf("bytes %d-%d/%d", s.start, s.end-1, size)}}
		a.body = a.body[s.start:s.end]
		return
	}
	mark := fmt.Sprintf("%020d", f.boundary.Add(1))
	var b bytes.Buffer
	for _, s := range spans {
		fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: %s\r\nContent-Range: bytes %d-%d/%d\r\n\r\n", mark, a.kind, s.start, s.end-1, size)
		b.Write(a.body[s.start:s.end])
	}
	fmt.Fprintf(&b, "\r\n--%s--\r\n", mark)
	a.kind, a.body = "multipart/byteranges; boundary="+mark, b.Bytes()
}

// script is the answer of an application behind FastCGI, which reads the whole
// body first.
func (f *Face) script(x *web.Exchange, keepAlive bool) *answer {
	r := x.Request
	if x.Continue() != nil {
		return &answer{status: 400, abrupt: true}
	}
	if err := x.Body.ReadAll(60*time.Second, 60*time.Second, maxBody); err != nil {
		if r.Chunked && !x.Body.Bad() {
			return f.refuse(r, 413, false)
		}
		return f.refuse(r, 400, false)
	}
	reply := x.Serve()
	if reply == nil {
		if reply = x.Page(404); reply == nil {
			return f.refuse(r, 404, keepAlive)
		}
	}
	return f.reply(r, reply, keepAlive)
}

func (f *Face) reply(r *web.Request, reply *app.Reply, keepAlive bool) *answer {
	a := &answer{status: reply.Status, kind: reply.Type, keepAlive: keepAlive, body: reply.Body, chunked: r.Version >= web.Version11}
	if a.status == 0 {
		a.status = 200
	}
	if a.kind == "" {
		a.kind = "text/html"
	}
	a.bare = a.status == 204 || a.status == 304
	for _, h := range reply.Header {
		if strings.EqualFold(h.Name, "location") {
			a.location = h.Value
			continue
		}
		a.extra = append(a.extra, [2]string{h.Name, h.Value})
	}
	for _, c := range reply.Cookies {
		a.extra = append(a.extra, [2]string{"Set-Cookie", c})
	}
	return a
}

// encode is the answer on the wire, headers in nginx's order; HTTP/0.9 has
// none.
func (f *Face) encode(r *web.Request, a *answer, now time.Time) []byte {
	head := r.Method == "HEAD"
	if r.Version < web.Version10 {
		return a.body
	}
	b := make([]byte, 0, 512+len(a.body))
	put := func(name, value string) {
		b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
	}
	status := strconv.Itoa(visible(a.status))
	line := reasons[a.status].line
	b = append(append(append(append(append(b, "HTTP/1.1 "...), status...), ' '), line...), "\r\n"...)
	put("Server", f.options.Server)
	b = append(b, "Date: "...)
	b = now.UTC().AppendFormat(b, timeFormat)
	b = append(b, "\r\n"...)
	if !a.bare {
		put("Content-Type", a.kind)
	}
	var small []byte
	switch {
	case a.bare, a.chunked:
	case a.packed:
		small = packed(a.body)
	default:
		put("Content-Length", strconv.Itoa(len(a.body)))
	}
	if a.file != nil {
		b = append(b, "Last-Modified: "...)
		b = append(a.file.Modified.UTC().AppendFormat(b, timeFormat), "\r\n"...)
	}
	if a.location != "" {
		put("Location", a.location)
	}
	if a.packed && !head || a.chunked && !a.bare {
		put("Transfer-Encoding", "chunked")
	}
	if a.keepAlive {
		put("Connection", "keep-alive")
	} else {
		put("Connection", "close")
	}
	b = f.trailing(b, a)
	b = append(b, "\r\n"...)
	switch {
	case head || a.bare:
	case a.packed:
		b = chunk(b, small)
	case a.chunked:
		b = chunk(b, a.body)
	default:
		b = append(b, a.body...)
	}
	return b
}

const timeFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// trailing is what nginx has as a list of headers, after those it writes
// itself.
func (f *Face) trailing(b []byte, a *answer) []byte {
	add := func(name, value string) {
		b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
	}
	if a.file != nil {
		tag := etag(a.file)
		if a.packed {
			tag = "W/" + tag
		}
		add("ETag", tag)
	}
	if a.status < 400 {
		for _, e := range f.options.Extra {
			add(e.Name, e.Value)
		}
	}
	for _, e := range a.extra {
		add(e[0], e[1])
	}
	return b
}

func chunk(b, body []byte) []byte {
	if len(body) > 0 {
		b = strconv.AppendInt(b, int64(len(body)), 16)
		b = append(append(append(b, "\r\n"...), body...), "\r\n"...)
	}
	return append(b, "0\r\n\r\n"...)
}
