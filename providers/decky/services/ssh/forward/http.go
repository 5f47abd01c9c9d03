package forward

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/schema/event"
)

// maxRequests is how many requests one connection answers.
const maxRequests = 100

// name is the target as host:port.
func (p *Peer) name() event.Text {
	return event.Text(net.JoinHostPort(p.target.Host, strconv.Itoa(int(p.target.Port)))).Clip(1024)
}

// request is a request as it came.
type request struct {
	method, target, protocol string
	header                   []event.Header
	body                     []byte
	size                     int64
	malformed                bool
}

func (q *request) get(name string) string {
	for _, h := range q.header {
		if strings.EqualFold(string(h.Name), name) {
			return string(h.Value)
		}
	}
	return ""
}

// http answers requests until the client ends.
func (p *Peer) http(out io.Writer, in *bufio.Reader, scheme string) error {
	for range maxRequests {
		q, err := readRequest(in)
		if q == nil {
			return err
		}
		status, header, body := p.answer(q, scheme)
		if err := p.record(&event.Request{
			Protocol: cmp.Or(q.protocol, "HTTP/1.0"), Method: event.Text(q.method), Target: event.Text(q.target), Path: p.name(), Host: event.Text(q.get("Host")), UserAgent: event.Text(q.get("User-Agent")),
			Headers: q.header, Status: status, Body: event.Text(q.body), BodySize: q.size, Malformed: q.malformed,
		}); err != nil {
			return err
		}
		stays := !q.malformed && q.protocol == "HTTP/1.1" && !strings.EqualFold(q.get("Connection"), "close")
		header = append(header, "Connection: "+map[bool]string{true: "keep-alive", false: "close"}[stays])
		text := fmt.Sprintf("HTTP/1.1 %d %s\r\nServer: nginx\r\nDate: %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n%s\r\n\r\n",
			status, reasons[status], p.s.Now().UTC().Format(timeFormat), len(body), strings.Join(header, "\r\n"))
		if q.method != "HEAD" {
			text += body
		}
		if _, err := io.WriteString(out, text); err != nil || !stays {
			return err
		}
	}
	return nil
}

// readRequest reads one request; nil where none came whole, a malformed one
// where what came is no HTTP.
func readRequest(in *bufio.Reader) (*request, error) {
	q := &request{}
	first, n, err := readLine(in, 0)
	if err != nil {
		if first == "" {
			return nil, err
		}
		return &request{method: first, malformed: true}, nil
	}
	f := strings.Split(first, " ")
	if len(f) != 3 || !strings.HasPrefix(f[2], "HTTP/") {
		return &request{method: first, malformed: true}, nil
	}
	q.method, q.target, q.protocol = f[0], f[1], f[2]
	for {
		var text string
		if text, n, err = readLine(in, n); err != nil {
			q.malformed = true
			return q, nil
		}
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			q.malformed = true
			return q, nil
		}
		q.header = append(q.header, event.Header{Name: event.Text(name), Value: event.Text(strings.TrimSpace(value))})
	}
	if length, err := strconv.ParseInt(q.get("Content-Length"), 10, 64); err == nil && length > 0 {
		q.size = length
		q.body = make([]byte, min(length, maxBody))
		got, err := io.ReadFull(in, q.body)
		if q.body = q.body[:got]; err == nil && length > maxBody {
			_, err = io.CopyN(io.Discard, in, length-maxBody)
		}
		q.malformed = err != nil
	}
	return q, nil
}

// readLine reads a line of a head of at most maxHead bytes, n of which are read.
func readLine(in *bufio.Reader, n int) (string, int, error) {
	var b []byte
	for {
		c, err := in.ReadByte()
		if err != nil {
			return string(b), n, err
		}
		if n++; n > maxHead {
			return string(b), n, bufio.ErrTooLong
		}
		if c == '\n' {
			return strings.TrimSuffix(string(b), "\r"), n, nil
		}
		b = append(b, c)
	}
}

// answer is what a bland web server says.
func (p *Peer) answer(q *request, scheme string) (status int, header []string, body string) {
	host := cmp.Or(q.get("Host"), p.target.Host)
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	path := q.target
	if rest, ok := strings.CutPrefix(path, "http://"); ok { // as a proxy is asked
		if _, path, ok = strings.Cut(rest, "/"); ok {
			path = "/" + path
		} else {
			path = "/"
		}
	}
	switch {
	case q.malformed:
		return 400, nil, errorPage(400)
	case q.method != "GET" && q.method != "HEAD" && q.method != "POST":
		return 405, nil, errorPage(405)
	case scheme == "http" && net.ParseIP(name) == nil && p.target.Port == 80:
		return 301, []string{"Location: https://" + clean(name) + clean(path)}, errorPage(301)
	case path != "/" && path != "/index.html" && !strings.HasPrefix(path, "/?"):
		return 404, nil, errorPage(404)
	}
	modified := p.s.Now().Add(-time.Duration(2+p.s.number("page/"+name, 400)) * 24 * time.Hour).UTC().Truncate(24 * time.Hour).Add(time.Duration(p.s.number("time/"+name, 86400)) * time.Second)
	title := "Welcome"
	if net.ParseIP(name) == nil {
		title = clean(name)
	}
	body = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>" + title + "</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n<h1>" + title + "</h1>\n<p>This site is up and running.</p>\n</body>\n</html>\n"
	return 200, []string{"Last-Modified: " + modified.Format(timeFormat)}, body
}

// clean keeps what may stand in a header and in a page.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 127 || strings.ContainsRune(`<>"'&\`, r) {
			return -1
		}
		return r
	}, text)
}

// errorPage is a short page about a status.
func errorPage(status int) string {
	text := fmt.Sprintf("%d %s", status, reasons[status])
	return "<html>\r\n<head><title>" + text + "</title></head>\r\n<body>\r\n<center><h1>" + text + "</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
}

// timeFormat is that of a Date header (RFC 9110 section 5.6.7); reasons are the
// phrases of the statuses that are answered (section 15). net/http, which has
// both, is nothing to leave beside an intruder.
const timeFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

var reasons = map[int]string{200: "OK", 301: "Moved Permanently", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}
