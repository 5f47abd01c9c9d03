package docker

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/decnet/decnet/providers"
)

// Settings are the parameters of a container that can be changed while it runs
// (docker update): how it survives, and what it may cost.
type Settings struct {
	Restart string `json:"restart,omitempty"` // "unless-stopped", "on-failure:3"
	Memory  int64  `json:"memory"`            // bytes; 0 for no limit
	Swap    int64  `json:"swap"`              // memory and swap, bytes; -1 for no limit
	Pids    int64  `json:"pids"`              // 0 for no limit
	// Share is whatever bounds its processors and disks; ours have no bound.
	Share string `json:"share,omitempty"`
}

// settingsOf reads the parameters that a container has.
func settingsOf(h *container.HostConfig) Settings {
	s := Settings{Restart: string(h.RestartPolicy.Name), Memory: h.Memory, Swap: h.MemorySwap}
	if n := h.RestartPolicy.MaximumRetryCount; n != 0 {
		s.Restart += ":" + strconv.Itoa(n)
	}
	if h.PidsLimit != nil {
		s.Pids = max(*h.PidsLimit, 0)
	}
	var share []string
	for _, bound := range []struct {
		name  string
		value any
		none  bool
	}{
		{"cpu-shares", h.CPUShares, h.CPUShares == 0},
		{"cpus", h.NanoCPUs, h.NanoCPUs == 0},
		{"cpu-quota", h.CPUQuota, h.CPUQuota <= 0},
		{"cpu-period", h.CPUPeriod, h.CPUPeriod == 0},
		{"cpuset-cpus", h.CpusetCpus, h.CpusetCpus == ""},
		{"cpuset-mems", h.CpusetMems, h.CpusetMems == ""},
		{"blkio-weight", h.BlkioWeight, h.BlkioWeight == 0},
		{"memory-reservation", h.MemoryReservation, h.MemoryReservation == 0},
	} {
		if !bound.none {
			share = append(share, fmt.Sprintf("%s=%v", bound.name, bound.value))
		}
	}
	s.Share = strings.Join(share, " ")
	return s
}

// diff lists what must change. A share cannot be taken back in place.
func (s Settings) diff(want Settings, replace bool) []providers.Change {
	if s.Restart == "" { // a state of before they were looked at
		return nil
	}
	var changes []providers.Change
	add := func(path, before, after string, replace bool) {
		if before != after {
			changes = append(changes, providers.Change{Path: path, Before: before, After: after, Replace: replace})
		}
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	add("restart", quote(s.Restart), quote(want.Restart), false)
	add("limit.memory", number(s.Memory), number(want.Memory), false)
	add("limit.swap", number(s.Swap), number(want.Swap), false)
	add("limit.pids", number(s.Pids), number(want.Pids), false)
	add("limit.share", quote(s.Share), quote(want.Share), replace)
	return changes
}

// limiter remembers what the engine can limit at all, and the settings of
// containers while somebody hears of their changes.
type limiter struct {
	mu       sync.Mutex
	can      *abilities
	watchers map[string]int // of each lineage
	known    map[string]Settings
	forgets  uint64 // so that what was asked before a change is not kept after it
}

// abilities are the limits that kernel and engine have.
type abilities struct{ memory, swap, pids bool }

// watched begins a time in which changes of a lineage's containers are told to
// forget; end it with the result.
func (l *limiter) watched(lineage string) (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watchers == nil {
		l.watchers = map[string]int{}
	}
	l.watchers[lineage]++
	l.clear()
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.watchers[lineage]--
		l.clear()
	}
}

// clear forgets all; mu is held.
func (l *limiter) clear() {
	l.known = map[string]Settings{}
	l.forgets++
}

// forget makes the next look ask the engine.
func (l *limiter) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.known, id)
	l.forgets++
}

// recall returns remembered settings.
func (l *limiter) recall(id string) (s Settings, forgets uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok = l.known[id]
	return s, l.forgets, ok
}

