package network

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// socket is one that ss and netstat list.
type socket struct {
	proto         string // "tcp", "udp"
	state         string // as netstat has it
	local, remote string // addresses
	port, far     int
	queue         int // of listen
	sent          int
	name          string // of the process
	holders       []int
	fd            int
	uid, inode    int
}

// sockets are the listening ones and the client's own connection, which agree
// with /proc/net/tcp.
func sockets(c *program.Call) (list []socket) {
	for _, l := range c.Machine.Listening() {
		s := socket{proto: l.Transport, state: "LISTEN", local: "0.0.0.0", remote: "0.0.0.0", port: l.Port, queue: l.Backlog, name: l.Name, holders: l.PIDs, fd: l.FD, uid: l.UID, inode: l.Inode}
		if s.proto == "udp" {
			s.state = ""
		}
		list = append(list, s)
	}
	p := c.Process
	if !p.Source.IsValid() {
		return list
	}
	own := socket{proto: "tcp", state: "ESTABLISHED", local: p.Local.Addr().Unmap().String(), port: int(p.Local.Port()), remote: p.Source.Addr().Unmap().String(), far: int(p.Source.Port()), sent: 36, fd: 4, inode: 20000 + c.PID}
	if !p.Local.IsValid() || p.Local.Addr().IsLoopback() && !p.Source.Addr().IsLoopback() {
		own.local = c.Machine.IP()
	}
	own.name, own.holders = session(c)
	return append(list, own)
}

// session are the processes between the shell and the daemon that let it in, and
// what netstat calls them.
func session(c *program.Call) (name string, pids []int) {
	pid := c.PID
	for range 8 {
		p, ok := c.Machine.Process(pid)
		if !ok {
			break
		}
		if title, _, _ := strings.Cut(p.Args, "\x00"); p.Name == "sshd" || strings.HasPrefix(title, "sshd:") || p.Name == "in.telnetd" || p.Name == "telnetd" || p.Name == "dropbear" {
			if name == "" {
				name = p.Name
			}
			pids = append(pids, p.PID)
		} else if len(pids) > 0 {
			break
		}
		if p.PPID <= 1 {
			break
		}
		pid = p.PPID
	}
	if len(pids) > 1 && isListener(c.Machine, pids[len(pids)-1]) {
		pids = pids[:len(pids)-1]
	}
	if len(pids) == 0 {
		return "sshd", []int{c.PID - 2}
	}
	return name, pids
}

func isListener(m *machine.Machine, pid int) bool {
	for _, l := range m.Listening() {
		if l.PID == pid {
			return true
		}
	}
	return false
}

// services are the names of ports in /etc/services that are common.
var services = map[int]string{20: "ftp-data", 21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 53: "domain", 69: "tftp", 80: "http", 110: "pop3", 111: "sunrpc", 123: "ntp", 143: "imap2", 161: "snmp", 389: "ldap", 443: "https", 445: "microsoft-ds", 465: "submissions", 514: "shell", 587: "submission", 636: "ldaps", 873: "rsync", 993: "imaps", 995: "pop3s", 1433: "ms-sql-s", 1883: "mqtt", 3306: "mysql", 3389: "ms-wbt-server", 5060: "sip", 5432: "postgresql", 5900: "vnc", 6379: "redis", 8080: "http-alt", 27017: "mongodb"}

func service(port int, numeric bool) string {
	if name, ok := services[port]; ok && !numeric {
		return name
	}
	return fmt.Sprint(port)
}
