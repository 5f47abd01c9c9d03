//go:build live

package server_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/decnet/decnet/cmd/internal/judge/client"
	"github.com/decnet/decnet/cmd/internal/judge/lab"
	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/server"
	"github.com/decnet/decnet/cmd/internal/judge/transcript"
)

// The tests run in a lab: this binary again, in namespaces of its own.
func TestMain(m *testing.M) {
	if lab.Inside() {
		os.Exit(m.Run())
	}
	code, err := lab.Run(context.Background(), os.Args[1:], nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func TestEveryKindAnswers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l, err := lab.Enter(ctx, "srv-atlas-17", "a password", "")
	if err != nil {
		t.Fatal(err)
	}
	const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	page := []byte("<html>a page of the test's</html>\n")
	for name, c := range map[string]struct {
		kind       server.Kind
		send, want string
		tls        bool
	}{
		"sshd":           {kind: server.SSHD("LoginGraceTime 5"), want: "SSH-2.0-OpenSSH_"},
		"dropbear":       {kind: server.Dropbear(), want: "SSH-2.0-dropbear_"},
		"x/crypto":       {kind: server.XCryptoSSH{Identification: "SSH-2.0-OpenSSH_x"}, want: "SSH-2.0-OpenSSH_x\r\n"},
		"nginx":          {kind: server.Nginx(nil), send: get, want: "Welcome to nginx"},
		"nginx with TLS": {kind: server.NginxTLS("srv.example", nil), send: get, want: "Welcome to nginx", tls: true},
		"apache":         {kind: server.Apache("srv.example", server.Files{"/index.html": page}), send: get, want: string(page)},
		"apache's page":  {kind: server.Apache("srv.example", nil), send: get, want: "Apache2 Debian Default Page"},
		"lighttpd":       {kind: server.Lighttpd(server.Files{"/index.html": page}), send: get, want: string(page)},
		"net/http":       {kind: server.NetHTTP{Product: "x/1", Page: page, Port: 80}, send: get, want: "Server: x/1"},
		"telnetd":        {kind: server.Telnetd(), want: "\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27"},
		"busybox":        {kind: server.BusyboxTelnetd(), want: "\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x01\xff\xfb\x03"},
	} {
		t.Run(name, func(t *testing.T) {
			var addresses []string
			for range 2 { // of every kind there may be two
				ip, err := l.Address(ctx)
				if err != nil {
					t.Fatal(err)
				}
				running, err := c.kind.Start(ctx, l, ip)
				if err != nil {
					t.Fatal(err)
				}
				defer running.Stop()
				addresses = append(addresses, running.Address)
				p := probe.Probe{Name: "x"}
				if c.tls {
					p.Steps = append(p.Steps, probe.Step{TLS: &probe.TLS{ServerName: "srv.example"}})
				}
				p.Steps = append(p.Steps, probe.Step{Send: probe.Text(c.send)}, probe.Step{Read: &probe.Read{Timeout: probe.Duration(3 * time.Second)}})
				heard := (&client.Client{Address: running.Address}).Play(ctx, p)
				var all []byte
				for _, e := range heard.Heard() {
					all = append(all, e.Data...)
				}
				if !bytes.Contains(all, []byte(c.want)) {
					t.Errorf("no %q in\n%s%s", c.want, heard, running.Output())
				}
				if heard.End != transcript.Open && heard.End != transcript.FIN {
					t.Errorf("ends %s %s", heard.End, heard.Err)
				}
			}
			if addresses[0] == addresses[1] {
				t.Errorf("two servers on %s", addresses[0])
			}
		})
	}
}
