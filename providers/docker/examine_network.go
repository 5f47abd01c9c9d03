package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"

	"github.com/decnet/decnet/providers"
)

var _ providers.Examiner[NetworkState] = (*networks)(nil)

// Examine tells of a network what the engine makes of it, who is attached, what
// was done to it, and what stands on its parent and its hairpin.
func (h *networks) Examine(ctx context.Context, have NetworkState, keep func(providers.Exhibit) error) error {
	s := subject{id: have.ID, name: have.Config.Name}
	parent := have.Config.Parent
	if have.Config.Driver == driverBridge && have.ID != "" {
		parent = "br-" + short(have.ID) // the engine's name for it
	}
	owner := providers.Owner{Lineage: have.Lineage, Address: have.Address}
	return gather(ctx, []source{
		{"state", mediaJSON, patiently(h.networkExhibit, s)},
		{"events", "", patiently(h.networkEvents, s)},
		{"links", "", func(context.Context) ([]byte, bool, error) {
			text, err := h.world.around(parent, owner)
			return []byte(text), false, err
		}},
	}, keep)
}

// maxAttached bounds how many containers an exhibit names.
const maxAttached = 500

// networkExhibit is a network as the engine tells of it.
func (p *provider) networkExhibit(ctx context.Context, s subject) ([]byte, bool, error) {
	c, err := p.engine.client(ctx)
	if err != nil {
		return nil, false, err
	}
	found, err := c.NetworkInspect(ctx, s.id, network.InspectOptions{})
	if errdefs.IsNotFound(err) {
		data, err := json.Marshal(map[string]any{"network": s.name, "id": s.id, "gone": true})
		return data, false, err
	}
	if err != nil {
		return nil, false, p.engine.explain("inspect network "+s.name, err)
	}
	var attached []string
	for id, e := range found.Containers {
		attached = append(attached, fmt.Sprintf("%s %s %s %s", short(id), limited(e.Name), e.IPv4Address, e.MacAddress))
	}
	slices.Sort(attached)
	truncated := len(attached) > maxAttached
	data, err := json.MarshalIndent(map[string]any{
		"network": found.Name, "id": found.ID, "created": found.Created, "driver": found.Driver, "options": found.Options,
		"ipam": found.IPAM.Config, "attached": attached[:min(len(attached), maxAttached)],
	}, "", " ")
	return data, truncated, err
}

// networkEvents is what the engine still knows of what happened to a network.
func (p *provider) networkEvents(ctx context.Context, s subject) ([]byte, bool, error) {
	if s.id == "" {
		return nil, false, nil
	}
	all, err := p.pastEvents(ctx, filters.NewArgs(filters.Arg("type", string(events.NetworkEventType)), filters.Arg("network", s.id)))
	text, truncated := eventLines(all)
	return text, truncated, err
}
