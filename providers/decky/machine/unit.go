package machine

import (
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/image"
)

// Unit is what clients made of a unit of the host's init since its start.
type Unit struct {
	Active, Sub string // "active", "running"
	Since       time.Time
	PID         int    // of its process, 0 for none
	Result      string // "", "exit-code"
	Status      int    // that its process ended with
	Command     string // that was run
	Last        int    // number of the process that ended

	end func()
}

// Bounds on what a machine remembers of its units and tells of them.
const (
	maxUnits = 128
	maxNotes = 500
)

// Unit is the state of a unit that clients changed.
func (m *Machine) Unit(name string) (Unit, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.units[name]
	return u, ok
}

// Units are the names of the units that clients changed, in no order.
func (m *Machine) Units() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.units {
		names = append(names, name)
	}
	return names
}

// SetUnit changes the state of a unit and ends the process that it had; p, where
// it is not nil, is listed as its new one. It tells whether there was room.
func (m *Machine) SetUnit(name string, u Unit, p *Process) bool {
	m.mu.Lock()
	old, known := m.units[name]
	m.mu.Unlock()
	if !known && len(m.Units()) >= maxUnits {
		return false
	}
	if old.end != nil {
		old.end()
	}
	u.Since = m.Now()
	if p != nil {
		p.Unit = name
		u.PID, u.end = m.Run(*p)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.units == nil {
		m.units = map[string]Unit{}
	}
	m.units[name] = u
	return true
}

// unitOf is the unit of a daemon.
func (m *Machine) unitOf(key string) string {
	if name := image.DaemonUnit(m.Release, key); name != "" {
		return name
	}
	switch {
	case key == "tty1":
		return "getty@tty1.service"
	case m.Release.Init == "openrc":
		if name, ok := openRC[key]; ok {
			return name + ".service"
		}
	}
	for _, s := range m.listening() {
		if p := m.programOf(Service{Program: s.Program, Ports: s.Ports}); p.daemon.key == key && !strings.HasSuffix(p.unit, ".socket") {
			return p.unit + ".service"
		}
	}
	return ""
}

// openRC are the services of Alpine's daemons.
var openRC = map[string]string{"cron": "crond", "sshd": "sshd", "chrony": "chronyd", "acpid": "acpid", "mdev": "syslog"}

// Note adds a line to the journal; of many the oldest are forgotten.
func (m *Machine) Note(e image.Entry) {
	if e.At.IsZero() {
		e.At = m.Now()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.notes) >= maxNotes {
		m.notes = m.notes[1:]
	}
	m.notes = append(m.notes, e)
}

// Notes are the lines that were added to the journal.
func (m *Machine) Notes() []image.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]image.Entry(nil), m.notes...)
}

// Forget empties the journal of what is older than now.
func (m *Machine) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notes, m.forgotten = nil, m.Now()
}

// Forgotten is when the journal was emptied, zero where it was not.
func (m *Machine) Forgotten() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.forgotten
}

// IsService tells whether a unit is that of one of the decky's services.
func (m *Machine) IsService(unit string) bool {
	for _, s := range m.Services() {
		if s.Unit+".service" == unit {
			return true
		}
	}
	return false
}
