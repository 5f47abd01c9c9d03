package delivery_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/delivery"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// mailServer speaks as much SMTP (RFC 5321) as a sender needs.
type mailServer struct {
	t        testing.TB
	listener net.Listener
	config   *tls.Config // nil: STARTTLS is not offered
	implicit bool
	answers  map[string]string // instead of the usual, by command
	ca       string

	mu      sync.Mutex
	mails   []string
	said    []string // by the client
	secured bool
}

// newMailServer serves on loopback until the test ends.
func newMailServer(t testing.TB, change func(*mailServer)) *mailServer {
	t.Helper()
	m := &mailServer{t: t, answers: map[string]string{}}
	m.config, m.ca = certificate(t)
	if change != nil {
		change(m)
	}
	var err error
	if m.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := m.listener.Accept()
			if err != nil {
				return
			}
			if m.implicit {
				conn = tls.Server(conn, m.config)
			}
			group.Go(func() { m.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = m.listener.Close()
		start := time.Now()
		group.Wait()
		if time.Since(start) > 5*time.Second {
			t.Error("a connection was left open")
		}
	})
	return m
}

func certificate(t testing.TB) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, path
}

func (m *mailServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	reader := bufio.NewReader(conn)
	say := func(text string) bool { _, err := io.WriteString(conn, text+"\r\n"); return err == nil }
	if greeting, ok := m.answers["greeting"]; ok {
		_, _ = io.WriteString(conn, greeting)
		if strings.HasPrefix(greeting, "flood") {
			for say("220-" + strings.Repeat("x", 60_000)) {
			}
		}
		_, _ = io.Copy(io.Discard, reader) // until the client gives up
		return
	}
	if !say("220 mail.test ESMTP") {
		return
	}
	secured := m.implicit
	for {
		text, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		text = strings.TrimRight(text, "\r\n")
		verb := strings.ToUpper(strings.SplitN(text, " ", 2)[0])
		m.mu.Lock()
		m.said = append(m.said, text)
		m.mu.Unlock()
		if answer, ok := m.answers[verb]; ok {
			if !say(answer) {
				return
			}
			continue
		}
		switch verb {
		case "EHLO":
			lines := []string{"mail.test"}
			if m.config != nil && !secured {
				lines = append(lines, "STARTTLS")
			}
			if secured {
				lines = append(lines, "AUTH PLAIN LOGIN")
			}
			for i, l := range lines {
				sep := "-"
				if i == len(lines)-1 {
					sep = " "
				}
				say("250" + sep + l)
			}
		case "STARTTLS":
			say("220 go")
			secure := tls.Server(conn, m.config)
			conn, reader, secured = secure, bufio.NewReader(secure), true
		case "AUTH":
			want := "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00ops\x00"+secretText))
			if text == want {
				say("235 ok")
			} else {
				say("535 5.7.8 bad credentials")
			}
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for {
				line, err := reader.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				b.WriteString(strings.TrimPrefix(line, "."))
			}
			m.mu.Lock()
			m.mails, m.secured = append(m.mails, b.String()), secured
			m.mu.Unlock()
			say("250 queued")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (m *mailServer) sink(change func(*schema.Sink)) schema.Sink {
	s := schema.Sink{
		Name: "mail", Type: "email", Host: "127.0.0.1", Port: m.listener.Addr().(*net.TCPAddr).Port, From: "Decnet <decnet@example.com>",
		To: []string{"ops@example.com", "Night <night@example.com>"}, CAFile: m.ca,
	}
	if change != nil {
		change(&s)
	}
	return s
}

func TestMailArrives(t *testing.T) {
	login := func(s *schema.Sink) {
		s.Username = "ops"
		s.PasswordFile = secretFile(t, secretText)
	}
	for name, c := range map[string]struct {
		server func(*mailServer)
		sink   func(*schema.Sink)
		secure bool
	}{
		"starttls":       {nil, nil, true},
		"starttls login": {nil, login, true},
		"tls login":      {func(m *mailServer) { m.implicit = true }, func(s *schema.Sink) { login(s); s.TLS = "tls" }, true},
		"plain":          {func(m *mailServer) { m.config = nil }, func(s *schema.Sink) { s.TLS = "none" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMailServer(t, c.server)
			n := notification.Sample(notification.Failed)
			n.Title = "prod: cafés\r\nBcc: victim@example.com\r\n\r\nforged"
			n.Body = "one\r\n.\r\nMAIL FROM:<x@example.com>\n\x1b[2J\u202e"
			n.Kind = "sync.failed\r\nX-Forged: 1"
			n.ID = "id>\r\nX-Forged: 2"
			answer, err := deliver(t, open(t, m.sink(c.sink), delivery.Options{Hostname: "host\r\nX-Forged: 3"}), n, secretText)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(answer, "ops@example.com") {
				t.Errorf("answer %q", answer)
			}
			if len(m.mails) != 1 || m.secured != c.secure {
				t.Fatalf("%d mails, secured %v", len(m.mails), m.secured)
			}
			checkMail(t, m.mails[0])
			recipients := 0
			for _, line := range m.said {
				if strings.HasPrefix(line, "RCPT TO:") {
					recipients++
				}
				if strings.Contains(line, "victim") || strings.Contains(line, "x@example.com") {
					t.Errorf("the client said %q", line)
				}
			}
			if recipients != 2 {
				t.Errorf("%d recipients: %q", recipients, m.said)
			}
		})
	}
}

func checkMail(t *testing.T, text string) {
	t.Helper()
	parsed, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name := range parsed.Header {
		if name == "Bcc" || name == "X-Forged" {
			t.Errorf("header %s: %v", name, parsed.Header[name])
		}
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil || subject != "[warning] decnet: prod: cafés Bcc: victim@example.com forged" {
		t.Errorf("subject %q, %v", subject, err)
	}
	if parsed.Header.Get("Auto-Submitted") != "auto-generated" || parsed.Header.Get("Message-Id") != "<id---X-Forged--2@host--X-Forged--3>" {
		t.Errorf("header %v", parsed.Header)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one\r\n.\r\nMAIL FROM:<x@example.com>", "revision: 00000", "technique: T1110"} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the body lacks %q:\n%s", want, body)
		}
	}
	if strings.ContainsAny(string(body), "\x1b\u202e") {
		t.Errorf("control characters in %q", body)
	}
}

