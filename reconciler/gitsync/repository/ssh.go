package repository

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// overStream is a session of git over a connection that goes both ways: ssh or
// git:// (gitprotocol-pack).
type overStream struct {
	access *access
	in     io.Reader
	out    io.Writer
	said   *tail  // what it says beside; nil: it has nothing beside
	ended  func() // waits a little until it said all; nil with said
	close  func() error
}

func (s *overStream) advertised(context.Context) (*packp.AdvRefs, error) {
	refs, err := decodeRefs(s.access, s.in)
	var missing *MissingError
	if err == nil || errors.As(err, &missing) {
		return refs, err
	}
	return nil, s.told(err)
}

func (s *overStream) ask(_ context.Context, q *packp.UploadPackRequest) (*answer, error) {
	text, err := encode(q)
	if err != nil {
		return nil, err
	}
	if _, err := s.out.Write(text); err != nil {
		return nil, s.told(err)
	}
	answer, err := decode(s.access, s.in, q)
	if err != nil {
		return nil, s.told(err)
	}
	return answer, nil
}

// told adds what the host said to an error that only says it hung up.
func (s *overStream) told(err error) error {
	if s.ended != nil {
		s.ended()
	}
	said := s.said.text()
	var unreachable *UnreachableError
	if said == "" || !errors.As(err, &unreachable) {
		return err
	}
	return s.access.fail(reasonOfText(said, unreachable.Reason), "it says %s", said)
}

func (s *overStream) Close() error {
	_, _ = io.WriteString(s.out, "0000") // want nothing more; it may be gone
	return s.close()
}

func newGit(o Options, u *url.URL) (dialer, error) {
	if o.TokenFile != "" || o.KeyFile != "" {
		return nil, fmt.Errorf("repository %s: git:// knows neither token nor key", Redact(o.URL))
	}
	address := net.JoinHostPort(u.Hostname(), orElse(u.Port(), "9418"))
	return func(ctx context.Context, a *access) (session, error) {
		conn, err := netDialer(!o.Insecure).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		ask := service + " " + u.Path + "\x00host=" + u.Host + "\x00"
		if _, err := fmt.Fprintf(conn, "%04x%s", len(ask)+4, ask); err != nil {
			stop()
			return nil, errors.Join(err, conn.Close())
		}
		return &overStream{access: a, in: a.meter.reader(conn), out: conn, close: func() error {
			stop()
			return conn.Close()
		}}, nil
	}, nil
}

func newSSH(o Options, user, host, port, path string) (dialer, error) {
	switch {
	case o.TokenFile != "":
		return nil, fmt.Errorf("repository %s: a token is for https; ssh takes a key", Redact(o.URL))
	case o.KeyFile == "" || o.KnownHostsFile == "":
		return nil, fmt.Errorf("repository %s: ssh wants a key file and a known_hosts file", Redact(o.URL))
	case path == "" || strings.HasPrefix(path, "-") || strings.HasPrefix(host, "-"):
		return nil, fmt.Errorf("repository %s: it names no path", Redact(o.URL))
	}
	address := net.JoinHostPort(host, port)
	command := service + " '" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
	return func(ctx context.Context, a *access) (session, error) {
		config, err := sshConfig(o, a, user, address)
		if err != nil {
			return nil, err
		}
		return dialSSH(ctx, a, config, address, command)
	}, nil
}

