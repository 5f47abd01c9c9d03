package runtime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// ErrLinkGone says that no interface of this network namespace has the decky's
// address any more: the namespace outlived the container that owned it.
var ErrLinkGone = errors.New("the decky's link is gone")

// linkWait bounds how long WatchLink waits for the address to appear at first.
const linkWait = 10 * time.Second

// WatchLink looks at the interfaces of this network namespace every interval
// and returns ErrLinkGone once ip stood on none of them twice in a row, or
// never appeared. A process that then exits is started by its engine in the
// namespace that replaced this one. A parent without carrier is no reason: the
// address stays. It returns nil when ctx ends.
func WatchLink(ctx context.Context, ip netip.Addr, interval time.Duration) error {
	return watchLink(ctx, ip, interval, linkWait, net.InterfaceAddrs)
}

func watchLink(ctx context.Context, ip netip.Addr, interval, patience time.Duration, addrs func() ([]net.Addr, error)) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	began, seen, missed := time.Now(), false, 0
	for {
		here, err := has(addrs, ip)
		switch {
		case err == nil && here:
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

func has(addrs func() ([]net.Addr, error), ip netip.Addr) (bool, error) {
	all, err := addrs()
	if err != nil {
		return false, err
	}
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Unmap() == ip.Unmap() {
			return true, nil
		}
	}
	return false, nil
}
