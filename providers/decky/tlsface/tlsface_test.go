package tlsface_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/tlsface"
)

// keys are one of each kind, with a certificate for host.example.
var keys = func() map[string]tlsface.Config {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	all := map[string]tlsface.Config{}
	for name, key := range map[string]crypto.Signer{"ecdsa": curve, "rsa": long} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "host.example"}, DNSNames: []string{"host.example"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			panic(err)
		}
		all[name] = tlsface.Config{Chain: [][]byte{der}, Key: key, Min: tlsface.VersionTLS10, Max: tlsface.VersionTLS13, Protocols: []string{"http/1.1"}, ServerOrder: true, Tickets: true}
	}
	return all
}()

// serve echoes what comes over TLS on a pipe of the kernel's and hands over the
// client's end; wait returns how the handshake ended.
func serve(t testing.TB, s *tlsface.Server) (client net.Conn, wait func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- func() error {
			conn, err := l.Accept()
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				return err
			}
			inside, err := s.Accept(context.Background(), conn)
			if err != nil {
				return err
			}
			if _, err := io.Copy(inside, inside); err != nil {
				return err
			}
			return inside.CloseWrite()
		}()
	}()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(); _ = l.Close() })
	if err := client.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return client, func() error { return <-ended }
}

func newServer(t testing.TB, c tlsface.Config) *tlsface.Server {
	t.Helper()
	s, err := tlsface.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// echo sends data and wants it back.
func echo(t testing.TB, c *tls.Conn, size int) {
	t.Helper()
	sent := make([]byte, size)
	_, _ = rand.Read(sent)
	go func() { _, _ = c.Write(sent) }() // what is missing is noticed below
	got := make([]byte, size)
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, sent) {
		t.Fatal("the echo differs from what was sent")
	}
}

// Every version, cipher and group that crypto/tls shares with us carries data
// both ways, more than a record holds.
func TestEverythingSharedWithGoWorks(t *testing.T) {
	curves := []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	tried := 0
	for name, config := range keys {
		s := newServer(t, weak(config))
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			for _, version := range suite.SupportedVersions {
				if !s.Has(suite.ID, version) {
					continue
				}
				tried++
				t.Run(fmt.Sprint(name, suite.Name, tls.VersionName(version)), func(t *testing.T) {
					client, wait := serve(t, s)
					// The certificate's curve has to be among the client's.
					c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, CipherSuites: []uint16{suite.ID}, CurvePreferences: []tls.CurveID{curves[tried%len(curves)], tls.CurveP256}})
					echo(t, c, 40_000)
					if got := c.ConnectionState(); got.Version != version || version < tls.VersionTLS13 && got.CipherSuite != suite.ID {
						t.Errorf("%s with %s", tls.VersionName(got.Version), tls.CipherSuiteName(got.CipherSuite))
					}
					_ = c.Close()
					if err := wait(); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
	if tried < 30 {
		t.Errorf("only %d combinations", tried)
	}
}

func weak(c tlsface.Config) tlsface.Config {
	c.Weak = true
	return c
}

func TestSessionsAreResumed(t *testing.T) {
	for name, config := range keys {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for _, tickets := range []bool{true, false} {
				if !tickets && version == tls.VersionTLS12 {
					continue // Go's client remembers tickets alone
				}
				t.Run(fmt.Sprint(name, tls.VersionName(version), tickets), func(t *testing.T) {
					now := time.Now()
					config.Tickets, config.Now = tickets, func() time.Time { return now }
					s := newServer(t, config)
					cache := tls.NewLRUClientSessionCache(4)
					for i, want := range []bool{false, true, true, false} {
						if i == 3 {
							now = now.Add(6 * time.Minute)
						}
						client, _ := serve(t, s)
						c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, ServerName: "host.example", MaxVersion: version, ClientSessionCache: cache})
						echo(t, c, 100)
						if got := c.ConnectionState().DidResume; got != want {
							t.Errorf("connection %d resumed: %t, want %t", i, got, want)
						}
						_ = c.Close()
					}
				})
			}
		}
	}
}

func TestAnotherServersTicketIsWorthNothing(t *testing.T) {
	cache := tls.NewLRUClientSessionCache(4)
	for range 2 {
		client, _ := serve(t, newServer(t, keys["ecdsa"]))
		c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, ServerName: "host.example", ClientSessionCache: cache})
		echo(t, c, 100)
		if c.ConnectionState().DidResume {
			t.Error("resumed at a server that did not know the session")
		}
		_ = c.Close()
	}
}

func TestAKeyOfAnotherGroupIsAskedFor(t *testing.T) {
	client, wait := serve(t, newServer(t, keys["ecdsa"]))
	// Go offers a key of the first of its groups alone.
	c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.CurveP384}})
	echo(t, c, 100)
	if got := c.ConnectionState(); got.CurveID != tls.CurveP384 || !got.HelloRetryRequest {
		t.Errorf("curve %v, asked again: %t", got.CurveID, got.HelloRetryRequest)
	}
	_ = c.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
}

