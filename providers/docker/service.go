package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

// serviceUser is the uid and gid that service processes run as: where neither
// distributions, systemd nor container engines give out ids, so that no process
// of the host shares it.
const serviceUser = 1_899_999_999

const (
	serviceMemory = 256 << 20
	servicePids   = 256
)

// ServiceState is what is known of a live service container.
type ServiceState struct {
	ID      string `json:"id,omitempty"`
	Lineage string `json:"lineage"`
	Address string `json:"address"`
	Name    string `json:"name,omitempty"`  // of the container and its directories
	Image   string `json:"image,omitempty"` // digest of its decky binary
	// Running tells that it runs and that its decky has a link: without one a
	// service ends and is started again and again.
	Running bool `json:"running"`
	Paused  bool `json:"paused,omitempty"`
	// Incarnation names its present life; no difference of it is one of Diff's.
	Incarnation string   `json:"incarnation,omitempty"`
	Settings    Settings `json:"settings"`
	// Base is the container whose network namespace it was made to share, and
	// Decky the one that now has the decky's name.
	Base  string `json:"base,omitempty"`
	Decky string `json:"decky,omitempty"`
	// Joined tells that its process really is in the namespace of Decky.
	Joined bool `json:"joined"`
	// Files tells what is wrong with what the container binds; empty if nothing.
	Files  string         `json:"files,omitempty"`
	Config schema.Service `json:"config"`
}

// services handles the service containers.
type services struct{ *provider }

// containerName is the engine-side name of a service.
func containerName(c schema.Service) string {
	return c.Decky + "-" + strings.NewReplacer(".", "-", "_", "-").Replace(c.Name)
}

// baseOf is the id of the container whose network namespace c shares.
func baseOf(c container.Summary) string {
	return container.NetworkMode(c.HostConfig.NetworkMode).ConnectedContainer()
}

// Diff compares the live service container. Everything but the image can be
// put right by Update, which keeps what clients wrote.
func (h *services) Diff(want schema.Service, have ServiceState) []providers.Change {
	changes := providers.Compare(have.Config, want, nil)
	if h.env.DeckyDigest != "" && have.Image != h.env.DeckyDigest {
		changes = append(changes, providers.Change{
			Path: "image", Before: quote(short(have.Image)), After: quote(short(h.env.DeckyDigest)), Replace: true, Cause: providers.CauseImage,
		})
	}
	if have.Files != "" {
		changes = append(changes, providers.Change{Path: "files", Before: quote(have.Files)})
	}
	changes = append(changes, have.Settings.diff(wantedSettings(providers.TypeService), false)...)
	if have.Paused {
		changes = append(changes, providers.Change{Path: "paused", Before: "true", After: "false"})
	}
	switch {
	case !have.Running:
		changes = append(changes, providers.Change{Path: "running", Before: "false", After: "true"})
	case have.Base != have.Decky:
		changes = append(changes, providers.Change{Path: "base", Before: quote(short(have.Base)), After: quote(short(have.Decky))})
	case !have.Joined:
		changes = append(changes, providers.Change{Path: "namespace", Before: quote("one that its decky left"), After: quote("its decky's")})
	}
	return changes
}

// Incarnation names the present life of the service container.
func (h *services) Incarnation(have ServiceState) string { return have.Incarnation }

// Read looks at one service container again, and at its decky.
func (h *services) Read(ctx context.Context, have ServiceState) (ServiceState, error) {
	found, err := h.containers(ctx, labelLineage, have.Lineage, labelAddress, have.Address, labelType, providers.TypeService)
	if err != nil {
		return ServiceState{}, err
	}
	if len(found) == 0 {
		return ServiceState{}, providers.ErrGone
	}
	base, err := h.baseNamed(ctx, have.Lineage, configOf[schema.Service](found[0].Labels).Decky)
	if err != nil {
		return ServiceState{}, err
	}
	objects, err := h.observe(ctx, append(found[:1:1], base...))
	if err != nil {
		return ServiceState{}, err
	}
	return objects[0].State, nil
}

// List finds the service containers of a lineage: one call and one pass over
// the processes.
func (h *services) List(ctx context.Context, lineage string) ([]providers.Object[schema.Service, ServiceState], error) {
	found, err := h.containers(ctx, labelLineage, lineage)
	if err != nil {
		return nil, err
	}
	return h.observe(ctx, found)
}

