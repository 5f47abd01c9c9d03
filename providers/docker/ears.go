package docker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/link"
)

// ears hear what happens in network namespaces: links, addresses, routes and
// packet filters.
type ears interface {
	// add makes them hear the namespace of a process from now on, as address's.
	add(pid int, address string) error
	// hear tells of every change until ctx ends or they are deaf. An empty
	// address is that of anybody: something was missed.
	hear(ctx context.Context, tell func(address, what string)) error
	close() error
}

// netlinkEars are two sockets for all namespaces (NETLINK_LISTEN_ALL_NSID,
// netlink(7)): none stands inside a namespace, so that none keeps a dead one,
// and its link, alive.
type netlinkEars struct {
	lineage string
	handle  *netlink.Handle
	sockets []*os.File

	mu     sync.Mutex
	owners map[int32]string // by the id that this namespace has for the other
	host   map[int32]string // by the index of a link of ours in this namespace
}

// Multicast groups (linux/rtnetlink.h, linux/netfilter/nfnetlink.h).
var (
	routeGroups = []int{
		unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV4_RULE,
		unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_NSID,
	}
	filterGroups = []int{unix.NFNLGRP_NFTABLES}
)

// earBuffer is how much may wait in a socket.
const earBuffer = 4 << 20

// listen opens the ears. They belong to the namespace that the process is in.
func (kernel) listen(lineage string) (ears, error) {
	e := &netlinkEars{lineage: lineage, owners: map[int32]string{}, host: map[int32]string{}}
	var err error
	if e.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	for family, groups := range map[int][]int{unix.NETLINK_ROUTE: routeGroups, unix.NETLINK_NETFILTER: filterGroups} {
		s, err := openEar(family, groups)
		if err != nil {
			return nil, errors.Join(needsRoot(fmt.Errorf("listen to network namespaces: %w", err)), e.close())
		}
		e.sockets = append(e.sockets, s)
	}
	links, err := link.Whole(e.handle.LinkList)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("list links: %w", err), e.close())
	}
	for _, l := range links {
		if owner, address, ok := link.ParseAlias(l.Attrs().Alias); ok && owner == lineage {
			e.host[int32(l.Attrs().Index)] = address
		}
	}
	return e, nil
}

func openEar(family int, groups []int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, family)
	if err != nil {
		return nil, err
	}
	err = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, earBuffer)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	for _, group := range groups {
		if err == nil {
			err = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group)
		}
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "netlink"), nil
}

