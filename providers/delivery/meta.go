package delivery

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/decnet/decnet/schema/notification"
)

const metaName = "status.json"

// maxSegments is more segments than a spool can have had.
const maxSegments = 1 << 40

// meta is what a sink's spool remembers beside the queue.
type meta struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Segment int    `json:"segment"` // all before this place is handed over
	Offset  int64  `json:"offset"`

	Sent       int64     `json:"sent"`
	Refused    int64     `json:"refused"`
	Dropped    int64     `json:"dropped"`
	Suppressed int64     `json:"suppressed"`
	Damaged    int64     `json:"damaged"`
	LastSent   time.Time `json:"last_sent,omitzero"`
	Error      string    `json:"error,omitempty"`
	ErrorAt    time.Time `json:"error_at,omitzero"`
	Attempts   int       `json:"attempts,omitempty"` // of the oldest that waits
	Next       time.Time `json:"next,omitzero"`

	Window time.Duration   `json:"window,omitempty"`
	Held   map[string]held `json:"held,omitempty"`
}

// readMeta reads the file; what is no such file is as none: at worst something
// is sent again.
func readMeta(dir string) (meta, error) {
	m := meta{}
	data, err := os.ReadFile(filepath.Join(dir, metaName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("read spool: %w", err)
	}
	if json.Unmarshal(data, &m) != nil || m.Segment < 0 || m.Segment > maxSegments || m.Offset < 0 || m.Attempts < 0 {
		return meta{}, nil
	}
	for key, h := range m.Held {
		if h.Count < 0 || h.Count > 0 && h.Last == nil {
			delete(m.Held, key)
		}
	}
	return m, nil
}

// write replaces the file, whole or not at all.
func (m *meta) write(dir string) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode spool status: %w", err)
	}
	temporary := filepath.Join(dir, metaName+".new")
	if err := os.WriteFile(temporary, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write spool status: %w", err)
	}
	if err := os.Rename(temporary, filepath.Join(dir, metaName)); err != nil {
		return fmt.Errorf("write spool status: %w", err)
	}
	return nil
}

// maxHeld is of how many different news it is remembered that they were told.
const maxHeld = 512

// held is the newest of the news that are held back until a window is over.
type held struct {
	Until time.Time                  `json:"until"`
	Count int                        `json:"count,omitempty"`
	Last  *notification.Notification `json:"last,omitempty"`
	About about                      `json:"about"`
}

// about is what news concerns, so that the end of something ends its silence.
type about struct {
	Good    bool   `json:"good,omitempty"`
	Bad     bool   `json:"bad,omitempty"`
	Subject string `json:"subject"`
}

func aboutOf(n notification.Notification) about {
	a := about{Subject: n.Sync + "\x00" + n.Address}
	switch n.Kind {
	case notification.Applied, notification.Recovered:
		a.Good = true
	case notification.Failed, notification.Refused, notification.RolledBack, notification.Stalled:
		a.Bad = true
	}
	return a
}

func keyOf(n notification.Notification) string {
	return string(n.Kind) + "\x00" + string(n.Severity) + "\x00" + n.Key
}

// hold tells whether n is the same as what was told within the window; then it
// is counted and kept for the window's end. Else it may be sent: it bears how
// often it came since, and the window begins. Good news about something ends the
// silence about bad, and the other way round, so that the last word is told.
func (m *meta) hold(n *notification.Notification, now time.Time) bool {
	if m.Window <= 0 || n.Key == "" || n.Kind == notification.Test {
		return false
	}
	key := keyOf(*n)
	if h, known := m.Held[key]; known && now.Before(h.Until) {
		last := *n
		h.Count++
		h.Last = &last
		m.Held[key] = h
		m.Suppressed++
		return true
	} else if known && h.Count > 0 {
		n.Repeated = h.Count + 1
	}
	m.begin(key, *n, now)
	return false
}

func (m *meta) begin(key string, n notification.Notification, now time.Time) {
	if m.Held == nil {
		m.Held = map[string]held{}
	}
	this := aboutOf(n)
	for other, h := range m.Held {
		if h.About.Subject == this.Subject && (this.Good && h.About.Bad || this.Bad && h.About.Good) || h.Count == 0 && !now.Before(h.Until) {
			delete(m.Held, other)
		}
	}
	for len(m.Held) >= maxHeld {
		oldest := ""
		for other, h := range m.Held {
			if oldest == "" || h.Until.Before(m.Held[oldest].Until) {
				oldest = other
			}
		}
		delete(m.Held, oldest)
	}
	m.Held[key] = held{Until: now.Add(m.Window), About: this}
}

// remember takes a record that waits as told: a crash came before that was
// written.
func (m *meta) remember(n notification.Notification) {
	if m.Window <= 0 || n.Key == "" || n.Kind == notification.Test {
		return
	}
	if _, known := m.Held[keyOf(n)]; !known {
		m.begin(keyOf(n), n, n.Time)
	}
}

// released are the last of the news whose windows are over, each with how often
// it came; their windows begin anew. next is when there may be more; zero where
// nothing is held.
func (m *meta) released(now time.Time) (out []notification.Notification, next time.Time) {
	for _, key := range sortedKeys(m.Held) {
		h := m.Held[key]
		switch {
		case now.Before(h.Until):
			if h.Count > 0 && (next.IsZero() || h.Until.Before(next)) {
				next = h.Until
			}
		case h.Count == 0:
			delete(m.Held, key)
		default:
			n := *h.Last
			n.Repeated = h.Count
			m.Held[key] = held{Until: now.Add(m.Window), About: h.About}
			out = append(out, n)
		}
	}
	return out, next
}
