package forward_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/services/ssh/forward"
	"github.com/decnet/decnet/schema/event"
)

var clock = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

// world is a Simulator and what it recorded.
type world struct {
	s     *forward.Simulator
	mu    sync.Mutex
	kept  []event.Body
	slept time.Duration
}

func newWorld() *world {
	w := &world{}
	w.s = &forward.Simulator{
		Now: func() time.Time { return clock }, Hostname: "srv", IP: "10.1.2.3", SSH: "SSH-2.0-OpenSSH_9.2p1", Local: func(port uint16) bool { return port == 80 },
		Derive: func(label string) []byte {
			m := hmac.New(sha256.New, []byte("key"))
			m.Write([]byte(label))
			return m.Sum(nil)
		},
		Sleep: func(_ context.Context, d time.Duration) { w.slept = d },
	}
	return w
}

func (w *world) record(b event.Body) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, b)
	return nil
}

// log is what was recorded, in words.
func (w *world) log() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.kept {
		switch b := b.(type) {
		case *event.Request:
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %d %s", b.Protocol, b.Method, b.Target, b.Host, b.Status, b.Body)))
		case *event.AuthAttempt:
			out = append(out, fmt.Sprintf("auth %s %s %s", b.Method, b.Username, b.Secret))
		}
	}
	return out
}

// stream is the far side of a net.Pipe.
type stream struct{ net.Conn }

func (s stream) CloseWrite() error { return nil }
func (s stream) CloseRead()        { _ = s.Close() }

// connect is a client's side of a connection to host:port.
func (w *world) connect(t *testing.T, host string, port uint16) net.Conn {
	t.Helper()
	peer := w.s.Open(forward.Target{Host: host, Port: port}, w.record)
	if failure := peer.Connect(t.Context()); failure != "" {
		t.Fatalf("%s:%d: %s", host, port, failure)
	}
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() { peer.Serve(t.Context(), stream{far}); _ = far.Close(); close(done) }()
	t.Cleanup(func() { _ = near.Close(); <-done })
	_ = near.SetDeadline(time.Now().Add(10 * time.Second))
	return near
}

func TestWhoIsReached(t *testing.T) {
	for target, want := range map[string]string{
		"localhost:80": "", "127.0.0.1:80": "", "10.1.2.3:80": "", "srv:22": "", "127.0.0.1:9": "Connection refused", "::1:9": "Connection refused", "0.0.0.0:9": "Connection refused", "srv:81": "Connection refused",
		"www.elsewhere.org:443": "", "ELSEWHERE.ORG.:80": "", "8.8.8.8:53": "", "nosuch:80": "Name or service not known", "a.invalid:80": "Name or service not known", "a.b.test:1": "Name or service not known", "bad name.org:1": "Name or service not known",
		"-x.org:1": "Name or service not known", "x.123:1": "Name or service not known", "10.9.9.9:22": "Connection timed out", "192.0.2.1:80": "Connection timed out", "169.254.169.254:80": "No route to host", "2001:db8::1:80": "Network is unreachable", "224.0.0.1:1": "Network is unreachable", "xn--e1afmkfd.xn--p1ai:80": "",
	} {
		i := strings.LastIndex(target, ":")
		var port uint16
		_, _ = fmt.Sscan(target[i+1:], &port)
		w := newWorld()
		got := w.s.Open(forward.Target{Host: target[:i], Port: port}, w.record).Connect(t.Context())
		if got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
		again := newWorld()
		again.s.Open(forward.Target{Host: target[:i], Port: port}, again.record).Connect(t.Context())
		if again.slept != w.slept {
			t.Errorf("%s takes %v, then %v", target, w.slept, again.slept)
		}
		if timedOut := want == "Connection timed out"; timedOut != (w.slept > 2*time.Minute) {
			t.Errorf("%s takes %v", target, w.slept)
		}
	}
}

