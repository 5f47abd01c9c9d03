package auth_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/services/ssh/auth"
	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
)

// line is a connection whose client said everything already.
type line struct {
	in  [][]byte
	out []string
}

func (l *line) ReadPacket() ([]byte, error) {
	if len(l.in) == 0 {
		return nil, io.EOF
	}
	p := l.in[0]
	l.in = l.in[1:]
	return p, nil
}

func (l *line) WritePacket(p []byte) error { l.out = append(l.out, said(p)); return nil }
func (l *line) SessionID() []byte          { return []byte("the session") }
func (l *line) Unimplemented() error       { l.out = append(l.out, "unimplemented"); return nil }
func (l *line) Disconnect(reason uint32, text string) error {
	l.out = append(l.out, fmt.Sprintf("disconnect %d %s", reason, text))
	return nil
}

// said is a message in words.
func said(p []byte) string {
	r := wire.NewReader(p[1:])
	switch p[0] {
	case wire.ServiceAccept:
		return "accept " + r.Text()
	case wire.UserauthFailure:
		return fmt.Sprintf("failure %s %v", r.Text(), r.Bool())
	case wire.UserauthSuccess:
		return "success"
	case wire.UserauthBanner:
		return "banner " + r.Text()
	case wire.UserauthPKOK:
		if name := r.Text(); name != "" {
			return "ok " + name
		}
		r.Text()
		r.Text()
		return fmt.Sprintf("ask %d %s %v", r.Uint32(), r.Text(), r.Bool())
	}
	return fmt.Sprintf("%d", p[0])
}

// book is a policy with one account that keeps what it was asked.
type book struct {
	key   string
	asked []string
}

func (b *book) Known(user string) bool { return user == "root" }
func (b *book) Left(user, method string) error {
	b.asked = append(b.asked, "left "+user)
	return nil
}
func (b *book) Password(_ context.Context, who auth.Claim, password string) (bool, error) {
	b.asked = append(b.asked, who.Method+" "+who.User+" "+password)
	return who.Valid && password == "right", nil
}
func (b *book) Key(_ context.Context, who auth.Claim, key auth.Key, proof auth.Proof) (bool, error) {
	b.asked = append(b.asked, fmt.Sprintf("key %s %s %d", who.User, key.Algorithm, proof))
	return key.Wire == b.key, nil
}

func options() auth.Options {
	return auth.Options{
		Methods: []string{"publickey", "password"}, Algorithms: []string{ssh.KeyAlgoED25519, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512}, MaxTries: 6, TooMany: "Too many authentication failures",
		Now: time.Now, Sleep: func(_ context.Context, d time.Duration) { time.Sleep(d) },
	}
}

var service = wire.Message(wire.ServiceRequest, "ssh-userauth")

func request(user, method string, rest ...byte) []byte {
	return append(wire.Message(wire.UserauthRequest, user, "ssh-connection", method), rest...)
}

func password(user, password string) []byte {
	return request(user, "password", wire.AppendString([]byte{0}, password)...)
}

const failure = "failure publickey,password false"

func TestAnswers(t *testing.T) {
	six := [][]byte{service, request("root", "none")}
	wantSix := []string{"accept ssh-userauth", failure}
	for range 6 {
		six, wantSix = append(six, password("root", "x")), append(wantSix, failure)
	}
	wantSix[7] = "disconnect 2 Too many authentication failures"
	for name, c := range map[string]struct {
		in    [][]byte
		want  []string
		asked []string
		login string
	}{
		"login":              {[][]byte{service, request("root", "none"), password("root", "right")}, []string{"accept ssh-userauth", failure, "success"}, []string{"password root right"}, "root"},
		"no service":         {[][]byte{password("root", "right")}, []string{"unimplemented"}, nil, ""},
		"service twice":      {[][]byte{service, service}, []string{"accept ssh-userauth", "accept ssh-userauth"}, nil, ""},
		"other service":      {[][]byte{wire.Message(wire.ServiceRequest, "ssh-connection")}, []string{"disconnect 2 bad service request ssh-connection"}, nil, ""},
		"service with rest":  {[][]byte{append(bytes.Clone(service), 0)}, nil, nil, ""},
		"unknown user":       {[][]byte{service, password("eve", "right")}, []string{"accept ssh-userauth", failure}, []string{"password eve right"}, ""},
		"other user":         {[][]byte{service, password("root", "x"), password("eve", "x")}, []string{"accept ssh-userauth", failure, "disconnect 2 Change of username or service not allowed: (root,ssh-connection) -> (eve,ssh-connection)"}, []string{"password root x"}, ""},
		"style":              {[][]byte{service, password("root:s", "right")}, []string{"accept ssh-userauth", "success"}, []string{"password root right"}, "root"},
		"unknown service":    {[][]byte{service, append(wire.Message(wire.UserauthRequest, "root", "x", "password"), wire.AppendString([]byte{0}, "right")...)}, []string{"accept ssh-userauth", failure}, []string{"password root right"}, ""},
		"unknown method":     {[][]byte{service, request("root", "hostbased")}, []string{"accept ssh-userauth", failure}, []string{"left root"}, ""},
		"change of password": {[][]byte{service, request("root", "password", wire.AppendString(wire.AppendString([]byte{1}, "right"), "new")...)}, []string{"accept ssh-userauth", failure}, []string{"left root"}, ""},
		"cut short":          {[][]byte{service, request("root", "password", 0)}, []string{"accept ssh-userauth"}, []string{"left root"}, ""},
		"channel":            {[][]byte{service, {wire.ChannelOpen}}, []string{"accept ssh-userauth", "unimplemented"}, nil, ""},
		"empty":              {[][]byte{{}}, []string{"unimplemented"}, nil, ""},
		"only none":          {[][]byte{service, request("root", "none")}, []string{"accept ssh-userauth", failure}, []string{"left root"}, ""},
		"six":                {six, wantSix, []string{"password root x", "password root x", "password root x", "password root x", "password root x", "password root x"}, ""},
		"stray answer":       {[][]byte{service, {wire.UserauthInfoReply, 0, 0, 0, 0}}, []string{"accept ssh-userauth", "unimplemented"}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, b := &line{in: c.in}, &book{}
			login, err := auth.Serve(t.Context(), l, b, options())
			if diff := cmp.Diff(c.want, l.out); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.asked, b.asked); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (c.login != "") || login != nil && login.User != c.login {
				t.Errorf("%+v %v", login, err)
			}
		})
	}
}

