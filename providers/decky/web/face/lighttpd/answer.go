package lighttpd

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// reasons are lighttpd's words.
var reasons = map[int]string{
	200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
	307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
	408: "Request Timeout", 409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed", 413: "Payload Too Large", 414: "URI Too Long",
	415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
}

// answer is one response before it is written: headers in their order.
type answer struct {
	status  int
	headers []app.Field
	body    []byte
}

func (a *answer) add(name, value string) {
	a.headers = append(a.headers, app.Field{Name: name, Value: value})
}

// refuse is the answer of an error page.
func (f *Face) refuse(status int) *answer {
	line := strconv.Itoa(status) + " " + reasons[status]
	a := &answer{status: status, body: []byte(`<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
         "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>` + line + `</title>
 </head>
 <body>
  <h1>` + line + `</h1>
 </body>
</html>
`)}
	a.add("Content-Type", "text/html")
	a.add("Content-Length", strconv.Itoa(len(a.body)))
	return a
}

// find looks the path up.
func (f *Face) find(x *web.Exchange) *answer {
	r := x.Request
	if r.Path == "*" {
		return options()
	}
	e := f.options.Site.Find(r.Path)
	if e == nil {
		if e, _ = f.options.Site.Below(r.Path); e == nil || strings.HasSuffix(r.Path, "~") {
			return f.refuse(404)
		}
	}
	if e.Dir && e.Path != r.Path && e.Path != r.Path+"/" {
		return f.refuse(404)
	}
	if e.Dir && e.Path != r.Path {
		a := &answer{status: 301}
		location := e.Path
		if r.Query != "" {
			location += "?" + r.Query
		}
		a.add("Location", location)
		if r.Method != "HEAD" {
			a.add("Content-Length", "0")
		}
		return a
	}
	if r.Method == "OPTIONS" {
		return options()
	}
	if r.Method != "GET" && r.Method != "HEAD" && r.Method != "POST" {
		return f.refuse(501)
	}
	if e.Dir {
		if e.Index == nil {
			return f.refuse(403)
		}
		e = e.Index
	}
	if e.Status != 0 && e.Status != 200 {
		return f.special(e)
	}
	return f.static(r, e)
}

func options() *answer {
	a := &answer{status: 200}
	a.add("Allow", "OPTIONS, GET, HEAD, POST")
	a.add("Content-Length", "0")
	return a
}

func (f *Face) special(e *site.Entry) *answer {
	a := f.refuse(e.Status)
	if len(e.Body) > 0 {
		a.body = e.Body
		a.headers = nil
		a.add("Content-Type", kindOf(e))
		a.add("Content-Length", strconv.Itoa(len(e.Body)))
	}
	return a
}

// kinds are the rows of Debian's mime types for what a site here holds.
var kinds = map[string]string{
	"html": "text/html", "htm": "text/html", "txt": "text/plain;charset=utf-8", "css": "text/css;charset=utf-8", "xml": "application/xml", "gif": "image/gif", "png": "image/png",
	"jpg": "image/jpeg", "ico": "image/vnd.microsoft.icon", "svg": "image/svg+xml", "js": "text/javascript;charset=utf-8", "json": "application/json",
}

func kindOf(e *site.Entry) string {
	if kind, ok := kinds[e.Type()]; ok {
		return kind
	}
	return "application/octet-stream"
}

// etag is a decimal hash of number, size and time.
func etag(e *site.Entry) string {
	h := fnv.New32a()
	fmt.Fprintf(h, "%d-%d-%d", e.Inode, len(e.Body), e.Modified.UnixNano())
	return `"` + strconv.FormatUint(uint64(h.Sum32()), 10) + `"`
}

const timeFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// static is the answer of a file.
func (f *Face) static(r *web.Request, e *site.Entry) *answer {
	tag, modified := etag(e), e.Modified.UTC()
	switch result := condition(r, tag, modified); result {
	case 412:
		return f.refuse(412)
	case 304:
		a := &answer{status: 304}
		a.add("Content-Type", kindOf(e))
		a.add("ETag", tag)
		a.add("Last-Modified", modified.Format(timeFormat))
		return a
	}
	a := &answer{status: 200, body: e.Body}
	a.add("Content-Type", kindOf(e))
	a.add("ETag", tag)
	a.add("Last-Modified", modified.Format(timeFormat))
	size, partial := int64(len(e.Body)), ""
	if r.Method == "GET" && r.Version >= web.Version11 && r.Has("range") && rangeApplies(r, tag, modified) {
		spans, ok := ranges(r.Field("range"), size)
		switch {
		case ok && len(spans) == 0:
			return f.refuse(416)
		case ok:
			// Ranges that lie apart by more than a header's length would be
			// sent in parts; the first is sent here.
			s := spans[0]
			a.status, a.body = 206, e.Body[s.start:s.end+1]
			partial = fmt.Sprintf("bytes %d-%d/%d", s.start, s.end, size)
		}
	}
	a.add("Content-Length", strconv.Itoa(len(a.body)))
	if r.Method != "POST" && r.Version >= web.Version11 {
		a.add("Accept-Ranges", "bytes")
	}
	if partial != "" {
		a.add("Content-Range", partial)
	}
	return a
}

