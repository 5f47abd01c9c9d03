package iis

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// reasons are the words on the status line.
var reasons = map[int]string{
	200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
	307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
	406: "Not Acceptable", 411: "Length Required", 412: "Precondition Failed", 413: "Request Entity Too Large", 416: "Requested Range Not Satisfiable",
	440: "Login Timeout", 500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
}

// kernel are HTTP.sys's own words: the heading after the title, and the
// sentence.
var kernel = map[string][3]string{
	noteVerb:    {"Bad Request", "Bad Request - Invalid Verb", "HTTP Error 400. The request verb is invalid."},
	noteURL:     {"Bad Request", "Bad Request - Invalid URL", "HTTP Error 400. The request URL is invalid."},
	noteHeader:  {"Bad Request", "Bad Request - Invalid Header", "HTTP Error 400. The request has an invalid header name."},
	noteHost:    {"Bad Request", "Bad Request - Invalid Hostname", "HTTP Error 400. The request hostname is invalid."},
	noteLong:    {"Bad Request", "Bad Request - Request Too Long", "HTTP Error 400. The size of the request headers is too long."},
	noteVersion: {"Version Not Supported", "HTTP Version Not Supported", "HTTP Error 505. The HTTP version is not supported."},
	noteLength:  {"Length Required", "Length Required", "HTTP Error 411. The request must be chunked or have a content length."},
	"":          {"Not Implemented", "Not Implemented", "HTTP Error 501. The request transfer encoding type is not supported."},
}

// answer is one response before it is written: headers in their order, without
// Date and length.
type answer struct {
	status  int
	headers []app.Field
	body    []byte
	bare    bool // no length
}

func (a *answer) add(name, value string) {
	a.headers = append(a.headers, app.Field{Name: name, Value: value})
}

// Refuse implements web.Face.
func (f *Face) Refuse(x *web.Exchange, status int) web.Answer {
	words := kernel[x.Request.Note]
	a := &answer{status: status, body: []byte("<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"\"http://www.w3.org/TR/html4/strict.dtd\">\r\n<HTML><HEAD><TITLE>" + words[0] +
		"</TITLE>\r\n<META HTTP-EQUIV=\"Content-Type\" Content=\"text/html; charset=us-ascii\"></HEAD>\r\n<BODY><h2>" + words[1] + "</h2>\r\n<hr><p>" + words[2] + "</p>\r\n</BODY></HTML>\r\n")}
	a.add("Content-Type", "text/html; charset=us-ascii")
	a.add("Server", "Microsoft-HTTPAPI/2.0")
	return f.finish(x, a, false)
}

// Answer implements web.Face.
func (f *Face) Answer(x *web.Exchange) web.Answer {
	if x.Plain {
		return web.Answer{Status: 400, Reset: true} // Schannel ends it
	}
	var a *answer
	if x.App() {
		a = f.script(x)
	} else {
		a = f.find(x)
		x.Body.Prefetch(bodyPatience)
	}
	connection := strings.ToLower(x.Request.Field("connection"))
	keep := !strings.Contains(connection, "close") && (x.Request.Version >= web.Version11 || strings.Contains(connection, "keep-alive"))
	return f.finish(x, a, keep && !x.Body.Bad())
}

func (f *Face) finish(x *web.Exchange, a *answer, keep bool) web.Answer {
	return web.Answer{Status: a.status, Wire: f.encode(x, a, keep), Again: keep}
}

// pages are the titles and sentences of IIS's own pages of errors.
var pages = map[int][2]string{
	401: {"Unauthorized: Access is denied due to invalid credentials.", "You do not have permission to view this directory or page using the credentials that you supplied."},
	403: {"Forbidden: Access is denied.", "You do not have permission to view this directory or page using the credentials that you supplied."},
	404: {"File or directory not found.", "The resource you are looking for might have been removed, had its name changed, or is temporarily unavailable."},
	405: {"HTTP verb used to access this page is not allowed.", "The page you are looking for cannot be displayed because an invalid method (HTTP verb) was used to attempt access."},
	500: {"Internal server error.", "There is a problem with the resource you are looking for, and it cannot be displayed."},
	501: {"Header values specify a method that is not implemented.", "The page you are looking for cannot be displayed because a header value in the request does not match certain configuration settings on the Web server."},
}

// lengths are those of the product's pages of errors (published captures).
var lengths = map[int]int{401: 1293, 403: 1233, 404: 1245, 405: 1293}

