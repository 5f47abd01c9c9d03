package link

import (
	"errors"
	"time"

	"github.com/vishvananda/netlink"
)

// dumpTries bounds how often an interrupted dump is asked for again.
const dumpTries = 50

// Whole asks for a netlink dump until the kernel says that nothing changed
// under it (NLM_F_DUMP_INTR, netlink(7)): an interrupted one may miss entries.
func Whole[T any](dump func() ([]T, error)) ([]T, error) {
	for try := 1; ; try++ {
		entries, err := dump()
		if !errors.Is(err, netlink.ErrDumpInterrupted) || try == dumpTries {
			return entries, err
		}
		time.Sleep(time.Duration(try) * time.Millisecond)
	}
}

func (h *Handle) links() ([]netlink.Link, error) { return Whole(h.nl.LinkList) }

// addresses lists the IPv4 addresses of a link, nil for all links.
func (h *Handle) addresses(l netlink.Link) ([]netlink.Addr, error) {
	return Whole(func() ([]netlink.Addr, error) { return h.nl.AddrList(l, netlink.FAMILY_V4) })
}
