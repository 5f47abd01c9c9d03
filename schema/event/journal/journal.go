// Package journal is how events travel from a decky process to the collector:
// a directory of append-only segments, one JSON event a line. A record counts
// once its line feed is on disk; a torn line is what a killed writer left and is
// skipped. The collector acknowledges a position, the writer deletes the
// segments before it, and beyond a bound the writer drops events and says so.
//
// The directory belongs to a process that attackers talk to. The reader
// therefore follows no link, opens regular files only, bounds every record and
// every segment, and never trusts what a name or a size promises.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const (
	suffix  = ".ndjson"
	ackName = "ack"

	maxAck = 256 // bytes of an acknowledgement

	// maxSegment bounds what a reader takes from one segment; a writer
	// rotates far earlier.
	maxSegment = 256 << 20
)

// Position is a place in a journal: everything before it has been read. The
// zero Position is the beginning.
type Position struct {
	Segment uint64 `json:"segment"`
	Offset  int64  `json:"offset"`
}

// Compare orders positions of one journal.
func (p Position) Compare(q Position) int {
	switch {
	case p.Segment != q.Segment && p.Segment < q.Segment, p.Segment == q.Segment && p.Offset < q.Offset:
		return -1
	case p == q:
		return 0
	default:
		return 1
	}
}

// Acknowledge tells the writer of dir that everything before p is stored
// elsewhere and may be deleted.
func Acknowledge(dir string, p Position) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("acknowledge journal: %w", err)
	}
	defer root.Close()
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	// A fresh name, made exclusively: nothing that stands there already is
	// written through.
	temporary := ackName + ".new"
	if err := root.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("acknowledge journal %s: %w", dir, err)
	}
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return fmt.Errorf("acknowledge journal %s: %w", dir, err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("acknowledge journal %s: %w", dir, err)
	}
	if err := root.Rename(temporary, ackName); err != nil {
		return fmt.Errorf("acknowledge journal %s: %w", dir, err)
	}
	return nil
}

// Acknowledged is the last acknowledged position of dir; the beginning where
// there is none.
func Acknowledged(dir string) (Position, error) {
	f, err := os.OpenFile(filepath.Join(dir, ackName), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return Position{}, nil
	}
	if err != nil {
		return Position{}, fmt.Errorf("read acknowledgement: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return Position{}, fmt.Errorf("read acknowledgement of %s: no regular file", dir)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxAck))
	if err != nil {
		return Position{}, fmt.Errorf("read acknowledgement: %w", err)
	}
	var p Position
	if err := json.Unmarshal(data, &p); err != nil {
		return Position{}, fmt.Errorf("read acknowledgement of %s: %w", dir, err)
	}
	return p, nil
}

func segmentName(n uint64) string { return fmt.Sprintf("%012d%s", n, suffix) }

// segmentNumber is the number of a segment's file name; ok is false for
// another name.
func segmentNumber(name string) (n uint64, ok bool) {
	digits, found := strings.CutSuffix(name, suffix)
	if !found || len(digits) != 12 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	return n, err == nil && n > 0
}

// segments lists the numbers of the segments among names, ascending.
func segments(names []string) []uint64 {
	var numbers []uint64
	for _, name := range names {
		if n, ok := segmentNumber(name); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}
