package probe

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// SSH logs in with a password and runs one command.
type SSH struct {
	Address  string // IP and port
	User     string
	Password string
	Command  string // "" logs in only
	Timeout  time.Duration
}

// SSHResult is what an SSH probe saw.
type SSHResult struct {
	Outcome
	Login bool
	// Version is how the server calls itself: "SSH-2.0-OpenSSH_9.2p1 ...".
	Version string
	HostKey string // SHA256:... of the key it proved
	Output  string // standard output of the command, with its errors behind it
	Status  int    // exit status of the command
}

// clientVersion is what most attackers' Go programs say.
const clientVersion = "SSH-2.0-Go"

// Run probes. A refused password is no error: Login is false.
func (p SSH) Run(ctx context.Context, dial Dial) SSHResult {
	began := time.Now()
	var r SSHResult
	err := p.run(ctx, dial, &r)
	r.Error, r.Took = reason(err, p.Timeout), time.Since(began)
	return r
}

func (p SSH) run(ctx context.Context, dial Dial, r *SSHResult) error {
	conn, local, err := connect(ctx, dial, p.Address, p.Timeout)
	if err != nil {
		return err
	}
	r.Local = local
	asked := false
	client, channels, requests, err := ssh.NewClientConn(conn, p.Address, &ssh.ClientConfig{
		User: p.User, ClientVersion: clientVersion,
		Auth: []ssh.AuthMethod{ssh.PasswordCallback(func() (string, error) { asked = true; return p.Password, nil })},
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error { // a decoy's key is what is looked at
			r.HostKey = ssh.FingerprintSHA256(key)
			return nil
		},
	})
	if err != nil {
		closeErr := conn.Close()
		if asked && strings.Contains(err.Error(), "unable to authenticate") {
			return nil
		}
		if errors.Is(closeErr, net.ErrClosed) {
			closeErr = nil // the client did it
		}
		return errors.Join(err, closeErr)
	}
	r.Login, r.Version = true, string(client.ServerVersion())
	c := ssh.NewClient(client, channels, requests)
	err = p.command(c, r)
	if closeErr := c.Close(); err == nil && !errors.Is(closeErr, net.ErrClosed) {
		err = closeErr
	}
	return err
}

func (p SSH) command(c *ssh.Client, r *SSHResult) error {
	if p.Command == "" {
		return nil
	}
	session, err := c.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	var out, stderr limited
	session.Stdout, session.Stderr = &out, &stderr
	err = session.Run(p.Command)
	r.Output = out.String() + stderr.String()
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		r.Status = exit.ExitStatus()
		return nil
	}
	return err
}

// limited keeps the first maxAnswer bytes.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := maxAnswer - l.Len(); room > 0 {
		l.Buffer.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}
