package http_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/services/http"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

// exchange sends data and reads until the server closes, or says nothing for a
// moment.
func exchange(t *testing.T, s *servicetest.Server, data string) string {
	t.Helper()
	conn := s.Dial()
	if _, err := io.WriteString(conn, data); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	buffer := make([]byte, 32<<10)
	for {
		wait := 2 * time.Second // a busy machine is slow to begin, not to go on
		if b.Len() > 0 {
			wait = 120 * time.Millisecond
		}
		_ = conn.SetReadDeadline(time.Now().Add(wait))
		n, err := conn.Read(buffer)
		b.Write(buffer[:n])
		if err != nil {
			return b.String()
		}
	}
}

// head is the status line and the names of the headers.
func head(answer string) []string {
	top, _, _ := strings.Cut(answer, "\r\n\r\n")
	lines := strings.Split(top, "\r\n")
	for i := range lines[1:] {
		lines[i+1], _, _ = strings.Cut(lines[i+1], ":")
	}
	return lines
}

func TestHeadersHaveTheProductsOrder(t *testing.T) {
	s := servicetest.Start(t, http.New(), servicetest.Options{})
	for name, c := range map[string]struct {
		send string
		want []string
	}{
		"page":    {get("/"), []string{"HTTP/1.1 200 OK", "Server", "Date", "Content-Type", "Content-Length", "Last-Modified", "Connection", "ETag", "Accept-Ranges"}},
		"gzip":    {get("/", "Accept-Encoding: gzip"), []string{"HTTP/1.1 200 OK", "Server", "Date", "Content-Type", "Last-Modified", "Transfer-Encoding", "Connection", "ETag", "Content-Encoding"}},
		"range":   {get("/", "Range: bytes=0-1"), []string{"HTTP/1.1 206 Partial Content", "Server", "Date", "Content-Type", "Content-Length", "Last-Modified", "Connection", "ETag", "Content-Range"}},
		"missing": {get("/x"), []string{"HTTP/1.1 404 Not Found", "Server", "Date", "Content-Type", "Content-Length", "Connection"}},
		"fresh":   {get("/", "If-None-Match: *"), []string{"HTTP/1.1 304 Not Modified", "Server", "Date", "Last-Modified", "Connection", "ETag"}},
		"no host": {"GET / HTTP/1.1\r\n\r\n", []string{"HTTP/1.1 400 Bad Request", "Server", "Date", "Content-Type", "Content-Length", "Connection"}},
		"tls":     {"\x16\x03\x01\x00", []string{"HTTP/1.1 400 Bad Request", "Server", "Date", "Content-Type", "Content-Length", "Connection"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, head(exchange(t, s, c.send))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStatusOfProbes(t *testing.T) {
	s := servicetest.Start(t, http.New(), servicetest.Options{})
	for send, want := range map[string]string{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n":       "405 Not Allowed",
		"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n":                           "405 Not Allowed",
		"get / HTTP/1.1\r\nHost: a\r\n\r\n":                             "400 Bad Request",
		"GET / HTTP/2.0\r\n\r\n":                                        "505 HTTP Version Not Supported",
		get("/../etc/passwd"):                                           "400 Bad Request",
		get("/%2e%2e/etc/passwd"):                                       "400 Bad Request",
		get("/%00"):                                                     "400 Bad Request",
		get("/a/../"):                                                   "200 OK",
		get("http://b.example/"):                                        "200 OK",
		get("/index.nginx-debian.html"):                                 "200 OK",
		get("/" + strings.Repeat("a", 9000)):                            "414 Request-URI Too Large",
		get("/", "X: "+strings.Repeat("a", 9000)):                       "400 Bad Request",
		get("/", "Range: bytes=900-"):                                   "416 Requested Range Not Satisfiable",
		get("/", `If-Match: "x"`):                                       "412 Precondition Failed",
		get("/", "Transfer-Encoding: gzip"):                             "501 Not Implemented",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n": "413 Request Entity Too Large",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": "405 Not Allowed",
	} {
		got := exchange(t, s, send)
		if line, _, _ := strings.Cut(got, "\r\n"); line != "HTTP/1.1 "+want {
			t.Errorf("%.60q: %q, want %s", send, line, want)
		}
	}
	if got := exchange(t, s, "GET /\r\n"); !strings.HasPrefix(got, "<!DOCTYPE html>") || len(got) != 547 {
		t.Errorf("HTTP/0.9: %d bytes, %.60q", len(got), got)
	}
	if got := exchange(t, s, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"); !strings.HasSuffix(got, "\r\n\r\n") || !strings.Contains(got, "Content-Length: 547") {
		t.Errorf("HEAD: %q", got)
	}
}

func TestConnectionIsKeptAndPipelined(t *testing.T) {
	s := servicetest.Start(t, http.New(), servicetest.Options{})
	got := exchange(t, s, get("/x")+"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"+get("/", "Connection: close")+get("/"))
	if n := strings.Count(got, "HTTP/1.1 "); n != 3 {
		t.Errorf("%d answers, want 3: nothing follows close", n)
	}
	requests := servicetest.Of[*event.Request](s)
	if len(requests) != 3 || requests[1].Body != "abc" || requests[1].BodySize != 3 || requests[1].Status != 405 {
		t.Errorf("recorded %+v", requests)
	}
}

func TestEveryRequestIsOnRecordBeforeItsAnswer(t *testing.T) {
	s := servicetest.Start(t, http.New(), servicetest.Options{})
	conn := s.Dial()
	reader := bufio.NewReader(conn)
	for i := range 20 {
		fmt.Fprintf(conn, "GET /%d HTTP/1.1\r\nHost: h\r\nB: 2\r\nA: 1\r\n\r\n", i)
		if _, err := reader.Peek(1); err != nil {
			t.Fatal(err)
		}
		requests := servicetest.Of[*event.Request](s)
		if len(requests) != i+1 {
			t.Fatalf("%d requests on record at the first byte of answer %d", len(requests), i+1)
		}
		_, _ = reader.Discard(reader.Buffered())
		time.Sleep(time.Millisecond)
		_, _ = reader.Discard(reader.Buffered())
	}
	want := []event.Header{{Name: "Host", Value: "h"}, {Name: "B", Value: "2"}, {Name: "A", Value: "1"}}
	if diff := cmp.Diff(want, servicetest.Of[*event.Request](s)[0].Headers); diff != "" {
		t.Error(diff)
	}
}

func TestCredentialsAreRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		send string
		want event.AuthAttempt
	}{
		"basic":  {get("/", "Authorization: Basic YWRtaW46czNjOnJldA=="), event.AuthAttempt{Method: "basic", Username: "admin", Secret: "s3c:ret", SecretKind: "plaintext"}},
		"bearer": {get("/", "Authorization: Bearer abc.def"), event.AuthAttempt{Method: "bearer", Secret: "abc.def", SecretKind: "http_bearer"}},
		"digest": {get("/", `Authorization: Digest username="u", realm="r"`), event.AuthAttempt{Method: "digest", Username: "u", Secret: `username="u", realm="r"`, SecretKind: "http_digest_md5"}},
		"form":   {"POST /wp-login.php HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 18\r\n\r\nlog=me&pwd=a%26%41", event.AuthAttempt{Method: "form", Username: "me", Secret: "a&A", SecretKind: "plaintext", Client: "x"}},
		"query":  {get("/login?user=a&password=b"), event.AuthAttempt{Method: "form", Username: "a", Secret: "b", SecretKind: "plaintext"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := servicetest.Start(t, http.New(), servicetest.Options{})
			exchange(t, s, c.send)
			got := servicetest.Of[*event.AuthAttempt](s)
			if len(got) != 1 {
				t.Fatalf("%d attempts", len(got))
			}
			if diff := cmp.Diff(c.want, *got[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestForeignBytesAreRecorded(t *testing.T) {
	s := servicetest.Start(t, http.New(), servicetest.Options{})
	exchange(t, s, "\x16\x03\x01\x02\x00\x01")
	exchange(t, s, "SSH-2.0-x\r\n")
	scans, requests := servicetest.Of[*event.Scan](s), servicetest.Of[*event.Request](s)
	if len(scans) != 1 || scans[0].Technique != "foreign-protocol" || scans[0].Data != "\x16\x03\x01\x02\x00\x01" {
		t.Errorf("scans %+v", scans)
	}
	if len(requests) != 1 || !requests[0].Malformed || requests[0].Status != 400 {
		t.Errorf("requests %+v", requests)
	}
}

func TestEntityTagIsTheHostsOwn(t *testing.T) {
	tag := func(key byte) string {
		host := servicetest.Host()
		host.Key = []byte{key, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32}
		answer := exchange(t, servicetest.Start(t, http.New(), servicetest.Options{Host: host}), get("/"))
		var modified, etag string
		for line := range strings.SplitSeq(answer, "\r\n") {
			if v, ok := strings.CutPrefix(line, "Last-Modified: "); ok {
				modified = v
			}
			if v, ok := strings.CutPrefix(line, "ETag: "); ok {
				etag = v
			}
		}
		at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", modified)
		if err != nil || etag != fmt.Sprintf("\"%x-223\"", at.Unix()) {
			t.Errorf("ETag %s does not belong to %s", etag, modified)
		}
		return etag
	}
	if a, b, again := tag(1), tag(2), tag(1); a == b || a != again {
		t.Errorf("tags %s %s %s: want the first and third alike, the second not", a, b, again)
	}
}

func TestArguments(t *testing.T) {
	s := servicetest.Start(t, http.New(), servicetest.Options{Arguments: `{"server":"nginx/1.18.0 (Ubuntu)","title":"Intra<net"}`})
	if got := exchange(t, s, get("/")); !strings.Contains(got, "Server: nginx/1.18.0 (Ubuntu)\r\n") || !strings.Contains(got, "<title>Intra&lt;net</title>") {
		t.Errorf("%s", got)
	}
	if got := exchange(t, s, get("/x")); !strings.Contains(got, "<hr><center>nginx/1.18.0 (Ubuntu)</center>") {
		t.Errorf("%s", got)
	}
	s = servicetest.Start(t, http.New(), servicetest.Options{Arguments: `{"index":"<p>hello"}`})
	if got := exchange(t, s, get("/")); !strings.HasSuffix(got, "\r\n\r\n<p>hello") {
		t.Errorf("%s", got)
	}
	if err := http.New().Check([]byte(`{"server":"a\r\nb"}`)); err == nil {
		t.Error("a line break in server is accepted")
	}
}

func TestHalfOpenAndEndlessClientsEnd(t *testing.T) {
	s := servicetest.Start(t, http.New(), servicetest.Options{})
	conn := s.Dial()
	go func() {
		for range 64 {
			if _, err := io.WriteString(conn, strings.Repeat("A", 4096)); err != nil {
				return
			}
		}
	}()
	answer, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(answer), "HTTP/1.1 414 ") {
		t.Errorf("%.80q", answer)
	}
	half := s.Dial()
	fmt.Fprint(half, "GET / HT")
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(half); err != nil || len(rest) != 0 {
		t.Errorf("half a request is answered %q, %v; nginx says nothing", rest, err)
	}
	s.WaitFor(t, func(e *event.Event) bool {
		r, ok := e.Body.(*event.Request)
		return ok && r.Malformed && r.Status == 0
	})
}

func FuzzRequest(f *testing.F) {
	for _, p := range probes("Thu, 01 Jan 2026 00:00:00 GMT", `"6950a000-267"`, "index.nginx-debian.html") {
		f.Add([]byte(p.data))
	}
	handler, err := http.New().Open(nil, servicetestEnv())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzOne(t, handler, data) })
}

// fuzzOne sends data to handler and holds what comes of it to its bounds.
func fuzzOne(t *testing.T, handler decky.Handler, data []byte) {
	client, server := net.Pipe()
	conn := &recorder{Conn: server}
	done := make(chan error, 1)
	go func() { done <- handler.ServeConn(t.Context(), conn); _ = server.Close() }()
	go func() { _, _ = client.Write(data); _ = client.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) }()
	_, _ = io.Copy(io.Discard, client)
	_ = client.Close()
	<-done
	for _, e := range conn.events {
		if r, ok := e.(*event.Request); ok && len(r.Body) > event.MaxText {
			t.Errorf("body of %d bytes on record", len(r.Body))
		}
	}
}
