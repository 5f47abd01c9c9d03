package ssh_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	gossh "golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/services/ssh"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

const arguments = `{"users":{"root":"toor1234","admin":"s3cret"},"failure_delay":1}`

func start(t *testing.T) *servicetest.Server {
	return servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: arguments})
}

// dial logs in over x/crypto/ssh.
func dial(t *testing.T, s *servicetest.Server, user string, methods ...gossh.AuthMethod) (*gossh.Client, error) {
	t.Helper()
	client, err := gossh.Dial("tcp", s.Addr(), &gossh.ClientConfig{User: user, Auth: methods, HostKeyCallback: gossh.InsecureIgnoreHostKey(), Timeout: servicetest.Patience})
	if err == nil {
		t.Cleanup(func() { _ = client.Close() })
	}
	return client, err
}

func mustDial(t *testing.T, s *servicetest.Server) *gossh.Client {
	t.Helper()
	client, err := dial(t, s, "root", gossh.Password("toor1234"))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestWrongIdentificationIsAnsweredAsOpenSSHDoes(t *testing.T) {
	s := start(t)
	const banner = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n"
	for name, c := range map[string]struct {
		send, want string
		reset      bool
	}{
		"no version": {"SSH-1337-x\r\n", "Invalid SSH identification string.\r\n", false},
		"version 1":  {"SSH-1.5-x\r\n", "Protocol major versions differ.\r\n", false},
		"version 9":  {"SSH-9.9-x\r\n", "Protocol major versions differ.\r\n", false},
		"http":       {"GET / HTTP/1.0\r\n\r\n", "Invalid SSH identification string.\r\n", true},
		"breaks":     {"\n\n\n\n\n\n\n\n", "Invalid SSH identification string.\r\n", true},
		"nul":        {strings.Repeat("\x00", 16), "Invalid SSH identification string.\r\n", true},
		"endless":    {strings.Repeat("A", 9000), "Invalid SSH identification string.\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			conn := s.Dial()
			if _, err := io.WriteString(conn, c.send); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(conn)
			if string(got) != banner+c.want {
				t.Errorf("answer %q", got)
			}
			if reset := errors.Is(err, syscall.ECONNRESET); reset != c.reset {
				t.Errorf("ends with %v, want a reset: %v", err, c.reset)
			}
		})
	}
	if n := len(servicetest.Of[*event.Scan](s)); n != 7 {
		t.Errorf("%d scans on record, want 7", n)
	}
}

func TestLoginPolicy(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		user, password string
		want           bool
	}{{"root", "toor1234", true}, {"admin", "s3cret", true}, {"root", "s3cret", false}, {"root", "", false}, {"nobody", "x", false}, {"root", "toor1234", true}} {
		_, err := dial(t, s, c.user, gossh.Password(c.password))
		if (err == nil) != c.want {
			t.Errorf("%s %q: %v", c.user, c.password, err)
		}
	}
	var got []string
	for _, a := range servicetest.Of[*event.AuthAttempt](s) {
		if a.Method != "password" || a.SecretKind != "plaintext" || a.Client != "SSH-2.0-Go" {
			t.Errorf("%+v", a)
		}
		got = append(got, string(a.Username+":"+a.Secret)+map[bool]string{true: " yes", false: " no"}[a.Success])
	}
	if diff := cmp.Diff([]string{"root:toor1234 yes", "admin:s3cret yes", "root:s3cret no", "root: no", "nobody:x no", "root:toor1234 yes"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNobodyLogsInByDefault(t *testing.T) {
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: `{"failure_delay":1}`})
	for _, password := range []string{"", "root", "123456", "toor"} {
		if _, err := dial(t, s, "root", gossh.Password(password)); err == nil {
			t.Errorf("root logs in with %q", password)
		}
	}
}

func TestAttemptIsOnRecordBeforeItsAnswer(t *testing.T) {
	s := start(t)
	n := 0
	_, err := dial(t, s, "root", gossh.RetryableAuthMethod(gossh.PasswordCallback(func() (string, error) {
		if got := len(servicetest.Of[*event.AuthAttempt](s)); got != n {
			t.Errorf("%d attempts on record after %d answers", got, n)
		}
		n++
		return "wrong", nil
	}), 10))
	if err == nil || n != 6 {
		t.Errorf("%d attempts (%v), want 6", n, err)
	}
}

