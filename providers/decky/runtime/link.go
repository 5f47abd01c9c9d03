package runtime

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// ErrLinkGone says that no interface of this network namespace has the decky's
// address any more: the namespace outlived the container that owned it.
var ErrLinkGone = errors.New("the decky's link is gone")

// linkWait bounds how long Watch waits for the address to appear at first.
const linkWait = 10 * time.Second

// Link looks at the IPv4 addresses of the network namespace in which it was
// opened. Its socket is opened early, so that a process that may open none any
// more can go on looking.
type Link struct {
	fd       int
	sequence uint32
}

// OpenLink opens a routing socket (rtnetlink(7)) in the calling thread's network
// namespace. The caller closes it, not before Watch has returned.
func OpenLink() (*Link, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open routing socket: %w", err)
	}
	patience := syscall.Timeval{Sec: 1}
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &patience); err != nil {
		return nil, errors.Join(fmt.Errorf("set up routing socket: %w", err), syscall.Close(fd))
	}
	return &Link{fd: fd}, nil
}

// Close closes the socket.
func (l *Link) Close() error {
	if err := syscall.Close(l.fd); err != nil {
		return fmt.Errorf("close routing socket: %w", err)
	}
	return nil
}

// Watch looks every interval and returns ErrLinkGone once ip stood on no
// interface twice in a row, or never appeared. A process that then exits is
// started by its engine in the namespace that replaced this one. A parent
// without carrier is no reason: the address stays. It returns nil when ctx ends.
func (l *Link) Watch(ctx context.Context, ip netip.Addr, interval time.Duration) error {
	return watch(ctx, ip, interval, linkWait, l.addrs)
}

func watch(ctx context.Context, ip netip.Addr, interval, patience time.Duration, addrs func() ([]netip.Addr, error)) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	began, seen, missed := time.Now(), false, 0
	for {
		all, err := addrs()
		switch {
		case err == nil && slices.Contains(all, ip.Unmap()):
			seen, missed = true, 0
		case err == nil:
			missed++
		}
		if seen && missed >= 2 || !seen && time.Since(began) > patience {
			return fmt.Errorf("%w: %s", ErrLinkGone, ip)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// addrs asks the kernel for every IPv4 address (RTM_GETADDR).
func (l *Link) addrs() ([]netip.Addr, error) {
	l.sequence++
	request := make([]byte, syscall.NLMSG_HDRLEN+syscall.SizeofIfAddrmsg)
	binary.NativeEndian.PutUint32(request[0:], uint32(len(request)))
	binary.NativeEndian.PutUint16(request[4:], syscall.RTM_GETADDR)
	binary.NativeEndian.PutUint16(request[6:], syscall.NLM_F_REQUEST|syscall.NLM_F_DUMP)
	binary.NativeEndian.PutUint32(request[8:], l.sequence)
	request[syscall.NLMSG_HDRLEN] = syscall.AF_INET
	if err := syscall.Sendto(l.fd, request, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("ask for addresses: %w", err)
	}
	var found []netip.Addr
	buffer := make([]byte, 32<<10)
	for range 64 { // a namespace has a handful of addresses: one message
		n, _, err := syscall.Recvfrom(l.fd, buffer, 0)
		if err != nil {
			return nil, fmt.Errorf("read addresses: %w", err)
		}
		messages, err := syscall.ParseNetlinkMessage(buffer[:n])
		if err != nil {
			return nil, fmt.Errorf("read addresses: %w", err)
		}
		for i := range messages {
			m := &messages[i]
			switch {
			case m.Header.Seq != l.sequence: // of an answer that came too late
			case m.Header.Type == syscall.NLMSG_DONE:
				return found, nil
			case m.Header.Type == syscall.NLMSG_ERROR:
				return nil, errors.New("read addresses: the kernel refuses")
			case m.Header.Type == syscall.RTM_NEWADDR:
				found = append(found, addressOf(m)...)
			}
		}
	}
	return nil, errors.New("read addresses: an answer without end")
}

func addressOf(m *syscall.NetlinkMessage) []netip.Addr {
	attributes, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return nil
	}
	for _, a := range attributes {
		if a.Attr.Type == syscall.IFA_LOCAL {
			if ip, ok := netip.AddrFromSlice(a.Value); ok {
				return []netip.Addr{ip}
			}
		}
	}
	return nil
}