func TestHTTP(t *testing.T) {
	for name, c := range map[string]struct {
		host string
		port uint16
		send string
		want []string
		log  string
	}{
		"redirection":   {"a.org", 80, "GET /x?y HTTP/1.1\r\nHost: a.org\r\nConnection: close\r\n\r\n", []string{"HTTP/1.1 301 Moved Permanently\r\nServer: nginx\r\nDate: Wed, 04 Mar 2026 05:06:07 GMT\r\n", "Location: https://a.org/x?y\r\n"}, "HTTP/1.1 GET /x?y a.org 301"},
		"address":       {"8.8.8.8", 80, "GET / HTTP/1.0\r\n\r\n", []string{"HTTP/1.1 200 OK\r\n", "<title>Welcome</title>"}, "HTTP/1.0 GET /  200"},
		"other port":    {"a.org", 8080, "GET / HTTP/1.0\r\nHost: a.org\r\n\r\n", []string{"HTTP/1.1 200 OK\r\n", "<title>a.org</title>"}, "HTTP/1.0 GET / a.org 200"},
		"missing":       {"a.org", 8080, "GET /nosuch HTTP/1.0\r\n\r\n", []string{"HTTP/1.1 404 Not Found\r\n"}, "HTTP/1.0 GET /nosuch  404"},
		"head":          {"8.8.8.8", 80, "HEAD / HTTP/1.0\r\n\r\n", []string{"HTTP/1.1 200 OK\r\n"}, "HTTP/1.0 HEAD /  200"},
		"post":          {"8.8.8.8", 80, "POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\na=bc", []string{"HTTP/1.1 200 OK\r\n"}, "HTTP/1.0 POST /  200 a=bc"},
		"other method":  {"8.8.8.8", 80, "CONNECT x:1 HTTP/1.0\r\n\r\n", []string{"HTTP/1.1 405 Method Not Allowed\r\n"}, "HTTP/1.0 CONNECT x:1  405"},
		"no HTTP":       {"8.8.8.8", 80, "hello there\r\n", []string{"HTTP/1.1 400 Bad Request\r\n"}, "HTTP/1.0 hello there   400"},
		"injected host": {"a.org", 80, "GET / HTTP/1.0\r\nHost: a\"><script>\r\n\r\n", []string{"Location: https://ascript/\r\n"}, `HTTP/1.0 GET / a"><script> 301`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			conn := w.connect(t, c.host, c.port)
			if _, err := io.WriteString(conn, c.send); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn)
			for _, want := range c.want {
				if !strings.Contains(string(answer), want) {
					t.Errorf("no %q in %q (%v)", want, answer, err)
				}
			}
			if name == "head" && !strings.HasSuffix(string(answer), "\r\n\r\n") {
				t.Errorf("a body after HEAD: %q", answer)
			}
			if diff := cmp.Diff([]string{c.log}, w.log()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConnectionStays(t *testing.T) {
	w := newWorld()
	conn := w.connect(t, "8.8.8.8", 80)
	in := bufio.NewReader(conn)
	for range 3 {
		if _, err := io.WriteString(conn, "GET /a HTTP/1.1\r\nHost: 8.8.8.8\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := in.ReadString('\n'); err != nil || line != "HTTP/1.1 404 Not Found\r\n" {
			t.Fatalf("%q %v", line, err)
		}
		for line := ""; line != "\r\n"; {
			line, _ = in.ReadString('\n')
		}
		if _, err := in.Discard(len("<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.log()); n != 3 {
		t.Errorf("%d requests on record", n)
	}
}

func TestTLS(t *testing.T) {
	w := newWorld()
	var first []byte
	for range 2 {
		conn := tls.Client(w.connect(t, "93.184.216.34", 443), &tls.Config{ServerName: "shop.elsewhere.org", InsecureSkipVerify: true, Time: func() time.Time { return clock }})
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		leaf := conn.ConnectionState().PeerCertificates[0]
		if leaf.DNSNames[0] != "shop.elsewhere.org" || clock.Before(leaf.NotBefore) || clock.After(leaf.NotAfter) || leaf.NotAfter.Sub(leaf.NotBefore) > 91*24*time.Hour {
			t.Errorf("%v %v %v", leaf.DNSNames, leaf.NotBefore, leaf.NotAfter)
		}
		if first == nil {
			first = leaf.Raw
		} else if string(first) != string(leaf.Raw) {
			t.Error("another certificate")
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\nHost: shop.elsewhere.org\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if answer, _ := io.ReadAll(conn); !strings.HasPrefix(string(answer), "HTTP/1.1 200 OK\r\n") {
			t.Errorf("%q", answer)
		}
	}
	want := []string{"TLS ClientHello 93.184.216.34:443 shop.elsewhere.org 0", "HTTP/1.0 GET / shop.elsewhere.org 200"}
	if diff := cmp.Diff(append(want, want...), w.log()); diff != "" {
		t.Error(diff)
	}
}

func TestMail(t *testing.T) {
	w := newWorld()
	conn := w.connect(t, "mx.elsewhere.org", 25)
	in := bufio.NewReader(conn)
	expect := func(send, want string) {
		t.Helper()
		if send != "" {
			if _, err := io.WriteString(conn, send+"\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if len(line) > 3 && line[3] == '-' {
				continue
			}
			if !strings.HasPrefix(line, want) {
				t.Errorf("%q: %q, want %q", send, line, want)
			}
			return
		}
	}
	expect("", "220 mx.elsewhere.org ESMTP Postfix")
	expect("MAIL FROM:<a@b>", "503 5.5.1 Error: send HELO/EHLO first")
	expect("EHLO me", "250 CHUNKING")
	expect("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00user\x00pass")), "535 5.7.8")
	expect("AUTH LOGIN", "334 VXNlcm5hbWU6")
	expect(base64.StdEncoding.EncodeToString([]byte("eve")), "334 UGFzc3dvcmQ6")
	expect(base64.StdEncoding.EncodeToString([]byte("secret")), "535 5.7.8")
	expect("DATA", "503 5.5.1")
	expect("MAIL FROM:<a@b>", "250 2.1.0")
	expect("RCPT TO:<c@d>", "250 2.1.5")
	expect("DATA", "354")
	expect("Subject: x\r\n\r\nbuy\r\n.", "250 2.0.0 Ok: queued as ")
	expect("WHAT", "500 5.5.2")
	expect("QUIT", "221 2.0.0 Bye")
	log := strings.Join(w.log(), "\n")
	for _, want := range []string{"auth smtp-plain user pass", "auth smtp-login eve secret", "SMTP RCPT RCPT TO:<c@d> mx.elsewhere.org", "Subject: x\r\n\r\nbuy"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
}

func TestBannersAndSilence(t *testing.T) {
	for target, want := range map[string]string{"localhost:22": "SSH-2.0-OpenSSH_9.2p1\r\n", "a.org:21": "220 (vsFTPd 3.0.5)\r\n", "a.org:110": "+OK Dovecot ready.\r\n"} {
		host, port, _ := strings.Cut(target, ":")
		w := newWorld()
		var number uint16
		_, _ = fmt.Sscan(port, &number)
		conn := w.connect(t, host, number)
		if line, err := bufio.NewReader(conn).ReadString('\n'); line != want {
			t.Errorf("%s: %q %v", target, line, err)
		}
	}
	w := newWorld()
	conn := w.connect(t, "8.8.8.8", 4444)
	if _, err := conn.Write([]byte("\x05\x01\x00")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 9)); n > 0 {
		t.Errorf("%d bytes %v", n, err)
	}
	if log := w.log(); len(log) != 1 || !strings.HasPrefix(log[0], "forwarded data 8.8.8.8:4444") {
		t.Errorf("%q", log)
	}
}

func FuzzServe(f *testing.F) {
	f.Add("a.org", uint16(80), []byte("GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"))
	f.Add("a.org", uint16(25), []byte("EHLO x\r\nSTARTTLS\r\n\x16\x03\x01"))
	f.Add("8.8.8.8", uint16(443), []byte("\x16\x03\x01\x00\x05hello"))
	f.Fuzz(func(t *testing.T, host string, port uint16, data []byte) {
		w := newWorld()
		near, far := net.Pipe()
		done := make(chan struct{})
		go func() {
			w.s.Open(forward.Target{Host: host, Port: port}, w.record).Serve(t.Context(), stream{far})
			_ = far.Close()
			close(done)
		}()
		go func() { _, _ = io.Copy(io.Discard, near) }()
		_, _ = near.Write(data)
		_ = near.Close()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("it does not end")
		}
	})
}
