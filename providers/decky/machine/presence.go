package machine

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// presence is who is on the machine by one of the decky's processes, and what
// they run there.
type presence struct {
	Until   time.Time `json:"until"` // it counts no longer
	Logins  []guest   `json:"logins,omitempty"`
	Running []Process `json:"running,omitempty"`
	PID     int       `json:"pid,omitempty"` // the last that was given
}

// guest is a Login as the store has it.
type guest struct {
	User  string     `json:"user"`
	TTY   string     `json:"tty"`
	Via   string     `json:"via,omitempty"`
	From  netip.Addr `json:"from"`
	Since time.Time  `json:"since"`
	PID   int        `json:"pid"`
	UID   int        `json:"uid"`
	GID   int        `json:"gid"`
	Shell string     `json:"shell"`
	Home  string     `json:"home"`
}

const (
	keptPresence = "present"
	// present is how long a process that says nothing more counts: longer than
	// a session may be silent.
	present = 15 * time.Minute
	// repeated is how long before that it says so again.
	repeated = 5 * time.Minute
)

// meet tells the decky's other processes who is here, and learns who is there.
// The caller holds the lock.
func (s *Shared) meet() {
	if s.env.SharedStore == nil {
		return
	}
	now := s.env.Now()
	name, mine := s.value(keptPresence), s.machine.presence()
	data, err := s.env.SharedStore.Load(name)
	all := presences(data)
	have := all[s.env.Process]
	if err == nil && (!have.same(mine) || len(mine.Logins)+len(mine.Running) > 0 && have.Until.Sub(now) < repeated) {
		err = s.env.SharedStore.Update(name, func(old []byte) ([]byte, error) {
			all = presences(old)
			mine.Until = now.Add(present)
			all[s.env.Process] = mine
			maps.DeleteFunc(all, func(_ string, p presence) bool { return p.Until.Before(now) })
			return json.Marshal(all)
		})
	}
	if err != nil {
		s.warn("who is here is not told", err)
	}
	delete(all, s.env.Process)
	maps.DeleteFunc(all, func(_ string, p presence) bool { return p.Until.Before(now) })
	s.machine.beside(all)
}

func presences(data []byte) map[string]presence {
	all := map[string]presence{}
	if len(data) > 0 && json.Unmarshal(data, &all) != nil {
		all = map[string]presence{}
	}
	return all
}

func (p presence) same(q presence) bool {
	return slices.EqualFunc(p.Logins, q.Logins, func(a, b guest) bool { return a.PID == b.PID && a.TTY == b.TTY }) &&
		slices.EqualFunc(p.Running, q.Running, func(a, b Process) bool { return a.PID == b.PID })
}

// presence is who is on the machine here.
func (m *Machine) presence() presence {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := presence{PID: m.pid}
	for _, l := range m.logins {
		p.Logins = append(p.Logins, guest{l.User, l.TTY, l.Via, l.From, l.Since, l.PID, l.uid, l.gid, l.shell, l.home})
	}
	for _, pid := range slices.Sorted(maps.Keys(m.running)) {
		p.Running = append(p.Running, *m.running[pid])
	}
	return p
}

// beside notes who is on the machine by other processes.
func (m *Machine) beside(all map[string]presence) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.guests, m.theirs = nil, nil
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := all[name]
		m.pid = max(m.pid, p.PID)
		for _, g := range p.Logins[:min(len(p.Logins), maxRunning)] {
			m.guests = append(m.guests, &Login{g.User, g.TTY, g.Via, g.From, g.Since, g.PID, g.UID, g.GID, g.Shell, g.Home})
		}
		m.theirs = append(m.theirs, p.Running[:min(len(p.Running), maxRunning)]...)
	}
}

// here are the sessions that are on the machine by this process.
func (m *Machine) here() []*Login {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.logins)
}
