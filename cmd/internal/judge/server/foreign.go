package server

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/cmd/internal/judge/lab"
)

// NetHTTP is a server of the Go library that serves page at / and claims to be
// product: what a decoy that was not made with care is.
type NetHTTP struct {
	Product string
	Page    []byte
	Port    uint16
}

// Start implements Kind.
func (n NetHTTP) Start(ctx context.Context, _ *lab.Lab, ip netip.Addr) (*Running, error) {
	listener, err := listen(ctx, ip, n.Port)
	if err != nil {
		return nil, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", n.Product)
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(n.Page) // the client may be gone
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	return &Running{Address: listener.Addr().String(), Stop: func() { _ = server.Close(); <-done }, Output: func() string { return "" }}, nil
}

// XCryptoSSH is the SSH server that Go's library makes of a few lines, with the
// identification of the real one.
type XCryptoSSH struct{ Identification string }

// Start implements Kind.
func (x XCryptoSSH) Start(ctx context.Context, l *lab.Lab, ip netip.Addr) (*Running, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a host key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a host key: %w", err)
	}
	config := &ssh.ServerConfig{ServerVersion: x.Identification, PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		if c.User() == lab.Account && string(password) == l.Password {
			return nil, nil
		}
		return nil, errors.New("wrong password")
	}}
	config.AddHostKey(signer)
	listener, err := listen(ctx, ip, 22)
	if err != nil {
		return nil, err
	}
	accepting := &acceptor{listener: listener, conns: map[net.Conn]bool{}}
	accepting.wait.Go(func() { accepting.accept(func(c net.Conn) { serveSSH(c, config) }) })
	return &Running{Address: listener.Addr().String(), Stop: accepting.stop, Output: func() string { return "" }}, nil
}

// acceptor owns the connections of a foreign server.
type acceptor struct {
	listener net.Listener
	wait     sync.WaitGroup
	mu       sync.Mutex
	conns    map[net.Conn]bool
	stopped  bool
}

func (a *acceptor) accept(serve func(net.Conn)) {
	for {
		c, err := a.listener.Accept()
		if err != nil {
			return
		}
		a.mu.Lock()
		stopped := a.stopped
		a.conns[c] = true
		a.mu.Unlock()
		if stopped {
			_ = c.Close()
			continue
		}
		a.wait.Go(func() {
			serve(c)
			_ = c.Close() // the client may have closed it
			a.mu.Lock()
			delete(a.conns, c)
			a.mu.Unlock()
		})
	}
}

func (a *acceptor) stop() {
	a.mu.Lock()
	a.stopped = true
	for c := range a.conns {
		_ = c.Close()
	}
	a.mu.Unlock()
	_ = a.listener.Close()
	a.wait.Wait()
}

// serveSSH answers exec requests for true and "exit 3", and shells with nothing.
func serveSSH(c net.Conn, config *ssh.ServerConfig) {
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	defer conn.Close()
	var wait sync.WaitGroup
	wait.Go(func() { ssh.DiscardRequests(requests) })
	for offered := range channels {
		if offered.ChannelType() != "session" {
			_ = offered.Reject(ssh.UnknownChannelType, "unknown channel type")
			continue
		}
		channel, requests, err := offered.Accept()
		if err != nil {
			break
		}
		wait.Go(func() { _, _ = io.Copy(io.Discard, channel) })
		wait.Go(func() {
			for r := range requests {
				known := r.Type == "exec" || r.Type == "shell" || r.Type == "pty-req" || r.Type == "env"
				_ = r.Reply(known, nil)
				if r.Type != "exec" {
					continue
				}
				status := struct{ Status uint32 }{}
				if len(r.Payload) > 4 && string(r.Payload[4:]) == "exit 3" {
					status.Status = 3
				}
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(status))
				_ = channel.Close()
			}
		})
	}
	wait.Wait()
}