func sshConfig(o Options, a *access, user, address string) (*ssh.ClientConfig, error) {
	signer, err := sshKey(o, a)
	if err != nil {
		return nil, a.fail(Credentials, "%v", err)
	}
	if info, err := os.Stat(o.KnownHostsFile); err != nil || info.Size() > 1<<20 || info.Mode().Perm()&0o002 != 0 {
		return nil, a.fail(Credentials, "%s cannot be used as known_hosts: it must be there, be small, and not be written by everybody", o.KnownHostsFile)
	}
	hosts, err := knownhosts.NewDB(o.KnownHostsFile)
	if err != nil {
		return nil, a.fail(Credentials, "known_hosts: %v", err)
	}
	check := hosts.HostKeyCallback()
	return &ssh.ClientConfig{
		User:              orElse(user, "git"),
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyAlgorithms: hosts.HostKeyAlgorithms(address),
		HostKeyCallback: func(hostname string, remote net.Addr, key ssh.PublicKey) error {
			err := check(hostname, remote, key)
			var revoked *xknownhosts.RevokedError
			switch {
			case err == nil:
				return nil
			case knownhosts.IsHostKeyChanged(err):
				return a.fail(HostKey, "the host has the key %s, not the one in known_hosts", ssh.FingerprintSHA256(key))
			case knownhosts.IsHostUnknown(err):
				return a.fail(HostKey, "the host, with the key %s, is not in known_hosts", ssh.FingerprintSHA256(key))
			case errors.As(err, &revoked):
				return a.fail(HostKey, "the key of the host was revoked")
			}
			return a.fail(HostKey, "%v", err)
		},
		Timeout: connectTimeout,
	}, nil
}

func sshKey(o Options, a *access) (ssh.Signer, error) {
	key, err := secret(o.KeyFile)
	if err != nil {
		return nil, err
	}
	if o.PassphraseFile == "" {
		signer, err := ssh.ParsePrivateKey(key)
		var locked *ssh.PassphraseMissingError
		if errors.As(err, &locked) {
			return nil, fmt.Errorf("the key %s has a passphrase; name a file that holds it", o.KeyFile)
		}
		if err != nil {
			return nil, fmt.Errorf("%s is no private key that ssh takes", o.KeyFile)
		}
		return signer, nil
	}
	passphrase, err := line(o.PassphraseFile)
	if err != nil {
		return nil, err
	}
	a.secrets = append(a.secrets, passphrase)
	signer, err := ssh.ParsePrivateKeyWithPassphrase(key, []byte(passphrase))
	if err != nil {
		return nil, fmt.Errorf("the passphrase does not open the key %s", o.KeyFile)
	}
	return signer, nil
}

func dialSSH(ctx context.Context, a *access, config *ssh.ClientConfig, address, command string) (session, error) {
	conn, err := netDialer(false).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	abandon := func(err error) error {
		stop()
		return errors.Join(err, conn.Close())
	}
	under, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		var unreachable *UnreachableError
		if !errors.As(err, &unreachable) && strings.Contains(err.Error(), "unable to authenticate") { // no type of its own
			err = a.fail(Unauthorized, "the host does not take the key")
		}
		return nil, abandon(err)
	}
	client := ssh.NewClient(under, channels, requests)
	running, err := client.NewSession()
	if err != nil {
		return nil, abandon(err)
	}
	over := make(chan struct{})
	s := &overStream{access: a, said: &tail{}, ended: func() {
		select {
		case <-over:
		case <-ctx.Done():
		case <-time.After(lastWords):
		}
	}, close: func() error {
		err := client.Close()
		stop()
		<-over
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		return err
	}}
	running.Stderr = s.said
	out, err := running.StdinPipe()
	if err != nil {
		return nil, abandon(err)
	}
	in, err := running.StdoutPipe()
	if err != nil {
		return nil, abandon(err)
	}
	s.in, s.out = a.meter.reader(in), out
	if err := running.Start(command); err != nil {
		return nil, abandon(err)
	}
	go func() { // until close
		defer close(over)
		_ = running.Wait() // the connection tells what went wrong
	}()
	return s, nil
}

// lastWords is how long to wait for what a host says beside, after it hung up.
const lastWords = 2 * time.Second

// tail keeps the first bytes of what a host says on its error output.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := 4096 - t.b.Len(); room > 0 {
		t.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (t *tail) text() string {
	if t == nil {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}