// TestSilent is Dropbear's manner: the last failure is answered, and no
// disconnect is.
func TestSilent(t *testing.T) {
	o := options()
	o.Silent, o.MaxTries = true, 2
	for name, c := range map[string]struct {
		in   [][]byte
		want int // failures that are answered
	}{
		"too many":        {[][]byte{service, request("root", "none"), request("root", "none"), password("root", "x"), password("root", "x"), password("root", "x")}, 4},
		"other user":      {[][]byte{service, password("root", "x"), password("eve", "x")}, 1},
		"unknown service": {[][]byte{service, append(wire.Message(wire.UserauthRequest, "root", "x", "password"), wire.AppendString([]byte{0}, "right")...)}, 0},
	} {
		l := &line{in: c.in}
		if _, err := auth.Serve(t.Context(), l, &book{}, o); !errors.Is(err, auth.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Join(l.out, ";"); got != "accept ssh-userauth"+strings.Repeat(";"+failure, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestBannerComesOnceBeforeTheFirstAnswer(t *testing.T) {
	o := options()
	o.Banner = "Keep out"
	l := &line{in: [][]byte{service, request("root", "none"), request("root", "none")}}
	_, _ = auth.Serve(t.Context(), l, &book{}, o)
	if diff := cmp.Diff([]string{"accept ssh-userauth", "banner Keep out\n", failure, failure}, l.out); diff != "" {
		t.Error(diff)
	}
}

func TestKeyboardInteractive(t *testing.T) {
	o := options()
	o.Methods, o.Prompt = []string{"publickey", "keyboard-interactive"}, "Password: "
	ask := request("root", "keyboard-interactive", 0, 0, 0, 0, 0, 0, 0, 0)
	answer := func(s string) []byte {
		return wire.AppendString([]byte{wire.UserauthInfoReply, 0, 0, 0, 1}, s)
	}
	l, b := &line{in: [][]byte{service, ask, answer("wrong"), ask, {wire.UserauthInfoReply, 0, 0, 0, 0}, ask, answer("right")}}, &book{}
	login, err := auth.Serve(t.Context(), l, b, o)
	if err != nil || login.Method != "keyboard-interactive" {
		t.Fatal(login, err)
	}
	want := []string{"accept ssh-userauth", "ask 1 Password:  false", "failure publickey,keyboard-interactive false", "ask 1 Password:  false", "failure publickey,keyboard-interactive false", "ask 1 Password:  false", "success"}
	if diff := cmp.Diff(want, l.out); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"keyboard-interactive root wrong", "keyboard-interactive root right"}, b.asked); diff != "" {
		t.Error(diff)
	}
	o.Prompt = ""
	l = &line{in: [][]byte{service, ask}}
	if _, err := auth.Serve(t.Context(), l, b, o); !errors.Is(err, io.EOF) || l.out[1] != "failure publickey,keyboard-interactive false" {
		t.Errorf("%v %v", l.out, err)
	}
}

// TestDelayDoubles: what OpenSSH's ensure_minimum_time_since makes of it.
func TestDelayDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.LeastDelay = func(string) time.Duration { return 6 * time.Millisecond }
		began := time.Now()
		_, _ = auth.Serve(t.Context(), &line{in: [][]byte{service, password("root", "x")}}, &slow{}, o)
		if took := time.Since(began); took != 6*512*time.Millisecond {
			t.Errorf("took %v", took)
		}
		began = time.Now()
		_, _ = auth.Serve(t.Context(), &line{in: [][]byte{service, request("root", "none")}}, &slow{}, o)
		if took := time.Since(began); took != 0 {
			t.Errorf("none took %v", took)
		}
		began = time.Now()
		_, _ = auth.Serve(t.Context(), &line{in: [][]byte{service, password("root", "right")}}, &slow{}, o)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("a right one took %v", took)
		}
	})
}

