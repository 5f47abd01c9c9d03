// Package sink hands events and tags on to files and to local syslog receivers
// as RFC 5424 messages, and tags to a Notifier for people. It owns their form,
// the delivery of messages and the cursors, and refuses plain text to anything
// but this machine.
//
// Delivery is at least once, in the order of the log: the cursor moves after
// messages were handed over, so what was sent just before a crash is sent
// again; the id parameter of a message tells. A sink that is down is tried
// again with growing pauses and misses nothing; a datagram receiver that drops
// messages does so unnoticed. A new sink is given the log from its beginning.
//
// A message has facility local0, the decky's hostname, the service as
// APP-NAME, the event's kind as MSGID ("ttp.tag" for a tag) and everything it
// says as parameters of the element decnet@55555.
package sink

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema"
)

const (
	batch      = 1000
	firstDelay = 200 * time.Millisecond
	lastDelay  = 30 * time.Second
)

// Status is how a sink does.
type Status struct {
	Name  string `json:"name"`
	Error string `json:"error,omitempty"` // why it stands still
	Sent  int64  `json:"sent"`            // messages since the start
}

// Manager runs the sinks. Make it with New; Run blocks.
type Manager struct {
	// Notifier is told of tags, for the sinks that are no receivers of RFC 5424
	// messages; nil: nobody serves those. Set it before Run.
	Notifier Notifier

	store  intel.Deliveries
	logger *slog.Logger
	tell   chan struct{} // wakes the teller

	mu        sync.Mutex
	wanted    []schema.Sink
	hostnames map[string]string
	running   map[string]*worker
	changed   chan struct{}
}

// New makes a Manager that delivers from store.
func New(store intel.Deliveries, logger *slog.Logger) *Manager {
	return &Manager{store: store, logger: logger, hostnames: map[string]string{}, running: map[string]*worker{}, changed: make(chan struct{}, 1), tell: make(chan struct{}, 1)}
}

// SetSinks replaces the sinks. Those that did not change go on undisturbed.
func (m *Manager) SetSinks(sinks []schema.Sink) {
	m.mu.Lock()
	m.wanted = sinks
	m.mu.Unlock()
	if m.Notifier != nil {
		var theirs []schema.Sink
		for _, s := range sinks {
			if notifies(s.Type) {
				theirs = append(theirs, s)
			}
		}
		m.Notifier.SetSinks(theirs)
	}
	signal(m.changed)
}

// SetHostnames tells the hostnames of deckies by address.
func (m *Manager) SetHostnames(names map[string]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hostnames = names
}

func (m *Manager) hostname(decky string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hostnames[decky]
}

// Wake says that there is news; it does not block.
func (m *Manager) Wake() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.running {
		signal(w.wake)
	}
	signal(m.tell)
}

// Status lists the sinks that run, by name.
func (m *Manager) Status() []Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Status
	for _, s := range m.wanted {
		if w := m.running[s.Name]; w != nil {
			out = append(out, w.status())
		}
	}
	return out
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends, then gives each sink a last short chance and
// returns nil.
func (m *Manager) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	if m.Notifier != nil {
		t := &teller{manager: m, to: m.Notifier, wake: m.tell}
		group.Go(func() { t.run(ctx) })
	}
	for {
		m.adjust(ctx)
		select {
		case <-ctx.Done():
			m.stop(nil)
			return nil
		case <-m.changed:
		}
	}
}

// adjust stops and starts workers until they are those that are wanted.
func (m *Manager) adjust(ctx context.Context) {
	m.mu.Lock()
	wanted := map[string]schema.Sink{}
	for _, s := range m.wanted {
		if s.Type == schema.SinkFile || s.Type == schema.SinkSyslog {
			wanted[s.Name] = s
		}
	}
	m.mu.Unlock()
	m.stop(wanted)
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, s := range wanted {
		if m.running[name] != nil {
			continue
		}
		w := &worker{manager: m, sink: s, wake: make(chan struct{}, 1), done: make(chan struct{})}
		ctx, cancel := context.WithCancel(ctx)
		w.cancel = cancel
		m.running[name] = w
		go func() {
			defer close(w.done)
			w.run(ctx)
		}()
	}
}

// stop ends the workers whose sink is not in keep as it is, and waits.
func (m *Manager) stop(keep map[string]schema.Sink) {
	var ended []*worker
	m.mu.Lock()
	for name, w := range m.running {
		if s, ok := keep[name]; ok && reflect.DeepEqual(s, w.sink) {
			continue
		}
		delete(m.running, name)
		ended = append(ended, w)
		w.cancel()
	}
	m.mu.Unlock()
	for _, w := range ended {
		<-w.done
	}
}

// worker delivers to one sink.
type worker struct {
	manager *Manager
	sink    schema.Sink
	wake    chan struct{}
	done    chan struct{}
	cancel  context.CancelFunc

	mu      sync.Mutex
	sent    int64
	failure string
}

func (w *worker) status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Status{Name: w.sink.Name, Error: w.failure, Sent: w.sent}
}

func (w *worker) note(err error, sent int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failure = ""
	if err != nil {
		w.failure = err.Error()
	}
	w.sent += int64(sent)
}

func (w *worker) run(ctx context.Context) {
	logger := w.manager.logger.With("sink", w.sink.Name)
	target, err := Open(w.sink)
	if err != nil {
		logger.Error("sink is not usable", "error", err)
		w.note(err, 0)
		return
	}
	defer func() {
		if err := target.Close(); err != nil {
			logger.Warn("close sink", "error", err)
		}
	}()
	delay := firstDelay
	for ctx.Err() == nil {
		more, err := w.step(ctx, target)
		switch {
		case err != nil && ctx.Err() == nil:
			if delay == firstDelay {
				logger.Warn("sink does not take messages; trying again", "error", err)
			}
			pause(ctx, nil, delay)
			delay = min(2*delay, lastDelay)
		case err == nil:
			delay = firstDelay
			if !more {
				pause(ctx, w.wake, time.Minute)
			}
		}
	}
	// A last chance for what came while stopping.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	for more := delay == firstDelay; more && ctx.Err() == nil; {
		if more, err = w.step(ctx, target); err != nil {
			return
		}
	}
}

func pause(ctx context.Context, wake <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}

// step delivers one run of events and tags.
func (w *worker) step(ctx context.Context, target Target) (more bool, err error) {
	sent := 0
	defer func() {
		if !errors.Is(err, context.Canceled) {
			w.note(err, sent)
		}
	}()
	store := w.manager.store
	at, err := store.Delivery(ctx, w.sink.Name)
	if err != nil {
		return false, err
	}
	events, err := store.After(ctx, at.Event, batch)
	if err != nil {
		return false, err
	}
	tags, err := store.TagsAfter(ctx, at.Tag, batch)
	if err != nil {
		return false, err
	}
	if len(events) == 0 && len(tags) == 0 {
		return false, nil
	}
	messages := make([]string, 0, len(events)+len(tags))
	for _, e := range events {
		messages = append(messages, FormatEvent(e, w.manager.hostname(e.Decky)))
		at.Event = e.Seq
	}
	for i := range tags {
		messages = append(messages, FormatTag(&tags[i], w.manager.hostname(tags[i].Decky)))
		at.Tag = tags[i].ID
	}
	if err := target.Write(ctx, messages); err != nil {
		return false, err
	}
	if err := store.SetDelivery(ctx, at); err != nil {
		return false, err
	}
	sent = len(messages)
	return true, nil
}
