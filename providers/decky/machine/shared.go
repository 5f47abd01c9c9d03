package machine

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Shared is the one machine that all services of a decky show. Within a process
// they have it in common; processes of one decky meet in its shared store: what
// one has kept the next session of another sees, and where two keep at once the
// later wins as a whole. It is safe for concurrent use.
type Shared struct {
	env decky.Env

	mu      sync.Mutex
	machine *Machine
	seen    [sha256.Size]byte // of the files in the store
	last    map[string]LastLogin
}

// Names in the shared store.
const (
	keptFiles  = "files"
	keptLogins = "logins"
)

// Share is the machine of env's decky.
func Share(env decky.Env) *Shared {
	made := func() any { return &Shared{env: env} }
	if env.Shared == nil {
		return made().(*Shared)
	}
	return env.Shared("machine", made).(*Shared)
}

// Machine is the host with accounts users among others, as it is now.
func (s *Shared) Machine(users []string) *Machine {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, sum := s.load()
	switch {
	case s.machine == nil:
		s.make(users, data, sum)
	case sum != s.seen && !s.machine.FS.Dirty() && len(s.machine.Logins()) == 0:
		s.make(users, data, sum)
	}
	s.ensure(users)
	return s.machine
}

func (s *Shared) load() ([]byte, [sha256.Size]byte) {
	if s.env.SharedStore == nil {
		return nil, sha256.Sum256(nil)
	}
	data, err := s.env.SharedStore.Load(keptFiles)
	if err != nil {
		s.warn("kept files are not readable", err)
	}
	return data, sha256.Sum256(data)
}

func (s *Shared) make(users []string, data []byte, sum [sha256.Size]byte) {
	s.machine, s.seen = NewServing(s.env.Host, users, s.env.Now, s.env.Services), sum
	if len(data) == 0 {
		data = []byte("{}") // nothing was changed, and the base counts as kept
	}
	if err := s.machine.FS.Restore(data); err != nil {
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
	data, err := s.machine.FS.Changes()
	if err != nil {
		return fmt.Errorf("pack files: %w", err)
	}
	if err := s.env.SharedStore.Save(keptFiles, data); err != nil {
		return fmt.Errorf("keep files: %w", err)
	}
	s.seen = sha256.Sum256(data)
	return nil
}

// LastLogin is what a login shows of the one before.
type LastLogin struct {
	At   time.Time  `json:"at"`
	From netip.Addr `json:"from"`
	TTY  string     `json:"tty,omitempty"` // "pts/0"
}

// maxLogins bounds whose last login is kept.
const maxLogins = 256

// LoggedIn keeps a login and returns the one before; before the first that is
// an administrator's from the same network.
func (s *Shared) LoggedIn(user string, from netip.Addr, tty string) LastLogin {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loadLogins()
	before, ok := s.last[user]
	if !ok {
		p := persona.New(s.env.Host)
		before = LastLogin{
			At:   s.env.Now().Add(-time.Duration(p.Number("ssh/last/"+user, 9*3600, 12*24*3600)) * time.Second),
			From: neighbour(s.env.Host.IP, p.Number("ssh/admin", 10, 99)), TTY: "pts/0",
		}
	}
	if ok || len(s.last) < maxLogins {
		s.last[user] = LastLogin{At: s.env.Now(), From: from.Unmap(), TTY: tty}
	}
	data, err := json.Marshal(s.last)
	if err == nil && s.env.SharedStore != nil {
		err = s.env.SharedStore.Save(keptLogins, data)
	}
	if err != nil {
		s.warn("a login is not kept", err)
	}
	return before
}

// loadLogins reads them from the store, which another process may have
// written. The caller holds the lock.
func (s *Shared) loadLogins() {
	if s.env.SharedStore != nil {
		data, err := s.env.SharedStore.Load(keptLogins)
		if err == nil && len(data) > 0 {
			s.last = map[string]LastLogin{}
			err = json.Unmarshal(data, &s.last)
		}
		if err != nil {
			s.warn("kept logins are not readable", err)
		}
	}
	if s.last == nil {
		s.last = map[string]LastLogin{}
	}
}

func neighbour(ip string, host int64) netip.Addr {
	a, err := netip.ParseAddr(ip)
	if err != nil || !a.Is4() || a.IsLoopback() {
		return netip.AddrFrom4([4]byte{192, 168, 1, byte(host)})
	}
	b := slices.Clone(a.AsSlice())
	b[3] = byte(host)
	return netip.AddrFrom4([4]byte(b))
}
