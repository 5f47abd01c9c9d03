package link_test

import (
	"errors"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/decnet/decnet/providers/link"
)

func TestWhole(t *testing.T) {
	other := errors.New("denied")
	for _, test := range []struct {
		name        string
		interrupted int
		end         error
		want        error
		tries       int
	}{
		{"at once", 0, nil, nil, 1},
		{"after two interruptions", 2, nil, nil, 3},
		{"another error is not asked again", 0, other, other, 1},
		{"always interrupted", 1 << 20, nil, netlink.ErrDumpInterrupted, 50},
	} {
		t.Run(test.name, func(t *testing.T) {
			tries := 0
			got, err := link.Whole(func() ([]int, error) {
				tries++
				if tries <= test.interrupted {
					return []int{1}, netlink.ErrDumpInterrupted
				}
				return []int{1, 2}, test.end
			})
			if !errors.Is(err, test.want) || tries != test.tries {
				t.Errorf("%v after %d tries, want %v after %d", err, tries, test.want, test.tries)
			}
			if err == nil && len(got) != 2 {
				t.Errorf("an incomplete dump: %v", got)
			}
		})
	}
}
