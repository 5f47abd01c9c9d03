package probe_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/cmd/internal/probe"
)

// serve answers every connection with fn and returns the address.
func serve(t *testing.T, fn func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			fn(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

func TestTCP(t *testing.T) {
	greets := serve(t, func(c net.Conn) { fmt.Fprint(c, "220 mail\r\n"); io.Copy(io.Discard, c) })
	r := probe.TCP{Address: greets, Timeout: 2 * time.Second}.Run(t.Context(), dial)
	if !r.Open || r.Banner != "220 mail\r\n" || r.Error != "" || r.Local.Port == 0 {
		t.Errorf("%+v", r)
	}
	if r.Took > time.Second {
		t.Errorf("a banner took %s: it does not end with its pause", r.Took)
	}
	echoes := serve(t, func(c net.Conn) {
		line, _ := bufio.NewReader(c).ReadString('\n')
		fmt.Fprint(c, strings.ToUpper(line))
	})
	if r := (probe.TCP{Address: echoes, Send: "ping\n", Timeout: 2 * time.Second}).Run(t.Context(), dial); r.Banner != "PING\n" || r.Error != "" {
		t.Errorf("%+v", r)
	}
	silent := serve(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	if r := (probe.TCP{Address: silent, Timeout: 200 * time.Millisecond}).Run(t.Context(), dial); !r.Open || r.Banner != "" || r.Error != "" {
		t.Errorf("a silent server: %+v", r)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if r := (probe.TCP{Address: ln.Addr().String(), Timeout: time.Second}).Run(t.Context(), dial); r.Open || !strings.Contains(r.Error, "refused") {
		t.Errorf("nobody listens: %+v", r)
	}
	late := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	if r := (probe.TCP{Address: "192.0.2.1:1", Timeout: 20 * time.Millisecond}).Run(t.Context(), late); r.Error != "no answer within 20ms" {
		t.Errorf("no answer: %+v", r)
	}
}

func TestHTTPShowsTheRawOrderOfHeaders(t *testing.T) {
	var asked string
	address := serve(t, func(c net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			t.Errorf("read request: %v", err)
			return
		}
		body, _ := io.ReadAll(request.Body)
		asked = fmt.Sprint(request.Method, " ", request.RequestURI, " ", request.Host, " ", request.Header.Get("X-Y"), " ", string(body))
		fmt.Fprint(c, "HTTP/1.1 404 Nope\r\nzeta: 1\r\nServer: nginx\r\nAlpha: 2\r\nzeta: 3\r\nContent-Length: 4\r\n\r\ngone")
	})
	r := probe.HTTP{Address: address, Method: "POST", Path: "/a?b", Host: "h", Headers: map[string]string{"x-y": "z"}, Body: "in", Timeout: 2 * time.Second}.Run(t.Context(), dial)
	if asked != "POST /a?b h z in" {
		t.Errorf("asked %q", asked)
	}
	if r.Status != 404 || r.Reason != "Nope" || r.Protocol != "HTTP/1.1" || r.Body != "gone" || r.Error != "" {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff([]string{"zeta", "Server", "Alpha", "zeta", "Content-Length"}, r.Order); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"zeta": "1, 3", "server": "nginx", "alpha": "2", "content-length": "4"}, r.Headers); diff != "" {
		t.Error(diff)
	}
	for name, p := range map[string]probe.HTTP{
		"path": {Path: "/\r\nX: 1"}, "header": {Headers: map[string]string{"A": "b\r\nC: d"}}, "host": {Host: "h\nX: 1"},
	} {
		p.Address, p.Timeout = address, time.Second
		if r := p.Run(t.Context(), dial); !strings.Contains(r.Error, "line break") {
			t.Errorf("a line break in the %s: %+v", name, r)
		}
	}
	rude := serve(t, func(c net.Conn) { fmt.Fprint(c, "no\n\n") })
	if r := (probe.HTTP{Address: rude, Timeout: time.Second}).Run(t.Context(), dial); !strings.Contains(r.Error, "read the response") {
		t.Errorf("no HTTP: %+v", r)
	}
}

// sshServer knows root with the password toor and one command, fail.
func sshServer(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{ServerVersion: "SSH-2.0-Test", PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		if c.User() == "root" && string(password) == "toor" {
			return nil, nil
		}
		return nil, errors.New("no")
	}}
	config.AddHostKey(signer)
	return serve(t, func(c net.Conn) {
		_, channels, requests, err := ssh.NewServerConn(c, config)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(requests)
		for offered := range channels {
			channel, asked, err := offered.Accept()
			if err != nil {
				return
			}
			for r := range asked {
				r.Reply(r.Type == "exec", nil)
				if r.Type != "exec" {
					continue
				}
				fmt.Fprintf(channel, "ran %s\n", r.Payload[4:])
				channel.SendRequest("exit-status", false, []byte{0, 0, 0, 3})
				channel.Close()
			}
		}
	})
}

func TestSSH(t *testing.T) {
	address := sshServer(t)
	r := probe.SSH{Address: address, User: "root", Password: "toor", Command: "id", Timeout: 5 * time.Second}.Run(t.Context(), dial)
	if !r.Login || r.Output != "ran id\n" || r.Status != 3 || r.Version != "SSH-2.0-Test" || !strings.HasPrefix(r.HostKey, "SHA256:") || r.Error != "" {
		t.Errorf("%+v", r)
	}
	r = probe.SSH{Address: address, User: "root", Password: "no", Command: "id", Timeout: 5 * time.Second}.Run(t.Context(), dial)
	if r.Login || r.Error != "" || r.HostKey == "" {
		t.Errorf("a wrong password: %+v", r)
	}
	mute := serve(t, func(c net.Conn) { fmt.Fprint(c, "220 mail\r\n") })
	if r := (probe.SSH{Address: mute, Timeout: time.Second}).Run(t.Context(), dial); r.Login || r.Error == "" {
		t.Errorf("no SSH: %+v", r)
	}
}
