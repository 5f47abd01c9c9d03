package runtime

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

var here = []net.Addr{&net.IPNet{IP: net.IPv4(127, 0, 0, 1), Mask: net.CIDRMask(8, 32)}, &net.IPNet{IP: net.IPv4(192, 0, 2, 7), Mask: net.CIDRMask(24, 32)}}

func TestWatchLink(t *testing.T) {
	for name, c := range map[string]struct {
		addrs func(second int) ([]net.Addr, error)
		ends  time.Duration // 0: it goes on
	}{
		"stays":            {addrs: func(int) ([]net.Addr, error) { return here, nil }},
		"goes":             {addrs: func(s int) ([]net.Addr, error) { return here[:1+b(s < 20)], nil }, ends: 21 * time.Second},
		"blinks once":      {addrs: func(s int) ([]net.Addr, error) { return here[:1+b(s != 20)], nil }},
		"comes late":       {addrs: func(s int) ([]net.Addr, error) { return here[:1+b(s > 5)], nil }},
		"never comes":      {addrs: func(int) ([]net.Addr, error) { return here[:1], nil }, ends: 11 * time.Second},
		"cannot be looked": {addrs: func(s int) ([]net.Addr, error) { return here, errIf(s > 3) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
				defer cancel()
				began := time.Now()
				err := watchLink(ctx, netip.MustParseAddr("192.0.2.7"), time.Second, 10*time.Second, func() ([]net.Addr, error) {
					return c.addrs(int(time.Since(began) / time.Second))
				})
				if c.ends == 0 && err != nil || c.ends != 0 && (!errors.Is(err, ErrLinkGone) || time.Since(began) != c.ends) {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
			})
		})
	}
}

func TestWatchLinkSeesLoopback(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := WatchLink(ctx, netip.MustParseAddr("127.0.0.1"), 10*time.Millisecond); err != nil {
		t.Error(err)
	}
}

func b(v bool) int {
	if v {
		return 1
	}
	return 0
}

func errIf(v bool) error {
	if v {
		return errors.New("no descriptors")
	}
	return nil
}
