package sqlite

import (
	"sort"
	"sync"

	"github.com/decnet/decnet/intel"
)

// recentLimit is how many events stay in memory for the stages, which are
// rarely further behind.
const recentLimit = 16384

// recent holds the newest events of the log, so that stages that keep up read
// nothing back. The events are shared: nobody changes them.
type recent struct {
	mu     sync.Mutex
	from   int64 // everything stored behind this seq is in events
	to     int64
	events []*intel.Event
}

// add appends what was stored in the range (from, to].
func (r *recent) add(from, to int64, events []*intel.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if from != r.to || r.events == nil {
		r.from, r.events = from, nil
	}
	r.to = to
	r.events = append(r.events, events...)
	if over := len(r.events) - recentLimit; over > 0 {
		r.from = r.events[over-1].Seq
		r.events = append(make([]*intel.Event, 0, recentLimit*2), r.events[over:]...)
	}
}

// after returns up to limit events behind seq; ok is false where memory does
// not reach back that far.
func (r *recent) after(seq int64, limit int) (events []*intel.Event, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == nil || seq < r.from {
		return nil, false
	}
	i := sort.Search(len(r.events), func(i int) bool { return r.events[i].Seq > seq })
	return append([]*intel.Event(nil), r.events[i:min(len(r.events), i+limit)]...), true
}
