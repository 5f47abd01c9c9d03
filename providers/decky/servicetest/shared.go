package servicetest

import (
	"errors"
	"sync"

	"github.com/decnet/decnet/providers/decky"
)

// Shared is what the services of one decky have in common: hand one to several
// servers to make them one machine. A stop or a restart of any of them flushes
// and forgets the values, as the end of a process does; what was stored stays.
type Shared struct {
	store *Store

	mu     sync.Mutex
	values map[string]any
}

// NewShared is empty.
func NewShared() *Shared { return &Shared{store: NewStore(0)} }

// Store is what SharedStore of an Env writes to.
func (s *Shared) Store() *Store { return s.store }

func (s *Shared) get(key string, make func() any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value, ok := s.values[key]; ok {
		return value
	}
	if s.values == nil {
		s.values = map[string]any{}
	}
	value := make()
	s.values[key] = value
	return value
}

func (s *Shared) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, value := range s.values {
		if f, ok := value.(decky.Flusher); ok {
			errs = append(errs, f.Flush())
		}
	}
	s.values = nil
	return errors.Join(errs...)
}
