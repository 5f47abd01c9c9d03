package tlsface_test

import (
	"crypto/tls"
	"encoding/hex"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/tlsface"
)

// hello is the ClientHello that Go sends with config.
func hello(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		_ = client.SetDeadline(time.Now().Add(5 * time.Second))
		_ = tls.Client(client, config).Handshake() // nobody answers
		_ = client.Close()
	}()
	var data []byte
	buffer := make([]byte, 4096)
	for len(data) < 5 || len(data) < 5+int(data[3])<<8+int(data[4]) {
		n, err := server.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, buffer[:n]...)
	}
	return data[5:]
}

func TestHelloIsReadInItsOrder(t *testing.T) {
	message := hello(t, &tls.Config{ServerName: "www.example.com", NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12})
	h, err := tlsface.ParseHello(message)
	if err != nil {
		t.Fatal(err)
	}
	if h.ServerName != "www.example.com" || h.Version != tls.VersionTLS12 || h.Extensions[0] != 0 {
		t.Errorf("%+v", h)
	}
	if diff := cmp.Diff([]string{"h2", "http/1.1"}, h.ALPN); diff != "" {
		t.Error(diff)
	}
	ja4, raw := h.JA4()
	if !strings.HasPrefix(ja4, "t13d") || !strings.Contains(ja4[:11], "h2_") || strings.Count(ja4, "_") != 2 || len(ja4) != 36 || !strings.HasPrefix(raw, ja4[:10]) {
		t.Errorf("JA4 %s of %s", ja4, raw)
	}
	ja3, raw := h.JA3()
	if len(ja3) != 32 || strings.Count(raw, ",") != 4 || !strings.HasPrefix(raw, "771,") {
		t.Errorf("JA3 %s of %s", ja3, raw)
	}
}

// The example of JA4's own description (github.com/FoxIO-LLC/ja4, technical
// details): the parts that are hashed are given there.
func TestJA4OfItsOwnExample(t *testing.T) {
	h := &tlsface.Hello{
		Version:    0x0303,
		Ciphers:    []uint16{0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035},
		Extensions: []uint16{0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015},
		Versions:   []uint16{0x3a3a, 0x0304, 0x0303}, ALPN: []string{"h2", "http/1.1"},
		Signatures: []uint16{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601},
	}
	if got, _ := h.JA4(); got != "t13d1516h2_8daaf6152771_e5627efa2ab1" {
		t.Errorf("JA4 %s", got)
	}
}

// The example of JA3's own description (github.com/salesforce/ja3).
func TestJA3OfItsOwnExample(t *testing.T) {
	h := &tlsface.Hello{
		Version: 769, Ciphers: []uint16{47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4}, Extensions: []uint16{0, 10, 11}, Groups: []uint16{23, 24, 25}, Points: []uint8{0},
	}
	if got, raw := h.JA3(); got != "ada70206e40642a3e4461f35503241d5" {
		t.Errorf("JA3 %s of %s", got, raw)
	}
}

func TestWhatIsNoHelloIsRefused(t *testing.T) {
	message := hello(t, &tls.Config{InsecureSkipVerify: true})
	for n := range len(message) {
		if _, err := tlsface.ParseHello(message[:n]); err == nil {
			t.Fatalf("%d of %d bytes are taken for a ClientHello", n, len(message))
		}
	}
	message[0] = 2
	if _, err := tlsface.ParseHello(message); err == nil {
		t.Error("a ServerHello is taken for a ClientHello")
	}
}

func FuzzHello(f *testing.F) {
	f.Add(hello(f, &tls.Config{ServerName: "a.example", NextProtos: []string{"h2"}}))
	old, err := hex.DecodeString("0100002f0301" + strings.Repeat("5a", 32) + "00" + "0004002f0035" + "0100")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(old)
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := tlsface.ParseHello(data)
		if err != nil {
			return
		}
		if ja4, _ := h.JA4(); len(ja4) != 36 {
			t.Errorf("JA4 %q", ja4)
		}
		if ja3, _ := h.JA3(); len(ja3) != 32 {
			t.Errorf("JA3 %q", ja3)
		}
	})
}
