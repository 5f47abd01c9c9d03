package transport_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/services/ssh/build"
	"github.com/decnet/decnet/providers/decky/services/ssh/transport"
)

// hostKeys are made once for all tests.
var hostKeys = sync.OnceValue(func() transport.Keys {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	key := func(kind string, s crypto.Signer) transport.HostKey {
		return transport.HostKey{Type: kind, Signer: func() (crypto.Signer, error) { return s, nil }}
	}
	return transport.Keys{key("ssh-rsa", rs), key("ecdsa-sha2-nistp256", ec), key("ssh-ed25519", ed)}
})

// pipe is a connection over loopback.
func pipe(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			close(accepted)
			return
		}
		accepted <- c
	}()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, ok := <-accepted
	if !ok {
		t.Fatal("accept failed")
	}
	deadline := time.Now().Add(30 * time.Second)
	for _, c := range []net.Conn{client, server} {
		if err := c.SetDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	return client, server
}

// echo is a service layer that lets everybody in and sends the data of the
// channels back.
func echo(c *transport.Conn) error {
	for {
		p, err := c.ReadPacket()
		if err != nil {
			return err
		}
		if err := answer(c, p); err != nil {
			return err
		}
	}
}

func answer(c *transport.Conn, p []byte) error {
	switch p[0] {
	case 5:
		return c.WritePacket(append([]byte{6}, p[1:]...))
	case 50:
		if err := c.WritePacket([]byte{52}); err != nil {
			return err
		}
		c.Authenticated()
		return c.AnnounceKeys()
	case 90:
		n := int(p[4])
		peer := p[5+n : 9+n]
		b := append([]byte{91}, peer...)
		return c.WritePacket(append(b, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0x80, 0))
	case 94: // channel 0 of the client is the only one
		return c.WritePacket(append([]byte{94, 0, 0, 0, 0}, p[5:]...))
	case 93, 96, 97:
		return nil
	case 98:
		return c.WritePacket([]byte{99, 0, 0, 0, 0})
	case 80:
		n := int(p[4])
		if string(p[5:5+n]) == "hostkeys-prove-00@openssh.com" {
			if reply, ok := c.ProveKeys(p[6+n:]); ok {
				return c.WritePacket(append([]byte{81}, reply...))
			}
		}
		return c.WritePacket([]byte{82})
	}
	return c.Unimplemented()
}

// serve runs a server on a connection until it ends.
func serve(t testing.TB, conn net.Conn, config transport.Config) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		defer conn.Close()
		c, err := transport.Server(context.Background(), conn, config)
		if err == nil {
			err = echo(c)
		}
		done <- err
	}()
	return done
}

func config(name string) transport.Config {
	return transport.Config{Build: build.Named(name), Keys: hostKeys()}
}

// talk logs in with x/crypto and sends data through a channel and back.
func talk(t *testing.T, server transport.Config, client ssh.Config, hostKey []string, size int) {
	t.Helper()
	near, far := pipe(t)
	done := serve(t, far, server)
	conn, channels, requests, err := ssh.NewClientConn(near, "", &ssh.ClientConfig{
		Config: client, User: "u", HostKeyCallback: ssh.InsecureIgnoreHostKey(), HostKeyAlgorithms: hostKey,
	})
	if err != nil {
		t.Fatalf("client: %v", err)
	}
	go ssh.DiscardRequests(requests)
	go func() {
		for c := range channels {
			_ = c.Reject(ssh.Prohibited, "")
		}
	}()
	ch, chRequests, err := conn.OpenChannel("session", nil)
	if err != nil {
		t.Fatalf("open a channel: %v", err)
	}
	go ssh.DiscardRequests(chRequests)
	sent := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	go func() { _, _ = ch.Write(sent) }()
	got := make([]byte, len(sent))
	for n := 0; n < len(got); {
		m, err := ch.Read(got[n:])
		if err != nil {
			t.Fatalf("read after %d bytes: %v; server: %v", n, err, <-done)
		}
		n += m
	}
	if !bytes.Equal(got, sent) {
		t.Fatal("the data came back changed")
	}
	_ = conn.Close()
	var end *transport.EndError
	if err := <-done; !errors.As(err, &end) || !end.Client {
		t.Errorf("server ended with %v, not with the client's leaving", err)
	}
}

func TestGoClient(t *testing.T) {
	talk(t, config("debian-12"), ssh.Config{}, nil, 100_000)
}
