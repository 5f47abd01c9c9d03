package monitor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// socket receives netlink multicasts of the own namespace and of every one that
// has a number in it (NETLINK_LISTEN_ALL_NSID, netlink(7)).
type socket struct {
	fd      int
	buffer  []byte
	control []byte
}

// queue is how many bytes of changes may wait, without the rest being lost.
const queue = 4 << 20

func listen(protocol int, groups ...int) (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, fmt.Errorf("open netlink %d: %w", protocol, err)
	}
	s := &socket{fd: fd, buffer: make([]byte, 64<<10), control: make([]byte, unix.CmsgSpace(4))}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, queue); err != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, queue) // what is allowed must do
	}
	err = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	for _, g := range groups {
		if err == nil {
			err = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, g)
		}
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("subscribe to netlink %d: %w", protocol, err)
	}
	return s, nil
}

func (s *socket) close() { _ = unix.Close(s.fd) }

// own is the number under which the own namespace's messages are handed over.
const own = -1

// drain hands over what waits, each message with the number of its namespace.
// It tells whether something was lost.
func (s *socket) drain(take func(number int32, m syscall.NetlinkMessage)) (lost bool, err error) {
	for range 1024 { // then others have their turn
		n, oobn, flags, from, err := unix.Recvmsg(s.fd, s.buffer, s.control, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return lost, nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS):
			lost = true
			continue
		case err != nil:
			return lost, err
		}
		if sender, ok := from.(*unix.SockaddrNetlink); ok && sender.Pid != 0 {
			continue // not from the kernel
		}
		messages, err := syscall.ParseNetlinkMessage(s.buffer[:n])
		if err != nil || flags&unix.MSG_TRUNC != 0 {
			lost = true
			continue
		}
		number := numberIn(s.control[:oobn])
		for _, m := range messages {
			take(number, m)
		}
	}
	return lost, nil
}

func numberIn(control []byte) int32 {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return own
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_NETLINK && m.Header.Type == unix.NETLINK_LISTEN_ALL_NSID && len(m.Data) >= 4 {
			return int32(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return own
}

// number gives the namespace pinned at path a number in the own namespace, if it
// has none.
func (m *Monitor) number(path string) (int32, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return 0, err
	}
	defer h.Close()
	for range 3 { // somebody may give it one meanwhile
		number, err := h.GetNetNsIdByFd(int(f.Fd()))
		if err != nil || number >= 0 {
			return int32(number), err
		}
		if err := h.SetNetNsIdByFd(int(f.Fd()), -1); err != nil && !errors.Is(err, unix.EEXIST) {
			return 0, err
		}
	}
	return 0, errors.New("it gets no number")
}

// know learns the links of the own namespace.
func (m *Monitor) know() error {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	links, err := h.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // what changes meanwhile is heard
		return fmt.Errorf("list links: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range links {
		m.links[int32(l.Attrs().Index)] = seen{l.Attrs().Name, l.Attrs().Alias}
	}
	return nil
}

func (m *Monitor) readRules() ([]Change, error) {
	return m.read(m.rules, func(number int32, _ syscall.NetlinkMessage) (Change, bool) {
		name, followed := m.names[number]
		return Change{Kind: Rules, Namespace: name}, followed || number == own
	})
}

func (m *Monitor) readRoutes() ([]Change, error) { return m.read(m.routes, m.routeChange) }

// read drains a socket; of changes that are alike only one is kept.
func (m *Monitor) read(s *socket, change func(int32, syscall.NetlinkMessage) (Change, bool)) ([]Change, error) {
	var changes []Change
	known := map[Change]bool{}
	m.mu.Lock()
	defer m.mu.Unlock()
	lost, err := s.drain(func(number int32, message syscall.NetlinkMessage) {
		if c, ok := change(number, message); ok && !known[c] {
			known[c] = true
			changes = append(changes, c)
		}
	})
	if lost {
		changes = append(changes, Change{Kind: Overrun})
	}
	return changes, err
}

// routeChange reads a message of rtnetlink(7).
func (m *Monitor) routeChange(number int32, message syscall.NetlinkMessage) (Change, bool) {
	data := message.Data
	if message.Header.Type == unix.RTM_DELNSID || message.Header.Type == unix.RTM_NEWNSID {
		return m.numberChange(number, message)
	}
	name, followed := m.names[number]
	if !followed && number != own {
		return Change{}, false
	}
	c := Change{Namespace: name}
	switch message.Header.Type {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		c.Kind, c.Gone = Link, message.Header.Type == unix.RTM_DELLINK
		if len(data) < unix.SizeofIfInfomsg {
			return c, true
		}
		m.linkChange(&c, int32(binary.NativeEndian.Uint32(data[4:])), data[unix.SizeofIfInfomsg:], number == own)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		c.Kind, c.Gone = Address, message.Header.Type == unix.RTM_DELADDR
		if len(data) >= unix.SizeofIfAddrmsg {
			m.on(&c, binary.NativeEndian.Uint32(data[4:]), number)
		}
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		c.Kind, c.Gone = Route, message.Header.Type == unix.RTM_DELROUTE
		if len(data) >= unix.SizeofRtMsg {
			if index, ok := attribute(data[unix.SizeofRtMsg:], unix.RTA_OIF); ok && len(index) >= 4 {
				m.on(&c, binary.NativeEndian.Uint32(index), number)
			}
		}
	default:
		return c, false
	}
	return c, true
}

// on names the link that a change is on, in the own namespace.
func (m *Monitor) on(c *Change, index uint32, number int32) {
	if number == own {
		l := m.links[int32(index)]
		c.Link, c.Alias = l.name, l.alias
	}
}

// linkChange names a link, and remembers it.
func (m *Monitor) linkChange(c *Change, index int32, attributes []byte, ours bool) {
	l := seen{}
	if ours {
		l = m.links[index]
	}
	if name, ok := attribute(attributes, unix.IFLA_IFNAME); ok {
		l.name = unix.ByteSliceToString(name)
	}
	if alias, ok := attribute(attributes, unix.IFLA_IFALIAS); ok {
		l.alias = unix.ByteSliceToString(alias)
	}
	c.Link, c.Alias = l.name, l.alias
	switch {
	case !ours:
	case c.Gone:
		delete(m.links, index)
	default:
		m.links[index] = l
	}
}

// numberChange hears of the end of a followed namespace.
func (m *Monitor) numberChange(number int32, message syscall.NetlinkMessage) (Change, bool) {
	if number != own || message.Header.Type != unix.RTM_DELNSID || len(message.Data) < 4 {
		return Change{}, false
	}
	value, ok := attribute(message.Data[4:], netlink.NETNSA_NSID) // after struct rtgenmsg
	if !ok || len(value) < 4 {
		return Change{}, false
	}
	ended := int32(binary.NativeEndian.Uint32(value))
	name, followed := m.names[ended]
	if !followed {
		return Change{}, false
	}
	delete(m.names, ended)
	if m.numbers[name] == ended {
		delete(m.numbers, name)
	}
	return Change{Kind: Namespace, Namespace: name, Gone: true}, true
}

// typeMask takes the flags off an attribute's type (NLA_TYPE_MASK, netlink(7)).
const typeMask = 0x3fff

func attribute(data []byte, kind uint16) ([]byte, bool) {
	attributes, err := nl.ParseRouteAttr(data)
	if err != nil {
		return nil, false
	}
	for _, a := range attributes {
		if a.Attr.Type&typeMask == kind {
			return a.Value, true
		}
	}
	return nil, false
}
