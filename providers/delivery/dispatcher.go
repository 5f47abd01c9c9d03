package delivery

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// Config of a Dispatcher.
type Config struct {
	// Dir is the spool's directory, which is made with mode 0700. One process
	// at a time uses it.
	Dir string
	// Options of the targets.
	Options Options
	Log     *slog.Logger

	// Open makes the target of a sink; nil is Open with Options.
	Open func(schema.Sink) (Target, error)
	// Now is the clock, Jitter a random number from 0 up to 1, NewID an id for
	// what has none; nil is the real one.
	Now    func() time.Time
	Jitter func() float64
	NewID  func() string
	// MaxEntries and MaxBytes bound the spool of each sink; 0 is MaxEntries and
	// MaxBytes of this package.
	MaxEntries int
	MaxBytes   int64
}

// Dispatcher hands notifications to sinks: what a sink's filters let through is
// written to its spool at once, and brought from there in order, again and again
// until it is taken, by a goroutine of the sink's own. What was taken just
// before a crash is brought twice, with the same ID.
type Dispatcher struct {
	config Config
	lock   *os.File

	setting sync.Mutex // held by SetSinks and Close
	mu      sync.Mutex
	wanted  map[string]*outlet
	order   []string
	changed chan struct{}
}

// NewDispatcher takes hold of the spool; Close gives it back. It delivers
// nothing before Run.
func NewDispatcher(c Config) (*Dispatcher, error) {
	if c.Dir == "" {
		return nil, errors.New("delivery: no directory for the spool")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Options.Now = c.Now
	c.Options = c.Options.filled()
	if c.Open == nil {
		c.Open = func(s schema.Sink) (Target, error) { return Open(s, c.Options) }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Jitter == nil {
		c.Jitter = jitter
	}
	if c.NewID == nil {
		c.NewID = rand.Text
	}
	if c.MaxEntries <= 0 {
		c.MaxEntries = MaxEntries
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = MaxBytes
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make spool: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(c.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock spool: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock spool %s: another process uses it: %w", c.Dir, err), lock.Close())
	}
	return &Dispatcher{config: c, lock: lock, wanted: map[string]*outlet{}, changed: make(chan struct{}, 1)}, nil
}

// SetSinks replaces the sinks, which are told by their names. One that did not
// change goes on undisturbed; one that did takes over what waits; what waits for
// one that is gone is kept on disk for another of its name.
func (d *Dispatcher) SetSinks(sinks []schema.Sink) {
	// Spools are opened without holding up who notifies.
	d.setting.Lock()
	defer d.setting.Unlock()
	d.mu.Lock()
	before := maps.Clone(d.wanted)
	d.mu.Unlock()
	wanted, order := map[string]*outlet{}, []string{}
	for _, s := range sinks {
		if s.Type == schema.SinkFile {
			continue
		}
		if wanted[s.Name] != nil {
			d.config.Log.Warn("two sinks have one name; the first is used", "sink", s.Name)
			continue
		}
		o := before[s.Name]
		if o == nil {
			var err error
			if o, err = d.outlet(s); err != nil {
				d.config.Log.Error("sink has no spool and is not used", "sink", s.Name, "error", err)
				continue
			}
		} else if !reflect.DeepEqual(o.sink, s) {
			o.replace(s)
		}
		delete(before, s.Name)
		wanted[s.Name] = o
		order = append(order, s.Name)
	}
	d.mu.Lock()
	d.wanted, d.order = wanted, order
	d.mu.Unlock()
	for _, o := range before {
		o.stop()
	}
	signal(d.changed)
}

// spoolDir is the directory of a sink: its name is not one that a path can have.
func spoolDir(dir, name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(dir, token(cut(name, 40))+"-"+hex.EncodeToString(sum[:6]))
}

func (d *Dispatcher) outlet(s schema.Sink) (*outlet, error) {
	sp, err := openSpool(spoolDir(d.config.Dir, s.Name), d.config.MaxEntries, d.config.MaxBytes)
	if err != nil {
		return nil, err
	}
	o := &outlet{config: &d.config, log: d.config.Log.With("sink", s.Name, "type", s.Type), spool: sp, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	o.replace(s)
	return o, nil
}

// Notify hands a notification to the sinks that want it. It waits for no
// delivery; what it returns from is on its way to the disk and survives the end
// of the process. Text in it is capped.
func (d *Dispatcher) Notify(n notification.Notification) {
	if n.ID == "" {
		n.ID = d.config.NewID()
	}
	if n.Time.IsZero() {
		n.Time = d.config.Now()
	}
	if n.Severity == "" {
		n.Severity = notification.Info
	}
	n = clip(n)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range d.order {
		d.wanted[name].take(n)
	}
}

// Run delivers until ctx ends, and returns nil once every sink stands still.
// What waits then is delivered by the next Run, of this or another process.
func (d *Dispatcher) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	for {
		d.mu.Lock()
		for _, o := range d.wanted {
			if !o.running {
				o.running = true
				group.Go(func() { o.run(ctx) })
			}
		}
		d.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-d.changed:
		}
	}
}

// Close gives the spool back, after Run has returned.
func (d *Dispatcher) Close() error {
	d.setting.Lock()
	defer d.setting.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, o := range d.wanted {
		errs = append(errs, o.close())
	}
	d.wanted, d.order = map[string]*outlet{}, nil
	return errors.Join(append(errs, d.lock.Close())...)
}

// Status tells how the sinks do, in their order.
func (d *Dispatcher) Status() []Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]Status, 0, len(d.order))
	for _, name := range d.order {
		out = append(out, d.wanted[name].status())
	}
	return out
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
