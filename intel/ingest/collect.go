package ingest

import (
	"container/heap"
	"context"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/intel"
)

// Bounds of a round.
const (
	roundTime = 100 * time.Millisecond // after which no more is read
	chunkMin  = 16                     // records read at once from one journal
	chunkMax  = 512
	ahead     = 16384 // records held in memory for all journals, about
)

// collect builds a round: the records of all journals that have news, merged by
// event time, since rules count in windows of event time. It is nil where
// there was no news after all.
func (f *follower) collect(ctx context.Context) *round {
	r := &round{}
	now := f.in.config.Now()
	chunk := max(chunkMin, min(chunkMax, ahead/len(f.dirty)))
	began := time.Now()
	var heads byTime
	var touched []*source
	for _, s := range f.dirty {
		// All have their turn, since the merge is as good as its heads; only
		// those within garbage wait for another round once time is up.
		if len(s.records) == 0 && s.more && (!s.garbage || time.Since(began) < roundTime) {
			f.read(s, chunk)
		}
		if len(s.records) > 0 {
			heads = append(heads, s)
		}
	}
	heap.Init(&heads)
	for len(heads) > 0 && len(r.batch.Events) < f.in.config.Batch {
		s := heads[0]
		if s.index == 0 {
			r.batch.Offsets = append(r.batch.Offsets, intel.Offset{Journal: s.identity, Name: s.journal.Name})
			r.sources = append(r.sources, ack{dir: s.journal.Dir})
			touched = append(touched, s)
			s.index = len(touched)
		}
		f.take(s, r, now)
		if len(s.records) == 0 && s.more {
			if time.Since(began) > roundTime || ctx.Err() != nil {
				break // to go on without it would pass over its events
			}
			f.read(s, chunk)
		}
		if len(s.records) == 0 {
			heap.Pop(&heads)
			continue
		}
		heap.Fix(&heads, 0)
	}
	for _, s := range touched {
		r.batch.Offsets[s.index-1].Position = s.position
		r.sources[s.index-1].position = s.position
		s.index = 0
	}
	f.keepDirty()
	if len(touched) == 0 {
		return nil
	}
	return r
}

// keepDirty drops from the queue what has been read to its end. What remains
// keeps its turn: those read last come last.
func (f *follower) keepDirty() {
	var full, empty []*source
	for _, s := range f.dirty {
		switch {
		case f.sources[s.journal.Dir] != s:
		case len(s.records) > 0:
			full = append(full, s)
		case s.more:
			empty = append(empty, s)
		default:
			s.queued = false
		}
	}
	f.dirty = append(empty, full...)
	f.in.waiting.Store(int64(len(f.dirty)))
}

// read fetches the next records of a journal and notes whether that was its
// end.
func (f *follower) read(s *source, chunk int) {
	before := s.reader.Position()
	records, err := s.reader.Next(chunk)
	s.records = records
	if err != nil {
		f.in.errors.Add(1)
		if now := f.in.config.Now(); now.After(s.silent) {
			s.silent = now.Add(time.Minute)
			f.in.config.Logger.Warn("journal cannot be read", "journal", s.journal.Dir, "error", err)
		}
	}
	// Only where nothing came and the reader did not move is it at its end: it
	// reads a bounded amount at once, and may be within garbage.
	s.more = err == nil && (len(records) > 0 || s.reader.Position() != before)
	s.garbage = s.more && len(records) == 0
	if len(records) == 0 && !s.more && len(f.sources) > manyJournals {
		_ = s.reader.Close()
	}
}

// take moves the first record of s into the round.
func (f *follower) take(s *source, r *round, now time.Time) {
	record := s.records[0]
	s.records = s.records[1:]
	s.position = record.Pos
	offset := &r.batch.Offsets[s.index-1]
	if record.Event == nil {
		offset.Corrupt++
		if offset.Corrupt == 1 && now.After(s.silent) {
			s.silent = now.Add(time.Minute)
			f.in.config.Logger.Warn("journal holds what is no event", "journal", s.journal.Dir, "segment", record.Pos.Segment, "before", record.Pos.Offset)
		}
		return
	}
	e := check(&s.journal, s.identity, record, now)
	if e.Flags != 0 {
		offset.Flagged++
	}
	r.batch.Events = append(r.batch.Events, e)
}

// byTime is a heap of journals by the time of their next record.
type byTime []*source

func (h byTime) Len() int { return len(h) }
func (h byTime) Less(i, j int) bool {
	return timeOf(&h[i].records[0]).Before(timeOf(&h[j].records[0]))
}
func (h byTime) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *byTime) Push(x any) {
	if s, ok := x.(*source); ok {
		*h = append(*h, s)
	}
}

func (h *byTime) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// identify names a journal directory for as long as it exists: one that is
// removed and made again under the same name starts at its beginning.
func identify(dir string) (string, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, dir, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st); err != nil {
		return "", fmt.Errorf("look at journal %s: %w", dir, &fs.PathError{Op: "statx", Path: dir, Err: err})
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return "", fmt.Errorf("look at journal %s: %w", dir, errNotDirectory)
	}
	return fmt.Sprintf("%s:%d:%d:%d.%09d", dir, uint64(st.Dev_major)<<32|uint64(st.Dev_minor), st.Ino, st.Btime.Sec, st.Btime.Nsec), nil
}
