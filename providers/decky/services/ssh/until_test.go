package ssh_test

import (
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/providers/decky/servicetest"
)

// bufferUntil collects output and waits for text in it.
type bufferUntil struct {
	mu      sync.Mutex
	text    strings.Builder
	read    int
	changed chan struct{}
}

func newBufferUntil() *bufferUntil { return &bufferUntil{changed: make(chan struct{}, 1)} }

func (b *bufferUntil) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Write(p)
	select {
	case b.changed <- struct{}{}:
	default:
	}
	return len(p), nil
}

// until returns what was said up to want, or all of it where that never comes.
func (b *bufferUntil) until(want string) (string, bool) {
	deadline := time.After(servicetest.Patience)
	for {
		b.mu.Lock()
		fresh := b.text.String()[b.read:]
		if i := strings.Index(fresh, want); i >= 0 {
			b.read += i + len(want)
			b.mu.Unlock()
			return fresh[:i+len(want)], true
		}
		b.mu.Unlock()
		select {
		case <-b.changed:
		case <-deadline:
			return fresh, false
		}
	}
}