func TestMailThatIsNotTaken(t *testing.T) {
	login := func(s *schema.Sink) {
		s.Username = "ops"
		s.PasswordFile = secretFile(t, secretText)
	}
	other, _ := certificate(t)
	for name, c := range map[string]struct {
		server    func(*mailServer)
		sink      func(*schema.Sink)
		want      string
		permanent bool
	}{
		"no STARTTLS":       {func(m *mailServer) { m.config = nil }, login, "STARTTLS", false},
		"unknown authority": {func(m *mailServer) { m.config = other }, login, "certificate", false},
		"wrong password":    {nil, func(s *schema.Sink) { login(s); s.Username = "other" }, "535", false},
		"echo of the login": {func(m *mailServer) {
			m.answers["AUTH"] = "535 " + base64.StdEncoding.EncodeToString([]byte("\x00ops\x00"+secretText))
		}, login, "not shown", false},
		"echo in plain":     {func(m *mailServer) { m.answers["AUTH"] = "535 " + secretText }, login, "not shown", false},
		"refused recipient": {func(m *mailServer) { m.answers["RCPT"] = "550 5.1.1 nobody" }, nil, "550", true},
		"busy":              {func(m *mailServer) { m.answers["RCPT"] = "451 4.7.1 later" }, nil, "451", false},
		"refused data":      {func(m *mailServer) { m.answers["DATA"] = "554 5.7.1 spam" }, nil, "554", true},
		"busy greeting":     {func(m *mailServer) { m.answers["greeting"] = "421 4.3.2 busy\r\n" }, nil, "421", false},
		"flood":             {func(m *mailServer) { m.answers["greeting"] = "flood" }, nil, "", false},
		"endless lines":     {func(m *mailServer) { m.answers["greeting"] = strings.Repeat("220-more\r\n", 200_000) }, nil, "says more", false},
		"silence":           {func(m *mailServer) { m.answers["greeting"] = "" }, nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMailServer(t, c.server)
			start := time.Now()
			_, err := deliver(t, open(t, m.sink(c.sink), delivery.Options{Timeout: time.Second}), news("1"), secretText, secretText[:14])
			if err == nil || !strings.Contains(err.Error(), c.want) || delivery.IsPermanent(err) != c.permanent || len(err.Error()) > 600 {
				t.Errorf("permanent %v: %v", delivery.IsPermanent(err), err)
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("took %s", took)
			}
			if len(m.mails) > 0 {
				t.Errorf("a mail arrived: %s", m.mails[0])
			}
			for _, line := range m.said {
				if strings.HasPrefix(line, "AUTH") && !strings.Contains(name, "password") && !strings.Contains(name, "echo") {
					t.Errorf("the client said %q", line)
				}
			}
		})
	}
}

func TestSyslogOverEveryWay(t *testing.T) {
	dir := t.TempDir()
	n := notification.Sample(notification.Applied)
	n.Title = "line\n<1>1 forged\"]"
	check := func(t *testing.T, message string) {
		t.Helper()
		if strings.ContainsAny(message, "\n\x1b") || !strings.HasPrefix(message, "<132>1 2026-01-02T03:04:05.000000Z here decnet - sync.applied [decnet@55555 id=") ||
			!strings.Contains(message, `title="line\\x0a<1>1 forged\"\]"`) {
			t.Errorf("%q", message)
		}
	}
	for _, network := range []string{"unixgram", "udp"} {
		address, target := "127.0.0.1:0", ""
		if network == "unixgram" {
			address = filepath.Join(dir, "log")
		}
		conn, err := net.ListenPacket(network, address)
		if err != nil {
			t.Fatal(err)
		}
		if target = "udp://" + conn.LocalAddr().String(); network == "unixgram" {
			target = "unix://" + address
		}
		if _, err := deliver(t, open(t, schema.Sink{Type: "syslog", Address: target}, delivery.Options{Hostname: "here"}), n); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 64<<10)
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		size, _, err := conn.ReadFrom(buffer)
		if err != nil {
			t.Fatal(err)
		}
		check(t, string(buffer[:size]))
		_ = conn.Close()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if _, err := deliver(t, open(t, schema.Sink{Type: "syslog", Address: "tcp://" + listener.Addr().String()}, delivery.Options{Hostname: "here"}), n); err != nil {
		t.Fatal(err)
	}
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var size int
	reader := bufio.NewReader(conn)
	if _, err := fmt.Fscanf(reader, "%d ", &size); err != nil {
		t.Fatal(err)
	}
	frame, err := io.ReadAll(reader)
	if err != nil || len(frame) != size {
		t.Errorf("a frame of %d bytes says %d, %v", len(frame), size, err)
	}
	check(t, string(frame))
	if _, err := delivery.Open(schema.Sink{Name: "far", Type: "syslog", Address: "tcp://192.0.2.1:601"}, delivery.Options{}); err == nil {
		t.Error("plain syslog to another host is accepted")
	}
}