// condition weighs If-None-Match and, without it, If-Modified-Since (RFC 9110
// section 13); lighttpd looks at no other.
func condition(r *web.Request, tag string, modified time.Time) int {
	if v, ok := r.Fields["if-none-match"]; ok {
		if v != "*" && !matches(v, tag) {
			return 0
		}
		if r.Method == "GET" || r.Method == "HEAD" {
			return 304
		}
		return 412
	}
	if v, ok := r.Fields["if-modified-since"]; ok && (r.Method == "GET" || r.Method == "HEAD") {
		if t, good := parseTime(v); good && !modified.After(t) {
			return 304
		}
	}
	return 0
}

func matches(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if strings.TrimPrefix(strings.TrimSpace(one), "W/") == tag {
			return true
		}
	}
	return false
}

func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{timeFormat, "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func rangeApplies(r *web.Request, tag string, modified time.Time) bool {
	v, ok := r.Fields["if-range"]
	return !ok || v == tag || v == modified.Format(timeFormat)
}

// span is one range, both ends included.
type span struct{ start, end int64 }

// near is how far ranges may lie apart and still be merged.
const near = 80

// ranges reads a Range header: what it does not understand is left out, what
// is left is sorted and merged; not ok is a header for something else.
func ranges(header string, size int64) (spans []span, ok bool) {
	if len(header) < 6 || !strings.EqualFold(header[:6], "bytes=") {
		return nil, false
	}
	n := 0
	for one := range strings.SplitSeq(header[6:], ",") {
		if n++; n > 10 {
			break
		}
		before, after, dash := strings.Cut(strings.ReplaceAll(one, " ", ""), "-")
		if !dash {
			continue
		}
		s := span{0, size - 1}
		a, errA := strconv.ParseInt(before, 10, 62)
		b, errB := strconv.ParseInt(after, 10, 62)
		switch {
		case before == "" && errB == nil && b > 0:
			s.start = max(size-b, 0)
		case before == "" || errA != nil || after != "" && errB != nil:
			continue
		default:
			s.start = a
			if after != "" {
				s.end = min(b, size-1)
			}
		}
		if s.start < size && s.start <= s.end {
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.start - b.start) })
	var merged []span
	for _, s := range spans {
		if last := len(merged) - 1; last >= 0 && s.start <= merged[last].end+near {
			merged[last].end = max(merged[last].end, s.end)
		} else {
			merged = append(merged, s)
		}
	}
	return merged, true
}

// script is the answer of an application behind FastCGI, which is given the
// whole body.
func (f *Face) script(x *web.Exchange) *answer {
	if !x.Body.Done() && (x.Continue() != nil || x.Body.ReadAll(timing.Body, timing.BodyTotal, -1) != nil) {
		return f.refuse(400)
	}
	reply := x.Serve()
	if reply == nil {
		if reply = x.Page(404); reply == nil {
			return f.refuse(404)
		}
	}
	a := &answer{status: reply.Status, body: reply.Body}
	if a.status == 0 {
		a.status = 200
	}
	for _, c := range reply.Cookies {
		a.add("Set-Cookie", c)
	}
	kind := reply.Type
	if kind == "" {
		kind = "text/html"
	}
	for _, h := range reply.Header {
		a.add(h.Name, h.Value)
	}
	if a.status != 204 && a.status != 304 {
		a.add("Content-Type", kind)
		a.add("Content-Length", strconv.Itoa(len(a.body)))
	}
	return a
}

// encode is the answer on the wire, with the version that the client spoke.
func (f *Face) encode(x *web.Exchange, a *answer, keep bool) []byte {
	r := x.Request
	version := "HTTP/1.0 "
	if r.Version >= web.Version11 {
		version = "HTTP/1.1 "
	}
	b := make([]byte, 0, 512+len(a.body))
	put := func(name, value string) {
		b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
	}
	b = append(append(append(append(append(b, version...), strconv.Itoa(a.status)...), ' '), reasons[a.status]...), "\r\n"...)
	for _, h := range a.headers {
		put(h.Name, h.Value)
	}
	for _, h := range f.options.Extra {
		put(h.Name, h.Value)
	}
	switch {
	case !keep:
		put("Connection", "close")
	case r.Version < web.Version11:
		put("Connection", "keep-alive")
	}
	put("Date", x.Now.UTC().Format(timeFormat))
	put("Server", f.options.Server)
	b = append(b, "\r\n"...)
	if r.Method != "HEAD" {
		b = append(b, a.body...)
	}
	return b
}
