package https_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/services/https"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

// ask makes one request inside TLS.
func ask(t *testing.T, s *servicetest.Server, config *tls.Config) (*http.Response, tls.ConnectionState) {
	t.Helper()
	config.InsecureSkipVerify = config.RootCAs == nil
	conn := tls.Client(s.Dial(), config)
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response, conn.ConnectionState()
}

func TestEveryNameGetsTheHostsCertificate(t *testing.T) {
	s := servicetest.Start(t, https.New(), servicetest.Options{})
	for _, name := range []string{"", "unknown.example", "srv-atlas-17.corp.example"} {
		response, state := ask(t, s, &tls.Config{ServerName: name})
		if leaf := state.PeerCertificates[0]; response.StatusCode != 200 || leaf.Subject.CommonName != "srv-atlas-17.corp.example" {
			t.Errorf("%q: %d, certificate of %s", name, response.StatusCode, leaf.Subject)
		}
	}
}

func TestTheSitesAuthorityIsTrusted(t *testing.T) {
	authority, err := persona.NewAuthority([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	host := servicetest.Host()
	if host.Certificates, err = authority.Issue(host); err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(host.Certificates[len(host.Certificates)-1])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	s := servicetest.Start(t, https.New(), servicetest.Options{Host: host, Now: func() time.Time { return host.Boot.AddDate(0, 1, 0) }})
	_, state := ask(t, s, &tls.Config{ServerName: "srv-atlas-17.corp.example", RootCAs: roots, Time: func() time.Time { return host.Boot.AddDate(0, 1, 0) }})
	if n := len(state.PeerCertificates); n != 1 {
		t.Errorf("%d certificates are sent: the root is the client's to have", n)
	}
}

func TestVersionsTicketsAndProtocols(t *testing.T) {
	windows := servicetest.Host()
	windows.OS, windows.Distro, windows.Packages = "windows", "", nil
	old := servicetest.Host()
	old.Distro = "centos7"
	for name, c := range map[string]struct {
		options  servicetest.Options
		min, max uint16 // what the client offers
		ok       bool
		protocol string
	}{
		"debian 1.3":       {servicetest.Options{}, tls.VersionTLS13, tls.VersionTLS13, true, "http/1.1"},
		"debian 1.1":       {servicetest.Options{}, tls.VersionTLS10, tls.VersionTLS11, false, ""},
		"centos 1.0":       {servicetest.Options{Host: old}, tls.VersionTLS10, tls.VersionTLS10, true, "http/1.1"},
		"centos 1.3":       {servicetest.Options{Host: old}, tls.VersionTLS13, tls.VersionTLS13, false, ""},
		"windows 1.3":      {servicetest.Options{Host: windows}, tls.VersionTLS13, tls.VersionTLS13, false, ""},
		"configured 1.2":   {servicetest.Options{Arguments: `{"tls_max":"1.2"}`}, tls.VersionTLS13, tls.VersionTLS13, false, ""},
		"configured 1.0":   {servicetest.Options{Arguments: `{"tls_min":"1.0"}`}, tls.VersionTLS10, tls.VersionTLS10, true, "http/1.1"},
		"http/2 alone, no": {servicetest.Options{Arguments: `{"title":"h2"}`}, tls.VersionTLS12, tls.VersionTLS13, false, "h2"},
	} {
		t.Run(name, func(t *testing.T) {
			s := servicetest.Start(t, https.New(), c.options)
			offered := []string{"h2", "http/1.1"}
			if c.protocol == "h2" {
				offered = offered[:1]
			}
			conn := tls.Client(s.Dial(), &tls.Config{InsecureSkipVerify: true, MinVersion: c.min, MaxVersion: c.max, NextProtos: offered})
			if err := conn.Handshake(); (err == nil) != c.ok {
				t.Fatalf("handshake: %v", err)
			}
			if got := conn.ConnectionState().NegotiatedProtocol; c.ok && got != c.protocol {
				t.Errorf("protocol %q", got)
			}
		})
	}
}

func TestTheClientIsOnRecordBeforeItIsAnswered(t *testing.T) {
	s := servicetest.Start(t, https.New(), servicetest.Options{})
	ask(t, s, &tls.Config{ServerName: "portal.example", NextProtos: []string{"http/1.1"}})
	got := map[string]string{}
	for _, f := range servicetest.Of[*event.Fingerprint](s) {
		got[f.Method] = f.Value
	}
	if len(got["ja3"]) != 32 || !strings.HasPrefix(got["ja4"], "t13d") || got["sni"] != "portal.example" || !strings.HasPrefix(got["tls"], "TLS 1.3 TLS_") {
		t.Errorf("%v", got)
	}
	if requests := servicetest.Of[*event.Request](s); len(requests) != 1 || requests[0].Host != "a.example" {
		t.Errorf("requests %+v", requests)
	}
	// A client that leaves after its greeting is on record, too.
	s = servicetest.Start(t, https.New(), servicetest.Options{})
	conn := s.Dial()
	client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error { return io.ErrUnexpectedEOF }})
	if client.Handshake() == nil {
		t.Fatal("the handshake went through")
	}
	s.WaitFor(t, func(e *event.Event) bool { f, ok := e.Body.(*event.Fingerprint); return ok && f.Method == "ja4" })
}

func TestPlainHTTPGetsTheProductsAnswer(t *testing.T) {
	for header, want := range map[string]string{
		"nginx/1.22.1":           "<center>The plain HTTP request was sent to HTTPS port</center>",
		"Apache/2.4.62 (Debian)": "You're speaking plain HTTP to an SSL-enabled server port",
	} {
		s := servicetest.Start(t, https.New(), servicetest.Options{Arguments: fmt.Sprintf(`{"server_header":%q}`, header)})
		conn := s.Dial()
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 Bad Request\r\n") || !strings.Contains(string(answer), want) {
			t.Errorf("%s: %q, %v", header, answer, err)
		}
		if requests := servicetest.Of[*event.Request](s); len(requests) != 1 || requests[0].Status != 400 {
			t.Errorf("%s: requests %+v", header, requests)
		}
	}
}

func TestForeignBytesOnThePortOfTLS(t *testing.T) {
	s := servicetest.Start(t, https.New(), servicetest.Options{})
	conn := s.Dial()
	fmt.Fprint(conn, "\x16\x03\x01\x00\x05hello")
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	s.WaitFor(t, func(e *event.Event) bool {
		scan, ok := e.Body.(*event.Scan)
		return ok && strings.Contains(string(scan.Data), "hello")
	})
}

func TestBadArgumentsAreRefused(t *testing.T) {
	for _, arguments := range []string{`{"tls_min":"1.3","tls_max":"1.2"}`, `{"tls_min":"0.9"}`, `{"server_header":"a\nb"}`} {
		if err := https.New().Check([]byte(arguments)); err == nil {
			t.Errorf("%s is accepted", arguments)
		}
	}
}
