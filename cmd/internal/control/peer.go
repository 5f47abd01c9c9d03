package control

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Access is what a caller may do.
type Access int

// The accesses.
const (
	None Access = iota
	Read
	Operate
)

// peer is the process at the other end, as the kernel knows it.
type peer struct {
	uid, gid uint32
	known    bool
}

type peerKey struct{}

// withPeer notes who connected.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, peerBehind(conn))
}

// peerBehind is who connected (unix(7), SO_PEERCRED).
func peerBehind(conn net.Conn) peer {
	var p peer
	if c, ok := conn.(syscall.Conn); ok && conn.LocalAddr().Network() == "unix" {
		if raw, err := c.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { // if it fails, p stays unknown, and nobody is let in
				if credentials, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
					p = peer{uid: credentials.Uid, gid: credentials.Gid, known: true}
				}
			})
		}
	}
	return p
}

// sparing lets those who may not operate have few connections, so that they can
// take none from those who may, nor files from the daemon.
type sparing struct {
	net.Listener

	readers int
	slots   chan struct{}
}

// Accept implements net.Listener. What is beyond the slots is closed.
func (s *sparing) Accept() (net.Conn, error) {
	for {
		conn, err := s.Listener.Accept()
		if err != nil || access(peerBehind(conn), s.readers) == Operate {
			return conn, err
		}
		unix, ok := conn.(*net.UnixConn)
		if ok {
			select {
			case s.slots <- struct{}{}:
				return &spared{unix, sync.OnceFunc(func() { <-s.slots })}, nil
			default:
			}
		}
		_ = conn.Close() // nobody has read from it
	}
}

type spared struct {
	*net.UnixConn

	release func()
}

// Close implements net.Conn.
func (s *spared) Close() error {
	defer s.release()
	return s.UnixConn.Close()
}

func peerOf(ctx context.Context) peer {
	p, _ := ctx.Value(peerKey{}).(peer)
	return p
}

// access is what a peer may do: the daemon's own user and root everything, who
// has the group of readers as its own only GET.
func access(p peer, readers int) Access {
	switch {
	case !p.known:
		return None
	case p.uid == 0 || int(p.uid) == os.Geteuid():
		return Operate
	case readers > 0 && int(p.gid) == readers:
		return Read
	default:
		return None
	}
}

// who names a peer for the history.
func (p peer) who() string {
	if u, err := user.LookupId(strconv.FormatUint(uint64(p.uid), 10)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", p.uid)
}