func TestKeysAndFingerprint(t *testing.T) {
	s := start(t)
	keys := func() (out []string) {
		for _, algorithm := range []string{gossh.KeyAlgoED25519, gossh.KeyAlgoECDSA256, gossh.KeyAlgoRSASHA512} {
			config := &gossh.ClientConfig{User: "x", HostKeyAlgorithms: []string{algorithm}, Timeout: servicetest.Patience, HostKeyCallback: func(_ string, _ net.Addr, key gossh.PublicKey) error {
				out = append(out, gossh.FingerprintSHA256(key))
				return nil
			}}
			_, err := gossh.Dial("tcp", s.Addr(), config)
			if err == nil {
				t.Error("logged in with nothing")
			}
		}
		return out
	}
	first := keys()
	s.Restart()
	if diff := cmp.Diff(first, keys()); diff != "" || len(first) != 3 {
		t.Errorf("host keys after a restart: %s", diff)
	}
	prints := servicetest.Of[*event.Fingerprint](s)
	if len(prints) == 0 {
		t.Fatal("no fingerprint on record")
	}
	found := false
	for _, p := range prints {
		found = found || p.Method == "hassh" && len(p.Value) == 32 && strings.HasPrefix(string(p.Raw), "mlkem768x25519-sha256,curve25519-sha256")
	}
	if !found {
		t.Errorf("no HASSH among %+v", prints)
	}
}

func TestExecStatusAndStreams(t *testing.T) {
	client := mustDial(t, start(t))
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	session.Stdout, session.Stderr = &out, &errs
	session.Stdin = strings.NewReader("input\n")
	err = session.Run("cat; echo bad >&2; exit 7")
	var exit *gossh.ExitError
	if !errors.As(err, &exit) || exit.ExitStatus() != 7 || out.String() != "input\n" || errs.String() != "bad\n" {
		t.Errorf("%v %q %q", err, out.String(), errs.String())
	}
}

func TestEnvironmentIsAcceptedAsDebianDoes(t *testing.T) {
	client := mustDial(t, start(t))
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Setenv("LC_ALL", "C"); err != nil {
		t.Errorf("LC_ALL is refused: %v", err)
	}
	if err := session.Setenv("LD_PRELOAD", "x"); err == nil {
		t.Error("LD_PRELOAD is accepted")
	}
	if out, err := session.Output("echo $LC_ALL$LD_PRELOAD"); err != nil || string(out) != "C\n" {
		t.Errorf("%q %v", out, err)
	}
}

