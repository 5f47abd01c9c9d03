package ssh_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/cast"
	"github.com/decnet/decnet/providers/decky/services/ssh"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

// TestKeyThatAClientLeftOpensTheAccount is the commonest way to come back: a
// line in authorized_keys, also after a restart.
func TestKeyThatAClientLeftOpensTheAccount(t *testing.T) {
	s := start(t)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := gossh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, s, "root", gossh.PublicKeys(signer)); err == nil {
		t.Fatal("an unknown key logs in")
	}
	session, err := mustDial(t, s).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := session.CombinedOutput("mkdir -p ~/.ssh; echo '" + strings.TrimSpace(string(gossh.MarshalAuthorizedKey(signer.PublicKey()))) + "' >> ~/.ssh/authorized_keys"); err != nil {
		t.Fatalf("%s %v", out, err)
	}
	if _, err := dial(t, s, "root", gossh.PublicKeys(signer)); err != nil {
		t.Errorf("the key does not open the account: %v", err)
	}
	if _, err := dial(t, s, "admin", gossh.PublicKeys(signer)); err == nil {
		t.Error("the key opens another account")
	}
	s.Restart()
	if _, err := dial(t, s, "root", gossh.PublicKeys(signer)); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	fingerprint := gossh.FingerprintSHA256(signer.PublicKey())
	var verdicts []bool
	for _, a := range servicetest.Of[*event.AuthAttempt](s) {
		if a.Method == "publickey" && string(a.Secret) == fingerprint && a.SecretKind == "publickey" && len(a.HASSH) == 32 {
			verdicts = append(verdicts, a.Success)
		}
	}
	if len(verdicts) != 4 || verdicts[0] || !verdicts[1] || verdicts[2] || !verdicts[3] {
		t.Errorf("on record: %v", verdicts)
	}
}

// TestRandomLoginsAreNeverAccepted by any policy: two of them accepted would
// tell a decoy.
func TestRandomLoginsAreNeverAccepted(t *testing.T) {
	for _, policy := range []string{"users", "weak"} {
		s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: `{"policy":"` + policy + `","failure_delay":1}`})
		for _, password := range []string{"x7Kq92lmPo", "uH3jjs01", "correct horse"} {
			if _, err := dial(t, s, "root", gossh.Password(password)); err == nil {
				t.Errorf("%s: root logs in with %q", policy, password)
			}
		}
	}
}

// TestVersionIsTheConfigurations: the identification and what belongs to it.
func TestVersionIsTheConfigurations(t *testing.T) {
	for arguments, want := range map[string]string{
		`{}`: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7", `{"ssh_version":"8.2p1"}`: "SSH-2.0-OpenSSH_8.2p1 Ubuntu-4ubuntu0.11", `{"ssh_version":"OpenSSH_7.4"}`: "SSH-2.0-OpenSSH_7.4",
		`{"ssh_version":"OpenSSH_8.9p1 Ubuntu-3ubuntu0.1"}`: "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.1", `{"ssh_version":"dropbear_2020.81"}`: "SSH-2.0-dropbear_2020.81", `{"banner":"OpenSSH_9.2p1 Custom"}`: "SSH-2.0-OpenSSH_9.2p1 Custom",
	} {
		s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: arguments})
		conn := s.Dial()
		b := make([]byte, 256)
		n, err := conn.Read(b)
		if got, _, _ := strings.Cut(strings.TrimSuffix(string(b[:n]), "\n"), "\r"); err != nil || got != want {
			t.Errorf("%s: %q %v", arguments, got, err)
		}
		_ = conn.Close()
	}
}

// TestKernelIsTheConfigurations: what the shell shows.
func TestKernelIsTheConfigurations(t *testing.T) {
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: `{"users":{"root":"toor1234"},"kernel_version":"5.4.0-216-generic"}`})
	session, err := mustDial(t, s).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := session.Output("uname -r"); err != nil || string(out) != "5.4.0-216-generic\n" {
		t.Errorf("%q %v", out, err)
	}
}

// TestStartupsAreLimited: the eleventh connection without a login may be
// dropped, the hundred and first is.
func TestStartupsAreLimited(t *testing.T) {
	s := start(t)
	held, dropped := 0, 0
	for range 300 {
		conn := s.Dial()
		b := make([]byte, 64)
		n, err := conn.Read(b)
		switch text := string(b[:n]); {
		case strings.HasPrefix(text, "SSH-2.0-"):
			held++
		case text == "Exceeded MaxStartups\r\n":
			dropped++
			if _, err := conn.Read(b); !errors.Is(err, io.EOF) {
				t.Errorf("a dropped connection ends with %v", err)
			}
		default:
			t.Fatalf("%q %v", text, err)
		}
		if held < 10 && dropped > 0 {
			t.Fatal("one of the first ten is dropped")
		}
	}
	if held < 15 || held > 100 || held+dropped != 300 {
		t.Errorf("%d held, %d dropped", held, dropped)
	}
}

// TestGraceTime: sshd's processes end without a word.
func TestGraceTime(t *testing.T) {
	handler, err := ssh.New().Open(nil, decky.Env{Now: time.Now, Host: servicetest.Host(), Derive: func(string) []byte { return make([]byte, 32) }, Store: servicetest.NewStore(0)})
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	defer near.Close()
	c := &graceful{Conn: far}
	go func() { _, _ = io.Copy(io.Discard, near) }()
	done := make(chan error, 1)
	go func() { done <- handler.ServeConn(t.Context(), c) }()
	time.Sleep(50 * time.Millisecond)
	c.expire()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the connection outlives its grace")
	}
	if c.grace < 119*time.Second || c.grace > 121*time.Second {
		t.Errorf("grace of %v", c.grace)
	}
}

// graceful is a connection that notes the first deadline.
type graceful struct {
	net.Conn
	grace time.Duration
}

func (c *graceful) SetDeadline(at time.Time) error {
	if c.grace == 0 {
		c.grace = time.Until(at)
	}
	return c.Conn.SetDeadline(at)
}
func (c *graceful) expire()                 { _ = c.Conn.SetDeadline(time.Unix(1, 0)) }
func (c *graceful) Session() string         { return "s" }
func (c *graceful) Port() decky.Port        { return decky.Port{Number: 22, Transport: "tcp"} }
func (c *graceful) Record(event.Body) error { return nil }
func (c *graceful) ResetOnClose()           {}

// TestTerminalIsRecorded as asciicast: what was typed and shown.
func TestTerminalIsRecorded(t *testing.T) {
	s := start(t)
	y, session := terminal(t, mustDial(t, s))
	y.say("", "# ")
	y.say("echo re''corded\r", "\rrecorded\r\n")
	y.say("exit\r", "logout\r\n")
	_ = session.Wait()
	kept := s.WaitFor(t, func(e *event.Event) bool {
		transfer, ok := e.Body.(*event.Transfer)
		return ok && transfer.Direction == cast.Direction && transfer.Stored
	}).Body.(*event.Transfer)
	data, err := s.Store().Load(cast.Artifact(kept.SHA256))
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
	if r.Header.Width != 100 || r.Header.Height != 40 || !strings.Contains(heard[cast.Output], "\rrecorded\r\n") || heard[cast.Input] != "echo re''corded\rexit\r" {
		t.Errorf("%+v %q", r.Header, heard)
	}
}
