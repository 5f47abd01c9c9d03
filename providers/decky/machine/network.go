package machine

import "strings"

// Broadcast is the last IP of the host's /24.
func (m *Machine) Broadcast() string {
	if i := strings.LastIndexByte(m.Host.IP, '.'); i > 0 {
		return m.Host.IP[:i] + ".255"
	}
	return "192.168.1.255"
}

// Network is the first IP of the host's /24.
func (m *Machine) Network() string {
	if i := strings.LastIndexByte(m.Host.IP, '.'); i > 0 {
		return m.Host.IP[:i] + ".0"
	}
	return "192.168.1.0"
}

// Listener is a port that a service of the host has open.
type Listener struct {
	Port int
	Name string // of the process
	PID  int
}

// Listening are the open ports of the host's services.
func (m *Machine) Listening() (list []Listener) {
	sshd := m.Number("proc/sshd", 480, 720)
	list = append(list, Listener{22, "sshd", int(sshd)})
	if m.Host.Packages["nginx"] != "" {
		list = append(list, Listener{80, "nginx", int(sshd) + 9})
	}
	if m.Host.Packages["redis"] != "" {
		list = append(list, Listener{6379, "redis-server", int(sshd) + 5})
	}
	return list
}
