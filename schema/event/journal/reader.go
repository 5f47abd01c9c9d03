package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/decnet/decnet/schema/event"
)

// Record is one line of a journal. Where Err is set the line was no event;
// Event is then nil, and Pos still lies behind it.
type Record struct {
	Event *event.Event
	Raw   []byte   // the line without its line feed; nil for one over the limit
	Pos   Position // behind this record
	Err   error
}

// ErrCorrupt is the Err of a record that is no event.
var ErrCorrupt = errors.New("corrupt journal record")

// Reader follows one journal. It is not safe for concurrent use.
type Reader struct {
	dir string
	pos Position

	root   *os.Root
	file   *os.File
	buffer []byte // read, not yet consumed; its first byte is at pos.Offset, or within a line that is skipped
	skip   bool   // the rest of an over-long line is being skipped
}

// scratches are read buffers shared by all readers: a collector follows
// thousands of journals, few of which have news at once.
var scratches = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// NewReader reads dir from p on. Close releases it.
func NewReader(dir string, p Position) *Reader { return &Reader{dir: dir, pos: p} }

// Position is behind the last record returned.
func (r *Reader) Position() Position { return r.pos }

// Close releases the reader's files; a later Next opens them again at the
// position.
func (r *Reader) Close() error {
	r.closeFile()
	if r.root == nil {
		return nil
	}
	err := r.root.Close()
	r.root = nil
	return err
}

func (r *Reader) closeFile() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
	r.buffer, r.skip = nil, false
}

// maxFills and maxTime bound what one Next reads, in buffers of 64 KiB or
// segments: garbage without end in one journal must not keep a collector from
// the others.
const (
	maxFills = 64
	maxTime  = 200 * time.Millisecond
)

// Next returns up to limit records that follow the position, none where there
// is nothing new. It reads about 4 MiB at most: where it returns no record but
// the position has moved, there is more. A directory that does not exist has no
// records.
func (r *Reader) Next(limit int) ([]Record, error) {
	if r.root == nil {
		root, err := os.OpenRoot(r.dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read journal: %w", err)
		}
		r.root = root
	}
	var records []Record
	began := time.Now()
	for fills := 0; len(records) < limit && fills < maxFills && (fills == 0 || time.Since(began) < maxTime); {
		// Whether a later segment exists must be known before this one is
		// read to its end: the writer never returns to an earlier segment.
		if r.file == nil && !r.open() {
			next, err := r.successor()
			if err != nil || next == 0 {
				return records, err
			}
			r.advance(next)
			fills++
			continue
		}
		before := len(records)
		records = r.lines(records, limit)
		if len(records) > before {
			continue
		}
		next, err := r.successor()
		if err != nil {
			return records, err
		}
		more, err := r.fill()
		if err != nil {
			return records, err
		}
		if more {
			fills++
			continue
		}
		if next == 0 {
			return records, nil
		}
		r.advance(next)
		fills++
	}
	return records, nil
}

func (r *Reader) advance(next uint64) {
	r.closeFile()
	r.pos = Position{Segment: next}
}

// open opens the segment of the position; false where it is missing or no
// regular file.
func (r *Reader) open() bool {
	if r.pos.Segment == 0 {
		return false
	}
	f, err := r.root.OpenFile(segmentName(r.pos.Segment), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		return false
	}
	r.file, r.buffer, r.skip = f, nil, false
	return true
}

// successor is the number of the segment after the position's, 0 if none.
func (r *Reader) successor() (uint64, error) {
	d, err := r.root.Open(".")
	if err != nil {
		return 0, fmt.Errorf("list journal %s: %w", r.dir, err)
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return 0, fmt.Errorf("list journal %s: %w", r.dir, err)
	}
	for _, n := range segments(names) {
		if n > r.pos.Segment {
			return n, nil
		}
	}
	return 0, nil
}

// fill reads more of the segment; false at its end.
func (r *Reader) fill() (bool, error) {
	at := r.pos.Offset + int64(len(r.buffer))
	if at >= maxSegment {
		return false, nil
	}
	scratch, _ := scratches.Get().(*[64 << 10]byte)
	defer scratches.Put(scratch)
	n, err := r.file.ReadAt(scratch[:], at)
	if n > 0 {
		r.buffer = append(r.buffer, scratch[:n]...)
		return true, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return false, nil
	}
	return false, fmt.Errorf("read journal %s: %w", r.dir, err)
}

// lines appends the whole lines of the buffer to records.
func (r *Reader) lines(records []Record, limit int) []Record {
	for len(records) < limit {
		end := bytes.IndexByte(r.buffer, '\n')
		if end < 0 {
			if len(r.buffer) > event.MaxEvent {
				r.skip = true
				r.consume(len(r.buffer))
			}
			return records
		}
		line := r.buffer[:end]
		r.consume(end + 1)
		record := Record{Pos: r.pos}
		switch {
		case r.skip || len(line) > event.MaxEvent:
			r.skip = false
			record.Err = fmt.Errorf("%w: over %d bytes", ErrCorrupt, event.MaxEvent)
		default:
			record.Raw = bytes.Clone(line)
			record.Event = &event.Event{}
			// json.Unmarshal would read it twice.
			if err := record.Event.UnmarshalJSON(record.Raw); err != nil {
				record.Event, record.Err = nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
			}
		}
		records = append(records, record)
	}
	return records
}

func (r *Reader) consume(n int) {
	r.buffer = r.buffer[n:]
	r.pos.Offset += int64(n)
}
