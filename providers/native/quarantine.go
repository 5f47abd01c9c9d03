package native

import (
	"context"
	"fmt"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/schema"
)

var _ interface {
	providers.Handler[schema.Decky, deckyState]
	providers.Incarnator[deckyState]
	providers.Quarantiner[deckyState]
} = (*deckies)(nil)

// Quarantine takes every link in the decky's namespace down, and records it. The
// namespace, its sockets and sessions, the workers and what clients wrote stay.
func (h *deckies) Quarantine(_ context.Context, owner providers.Owner, have deckyState) (deckyState, error) {
	if err := privileged(); err != nil {
		return have, err
	}
	d := h.p.dirs(owner.Lineage)
	r, err := load[deckyRecord](h.p, owner.Lineage, deckyPrefix+have.Name)
	if err != nil {
		return have, fmt.Errorf("quarantine decky %s: %w", have.Name, err)
	}
	if !r.Isolated {
		r.Isolated = true
		if err := h.p.book(owner.Lineage).Put(deckyPrefix+have.Name, r); err != nil {
			return have, err
		}
	}
	host, err := h.p.hostSide(d, []deckyRecord{r})
	if err != nil {
		return have, err
	}
	now, err := h.p.observe(d, r, host)
	if err != nil || now.Inode == 0 {
		return now, err
	}
	err = namespace.Do(now.Namespace, func() error {
		inside, err := link.Open()
		if err != nil {
			return err
		}
		defer inside.Close()
		return inside.Isolate()
	})
	if err != nil {
		return now, fmt.Errorf("quarantine decky %s: %w", have.Name, err)
	}
	return h.p.observe(d, r, host)
}

// Quarantined tells whether the decky is recorded to be cut off, and is.
func (h *deckies) Quarantined(have deckyState) bool { return have.Isolated && !have.Link.Connected }
