package machine

// Lock takes the advisory lock of a file, as flock(2) does; ok is false where
// somebody has it. release gives it back, once.
func (m *Machine) Lock(path string) (release func(), ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked[path] || len(m.locked) >= maxLocks {
		return nil, false
	}
	if m.locked == nil {
		m.locked = map[string]bool{}
	}
	m.locked[path] = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.locked, path)
	}, true
}

// maxLocks bounds how many files are locked at a time.
const maxLocks = 256
