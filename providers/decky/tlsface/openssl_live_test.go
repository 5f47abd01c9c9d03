//go:build live

package tlsface_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/tlsface"
)

// client runs openssl s_client against a server, types text, and returns what it
// prints. It waits for the answer before it leaves.
func client(t *testing.T, address, text string, args ...string) string {
	t.Helper()
	binary, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl is missing: apt-get install openssl")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"s_client", "-connect", address}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.SplitAfter(text, "\n") {
		time.Sleep(80 * time.Millisecond)
		if _, err := in.Write([]byte(line)); err != nil {
			break // it ended; what it printed tells why
		}
	}
	_ = cmd.Wait() // its status tells of the certificate
	return out.String()
}

// Every suite that OpenSSL's client shares with us carries data, those that Go
// does not have among them, with and without encrypt-then-MAC.
func TestOpenSSLsClientWorksWithEverySuite(t *testing.T) {
	for name, config := range keys {
		config.Weak = true
		s := ours(t, config)
		listed, err := exec.CommandContext(t.Context(), "openssl", "ciphers", "-s", "-tls1_2", "ALL:!aNULL:!PSK:!SRP:@SECLEVEL=0").Output()
		if err != nil {
			t.Fatal(err)
		}
		worked := 0
		for cipher := range strings.SplitSeq(strings.TrimSpace(string(listed)), ":") {
			if !tlsface.Protects(cipher, name == "rsa") {
				continue
			}
			worked++
			t.Run(name+"/"+cipher, func(t *testing.T) {
				t.Parallel()
				out := client(t, s, "ping\nQ\n", "-tls1_2", "-cipher", cipher+":@SECLEVEL=0")
				if !strings.Contains(out, "Cipher is "+cipher) || !strings.Contains(out, "\nping\n") {
					t.Errorf("printed:\n%s", out)
				}
			})
		}
		if worked < 11 {
			t.Errorf("%s: only %d suites", name, worked)
		}
	}
}

func TestOpenSSLsClientWorks(t *testing.T) {
	config := keys["ecdsa"]
	config.Weak = true
	s := ours(t, config)
	for _, c := range []struct {
		name, text string
		args       []string
		want       []string
	}{
		{"X448", "ping\nQ\n", []string{"-groups", "X448:P-256"}, []string{"X448", "\nping\n"}},
		{"P-521 with 1.2", "ping\nQ\n", []string{"-tls1_2", "-groups", "P-521:P-256"}, []string{"\nping\n"}},
		{"TLS 1.0", "ping\nQ\n", []string{"-tls1", "-cipher", "ALL:@SECLEVEL=0"}, []string{"Protocol  : TLSv1\n", "\nping\n"}},
		{"TLS 1.1", "ping\nQ\n", []string{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}, []string{"Protocol  : TLSv1.1\n", "\nping\n"}},
		{"key update", "one\nK\ntwo\nk\nthree\nQ\n", []string{"-tls1_3"}, []string{"KEYUPDATE", "\none\n", "\ntwo\n", "\nthree\n"}},
		{"renegotiation", "one\nR\ntwo\n", []string{"-tls1_2"}, []string{"\none\n", "no renegotiation"}},
		{"resumption with 1.2", "Q\n", []string{"-tls1_2", "-reconnect"}, []string{"Reused, TLSv1.2"}},
		{"resumption with no ticket", "Q\n", []string{"-tls1_2", "-reconnect", "-no_ticket"}, []string{"New, TLSv1.2"}},
		{"no middle boxes", "ping\nQ\n", []string{"-no_middlebox"}, []string{"\nping\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := client(t, s, c.text, c.args...)
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not among what was printed:\n%s", want, out)
				}
			}
		})
	}
	t.Run("sessions kept here", func(t *testing.T) {
		config.Tickets = false
		if out := client(t, ours(t, config), "Q\n", "-tls1_2", "-reconnect"); strings.Count(out, "Reused, TLSv1.2") != 5 {
			t.Errorf("not all five were resumed:\n%s", fmt.Sprint(strings.Count(out, "Reused")))
		}
	})
}
