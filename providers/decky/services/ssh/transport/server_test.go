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
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
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

// echo is a service layer that lets everybody in and sends the data of one
// channel back, within the client's window.
type echo struct {
	c           *transport.Conn
	peer        []byte
	window, max int
	queue       []byte
	eof         bool
}

func (e *echo) run() error {
	for {
		p, err := e.c.ReadPacket()
		if err != nil {
			return err
		}
		if err := e.answer(p); err != nil {
			return err
		}
	}
}

func number(b []byte) int { return int(binary.BigEndian.Uint32(b)) }

func (e *echo) answer(p []byte) error {
	switch p[0] {
	case 5:
		return e.c.WritePacket(append([]byte{6}, p[1:]...))
	case 50:
		if err := e.c.WritePacket([]byte{52}); err != nil {
			return err
		}
		e.c.Authenticated()
		return e.c.AnnounceKeys()
	case 80:
		n := number(p[1:])
		if string(p[5:5+n]) == "hostkeys-prove-00@openssh.com" {
			if reply, ok := e.c.ProveKeys(p[6+n:]); ok {
				return e.c.WritePacket(append([]byte{81}, reply...))
			}
		}
		if p[5+n] == 0 {
			return nil
		}
		return e.c.WritePacket([]byte{82})
	case 90:
		q := p[5+number(p[1:]):]
		e.peer, e.window, e.max = bytes.Clone(q[:4]), number(q[4:]), number(q[8:])
		return e.send([]byte{91}, []byte{0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0x80, 0})
	case 97: // dbclient now and then waits for the end where sshd leaves it to the client
		return io.EOF
	case 93:
		e.window += number(p[5:])
		return e.push()
	case 94:
		e.queue = append(e.queue, p[9:]...)
		return e.push()
	case 96: // the end of the input ends the session
		e.eof = true
		return e.push()
	case 98:
		if p[9+number(p[5:])] == 0 {
			return nil
		}
		return e.send([]byte{99}, nil)
	}
	return e.c.Unimplemented()
}

func (e *echo) send(head, body []byte) error {
	return e.c.WritePacket(slices.Concat(head, e.peer, body))
}

func (e *echo) push() error {
	for len(e.queue) > 0 && e.window > 0 {
		n := min(len(e.queue), e.window, e.max, 32<<10)
		if err := e.send([]byte{94}, append(binary.BigEndian.AppendUint32(nil, uint32(n)), e.queue[:n]...)); err != nil {
			return err
		}
		e.queue, e.window = e.queue[n:], e.window-n
	}
	if e.eof && len(e.queue) == 0 {
		e.eof = false
		if err := e.send([]byte{96}, nil); err != nil {
			return err
		}
		return e.send([]byte{97}, nil)
	}
	return nil
}

// serve runs a server on a connection until it ends.
func serve(t testing.TB, conn net.Conn, config transport.Config) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		c, err := transport.Server(context.Background(), conn, config)
		if err == nil {
			err = (&echo{c: c}).run()
		}
		closeAs(conn, err)
		done <- err
	}()
	return done
}

// closeAs ends a connection as the runtime of the deckies does: what is unread
// is dropped and FIN sent, unless RST is asked for.
func closeAs(conn net.Conn, err error) {
	var end *transport.EndError
	if tcp, ok := conn.(*net.TCPConn); ok && errors.As(err, &end) && end.Reset {
		_ = tcp.SetLinger(0)
	} else {
		_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, _ = io.Copy(io.Discard, conn)
	}
	_ = conn.Close()
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
