package runtime

import (
	"net/netip"
	"time"

	"github.com/decnet/decnet/providers/decky"
)

// Names of limits, as connection.closed and system events give them.
const (
	LimitProcess   = "conns_of_process"
	LimitConns     = "conns"
	LimitPerSource = "conns_per_source"
	LimitBytes     = "conn_bytes"
	LimitIdle      = "idle"
	LimitTotal     = "total"
)

// withDefaults fills the zero fields of l.
func withDefaults(l decky.Limits) decky.Limits {
	set(&l.Conns, 512)
	set(&l.ConnsPerSource, 128)
	set(&l.ConnBytes, 64<<20)
	set(&l.IdleSeconds, 600)
	set(&l.TotalSeconds, 6*3600)
	set(&l.JournalBytes, 256<<20)
	set(&l.StoreBytes, 16<<20)
	return l
}

func set[T int | int64](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// LimitError is what a Read or Write returns once a limit of the runtime is
// reached. It is a timeout where the limit is one of time.
type LimitError struct {
	Limit string // one of the Limit constants
}

func (e *LimitError) Error() string { return "limit reached: " + e.Limit }

// Timeout implements net.Error.
func (e *LimitError) Timeout() bool { return e.Limit == LimitIdle || e.Limit == LimitTotal }

// Temporary implements net.Error.
func (e *LimitError) Temporary() bool { return false }

// noticeEvery bounds how often a decky records that it refused connections.
const noticeEvery = time.Second

// acquire counts a connection from source in; limit names what forbids it.
func (h *host) acquire(source netip.Addr) (limit string) {
	if n := h.runtime.conns.Add(1); n > int64(h.runtime.options.Conns) {
		h.runtime.conns.Add(-1)
		return LimitProcess
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.conns >= h.spec.Limits.Conns:
		limit = LimitConns
	case h.sources[source] >= h.spec.Limits.ConnsPerSource:
		limit = LimitPerSource
	default:
		if h.sources == nil {
			h.sources = map[netip.Addr]int{}
		}
		h.conns++
		h.sources[source]++
		return ""
	}
	h.runtime.conns.Add(-1)
	return limit
}

func (h *host) release(source netip.Addr) {
	h.runtime.conns.Add(-1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns--
	if h.sources[source]--; h.sources[source] <= 0 {
		delete(h.sources, source)
	}
}

// refusals counts what was refused since the last notice; due is true where a
// notice is to be recorded now, which resets the count.
func (h *host) refusals(now time.Time) (count int64, due bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refused++
	if !h.noticed.IsZero() && now.Sub(h.noticed) < noticeEvery {
		return 0, false
	}
	count, h.refused, h.noticed = h.refused, 0, now
	return count, true
}
