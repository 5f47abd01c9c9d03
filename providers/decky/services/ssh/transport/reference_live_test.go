//go:build live

package transport_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sshd starts Debian's server on loopback with an ed25519, an ecdsa and an rsa
// key and tells its address.
func sshd(t *testing.T) (address string) {
	t.Helper()
	program, keygen := judge(t, "sshd", "openssh-server"), judge(t, "ssh-keygen", "openssh-client")
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(address)
	lines := []string{"ListenAddress 127.0.0.1", "Port " + port, "PidFile none", "UsePAM no", "KbdInteractiveAuthentication no", "MaxStartups 1000"}
	for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
		file := filepath.Join(dir, kind)
		if out, err := exec.Command(keygen, "-q", "-t", kind, "-N", "", "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
		lines = append(lines, "HostKey "+file)
	}
	file := filepath.Join(dir, "sshd_config")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "-D", "-f", file, "-E", filepath.Join(dir, "log"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	for range 100 {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return address
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("sshd does not listen")
	return ""
}

func packet(payload []byte) []byte { return (&raw{}).pack(payload) }

// clearProbes are what a client sends before there are keys, one write each.
func clearProbes() map[string][]byte {
	id := []byte(rawIdentification + "\r\n")
	list := func(i int, v string) []byte {
		l := rawLists()
		l[i] = v
		return packet(kexInitPacket(l, 0))
	}
	k := packet(kexInitPacket(rawLists(), 0))
	point := make([]byte, 32)
	point[0] = 9
	ec := packet(cat([]byte{30}, str(point)))
	gex := list(0, "diffie-hellman-group-exchange-sha256")
	strict := list(0, "curve25519-sha256,kex-strict-c-v00@openssh.com")
	probes := map[string][]byte{}
	for _, line := range []string{
		"SSH-1337-x\r\n", "SSH-1.5-x\r\n", "SSH-9.9-x\r\n", strings.Repeat("\n", 8), "GET / HTTP/1.0\r\n\r\n", strings.Repeat("\x00", 20), "\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + strings.Repeat("r", 180),
		strings.Repeat("A", 300), strings.Repeat("A", 300) + "\n", strings.Repeat("A", 9000), "SSH-2.0-" + strings.Repeat("A", 8184) + "\r\n", "SSH-2.0-" + strings.Repeat("A", 8185) + "\r\n",
		"SSH-2.0-x\n", "SSH-2.0-x\ry\n", "SSH-2.0-\r\n", "SSH-1.99-x\r\n", "SSH-1.98-x\r\n", "ssh-2.0-x\r\n", "SSH-\r\n", "SSH-2-x\r\n", "SSH- 2. 0-x\r\n", "SSH-+2.+0-x\r\n",
		"SSH-2.0-Probe-x\r\n", "SSH-2.0-aSSH_Version_Mapperb\r\n", "SSH-4294967298.0-x\r\n", "SSH-99999999999999999999.0-x\r\n", "SSH-2.0-x\r\r\n", "SSH-2.0-x",
	} {
		probes[fmt.Sprintf("line %.20q %d", line, len(line))] = []byte(line)
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "garbage": []byte(strings.Repeat("A", 100)), "much garbage": []byte(strings.Repeat("A", 9000)), "zeros": make([]byte, 100),
		"KEXINIT": k, "half a KEXINIT": k[:50], "cut KEXINIT": packet(kexInitPacket(rawLists(), 0)[:100]), "long KEXINIT": packet(append(kexInitPacket(rawLists(), 0), 'x')),
		"length 0": make([]byte, 24), "length 4": cat(u32(4), make([]byte, 20)), "length 262148": cat(u32(262148), make([]byte, 20)), "length 262145": cat(u32(262145), make([]byte, 20)),
		"empty": cat(u32(12), []byte{11}, make([]byte, 11)), "padding 200": cat(u32(12), []byte{200, 2}, make([]byte, 10)), "padding 3": cat(u32(12), []byte{3, 2}, make([]byte, 10)),
		"type 0": packet([]byte{0}), "type 5": packet(cat([]byte{5}, str("ssh-userauth"))), "type 7": packet([]byte{7, 0, 0, 0, 0}), "type 21": packet([]byte{21}), "type 49": packet([]byte{49}),
		"type 50": packet([]byte{50}), "type 191": packet([]byte{191}), "type 192": packet([]byte{192}), "type 255": packet([]byte{255}),
		"IGNORE": cat(packet([]byte{2}), k), "DEBUG": cat(packet(cat([]byte{4, 1}, str("a"), str(""))), k), "cut DEBUG": cat(packet([]byte{4}), k), "UNIMPLEMENTED": cat(packet([]byte{3, 0, 0, 0, 0}), k),
		"cut UNIMPLEMENTED": cat(packet([]byte{3}), k), "DISCONNECT": packet(cat([]byte{1, 0, 0, 0, 11}, str("a"), str(""))), "cut DISCONNECT": packet([]byte{1}),
		"KEXINIT twice": cat(k, k), "NEWKEYS too early": cat(k, packet([]byte{21})), "50 too early": cat(k, packet([]byte{50})), "short point": cat(k, packet(cat([]byte{30}, str(make([]byte, 31))))),
		"zero point": cat(k, packet(cat([]byte{30}, str(make([]byte, 32))))), "long ECDH": cat(k, packet(cat([]byte{30}, str(point), []byte{'x'}))),
		"no KEX": list(0, "nope"), "no host key": list(1, "ssh-dss"), "no cipher": list(2, "nope"), "no MAC": list(5, "nope"), "no compression": list(6, "zlib"), "comma first": list(0, ",curve25519-sha256"),
		"NUL in a list": list(0, "a\x00b,curve25519-sha256"), "NUL after a list": list(0, "curve25519-sha256\x00"), "many names": list(0, strings.Repeat("a,", 20000)+"curve25519-sha256"),
		"wrong guess": cat(packet(kexInitPacket(rawLists(), 1)), packet([]byte{30, 1}), packet(cat([]byte{30}, str(make([]byte, 31))))),
		"strict":      strict, "strict IGNORE": cat(strict, packet([]byte{2})), "IGNORE strict": cat(packet([]byte{2}), strict), "strict twice": cat(strict, strict), "strict 50": cat(strict, packet([]byte{50})),
		"strict 49": cat(strict, packet([]byte{49})), "strict IGNORE after ECDH": cat(strict, packet(cat([]byte{30}, str(make([]byte, 31))))),
		"GEX small": cat(gex, packet(cat([]byte{34}, u32(512), u32(1024), u32(1024)))), "GEX turned": cat(gex, packet(cat([]byte{34}, u32(4096), u32(2048), u32(8192)))),
		"GEX old": cat(gex, packet(cat([]byte{30}, u32(2048)))), "GEX long": cat(gex, packet(cat([]byte{34}, u32(2048), u32(2048), u32(2048), []byte{0}))), "GEX gets ECDH": cat(gex, ec),
		"group14 one": cat(list(0, "diffie-hellman-group14-sha256"), packet(cat([]byte{30}, str([]byte{1})))), "group14 three bits": cat(list(0, "diffie-hellman-group14-sha256"), packet(cat([]byte{30}, str([]byte{7})))),
		"group14 negative": cat(list(0, "diffie-hellman-group14-sha256"), packet(cat([]byte{30}, str([]byte{0xff})))), "group14 huge": cat(list(0, "diffie-hellman-group14-sha256"), packet(cat([]byte{30}, str(make([]byte, 3000))))),
		"p256 off the curve": cat(list(0, "ecdh-sha2-nistp256"), packet(cat([]byte{30}, str(append([]byte{4}, make([]byte, 64)...))))), "sntrup short": cat(list(0, "sntrup761x25519-sha512"), packet(cat([]byte{30}, str(make([]byte, 100))))),
	} {
		probes["then "+name] = cat(id, b)
	}
	for _, software := range []string{"OpenSSH_6.6", "OpenSSH_6.6.1p1", "PuTTY_Release_0.60", "WinSCP_release_5.1", "WinSCP_release_5.17", "Sun_SSH_1.0.1"} {
		probes["as "+software] = cat([]byte("SSH-2.0-"+software+"\r\n"), k)
	}
	return probes
}

// reply is all that a server answers to bytes, cookies aside.
func reply(t *testing.T, address string, b []byte, half bool) []string {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer conn.Close()
	c := newRaw(t, conn)
	c.send(b)
	if half {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	if err := conn.SetReadDeadline(time.Now().Add(900 * time.Millisecond)); err != nil {
		t.Error(err)
	}
	line, err := c.r.ReadString('\n')
	out := []string{line}
	if err != nil {
		return append(out, err.Error())
	}
	if next, err := c.r.Peek(1); err == nil && next[0] != 0 { // a text instead of a packet
		line, _ := c.r.ReadString('\n')
		out = append(out, line)
	}
	for {
		p, padding, err := c.next()
		if err != nil {
			break
		}
		if p[0] == 20 {
			clear(p[1:17])
		}
		out = append(out, fmt.Sprintf("%q %q", p, padding))
	}
	return append(out, c.rest(900*time.Millisecond)...)
}

// Before there are keys our server and Debian's say the same bytes and end the
// same way, whether the client keeps its side open or not.
func TestReferenceInClear(t *testing.T) {
	real, ours := sshd(t), "127.0.0.1:"+listen(t, config("debian-12"))
	each(t, clearProbes(), func(t *testing.T, b []byte) string {
		for _, half := range []bool{false, true} {
			var diff string
			for range 3 { // a FIN may overtake
				if diff = cmp.Diff(reply(t, real, b, half), reply(t, ours, b, half)); diff == "" {
					break
				}
			}
			if diff != "" {
				return fmt.Sprintf("half closed %v: %s", half, diff)
			}
		}
		return ""
	})
}

// keyedProbes are what a client does once there are keys.
func keyedProbes() map[string]func(c *raw) {
	send := func(payloads ...[]byte) func(*raw) {
		return func(c *raw) {
			var b []byte
			for _, p := range payloads {
				b = append(b, c.pack(p)...)
			}
			c.send(b)
		}
	}
	k := kexInitPacket(rawLists(), 0)
	flip := func(at int) func(*raw) {
		return func(c *raw) {
			b := c.pack(cat([]byte{5}, str("ssh-userauth")))
			b[(at+len(b))%len(b)] ^= 1
			c.send(b)
		}
	}
	head := func(length uint32, padding byte, size int) func(*raw) {
		return func(c *raw) {
			c.send(c.protect(append(cat(u32(int(length)), []byte{padding, 2}), make([]byte, size-6)...)))
		}
	}
	probes := map[string]func(*raw){
		"nothing": send(), "service": send(cat([]byte{5}, str("ssh-userauth"))), "MAC wrong": flip(-1), "length wrong": flip(2), "body wrong": flip(20),
		"length 0": head(0, 4, 16), "length 4": head(4, 4, 16), "length 13": head(13, 4, 16), "length 300000": head(300000, 4, 16), "padding 0": head(28, 0, 32), "padding 3": head(28, 3, 32), "padding 27": head(28, 27, 32), "padding 28": head(28, 28, 32),
		"IGNORE": send([]byte{2}), "DEBUG": send(cat([]byte{4, 1}, str("a"), str(""))), "cut DEBUG": send([]byte{4}), "DISCONNECT": send(cat([]byte{1, 0, 0, 0, 11}, str("a"), str(""))), "cut DISCONNECT": send([]byte{1}),
		"UNIMPLEMENTED": send([]byte{3, 0, 0, 0, 0}), "KEXINIT before the login": send(k), "KEXINIT and IGNORE": send(k, []byte{2}), "EXT_INFO": send([]byte{7, 0, 0, 0, 0}), "SERVICE_ACCEPT": send([]byte{6}), "NEWKEYS": send([]byte{21}), "ECDH": send([]byte{30}),
		"GARBAGE": func(c *raw) { c.send([]byte(strings.Repeat("A", 200))) }, "much garbage": func(c *raw) { c.send([]byte(strings.Repeat("A", 20000))) },
	}
	for _, n := range []byte{0, 8, 19, 22, 29, 40, 49, 192, 193, 255} {
		probes[fmt.Sprintf("type %d", n)] = send([]byte{n})
	}
	return probes
}

func TestReferenceWithKeys(t *testing.T) {
	real, ours := sshd(t), "127.0.0.1:"+listen(t, config("debian-12"))
	play := func(t *testing.T, address string, act func(*raw), strict bool) []string {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := newRaw(t, conn)
		c.identify(rawIdentification)
		lists := rawLists()
		if strict {
			lists[0] += ",kex-strict-c-v00@openssh.com"
		}
		c.kexInit(lists)
		c.exchange()
		act(c)
		return c.rest(900 * time.Millisecond)
	}
	each(t, keyedProbes(), func(t *testing.T, act func(*raw)) string {
		for _, strict := range []bool{false, true} {
			if diff := cmp.Diff(play(t, real, act, strict), play(t, ours, act, strict)); diff != "" {
				return fmt.Sprintf("strict %v: %s", strict, diff)
			}
		}
		return ""
	})
}

// Debian's client asks a server that it knows to prove its other host keys,
// and learns those.
func TestHostKeysAreProved(t *testing.T) {
	client := judge(t, "ssh", "openssh-client")
	for _, algorithm := range []string{"ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512", "rsa-sha2-256,ssh-ed25519,ecdsa-sha2-nistp256"} {
		port := listen(t, config("debian-12"))
		hosts := filepath.Join(t.TempDir(), "known_hosts")
		args := []string{
			"-F", "none", "-p", port, "-o", "StrictHostKeyChecking=accept-new", "-o", "UserKnownHostsFile=" + hosts, "-o", "UpdateHostKeys=yes", "-o", "BatchMode=yes",
			"-o", "HashKnownHosts=no", "-o", "HostKeyAlgorithms=" + algorithm, "u@127.0.0.1", "x",
		}
		through(t, client, args...)
		through(t, client, args...) // now it knows one
		b, err := os.ReadFile(hosts)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(b), "\n"); n != 3 {
			t.Errorf("%s: the client learned %d host keys:\n%s", algorithm, n, b)
		}
	}
}

// each runs a probe after the other, a dozen at a time.
func each[V any](t *testing.T, probes map[string]V, play func(t *testing.T, v V) string) {
	t.Helper()
	var running sync.WaitGroup
	slots := make(chan struct{}, 12)
	for name, v := range probes {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if diff := play(t, v); diff != "" {
				t.Errorf("%s (-real +ours):\n%s", name, diff)
			}
		})
	}
	running.Wait()
}
