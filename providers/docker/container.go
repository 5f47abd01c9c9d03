package docker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"github.com/decnet/decnet/providers"
)

// blueprint is what the engine is told to make.
type blueprint struct {
	name   string
	config *container.Config
	host   *container.HostConfig
	nets   *network.NetworkingConfig
	// base names the container whose namespace a service shares.
	base string
}

// maskedPaths are hidden from every container: the engine's own list, which is
// replaced when one is given, and all that tells about the host's hardware.
var maskedPaths = []string{
	"/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
	"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys",
}

// confined are the host parameters that base and service containers share:
// nothing writable, no privilege to be gained, bounded costs, back after every
// restart of the engine that was not asked for.
func confined(memory, pids int64) *container.HostConfig {
	return &container.HostConfig{
		CapDrop:        []string{"ALL"},
		ReadonlyRootfs: true,
		SecurityOpt:    []string{"no-new-privileges"},
		RestartPolicy:  container.RestartPolicy{Name: container.RestartPolicyUnlessStopped},
		IpcMode:        container.IPCModeNone,
		CgroupnsMode:   container.CgroupnsModePrivate,
		MaskedPaths:    maskedPaths,
		LogConfig:      container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m", "max-file": "3"}},
		Resources: container.Resources{
			Memory: memory, MemorySwap: memory, PidsLimit: &pids,
			Ulimits: []*container.Ulimit{{Name: "core", Soft: 0, Hard: 0}, {Name: "nofile", Soft: 8192, Hard: 8192}},
		},
	}
}

// containers lists our containers by label=value pairs, running or not.
func (p *provider) containers(ctx context.Context, pairs ...string) ([]container.Summary, error) {
	return p.containersNamed(ctx, "", pairs...)
}

// containersNamed lists those whose name begins with name.
func (p *provider) containersNamed(ctx context.Context, name string, pairs ...string) ([]container.Summary, error) {
	c, err := p.engine.client(ctx)
	if err != nil {
		return nil, err
	}
	args := byLabel(pairs...)
	if name != "" {
		args.Add("name", "^/?"+regexp.QuoteMeta(name))
	}
	list, err := c.ContainerList(ctx, container.ListOptions{All: true, Filters: args})
	if err != nil {
		return nil, p.engine.explain("list containers", err)
	}
	settled := list[:0]
	for _, found := range list {
		there, err := p.settle(ctx, c, &found)
		if err != nil {
			return nil, err
		}
		if there {
			settled = append(settled, found)
		}
	}
	return settled, nil
}

// settle looks again at a container that does not run: the engine goes on with
// what a killed decnet asked for, and the list does not wait for it. It tells
// whether the container is there to stay.
func (p *provider) settle(ctx context.Context, c *client.Client, found *container.Summary) (bool, error) {
	switch found.State {
	case container.StateRemoving:
		return false, p.awaitRemoval(ctx, found.ID)
	case container.StateRunning, container.StateRestarting, container.StatePaused:
		return true, nil
	}
	now, err := c.ContainerInspect(ctx, found.ID) // waits for a start in flight
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, p.engine.explain("inspect container "+short(found.ID), err)
	}
	if now.State != nil {
		found.State = now.State.Status
	}
	if now.NetworkSettings != nil {
		found.NetworkSettings = &container.NetworkSettingsSummary{Networks: now.NetworkSettings.Networks}
	}
	return true, nil
}

// takenPatience is how long a name may be taken by a container that cannot be
// looked at: one that a killed decnet asked for and the engine is still making,
// or one that is going.
const takenPatience = 15 * time.Second

