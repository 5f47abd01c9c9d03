package machine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/decnet/decnet/providers/decky"
)

// Hosts are the machines that a decky shows: one to everybody, or where its
// host's Persist is decky.PersistSource one to each source, which meets there
// what it left and nobody else's. Of the machines of sources the store keeps
// maxSources, those that came back last. It is safe for concurrent use.
type Hosts struct {
	env decky.Env

	mu      sync.Mutex
	all     map[string]*Shared
	idle    []string // keys of sources that are gone, the longest first
	watcher func()   // ends the watch and waits for it; nil where none runs
	closed  bool
}

// Bounds of what is kept for sources.
const (
	maxSources = 256 // in the store
	maxIdle    = 8   // in memory, of those who are gone
	maxEvicted = 16  // at once, for room
)

// keptSources is the value that says when each source came.
const keptSources = "sources"

// Of are the machines of env's decky.
func Of(env decky.Env) *Hosts {
	made := func() any { return &Hosts{env: env, all: map[string]*Shared{}} }
	if env.Shared == nil {
		return made().(*Hosts)
	}
	return env.Shared("machine", made).(*Hosts)
}

// decky is the machine that is everybody's.
func (h *Hosts) decky() *Shared {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at("")
}

// at is the machine of a key. The caller holds the lock.
func (h *Hosts) at(key string) *Shared {
	s := h.all[key]
	if s == nil {
		s = &Shared{env: h.env, key: key, hosts: h}
		h.all[key] = s
	}
	return s
}

// keyOf names a source in the store.
func (h *Hosts) keyOf(source netip.Addr) string {
	if h.env.Host.Persist != decky.PersistSource {
		return ""
	}
	sum := sha256.Sum256([]byte(source.Unmap().WithZone("").String()))
	return hex.EncodeToString(sum[:8])
}

// For is the machine that a source meets, until Leave. While anybody is on it
// what clients change is kept every second.
func (h *Hosts) For(source netip.Addr) *Shared {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := h.keyOf(source)
	s := h.at(key)
	s.fresh = s.users == 0
	s.users++
	h.idle = slices.DeleteFunc(h.idle, func(k string) bool { return k == key })
	if h.watcher == nil && !h.closed {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.watch(ctx)
		}()
		h.watcher = func() { cancel(); <-done }
	}
	return s
}

// Leave gives back what For gave, and keeps what clients changed.
func (s *Shared) Leave() error {
	err := s.Flush()
	h := s.hosts
	h.mu.Lock()
	defer h.mu.Unlock()
	s.users--
	if s.users == 0 && s.key != "" {
		if h.idle = append(h.idle, s.key); len(h.idle) > maxIdle {
			delete(h.all, h.idle[0])
			h.idle = h.idle[1:]
		}
	}
	return err
}

// pace is how often what clients change is kept while they are there.
const pace = time.Second

// watch keeps what changes while anybody is on a machine. It rests the longer
// the more there is to keep.
func (h *Hosts) watch(ctx context.Context) {
	timer := time.NewTimer(pace)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		began := time.Now()
		if !h.tend() {
			return
		}
		timer.Reset(max(pace, 20*time.Since(began)))
	}
}

// tend keeps what changed and takes in what others kept; it tells whether
// anybody is there. Where nobody is the watch is over.
func (h *Hosts) tend() bool {
	h.mu.Lock()
	var busy []*Shared
	for _, s := range h.all {
		if s.users > 0 {
			busy = append(busy, s)
		}
	}
	if len(busy) == 0 {
		h.watcher = nil
	}
	h.mu.Unlock()
	for _, s := range busy {
		s.tend()
	}
	return len(busy) > 0
}

func (s *Shared) tend() {
	if err := s.Flush(); err != nil {
		s.warn("files are not kept", err)
	}
	if s.env.Process == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine == nil {
		return
	}
	if data, sum := s.load(); sum != s.seen {
		s.merge(data, sum)
	}
	s.meet()
}

// Flush implements decky.Flusher: the decky's last service goes.
func (h *Hosts) Flush() error {
	h.mu.Lock()
	h.closed = true
	end := h.watcher
	h.watcher = nil
	all := make([]*Shared, 0, len(h.all))
	for _, s := range h.all {
		all = append(all, s)
	}
	h.mu.Unlock()
	if end != nil {
		end()
	}
	var errs []error
	for _, s := range all {
		errs = append(errs, s.Flush())
	}
	return errors.Join(errs...)
}

// remember notes that a source came, and forgets those that have not come back
// for the longest where there are too many.
func (h *Hosts) remember(key string) {
	if key == "" {
		return
	}
	var gone []string
	err := h.sources(func(at map[string]int64) {
		at[key] = h.env.Now().UnixNano()
		for len(at) > maxSources {
			gone = append(gone, oldest(at, key))
			delete(at, gone[len(gone)-1])
		}
	})
	h.forget(gone, err)
}

// evict forgets the source that has not come back for the longest, but key; it
// tells whether there was one.
func (h *Hosts) evict(key string) bool {
	var gone []string
	err := h.sources(func(at map[string]int64) {
		if k := oldest(at, key); k != "" {
			gone = append(gone, k)
			delete(at, k)
		}
	})
	h.forget(gone, err)
	return err == nil && len(gone) > 0
}

func oldest(at map[string]int64, but string) string {
	found := ""
	for k, t := range at {
		if k != but && (found == "" || cmp.Or(cmp.Compare(t, at[found]), cmp.Compare(k, found)) < 0) {
			found = k
		}
	}
	return found
}

func (h *Hosts) sources(change func(at map[string]int64)) error {
	return h.env.SharedStore.Update(keptSources, func(old []byte) ([]byte, error) {
		at := map[string]int64{}
		if len(old) > 0 && json.Unmarshal(old, &at) != nil {
			at = map[string]int64{}
		}
		change(at)
		return json.Marshal(at)
	})
}

// forget removes what was kept for sources.
func (h *Hosts) forget(gone []string, err error) {
	for _, key := range gone {
		s := &Shared{key: key}
		for _, name := range []string{keptFiles, keptLogins, keptPresence} {
			err = errors.Join(err, h.env.SharedStore.Update(s.value(name), func([]byte) ([]byte, error) { return nil, nil }))
		}
	}
	if err != nil && h.env.Log != nil {
		h.env.Log.Warn("sources are not forgotten", "error", err)
	}
}
