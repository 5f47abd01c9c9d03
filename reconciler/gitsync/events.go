package gitsync

import (
	"sync"

	"github.com/decnet/decnet/schema/notification"
)

// maxEvents is how much news of one sync is kept, until the process ends.
const maxEvents = 500

// News keeps the news of late, by sync. Several Managers may have it, one after
// the other.
type News struct {
	mu  sync.Mutex
	all map[string][]notification.Notification // the oldest first
}

// NewNews keeps nothing yet.
func NewNews() *News { return &News{all: map[string][]notification.Notification{}} }

func (e *News) add(n notification.Notification) {
	e.mu.Lock()
	defer e.mu.Unlock()
	kept := append(e.all[n.Sync], n)
	if len(kept) > 2*maxEvents {
		kept = append(kept[:0], kept[len(kept)-maxEvents:]...)
	}
	e.all[n.Sync] = kept
}

// latest is the newest news of a sync, the newest first.
func (e *News) latest(name string, limit int) []notification.Notification {
	e.mu.Lock()
	defer e.mu.Unlock()
	kept := e.all[name]
	n := min(max(limit, 0), len(kept), maxEvents)
	out := make([]notification.Notification, 0, n)
	for i := range n {
		out = append(out, kept[len(kept)-1-i])
	}
	return out
}