// run creates and starts a container: two round trips. Where the name is taken
// by owner's own leftover, that is completed if it is as it should be and made
// anew if not; anybody else's is an error.
func (p *provider) run(ctx context.Context, owner providers.Owner, b blueprint) (string, error) {
	id, err := p.create(ctx, b)
	for deadline := time.Now().Add(takenPatience); errdefs.IsConflict(err); {
		if id, err = p.adopt(ctx, owner, b); err != nil {
			return "", err
		}
		if id != "" {
			break
		}
		if id, err = p.create(ctx, b); !errdefs.IsConflict(err) || time.Now().After(deadline) {
			break
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	if errdefs.IsNotFound(err) && strings.Contains(err.Error(), "image") {
		// Removed behind our back: by hand, or by the destroy of another lineage.
		p.images.forget()
		if _, err := p.images.ensure(ctx); err != nil {
			return "", err
		}
		id, err = p.create(ctx, b)
	}
	if err != nil {
		return "", p.engine.explain("create container "+b.name, err)
	}
	return id, p.start(ctx, id, b.name)
}

func (p *provider) create(ctx context.Context, b blueprint) (string, error) {
	c, err := p.engine.client(ctx)
	if err != nil {
		return "", err
	}
	made, err := c.ContainerCreate(ctx, b.config, b.host, b.nets, nil, b.name)
	return made.ID, err
}

// adopt returns the id of the container that has b's name, if it is owner's and
// was made from the same blueprint; empty after removing one of owner's that
// was not.
func (p *provider) adopt(ctx context.Context, owner providers.Owner, b blueprint) (string, error) {
	c, err := p.engine.client(ctx)
	if err != nil {
		return "", err
	}
	found, err := c.ContainerInspect(ctx, b.name)
	if errdefs.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", p.engine.explain("inspect container "+b.name, err)
	}
	if found.Config == nil || !owned(found.Config.Labels, b.config.Labels[labelType], owner) {
		return "", fmt.Errorf("create container %s: the name is taken by a container that is not this instance's (%s): rename one of them, or remove it with docker rm -f %s",
			b.name, short(found.ID), b.name)
	}
	same := found.Config.Image == b.config.Image
	for name, value := range b.config.Labels {
		same = same && found.Config.Labels[name] == value
	}
	if same && b.base != "" {
		base, err := c.ContainerInspect(ctx, b.base)
		if err != nil {
			return "", p.engine.explain("inspect container "+b.base, err)
		}
		same = found.HostConfig != nil && found.HostConfig.NetworkMode.ConnectedContainer() == base.ID
	}
	if same {
		return found.ID, nil
	}
	return "", p.remove(ctx, found.ID)
}

// remove ends and removes a container; a missing one is removed already.
func (p *provider) remove(ctx context.Context, id string) error {
	c, err := p.engine.client(ctx)
	if err != nil {
		return err
	}
	err = c.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsNotFound(err) {
		return nil
	}
	if errdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress") {
		return p.awaitRemoval(ctx, id)
	}
	return p.engine.explain("remove container "+short(id), err)
}

// awaitRemoval waits for a removal that somebody else began.
func (p *provider) awaitRemoval(ctx context.Context, id string) error {
	c, err := p.engine.client(ctx)
	if err != nil {
		return err
	}
	done, failed := c.ContainerWait(ctx, id, container.WaitConditionRemoved)
	select {
	case <-done:
		return nil
	case err := <-failed:
		if errdefs.IsNotFound(err) {
			return nil
		}
		return p.engine.explain("remove container "+short(id), err)
	}
}

// removeOwned removes the container id of an instance, or where that is empty
// every one that the instance has. It tells whether the instance has none left:
// where somebody made one more, that one goes and the instance's own stays.
func (p *provider) removeOwned(ctx context.Context, id, kind, lineage, address string) (last bool, err error) {
	if id != "" {
		if err := p.remove(ctx, id); err != nil {
			return false, err
		}
	}
	list, err := p.containers(ctx, labelLineage, lineage, labelAddress, address, labelType, kind)
	if err != nil || id != "" {
		return len(list) == 0, err
	}
	var errs []error
	for _, c := range list {
		errs = append(errs, p.remove(ctx, c.ID))
	}
	return true, errors.Join(errs...)
}

// nameOf is a container's name without the engine's slash.
func nameOf(c container.Summary) string {
	if len(c.Names) == 0 {
		return ""
	}
	return strings.TrimPrefix(c.Names[0], "/")
}

// running tells whether a container has processes, be they frozen.
func running(c container.Summary) bool { return c.State == container.StateRunning || paused(c) }

func paused(c container.Summary) bool { return c.State == container.StatePaused }

// unseenPatience is how long a container may be running for the engine without
// a process here: an engine notices the end of one late, a loaded one seconds
// late.
const unseenPatience = 5 * time.Second

// processOf is a process of a running container; 0 if it ended meanwhile. A
// container that goes on running where its processes cannot be seen is on
// another host.
func (p *provider) processOf(ctx context.Context, id string, pids map[string]int) (int, error) {
	if pid := pids[id]; pid != 0 {
		return pid, nil
	}
	unseen := &providers.UnavailableError{
		Provider: "docker", What: "the processes of its containers cannot be seen from here",
		Remedy: "run decnet on the host of the engine, outside any container",
	}
	for deadline := time.Now().Add(unseenPatience); ; {
		running, err := p.runs(ctx, id)
		if err != nil || !running {
			return 0, err
		}
		if pids, err = p.world.processes(); err != nil || pids[id] != 0 {
			return pids[id], err
		}
		if p.elsewhere.Load() || time.Now().After(deadline) {
			p.elsewhere.Store(true) // no other container need be waited for
			return 0, unseen
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// runs tells whether the engine takes a container to be running.
func (p *provider) runs(ctx context.Context, id string) (bool, error) {
	c, err := p.engine.client(ctx)
	if err != nil {
		return false, err
	}
	found, err := c.ContainerInspect(ctx, id)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, p.engine.explain("inspect container "+short(id), err)
	}
	return found.State != nil && found.State.Running && !found.State.Restarting, nil
}
