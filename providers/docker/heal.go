package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

// Update puts a drifted base container right, by the gentlest means that does:
// thawed where it is paused, mended in place while its process lives, started
// where it does not, and started again only where the engine must make its link
// anew. It touches no service: whose are in a namespace that is no more are
// brought along by their own Update (see incarnation).
func (h *deckies) Update(ctx context.Context, owner providers.Owner, want schema.Decky, have DeckyState) (DeckyState, error) {
	now, err := h.Read(ctx, have)
	if errors.Is(err, providers.ErrGone) { // as the engine was asked to by an apply that was killed
		return h.Create(ctx, owner, want)
	}
	if err != nil {
		return have, err
	}
	if err := h.heal(ctx, want, now); err != nil {
		return now, err
	}
	now, err = h.Read(ctx, now)
	if err != nil {
		return now, err
	}
	if changes := h.Diff(want, now); len(changes) > 0 {
		return now, fmt.Errorf("heal container %s: it is still not as configured: %s is %s", want.Name, changes[0].Path, changes[0].Before)
	}
	return now, nil
}

func (h *deckies) heal(ctx context.Context, want schema.Decky, now DeckyState) error {
	if now.Paused {
		if err := h.unpause(ctx, now.ID, want.Name); err != nil {
			return err
		}
	}
	if err := h.reset(ctx, now.ID, want.Name, providers.TypeDecky, now.Settings); err != nil {
		return err
	}
	attached, err := h.attach(ctx, want, now)
	if err != nil {
		return err
	}
	if attached || !now.Running {
		err := h.revive(ctx, now.ID, want.Name) // engine and hold make the rest
		if errdefs.IsNotFound(err) && strings.Contains(err.Error(), "network") {
			// Its network was removed and made anew while it did not run.
			if err := h.connect(ctx, want, now.ID); err != nil {
				return err
			}
			return h.revive(ctx, now.ID, want.Name)
		}
		return err
	}
	pids, err := h.world.processes()
	if err != nil {
		return err
	}
	pid := pids[now.ID]
	if pid == 0 { // it ended a moment ago
		return h.revive(ctx, now.ID, want.Name)
	}
	if err := h.world.mend(pid, want); !errors.Is(err, errUnmendable) {
		return err
	}
	return h.restart(ctx, now.ID, want.Name)
}

// attach attaches a base container to its network and to no other. It tells
// whether it was not attached. Then the container is stopped first, and stays
// so: to one that runs the engine would give a link of another name.
func (h *deckies) attach(ctx context.Context, want schema.Decky, now DeckyState) (bool, error) {
	c, err := h.engine.client(ctx)
	if err != nil {
		return false, err
	}
	attached := false
	for _, name := range now.Networks {
		if name == want.Network.Name {
			attached = true
			continue
		}
		if err := c.NetworkDisconnect(ctx, name, now.ID, true); err != nil {
			return false, h.engine.explain("detach container "+want.Name+" from network "+name, err)
		}
	}
	if attached {
		return false, nil
	}
	if err := h.halt(ctx, now.ID, want.Name); err != nil {
		return false, err
	}
	return true, h.connect(ctx, want, now.ID)
}

// connect attaches a stopped base container to its network, whatever the engine
// remembers of one of that name.
func (h *deckies) connect(ctx context.Context, want schema.Decky, id string) error {
	c, err := h.engine.client(ctx)
	if err != nil {
		return err
	}
	endpoint := &network.EndpointSettings{IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: want.Host.IP}}
	if endpointMAC(c) && want.Network.Driver != driverIPvlan {
		endpoint.MacAddress = want.Host.MAC
	}
	// What is not attached cannot be detached: only the attaching counts.
	_ = c.NetworkDisconnect(ctx, want.Network.Name, id, true)
	return h.engine.explain("attach container "+want.Name+" to network "+want.Network.Name, c.NetworkConnect(ctx, want.Network.Name, id, endpoint))
}
