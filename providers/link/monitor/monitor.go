// Package monitor hears of what changes under decnet's objects, from the kernel
// alone and at no cost while nothing does: links, addresses, routes and
// nftables rules of the namespace it was opened in and of those it was told to
// follow, all over one pair of netlink sockets; mounts; and directories. What it
// says is a reason to look, not what is: it refuses to interpret. It changes
// nothing but that a followed namespace gets a number in the own one.
package monitor

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/link/namespace"
)

// Kind is what changed.
type Kind string

// Kinds of change.
const (
	Link      Kind = "link"
	Address   Kind = "address"
	Route     Kind = "route"
	Rules     Kind = "rules" // nftables
	Namespace Kind = "namespace"
	Mounts    Kind = "mounts" // of the own mount namespace: which, is not told
	File      Kind = "file"
	// Overrun says that changes of any kind went unheard.
	Overrun Kind = "overrun"
)

// Change is one thing that happened.
type Change struct {
	Kind Kind
	// Namespace is the name under which Follow was told of the namespace that it
	// happened in; "" for the own one.
	Namespace string
	// Link, and the alias of a link in the own namespace, where they are known.
	Link  string
	Alias string
	Gone  bool   // it was removed
	Path  string // of a File
}

// What says it in words, for logs.
func (c Change) What() string {
	verb := "changed"
	if c.Gone {
		verb = "removed"
	}
	if c.Link != "" && c.Kind == Link {
		return fmt.Sprintf("link %s %s", c.Link, verb)
	}
	if c.Path != "" {
		return fmt.Sprintf("%s %s %s", c.Kind, c.Path, verb)
	}
	return string(c.Kind) + " " + verb
}

// Monitor hears from the moment it was opened. Follow, Unfollow and Directory
// may be called while Next waits; Next by one goroutine at a time. Close it.
type Monitor struct {
	routes *socket // rtnetlink
	rules  *socket // nftables
	mounts int     // /proc/self/mountinfo, proc_pid_mountinfo(5)
	files  *files
	wake   int // an eventfd

	mu      sync.Mutex
	names   map[int32]string // of followed namespaces by their number
	numbers map[string]int32
	links   map[int32]seen // of the own namespace, by index
}

// seen is what is known of a link of the own namespace.
type seen struct{ name, alias string }

// Open hears of the calling thread's network namespace, and of the process's
// mounts.
func Open() (m *Monitor, err error) {
	m = &Monitor{names: map[int32]string{}, numbers: map[string]int32{}, links: map[int32]seen{}, wake: -1, mounts: -1}
	defer func() {
		if err != nil {
			m.Close()
			m, err = nil, fmt.Errorf("open a monitor: %w", err)
		}
	}()
	if m.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return m, err
	}
	if m.routes, err = listen(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_NSID, unix.RTNLGRP_IPV4_IFADDR,
		unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE); err != nil {
		return m, err
	}
	if m.rules, err = listen(unix.NETLINK_NETFILTER, unix.NFNLGRP_NFTABLES); err != nil {
		return m, err
	}
	if m.mounts, err = unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return m, err
	}
	if m.files, err = openFiles(); err != nil {
		return m, err
	}
	return m, m.know()
}

// Close releases what Open opened. No Next may be waiting.
func (m *Monitor) Close() {
	for _, s := range []*socket{m.routes, m.rules} {
		if s != nil {
			s.close()
		}
	}
	if m.files != nil {
		m.files.close()
	}
	for _, fd := range []*int{&m.mounts, &m.wake} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
			*fd = -1
		}
	}
}

// Follow hears of the namespace pinned at path, too, and calls it name. What
// happened in it before must be looked for. namespace.ErrNone if there is none.
func (m *Monitor) Follow(name, path string) error {
	if _, err := namespace.Inode(path); err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	number, err := m.number(path)
	if err != nil {
		return fmt.Errorf("follow namespace %s: %w", path, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.numbers[name]; ok && old != number {
		delete(m.names, old)
	}
	m.names[number], m.numbers[name] = name, number
	return nil
}

// Unfollow forgets a namespace.
func (m *Monitor) Unfollow(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if number, ok := m.numbers[name]; ok && m.names[number] == name {
		delete(m.names, number)
	}
	delete(m.numbers, name)
}

// Directory hears of what is made, written, removed or renamed in a directory,
// now or when it comes to be.
func (m *Monitor) Directory(path string) error { return m.files.follow(path) }

// Next waits for changes: at least one, or an error. It returns ctx's error when
// that ends.
func (m *Monitor) Next(ctx context.Context) ([]Change, error) {
	stop := context.AfterFunc(ctx, func() { _, _ = unix.Write(m.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) })
	defer stop()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		polled := []unix.PollFd{
			{Fd: int32(m.wake), Events: unix.POLLIN},
			{Fd: int32(m.routes.fd), Events: unix.POLLIN},
			{Fd: int32(m.rules.fd), Events: unix.POLLIN},
			{Fd: int32(m.files.fd), Events: unix.POLLIN},
			{Fd: int32(m.mounts), Events: unix.POLLPRI},
		}
		if _, err := unix.Poll(polled, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return nil, fmt.Errorf("wait for changes: %w", err)
		}
		var changes []Change
		for i, read := range []func() ([]Change, error){1: m.readRoutes, 2: m.readRules, 3: m.files.read, 4: mountsChanged} {
			if i == 0 || polled[i].Revents == 0 {
				continue
			}
			found, err := read()
			if err != nil {
				return nil, fmt.Errorf("read changes: %w", err)
			}
			changes = append(changes, found...)
		}
		if len(changes) > 0 {
			return changes, nil
		}
	}
}

func mountsChanged() ([]Change, error) { return []Change{{Kind: Mounts}}, nil }
