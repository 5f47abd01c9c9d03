package transport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/services/ssh/build"
	"github.com/decnet/decnet/providers/decky/services/ssh/transport"
)

// x/crypto's client gets through with every algorithm that it shares with a
// build.
func TestGoClientWithEveryAlgorithm(t *testing.T) {
	known, insecure := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	has := func(a, b []string, name string) bool {
		return strings.Contains(" "+strings.Join(append(a, b...), " ")+" ", " "+name+" ")
	}
	done := map[string]bool{}
	for _, b := range build.All() {
		run := func(kind, name string, client ssh.Config, hostKey []string) {
			if key := kind + name + fmt.Sprint(b.Product); !done[key] {
				done[key] = true
				t.Run(b.Name+"/"+name, func(t *testing.T) { talk(t, config(b.Name), client, hostKey, 40_000) })
			}
		}
		for _, name := range b.KEX {
			if has(known.KeyExchanges, insecure.KeyExchanges, name) {
				run("kex", name, ssh.Config{KeyExchanges: []string{name}}, nil)
			}
		}
		for _, name := range b.Ciphers {
			if has(known.Ciphers, insecure.Ciphers, name) {
				run("cipher", name, ssh.Config{Ciphers: []string{name}, MACs: []string{"hmac-sha1"}}, nil)
			}
		}
		for _, name := range b.MACs {
			if has(known.MACs, insecure.MACs, name) {
				run("mac", name, ssh.Config{Ciphers: []string{"aes128-ctr"}, MACs: []string{name}}, nil)
			}
		}
		for _, name := range b.HostKeys {
			run("key", name, ssh.Config{}, []string{name})
		}
	}
	if len(done) < 30 {
		t.Errorf("only %d algorithms were tried", len(done))
	}
}

// x/crypto asks for new keys, then the server does.
func TestRekey(t *testing.T) {
	talk(t, config("debian-12"), ssh.Config{RekeyThreshold: 20_000}, nil, 300_000)
	c := config("debian-12")
	c.RekeyBytes = 20_000
	talk(t, c, ssh.Config{}, nil, 300_000)
	talk(t, c, ssh.Config{RekeyThreshold: 30_000}, nil, 300_000)
}

func TestKexInitIsPaddedAndAligned(t *testing.T) {
	for _, name := range []string{"debian-12", "dropbear-2022.83"} {
		c, _ := dialRaw(t, name)
		c.identify(rawIdentification)
		lists, padding := c.kexInit(rawLists())
		b := build.Named(name)
		if diff := cmp.Diff(b.KexInit(), lists); diff != "" {
			t.Errorf("%s: lists (-row +sent):\n%s", name, diff)
		}
		if zero := bytes.Count(padding, []byte{0}) == len(padding); zero == b.RandomPadding {
			t.Errorf("%s: padding %x", name, padding)
		}
		if (len(c.theirs)+5+len(padding))%8 != 0 || len(padding) > 11 {
			t.Errorf("%s: %d bytes of padding after %d", name, len(padding), len(c.theirs))
		}
	}
}

func TestExtInfo(t *testing.T) {
	for _, b := range build.All() {
		c, _ := dialRaw(t, b.Name)
		c.connect()
		var want [][2]string
		for _, e := range b.Extensions {
			want = append(want, [2]string{e.Name, e.Value})
		}
		if diff := cmp.Diff(want, c.extensions()); diff != "" {
			t.Errorf("%s (-row +sent):\n%s", b.Name, diff)
		}
	}
	c, _ := dialRaw(t, "debian-12")
	c.identify(rawIdentification)
	lists := rawLists()
	lists[0] = "curve25519-sha256" // who does not ask hears nothing
	c.kexInit(lists)
	c.exchange()
	if got := c.rest(100 * time.Millisecond); !cmp.Equal(got, []string{"open"}) {
		t.Errorf("without ext-info-c: %q", got)
	}
}

