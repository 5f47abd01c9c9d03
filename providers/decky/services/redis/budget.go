package redis

import "sync/atomic"

// Bounds of what all clients of one decky make this process hold at a time,
// beside the keyspace.
const (
	maxHeld  = 32 << 20
	freeHeld = 16 << 10 // of one client, not counted
)

// budget is what clients hold: arguments that arrive and answers that nobody
// reads.
type budget struct{ used atomic.Int64 }

// take reserves n bytes, unless too much is held already.
func (b *budget) take(n int) bool {
	if b.used.Add(int64(n)) > maxHeld {
		b.used.Add(-int64(n))
		return false
	}
	return true
}

func (b *budget) give(n int) { b.used.Add(-int64(n)) }
