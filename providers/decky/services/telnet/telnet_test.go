package telnet_test

import (
	"bytes"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/cast"
	"github.com/decnet/decnet/providers/decky/services/telnet"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

// expect reads until text was heard, and returns all that was.
func expect(t *testing.T, c net.Conn, text string) string {
	t.Helper()
	var heard []byte
	var b [4096]byte
	for !bytes.Contains(heard, []byte(text)) {
		n, err := c.Read(b[:])
		heard = append(heard, b[:n]...)
		if err != nil {
			t.Fatalf("waiting for %q: %v after %q", text, err, heard)
		}
	}
	return string(heard)
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func alpine() decky.Host {
	host := servicetest.Host()
	host.Distro, host.Title = "alpine", "Alpine Linux 3.19"
	return host
}

const busyboxOpening = "\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x01\xff\xfb\x03"

func TestOpeningIsTheDistros(t *testing.T) {
	for distro, want := range map[string]string{
		"debian":   "\xff\xfb\x25\xff\xfb\x26\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27\xff\xfd\x24",
		"ubuntu22": "\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27",
		"rocky9":   "\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27",
		"alpine":   busyboxOpening,
	} {
		host := servicetest.Host()
		host.Distro = distro
		s := servicetest.Start(t, telnet.New(), servicetest.Options{Host: host})
		c := s.Dial()
		heard := expect(t, c, want)
		if !strings.HasPrefix(heard, want) {
			t.Errorf("%s opens with %x", distro, heard)
		}
	}
}

func TestBusyboxLogin(t *testing.T) {
	s := servicetest.Start(t, telnet.New(), servicetest.Options{Host: alpine(), Arguments: `{"users":{"root":"xc3511"},"issue":"Router on \\m (\\l)\n"}`})
	c := s.Dial()
	if got, want := expect(t, c, "login: "), busyboxOpening+"\r\r\nRouter on x86_64 (pts/0)\r\n\rsrv-atlas-17 login: "; got != want {
		t.Errorf("greeted with %q, want %q", got, want)
	}
	send(t, c, "root\r\n")
	if got := expect(t, c, "Password: "); got != "root\r\nPassword: " {
		t.Errorf("asked %q", got)
	}
	began := time.Now()
	send(t, c, "wrong\r\n")
	if got := expect(t, c, "login: "); got != "\r\nLogin incorrect\r\nsrv-atlas-17 login: " {
		t.Errorf("refused with %q", got)
	}
	if took := time.Since(began); took < 2900*time.Millisecond || took > 5*time.Second {
		t.Errorf("refused after %s", took)
	}
	send(t, c, "root\r\n")
	expect(t, c, "Password: ")
	send(t, c, "xc3511\r\n")
	expect(t, c, "# ")
	send(t, c, "echo a$((6*7))b > /tmp/x; cat /tmp/x\r\n")
	expect(t, c, "\na42b\r\n")
	send(t, c, "exit\r\n")
	s.WaitClosed(t)
	attempts := servicetest.Of[*event.AuthAttempt](s)
	if len(attempts) != 2 || attempts[0].Success || attempts[0].Secret != "wrong" || !attempts[1].Success || attempts[1].Username != "root" || attempts[1].SecretKind != "plaintext" {
		t.Errorf("attempts = %+v", attempts)
	}
	if commands := servicetest.Of[*event.Command](s); len(commands) == 0 || !strings.Contains(string(commands[0].Line), "a$((6*7))b") {
		t.Errorf("commands = %+v", commands)
	}
}

// refuse is a client that agrees to nothing.
const refuse = "\xff\xfe\x25\xff\xfe\x26\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27\xff\xfc\x24"

// settle is what it says to the second round.
const settle = "\xff\xfd\x03\xff\xfc\x01\xff\xfc\x22\xff\xfc\x1f\xff\xfe\x05\xff\xfc\x21\xff\xfd\x01"

func loggingIn(t *testing.T, s *servicetest.Server) net.Conn {
	t.Helper()
	c := s.Dial()
	expect(t, c, "\xff\xfd\x24")
	send(t, c, refuse)
	expect(t, c, "\xff\xfd\x21")
	send(t, c, settle)
	expect(t, c, "login: ")
	return c
}

func TestInetutilsAsksInItsOrder(t *testing.T) {
	s := servicetest.Start(t, telnet.New(), servicetest.Options{})
	c := s.Dial()
	expect(t, c, "\xff\xfd\x24")
	send(t, c, refuse)
	if got, want := expect(t, c, "\xff\xfd\x21"), "\xff\xfb\x03\xff\xfd\x01\xff\xfd\x22\xff\xfd\x1f\xff\xfb\x05\xff\xfd\x21"; got != want {
		t.Errorf("second round %x, want %x", got, want)
	}
	send(t, c, settle)
	want := "\xff\xfb\x01\xff\xfd\x06\xff\xfd\x00\r\nLinux 6.1.0-28-amd64 (srv-atlas-17.corp.example) (pts/0)\r\n\r\nsrv-atlas-17 login: "
	if got := expect(t, c, "login: "); got != want {
		t.Errorf("then %q, want %q", got, want)
	}
	if prints := servicetest.Of[*event.Fingerprint](s); len(prints) != 1 || prints[0].Method != "telnet" || !strings.HasPrefix(prints[0].Value, "fe25fe26fc18") {
		t.Errorf("fingerprints = %+v", prints)
	}
}

func TestCommandsAndOptions(t *testing.T) {
	for name, c := range map[string]struct{ send, want string }{
		"are you there":    {"\xff\xf6", "\r\n[Yes]\r\n"},
		"unknown options":  {"\xff\xfb\x63\xff\xfd\x63", "\xff\xfe\x63\xff\xfc\x63"},
		"timing mark":      {"\xff\xfd\x06", "\xff\xfb\x06"},
		"doubled IAC":      {"a\xff\xffb", "a\xff\xffb"},
		"erase":            {"abc\x7f\xff\xf7", "abc\b \b\b \b"},
		"word and line":    {"ab cd\x17\x15", "ab cd\b \b\b \b\b \b\b \b\b \b"},
		"literal":          {"\x16\x03", "^\b^C"},
		"flow":             {"a\x13b\x11c", "abc"},
		"line mode":        {"\xff\xfb\x22", "\xff\xfd\x22\xff\xfa\x22\x01\x03\xff\xf0\x00"},
		"status":           {"\xff\xfd\x05\xff\xfa\x05\x01\xff\xf0", "\xff\xfb\x05\xff\xfa\x05\x00\xfd\x00\xfb\x01\xfb\x03\xfb\x05\xff\xf0"},
		"carriage returns": {"bo\r\x00", "bo\r\nPassword: "},
		"line feed alone":  {"bo\n", "bo\r\nPassword: "},
	} {
		t.Run(name, func(t *testing.T) {
			conn := loggingIn(t, servicetest.Start(t, telnet.New(), servicetest.Options{}))
			send(t, conn, c.send)
			if got := expect(t, conn, c.want[len(c.want)-1:]); !strings.HasPrefix(c.want, got[:min(len(got), len(c.want))]) {
				t.Errorf("answered %q, want %q", got, c.want)
			}
		})
	}
}

func TestLogoutAndSignalsEnd(t *testing.T) {
	for name, c := range map[string]struct{ send, last string }{"logout": {"\xff\xfd\x12", "\xff\xfb\x12"}, "interrupt": {"\x03", "^C"}, "quit": {"\x1c", "^\\"}} {
		s := servicetest.Start(t, telnet.New(), servicetest.Options{})
		conn := loggingIn(t, s)
		send(t, conn, c.send)
		expect(t, conn, c.last)
		if closed := s.WaitClosed(t); closed.Reason != event.CloseServer {
			t.Errorf("%s: %+v", name, closed)
		}
	}
}

func TestOneMachineWithAnotherService(t *testing.T) {
	shared := servicetest.NewShared()
	arguments := `{"server":"busybox","users":{"root":"r"}}`
	first := servicetest.Start(t, telnet.New(), servicetest.Options{Shared: shared, Arguments: arguments})
	second := servicetest.Start(t, telnet.New(), servicetest.Options{Shared: shared, Arguments: arguments, Name: "telnet.b"})
	enter := func(s *servicetest.Server, line, want string) {
		c := s.Dial()
		expect(t, c, "login: ")
		send(t, c, "root\r\n")
		expect(t, c, "Password: ")
		send(t, c, "r\r\n")
		expect(t, c, "# ")
		send(t, c, line+"\r\n")
		expect(t, c, want)
		send(t, c, "exit\r\n")
	}
	enter(first, "echo kept > /root/x; echo do''ne", "done\r\n")
	enter(second, "cat /root/x", "kept\r\n")
}

func TestASessionIsRecorded(t *testing.T) {
	s := servicetest.Start(t, telnet.New(), servicetest.Options{Arguments: `{"server":"busybox","users":{"root":"r"}}`})
	c := s.Dial()
	expect(t, c, "login: ")
	send(t, c, "\xff\xfa\x1f\x00\x64\x00\x1e\xff\xf0root\r\n")
	expect(t, c, "Password: ")
	send(t, c, "r\r\n")
	expect(t, c, "# ")
	send(t, c, "echo re''corded\r\n")
	expect(t, c, "recorded\r\n")
	send(t, c, "exit\r\n")
	s.WaitClosed(t)
	transfers := servicetest.Of[*event.Transfer](s)
	if len(transfers) != 1 || transfers[0].Direction != cast.Direction || !transfers[0].Stored {
		t.Fatalf("transfers = %+v", transfers)
	}
	data, err := s.Store().Load(cast.Artifact(transfers[0].SHA256))
	if err != nil {
		t.Fatal(err)
	}
	r, err := cast.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	heard := map[string]string{}
	for {
		e, err := r.Next()
		if err != nil {
			break
		}
		heard[e.Kind] += e.Data
	}
	if !strings.Contains(heard[cast.Output], "recorded\r\n") || !strings.Contains(heard[cast.Input], "r\r\necho re") || heard[cast.Resize] != "100x30" {
		t.Errorf("recorded %q", heard)
	}
}

func TestAFailedLoginIsNotRecorded(t *testing.T) {
	s := servicetest.Start(t, telnet.New(), servicetest.Options{Arguments: `{"server":"busybox"}`})
	c := s.Dial()
	expect(t, c, "login: ")
	send(t, c, "\x04")
	s.WaitClosed(t)
	if transfers := servicetest.Of[*event.Transfer](s); len(transfers) != 0 {
		t.Errorf("transfers = %+v", transfers)
	}
}

func TestReadmeNamesEveryArgument(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range telnet.New().Arguments() {
		if !strings.Contains(string(data), "| `"+a.Name+"` | "+a.Type+" |") {
			t.Errorf("README.md does not describe %s (%s)", a.Name, a.Type)
		}
	}
}
