package runtime

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

var here = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.7")}

func TestWatchLink(t *testing.T) {
	for name, c := range map[string]struct {
		addrs func(second int) ([]netip.Addr, error)
		ends  time.Duration // 0: it goes on
	}{
		"stays":            {addrs: func(int) ([]netip.Addr, error) { return here, nil }},
		"goes":             {addrs: func(s int) ([]netip.Addr, error) { return here[:1+b(s < 20)], nil }, ends: 21 * time.Second},
		"blinks once":      {addrs: func(s int) ([]netip.Addr, error) { return here[:1+b(s != 20)], nil }},
		"comes late":       {addrs: func(s int) ([]netip.Addr, error) { return here[:1+b(s > 5)], nil }},
		"never comes":      {addrs: func(int) ([]netip.Addr, error) { return here[:1], nil }, ends: 11 * time.Second},
		"cannot be looked": {addrs: func(s int) ([]netip.Addr, error) { return here, errIf(s > 3) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
				defer cancel()
				began := time.Now()
				err := watch(ctx, netip.MustParseAddr("192.0.2.7"), time.Second, 10*time.Second, func() ([]netip.Addr, error) {
					return c.addrs(int(time.Since(began) / time.Second))
				})
				if c.ends == 0 && err != nil || c.ends != 0 && (!errors.Is(err, ErrLinkGone) || time.Since(began) != c.ends) {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
			})
		})
	}
}

func TestLinkSeesLoopback(t *testing.T) {
	link, err := OpenLink()
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := link.Watch(ctx, netip.MustParseAddr("127.0.0.1"), 10*time.Millisecond); err != nil {
		t.Error(err)
	}
	all, err := link.addrs()
	if err != nil || len(all) == 0 {
		t.Errorf("addresses %v, %v", all, err)
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
