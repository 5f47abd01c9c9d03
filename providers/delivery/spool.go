package delivery

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/schema/notification"
)

// Limits of one sink's spool.
const (
	MaxEntries = 10_000
	MaxBytes   = 64 << 20

	maxSegment = 1 << 20
	maxRecord  = 1 << 20 // a notification is clipped far below
	prefix     = 9       // of a record: its CRC-32C in hex and a space
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entry is one notification that waits.
type entry struct {
	seq     int64 // ascending since the spool was opened
	segment int
	offset  int64
	length  int
	data    []byte // where it could not be written to disk
}

// spool is the queue of one sink on disk: segments of records, oldest first, and
// a file beside them that says what has been handed over. It is not safe for
// concurrent use.
//
// A record is a line: the CRC-32C of the JSON in hex, a space, the JSON. What a
// crash tore off the end of a segment is cut.
type spool struct {
	dir        string
	maxEntries int
	maxBytes   int64

	queue   []entry
	bytes   int64
	seq     int64
	file    *os.File // the newest segment, nil before the first record
	segment int
	size    int64
	meta    meta
}

// openSpool reads what waits in a directory, which is made.
func openSpool(dir string, maxEntries int, maxBytes int64) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make spool: %w", err)
	}
	s := &spool{dir: dir, maxEntries: maxEntries, maxBytes: maxBytes}
	var err error
	if s.meta, err = readMeta(dir); err != nil {
		return nil, err
	}
	segments, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	s.segment = s.meta.Segment
	for _, n := range segments {
		s.segment = max(s.segment, n)
		if n < s.meta.Segment {
			if err := os.Remove(segmentPath(dir, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("remove spool segment: %w", err)
			}
			continue
		}
		if err := s.load(n); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// load takes in the records of a segment that are not handed over, and cuts a
// torn tail.
func (s *spool) load(n int) error {
	f, err := os.OpenFile(segmentPath(s.dir, n), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open spool segment: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing but a cut is written
	whole, err := records(f, func(offset int64, line []byte) {
		if n == s.meta.Segment && offset < s.meta.Offset {
			return
		}
		var kept notification.Notification
		if !sound(line) || json.Unmarshal(line[prefix:], &kept) != nil {
			s.meta.Damaged++
			return
		}
		s.push(entry{segment: n, offset: offset, length: len(line)})
		s.meta.remember(kept)
	})
	if err != nil {
		return fmt.Errorf("read spool segment: %w", err)
	}
	if info, err := f.Stat(); err == nil && info.Size() > whole {
		s.meta.Damaged++
		if err := f.Truncate(whole); err != nil {
			return fmt.Errorf("cut spool segment: %w", err)
		}
	}
	return nil
}

// records reads the lines of a segment and returns where the last whole one
// ends.
func records(r io.Reader, visit func(offset int64, line []byte)) (int64, error) {
	reader := bufio.NewReaderSize(r, 64<<10)
	var at int64
	for {
		line, err := reader.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			long := slices.Clone(line)
			for errors.Is(err, bufio.ErrBufferFull) && len(long) < maxRecord {
				line, err = reader.ReadSlice('\n')
				long = append(long, line...)
			}
			line = long
			if len(long) >= maxRecord {
				return at, nil // no record: nobody writes such a one
			}
		}
		if errors.Is(err, io.EOF) {
			return at, nil
		}
		if err != nil {
			return at, err
		}
		visit(at, line[:len(line)-1])
		at += int64(len(line))
	}
}

// sound tells whether a record is as it was written.
func sound(line []byte) bool {
	if len(line) < prefix || line[prefix-1] != ' ' {
		return false
	}
	sum, err := strconv.ParseUint(string(line[:prefix-1]), 16, 32)
	return err == nil && uint32(sum) == crc32.Checksum(line[prefix:], castagnoli)
}

func segmentPath(dir string, n int) string { return filepath.Join(dir, fmt.Sprintf("%08d.log", n)) }

func listSegments(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list spool: %w", err)
	}
	var all []int
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".log"); ok && e.Type().IsRegular() {
			if n, err := strconv.Atoi(name); err == nil && n > 0 {
				all = append(all, n)
			}
		}
	}
	slices.Sort(all)
	return all, nil
}

