package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/decnet/decnet/providers"
)

// Bounds of single exhibits.
const (
	logLines      = 200
	logBytes      = 256 << 10
	eventsBack    = 10 * time.Minute
	maxEvents     = 200
	maxDiff       = 2000 // changed paths
	journalBytes  = 64 << 10
	maxEventField = 200
)

const mediaJSON = "application/json"

// source is one exhibit to be had.
type source struct {
	name  string
	media string
	get   func(ctx context.Context) (data []byte, truncated bool, err error)
}

// gather asks all sources at once and keeps what each gives as soon as it does,
// so that a slow one takes nothing from the others. It returns when ctx ends.
func gather(ctx context.Context, sources []source, keep func(providers.Exhibit) error) error {
	type result struct {
		of        int
		data      []byte
		truncated bool
		err       error
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	results := make(chan result, len(sources))
	for i, s := range sources {
		wg.Go(func() {
			data, truncated, err := s.get(ctx)
			results <- result{i, data, truncated, err}
		})
	}
	errs := make([]error, len(sources)) // in the order of the sources
	for i := range errs {
		errs[i] = fmt.Errorf("%s: %w", sources[i].name, context.DeadlineExceeded)
	}
	for range sources {
		var r result
		select {
		case r = <-results:
		case <-ctx.Done():
			select { // it may have been ready all the same
			case r = <-results:
			default:
				return errors.Join(errs...)
			}
		}
		s := sources[r.of]
		errs[r.of] = nil
		if r.err != nil {
			errs[r.of] = fmt.Errorf("%s: %w", s.name, r.err)
		}
		if len(r.data) == 0 {
			continue
		}
		if len(r.data) > providers.MaxExhibit {
			r.data, r.truncated = r.data[:providers.MaxExhibit], true
		}
		if err := keep(providers.Exhibit{Name: s.name, Media: s.media, Data: r.data, Truncated: r.truncated}); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	return errors.Join(errs...)
}

// Examine tells of a base container how it ended or what it is now, what was
// done to it, and what runs and listens in its network namespace.
func (h *deckies) Examine(ctx context.Context, have DeckyState, keep func(providers.Exhibit) error) error {
	subject := subject{id: have.ID, name: have.Config.Name, network: have.Config.Network.Name}
	sources := h.engineSources(subject)
	seen, err := json.MarshalIndent(struct {
		Networks []string          `json:"networks"`
		Links    []LinkState       `json:"links"`
		Sysctls  map[string]string `json:"sysctls"`
		Egress   bool              `json:"egress_denied"`
	}{have.Networks, have.Links, have.Sysctls, have.Egress}, "", " ")
	if err != nil {
		return fmt.Errorf("encode what was seen of %s: %w", have.Address, err)
	}
	if have.Running {
		sources = append(sources, source{"network", mediaJSON, func(context.Context) ([]byte, bool, error) { return seen, false, nil }})
	}
	return gather(ctx, append(sources, h.insideSources(subject, true)...), keep)
}

// Examine tells of a service container how it ended or what it is now, what was
// done to it, what runs in it, what clients left in its store and on the decky's
// machine, and what it last recorded.
func (h *services) Examine(ctx context.Context, have ServiceState, keep func(providers.Exhibit) error) error {
	subject := subject{id: have.ID, name: cmp.Or(have.Name, containerName(have.Config))}
	f := h.files(have.Lineage, subject.name, have.Config.Decky)
	sources := append(h.engineSources(subject), h.insideSources(subject, false)...)
	sources = append(sources,
		source{"journal", "application/x-ndjson", func(ctx context.Context) ([]byte, bool, error) { return journalTail(ctx, f.journal) }},
		source{"store", "", func(ctx context.Context) ([]byte, bool, error) { return listing(ctx, f.store) }},
		source{"shared", "", func(ctx context.Context) ([]byte, bool, error) { return listing(ctx, f.shared) }},
	)
	if err := gather(ctx, sources, keep); err != nil || ctx.Err() != nil {
		return err
	}
	if err := keepFiles(ctx, f.store, "files/store/", keep); err != nil || ctx.Err() != nil {
		return err
	}
	return keepFiles(ctx, f.shared, "files/shared/", keep)
}

// subject is the container that is examined.
type subject struct {
	id, name string
	network  string // the engine's network of a base container
}

// enginePatience is how long the engine may take to tell something. One that is
// about to start or stop the very container tells nothing of it until then.
const enginePatience = 300 * time.Millisecond

// patiently gives the engine its time for one exhibit.
func patiently(get func(context.Context, subject) ([]byte, bool, error), s subject) func(context.Context) ([]byte, bool, error) {
	return func(ctx context.Context) ([]byte, bool, error) {
		ctx, cancel := context.WithTimeout(ctx, enginePatience)
		defer cancel()
		return get(ctx, s)
	}
}

// engineSources are what the engine tells of a container, be it gone.
func (p *provider) engineSources(s subject) []source {
	return []source{
		{"state", mediaJSON, patiently(p.stateExhibit, s)},
		{"events", "", patiently(p.eventsExhibit, s)},
		{"log", "", patiently(p.logExhibit, s)},
		{"diff", "", patiently(p.diffExhibit, s)},
	}
}

// insideSources are what this host sees of a container's processes; of a base
// container those of everybody in its network namespace, invited or not.
func (p *provider) insideSources(s subject, shared bool) []source {
	return []source{
		{"processes", "", func(ctx context.Context) ([]byte, bool, error) { return p.world.tasks(ctx, s.id, shared) }},
		{"sockets", "", func(ctx context.Context) ([]byte, bool, error) { return p.world.sockets(ctx, s.id) }},
	}
}

// condition is the exhibit "state".
type condition struct {
	Container    string           `json:"container"`
	ID           string           `json:"id"`
	Gone         bool             `json:"gone,omitempty"`
	Created      string           `json:"created,omitempty"`
	RestartCount int              `json:"restart_count"`
	Settings     *Settings        `json:"settings,omitempty"`
	State        *container.State `json:"state,omitempty"`
	Networks     []string         `json:"networks,omitempty"`
}

func (p *provider) stateExhibit(ctx context.Context, s subject) ([]byte, bool, error) {
	found, err := p.inspect(ctx, s)
	if err != nil {
		return nil, false, err
	}
	c := condition{Container: s.name, ID: s.id, Gone: found == nil}
	if found != nil {
		c.Created, c.RestartCount, c.State = found.Created, found.RestartCount, found.State
		if found.HostConfig != nil {
			settings := settingsOf(found.HostConfig)
			c.Settings = &settings
		}
		if found.NetworkSettings != nil {
			for name, e := range found.NetworkSettings.Networks {
				c.Networks = append(c.Networks, fmt.Sprintf("%s %s %s", name, e.IPAddress, e.MacAddress))
			}
			slices.Sort(c.Networks)
		}
	}
	data, err := json.MarshalIndent(c, "", " ")
	return data, false, err
}

// inspect asks for a container, nil if it is gone.
func (p *provider) inspect(ctx context.Context, s subject) (*container.InspectResponse, error) {
	if s.id == "" {
		return nil, nil
	}
	c, err := p.engine.client(ctx)
	if err != nil {
		return nil, err
	}
	found, err := c.ContainerInspect(ctx, s.id)
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil || found.ContainerJSONBase == nil {
		return nil, p.engine.explain("inspect container "+s.name, err)
	}
	return &found, nil
}

// eventsExhibit is what the engine still knows of what happened to a container,
// whoever did it, one line each.
func (p *provider) eventsExhibit(ctx context.Context, s subject) ([]byte, bool, error) {
	if s.id == "" {
		return nil, false, nil
	}
	all, err := p.pastEvents(ctx, filters.NewArgs(filters.Arg("container", s.id)))
	if s.network != "" && err == nil {
		var attached []events.Message
		attached, err = p.pastEvents(ctx, filters.NewArgs(filters.Arg("type", string(events.NetworkEventType)), filters.Arg("network", s.network)))
		for _, m := range attached {
			if about := m.Actor.Attributes["container"]; about == "" || about == s.id {
				all = append(all, m)
			}
		}
	}
	text, truncated := eventLines(all)
	return text, truncated, err
}

// eventLines writes events down in their order, a line each, the latest ones.
func eventLines(all []events.Message) (text []byte, truncated bool) {
	slices.SortStableFunc(all, func(a, b events.Message) int { return cmp.Compare(a.TimeNano, b.TimeNano) })
	if truncated = len(all) > maxEvents; truncated {
		all = all[len(all)-maxEvents:]
	}
	var out bytes.Buffer
	for _, m := range all {
		fmt.Fprintf(&out, "%s %s %s", time.Unix(0, m.TimeNano).UTC().Format(time.RFC3339Nano), m.Type, limited(string(m.Action)))
		for _, name := range []string{"name", "exitCode", "signal", "execID", "container"} {
			if value := m.Actor.Attributes[name]; value != "" {
				fmt.Fprintf(&out, " %s=%s", name, limited(value))
			}
		}
		out.WriteByte('\n')
	}
	return out.Bytes(), truncated
}

// limited is a line's part in bounds and of one line.
func limited(text string) string {
	if len(text) > maxEventField {
		text = text[:maxEventField]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// pastEvents are those that the engine remembers.
func (p *provider) pastEvents(ctx context.Context, args filters.Args) ([]events.Message, error) {
	c, err := p.engine.client(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	now := p.env.Now()
	stream, failed := c.Events(ctx, events.ListOptions{Since: stamp(now.Add(-eventsBack)), Until: stamp(now.Add(time.Millisecond)), Filters: args})
	var all []events.Message
	for {
		select {
		case m := <-stream:
			if all = append(all, m); len(all) == 4*maxEvents {
				return all, nil
			}
		case err := <-failed:
			if errors.Is(err, io.EOF) {
				return all, nil
			}
			return all, p.engine.explain("ask for the engine's events", err)
		}
	}
}

// logExhibit is the end of what a container wrote.
func (p *provider) logExhibit(ctx context.Context, s subject) ([]byte, bool, error) {
	c, err := p.engine.client(ctx)
	if err != nil || s.id == "" {
		return nil, false, err
	}
	stream, err := c.ContainerLogs(ctx, s.id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Tail: fmt.Sprint(logLines)})
	if errdefs.IsNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, p.engine.explain("read the log of container "+s.name, err)
	}
	defer stream.Close()
	var out bytes.Buffer
	n, err := stdcopy.StdCopy(&out, &out, io.LimitReader(stream, 4*logBytes))
	data := out.Bytes()
	if len(data) > logBytes {
		data = data[len(data)-logBytes:]
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // cut within a line
	}
	return data, n > int64(len(data)), err
}

// diffExhibit lists what changed in a root that can be written. Ours cannot:
// what such a container's processes wrote stands in its store.
func (p *provider) diffExhibit(ctx context.Context, s subject) ([]byte, bool, error) {
	found, err := p.inspect(ctx, s)
	if err != nil || found == nil || found.HostConfig == nil || found.HostConfig.ReadonlyRootfs {
		return nil, false, err
	}
	c, err := p.engine.client(ctx)
	if err != nil {
		return nil, false, err
	}
	changes, err := c.ContainerDiff(ctx, s.id)
	if err != nil {
		return nil, false, p.engine.explain("compare container "+s.name+" with its image", err)
	}
	var out bytes.Buffer
	for i, change := range changes {
		if i == maxDiff {
			return out.Bytes(), true, nil
		}
		fmt.Fprintf(&out, "%s %s\n", change.Kind, limited(change.Path))
	}
	return out.Bytes(), false, nil
}