// observe looks at the service containers among found, whose base containers
// are there, too.
func (h *services) observe(ctx context.Context, found []container.Summary) ([]providers.Object[schema.Service, ServiceState], error) {
	members := slices.DeleteFunc(slices.Clone(found), func(c container.Summary) bool { return c.Labels[labelType] != providers.TypeService })
	if len(members) == 0 {
		return nil, nil
	}
	pids, err := h.world.processes()
	if err != nil {
		return nil, err
	}
	bases, err := h.bases(ctx, found, pids)
	if err != nil {
		return nil, err
	}
	settings, err := h.settingsFor(ctx, members)
	if err != nil {
		return nil, err
	}
	var objects []providers.Object[schema.Service, ServiceState]
	for _, c := range members {
		s, err := h.look(ctx, c, bases, pids)
		if err != nil {
			return nil, err
		}
		s.Settings = settings[c.ID]
		objects = append(objects, providers.Object[schema.Service, ServiceState]{Owner: ownerOf(c.Labels), Config: s.Config, State: s})
	}
	return objects, nil
}

func (h *services) look(ctx context.Context, c container.Summary, bases map[string]base, pids map[string]int) (ServiceState, error) {
	owner := ownerOf(c.Labels)
	s := ServiceState{
		ID: c.ID, Lineage: owner.Lineage, Address: owner.Address, Name: nameOf(c), Image: c.Labels[labelImage],
		Base: baseOf(c), Config: configOf[schema.Service](c.Labels), Paused: paused(c),
	}
	base := bases[s.Config.Decky]
	s.Decky = base.id
	if running(c) {
		pid, err := h.processOf(ctx, c.ID, pids)
		if err != nil {
			return s, err
		}
		if pid != 0 {
			s.Incarnation = incarnation(c.ID, h.world.life(pid))
		}
		s.Running = s.Incarnation != "" && base.linked
		namespace, err := h.world.netns(pid)
		if err != nil {
			return s, err
		}
		s.Joined = namespace != 0 && namespace == base.namespace
	}
	s.Files = h.files(s.Lineage, s.Name, s.Config.Decky).check(c.Labels[labelSpec])
	return s, nil
}

// base is what services need to know of their decky.
type base struct {
	id        string
	linked    bool
	namespace uint64
}

// bases looks at the base containers among found, by name.
func (h *services) bases(ctx context.Context, found []container.Summary, pids map[string]int) (map[string]base, error) {
	all := map[string]base{}
	for _, c := range found {
		if c.Labels[labelType] != providers.TypeDecky {
			continue
		}
		b := base{id: c.ID}
		if running(c) {
			pid, err := h.processOf(ctx, c.ID, pids)
			if err != nil {
				return nil, err
			}
			if b.linked, err = h.world.linked(pid); err != nil {
				return nil, err
			}
			if b.namespace, err = h.world.netns(pid); err != nil {
				return nil, err
			}
		}
		all[nameOf(c)] = b
	}
	return all, nil
}

// baseNamed finds the base container of that name.
func (h *services) baseNamed(ctx context.Context, lineage, name string) ([]container.Summary, error) {
	all, err := h.containersNamed(ctx, name, labelLineage, lineage, labelType, providers.TypeDecky)
	return slices.DeleteFunc(all, func(c container.Summary) bool { return nameOf(c) != name }), err
}

// originOf is what the base container of that name tells its services; zero
// where there is none, which the engine will say.
func (h *services) originOf(ctx context.Context, lineage, name string) (origin, error) {
	found, err := h.baseNamed(ctx, lineage, name)
	if err != nil || len(found) == 0 {
		return origin{}, err
	}
	return origin{created: time.Unix(found[0].Created, 0), network: configOf[schema.Decky](found[0].Labels).Network}, nil
}

// Create makes the service container in its decky's namespace.
func (h *services) Create(ctx context.Context, owner providers.Owner, want schema.Service) (ServiceState, error) {
	name := containerName(want)
	state := ServiceState{Lineage: owner.Lineage, Address: owner.Address, Name: name, Config: want}
	if _, err := h.images.ensure(ctx); err != nil { // before anything is touched
		return state, err
	}
	f := h.files(owner.Lineage, name, want.Decky)
	on, err := h.originOf(ctx, owner.Lineage, want.Decky)
	if err != nil {
		return state, err
	}
	digest, err := f.write(h.env.Derive, want, on)
	if err != nil {
		return state, err
	}
	b, err := h.blueprint(ctx, owner, want, f, digest)
	if err != nil {
		return state, err
	}
	if state.ID, err = h.run(ctx, owner, b); err != nil {
		return state, err
	}
	state.Image, state.Running, state.Joined = h.env.DeckyDigest, true, true
	state.Settings = wantedSettings(providers.TypeService)
	state.Incarnation, err = h.lifeOf(ctx, state.ID)
	return state, err
}