// What sshd 9.2 answers, and how it ends, without needing an sshd.
func TestAnswers(t *testing.T) {
	id := []byte(rawIdentification + "\r\n")
	k := func(list string) []byte {
		l := rawLists()
		l[0] = list
		return (&raw{}).pack(kexInitPacket(l, 0))
	}
	p := func(b ...byte) []byte { return (&raw{}).pack(b) }
	plain, strict := "curve25519-sha256", "curve25519-sha256,kex-strict-c-v00@openssh.com"
	for _, c := range []struct {
		name, build string
		send        []byte
		want        string // after the identification, packets by number
	}{
		{"wrong line", "debian-12", []byte("SSH-1337-x\r\n"), "Invalid SSH identification string.\r\n fin"},
		{"other major", "debian-12", []byte("SSH-1.5-x\r\n"), "Protocol major versions differ.\r\n fin"},
		{"HTTP", "debian-12", []byte("GET / HTTP/1.0\r\n\r\n"), "Invalid SSH identification string.\r\n rst"},
		{"many lines", "debian-12", []byte(strings.Repeat("\n", 8)), "Invalid SSH identification string.\r\n rst"},
		{"CR inside", "debian-12", []byte("SSH-2.0-a\rb\n"), "Invalid SSH identification string.\r\n rst"},
		{"endless line", "debian-12", []byte("SSH-2.0-" + strings.Repeat("A", 9000)), "Invalid SSH identification string.\r\n rst"},
		{"scanner", "debian-12", []byte("SSH-2.0-Probe-1\r\n"), "fin"},
		{"7.4 wrong line", "centos-7", []byte("GET / HTTP/1.0\r\n"), "Protocol mismatch.\n fin"},
		{"7.4 other major", "centos-7", []byte("SSH-1.5-x\r\n"), "Protocol major versions differ.\n fin"},
		{"7.4 long line", "centos-7", []byte("SSH-2.0-" + strings.Repeat("A", 300)), "20 fin"},
		{"dropbear wrong line", "dropbear-2022.83", []byte("SSH-1.5-x\r\n"), "20 fin"},
		{"dropbear garbage", "dropbear-2022.83", append(bytes.Clone(id), strings.Repeat("A", 100)...), "20 rst"},
		{"dropbear twice", "dropbear-2022.83", cat(id, k(plain), k(plain)), "20 fin"},
		{"dropbear service", "dropbear-2022.83", cat(id, k(plain), p(5)), "20 fin"},
		{"dropbear tail", "dropbear-2022.83", cat(id, (&raw{}).pack(append(kexInitPacket(rawLists(), 0), 'x'))), "20 open"},
		{"dropbear empty name", "dropbear-2022.83", cat(id, k(","+plain)), "20 open"},
		{"empty name", "debian-12", cat(id, k(","+plain)), "20 fin"},
		{"dropbear names", "dropbear-2022.83", cat(id, k(strings.Repeat("a,", 50)+plain)), "20 fin"},
		{"tail", "debian-12", cat(id, (&raw{}).pack(append(kexInitPacket(rawLists(), 0), 'x'))), "20 fin"},
		{"names", "debian-12", cat(id, k(strings.Repeat("a,", 500)+plain)), "20 open"},
		{"garbage", "debian-12", append(bytes.Clone(id), strings.Repeat("A", 100)...), "20 fin"},
		{"much garbage", "debian-12", append(bytes.Clone(id), strings.Repeat("A", 9000)...), "20 rst"},
		{"number 0", "debian-12", cat(id, p(0)), `20 1 Invalid ssh2 packet type: 0 fin`},
		{"number 192", "debian-12", cat(id, p(192)), `20 1 Invalid ssh2 packet type: 192 fin`},
		{"number 192 since 9.5", "alpine-3.19", cat(id, p(192, 0, 0, 0, 1, 'x')), "20 open"}, // its answer waits for the keys
		{"number 49", "debian-12", cat(id, p(49)), "20 3 open"},
		{"number 50", "debian-12", cat(id, p(50)), "20 fin"},
		{"ignored", "debian-12", cat(id, p(2)), "20 open"},
		{"no common method", "debian-12", cat(id, k("nope")), "20 fin"},
		{"strict after IGNORE", "debian-12", cat(id, p(2), k(strict)), "20 1 strict KEX violation: KEXINIT was not the first packet fin"},
		{"strict, then IGNORE", "debian-12", cat(id, k(strict), p(2)), "20 1 strict KEX violation: unexpected packet type 2 (seqnr 1) fin"},
		{"before strict there was", "debian-12", cat(id, k(plain), p(2)), "20 open"},
		{"left in words", "debian-12", cat(id, p(1, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0)), "20 fin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, _ := dialRaw(t, c.build)
			r.send(c.send)
			if _, err := r.r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			_ = r.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			var got []string
			if next, err := r.r.Peek(1); err == nil && next[0] != 0 {
				line, _ := r.r.ReadString('\n')
				got = append(got, line)
			}
			if got = append(got, names(r.rest(300*time.Millisecond))...); strings.Join(got, " ") != c.want {
				t.Errorf("%q, want %q", strings.Join(got, " "), c.want)
			}
		})
	}
}

// names are the numbers of packets, with the words of DISCONNECT.
func names(packets []string) (out []string) {
	for _, p := range packets {
		name, body, _ := strings.Cut(p, " ")
		if name == "1" {
			body = strings.Trim(body, `"`)
			body = strings.TrimPrefix(body, `\x00\x00\x00\x02\x00\x00\x00`)
			name += " " + strings.TrimSuffix(body[strings.IndexAny(body, "Is"):], `\x00\x00\x00\x00`)
		}
		out = append(out, name)
	}
	return out
}

// The first wrong guess is dropped, whatever it says.
func TestWrongGuessIsSkipped(t *testing.T) {
	c, _ := dialRaw(t, "debian-12")
	c.identify(rawIdentification)
	c.mine = kexInitPacket(rawLists(), 1)
	c.send(c.pack(c.mine))
	c.theirs = c.read()
	c.write([]byte{30, 'x'})
	c.exchange()
	if list := c.extensions(); len(list) != 2 {
		t.Errorf("extensions %v", list)
	}
}

func TestPing(t *testing.T) {
	c, _ := dialRaw(t, "alpine-3.19")
	c.connect()
	c.extensions()
	c.write(cat([]byte{192}, str("hello")))
	if p := c.read(); string(p) != "\xc1\x00\x00\x00\x05hello" {
		t.Errorf("answer %q", p)
	}
}

