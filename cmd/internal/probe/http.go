package probe

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// HTTP makes one request, HTTP/1.1, on a connection of its own.
type HTTP struct {
	Address string // IP and port
	Method  string // GET
	Path    string // with its query
	Host    string // of the Host header; the address's IP
	Headers map[string]string
	Body    string
	TLS     bool // whoever's certificate it is
	Timeout time.Duration
}

// HTTPResult is what an HTTP probe saw.
type HTTPResult struct {
	Outcome
	Status   int    // 404
	Reason   string // "Not Found"
	Protocol string // "HTTP/1.1"
	// Headers are by lower-case name, several of one name joined by ", ".
	Headers map[string]string
	// Order is the names of the headers as they came, spelt as they came.
	Order []string
	Body  string
}

// Run probes.
func (p HTTP) Run(ctx context.Context, dial Dial) HTTPResult {
	began := time.Now()
	r := HTTPResult{Headers: map[string]string{}, Order: []string{}}
	err := p.run(ctx, dial, &r)
	r.Error, r.Took = reason(err, p.Timeout), time.Since(began)
	return r
}

func (p HTTP) run(ctx context.Context, dial Dial, r *HTTPResult) (err error) {
	request, err := p.request()
	if err != nil {
		return err
	}
	conn, local, err := connect(ctx, dial, p.Address, p.Timeout)
	if err != nil {
		return err
	}
	r.Local = local
	if p.TLS {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: p.Host}) //nolint:gosec // a decoy's certificate is what is looked at
	}
	defer func() {
		if closeErr := conn.Close(); err == nil && !errors.Is(closeErr, net.ErrClosed) {
			err = closeErr
		}
	}()
	if err := write(conn, request, p.Body); err != nil {
		return err
	}
	return p.read(conn, r)
}

// request is the head as it goes over the wire: the probe's own headers in the
// order of their names, what it must have first.
func (p HTTP) request() (string, error) {
	method, path, host := orElse(p.Method, http.MethodGet), orElse(p.Path, "/"), p.Host
	if host == "" {
		name, _, err := net.SplitHostPort(p.Address)
		if err != nil {
			return "", err
		}
		host = name
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	own := map[string]string{"User-Agent": "curl/7.88.1", "Accept": "*/*"}
	for name, value := range p.Headers {
		own[http.CanonicalHeaderKey(name)] = value
	}
	if p.Body != "" {
		own["Content-Length"] = fmt.Sprint(len(p.Body))
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, own[name])
	}
	b.WriteString("Connection: close\r\n\r\n")
	if head := b.String(); strings.Count(head, "\n") == len(own)+4 && !strings.Contains(method+path, "\n") {
		return head, nil
	}
	return "", errors.New("a line break in the request's method, path, host or headers")
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func write(conn net.Conn, head, body string) error {
	if _, err := io.WriteString(conn, head+body); err != nil {
		return fmt.Errorf("send the request: %w", err)
	}
	return nil
}

func (p HTTP) read(conn net.Conn, r *HTTPResult) error {
	var raw limited
	reader := bufio.NewReader(io.TeeReader(conn, &raw))
	response, err := http.ReadResponse(reader, &http.Request{Method: orElse(p.Method, http.MethodGet)})
	if err != nil {
		return fmt.Errorf("read the response: %w", err)
	}
	defer response.Body.Close()
	r.Status, r.Protocol = response.StatusCode, response.Proto
	_, r.Reason, _ = strings.Cut(response.Status, " ")
	for name, values := range response.Header {
		r.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	r.Order = order(raw.Bytes())
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	r.Body = string(body)
	if err != nil {
		return fmt.Errorf("read the response's body: %w", err)
	}
	return nil
}

// order lists the names of the headers in the raw head of a response.
func order(raw []byte) []string {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	names := []string{}
	for _, line := range lines[1:] {
		if name, _, ok := strings.Cut(line, ":"); ok {
			names = append(names, name)
		}
	}
	return names
}
