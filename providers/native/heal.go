package native

import (
	"context"
	"errors"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/schema"
)

// make makes a decky's namespace with everything in it.
func (h *deckies) make(ctx context.Context, d supervise.Dirs, owner providers.Owner, want schema.Decky) error {
	host, err := h.p.hostLinks()
	if err != nil {
		return err
	}
	have, err := h.p.fresh(sysctls(want))
	if err != nil {
		return err
	}
	if err := anchor(d, want.Name); err != nil {
		return err
	}
	j := job{host: host, owner: owner, want: want, pinned: pin(d, want.Name), sysctls: have, rules: true, fresh: true}
	return namespace.Create(j.pinned, func() error { return j.furnish(ctx) })
}

// heal brings a decky's namespace back, and puts right what is in it.
func (h *deckies) heal(ctx context.Context, d supervise.Dirs, r deckyRecord) error {
	path := pin(d, r.Config.Name)
	if _, err := namespace.Inode(path); errors.Is(err, namespace.ErrNone) {
		back, err := h.repin(ctx, d, r.Config.Name)
		if err != nil {
			return err
		}
		if !back {
			return h.make(ctx, d, r.Owner, r.Config)
		}
	}
	host, err := h.p.hostSide(d, []deckyRecord{r})
	if err != nil {
		return err
	}
	now, err := h.p.observe(d, r, host)
	if err != nil {
		return err
	}
	links, err := h.p.hostLinks()
	if err != nil {
		return err
	}
	if !now.Link.Up {
		if err := h.release(ctx, d, r.Config.Name, now.Inode); err != nil {
			return err
		}
	}
	j := job{host: links, owner: r.Owner, want: r.Config, pinned: now.Namespace, link: now.Link, sysctls: now.Sysctls, rules: now.Egress != inPlace}
	return namespace.Do(j.pinned, func() error { return j.furnish(ctx) })
}

// repin pins a namespace again that was only unpinned: the supervisor's sockets
// stand in it, and its sessions go on. It tells whether there was one.
func (h *deckies) repin(ctx context.Context, d supervise.Dirs, name string) (bool, error) {
	held, err := h.p.client(d.Lineage).Namespace(ctx, name)
	if err != nil || held == nil {
		return false, err
	}
	defer held.Close()
	if err := anchor(d, name); err != nil {
		return false, err
	}
	if err := namespace.PinFile(held, pin(d, name)); err != nil {
		return false, err
	}
	return true, nil
}

// release ends the services of a decky in namespaces that are no longer its own:
// their sockets keep a link with its MAC address alive.
func (h *deckies) release(ctx context.Context, d supervise.Dirs, name string, inode uint64) error {
	client := h.p.client(d.Lineage)
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	for _, u := range status.Units {
		if u.Decky == name && u.Inode != inode {
			if err := client.Stop(ctx, u.Key); err != nil {
				return err
			}
		}
	}
	return nil
}
