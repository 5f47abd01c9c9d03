package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/schema"
)

const (
	dialTimeout  = 5 * time.Second
	writeTimeout = 5 * time.Second
)

// Target takes messages. Write returns once all of them have been handed over;
// on an error any number of them may have been. It is not safe for concurrent
// use.
type Target interface {
	Write(ctx context.Context, messages []string) error
	Close() error
}

// Open makes the target of a sink. It opens nothing yet; the first Write does.
func Open(s schema.Sink) (Target, error) {
	switch s.Type {
	case "file":
		if !filepath.IsAbs(s.Path) {
			return nil, fmt.Errorf("sink %s: path %q is not absolute", s.Name, s.Path)
		}
		return &file{path: filepath.Clean(s.Path)}, nil
	case "syslog":
		network, address, err := syslogAddress(s.Address)
		if err != nil {
			return nil, fmt.Errorf("sink %s: %w", s.Name, err)
		}
		return &syslog{network: network, address: address}, nil
	}
	return nil, fmt.Errorf("sink %s: unknown type %q, want file or syslog", s.Name, s.Type)
}

// file appends lines.
type file struct {
	path string
	f    *os.File
}

// Write implements Target. A file that was moved away, as log rotation does,
// is made anew.
func (t *file) Write(_ context.Context, messages []string) error {
	if err := t.open(); err != nil {
		return err
	}
	data := strings.Join(messages, "\n") + "\n"
	_, err := t.f.WriteString(data)
	if err == nil {
		err = t.f.Sync() // the cursor that follows is on disk, too
	}
	if err != nil {
		return fmt.Errorf("append to %s: %w", t.path, errors.Join(err, t.Close()))
	}
	return nil
}

func (t *file) open() error {
	if t.f != nil {
		now, err := os.Lstat(t.path)
		held, err2 := t.f.Stat()
		if err == nil && err2 == nil && os.SameFile(now, held) {
			return nil
		}
		if err := t.Close(); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(t.path, os.O_RDWR|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return fmt.Errorf("open sink file: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "append to", Path: t.path, Err: errors.New("no regular file")}
	}
	if err == nil {
		err = endLine(f, info.Size())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("open sink file: %w", err), f.Close())
	}
	t.f = f
	return nil
}

// endLine completes a line that a crash has torn, so that it spoils no other.
func endLine(f *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], size-1); err != nil {
		return err
	}
	if last[0] == '\n' {
		return nil
	}
	_, err := f.WriteString("\n")
	return err
}

// Close implements Target.
func (t *file) Close() error {
	if t.f == nil {
		return nil
	}
	err := errors.Join(t.f.Sync(), t.f.Close())
	t.f = nil
	return err
}

// syslog sends messages to a local receiver.
type syslog struct {
	network, address string
	conn             net.Conn
}

// syslogAddress checks the address of a receiver. In plain text nothing may
// leave the machine.
func syslogAddress(text string) (network, address string, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", "", fmt.Errorf("syslog address: %w", err)
	}
	switch u.Scheme {
	case "unix":
		if u.Host != "" || !filepath.IsAbs(u.Path) {
			return "", "", fmt.Errorf("syslog address %q: want unix:///absolute/path", text)
		}
		return "unix", u.Path, nil
	case "udp", "tcp":
		ip, err := netip.ParseAddr(u.Hostname())
		if u.Hostname() == "localhost" {
			ip, err = netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
		}
		if err != nil || !ip.Unmap().IsLoopback() {
			return "", "", fmt.Errorf("syslog address %q: plain %s is allowed to loopback only, or anybody on the way reads and changes it; use 127.0.0.1 or a unix socket, and let a local relay carry it on over TLS", text, u.Scheme)
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"udp": "514", "tcp": "601"}[u.Scheme]
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || u.Path != "" && u.Path != "/" {
			return "", "", fmt.Errorf("syslog address %q: want %s://host:port", text, u.Scheme)
		}
		return u.Scheme, net.JoinHostPort(ip.Unmap().String(), port), nil
	}
	return "", "", fmt.Errorf("syslog address %q: unknown scheme %q, want unix, udp or tcp", text, u.Scheme)
}

// Write implements Target: one message a datagram, or octet-counted frames on
// a stream (RFC 6587 section 3.4.1).
func (t *syslog) Write(ctx context.Context, messages []string) error {
	if err := t.dial(ctx); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = t.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	for _, m := range messages {
		if err := t.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return t.fail(err)
		}
		data := []byte(m)
		if t.conn.RemoteAddr().Network() == "tcp" || t.conn.RemoteAddr().Network() == "unix" {
			data = []byte(strconv.Itoa(len(m)) + " " + m)
		}
		if _, err := t.conn.Write(data); err != nil {
			return t.fail(err)
		}
	}
	return nil
}

func (t *syslog) fail(err error) error {
	return fmt.Errorf("send to syslog at %s: %w", t.address, errors.Join(err, t.Close()))
}

// dial connects where there is no connection; a UNIX socket may be one for
// datagrams, as /dev/log is, or for a stream.
func (t *syslog) dial(ctx context.Context) error {
	if t.conn != nil && !t.hungUp() {
		return nil
	}
	d := net.Dialer{Timeout: dialTimeout}
	networks := []string{t.network}
	if t.network == "unix" {
		networks = []string{"unixgram", "unix"}
	}
	var errs []error
	for _, network := range networks {
		conn, err := d.DialContext(ctx, network, t.address)
		if err == nil {
			t.conn = conn
			return nil
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("connect to syslog at %s: %w", t.address, errors.Join(errs...))
}

// hungUp notices a receiver that closed its stream, before messages are
// written into the void.
func (t *syslog) hungUp() bool {
	network := t.conn.RemoteAddr().Network()
	if network != "tcp" && network != "unix" {
		return false
	}
	if err := t.conn.SetReadDeadline(time.Now().Add(time.Microsecond)); err != nil {
		_ = t.Close()
		return true
	}
	var b [64]byte
	_, err := t.conn.Read(b[:])
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	_ = t.Close()
	return true
}

// Close implements Target.
func (t *syslog) Close() error {
	if t.conn == nil {
		return nil
	}
	err := t.conn.Close()
	t.conn = nil
	return err
}