// keep remembers settings, if a change of them would be heard.
func (l *limiter) keep(lineage, id string, s Settings, forgets uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watchers[lineage] > 0 && l.forgets == forgets {
		l.known[id] = s
	}
}

// abilities asks the engine once what it can limit: what it cannot it drops
// from a container's parameters, and that is no drift.
func (p *provider) abilities(ctx context.Context) (abilities, error) {
	p.settings.mu.Lock()
	defer p.settings.mu.Unlock()
	if p.settings.can != nil {
		return *p.settings.can, nil
	}
	c, err := p.engine.client(ctx)
	if err != nil {
		return abilities{}, err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return abilities{}, p.engine.explain("ask what the engine can limit", err)
	}
	p.settings.can = &abilities{memory: info.MemoryLimit, swap: info.SwapLimit, pids: info.PidsLimit}
	return *p.settings.can, nil
}

// settingsWorkers bounds how many containers are inspected at once.
const settingsWorkers = 8

// settingsFor looks at the settings of containers: one request each, or none
// while their changes are heard. A container that is gone has none.
func (p *provider) settingsFor(ctx context.Context, found []container.Summary) (map[string]Settings, error) {
	all := make(map[string]Settings, len(found))
	var asking []container.Summary
	_, forgets, _ := p.settings.recall("")
	for _, c := range found {
		if s, _, ok := p.settings.recall(c.ID); ok {
			all[c.ID] = s
			continue
		}
		asking = append(asking, c)
	}
	if len(asking) == 0 {
		return all, nil
	}
	can, err := p.abilities(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := make([]error, len(asking))
	places := make(chan struct{}, settingsWorkers)
	for i, c := range asking {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			s, there, err := p.inspectSettings(ctx, c, can)
			if err != nil || !there {
				errs[i] = err
				return
			}
			p.settings.keep(c.Labels[labelLineage], c.ID, s, forgets)
			mu.Lock()
			defer mu.Unlock()
			all[c.ID] = s
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (p *provider) inspectSettings(ctx context.Context, c container.Summary, can abilities) (Settings, bool, error) {
	api, err := p.engine.client(ctx)
	if err != nil {
		return Settings{}, false, err
	}
	found, err := api.ContainerInspect(ctx, c.ID)
	if errdefs.IsNotFound(err) {
		return Settings{}, false, nil
	}
	if err != nil {
		return Settings{}, false, p.engine.explain("inspect container "+short(c.ID), err)
	}
	if found.ContainerJSONBase == nil || found.HostConfig == nil {
		return Settings{}, false, nil
	}
	s := settingsOf(found.HostConfig)
	want := wantedSettings(c.Labels[labelType])
	if !can.memory {
		s.Memory = want.Memory
	}
	if !can.memory || !can.swap {
		s.Swap = want.Swap
	}
	if !can.pids {
		s.Pids = want.Pids
	}
	return s, true, nil
}

// wantedSettings are those that a container of a type is made with.
func wantedSettings(kind string) Settings {
	if kind == providers.TypeDecky {
		return settingsOf(confined(baseMemory, basePids))
	}
	return settingsOf(confined(serviceMemory, servicePids))
}

// reset gives a container the settings that it was made with.
func (p *provider) reset(ctx context.Context, id, name, kind string, have Settings) error {
	want := wantedSettings(kind)
	have.Share = want.Share
	if len(have.diff(want, false)) == 0 {
		return nil
	}
	c, err := p.engine.client(ctx)
	if err != nil {
		return err
	}
	can, err := p.abilities(ctx)
	if err != nil {
		return err
	}
	host := confined(want.Memory, want.Pids)
	update := container.UpdateConfig{RestartPolicy: host.RestartPolicy}
	if can.memory {
		update.Memory = want.Memory
	}
	if can.memory && can.swap {
		update.MemorySwap = want.Swap
	}
	if can.pids {
		update.PidsLimit = &want.Pids
	}
	_, err = c.ContainerUpdate(ctx, id, update)
	p.settings.forget(id)
	return p.engine.explain("set the limits of container "+name, err)
}