func TestForwardingEndsInASimulator(t *testing.T) {
	s := start(t)
	client := mustDial(t, s)
	var refused *gossh.OpenChannelError
	for target, want := range map[string]string{"127.0.0.1:9": "Connection refused", "nosuch.invalid:80": "Name or service not known"} {
		if _, err := client.Dial("tcp", target); !errors.As(err, &refused) || refused.Reason != gossh.ConnectionFailed || refused.Message != want {
			t.Errorf("%s: %v", target, err)
		}
	}
	conn, err := client.Dial("tcp", "www.elsewhere.org:80")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /x HTTP/1.0\r\nHost: www.elsewhere.org\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 301 Moved Permanently\r\n") || !strings.Contains(string(answer), "Location: https://www.elsewhere.org/x\r\n") {
		t.Errorf("%q %v", answer, err)
	}
	listener, err := client.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	var got []string
	for _, r := range servicetest.Of[*event.Request](s) {
		got = append(got, string(r.Method+" "+r.Target))
	}
	for _, want := range []string{"direct-tcpip 127.0.0.1:9", "direct-tcpip nosuch.invalid:80", "direct-tcpip www.elsewhere.org:80", "GET /x", "tcpip-forward 127.0.0.1:8080"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

// typist drives a shell on a terminal.
type typist struct {
	t   *testing.T
	in  io.Writer
	out *bufferUntil
}

func terminal(t *testing.T, client *gossh.Client) (*typist, *gossh.Session) {
	t.Helper()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.RequestPty("xterm", 40, 100, gossh.TerminalModes{}); err != nil {
		t.Fatal(err)
	}
	in, err := session.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out := newBufferUntil()
	session.Stdout = out
	if err := session.Shell(); err != nil {
		t.Fatal(err)
	}
	return &typist{t, in, out}, session
}

// say types text and waits for want after it.
func (y *typist) say(text, want string) string {
	y.t.Helper()
	if _, err := io.WriteString(y.in, text); err != nil {
		y.t.Fatal(err)
	}
	got, ok := y.out.until(want)
	if !ok {
		y.t.Fatalf("after %q no %q in %q", text, want, got)
	}
	return got
}

func TestTheSecondLoginTellsOfTheFirst(t *testing.T) {
	s := start(t)
	for n, want := range []bool{false, true} {
		y, session := terminal(t, mustDial(t, s))
		if greeting := y.say("", ":~# "); strings.Contains(greeting, " from 127.0.0.1\r\n") != want {
			t.Errorf("login %d is greeted %q", n, greeting)
		}
		session.Close()
	}
}

func TestTerminal(t *testing.T) {
	s := start(t)
	y, session := terminal(t, mustDial(t, s))
	const prompt, run = "\x1b[?2004hroot@srv-atlas-17:~# ", "\r\n\x1b[?2004l\r"
	if greeting := y.say("", prompt); strings.Contains(greeting, "Last login: ") || !strings.HasPrefix(greeting, "Linux srv-atlas-17 6.1.0-28-amd64 ") {
		t.Errorf("greeting %q", greeting)
	}
	for _, c := range []struct{ name, typed, want string }{
		{"echo", "echo hi\r", "echo hi" + run + "hi\r\n" + prompt},
		{"erase", "echo hxx\x7f\x7fi\r", "hi\r\n" + prompt},
		{"kill line", "rubbish\x15echo ok\r", "ok\r\n" + prompt},
		{"interrupt a line", "rubbish\x03", "^C\x1b[?2004l\r\x1b[?2004h\x1b[?2004l\r\r\n" + prompt},
		{"interrupted sleep", "sleep 100\r", "sleep 100" + run},
		{"interrupt", "\x03", "^C\r\n" + prompt},
		{"status", "echo $?\r", "130\r\n" + prompt},
		{"history", "\x1b[A\r", "130\r\n" + prompt},
		{"cat", "cat\rone\r\x04", "one\r\none\r\n" + prompt},
		{"size", "echo $LINES $COLUMNS\r", "40 100\r\n" + prompt},
		{"continuation", "echo 'a\r", "> "},
		{"continued", "b'\r", "a\r\nb\r\n" + prompt},
		{"tty", "tty\r", "/dev/pts/0\r\n" + prompt},
	} {
		if c.name == "history" {
			y.say("true\r", prompt)
			y.say("\x1b[A\x1b[A\r", "0\r\n"+prompt)
			continue
		}
		y.say(c.typed, c.want)
	}
	if err := session.WindowChange(50, 120); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	y.say("echo $LINES $COLUMNS\r", "50 120\r\n")
	y.say("\x04", "logout\r\n")
	if err := session.Wait(); err != nil {
		t.Errorf("ends with %v", err)
	}
}

func TestCommandIsOnRecordBeforeItsOutput(t *testing.T) {
	s := start(t)
	y, _ := terminal(t, mustDial(t, s))
	y.say("", "# ")
	for i := range 20 {
		y.say("echo word-$((40+2))\r", "word-42")
		if n := len(servicetest.Of[*event.Command](s)); n != i+1 {
			t.Fatalf("%d commands on record at output %d", n, i+1)
		}
	}
	last := servicetest.Of[*event.Command](s)[19]
	if last.Line != "echo word-$((40+2))" || last.Mode != "shell" || last.Cwd != "/root" || last.User != "root" || !last.Known || last.Output != "word-42\n" {
		t.Errorf("%+v", last)
	}
}

func TestFilesSurviveReconnectAndRestart(t *testing.T) {
	s := start(t)
	exec := func(line string) string {
		session, err := mustDial(t, s).NewSession()
		if err != nil {
			t.Fatal(err)
		}
		out, err := session.Output(line)
		if err != nil {
			t.Fatal(line, err)
		}
		return string(out)
	}
	exec("echo stays > /tmp/f; rm /etc/motd; echo 'me:x:0:0::/:/bin/sh' >> /etc/passwd")
	if got := exec("cat /tmp/f"); got != "stays\n" {
		t.Errorf("after reconnecting: %q", got)
	}
	s.Restart()
	if got := exec("cat /tmp/f; ls /etc/motd 2>/dev/null || echo gone; grep -c ^me: /etc/passwd"); got != "stays\ngone\n1\n" {
		t.Errorf("after a restart: %q", got)
	}
}

func TestScpUpload(t *testing.T) {
	s := start(t)
	session, err := mustDial(t, s).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	session.Stdin = strings.NewReader("C0755 5 evil.sh\nhello\x00")
	if out, err := session.Output("scp -t /tmp"); err != nil || string(out) != "\x00\x00\x00" {
		t.Fatalf("%q %v", out, err)
	}
	up := servicetest.Of[*event.Transfer](s)
	if len(up) != 1 || up[0].Name != "/tmp/evil.sh" || up[0].Size != 5 || !up[0].Stored || up[0].SHA256 != "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" {
		t.Errorf("%+v", up)
	}
}

func TestArgumentsAreChecked(t *testing.T) {
	for raw, want := range map[string]string{`{"banner":"a\nb"}`: "line break", `{"max_auth_tries":-1}`: "max_auth_tries", `{"authorized_keys":["nonsense"]}`: "authorized_keys[0]", `{"failure_delay":-1}`: "failure_delay"} {
		if err := ssh.New().Check([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