// page is an error page of our own making, as long as the product's.
func (f *Face) page(status int) *answer {
	words, ok := pages[status]
	if !ok {
		words = [2]string{reasons[status] + ".", "The page cannot be displayed."}
	}
	top := "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\r\n<html xmlns=\"http://www.w3.org/1999/xhtml\">\r\n<head>\r\n" +
		"<meta http-equiv=\"Content-Type\" content=\"text/html; charset=iso-8859-1\"/>\r\n<title>" + strconv.Itoa(status) + " - " + words[0] + "</title>\r\n<style type=\"text/css\">\r\n<!--\r\nbody{margin:0;font-family:Verdana, Arial, sans-serif;background:#EEEEEE;}\r\n"
	bottom := "-->\r\n</style>\r\n</head>\r\n<body>\r\n<div id=\"header\"><h1>Server Error</h1></div>\r\n<div id=\"content\"><fieldset>\r\n<h2>" + strconv.Itoa(status) + " - " + words[0] + "</h2>\r\n<h3>" + words[1] + "</h3>\r\n</fieldset></div>\r\n</body>\r\n</html>\r\n"
	if missing := lengths[status] - len(top) - len(bottom) - 2; missing > 0 {
		const rules = "h1{font-size:2.4em;margin:0;color:#FFF;} h2{font-size:1.7em;margin:0;color:#CC0000;} h3{font-size:1.2em;margin:10px 0 0 0;color:#000000;} fieldset{padding:0 15px 10px 15px;} #header{width:96%;margin:0;padding:6px 2% 6px 2%;color:#FFF;background-color:#555555;} #content{margin:0 0 0 2%;position:relative;}"
		filler := rules
		for len(filler) < missing {
			filler += " "
		}
		top += filler[:missing] + "\r\n"
	}
	a := &answer{status: status, body: []byte(top + bottom)}
	a.add("Content-Type", "text/html")
	return f.signed(a)
}

// signed adds what follows the module's own headers.
func (f *Face) signed(a *answer) *answer {
	a.add("Server", f.options.Server)
	a.headers = append(a.headers, f.options.Extra...)
	return a
}

const allowed = "OPTIONS, TRACE, GET, HEAD, POST"

// find looks the path up, whatever its case.
func (f *Face) find(x *web.Exchange) *answer {
	r := x.Request
	e := f.options.Site.Find(r.Path)
	if e == nil {
		e = f.options.Site.Find(strings.ToLower(r.Path))
	}
	switch {
	case r.Method == "OPTIONS":
		a := &answer{status: 200}
		a.add("Allow", allowed)
		a.add("Server", f.options.Server)
		a.add("Public", allowed)
		a.headers = append(a.headers, f.options.Extra...)
		return a
	case r.Method == "TRACE":
		return f.page(501)
	case e == nil:
		return f.page(404)
	case r.Method != "GET" && r.Method != "HEAD":
		a := f.page(405)
		a.headers = append([]app.Field{{Name: "Allow", Value: "GET, HEAD, OPTIONS, TRACE"}}, a.headers...)
		return a
	case e.Dir && e.Path != "/" && !strings.HasSuffix(r.Path, "/"):
		return f.moved(x, e)
	case e.Dir && e.Index == nil:
		return f.page(403)
	case e.Dir:
		e = e.Index
	}
	if e.Status != 0 && e.Status != 200 {
		return f.page(e.Status)
	}
	return f.static(x, e)
}

// moved is the redirect to a directory.
func (f *Face) moved(x *web.Exchange, e *site.Entry) *answer {
	scheme := "http://"
	if x.Secure {
		scheme = "https://"
	}
	host := x.Request.Host
	if host == "" {
		host = x.Local.Addr().String()
	}
	location := scheme + host + e.Path
	a := &answer{status: 301, body: []byte("<head><title>Document Moved</title></head>\n<body><h1>Object Moved</h1>This document may be found <a HREF=\"" + location + "\">here</a></body>")}
	a.add("Content-Type", "text/html; charset=UTF-8")
	a.add("Location", location)
	return f.signed(a)
}

var kinds = map[string]string{
	"html": "text/html", "htm": "text/html", "txt": "text/plain", "css": "text/css", "xml": "text/xml", "gif": "image/gif", "png": "image/png",
	"jpg": "image/jpeg", "ico": "image/x-icon", "svg": "image/svg+xml", "js": "application/javascript", "json": "application/json",
}

// etag is the file's time as Windows counts it, and a change number.
func etag(e *site.Entry) string {
	const epoch = 116444736000000000 // 1970 in units of 100 ns since 1601
	return fmt.Sprintf("\"%x:0\"", uint64(e.Modified.UnixNano()/100)+epoch)
}

const timeFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// static is the answer of a file.
func (f *Face) static(x *web.Exchange, e *site.Entry) *answer {
	r, tag := x.Request, etag(e)
	kind, ok := kinds[e.Type()]
	if !ok {
		return f.page(404) // no MIME map: 404.3
	}
	a := &answer{status: 200, body: e.Body}
	switch condition(r, tag, e.Modified) {
	case 412:
		return f.page(412)
	case 304:
		a = &answer{status: 304, bare: true}
		a.add("Accept-Ranges", "bytes")
		a.add("ETag", tag)
		return f.signed(a)
	}
	a.add("Content-Type", kind)
	if start, end, state := oneRange(r.Field("range"), int64(len(e.Body))); state != 0 && (r.Field("if-range") == "" || r.Field("if-range") == tag) {
		if state < 0 {
			a = f.page(416)
			a.headers = append(a.headers, app.Field{Name: "Content-Range", Value: fmt.Sprintf("bytes */%d", len(e.Body))})
			return a
		}
		a.status, a.body = 206, e.Body[start:end+1]
		a.add("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, end, len(e.Body)))
	}
	a.add("Last-Modified", e.Modified.UTC().Format(timeFormat))
	a.add("Accept-Ranges", "bytes")
	a.add("ETag", tag)
	return f.signed(a)
}

// condition weighs the conditional headers (RFC 9110 section 13).
func condition(r *web.Request, tag string, modified time.Time) int {
	if v, ok := r.Fields["if-match"]; ok && v != "*" && !strings.Contains(v, tag) {
		return 412
	}
	if v, ok := r.Fields["if-none-match"]; ok {
		if v == "*" || strings.Contains(v, tag) {
			return 304
		}
		return 0
	}
	if t, err := time.Parse(timeFormat, r.Field("if-modified-since")); err == nil && !modified.After(t) {
		return 304
	}
	return 0
}

// oneRange reads a Range header of one range; state is 0 for the whole file and
// -1 where nothing fits.
func oneRange(header string, size int64) (start, end int64, state int) {
	list, ok := strings.CutPrefix(header, "bytes=")
	before, after, dash := strings.Cut(list, "-")
	if !ok || !dash || strings.Contains(list, ",") {
		return 0, 0, 0
	}
	a, errA := strconv.ParseInt(before, 10, 62)
	b, errB := strconv.ParseInt(after, 10, 62)
	switch {
	case before == "" && errB == nil:
		start, end = max(size-b, 0), size-1
	case before == "" || errA != nil || after != "" && errB != nil:
		return 0, 0, 0
	default:
		start, end = a, size-1
		if after != "" {
			end = min(b, size-1)
		}
	}
	if start >= size || start > end {
		return 0, 0, -1
	}
	return start, end, 1
}

// script is the answer of an application behind ASP.NET.
func (f *Face) script(x *web.Exchange) *answer {
	if !x.Body.Done() && (x.Continue() != nil || x.Body.ReadAll(timing.Body, timing.BodyTotal, 30<<20) != nil) {
		return f.page(400)
	}
	reply := x.Serve()
	if reply == nil {
		if reply = x.Page(404); reply == nil {
			return f.page(404)
		}
	}
	a := &answer{status: reply.Status, body: reply.Body}
	if a.status == 0 {
		a.status = 200
	}
	kind := reply.Type
	if kind == "" {
		kind = "text/html; charset=utf-8"
	}
	if a.bare = a.status == 204 || a.status == 304; !a.bare {
		a.add("Content-Type", kind)
	}
	var rest []app.Field
	for _, h := range reply.Header {
		if strings.EqualFold(h.Name, "location") || strings.EqualFold(h.Name, "cache-control") {
			a.headers = append(a.headers, h)
		} else {
			rest = append(rest, h)
		}
	}
	f.signed(a)
	for _, c := range reply.Cookies {
		a.add("Set-Cookie", c)
	}
	a.headers = append(a.headers, rest...)
	return a
}

// encode is the answer on the wire; Date and length come last.
func (f *Face) encode(x *web.Exchange, a *answer, keep bool) []byte {
	b := make([]byte, 0, 512+len(a.body))
	put := func(name, value string) {
		b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
	}
	b = append(append(append(append(append(b, "HTTP/1.1 "...), strconv.Itoa(a.status)...), ' '), reasons[a.status]...), "\r\n"...)
	for _, h := range a.headers {
		put(h.Name, h.Value)
	}
	put("Date", x.Now.UTC().Format(timeFormat))
	if !keep {
		put("Connection", "close")
	}
	if !a.bare {
		put("Content-Length", strconv.Itoa(len(a.body)))
	}
	b = append(b, "\r\n"...)
	if x.Request.Method != "HEAD" {
		b = append(b, a.body...)
	}
	return b
}