func TestProtocolsAreNegotiated(t *testing.T) {
	for _, c := range []struct {
		offered []string
		strict  bool
		want    string
		refused bool
	}{
		{[]string{"h2", "http/1.1"}, false, "http/1.1", false},
		{[]string{"h2"}, false, "", false},
		{[]string{"h2"}, true, "", true},
		{nil, true, "", false},
	} {
		config := keys["ecdsa"]
		config.Strict = c.strict
		client, wait := serve(t, newServer(t, config))
		conn := tls.Client(client, &tls.Config{InsecureSkipVerify: true, NextProtos: c.offered})
		err := conn.Handshake()
		if (err != nil) != c.refused || err == nil && conn.ConnectionState().NegotiatedProtocol != c.want {
			t.Errorf("%v: %q, %v", c.offered, conn.ConnectionState().NegotiatedProtocol, err)
		}
		_ = conn.Close()
		var alert tlsface.Alert
		if err := wait(); c.refused && (!errors.As(err, &alert) || alert != 120) {
			t.Errorf("the server's error is %v", err)
		}
	}
}

func TestWhatIsNotSharedIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		config *tls.Config
		change func(*tlsface.Config)
		alert  string
	}{
		{"cipher", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}}, nil, "handshake failure"},
		{"version", &tls.Config{MaxVersion: tls.VersionTLS12}, func(c *tlsface.Config) { c.Min = tlsface.VersionTLS13 }, "protocol version not supported"},
		{"fallback", &tls.Config{MaxVersion: tls.VersionTLS12}, nil, ""},
		{"curve", &tls.Config{MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.X25519}}, nil, "handshake failure"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := keys["ecdsa"]
			if c.change != nil {
				c.change(&config)
			}
			client, _ := serve(t, newServer(t, config))
			c.config.InsecureSkipVerify = true
			err := tls.Client(client, c.config).Handshake()
			if c.alert == "" && err != nil || c.alert != "" && (err == nil || !strings.Contains(err.Error(), c.alert)) {
				t.Errorf("the client was told %v, want %q", err, c.alert)
			}
		})
	}
}

func TestACloseIsSaid(t *testing.T) {
	client, wait := serve(t, newServer(t, keys["ecdsa"]))
	c := tls.Client(client, &tls.Config{InsecureSkipVerify: true})
	echo(t, c, 10)
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("%d bytes, %v: want the server's close_notify", n, err)
	}
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// Records that were changed on their way end the connection, in every mode.
func TestAChangedRecordIsRefused(t *testing.T) {
	for _, suite := range []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, 0} {
		config := tls.Config{InsecureSkipVerify: true}
		if suite != 0 {
			config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{suite}
		}
		client, wait := serve(t, newServer(t, keys["ecdsa"]))
		spoiled := &spoiler{Conn: client}
		c := tls.Client(spoiled, &config)
		echo(t, c, 10)
		spoiled.on = true
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
			t.Errorf("%s: the client was told %v", tls.CipherSuiteName(suite), err)
		}
		var alert tlsface.Alert
		if err := wait(); !errors.As(err, &alert) || alert != 20 {
			t.Errorf("%s: the server's error is %v", tls.CipherSuiteName(suite), err)
		}
	}
}

// spoiler changes the last byte of what goes out once it is on.
type spoiler struct {
	net.Conn
	on bool
}

func (s *spoiler) Write(p []byte) (int, error) {
	if s.on {
		p = slices.Clone(p)
		p[len(p)-1] ^= 1
	}
	return s.Conn.Write(p)
}

func TestConfigurationsWithoutSenseAreRefused(t *testing.T) {
	for name, change := range map[string]func(*tlsface.Config){
		"no certificate": func(c *tlsface.Config) { c.Chain = nil },
		"no key":         func(c *tlsface.Config) { c.Key = nil },
		"no versions":    func(c *tlsface.Config) { c.Min, c.Max = 0, 0 },
		"swapped":        func(c *tlsface.Config) { c.Min, c.Max = c.Max, c.Min },
	} {
		config := keys["ecdsa"]
		change(&config)
		if _, err := tlsface.New(config); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// FuzzAccept has a server read anything: it ends, and never panics.
func FuzzAccept(f *testing.F) {
	f.Add(slices.Concat([]byte{22, 3, 1, 0, 0}, []byte("GET / HTTP/1.0\r\n\r\n")))
	message := hello(f, &tls.Config{ServerName: "a.example", NextProtos: []string{"h2"}})
	f.Add(slices.Concat([]byte{22, 3, 1, byte(len(message) >> 8), byte(len(message))}, message))
	s := newServer(f, keys["ecdsa"])
	f.Fuzz(func(t *testing.T, data []byte) {
		conn := &script{data: data}
		if _, err := s.Accept(t.Context(), conn); err == nil {
			t.Error("a handshake came to its end without a key")
		}
	})
}

// script is a connection with what a client sends.
type script struct {
	net.Conn
	data []byte
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error)   { return len(p), nil }
func (s *script) SetDeadline(_ time.Time) error { return nil }
