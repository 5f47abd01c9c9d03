package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

// fakeEngine speaks the part of the Engine API that the provider uses, from
// memory, and is the world that belongs to it.
type fakeEngine struct {
	t   testing.TB
	url string

	mu         sync.Mutex
	next       int
	networks   map[string]*network.Inspect
	containers map[string]*fakeContainer
	images     map[string]string // reference -> digest label
	hairpins   map[string]string // owner -> ip
	calls      []string
	// fail, if set, breaks the connection of a request: before or after it
	// took effect.
	fail func(n int, call string) (before, after bool)
	// unsupported is a network driver that the kernel lacks.
	unsupported string
	// reserved is how often each name is still taken by a container that nobody
	// can look at yet.
	reserved map[string]int
	// remote hides the processes, as an engine of another host does.
	remote  bool
	version string
	// told are the engine's events; deaf ends the streams of them.
	told chan events.Message
	deaf chan struct{}
	ears fakeEars
}

type fakeContainer struct {
	container.CreateRequest
	id, name string
	running  bool
	paused   bool
	severed  bool
	starts   int
	starting bool // a start is in flight: the list shows it stopped still
	netns    uint64
	seen     inside
}

func newFakeEngine(t testing.TB) *fakeEngine {
	f := &fakeEngine{
		t: t, networks: map[string]*network.Inspect{}, containers: map[string]*fakeContainer{},
		images: map[string]string{}, hairpins: map[string]string{}, version: "1.41",
		told: make(chan events.Message, 16), deaf: make(chan struct{}), ears: fakeEars{said: make(chan [2]string, 16), heard: map[int]string{}},
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = "tcp" + strings.TrimPrefix(server.URL, "http")
	return f
}

func (f *fakeEngine) id() string {
	f.next++
	return fmt.Sprintf("%064x", f.next)
}

// ServeHTTP answers one request, or breaks the connection.
func (f *fakeEngine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := r.URL.Path
	if strings.HasPrefix(path, "/v1.") {
		path = path[strings.IndexByte(path[1:], '/')+1:]
	}
	if path == "/_ping" {
		w.Header().Set("Api-Version", f.version)
		return
	}
	if path == "/events" {
		f.mu.Unlock()
		defer f.mu.Lock()
		f.events(w, r)
		return
	}
	call := r.Method + " " + path
	f.calls = append(f.calls, call)
	var before, after bool
	if f.fail != nil {
		before, after = f.fail(len(f.calls), call)
	}
	if before {
		panic(http.ErrAbortHandler)
	}
	status, body := f.answer(r, strings.Split(strings.Trim(path, "/"), "/"))
	if after {
		panic(http.ErrAbortHandler)
	}
	if text, ok := body.(string); ok && status >= 400 {
		body = map[string]string{"message": text}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

func (f *fakeEngine) answer(r *http.Request, path []string) (int, any) {
	switch path[0] {
	case "version":
		return 200, map[string]string{"Version": "20.10.24", "ApiVersion": f.version, "Os": "linux"}
	case "info":
		return 200, map[string]bool{"MemoryLimit": true, "SwapLimit": true, "PidsLimit": true}
	case "images":
		return f.image(r, path)
	case "networks":
		return f.network(r, path)
	case "containers":
		return f.container(r, path)
	}
	return 404, "page not found"
}

func (f *fakeEngine) image(r *http.Request, path []string) (int, any) {
	name := strings.TrimSuffix(strings.Join(path[1:], "/"), "/json")
	switch {
	case path[len(path)-1] == "create":
		_, _ = io.Copy(io.Discard, r.Body)
		for _, change := range r.URL.Query()["changes"] {
			if label, ok := strings.CutPrefix(change, "LABEL "+labelImage+"="); ok {
				f.images[r.URL.Query().Get("repo")+":"+r.URL.Query().Get("tag")] = label
			}
		}
		return 200, map[string]string{"status": "sha256:1"}
	case len(path) == 2 && path[1] == "json":
		list := []map[string]any{}
		for _, reference := range slices.Sorted(maps.Keys(f.images)) {
			list = append(list, map[string]any{"Id": reference, "RepoTags": []string{reference}})
		}
		return 200, list
	case r.Method == http.MethodDelete:
		for _, c := range f.containers {
			if c.Config.Image == name {
				return 409, "image is being used by a container"
			}
		}
		delete(f.images, name)
		return 200, []any{}
	}
	digest, ok := f.images[name]
	if !ok {
		return 404, "No such image: " + name
	}
	return 200, map[string]any{"Id": name, "Config": map[string]any{"Labels": map[string]string{labelImage: digest}}}
}

func labelled(r *http.Request, labels map[string]string) bool {
	args, err := filters.FromJSON(r.URL.Query().Get("filters"))
	return err != nil || args.MatchKVList("label", labels)
}

func (f *fakeEngine) network(r *http.Request, path []string) (int, any) {
	if len(path) == 1 {
		list := []*network.Inspect{}
		for _, id := range slices.Sorted(maps.Keys(f.networks)) {
			if labelled(r, f.networks[id].Labels) {
				list = append(list, f.networks[id])
			}
		}
		return 200, list
	}
	if path[1] == "create" {
		return f.createNetwork(r)
	}
	var found *network.Inspect
	for _, n := range f.networks {
		if n.ID == path[1] || n.Name == path[1] {
			found = n
		}
	}
	switch {
	case found == nil:
		return 404, "network " + path[1] + " not found"
	case r.Method == http.MethodDelete:
		delete(f.networks, found.ID)
		return 204, nil
	}
	return 200, found
}

func (f *fakeEngine) createNetwork(r *http.Request) (int, any) {
	var request network.CreateRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return 400, err.Error()
	}
	if request.Driver == f.unsupported {
		return 500, "failed to create the " + request.Driver + " port: operation not supported"
	}
	for _, n := range f.networks {
		if n.Name == request.Name {
			return 409, "network with name " + n.Name + " already exists"
		}
	}
	n := &network.Inspect{ID: f.id(), Name: request.Name, Driver: request.Driver, Options: request.Options, Labels: request.Labels, IPAM: *request.IPAM}
	f.networks[n.ID] = n
	return 201, network.CreateResponse{ID: n.ID}
}

func (f *fakeEngine) named(name string) *fakeContainer {
	for _, c := range f.containers {
		if c.id == name || c.name == name {
			return c
		}
	}
	return nil
}

func (f *fakeEngine) container(r *http.Request, path []string) (int, any) {
	switch path[1] {
	case "json":
		list := []container.Summary{}
		for _, id := range slices.Sorted(maps.Keys(f.containers)) {
			if c := f.containers[id]; labelled(r, c.Config.Labels) {
				list = append(list, c.summary())
			}
		}
		return 200, list
	case "create":
		return f.createContainer(r)
	}
	c := f.named(path[1])
	if c == nil {
		return 404, "No such container: " + path[1]
	}
	switch {
	case r.Method == http.MethodDelete:
		delete(f.containers, c.id)
		return 204, nil
	case path[2] == "json":
		config := *c.Config
		// Like the real one, it answers after what was in flight.
		c.running = c.running || c.starting
		state := container.StateExited
		if c.running {
			state = container.StateRunning
		}
		var pid int
		if c.running && !f.remote {
			pid = pidOf(c)
		}
		return 200, map[string]any{"Id": c.id, "Name": "/" + c.name, "Config": config, "HostConfig": c.HostConfig, "State": map[string]any{"Running": c.running, "Status": state, "Pid": pid}}
	case path[2] == "unpause":
		c.paused = false
		return 204, nil
	case path[2] == "update":
		return f.updateContainer(r, c)
	}
	return f.startContainer(c, path[2] == "restart")
}

func (c *fakeContainer) summary() container.Summary {
	s := container.Summary{ID: c.id, Names: []string{"/" + c.name}, Labels: c.Config.Labels, State: container.StateExited}
	if c.running {
		s.State = container.StateRunning
	}
	if c.paused {
		s.State = container.StatePaused
	}
	s.HostConfig.NetworkMode = string(c.HostConfig.NetworkMode)
	s.NetworkSettings = &container.NetworkSettingsSummary{Networks: map[string]*network.EndpointSettings{}}
	if c.NetworkingConfig != nil {
		s.NetworkSettings.Networks = c.NetworkingConfig.EndpointsConfig
	}
	return s
}

func (f *fakeEngine) createContainer(r *http.Request) (int, any) {
	c := &fakeContainer{name: r.URL.Query().Get("name")}
	if err := json.NewDecoder(r.Body).Decode(&c.CreateRequest); err != nil {
		return 400, err.Error()
	}
	digest, ok := f.images[c.Config.Image]
	if f.reserved[c.name] > 0 {
		f.reserved[c.name]--
		return 409, `Conflict. The container name "/` + c.name + `" is already in use`
	}
	switch {
	case !ok:
		return 404, "No such image: " + c.Config.Image
	case f.named(c.name) != nil:
		return 409, `Conflict. The container name "/` + c.name + `" is already in use`
	}
	c.Config.Labels[labelImage] = digest
	if name := c.HostConfig.NetworkMode.ConnectedContainer(); name != "" {
		base := f.named(name)
		if base == nil {
			return 404, "No such container: " + name
		}
		c.HostConfig.NetworkMode = container.NetworkMode("container:" + base.id)
	}
	c.id = f.id()
	f.containers[c.id] = c
	return 201, container.CreateResponse{ID: c.id}
}

func (f *fakeEngine) startContainer(c *fakeContainer, again bool) (int, any) {
	if c.running && !again {
		return 304, nil
	}
	c.starts++
	if name := c.HostConfig.NetworkMode.ConnectedContainer(); name != "" {
		base := f.named(name)
		if base == nil || !base.running {
			return 409, "cannot join network of a non running container: " + name
		}
		c.running, c.netns = true, base.netns
		return 204, nil
	}
	f.next++
	c.running, c.severed, c.netns = true, false, uint64(f.next)
	d := configOf[schema.Decky](c.Config.Labels)
	c.seen = inside{netns: c.netns, links: []LinkState{wantedLink(d)}, sysctls: maps.Clone(c.HostConfig.Sysctls), egress: true}
	return 204, nil
}

func (f *fakeEngine) updateContainer(r *http.Request, c *fakeContainer) (int, any) {
	var update container.UpdateConfig
	if err := json.NewDecoder(r.Body).Decode(&update); err != nil {
		return 400, err.Error()
	}
	if update.RestartPolicy.Name != "" {
		c.HostConfig.RestartPolicy = update.RestartPolicy
	}
	if update.Memory != 0 {
		c.HostConfig.Memory, c.HostConfig.MemorySwap = update.Memory, update.MemorySwap
	}
	if update.PidsLimit != nil {
		c.HostConfig.PidsLimit = update.PidsLimit
	}
	return 200, map[string]any{}
}

// events streams what is told until the fake is made deaf.
func (f *fakeEngine) events(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	if r.URL.Query().Get("until") != "" {
		return
	}
	for {
		select {
		case m := <-f.told:
			_ = json.NewEncoder(w).Encode(m)
			w.(http.Flusher).Flush()
		case <-f.deaf:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// What follows is the world.

// fakeEars hear what a test says.
type fakeEars struct {
	said  chan [2]string
	mu    sync.Mutex
	heard map[int]string // address by process
}

func (e *fakeEars) add(pid int, address string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard[pid] = address
	return nil
}

func (e *fakeEars) hear(ctx context.Context, tell func(address, what string)) error {
	for {
		select {
		case s := <-e.said:
			if s[0] == "deaf" {
				return errors.New(s[1])
			}
			tell(s[0], s[1])
		case <-ctx.Done():
			return nil
		}
	}
}

func (e *fakeEars) close() {}

func (f *fakeEngine) cut(pid int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.of(pid); c != nil {
		c.severed = true
	}
	return nil
}

func (f *fakeEngine) severed(pid int) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.of(pid)
	return c != nil && c.severed, nil
}

func (f *fakeEngine) tasks(context.Context, string, bool) ([]byte, bool, error) {
	return []byte("pid=1\n"), false, nil
}

func (f *fakeEngine) sockets(context.Context, string) ([]byte, bool, error) {
	return []byte("tcp 0.0.0.0:22\n"), false, nil
}

func (f *fakeEngine) listen(string) (ears, error) { return &f.ears, nil }

func (f *fakeEngine) life(pid int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.of(pid); c != nil {
		return fmt.Sprintf("%d.%d.boot", pid, c.starts)
	}
	return ""
}

func (f *fakeEngine) readSysctls(pid int, _ []string) (map[string]string, error) {
	seen, err := f.look(pid, nil)
	if seen == nil {
		return nil, err
	}
	return maps.Clone(seen.sysctls), err
}

func pidOf(c *fakeContainer) int {
	var n int
	if _, err := fmt.Sscanf(c.id, "%x", &n); err != nil {
		return 0
	}
	return n
}

func (f *fakeEngine) processes() (map[string]int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := map[string]int{}
	for id, c := range f.containers {
		if c.running && !f.remote {
			found[id] = pidOf(c)
		}
	}
	return found, nil
}

func (f *fakeEngine) of(pid int) *fakeContainer {
	for _, c := range f.containers {
		if pidOf(c) == pid && c.running {
			return c
		}
	}
	return nil
}

func (f *fakeEngine) netns(pid int) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.of(pid); c != nil {
		return c.netns, nil
	}
	return 0, nil
}

func (f *fakeEngine) linked(pid int) (bool, error) {
	seen, err := f.look(pid, nil)
	return seen != nil && len(seen.links) > 0, err
}

func (f *fakeEngine) look(pid int, _ []string) (*inside, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.of(pid); c != nil {
		seen := c.seen
		return &seen, nil
	}
	return nil, nil
}

func (f *fakeEngine) mend(pid int, want schema.Decky) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.of(pid); c != nil {
		if len(c.seen.links) == 0 && want.Network.Driver == driverBridge {
			return errUnmendable
		}
		c.seen = inside{netns: c.netns, links: []LinkState{wantedLink(want)}, sysctls: sysctls(want), egress: true}
	}
	return nil
}

func (f *fakeEngine) around(parent string, _ providers.Owner) (string, error) {
	return "parent " + parent, nil
}

func (f *fakeEngine) hairpin(owner providers.Owner) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hairpins[owner.Lineage+owner.Address], nil
}

func (f *fakeEngine) makeHairpin(owner providers.Owner, n schema.Network) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hairpins[owner.Lineage+owner.Address] = n.HostIP
	return nil
}

func (f *fakeEngine) removeHairpin(owner providers.Owner) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.hairpins, owner.Lineage+owner.Address)
	return nil
}