// blueprint spells out the service container: nothing but its own files and
// its decky's network.
func (h *services) blueprint(ctx context.Context, owner providers.Owner, want schema.Service, f files, digest string) (blueprint, error) {
	image, err := h.images.ensure(ctx)
	if err != nil {
		return blueprint{}, err
	}
	l, err := labels(owner, providers.TypeService, want)
	if err != nil {
		return blueprint{}, err
	}
	l[labelSpec] = digest
	stop := 2
	host := confined(serviceMemory, servicePids)
	host.NetworkMode = container.NetworkMode("container:" + want.Decky)
	host.OomScoreAdj = 500
	host.Mounts = []mount.Mount{
		f.bind(f.spec(), inSpec, true),
		f.bind(f.journal, inJournal, false),
		f.bind(f.store, inStore, false),
		f.bind(f.shared, inShared, false),
	}
	return blueprint{
		name: containerName(want), host: host, base: want.Decky,
		config: &container.Config{
			Image: image, Cmd: []string{"serve", "--spec", inSpec}, WorkingDir: "/",
			User: fmt.Sprintf("%d:%d", h.user, h.user), Labels: l, StopTimeout: &stop,
		},
	}, nil
}

// settlePatience is how long Update waits for a container that it put right to
// be seen so: a process may have ended since it was looked at, in the namespace
// that its decky left.
const settlePatience = 500 * time.Millisecond

// Update puts a service container right: started or restarted where that is
// enough, made anew where its configuration, its files or its decky changed.
// What clients wrote stays.
func (h *services) Update(ctx context.Context, owner providers.Owner, want schema.Service, have ServiceState) (ServiceState, error) {
	now, err := h.Read(ctx, have)
	for deadline := time.Now().Add(settlePatience); ; {
		switch {
		case errors.Is(err, providers.ErrGone): // as the engine was asked to by an apply that was killed
			return h.Create(ctx, owner, want)
		case err != nil:
			return have, err
		}
		if err := h.heal(ctx, owner, want, now); err != nil && !errors.Is(err, providers.ErrGone) {
			return now, err
		}
		if now, err = h.Read(ctx, now); err == nil && (now.serves() || time.Now().After(deadline)) {
			return now, nil
		}
		select {
		case <-ctx.Done():
			return now, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// serves tells that a process of the container runs where its decky is.
func (s ServiceState) serves() bool {
	return s.Running && s.Joined && !s.Paused && s.Incarnation != ""
}

// heal does what one look at a container asks for.
func (h *services) heal(ctx context.Context, owner providers.Owner, want schema.Service, now ServiceState) error {
	if now.Paused {
		if err := h.unpause(ctx, now.ID, now.Name); err != nil {
			return err
		}
	}
	share := now.Settings.Share != wantedSettings(providers.TypeService).Share
	switch {
	case share || now.Files != "" || now.Base != now.Decky || len(providers.Compare(now.Config, want, nil)) > 0:
		if err := h.remove(ctx, now.ID); err != nil {
			return err
		}
		_, err := h.Create(ctx, owner, want)
		return err
	case now.Incarnation == "":
		if err := h.revive(ctx, now.ID, now.Name); err != nil {
			return err
		}
	case now.Running && !now.Joined:
		if err := h.restart(ctx, now.ID, now.Name); err != nil {
			return err
		}
	}
	return h.reset(ctx, now.ID, now.Name, providers.TypeService, now.Settings)
}

// Delete removes the service container and its files, except events that
// nobody has read.
func (h *services) Delete(ctx context.Context, have ServiceState) error {
	last, err := h.removeOwned(ctx, have.ID, providers.TypeService, have.Lineage, have.Address)
	if err != nil || !last || have.Name == "" {
		return err
	}
	return h.files(have.Lineage, have.Name, have.Config.Decky).remove(have.Config.Name)
}