func (e *netlinkEars) add(pid int, address string) error {
	// The kernel tells only of namespaces that have an id here.
	if err := e.handle.SetNetNsIdByPid(pid, -1); err != nil && !errors.Is(err, unix.EEXIST) {
		return e.notThere(err)
	}
	id, err := e.handle.GetNetNsIdByPid(pid)
	if err != nil {
		return e.notThere(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.owners[int32(id)] = address
	return nil
}

// notThere takes a process that ended for nothing to hear.
func (e *netlinkEars) notThere(err error) error {
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	return needsRoot(fmt.Errorf("listen to a network namespace: %w", err))
}

func (e *netlinkEars) close() error {
	e.handle.Close()
	var errs []error
	for _, s := range e.sockets {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (e *netlinkEars) hear(ctx context.Context, tell func(address, what string)) error {
	var wg sync.WaitGroup
	results := make([]error, len(e.sockets))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i, s := range e.sockets {
		wg.Go(func() {
			defer cancel() // half deaf is deaf
			results[i] = e.read(s, tell)
		})
	}
	<-ctx.Done()
	for _, s := range e.sockets {
		results = append(results, s.SetReadDeadline(time.Unix(1, 0)))
	}
	wg.Wait()
	return errors.Join(results...)
}

// read hears one socket until its deadline.
func (e *netlinkEars) read(s *os.File, tell func(address, what string)) error {
	raw, err := s.SyscallConn()
	if err != nil {
		return fmt.Errorf("hear network namespaces: %w", err)
	}
	buffer, control := make([]byte, 64<<10), make([]byte, 256)
	for {
		var n, cn int
		var readErr error
		err := raw.Read(func(fd uintptr) bool {
			n, cn, _, _, readErr = unix.Recvmsg(int(fd), buffer, control, 0)
			return !errors.Is(readErr, unix.EAGAIN)
		})
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return fmt.Errorf("hear network namespaces: %w", err)
		case errors.Is(readErr, unix.ENOBUFS):
			tell("", "something in a network namespace was missed")
		case readErr != nil && !errors.Is(readErr, unix.EINTR):
			return fmt.Errorf("hear network namespaces: %w", readErr)
		case readErr == nil:
			e.route(namespaceOf(control[:cn]), buffer[:n], tell)
		}
	}
}

// thisNamespace stands for the one that the ears are in.
const thisNamespace = int32(-1)

// namespaceOf reads the id that the kernel puts beside a message of another
// namespace.
func namespaceOf(control []byte) int32 {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return thisNamespace
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_NETLINK && m.Header.Type == unix.NETLINK_LISTEN_ALL_NSID && len(m.Data) >= 4 {
			return int32(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return thisNamespace
}

// route tells whose a message is, once for all of one kind in a datagram.
func (e *netlinkEars) route(namespace int32, data []byte, tell func(address, what string)) {
	messages, err := parseNetlink(data)
	if err != nil {
		tell("", "something in a network namespace was not understood")
		return
	}
	e.mu.Lock()
	owner, ours := e.owners[namespace]
	e.mu.Unlock()
	told := map[string]bool{}
	for _, m := range messages {
		what, about := describe(m.kind), owner
		if namespace == thisNamespace {
			about, ours = e.ofHost(m)
		}
		if what == "" || !ours || told[about+what] {
			continue
		}
		told[about+what] = true
		tell(about, what)
	}
}

// ofHost tells whether a message is about a link of ours in this namespace, and
// remembers links that become ours.
func (e *netlinkEars) ofHost(m netlinkMessage) (string, bool) {
	if m.link == 0 {
		return "", false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if owner, address, ok := link.ParseAlias(m.alias); ok && owner == e.lineage {
		e.host[m.link] = address
	}
	address, ok := e.host[m.link]
	if m.kind == unix.RTM_DELLINK {
		delete(e.host, m.link)
	}
	return address, ok
}

// netlinkMessage is what counts of one message.
type netlinkMessage struct {
	kind  uint16
	link  int32  // the index it is about, where it is about a link or an address
	alias string // of the link
}

// parseNetlink takes a datagram apart (netlink(7)).
func parseNetlink(data []byte) ([]netlinkMessage, error) {
	var found []netlinkMessage
	for len(data) >= unix.NLMSG_HDRLEN {
		length := int(binary.NativeEndian.Uint32(data))
		if length < unix.NLMSG_HDRLEN || length > len(data) {
			return found, errors.New("a netlink message of an impossible length")
		}
		m := netlinkMessage{kind: binary.NativeEndian.Uint16(data[4:])}
		body := data[unix.NLMSG_HDRLEN:length]
		switch {
		case (m.kind == unix.RTM_NEWLINK || m.kind == unix.RTM_DELLINK) && len(body) >= unix.SizeofIfInfomsg:
			m.link = int32(binary.NativeEndian.Uint32(body[4:]))
			m.alias = aliasOf(body[unix.SizeofIfInfomsg:])
		case (m.kind == unix.RTM_NEWADDR || m.kind == unix.RTM_DELADDR) && len(body) >= unix.SizeofIfAddrmsg:
			m.link = int32(binary.NativeEndian.Uint32(body[4:]))
		}
		found = append(found, m)
		data = data[min((length+3)&^3, len(data)):]
	}
	return found, nil
}

// aliasOf finds a link's alias among its attributes (rtnetlink(7)).
func aliasOf(attributes []byte) string {
	for len(attributes) >= unix.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(attributes))
		if length < unix.SizeofRtAttr || length > len(attributes) {
			return ""
		}
		if binary.NativeEndian.Uint16(attributes[2:]) == unix.IFLA_IFALIAS {
			alias, _, _ := bytes.Cut(attributes[unix.SizeofRtAttr:length], []byte{0})
			return string(alias)
		}
		attributes = attributes[min((length+3)&^3, len(attributes)):]
	}
	return ""
}

// describe says what a message tells; empty for what is no change.
func describe(kind uint16) string {
	if kind>>8 == unix.NFNL_SUBSYS_NFTABLES {
		return "packet filter changed"
	}
	switch kind {
	case unix.RTM_NEWLINK:
		return "link changed"
	case unix.RTM_DELLINK:
		return "link deleted"
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		return "address changed"
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE, unix.RTM_NEWRULE, unix.RTM_DELRULE:
		return "route changed"
	}
	return ""
}
