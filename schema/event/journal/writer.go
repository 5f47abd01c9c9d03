package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/decnet/decnet/schema/event"
)

// Options of a Writer; a zero field takes its default.
type Options struct {
	MaxBytes     int64         // kept unacknowledged, default 256 MiB
	SegmentBytes int64         // size at which a segment is closed, default 8 MiB
	SyncInterval time.Duration // how long a record may wait for fsync, default 1 s
	Now          func() time.Time
}

func (o *Options) defaults() {
	if o.MaxBytes == 0 {
		o.MaxBytes = 256 << 20
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 8 << 20
	}
	o.SegmentBytes = max(min(o.SegmentBytes, o.MaxBytes/4), 4096)
	if o.SyncInterval == 0 {
		o.SyncInterval = time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// ErrFull says that events were dropped because the collector is too far
// behind. It is no reason to stop serving.
var ErrFull = errors.New("journal is full")

// ErrClosed is returned by Append after Close.
var ErrClosed = errors.New("journal is closed")

// Writer appends events to one journal. It is safe for concurrent use; one
// process at a time may write to a directory.
type Writer struct {
	dir     string
	options Options

	mu      sync.Mutex
	file    *os.File // nil until the first Append and after a rotation
	number  uint64   // of file, or of the last segment seen
	size    int64    // of file
	total   int64    // of all segments
	sizes   map[uint64]int64
	dropped int64 // since the overflow began
	acked   uint64
	syncing *time.Timer // pending fsync
	closed  bool
}

// Open prepares the journal in dir, which must exist. It writes nothing until
// the first Append: what an earlier writer left, torn or whole, is kept.
func Open(dir string, options Options) (*Writer, error) {
	options.defaults()
	w := &Writer{dir: dir, options: options, sizes: map[uint64]int64{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	for _, entry := range entries {
		n, ok := segmentNumber(entry.Name())
		if !ok {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open journal: %w", err)
		}
		w.number = max(w.number, n)
		w.sizes[n] = info.Size()
		w.total += info.Size()
	}
	w.number = max(w.number, w.acknowledged())
	w.collect()
	return w, nil
}

// Append writes events and returns when they survive the death of this process
// (not yet that of the machine: fsync follows within SyncInterval). ErrFull
// means that they were dropped and counted.
func (w *Writer) Append(events ...*event.Event) error {
	if len(events) == 0 {
		return nil
	}
	data, err := encode(events)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	if w.total+int64(len(data)) > w.options.MaxBytes {
		w.rotate()
		w.collect()
	}
	if w.total+int64(len(data)) > w.options.MaxBytes {
		return w.overflow(events)
	}
	if w.dropped > 0 {
		recovered, err := encode([]*event.Event{w.overflowEvent(events[0], w.dropped)})
		if err != nil {
			return err
		}
		data = append(recovered, data...)
	}
	if err := w.write(data); err != nil {
		return err
	}
	w.dropped = 0
	return nil
}

func encode(events []*event.Event) ([]byte, error) {
	var data []byte
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("journal event %s: %w", e.ID, err)
		}
		if len(line) > event.MaxEvent {
			return nil, fmt.Errorf("journal event %s: %d bytes exceed the limit of %d", e.ID, len(line), event.MaxEvent)
		}
		data = append(append(data, line...), '\n')
	}
	return data, nil
}

// overflow drops events; the first time it says so in the journal itself, for
// which there is always room.
func (w *Writer) overflow(events []*event.Event) error {
	first := w.dropped == 0
	w.dropped += int64(len(events))
	if first {
		notice, err := encode([]*event.Event{w.overflowEvent(events[0], 0)})
		if err != nil {
			return err
		}
		if err := w.write(notice); err != nil {
			return err
		}
	}
	return ErrFull
}

func (w *Writer) overflowEvent(like *event.Event, count int64) *event.Event {
	now := w.options.Now()
	return &event.Event{
		ID: event.NewID(now), Time: now, Decky: like.Decky, Service: like.Service,
		Body: &event.System{Name: "overflow", Detail: "journal is full: events were dropped", Count: count},
	}
}

// write appends data to the current segment. After a failed write the segment
// is abandoned, so that a torn line never precedes a whole one.
func (w *Writer) write(data []byte) error {
	if w.file != nil && w.size > 0 && w.size+int64(len(data)) > w.options.SegmentBytes {
		w.rotate()
		w.collect()
	}
	if w.file == nil {
		if err := w.create(); err != nil {
			return err
		}
	}
	n, err := w.file.Write(data)
	w.size += int64(n)
	w.total += int64(n)
	w.sizes[w.number] = w.size
	if err != nil {
		w.rotate()
		return fmt.Errorf("append to journal: %w", err)
	}
	if w.syncing == nil {
		w.syncing = time.AfterFunc(w.options.SyncInterval, w.sync)
	}
	return nil
}

func (w *Writer) create() error {
	for {
		w.number++
		f, err := os.OpenFile(filepath.Join(w.dir, segmentName(w.number)), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			w.number--
			return fmt.Errorf("open journal segment: %w", err)
		}
		w.file, w.size = f, 0
		return nil
	}
}

// rotate closes the current segment; the next write opens another.
func (w *Writer) rotate() {
	if w.file == nil {
		return
	}
	// A failed sync or close loses durability against power failure only;
	// the records are in the page cache already.
	_ = w.file.Sync()
	_ = w.file.Close()
	w.file = nil
}

func (w *Writer) sync() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.syncing = nil
	if w.file != nil {
		_ = w.file.Sync()
	}
	w.collect()
}

func (w *Writer) acknowledged() uint64 {
	p, err := Acknowledged(w.dir)
	if err != nil {
		return w.acked
	}
	return p.Segment
}

// collect deletes the segments that the collector has acknowledged.
func (w *Writer) collect() {
	acked := w.acknowledged()
	if acked == w.acked {
		return
	}
	w.acked = acked
	for n, size := range w.sizes {
		if n >= acked || w.file != nil && n == w.number {
			continue
		}
		if err := os.Remove(filepath.Join(w.dir, segmentName(n))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		w.total -= size
		delete(w.sizes, n)
	}
}

// Dropped is the number of events dropped since the journal last had room.
func (w *Writer) Dropped() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

// Close flushes to disk and closes the journal.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	if w.syncing != nil {
		w.syncing.Stop()
		w.syncing = nil
	}
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.file.Sync(), w.file.Close())
	w.file = nil
	if err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	return nil
}