// Since 9.6 a client may ask for EXT_INFO once more.
func TestExtInfoAgain(t *testing.T) {
	near, far := pipe(t)
	go func() {
		server, err := transport.Server(context.Background(), far, config("alpine-3.19"))
		if err != nil {
			t.Error(err)
			return
		}
		for {
			p, err := server.ReadPacket()
			if err != nil {
				return
			}
			if p[0] == 50 {
				if err := server.RepeatExtInfo(); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	c := newRaw(t, near)
	c.connect()
	c.extensions()
	c.write([]byte{50})
	if got := c.rest(100 * time.Millisecond); !cmp.Equal(got, []string{"open"}) {
		t.Errorf("unasked: %q", got)
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	c.write(cat([]byte{7}, u32(1), str("ext-info-in-auth@openssh.com"), str("0")))
	c.write([]byte{50})
	if list := c.extensions(); len(list) != 1 || list[0][0] != "server-sig-algs" {
		t.Errorf("extensions %v", list)
	}
}

func TestStrictExchangeRestartsNumbers(t *testing.T) {
	c, _ := dialRaw(t, "debian-12")
	c.identify(rawIdentification)
	lists := rawLists()
	lists[0] += ",kex-strict-c-v00@openssh.com"
	c.kexInit(lists)
	c.exchange()
	c.extensions() // its MAC is over number 0
	c.write(cat([]byte{5}, str("ssh-userauth")))
	if p := c.read(); p[0] != 6 {
		t.Errorf("message %d", p[0])
	}
}

func TestObservers(t *testing.T) {
	type heard struct {
		line     string
		accepted bool
		kex      string
	}
	play := func(send []byte, refuse error) (h heard, err error) {
		near, far := pipe(t)
		c := config("debian-12")
		c.Identified = func(line []byte, accepted bool) error { h.line, h.accepted = string(line), accepted; return nil }
		c.Offered = func(client transport.Client) error { h.kex = client.Lists[0]; return refuse }
		done := serve(t, far, c)
		if _, err := near.Write(send); err != nil {
			t.Fatal(err)
		}
		_ = near.(*net.TCPConn).CloseWrite()
		return h, <-done
	}
	id := []byte("SSH-2.0-me\r\n")
	k := (&raw{}).pack(kexInitPacket(rawLists(), 0))
	if h, _ := play([]byte("GET /\r\n\r\n"), nil); h != (heard{line: "GET /"}) {
		t.Errorf("HTTP: %+v", h)
	}
	if h, _ := play([]byte("SSH-2.0-half"), nil); h != (heard{line: "SSH-2.0-half"}) {
		t.Errorf("half a line: %+v", h)
	}
	if h, _ := play(cat(id, k), nil); h != (heard{"SSH-2.0-me", true, rawLists()[0]}) {
		t.Errorf("KEXINIT: %+v", h)
	}
	refused := errors.New("no room")
	if _, err := play(cat(id, k), refused); !errors.Is(err, refused) {
		t.Errorf("a record that could not be kept: %v", err)
	}
}

func TestClientTellsWhoItIs(t *testing.T) {
	near, far := pipe(t)
	got := make(chan transport.Client, 1)
	go func() {
		c, err := transport.Server(context.Background(), far, config("debian-12"))
		if err != nil {
			t.Error(err)
			close(got)
			return
		}
		got <- c.Client()
		_ = c.Disconnect(11, "that will do")
	}()
	c := newRaw(t, near)
	c.connect()
	c.extensions()
	client := <-got
	want := transport.Algorithms{
		KEX: "curve25519-sha256", HostKey: "ssh-ed25519", CipherIn: "aes128-ctr", CipherOut: "aes128-ctr", MACIn: "hmac-sha2-256", MACOut: "hmac-sha2-256",
		CompressionIn: "none", CompressionOut: "none",
	}
	if diff := cmp.Diff(want, client.Chosen); diff != "" || client.Identification != rawIdentification || client.Lists != rawLists() {
		t.Errorf("%+v\n%s", client, diff)
	}
	// echo -n 'curve25519-sha256,ext-info-c;aes128-ctr;hmac-sha2-256;none' | md5sum
	if sum, lists := client.HASSH(); sum != "cafb69eb1dbb2a4a505b5b25342a4940" || lists != "curve25519-sha256,ext-info-c;aes128-ctr;hmac-sha2-256;none" {
		t.Errorf("HASSH %s of %q", sum, lists)
	}
	if got := c.rest(time.Second); !cmp.Equal(got, []string{`1 "\x00\x00\x00\v\x00\x00\x00\fthat will do\x00\x00\x00\x00"`, "fin"}) {
		t.Errorf("disconnect: %q", got)
	}
}

func TestServerStopsWithItsContext(t *testing.T) {
	_, far := pipe(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := transport.Server(ctx, far, config("debian-12"))
		done <- err
	}()
	cancel()
	select {
	case err := <-done:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(5 * time.Second):
		t.Error("the server waits on")
	}
}