func (s *spool) push(e entry) {
	s.seq++
	e.seq = s.seq
	s.queue = append(s.queue, e)
	s.bytes += int64(e.length)
}

// add queues a notification at the end. Where there are too many the oldest go,
// counted. Where the disk does not take it, it waits in memory; the error says
// so.
func (s *spool) add(n notification.Notification) error {
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode notification: %w", err)
	}
	record := make([]byte, 0, prefix+len(data)+1)
	record = fmt.Appendf(record, "%08x ", crc32.Checksum(data, castagnoli))
	record = append(append(record, data...), '\n')
	for len(s.queue) > 0 && (len(s.queue) >= s.maxEntries || s.bytes+int64(len(record)) > s.maxBytes) {
		s.meta.Dropped++
		s.pop()
	}
	e := entry{length: len(record) - 1}
	if err = s.write(&e, record); err != nil {
		e.data = data
		err = fmt.Errorf("write to the spool: %w", err)
	}
	s.push(e)
	return err
}

func (s *spool) write(e *entry, record []byte) error {
	if s.file == nil || s.size+int64(len(record)) > maxSegment {
		if err := s.rotate(); err != nil {
			return err
		}
	}
	if _, err := s.file.WriteAt(record, s.size); err != nil {
		return errors.Join(err, s.file.Truncate(s.size))
	}
	e.segment, e.offset = s.segment, s.size
	s.size += int64(len(record))
	return nil
}

// rotate begins a segment.
func (s *spool) rotate() error {
	f, err := os.OpenFile(segmentPath(s.dir, s.segment+1), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if s.file != nil {
		err = s.file.Close()
	}
	s.file, s.size = f, 0
	s.segment++
	return err
}

// front is the oldest that waits; false where none does. An entry that cannot
// be read any more is skipped, counted.
func (s *spool) front() (notification.Notification, int64, bool) {
	for len(s.queue) > 0 {
		e := s.queue[0]
		n, err := s.read(e)
		if err == nil {
			return n, e.seq, true
		}
		s.meta.Damaged++
		s.pop()
	}
	return notification.Notification{}, 0, false
}

func (s *spool) read(e entry) (n notification.Notification, err error) {
	data := e.data
	if data == nil {
		f, err := os.Open(segmentPath(s.dir, e.segment))
		if err != nil {
			return n, err
		}
		defer f.Close() //nolint:errcheck // only read
		record := make([]byte, e.length)
		if _, err := f.ReadAt(record, e.offset); err != nil {
			return n, err
		}
		if !sound(record) {
			return n, errors.New("damaged record")
		}
		data = record[prefix:]
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	return n, decoder.Decode(&n)
}

// done takes out what front returned, unless it was dropped meanwhile.
func (s *spool) done(seq int64) {
	if len(s.queue) > 0 && s.queue[0].seq == seq {
		s.pop()
	}
}

// pop takes out the oldest and removes the segments that nothing waits in.
func (s *spool) pop() {
	e := s.queue[0]
	s.queue[0] = entry{}
	s.queue = s.queue[1:]
	s.bytes -= int64(e.length)
	if e.data != nil {
		return
	}
	s.meta.Segment, s.meta.Offset = e.segment, e.offset+int64(e.length)+1
	next := s.segment
	for _, waiting := range s.queue {
		if waiting.data == nil {
			next = waiting.segment
			break
		}
	}
	for n := e.segment; n < next; n++ {
		_ = os.Remove(segmentPath(s.dir, n)) // else the next opening does
	}
}

// save writes what has been handed over.
func (s *spool) save() error { return s.meta.write(s.dir) }

func (s *spool) close() error {
	err := s.save()
	if s.file != nil {
		err = errors.Join(err, s.file.Sync(), s.file.Close())
		s.file = nil
	}
	return err
}
