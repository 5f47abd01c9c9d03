package runtime

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/decnet/decnet/providers/decky"
)

// sharedName is whose part of a store the services of a decky have in common;
// no service is called so.
const sharedName = "_"

// values are what the services of one decky have in common in this process.
type values struct {
	mu sync.Mutex
	m  map[string]any
}

// get is the value under key, made by the first call. A panic of make leaves
// nothing behind.
func (v *values) get(key string, make func() any) any {
	v.mu.Lock()
	defer v.mu.Unlock()
	if value, ok := v.m[key]; ok {
		return value
	}
	value := make()
	if v.m == nil {
		v.m = map[string]any{}
	}
	v.m[key] = value
	return value
}

// flush saves what must be saved and forgets all values.
func (v *values) flush() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(v.m)) {
		if f, ok := v.m[key].(decky.Flusher); ok {
			errs = append(errs, flushValue(key, f))
		}
	}
	v.m = nil
	return errors.Join(errs...)
}

func flushValue(key string, f decky.Flusher) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("flush shared %s: %w", key, &panicError{p})
		}
	}()
	if err := f.Flush(); err != nil {
		return fmt.Errorf("flush shared %s: %w", key, err)
	}
	return nil
}
