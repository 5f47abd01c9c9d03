package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"github.com/decnet/decnet/providers"
)

// sysctlInterval is how often the sysctls of the deckies are looked at: nothing
// tells of their changes.
const sysctlInterval = 750 * time.Millisecond

// overlap is how far back the engine's events are asked for, so that none falls
// between the first look and the subscription.
const overlap = time.Second

// heard are the engine's events that may be drift, with the words for them.
var heard = map[events.Action]string{
	events.ActionDie: "died", events.ActionStart: "started", events.ActionStop: "was stopped", events.ActionKill: "was sent a signal",
	events.ActionRestart: "was restarted", events.ActionPause: "was paused", events.ActionUnPause: "was unpaused",
	events.ActionOOM: "ran out of memory", events.ActionDestroy: "was removed", events.ActionUpdate: "was updated",
	events.ActionRename: "was renamed", events.ActionHealthStatus: "changed its health", events.ActionCreate: "was created",
	events.ActionConnect: "was attached", events.ActionDisconnect: "was detached",
}

// Watch hears the engine's events of the lineage's containers and networks, the
// changes of links, addresses, routes and packet filters inside the network
// namespaces of its deckies and on its links of this host, and looks at the
// deckies' sysctls several times in two seconds.
func (p *provider) Watch(ctx context.Context, lineage string, tell func(providers.Notice)) error {
	err := p.watch(ctx, lineage, tell)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (p *provider) watch(ctx context.Context, lineage string, tell func(providers.Notice)) error {
	c, err := p.engine.client(ctx)
	if err != nil {
		return err
	}
	inner, err := p.world.listen(lineage)
	if err != nil {
		return err
	}
	defer p.settings.watched(lineage)()
	var running sync.WaitGroup
	ctx, cancel := context.WithCancelCause(ctx)
	defer func() {
		cancel(nil)
		running.Wait()
		inner.close()
	}()
	w := &watch{provider: p, api: c, lineage: lineage, tell: tell, ears: inner, members: map[string]member{}, networks: map[string]string{}}
	stream, failed := c.Events(ctx, events.ListOptions{Since: stamp(p.env.Now().Add(-overlap)), Filters: eventFilter()})
	if err := w.learn(ctx); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return p.engine.explain("hear the engine's events", err)
	default:
	}
	tell(providers.Notice{})
	running.Go(func() {
		if err := inner.hear(ctx, w.inside); err != nil {
			cancel(err)
		}
	})
	running.Go(func() { w.poll(ctx) })
	for {
		select {
		case m := <-stream:
			w.event(ctx, m)
		case err := <-failed:
			if err == nil {
				err = errors.New("the stream ended")
			}
			return p.engine.explain("hear the engine's events", err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// stamp writes a time as the engine reads it.
func stamp(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }

// eventFilter asks for what is heard. The events of networks carry no labels,
// so that all come and are sorted here.
func eventFilter() filters.Args {
	args := filters.NewArgs(filters.Arg("type", string(events.ContainerEventType)), filters.Arg("type", string(events.NetworkEventType)))
	for action := range heard {
		args.Add("event", string(action))
	}
	return args
}

// member is a container of the lineage.
type member struct {
	address string
	kind    string
	pid     int // of a running base container
	// sysctls are its sysctls as they were last seen: at first before the caller
	// was told to look, so that no change falls between.
	sysctls map[string]string
}

// watch is one Watch.
type watch struct {
	*provider
	api     *client.Client
	lineage string
	ears    ears

	telling sync.Mutex
	tell    func(providers.Notice)

	mu       sync.Mutex
	members  map[string]member // by container id
	networks map[string]string // address by network id
}

func (w *watch) say(address, what string, at time.Time) {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.tell(providers.Notice{Address: address, What: what, Time: at})
}

func (w *watch) inside(address, what string) { w.say(address, what, time.Time{}) }

// learn finds what there is.
func (w *watch) learn(ctx context.Context) error {
	found, err := w.containers(ctx, labelLineage, w.lineage)
	if err != nil {
		return err
	}
	pids, err := w.world.processes()
	if err != nil {
		return err
	}
	for _, c := range found {
		if err := w.meet(c.ID, c.Labels, pids[c.ID]); err != nil {
			return err
		}
	}
	nets, err := w.api.NetworkList(ctx, network.ListOptions{Filters: byLabel(labelLineage, w.lineage)})
	if err != nil {
		return w.engine.explain("list networks", err)
	}
	for _, n := range nets {
		w.networks[n.ID] = n.Labels[labelAddress]
	}
	return nil
}

// meet remembers a container, and hears the namespace of a decky that runs.
func (w *watch) meet(id string, labels map[string]string, pid int) error {
	m := member{address: labels[labelAddress], kind: labels[labelType]}
	if m.kind == providers.TypeDecky && pid != 0 {
		if err := w.ears.add(pid, m.address); err != nil {
			return err
		}
		values, err := w.world.readSysctls(pid, sysctlNames(labels))
		if err != nil {
			return err
		}
		if values != nil {
			m.pid, m.sysctls = pid, values
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.members[id] = m
	return nil
}

// event tells of one of the engine's events, if it is the lineage's.
func (w *watch) event(ctx context.Context, m events.Message) {
	action, _, _ := strings.Cut(string(m.Action), ":") // a health check's own words may follow
	what, ok := heard[events.Action(action)]
	if !ok {
		return
	}
	at := time.Unix(0, m.TimeNano)
	if m.Type == events.NetworkEventType {
		w.networkEvent(ctx, m, action, what, at)
		return
	}
	labels := m.Actor.Attributes
	if labels[labelLineage] != w.lineage {
		return
	}
	if code := labels["exitCode"]; code != "" && m.Action == events.ActionDie {
		what += " (exit code " + code + ")"
	}
	if m.Action == events.ActionUpdate {
		w.settings.forget(m.Actor.ID)
	}
	w.follow(ctx, m)
	w.say(labels[labelAddress], "container "+labels["name"]+" "+what, at)
}

// follow keeps up with the containers that there are. Its errors are no more
// than a namespace that is not heard: the notice of the start makes the caller
// look, and what is wrong with this machine is said there.
func (w *watch) follow(ctx context.Context, m events.Message) {
	id := m.Actor.ID
	switch m.Action {
	case events.ActionCreate, events.ActionStart:
		var pid int
		if m.Action == events.ActionStart && m.Actor.Attributes[labelType] == providers.TypeDecky {
			if found, err := w.api.ContainerInspect(ctx, id); err == nil && found.State != nil {
				pid = found.State.Pid
			}
		}
		if err := w.meet(id, m.Actor.Attributes, pid); err != nil {
			w.env.Log.WarnContext(ctx, "cannot hear the network namespace of a decky", "address", m.Actor.Attributes[labelAddress], "error", err)
		}
	case events.ActionDie, events.ActionDestroy:
		w.mu.Lock()
		defer w.mu.Unlock()
		if m.Action == events.ActionDestroy {
			delete(w.members, id)
		} else if known, ok := w.members[id]; ok {
			known.pid = 0
			w.members[id] = known
		}
	}
}

// networkEvent tells of a network of ours, and of a container of ours that was
// attached or detached anywhere.
func (w *watch) networkEvent(ctx context.Context, m events.Message, action, what string, at time.Time) {
	id, container := m.Actor.ID, m.Actor.Attributes["container"]
	if m.Action == events.ActionCreate {
		if n, err := w.api.NetworkInspect(ctx, id, network.InspectOptions{}); err == nil && n.Labels[labelLineage] == w.lineage {
			w.mu.Lock()
			w.networks[id] = n.Labels[labelAddress]
			w.mu.Unlock()
		}
	}
	w.mu.Lock()
	address, ours := w.networks[id]
	m2, known := w.members[container]
	if action == string(events.ActionDestroy) {
		delete(w.networks, id)
	}
	w.mu.Unlock()
	switch {
	case container != "" && known:
		w.say(m2.address, "container "+short(container)+" "+what, at)
	case ours && container == "":
		w.say(address, "network "+m.Actor.Attributes["name"]+" "+what, at)
	}
}

// poll looks at the sysctls of every decky.
func (w *watch) poll(ctx context.Context) {
	tick := time.NewTicker(sysctlInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.mu.Lock()
		members := maps.Clone(w.members)
		w.mu.Unlock()
		for id, m := range members {
			if m.pid == 0 || ctx.Err() != nil {
				continue
			}
			// What cannot be read is found by whoever looks, who says why.
			values, err := w.world.readSysctls(m.pid, slices.Collect(maps.Keys(m.sysctls)))
			if err != nil || values == nil || maps.Equal(m.sysctls, values) {
				continue
			}
			w.mu.Lock()
			if now, ok := w.members[id]; ok && now.pid == m.pid {
				now.sysctls = values
				w.members[id] = now
			}
			w.mu.Unlock()
			w.say(m.address, "sysctl changed", time.Time{})
		}
	}
}