type slow struct{ book }

func (s *slow) Password(ctx context.Context, who auth.Claim, password string) (bool, error) {
	time.Sleep(2 * time.Second)
	return s.book.Password(ctx, who, password)
}

// signed is a publickey request of a signer; damage turns a bit of its
// signature.
func signed(t *testing.T, signer ssh.Signer, user, method, algorithm string, host []byte, damage bool) []byte {
	t.Helper()
	blob := signer.PublicKey().Marshal()
	body := wire.AppendString(wire.AppendString(wire.AppendBool(wire.Message(wire.UserauthRequest, user, "ssh-connection", method), true), algorithm), blob)
	if host != nil {
		body = wire.AppendString(body, host)
	}
	sig, err := signer.(ssh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, append(wire.AppendString(nil, "the session"), body...), algorithm)
	if err != nil {
		t.Fatal(err)
	}
	if damage {
		sig.Blob[0] ^= 1
	}
	return wire.AppendString(body, ssh.Marshal(sig))
}

func TestKeys(t *testing.T) {
	_, private, _ := ed25519.GenerateKey(rand.Reader)
	ed, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := ssh.NewSignerFromKey(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	o := options()
	o.Hostbound, o.HostKey = true, []byte("host key")
	const method, bound = "publickey", "publickey-hostbound-v00@openssh.com"
	query := func(signer ssh.Signer, algorithm string) []byte {
		return request("root", method, wire.AppendString(wire.AppendString([]byte{0}, algorithm), signer.PublicKey().Marshal())...)
	}
	for name, c := range map[string]struct {
		signer ssh.Signer
		in     []byte
		want   string
		asked  string
	}{
		"question":         {ed, query(ed, "ssh-ed25519"), "ok ssh-ed25519", "key root ssh-ed25519 0"},
		"other key":        {rs, query(ed, "ssh-ed25519"), failure, "key root ssh-ed25519 0"},
		"wrong type":       {ed, query(ed, "rsa-sha2-256"), failure, "key root rsa-sha2-256 0"},
		"old algorithm":    {rs, query(rs, "ssh-rsa"), failure, "key root ssh-rsa 0"},
		"signature":        {ed, signed(t, ed, "root", method, "ssh-ed25519", nil, false), "success", "key root ssh-ed25519 1"},
		"rsa":              {rs, signed(t, rs, "root", method, "rsa-sha2-512", nil, false), "success", "key root rsa-sha2-512 1"},
		"forged":           {ed, signed(t, ed, "root", method, "ssh-ed25519", nil, true), failure, "key root ssh-ed25519 2"},
		"unknown user":     {ed, signed(t, ed, "eve", method, "ssh-ed25519", nil, false), failure, "key eve ssh-ed25519 1"},
		"bound":            {ed, signed(t, ed, "root", bound, "ssh-ed25519", []byte("host key"), false), "success", "key root ssh-ed25519 1"},
		"bound to another": {ed, signed(t, ed, "root", bound, "ssh-ed25519", []byte("other"), false), "", "left root"},
	} {
		t.Run(name, func(t *testing.T) {
			l, b := &line{in: [][]byte{service, c.in}}, &book{key: string(c.signer.PublicKey().Marshal())}
			_, _ = auth.Serve(t.Context(), l, b, o)
			if got := strings.Join(l.out[1:], " "); got != c.want {
				t.Errorf("answer %q, want %q", got, c.want)
			}
			if got := strings.Join(b.asked, ","); !strings.HasPrefix(got, c.asked) {
				t.Errorf("asked %q, want %q", got, c.asked)
			}
		})
	}
}

func FuzzServe(f *testing.F) {
	f.Add(request("root", "none"), password("root", "x"))
	f.Add(request("root", "publickey", 1, 0, 0, 0, 1), []byte{wire.UserauthInfoReply, 255})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		o := options()
		o.Methods, o.Prompt, o.Hostbound = append(o.Methods, "keyboard-interactive"), "Password: ", true
		if login, err := auth.Serve(t.Context(), &line{in: [][]byte{service, a, b}}, &book{}, o); (login == nil) == (err == nil) {
			t.Fatal(login, err)
		}
	})
}
