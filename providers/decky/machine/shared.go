package machine

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Shared is one machine that services of a decky show: all of it, or what one
// source sees of it (see Hosts). Within a process they have it in common;
// processes of one decky meet in its shared store: what a client of one changed
// the others see a moment later, and of a file that two changed at once the one
// that was kept later stays. It is safe for concurrent use.
type Shared struct {
	env   decky.Env
	key   string // of the source; empty for the decky's own
	hosts *Hosts
	// Guarded by hosts.mu: how many have it, and whether nobody had it before the
	// one who came last.
	users int
	fresh bool

	mu      sync.Mutex
	machine *Machine
	seen    [sha256.Size]byte // of the files in the store
	version vfs.Version       // of the same, where another process may write
	merged  bool              // what others changed was taken in while somebody looked
	last    map[string]LastLogin
}

// Names in the shared store.
const (
	keptFiles  = "files"
	keptLogins = "logins"
)

// value is the name that one of those has for this machine.
func (s *Shared) value(name string) string {
	if s.key == "" {
		return name
	}
	return name + "-" + s.key
}

// Share is the machine of env's decky, whoever comes.
func Share(env decky.Env) *Shared { return Of(env).decky() }

// Machine is the host with accounts users among others, as it is now.
func (s *Shared) Machine(users []string) *Machine {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine == nil {
		data, sum := s.load()
		s.make(users, data, sum)
	} else if s.env.Process != "" || s.env.Shared == nil {
		s.look(users)
	}
	s.ensure(users)
	return s.machine
}

// look takes in what other processes kept: in place while somebody is on the
// machine, else by making it again.
func (s *Shared) look(users []string) {
	data, sum := s.load()
	idle := !s.machine.FS.Dirty() && len(s.machine.here()) == 0 && s.unused()
	switch {
	case idle && (sum != s.seen || s.merged):
		s.make(users, data, sum)
	case sum != s.seen:
		s.merge(data, sum)
	}
}

// unused tells whether nobody has the machine in hand. The caller holds the
// lock.
func (s *Shared) unused() bool {
	s.hosts.mu.Lock()
	defer s.hosts.mu.Unlock()
	unused := s.users == 0 || s.fresh
	s.fresh = false
	return unused
}

func (s *Shared) merge(data []byte, sum [sha256.Size]byte) {
	version, err := vfs.VersionOf(data)
	if err == nil {
		err = s.machine.FS.Merge(s.version, data)
	}
	if err != nil {
		s.warn("kept files are not readable", err)
		return
	}
	s.seen, s.version, s.merged = sum, version, true
}

func (s *Shared) load() ([]byte, [sha256.Size]byte) {
	if s.env.SharedStore == nil {
		return nil, sha256.Sum256(nil)
	}
	data, err := s.env.SharedStore.Load(s.value(keptFiles))
	if err != nil {
		s.warn("kept files are not readable", err)
	}
	return data, sha256.Sum256(data)
}

func (s *Shared) make(users []string, data []byte, sum [sha256.Size]byte) {
	s.machine, s.seen, s.merged = NewServing(s.env.Host, users, s.env.Now, s.env.Services), sum, false
	kept := data
	if len(kept) == 0 {
		kept = []byte("{}") // nothing was changed, and the base counts as kept
	}
	err := s.machine.FS.Restore(kept)
	if s.version = nil; err == nil {
		s.version, err = vfs.VersionOf(data)
	}
	if err != nil {
		s.warn("kept files are not readable", err)
	}
}

func (s *Shared) warn(what string, err error) {
	if s.env.Log != nil {
		s.env.Log.Warn(what, "error", err)
	}
}

// ensure adds accounts that another service's configuration did not name.
func (s *Shared) ensure(users []string) {
	known := map[string]bool{}
	next := 1000
	for _, a := range s.machine.Accounts() {
		known[a.Name] = true
		if a.UID >= next && a.UID < 60000 {
			next = a.UID + 1
		}
	}
	view := s.machine.FS.As(0, 0)
	for _, name := range users {
		if known[name] || name == "" || len(name) > 32 || strings.ContainsAny(name, ":/\n ") {
			continue
		}
		for path, line := range map[string]string{
			"/etc/passwd": fmt.Sprintf("%s:x:%d:%d:%s,,,:/home/%s:/bin/bash\n", name, next, next, name, name),
			"/etc/group":  fmt.Sprintf("%s:x:%d:\n", name, next),
		} {
			file, err := view.Open(path, vfs.Write|vfs.Append, 0)
			if err == nil {
				_, err = file.Write([]byte(line))
			}
			if err != nil {
				s.warn("an account cannot be added", err)
			}
		}
		if err := view.Mkdir("/home/"+name, 0o755); err == nil {
			_ = view.Chown("/home/"+name, next, next) // it was made just now
		}
		next++
	}
}

// Changed is whether clients have changed any file, without making the machine
// for it.
func (s *Shared) Changed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine != nil {
		return true
	}
	data, _ := s.load()
	return len(data) > 0
}

// Flush implements decky.Flusher: it keeps what clients changed. Call it when a
// session ends.
func (s *Shared) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine == nil || s.env.SharedStore == nil || !s.machine.FS.Dirty() {
		return nil
	}
	err := s.keep()
	for range maxEvicted {
		if !errors.Is(err, decky.ErrQuota) || s.key == "" || !s.hosts.evict(s.key) {
			break
		}
		err = s.keep()
	}
	if err != nil {
		return fmt.Errorf("keep files: %w", err)
	}
	s.hosts.remember(s.key)
	return nil
}

// keep saves what clients changed here and takes in what others saved since.
// The caller holds the lock.
func (s *Shared) keep() error {
	var sum [sha256.Size]byte
	var version vfs.Version
	err := s.env.SharedStore.Update(s.value(keptFiles), func(old []byte) ([]byte, error) {
		if have := sha256.Sum256(old); have != s.seen {
			s.merge(old, have)
		}
		data, v, err := s.machine.FS.Changes()
		if err != nil {
			return nil, fmt.Errorf("pack files: %w", err)
		}
		sum, version = sha256.Sum256(data), v
		return data, nil
	})
	if err != nil {
		s.machine.FS.Soil()
		return err
	}
	s.seen, s.version = sum, version
	return nil
}
