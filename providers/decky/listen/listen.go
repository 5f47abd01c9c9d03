// Package listen is the one factory of a decky's sockets, so that none of them
// shows a face of Go's: no multipath TCP, no keepalive of Go's own, IPv4 only,
// and a backlog like a server's. It accepts nothing and speaks no protocol.
package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultBacklog is what web servers ask for; Linux caps it with somaxconn.
const DefaultBacklog = 511

// Options are a persona's; the zero value is neutral.
type Options struct {
	// KeepAlive is the idle time before keepalive probes of accepted
	// connections; 0 sends none, as most servers do.
	KeepAlive time.Duration
	// Backlog is how many connections wait to be accepted; 0 is
	// DefaultBacklog.
	Backlog int
}

// Socket opens a TCP listening socket in the calling thread's network
// namespace, bound to address ("0.0.0.0:22"). The caller closes it. It is not
// registered with Go's poller: Use makes a listener of it, here or in another
// process.
func Socket(address string, options Options) (*os.File, error) {
	fd, name, err := bound(address, unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	backlog := options.Backlog
	if backlog == 0 {
		backlog = DefaultBacklog
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on tcp %s: %w", address, err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "tcp "+name), nil
}

// Packet opens a UDP socket in the calling thread's network namespace. The
// caller closes it.
func Packet(address string) (*os.File, error) {
	fd, name, err := bound(address, unix.SOCK_DGRAM)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "udp "+name), nil
}

func bound(address string, kind int) (fd int, name string, err error) {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return 0, "", fmt.Errorf("listen on %q: %w", address, err)
	}
	if !ap.Addr().Is4() {
		return 0, "", fmt.Errorf("listen on %q: want an IPv4 address", address)
	}
	fd, err = unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, "", fmt.Errorf("listen on %s: %w", address, err)
	}
	if kind == unix.SOCK_STREAM {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return 0, "", errors.Join(fmt.Errorf("listen on %s: %w", address, err), unix.Close(fd))
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}); err != nil {
		return 0, "", errors.Join(fmt.Errorf("listen on %s: %w", address, err), unix.Close(fd))
	}
	return fd, ap.String(), nil
}

// Use makes a listener of a listening socket, whoever opened it. It owns a
// duplicate: closing the listener leaves f open, and f may be closed at once.
func Use(f *os.File, options Options) (net.Listener, error) {
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("take over socket %s: %w", f.Name(), err)
	}
	return Wrap(ln, options)
}

// Wrap gives the accepted connections of a listener, wherever it came from, the
// options of the factory.
func Wrap(ln net.Listener, options Options) (net.Listener, error) {
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("listener on %s is no TCP listener", ln.Addr()), ln.Close())
	}
	return &listener{TCPListener: tcp, options: options}, nil
}

// TCP opens a listener in the calling thread's network namespace. The caller
// closes it.
func TCP(address string, options Options) (net.Listener, error) {
	f, err := Socket(address, options)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Use(f, options)
}

// listener takes back the keepalive that the net package sets on every
// connection it accepts from a socket that it did not open.
type listener struct {
	*net.TCPListener
	options Options
}

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	config := net.KeepAliveConfig{Enable: l.options.KeepAlive > 0, Idle: l.options.KeepAlive, Interval: l.options.KeepAlive}
	if err := conn.SetKeepAliveConfig(config); err != nil {
		return nil, errors.Join(fmt.Errorf("accept from %s: %w", conn.RemoteAddr(), err), conn.Close())
	}
	return conn, nil
}
