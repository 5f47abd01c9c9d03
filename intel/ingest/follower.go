package ingest

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event/journal"
)

// manyJournals is the number above which the files of an idle journal are
// closed.
const manyJournals = 256

// source is one followed journal.
type source struct {
	journal  intel.Journal
	identity string
	reader   *journal.Reader
	records  []journal.Record // read, not yet taken
	position journal.Position // behind the last record taken
	queued   bool             // stands in follower.dirty
	more     bool             // may have records that were not read
	garbage  bool             // the last read found bytes and no record
	watched  bool
	silent   time.Time // its errors are not logged before

	index int // in the offsets of the round being built, counted from 1
}

// follower reads journals; it belongs to one goroutine.
type follower struct {
	in      *Ingester
	offsets map[string]journal.Position
	sources map[string]*source // by directory
	dirty   []*source          // in the order of news
	watcher *fsnotify.Watcher  // nil where the kernel gives none
	sweep   []*source          // still to be looked at in this sweep
}

func newFollower(in *Ingester, offsets map[string]journal.Position) *follower {
	return &follower{in: in, offsets: offsets, sources: map[string]*source{}}
}

// run builds rounds until ctx ends.
func (f *follower) run(ctx context.Context, rounds chan<- *round) {
	var err error
	var events chan fsnotify.Event
	var failures chan error
	if f.watcher, err = fsnotify.NewBufferedWatcher(4096); err != nil {
		f.in.config.Logger.Warn("no notice of new events; journals are polled", "error", err)
	} else {
		events, failures = f.watcher.Events, f.watcher.Errors
		defer f.watcher.Close()
	}
	defer func() {
		for _, s := range f.sources {
			_ = s.reader.Close()
		}
	}()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if len(f.dirty) > 0 {
			f.drainNotices(events)
			if r := f.collect(ctx); r != nil {
				// The commit always takes it: it ends after this goroutine.
				rounds <- r
			}
			if ctx.Err() != nil {
				return
			}
			select {
			case journals := <-f.in.follow:
				f.set(journals)
			default:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case journals := <-f.in.follow:
			f.set(journals)
		case e := <-events:
			f.notice(e)
		case <-failures: // the queue overflowed: anything may have news
			for _, s := range f.sources {
				f.mark(s)
			}
		case <-tick.C:
			f.poll(200 * time.Millisecond)
		}
	}
}

func (f *follower) drainNotices(events <-chan fsnotify.Event) {
	for range 4096 {
		select {
		case e := <-events:
			f.notice(e)
		default:
			return
		}
	}
}

func (f *follower) notice(e fsnotify.Event) {
	if !e.Has(fsnotify.Write) && !e.Has(fsnotify.Create) {
		return
	}
	if s := f.sources[filepath.Dir(e.Name)]; s != nil {
		f.mark(s)
	}
}

func (f *follower) mark(s *source) {
	s.more = true
	if !s.queued {
		s.queued = true
		f.dirty = append(f.dirty, s)
		f.in.waiting.Store(int64(len(f.dirty)))
	}
}

// poll marks a share of the journals, so that all have their turn within the
// poll interval and thousands cost no burst.
func (f *follower) poll(tick time.Duration) {
	if len(f.sweep) == 0 {
		for _, s := range f.sources {
			f.sweep = append(f.sweep, s)
		}
	}
	share := 1 + int(int64(len(f.sources))*int64(tick)/int64(f.in.config.Poll))
	unwatched := 1 + len(f.sources)*int(tick)/int(time.Second)
	for len(f.sweep) > 0 && share > 0 && unwatched > 0 {
		s := f.sweep[0]
		f.sweep = f.sweep[1:]
		if s.watched {
			share--
		} else {
			unwatched--
		}
		if f.sources[s.journal.Dir] == s {
			f.mark(s)
		}
	}
}

// set replaces the followed journals.
func (f *follower) set(journals []intel.Journal) {
	present := make(map[string]bool, len(journals))
	for _, j := range journals {
		j.Dir = filepath.Clean(j.Dir)
		identity, err := identify(j.Dir)
		if err != nil {
			if !gone(err) {
				f.in.errors.Add(1)
				f.in.config.Logger.Warn("journal is not followed", "journal", j.Dir, "error", err)
			}
			continue
		}
		present[j.Dir] = true
		if s := f.sources[j.Dir]; s != nil {
			if s.identity == identity {
				s.journal = j
				continue
			}
			f.drop(s)
		}
		f.add(j, identity)
	}
	for dir, s := range f.sources {
		if !present[dir] {
			f.drop(s)
		}
	}
	f.in.journals.Store(int64(len(f.sources)))
}

func (f *follower) add(j intel.Journal, identity string) {
	from := f.offsets[identity]
	s := &source{journal: j, identity: identity, reader: journal.NewReader(j.Dir, from), position: from}
	if f.watcher != nil {
		if err := f.watcher.Add(j.Dir); err != nil {
			f.in.config.Logger.Warn("no notice of new events in journal; it is polled", "journal", j.Dir, "error", err)
		} else {
			s.watched = true
		}
	}
	f.sources[j.Dir] = s
	f.mark(s)
}

func (f *follower) drop(s *source) {
	f.offsets[s.identity] = s.position
	_ = s.reader.Close()
	if s.watched {
		_ = f.watcher.Remove(s.journal.Dir) // gone with the directory
	}
	delete(f.sources, s.journal.Dir)
}

func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
