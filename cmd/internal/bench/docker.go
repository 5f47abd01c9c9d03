package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"

	"github.com/decnet/decnet/providers/link/lab"
)

// dockerWorkers is how many containers both sides make at once.
const dockerWorkers = 4

// made is one container with the parameters it was created with.
type made struct {
	name   string
	config *container.Config
	host   *container.HostConfig
	nets   *network.NetworkingConfig
}

// dockerApply compares an apply on an engine of its own with a bare loop over
// the Engine API that creates and starts the same containers.
func (b *bench) dockerApply(ctx context.Context) error {
	configuration := strings.NewReplacer(`"native"`, `"docker"`, "10.64.0.0/10", "10.77.0.0/24", "10.64.0.1", "10.77.0.1",
		"10.96.0.0-10.127.255.250", "10.77.0.100-10.77.0.199").Replace(fleet(b.size.docker, false))
	dir, err := b.write("docker", "main.hcl", configuration)
	if err != nil {
		return err
	}
	return inLab(ctx, "docker", func(l *lab.Lab) error {
		host, err := l.StartEngine(ctx)
		if err != nil {
			return err
		}
		engine, err := client.NewClientWithOpts(client.WithHost(host), client.WithAPIVersionNegotiation())
		if err != nil {
			return err
		}
		defer engine.Close()
		return b.againstBare(ctx, l, engine, dir)
	})
}

func (b *bench) againstBare(ctx context.Context, l *lab.Lab, engine *client.Client, dir string) error {
	run := func(args ...string) ([]byte, error) {
		cmd := l.Command(ctx, lab.Operator, append([]string{filepath.Join(b.bin, "decnet"), "-C", dir, "--json"}, args...)...)
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("decnet %s: %w\n%s", strings.Join(args, " "), err, tail(out))
		}
		return out, nil
	}
	// The first apply makes the image and the network, and shows the
	// parameters.
	if _, err := run("apply", "--auto-approve"); err != nil {
		return err
	}
	containers, err := parameters(ctx, engine)
	if err != nil {
		return err
	}
	var ours, theirs []time.Duration
	for range b.size.runs {
		if err := removeAll(ctx, engine); err != nil {
			return err
		}
		took, err := bare(ctx, engine, containers)
		if err != nil {
			return err
		}
		theirs = append(theirs, took)
		if err := removeAll(ctx, engine); err != nil {
			return err
		}
		out, err := run("apply", "--auto-approve")
		if err != nil {
			return err
		}
		took, err = applied(out)
		if err != nil {
			return err
		}
		ours = append(ours, took)
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	own, yardstick := ours[len(ours)/2], theirs[len(theirs)/2]
	ratio := own.Seconds() / yardstick.Seconds()
	b.report(figure{
		name:     fmt.Sprintf("docker apply of %d deckies x 3 against the bare Engine API", b.size.docker),
		measured: fmt.Sprintf("%.2f s, %.2f s: %.2fx", own.Seconds(), yardstick.Seconds(), ratio), goal: fmt.Sprintf("<= %.2fx", 1.1*b.size.slack), ok: ratio <= 1.1*b.size.slack,
	})
	_, err = run("destroy", "--auto-approve")
	return err
}

// applied is how long an apply took, as the summary at the end of its messages
// says.
func applied(messages []byte) (time.Duration, error) {
	var took time.Duration
	for line := range bytes.Lines(messages) {
		var message struct {
			TookMS float64 `json:"took_ms"`
		}
		if err := json.Unmarshal(line, &message); err != nil {
			return 0, fmt.Errorf("read the messages of the apply: %w", err)
		}
		took = max(took, time.Duration(message.TookMS*float64(time.Millisecond)))
	}
	if took == 0 {
		return 0, errors.New("the apply does not say how long it took")
	}
	return took, nil
}

// parameters reads back how every container was created: bases first.
func parameters(ctx context.Context, engine *client.Client) ([2][]made, error) {
	var all [2][]made
	list, err := engine.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return all, err
	}
	names := map[string]string{}
	for _, c := range list {
		names[c.ID] = strings.TrimPrefix(c.Names[0], "/")
	}
	for _, c := range list {
		found, err := engine.ContainerInspect(ctx, c.ID)
		if err != nil {
			return all, err
		}
		m := made{name: names[c.ID], config: found.Config, host: found.HostConfig}
		if base, member := strings.CutPrefix(string(found.HostConfig.NetworkMode), "container:"); member {
			if name, byID := names[base]; byID {
				base = name
			}
			m.host.NetworkMode = container.NetworkMode("container:" + base)
			m.config.Hostname, m.config.Domainname = "", ""
			all[1] = append(all[1], m)
			continue
		}
		m.nets = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{}}
		for name, e := range found.NetworkSettings.Networks {
			m.nets.EndpointsConfig[name] = &network.EndpointSettings{IPAMConfig: e.IPAMConfig}
		}
		all[0] = append(all[0], m)
	}
	if len(all[0]) == 0 || len(all[1]) == 0 {
		return all, errors.New("the apply left no containers to compare with")
	}
	return all, nil
}

// bare creates and starts the containers, bases first, and nothing else.
func bare(ctx context.Context, engine *client.Client, containers [2][]made) (time.Duration, error) {
	began := now()
	for _, group := range containers {
		workers, ctx := errgroup.WithContext(ctx)
		workers.SetLimit(dockerWorkers)
		for _, m := range group {
			workers.Go(func() error {
				created, err := engine.ContainerCreate(ctx, m.config, m.host, m.nets, nil, m.name)
				if err != nil {
					return err
				}
				return engine.ContainerStart(ctx, created.ID, container.StartOptions{})
			})
		}
		if err := workers.Wait(); err != nil {
			return 0, err
		}
	}
	return now().Sub(began), nil
}

func removeAll(ctx context.Context, engine *client.Client) error {
	list, err := engine.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return err
	}
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(dockerWorkers)
	for _, c := range list {
		workers.Go(func() error { return engine.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true}) })
	}
	return workers.Wait()
}
