// Package fake is a world without machinery: objects of every type and both
// runtimes that exist in memory or as files of one directory, where they survive
// the death of the process. It keeps the physics that the engine relies on (a
// decky needs its network, an IP belongs to one decky, nothing goes while
// something lives in it) and fails, waits or dies where a test says so. It is
// for tests and refuses to touch anything outside its directory.
package fake

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/providers"
)

// Moment is when, within a call, a hook runs.
type Moment string

// The moments of a call that changes an object.
const (
	Before Moment = "before" // nothing is done yet
	Half   Moment = "half"   // the object is half made, half changed or half gone
	After  Moment = "after"  // all is done, the caller does not know yet
)

// Call is one call of a handler.
type Call struct {
	Op      string // "list", "create", "update", "delete", "readdress", "examine", "quarantine"
	Kind    providers.Kind
	Address string // empty for a list
	Moment  Moment
}

// Options shape a world.
type Options struct {
	Dir   string        // where objects are kept; empty: in memory
	Delay time.Duration // of every create, update and delete
	// Hook may fail a call, or never return. It runs in the goroutine of the
	// call, without any lock.
	Hook func(ctx context.Context, call Call) error
	// Image is the digest of the decky binary; objects made with another one
	// are replaced.
	Image string
	// Parallel is the bound that every handler asks the engine for.
	Parallel int
	// Cascade restarts what lives in a decky whenever that is changed or restarts.
	Cascade bool
	// Gentle is the path of a change that nothing in a decky notices.
	Gentle string
	// Now, if set, lets services know when their lives began.
	Now func() time.Time
	// Exhibits are found of every object that is examined, besides itself.
	Exhibits []providers.Exhibit
}

// Object is one object of the world.
type Object struct {
	ID       string          `json:"id"`
	Kind     providers.Kind  `json:"kind"`
	Owner    providers.Owner `json:"owner"`
	Config   json.RawMessage `json:"config"`           // that made it
	Live     json.RawMessage `json:"live"`             // its properties now
	Parent   string          `json:"parent,omitempty"` // ID of what it lives in
	Image    string          `json:"image,omitempty"`
	Complete bool            `json:"complete"`
	// Incarnation counts its lives from 1; Cut says that its network is cut off.
	Incarnation int `json:"incarnation,omitempty"`
	// Began is when the present life did, where the world has a clock.
	Began time.Time `json:"began,omitzero"`
	Cut   bool      `json:"cut,omitempty"`
}

// World holds objects. All methods may be called from many goroutines; two
// processes must not change one directory at the same time.
type World struct {
	options Options

	mu          sync.Mutex
	objects     map[string]*Object   // by ID
	index       map[string][]*Object // by each of keysOf
	keys        map[string][]string  // under which an object is in the index, by ID
	unavailable map[string]*providers.UnavailableError
	findings    []providers.Finding
	calls       []Call
	listeners   []*listener
	deaf        bool
}

// Open makes a world, or finds the one that its directory holds.
func Open(options Options) (*World, error) {
	w := &World{
		options: options, objects: map[string]*Object{}, index: map[string][]*Object{}, keys: map[string][]string{},
		unavailable: map[string]*providers.UnavailableError{},
	}
	if options.Dir == "" {
		return w, nil
	}
	if err := os.MkdirAll(options.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("open world: %w", err)
	}
	paths, err := filepath.Glob(filepath.Join(options.Dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("open world: %w", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("open world: %w", err)
		}
		o := &Object{}
		if err := json.Unmarshal(data, o); err != nil {
			return nil, fmt.Errorf("open world: %s: %w", path, err)
		}
		w.put(o)
	}
	return w, nil
}

// Objects are copies of all objects, sorted by address, kind and ID.
func (w *World) Objects() []Object {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]Object, 0, len(w.objects))
	for _, o := range w.objects {
		all = append(all, *o)
	}
	slices.SortFunc(all, func(a, b Object) int {
		if c := strings.Compare(a.Owner.Address, b.Owner.Address); c != 0 {
			return c
		}
		if c := a.Kind.Compare(b.Kind); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}

// Get is the first object of an address, false where there is none.
func (w *World) Get(address string) (Object, bool) {
	for _, o := range w.Objects() {
		if o.Owner.Address == address {
			return o, true
		}
	}
	return Object{}, false
}

// Add puts an object into the world as somebody else would; an empty ID is
// filled in.
func (w *World) Add(o Object) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if o.ID == "" {
		o.ID = newID()
	}
	return w.keep(&o)
}

