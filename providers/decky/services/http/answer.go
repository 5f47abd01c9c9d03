package http

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody is nginx's client_max_body_size.
const maxBody = 1 << 20

// answer is one response before it is written.
type answer struct {
	status    int
	kind      string // Content-Type
	body      []byte
	bare      bool // no Content-Type and no length: 304
	keepAlive bool // what the Connection header says
	drop      bool // the connection ends although the header says otherwise
	stamped   bool // Last-Modified and ETag of the file
	extra     [][2]string
	packed    bool
}

// refuse is the answer of an error page.
func (h *handler) refuse(r *request, status int, keepAlive bool) *answer {
	switch status {
	case 400, 413, 414, 501:
		keepAlive = false
	}
	return &answer{
		status: status, kind: "text/html", keepAlive: keepAlive,
		body: errorPage(status, h.server, padded(r)),
	}
}

// padded tells whether the client gets nginx's padding for browsers that hide
// short error pages.
func padded(r *request) bool {
	agent := r.field("user-agent")
	if r.version < version10 {
		return false
	}
	i := strings.Index(agent, "MSIE ")
	if i >= 0 && i+7 < len(agent) && !strings.Contains(agent, "Opera") {
		return true
	}
	return !strings.Contains(agent, "Opera") && !strings.Contains(agent, "Gecko/") && strings.Contains(agent, "Chrome/")
}

// decide is what nginx answers to a request that was understood.
func (h *handler) decide(r *request, keepAlive bool) *answer {
	if r.length > maxBody {
		return h.refuse(r, 413, false)
	}
	found := slices.Contains(h.file.paths, r.path)
	var a *answer
	switch {
	case !found:
		a = h.refuse(r, 404, keepAlive)
	case r.method != "GET" && r.method != "HEAD":
		return h.refuse(r, 405, keepAlive)
	default:
		a = h.static(r, keepAlive)
	}
	if (a.status == 200 || a.status == 404) && wantsGzip(r) {
		a.packed = true
		a.extra = slices.DeleteFunc(a.extra, func(e [2]string) bool { return e[0] == "Accept-Ranges" })
		a.extra = append(a.extra, [2]string{"Content-Encoding", "gzip"})
	}
	return a
}

// static is the answer of the one file.
func (h *handler) static(r *request, keepAlive bool) *answer {
	f := &h.file
	a := &answer{status: 200, kind: "text/html", keepAlive: keepAlive, body: f.body, stamped: true}
	switch condition(r, f) {
	case preconditionFailed:
		a = h.refuse(r, 412, keepAlive)
		a.drop = true
		return a
	case notModified:
		a.status, a.bare, a.body = 304, true, nil
		return a
	}
	if r.version >= version10 && !wantsGzip(r) {
		if v, ok := r.fields["range"]; ok && h.rangeApplies(r) {
			spans, result := ranges(v, int64(len(f.body)))
			switch {
			case result == unsatisfiable:
				a = h.refuse(r, 416, keepAlive)
				a.extra = [][2]string{{"Content-Range", fmt.Sprintf("bytes */%d", len(f.body))}}
				return a
			case result == someRanges:
				h.partial(a, spans)
				return a
			}
		}
	}
	a.extra = append(a.extra, [2]string{"Accept-Ranges", "bytes"})
	return a
}

func (h *handler) rangeApplies(r *request) bool {
	v, ok := r.fields["if-range"]
	switch {
	case !ok:
		return true
	case len(v) >= 2 && strings.HasSuffix(v, `"`):
		return v == h.file.etag
	}
	return parseTime(v).Equal(h.file.modified)
}

// partial turns a into 206 (RFC 9110 section 15.3.7).
func (h *handler) partial(a *answer, spans []span) {
	a.status = 206
	size := len(a.body)
	if len(spans) == 1 {
		s := spans[0]
		a.extra = [][2]string{{"Content-Range", fmt.Sprintf("bytes %d-%d/%d", s.start, s.end-1, size)}}
		a.body = a.body[s.start:s.end]
		return
	}
	mark := fmt.Sprintf("%020d", h.boundary.Add(1))
	var b bytes.Buffer
	for _, s := range spans {
		fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: text/html\r\nContent-Range: bytes %d-%d/%d\r\n\r\n", mark, s.start, s.end-1, size)
		b.Write(a.body[s.start:s.end])
	}
	fmt.Fprintf(&b, "\r\n--%s--\r\n", mark)
	a.kind, a.body = "multipart/byteranges; boundary="+mark, b.Bytes()
}

// wantsGzip is nginx's reading of Accept-Encoding with gzip_http_version 1.1
// and gzip_proxied off.
func wantsGzip(r *request) bool {
	if r.version < version11 || r.has("via") {
		return false
	}
	accept := strings.ToLower(r.field("accept-encoding"))
	for from := 0; ; {
		i := strings.Index(accept[from:], "gzip")
		if i < 0 {
			return false
		}
		i += from
		if i == from || accept[i-1] == ',' || accept[i-1] == ' ' {
			return weight(accept[i+4:])
		}
		from = i + 4
	}
}

// weight tells whether what follows "gzip" in Accept-Encoding accepts it.
func weight(s string) bool {
	s = strings.TrimLeft(s, " ")
	if s == "" || s[0] == ',' {
		return true
	}
	if s[0] != ';' {
		return false
	}
	s = strings.TrimLeft(s[1:], " ")
	if s == "" {
		return true
	}
	if s[0] != 'q' || len(s) < 3 || s[1] != '=' {
		return false
	}
	return quality(s[2:])
}

// quality is whether a q value is one and more than nought.
func quality(s string) bool {
	if s[0] != '0' && s[0] != '1' {
		return false
	}
	whole, sum := s[0]-'0', 0
	s = s[1:]
	if s == "" || s[0] == ',' || s[0] == ' ' {
		return whole > 0
	}
	if s[0] != '.' {
		return false
	}
	digits := 0
	for i := 1; i < len(s) && s[i] != ',' && s[i] != ' '; i++ {
		if digits++; !digit(s[i]) || digits > 3 {
			return false
		}
		sum += int(s[i] - '0')
	}
	return whole == 1 && sum == 0 || whole == 0 && sum > 0
}

// encode is the answer on the wire, headers in nginx's order; HTTP/0.9 has
// none.
func (h *handler) encode(r *request, a *answer, now time.Time) []byte {
	head := r.method == "HEAD"
	if r.version < version10 {
		return a.body
	}
	body := a.body
	var b bytes.Buffer
	put := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	b.WriteString("HTTP/1.1 " + strconv.Itoa(visible(a.status)) + " " + reasons[a.status][0] + "\r\n")
	put("Server", h.server)
	put("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	if !a.bare {
		put("Content-Type", a.kind)
	}
	if !a.bare && !a.packed {
		put("Content-Length", strconv.Itoa(len(body)))
	}
	if a.stamped {
		put("Last-Modified", h.file.modified.Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	}
	if a.packed && !head {
		put("Transfer-Encoding", "chunked")
	}
	if a.keepAlive {
		put("Connection", "keep-alive")
	} else {
		put("Connection", "close")
	}
	if a.stamped {
		etag := h.file.etag
		if a.packed {
			etag = "W/" + etag
		}
		put("ETag", etag)
	}
	for _, e := range a.extra {
		put(e[0], e[1])
	}
	b.WriteString("\r\n")
	switch {
	case head:
	case a.packed:
		packed := pack(body)
		fmt.Fprintf(&b, "%x\r\n%s\r\n0\r\n\r\n", len(packed), packed)
	default:
		b.Write(body)
	}
	return b.Bytes()
}
