package delivery

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Status is how a sink does. It holds no secret.
type Status struct {
	Name       string    `json:"name"`
	Type       string    `json:"type"`
	Queued     int       `json:"queued"`     // notifications that wait
	Bytes      int64     `json:"bytes"`      // that they take
	Held       int       `json:"held"`       // held back as the same, to be told later
	Sent       int64     `json:"sent"`       // since the spool exists, as the rest
	Refused    int64     `json:"refused"`    // for good, by the receiver
	Dropped    int64     `json:"dropped"`    // too many or too old
	Suppressed int64     `json:"suppressed"` // the same again within the window
	Damaged    int64     `json:"damaged"`    // records that a crash or the disk spoiled
	LastSent   time.Time `json:"last_sent,omitzero"`
	Error      string    `json:"error,omitempty"` // of the last delivery
	ErrorAt    time.Time `json:"error_at,omitzero"`
	Attempts   int       `json:"attempts,omitempty"` // to deliver the oldest that waits
	Next       time.Time `json:"next,omitzero"`      // when it is tried again
}

func statusOf(m *meta, queued int, bytes int64) Status {
	s := Status{
		Name: m.Name, Type: m.Type, Queued: queued, Bytes: bytes, Sent: m.Sent, Refused: m.Refused, Dropped: m.Dropped, Suppressed: m.Suppressed,
		Damaged: m.Damaged, LastSent: m.LastSent, Error: m.Error, ErrorAt: m.ErrorAt, Attempts: m.Attempts, Next: m.Next,
	}
	for _, h := range m.Held {
		s.Held += h.Count
	}
	return s
}

// ReadStatus tells how the sinks of a spool do, by name, while another process
// uses it or none does. It changes nothing; no spool is no sinks.
func ReadStatus(dir string) ([]Status, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	var all []Status
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		s, err := readStatus(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if s.Name != "" {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func readStatus(dir string) (Status, error) {
	m, err := readMeta(dir)
	if err != nil {
		return Status{}, err
	}
	segments, err := listSegments(dir)
	if err != nil {
		return Status{}, err
	}
	queued, size := 0, int64(0)
	for _, n := range segments {
		if n < m.Segment {
			continue
		}
		f, err := os.Open(segmentPath(dir, n))
		if errors.Is(err, fs.ErrNotExist) {
			continue // handed over meanwhile
		}
		if err != nil {
			return Status{}, fmt.Errorf("read spool: %w", err)
		}
		_, err = records(f, func(offset int64, line []byte) {
			if (n > m.Segment || offset >= m.Offset) && sound(line) {
				queued, size = queued+1, size+int64(len(line))
			}
		})
		if err = errors.Join(err, f.Close()); err != nil {
			return Status{}, fmt.Errorf("read spool: %w", err)
		}
	}
	return statusOf(&m, queued, size), nil
}
