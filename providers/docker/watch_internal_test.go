package docker

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"

	"github.com/decnet/decnet/providers"
)

// listening is a Watch over a fake engine.
type listening struct {
	t       *testing.T
	notices chan providers.Notice
	ended   chan error
	cancel  context.CancelFunc
}

func listenTo(t *testing.T, p *provider) *listening {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &listening{t: t, notices: make(chan providers.Notice, 100), ended: make(chan error, 1), cancel: cancel}
	t.Cleanup(cancel)
	go func() { l.ended <- p.Watch(ctx, lineage, func(n providers.Notice) { l.notices <- n }) }()
	if n := l.next(); n != (providers.Notice{}) {
		t.Fatalf("the first notice is %+v", n)
	}
	return l
}

func (l *listening) next() providers.Notice {
	l.t.Helper()
	select {
	case n := <-l.notices:
		return n
	case err := <-l.ended:
		l.t.Fatalf("watch ended: %v", err)
	case <-time.After(5 * time.Second):
		l.t.Fatal("nothing is told")
	}
	return providers.Notice{}
}

func (l *listening) end() error {
	l.t.Helper()
	select {
	case err := <-l.ended:
		return err
	case <-time.After(5 * time.Second):
		l.t.Fatal("watch does not end")
		return nil
	}
}

// event is one of the engine's, of the base container.
func event(c *fakeContainer, action events.Action, more ...string) events.Message {
	attributes := map[string]string{"name": c.name}
	for k, v := range c.Config.Labels {
		attributes[k] = v
	}
	for i := 0; i+1 < len(more); i += 2 {
		attributes[more[i]] = more[i+1]
	}
	return events.Message{Type: events.ContainerEventType, Action: action, Actor: events.Actor{ID: c.id, Attributes: attributes}, TimeNano: 5}
}

func TestWatchTellsOfTheLineagesObjectsOnly(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	if err := converge(p, story(t, driverMacvlan)); err != nil {
		t.Fatal(err)
	}
	l := listenTo(t, p)
	base, service := f.named("quickstart-web-0"), f.named("quickstart-web-0-ssh-second-one")
	var office string
	for id := range f.networks {
		office = id
	}
	foreign := event(base, events.ActionDie)
	foreign.Actor.Attributes[labelLineage] = "other"
	network := func(action events.Action, id, container string) events.Message {
		return events.Message{Type: events.NetworkEventType, Action: action, Actor: events.Actor{ID: id, Attributes: map[string]string{"name": "n", "container": container}}}
	}
	f.ears.mu.Lock()
	if f.ears.heard[pidOf(base)] != "decky.web[0]" || len(f.ears.heard) != 1 {
		t.Errorf("the namespaces of %v are heard", f.ears.heard)
	}
	f.ears.mu.Unlock()
	for _, m := range []events.Message{foreign, network(events.ActionConnect, "other", "other"), network(events.ActionConnect, office, "other"), {Type: events.ContainerEventType, Action: "top"}} {
		f.told <- m // none of them is told
	}
	for _, step := range []struct {
		event   events.Message
		address string
		what    string
	}{
		{event(base, events.ActionDie, "exitCode", "137"), "decky.web[0]", "died (exit code 137)"},
		{event(base, events.ActionStart), "decky.web[0]", "started"},
		{event(service, "health_status: unhealthy"), "decky.web[0].service.ssh", "changed its health"},
		{event(service, events.ActionPause), "decky.web[0].service.ssh", "was paused"},
		{network(events.ActionDisconnect, "whichever", base.id), "decky.web[0]", "was detached"},
		{network(events.ActionDestroy, office, ""), "network.office", "was removed"},
	} {
		f.told <- step.event
		if n := l.next(); n.Address != step.address || !strings.Contains(n.What, step.what) {
			t.Errorf("told %+v, want %s of %s", n, step.what, step.address)
		}
	}
	f.ears.said <- [2]string{"decky.web[0]", "link eth0 removed"}
	if n := l.next(); n.Address != "decky.web[0]" || n.What != "link eth0 removed" {
		t.Errorf("told %+v", n)
	}
	f.mu.Lock()
	base.seen.sysctls["net.ipv4.ip_default_ttl"] = "1"
	f.mu.Unlock()
	if n := l.next(); n.What != "sysctl changed" || n.Address != "decky.web[0]" {
		t.Errorf("told %+v of a changed sysctl", n)
	}
	l.cancel()
	if err := l.end(); err != nil {
		t.Errorf("watch: %v", err)
	}
}

func TestWatchSaysThatItIsDeaf(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	if err := converge(p, story(t, driverMacvlan)); err != nil {
		t.Fatal(err)
	}
	l := listenTo(t, p)
	close(f.deaf)
	if err := l.end(); err == nil || !strings.Contains(err.Error(), "events") {
		t.Errorf("after the stream ended: %v", err)
	}
	f.deaf = make(chan struct{})
	l = listenTo(t, p)
	f.ears.said <- [2]string{"deaf", "no more"}
	if err := l.end(); err == nil || !strings.Contains(err.Error(), "no more") {
		t.Errorf("after the ears failed: %v", err)
	}
	if err := New(testEnv(t, "unix:///nonexistent/docker.sock")).(providers.Watcher).Watch(t.Context(), lineage, func(providers.Notice) { t.Error("told") }); err == nil {
		t.Error("watch hears where no engine is")
	}
}

// Settings are asked for once while their changes are heard, and each time
// where they are not.
func TestSettingsAreRememberedWhileTheyAreWatched(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	steps := story(t, driverMacvlan)
	if err := converge(p, steps); err != nil {
		t.Fatal(err)
	}
	look := func() (inspects int, changes []string) {
		t.Helper()
		f.mu.Lock()
		before := len(f.calls)
		f.mu.Unlock()
		r := resourceOf(p, providers.TypeDecky)
		found, err := r.List(t.Context(), lineage)
		if err != nil || len(found) != 1 {
			t.Fatalf("list: %v, %d", err, len(found))
		}
		diff, err := r.Diff(steps[1].config, found[0].State)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range diff {
			changes = append(changes, c.Path)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, call := range f.calls[before:] {
			if strings.HasSuffix(call, "/json") && !strings.HasSuffix(call, "containers/json") {
				inspects++
			}
		}
		return inspects, changes
	}
	base := f.named("quickstart-web-0")
	change := func(name container.RestartPolicyMode) {
		f.mu.Lock()
		defer f.mu.Unlock()
		base.HostConfig.RestartPolicy.Name = name
	}
	for range 2 {
		if inspects, changes := look(); inspects != 1 || len(changes) != 0 {
			t.Errorf("unwatched: %d inspects, %v", inspects, changes)
		}
	}
	change("no")
	if _, changes := look(); len(changes) != 1 || changes[0] != "restart" {
		t.Errorf("unwatched, after a change: %v", changes)
	}
	change("unless-stopped")
	l := listenTo(t, p)
	look()
	if inspects, _ := look(); inspects != 0 {
		t.Errorf("watched: %d inspects", inspects)
	}
	change("no")
	f.told <- event(base, events.ActionUpdate)
	l.next()
	if inspects, changes := look(); inspects != 1 || len(changes) != 1 {
		t.Errorf("watched, after a change: %d inspects, %v", inspects, changes)
	}
	if err := converge(p, steps); err != nil {
		t.Fatal(err)
	}
	settled(t, p, steps)
	l.cancel()
	if err := l.end(); err != nil {
		t.Fatal(err)
	}
	if inspects, _ := look(); inspects != 1 {
		t.Errorf("after the watch ended: %d inspects", inspects)
	}
}