// Remove takes all objects of an address away as somebody else would.
func (w *World) Remove(address string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.objects {
		if o.Owner.Address == address {
			if err := w.drop(o); err != nil {
				return err
			}
		}
	}
	return nil
}

// Change edits the live properties of an address as somebody else would.
func (w *World) Change(address string, edit func(live map[string]any)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.objects {
		if o.Owner.Address != address {
			continue
		}
		var live map[string]any
		if err := json.Unmarshal(o.Live, &live); err != nil {
			return fmt.Errorf("change %s: %w", address, err)
		}
		edit(live)
		data, err := json.Marshal(live)
		if err != nil {
			return fmt.Errorf("change %s: %w", address, err)
		}
		o.Live = data
		return w.keep(o)
	}
	return fmt.Errorf("change %s: %w", address, providers.ErrGone)
}

// SetImage is a new decky binary.
func (w *World) SetImage(digest string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.options.Image = digest
}

// SetHook replaces the hook.
func (w *World) SetHook(hook func(ctx context.Context, call Call) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.options.Hook = hook
}

// SetUnavailable makes every call for a runtime fail; nil ends that.
func (w *World) SetUnavailable(runtime string, err *providers.UnavailableError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unavailable[runtime] = err
}

// Foresee sets what the preflight finds.
func (w *World) Foresee(findings ...providers.Finding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.findings = findings
}

// Calls are the calls that changed objects so far, each at its first moment, in
// order.
func (w *World) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// ForgetCalls begins the list of calls anew.
func (w *World) ForgetCalls() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = nil
}

// Check tells what no real world could hold: something that lives in what does
// not exist, two objects of one owner, two deckies of one IP.
func (w *World) Check() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	owners, ips := map[string]bool{}, map[string]string{}
	for _, o := range w.objects {
		if o.Parent != "" && w.objects[o.Parent] == nil {
			errs = append(errs, fmt.Errorf("%s lives in what is gone", o.Owner.Address))
		}
		if !o.Complete {
			errs = append(errs, fmt.Errorf("%s is half made", o.Owner.Address))
		}
		key := o.Owner.Lineage + " " + o.Kind.String() + " " + o.Owner.Address
		if owners[key] {
			errs = append(errs, fmt.Errorf("%s exists twice", o.Owner.Address))
		}
		owners[key] = true
		if ip := ipOf(o); ip != "" {
			if other := ips[ip]; other != "" {
				errs = append(errs, fmt.Errorf("%s and %s share %s", other, o.Owner.Address, ip))
			}
			ips[ip] = o.Owner.Address
		}
	}
	return errors.Join(errs...)
}

func newID() string {
	var raw [8]byte
	rand.Read(raw[:]) //nolint:errcheck // never fails
	return hex.EncodeToString(raw[:])
}

// keep and drop are called with the lock held.
func (w *World) keep(o *Object) error {
	w.put(o)
	w.heard(o, "changed")
	if w.options.Dir == "" {
		return nil
	}
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("keep %s: %w", o.Owner.Address, err)
	}
	path := w.path(o)
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return fmt.Errorf("keep %s: %w", o.Owner.Address, err)
	}
	return os.Rename(path+".new", path)
}

func (w *World) drop(o *Object) error {
	w.take(o)
	w.heard(o, "gone")
	if w.options.Dir == "" {
		return nil
	}
	if err := os.Remove(w.path(o)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop %s: %w", o.Owner.Address, err)
	}
	return nil
}

func (w *World) path(o *Object) string { return filepath.Join(w.options.Dir, o.ID+".json") }
