//go:build live

package tlsface_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/tlsface"
)

// nginx starts Debian's nginx on loopback with a certificate and key and TLS as
// its nginx.conf has it.
func nginx(t *testing.T, config tlsface.Config) string {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal("nginx is missing: apt-get install nginx-light")
	}
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(config.Key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	temporary := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += fmt.Sprintf("%s_temp_path %s;\n", kind, dir)
	}
	for name, data := range map[string][]byte{
		"chain.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: config.Chain[0]}),
		"key.pem":   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"nginx.conf": fmt.Appendf(nil, `daemon off; user root; worker_processes 1; pid %[1]s/pid; events { worker_connections 768; }
http { access_log off; ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on; %[3]s
server { listen %[2]s ssl; server_name _; ssl_certificate %[1]s/chain.pem; ssl_certificate_key %[1]s/key.pem; root %[1]s; } }`, dir, address, temporary),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), binary, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log"))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // ended by the test's context
	for range 100 {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return address
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("nginx does not listen")
	return ""
}

// ours listens on loopback with a server of ours.
func ours(t *testing.T, config tlsface.Config) string {
	t.Helper()
	s := newServer(t, config)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
				if inside, err := s.Accept(context.Background(), conn); err == nil {
					_, _ = io.Copy(inside, inside)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// greeting is a ClientHello to be put together.
type greeting struct {
	version    uint16
	ciphers    []uint16
	extensions []uint16
	versions   []uint16
	groups     []uint16
	shares     []uint16
	signatures []uint16
	alpn       []string
	session    int
}

func (g greeting) bytes() []byte {
	r := mathrand.New(mathrand.NewSource(7))
	random := make([]byte, 32)
	_, _ = r.Read(random)
	body := append(binary.BigEndian.AppendUint16(nil, g.version), random...)
	body = append(append(body, byte(g.session)), bytes.Repeat([]byte{9}, g.session)...)
	body = sized(body, 2, numbers(g.ciphers))
	body = append(body, 1, 0)
	var all []byte
	for _, kind := range g.extensions {
		all = sized(binary.BigEndian.AppendUint16(all, kind), 2, g.extension(kind))
	}
	if len(g.extensions) > 0 {
		body = sized(body, 2, all)
	}
	message := sized([]byte{1}, 3, body)
	return sized([]byte{22, 3, 1}, 2, message)
}

func (g greeting) extension(kind uint16) []byte {
	switch kind {
	case 0:
		return sized(nil, 2, sized([]byte{0}, 2, []byte("host.example")))
	case 5:
		return []byte{1, 0, 0, 0, 0}
	case 10:
		return sized(nil, 2, numbers(g.groups))
	case 11:
		return []byte{1, 0}
	case 13:
		return sized(nil, 2, numbers(g.signatures))
	case 16:
		var list []byte
		for _, one := range g.alpn {
			list = sized(list, 1, []byte(one))
		}
		return sized(nil, 2, list)
	case 43:
		return sized(nil, 1, numbers(g.versions))
	case 45:
		return []byte{1, 1}
	case 51:
		var list []byte
		for _, group := range g.shares {
			// The generator of X25519 and a point of P-256 are public keys like others.
			key := append([]byte{9}, make([]byte, 31)...)
			if group == 23 {
				key = p256
			}
			list = sized(binary.BigEndian.AppendUint16(list, group), 2, key)
		}
		return sized(nil, 2, list)
	case 0xff01:
		return []byte{0}
	}
	return nil
}

func numbers(list []uint16) []byte {
	var out []byte
	for _, v := range list {
		out = binary.BigEndian.AppendUint16(out, v)
	}
	return out
}

// sized appends data after its length in so many bytes.
func sized(dst []byte, width int, data []byte) []byte {
	for i := width - 1; i >= 0; i-- {
		dst = append(dst, byte(len(data)>>(8*i)))
	}
	return append(dst, data...)
}

// flight is what a server answers, described without what is random.
func flight(t *testing.T, address string, hello []byte) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(hello); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for sealed := 0; sealed < 4; {
		head := make([]byte, 5)
		if _, err := io.ReadFull(conn, head); err != nil {
			fmt.Fprintf(&b, "end: %t\n", errors.Is(err, io.EOF))
			return b.String()
		}
		data := make([]byte, int(head[3])<<8|int(head[4]))
		if _, err := io.ReadFull(conn, data); err != nil {
			t.Fatal(err)
		}
		switch head[0] {
		case 23:
			sealed++
			size := len(data)
			if sealed == 3 && size < 110 {
				size = 97 // an ECDSA signature has 70 to 72 bytes
			}
			fmt.Fprintf(&b, "sealed %d %x\n", size, head[1:3])
			continue
		case 22:
			fmt.Fprintf(&b, "record %x: ", head[1:3])
			message(&b, data)
			if data[0] == 14 || data[0] == 2 && retried(data) {
				return b.String()
			}
		default:
			fmt.Fprintf(&b, "type %d %x: %x\n", head[0], head[1:3], data)
		}
	}
	return b.String()
}

func retried(data []byte) bool {
	return bytes.HasPrefix(data[6:], []byte{0xcf, 0x21, 0xad, 0x74})
}

func message(b *strings.Builder, data []byte) {
	switch data[0] {
	case 2:
		session := int(data[38])
		fmt.Fprintf(b, "ServerHello %x retry=%t session=%d ", data[4:6], retried(data), session)
		if bytes.HasPrefix(data[30:38], []byte("DOWNGRD")) {
			fmt.Fprintf(b, "downgrade=%d ", data[37])
		}
		rest := data[39+session:]
		fmt.Fprintf(b, "cipher=%x compression=%d", rest[:2], rest[2])
		if rest = rest[3:]; len(rest) > 2 {
			for rest = rest[2:]; len(rest) >= 4; {
				size := int(rest[2])<<8 | int(rest[3])
				value := rest[4 : 4+size]
				if rest[1] == 51 && size > 4 {
					value = value[:4]
				}
				fmt.Fprintf(b, " %x=%x", rest[:2], value)
				rest = rest[4+size:]
			}
		}
		b.WriteByte('\n')
	case 12:
		fmt.Fprintf(b, "ServerKeyExchange %x", data[4:8])
		at := 8 + int(data[7])
		fmt.Fprintf(b, " scheme=%x\n", data[at:at+2])
	default:
		fmt.Fprintf(b, "message %d of %d\n", data[0], len(data))
	}
}

var p256 = func() []byte { // its generator
	x := []byte("\x04\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96")
	return append(x, []byte("\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5")...)
}()

// jarmCiphers are the ciphers that JARM offers (github.com/salesforce/jarm, BSD;
// facts).
var jarmCiphers = []uint16{
	0x0016, 0x0033, 0x0067, 0xc09e, 0xc0a2, 0x009e, 0x0039, 0x006b, 0xc09f, 0xc0a3, 0x009f, 0x0045, 0x00be, 0x0088, 0x00c4, 0x009a, 0xc008, 0xc009, 0xc023, 0xc0ac, 0xc0ae, 0xc02b, 0xc00a,
	0xc024, 0xc0ad, 0xc0af, 0xc02c, 0xc072, 0xc073, 0xcca9, 0x1302, 0x1301, 0xcc14, 0xc007, 0xc012, 0xc013, 0xc027, 0xc02f, 0xc014, 0xc028, 0xc030, 0xc060, 0xc061, 0xc076, 0xc077, 0xcca8,
	0x1305, 0x1304, 0x1303, 0xcc13, 0xc011, 0x000a, 0x002f, 0x003c, 0xc09c, 0xc0a0, 0x009c, 0x0035, 0x003d, 0xc09d, 0xc0a1, 0x009d, 0x0041, 0x00ba, 0x0084, 0x00c0, 0x0007, 0x0004, 0x0005,
}

// greetings are those of JARM in kind, then each of its ciphers alone, then
// random ones.
func greetings() []greeting {
	plain := greeting{
		version: 0x0303, ciphers: jarmCiphers, extensions: []uint16{0, 23, 0xff01, 10, 11, 35, 16, 13, 51, 45}, session: 32,
		groups: []uint16{29, 23, 24, 25}, signatures: []uint16{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201},
		alpn: []string{"h2", "http/1.1"}, shares: []uint16{29}, versions: []uint16{0x0304, 0x0303, 0x0302, 0x0301},
	}
	backwards := slices.Clone(jarmCiphers)
	slices.Reverse(backwards)
	var all []greeting
	for _, ciphers := range [][]uint16{jarmCiphers, backwards, jarmCiphers[:34], jarmCiphers[34:], jarmCiphers[20:50]} {
		for _, modern := range []bool{false, true} {
			g := plain
			g.ciphers = ciphers
			if modern {
				g.extensions = append(slices.Clone(g.extensions), 43)
			}
			all = append(all, g)
		}
	}
	for _, one := range jarmCiphers {
		g := plain
		g.ciphers = []uint16{one}
		if one>>8 == 0x13 {
			g.extensions = append(slices.Clone(g.extensions), 43)
		}
		all = append(all, g)
	}
	for _, version := range []uint16{0x0300, 0x0301, 0x0302, 0x0304} {
		g := plain
		g.version = version
		all = append(all, g)
	}
	r := mathrand.New(mathrand.NewSource(11))
	pick := func(from []uint16) []uint16 {
		out := slices.Clone(from)
		r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		return out[:1+r.Intn(len(out))]
	}
	for range 150 {
		g := plain
		g.ciphers = append(pick(jarmCiphers), 0xc02c)
		g.groups = append(pick([]uint16{29, 23, 30, 24, 25, 0x0a0a, 22}), 23)
		g.shares = []uint16{[]uint16{29, 23}[r.Intn(2)]}
		g.groups = slices.Compact(append(g.groups, g.shares...))
		g.signatures = append(pick([]uint16{0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0401, 0x0303, 0x0203, 0x0807}), 0x0403, 0x0401, 0x0804)
		g.extensions = append(pick([]uint16{0, 23, 0xff01, 11, 35, 16, 22, 18, 5}), 10, 13)
		g.session = []int{0, 32, 16}[r.Intn(3)]
		if r.Intn(2) == 0 {
			g.extensions = append(g.extensions, 43, 51, 45)
		}
		all = append(all, g)
	}
	return all
}

// The first flight is nginx's for every greeting: what JARM and JA3S see.
func TestTheFirstFlightIsNginxs(t *testing.T) {
	for name, config := range keys {
		t.Run(name, func(t *testing.T) {
			config.Min, config.Protocols = tlsface.VersionTLS12, []string{"http/1.1", "http/1.0", "http/0.9"}
			real, fake := nginx(t, config), ours(t, config)
			alike := 0
			all := greetings()
			for i, g := range all {
				want, got := flight(t, real, g.bytes()), flight(t, fake, g.bytes())
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("greeting %d %+v (-nginx +ours):\n%s", i, g, diff)
					continue
				}
				alike++
			}
			t.Logf("%d of %d greetings are answered alike", alike, len(all))
		})
	}
}
