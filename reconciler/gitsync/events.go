package gitsync

import (
	"sync"

	"github.com/decnet/decnet/schema/notification"
)

// maxEvents is how much news of one sync is kept, until the daemon ends.
const maxEvents = 500

// events keeps the news of late, by sync.
type events struct {
	mu  sync.Mutex
	all map[string][]notification.Notification // the oldest first
}

func newEvents() *events { return &events{all: map[string][]notification.Notification{}} }

func (e *events) add(n notification.Notification) {
	e.mu.Lock()
	defer e.mu.Unlock()
	kept := append(e.all[n.Sync], n)
	if len(kept) > 2*maxEvents {
		kept = append(kept[:0], kept[len(kept)-maxEvents:]...)
	}
	e.all[n.Sync] = kept
}

// latest is the newest news of a sync, the newest first.
func (e *events) latest(name string, limit int) []notification.Notification {
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
