package docker

import (
	"context"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
)

func (p *provider) start(ctx context.Context, id, name string) error {
	c, err := p.engine.client(ctx)
	if err != nil {
		return err
	}
	return p.engine.explain("start container "+name, c.ContainerStart(ctx, id, container.StartOptions{}))
}

// endPatience is how long a process may take to end by itself when its
// container is started again: time to close its files, not to be missed.
const endPatience = 300 * time.Millisecond

// backoffPatience is how long a container may wait for the engine to start it
// again by its policy (100 ms after the first failure, then twice as long each
// time) before that is cut short.
const backoffPatience = 250 * time.Millisecond

// revive makes a container run, if it does not: what the engine brought back
// meanwhile is left alone.
func (p *provider) revive(ctx context.Context, id, name string) error {
	c, err := p.engine.client(ctx)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(backoffPatience); ; {
		found, err := c.ContainerInspect(ctx, id)
		if err != nil {
			return p.engine.explain("inspect container "+name, err)
		}
		switch {
		case found.State == nil || !found.State.Running && !found.State.Restarting:
			return p.start(ctx, id, name)
		case !found.State.Restarting:
			return nil
		case time.Now().After(deadline):
			return p.again(ctx, c, id, name)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// restart ends what runs in a container and starts it.
func (p *provider) restart(ctx context.Context, id, name string) error {
	c, err := p.engine.client(ctx)
	if err != nil {
		return err
	}
	found, err := c.ContainerInspect(ctx, id)
	if err != nil {
		return p.engine.explain("inspect container "+name, err)
	}
	if found.State == nil || !found.State.Running && !found.State.Restarting {
		return p.start(ctx, id, name)
	}
	if !found.State.Restarting {
		p.end(ctx, c, id)
	}
	return p.again(ctx, c, id, name)
}

// again starts a container at once, after killing what runs in it.
func (p *provider) again(ctx context.Context, c *client.Client, id, name string) error {
	now := 0 // seconds
	return p.engine.explain("restart container "+name, c.ContainerRestart(ctx, id, container.StopOptions{Timeout: &now}))
}

// halt ends a container.
func (p *provider) halt(ctx context.Context, id, name string) error {
	c, err := p.engine.client(ctx)
	if err != nil {
		return err
	}
	p.end(ctx, c, id)
	now := 0 // seconds
	return p.engine.explain("stop container "+name, c.ContainerStop(ctx, id, container.StopOptions{Timeout: &now}))
}

// end asks what runs in a container to end, and waits for that a little. What
// does not is killed by the restart that follows.
func (p *provider) end(ctx context.Context, c *client.Client, id string) {
	ctx, cancel := context.WithTimeout(ctx, endPatience)
	defer cancel()
	ended, failed := c.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	if c.ContainerKill(ctx, id, "TERM") != nil {
		return
	}
	select {
	case <-ended:
	case <-failed:
	}
}

// unpause thaws a container; one that is not frozen is thawed already.
func (p *provider) unpause(ctx context.Context, id, name string) error {
	c, err := p.engine.client(ctx)
	if err != nil {
		return err
	}
	err = c.ContainerUnpause(ctx, id)
	if err != nil && strings.Contains(err.Error(), "is not paused") {
		return nil
	}
	return p.engine.explain("unpause container "+name, err)
}
