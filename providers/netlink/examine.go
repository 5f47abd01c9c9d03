package netlink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link"
)

var _ providers.Examiner[networkState] = (*networks)(nil)

// Examine keeps the network as it is, and what stands on its parent and on its
// own link: links, addresses, routes and neighbours.
func (h *networks) Examine(ctx context.Context, have networkState, keep func(providers.Exhibit) error) error {
	if err := h.p.privileged(); err != nil {
		return err
	}
	now, readErr := h.Read(ctx, have)
	if readErr != nil {
		now, readErr = have, fmt.Errorf("examine state: %w", readErr)
	}
	data, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return fmt.Errorf("examine state: %w", err)
	}
	if err := keep(providers.Exhibit{Name: "state", Media: "application/json", Data: data}); err != nil {
		return errors.Join(readErr, err)
	}
	if err := ctx.Err(); err != nil {
		return errors.Join(readErr, err)
	}
	links, err := link.Open()
	if err != nil {
		return errors.Join(readErr, err)
	}
	defer links.Close()
	parent := have.Config.Parent
	if have.Config.Driver == link.DriverBridge {
		parent = link.BridgeName(have.Lineage, have.Config.Name)
	}
	text, err := links.Around(parent, link.Alias(have.Lineage, have.Address))
	if text != "" {
		err = errors.Join(err, keep(providers.Exhibit{Name: "links", Data: []byte(text)}))
	}
	return errors.Join(readErr, err)
}
