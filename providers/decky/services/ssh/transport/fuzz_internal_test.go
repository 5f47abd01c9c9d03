package transport

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/build"
)

// script is a connection whose client says its lines and leaves.
type script struct {
	in  bytes.Reader
	out bytes.Buffer
}

func (s *script) Read(b []byte) (int, error)       { return s.in.Read(b) }
func (s *script) Write(b []byte) (int, error)      { return s.out.Write(b) }
func (*script) Close() error                       { return nil }
func (*script) LocalAddr() net.Addr                { return nil }
func (*script) RemoteAddr() net.Addr               { return nil }
func (*script) SetDeadline(time.Time) error        { return nil }
func (*script) SetReadDeadline(time.Time) error    { return nil }
func (*script) SetWriteDeadline(t time.Time) error { return nil }

var fuzzKeys = func() Keys {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return Keys{{Type: "ssh-ed25519", Signer: func() (crypto.Signer, error) { return key, nil }}}
}()

// play runs a server over bytes.
func play(t *testing.T, name string, b []byte) (*script, error) {
	s := &script{}
	s.in.Reset(b)
	c, err := Server(t.Context(), s, Config{Build: build.Named(name), Keys: fuzzKeys})
	if err == nil {
		_, err = c.ReadPacket()
	}
	if err == nil {
		t.Fatal("a script without keys got through")
	}
	var end *EndError
	if !errors.As(err, &end) && !errors.Is(err, io.ErrNoProgress) {
		t.Fatalf("the end is no EndError: %v", err)
	}
	return s, err
}

// clear is a packet without keys.
func clearPacket(payload []byte) []byte {
	c := &Conn{config: &Config{Build: build.Named("debian-12")}}
	c.out.cipher = plain{}
	c.seal(payload)
	return c.pending
}

func sampleKexInit(kex string) []byte {
	b := append([]byte{msgKexInit}, make([]byte, 16)...)
	for _, l := range []string{kex, "ssh-ed25519", "aes128-ctr", "aes128-ctr", "hmac-sha2-256", "hmac-sha2-256", "none", "none", "", ""} {
		b = appendString(b, l)
	}
	return append(b, 0, 0, 0, 0, 0)
}

func FuzzIdentification(f *testing.F) {
	for _, line := range []string{"SSH-2.0-x\r\n", "SSH-1.99-OpenSSH_6.6\n", "SSH- +2.-0-\x00\n", "\n\n\n", "GET / HTTP/1.0\r\n\r\n", strings.Repeat("A", 300)} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range []string{"debian-12", "centos-7", "dropbear-2022.83"} {
			s, _ := play(t, name, b)
			row := build.Named(name)
			if out := s.out.String(); !strings.HasPrefix(out, row.Identification+row.LineEnd) {
				t.Errorf("%s says %q first", name, out)
			}
		}
	})
}

func FuzzPackets(f *testing.F) {
	f.Add(clearPacket([]byte{msgIgnore}))
	f.Add(append(clearPacket(sampleKexInit("curve25519-sha256")), clearPacket(appendString([]byte{msgKexECDHInit}, make([]byte, 32)))...))
	f.Add([]byte{0, 4, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		play(t, "debian-12", append([]byte("SSH-2.0-f\r\n"), b...))
	})
}

func FuzzKexInit(f *testing.F) {
	f.Add(sampleKexInit("curve25519-sha256,ext-info-c"), []byte{1})
	f.Add(sampleKexInit("diffie-hellman-group-exchange-sha256"), []byte{34, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 8, 0})
	f.Add(sampleKexInit("kex-strict-c-v00@openssh.com,curve25519-sha256"), []byte{2})
	f.Fuzz(func(t *testing.T, init, next []byte) {
		if len(init) > 100_000 || len(next) > 100_000 {
			return
		}
		b := append([]byte("SSH-2.0-f\r\n"), clearPacket(append([]byte{msgKexInit}, init...))...)
		play(t, "kali", append(b, clearPacket(append(next, 0))...))
		if lists, _, err := parseKexInit(init); err == nil {
			agree(lists, build.Named("centos-7").KexInit())
		}
	})
}

// FuzzKexMessages gives every method whatever there is.
func FuzzKexMessages(f *testing.F) {
	f.Add(make([]byte, 32))
	f.Add(append([]byte{4}, make([]byte, 64)...))
	f.Add(make([]byte, 1190))
	f.Add(bytes.Repeat([]byte{0x7f}, 256))
	f.Fuzz(func(t *testing.T, public []byte) {
		for name, info := range methods {
			if strings.Contains(name, "group16") || strings.Contains(name, "group18") {
				continue // slow, and no other than group14
			}
			server, secret, err := info.new().respond(rand.Reader, public)
			if (err == nil) != (len(server) > 4 && len(secret) > 4) {
				t.Errorf("%s: %d and %d bytes, %v", name, len(server), len(secret), err)
			}
		}
	})
}

// FuzzKeyed flips packets under keys.
func FuzzKeyed(f *testing.F) {
	f.Add([]byte("a message of some length, longer than two blocks"), 3, byte(1))
	f.Fuzz(func(t *testing.T, payload []byte, at int, flip byte) {
		if len(payload) == 0 || len(payload) > 10_000 {
			return
		}
		for name, info := range cipherTable {
			for macName, mi := range macTable {
				if info.aead && macName != "hmac-sha1" {
					continue
				}
				keys := make([]byte, 64)
				make := func(sealing bool) packetCipher {
					p, err := info.new(keys[:info.key], keys[:info.iv], mi.new(keys[:mi.key]), mi.etm, sealing)
					if err != nil {
						t.Fatal(err)
					}
					return p
				}
				c := &Conn{config: &Config{Build: build.Named("debian-12")}}
				c.out.cipher = make(true)
				c.seal(payload)
				b := bytes.Clone(c.pending)
				if flip != 0 {
					b[uint(at)%uint(len(b))] ^= flip
				}
				s := &script{}
				s.in.Reset(b)
				r := &Conn{conn: s, config: c.config}
				r.in.cipher, r.out.cipher = make(false), plain{}
				got, err := r.readPacket()
				switch {
				case flip == 0 && (err != nil || !bytes.Equal(got, payload)):
					t.Fatalf("%s %s: %v", name, macName, err)
				case flip != 0 && err == nil:
					t.Fatalf("%s %s: a changed packet is taken", name, macName)
				}
			}
		}
	})
}
