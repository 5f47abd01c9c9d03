package machine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky"
)

// Service is a program of the host that has ports open. Services of the decky
// that one program would serve (http and https of one nginx) are one.
type Service struct {
	// Program is the product: "openssh", "nginx", "apache", "inetutils".
	Program string
	// Unit is what init knows it by: "nginx" is nginx.service, or
	// /etc/init.d/nginx; a name that ends in .socket is systemd's own.
	Unit string
	// Description is the unit's.
	Description string
	// Package is what the distribution installs it from; "" where it came
	// otherwise.
	Package string
	// Ports are those it listens on, by number.
	Ports []decky.Port
	// PID is its main process's.
	PID int
}

// Listener is a port that a service of the host has open on all its IPv4
// addresses.
type Listener struct {
	Port      int
	Transport string // "tcp" or "udp"
	Name      string // of the process
	PID       int    // of the main process
	// PIDs are all processes that hold the socket, the main one first, and FD
	// is its descriptor in them.
	PIDs []int
	FD   int
	// UID is the socket's, Inode its number in /proc/net/tcp and in
	// /proc/PID/fd; Backlog is what listen was told.
	UID, Inode, Backlog int
}

// openSSH is what a host has that was told of no services.
var openSSH = []decky.Listening{{Name: "ssh", Slug: "ssh", Program: "openssh", Ports: []decky.Port{{Number: 22, Transport: "tcp"}}}}

// listening are the decky's services as of now.
func (m *Machine) listening() []decky.Listening {
	if m.services == nil {
		return openSSH
	}
	return m.services()
}

// Services are the programs with open ports, by their first port.
func (m *Machine) Services() []Service {
	var list []Service
	for _, s := range m.listening() {
		i := slices.IndexFunc(list, func(x Service) bool { return x.Program == s.Program })
		if i < 0 {
			i = len(list)
			list = append(list, Service{Program: s.Program})
		}
		list[i].Ports = append(list[i].Ports, s.Ports...)
	}
	for i := range list {
		s := &list[i]
		slices.SortFunc(s.Ports, func(a, b decky.Port) int { return int(a.Number) - int(b.Number) })
		p := m.programOf(*s)
		s.Unit, s.Description, s.Package, s.PID = p.unit, p.description, p.pkg, m.daemonPID(p.daemon.key)
	}
	slices.SortStableFunc(list, func(a, b Service) int { return first(a) - first(b) })
	return list
}

func first(s Service) int {
	if len(s.Ports) == 0 {
		return 1 << 16
	}
	return int(s.Ports[0].Number)
}

// Listening are the open ports of the host's services, by number.
func (m *Machine) Listening() []Listener {
	var list []Listener
	for _, s := range m.Services() {
		p := m.programOf(s)
		pids := []int{s.PID}
		for i := range p.workers {
			pids = append(pids, m.workerPID(s.PID, i))
		}
		if p.alone { // the master closes nothing, its workers alone accept
			pids = pids[:1]
		}
		for i, port := range s.Ports {
			l := Listener{
				Port: int(port.Number), Transport: port.Transport, Name: p.daemon.name, PID: s.PID, PIDs: pids, FD: p.fd + i,
				Inode: m.socketInode(s.PID, i), Backlog: p.backlog,
			}
			list = append(list, l)
		}
	}
	slices.SortStableFunc(list, func(a, b Listener) int { return a.Port - b.Port })
	return list
}

// socketInode is the number of a service's socket.
func (m *Machine) socketInode(pid, n int) int {
	if pid == 1 {
		return 12000 + int(m.Number("inode/init", 100, 900)) + n
	}
	return 14000 + pid + n
}

// workerPID is the number of a service's process below its main one.
func (m *Machine) workerPID(pid, n int) int { return pid + 1 + n }

// served is how a distribution runs a product.
type served struct {
	unit, description, pkg string
	daemon                 daemon
	worker                 daemon // its children, below the main process
	workers                int
	alone                  bool // the workers do not hold the socket
	fd, backlog            int
}

// programOf is how the host runs a service.
func (m *Machine) programOf(s Service) served {
	switch s.Program {
	case "openssh":
		return m.openSSH()
	case "dropbear":
		pkg := "dropbear"
		if m.Release.Family == "debian" {
			pkg = "dropbear-bin"
		}
		return served{unit: "dropbear", description: "Lightweight SSH server", pkg: pkg, fd: 3, backlog: 20,
			daemon: daemon{key: "sshd", user: "root", name: "dropbear", args: "/usr/sbin/dropbear -EF -p 22", exe: "/usr/sbin/dropbear", vsz: 2600, rss: 1340, stat: m.session("Ss"), second: 4.4}}
	case "inetutils", "netkit", "busybox":
		return m.telnetd(s.Program)
	case "nginx":
		return m.nginx()
	case "apache":
		return m.apache()
	case "lighttpd":
		return served{unit: "lighttpd", description: "Lighttpd Daemon", pkg: "lighttpd", fd: 4, backlog: 1024,
			daemon: daemon{key: "lighttpd", user: m.webUser("lighttpd"), name: "lighttpd", args: "/usr/sbin/lighttpd -D -f /etc/lighttpd/lighttpd.conf", exe: "/usr/sbin/lighttpd", vsz: 15284, rss: 7104, stat: m.session("Ss"), second: 4.8}}
	case "redis":
		port := 6379
		if len(s.Ports) > 0 {
			port = int(s.Ports[0].Number)
		}
		unit, name := "redis-server", "Advanced key-value store"
		if m.Release.Family != "debian" {
			unit, name = "redis", "Redis persistent key-value database"
		}
		return served{unit: unit, description: name, pkg: unit, fd: 6, backlog: 511,
			daemon: daemon{key: "redis", user: "redis", name: "redis-server", args: fmt.Sprintf("/usr/bin/redis-server 0.0.0.0:%d", port), exe: "/usr/bin/redis-check-rdb", vsz: 65044, rss: 12580, stat: "Ssl", second: 4.7}}
	case "tomcat", "jenkins":
		return served{unit: s.Program, description: map[string]string{"tomcat": "Apache Tomcat 9 Web Application Server", "jenkins": "Jenkins Continuous Integration Server"}[s.Program], fd: 40, backlog: 100,
			daemon: daemon{key: s.Program, user: s.Program, name: "java", args: "/usr/bin/java -Djava.awt.headless=true -jar " + map[string]string{"tomcat": "/usr/share/tomcat9/bin/bootstrap.jar start", "jenkins": "/usr/share/java/jenkins.war --webroot=/var/cache/jenkins/war"}[s.Program], exe: "/usr/lib/jvm/java-17-openjdk-amd64/bin/java", vsz: 3641280, rss: 286340, stat: "Ssl", second: 6.2}}
	}
	return served{unit: s.Program, description: s.Program, fd: 3, backlog: 128,
		daemon: daemon{key: s.Program, user: "root", name: s.Program, args: "/usr/sbin/" + s.Program, exe: "/usr/sbin/" + s.Program, vsz: 12480, rss: 5120, stat: m.session("Ss"), second: 4.9}}
}

// session is the state of a process that leads its session; busybox' ps shows
// no such thing.
func (m *Machine) session(stat string) string {
	if m.Release.Family == "alpine" || m.Release.Init == "" {
		return stat[:1]
	}
	return stat
}

func (m *Machine) openSSH() served {
	s := served{unit: "sshd", description: "OpenSSH server daemon", pkg: "openssh-server", fd: 3, backlog: 128,
		daemon: daemon{"sshd", "root", "sshd", m.listener(), "/usr/sbin/sshd", 15436, 9336, "Ss", "", 4.4}}
	switch m.Release.Family {
	case "debian":
		s.unit, s.description = "ssh", "OpenBSD Secure Shell server"
	case "arch":
		s.description, s.pkg = "OpenSSH Daemon", "openssh"
	case "alpine":
		s.daemon.vsz, s.daemon.rss, s.daemon.stat, s.daemon.second = 6636, 4400, "S", 5
	}
	return s
}

// telnetd is what waits for telnet: inetd, systemd's socket or busybox.
func (m *Machine) telnetd(program string) served {
	switch {
	case program == "busybox" || m.Release.Family == "alpine":
		pkg, exe := "busybox-extras", "/bin/busybox-extras"
		if m.Release.Family != "alpine" {
			pkg, exe = "busybox", "/bin/busybox"
		}
		if m.Release.Slug == "ubuntu20" || m.Release.Slug == "ubuntu22" {
			pkg = "busybox-static"
		}
		return served{unit: "telnetd", description: "busybox telnetd", pkg: pkg, fd: 3, backlog: 128,
			daemon: daemon{"telnetd", "root", "telnetd", "telnetd", exe, 1624, 640, "S", "", 5.5}}
	case m.Release.Family == "debian" && program == "netkit":
		return served{unit: "inetd", description: "Internet superserver", pkg: "openbsd-inetd", fd: 4, backlog: 128,
			daemon: daemon{"inetd", "root", "inetd", "/usr/sbin/inetd", "/usr/sbin/inetd", 4492, 1812, "Ss", "", 4.6}}
	case m.Release.Family == "debian":
		return served{unit: "inetutils-inetd", description: "LSB: Starts inetd server, usually needed for telnet", pkg: "inetutils-inetd", fd: 4, backlog: 10,
			daemon: daemon{"inetd", "root", "inetutils-inetd", "/usr/sbin/inetutils-inetd", "/usr/sbin/inetutils-inetd", 2644, 1036, "Ss", "", 4.6}}
	}
	pkg := "telnet-server"
	if m.Release.Family == "arch" {
		pkg = "inetutils"
	}
	return served{unit: "telnet.socket", description: "Telnet Server Activation Socket", pkg: pkg, fd: 38, backlog: 128, daemon: daemon{key: systemd, name: "systemd"}}
}

// webUser is whom a distribution's web servers run as.
func (m *Machine) webUser(own string) string {
	switch m.Release.Family {
	case "debian":
		return "www-data"
	case "arch":
		return "http"
	}
	return own
}

func (m *Machine) nginx() served {
	s := served{unit: "nginx", description: "A high performance web server and a reverse proxy server", pkg: "nginx", fd: 6, backlog: 511, workers: m.Hardware.CPU.Count(),
		daemon: daemon{"nginx", "root", "nginx", "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;", "/usr/sbin/nginx", 10328, 1684, "Ss", "", 4.9},
		worker: daemon{"nginx-worker", m.webUser("nginx"), "nginx", "nginx: worker process", "/usr/sbin/nginx", 10968, 4604, "S", "", 4.9}}
	switch m.Release.Family {
	case "rhel":
		s.description, s.daemon.args = "The nginx HTTP and reverse proxy server", "nginx: master process /usr/sbin/nginx"
	case "arch":
		s.description, s.daemon.args, s.workers = "nginx web server", "nginx: master process /usr/bin/nginx", 1
	case "alpine":
		s.daemon.args, s.daemon.stat = "nginx: master process /usr/sbin/nginx -c /etc/nginx/nginx.conf", "S"
	}
	return s
}

func (m *Machine) apache() served {
	s := served{unit: "httpd", description: "The Apache HTTP Server", pkg: "httpd", fd: 4, backlog: 511, workers: 4,
		daemon: daemon{"apache", "root", "httpd", "/usr/sbin/httpd -DFOREGROUND", "/usr/sbin/httpd", 20340, 11548, "Ss", "", 5.1},
		worker: daemon{"apache-worker", m.webUser("apache"), "httpd", "/usr/sbin/httpd -DFOREGROUND", "/usr/sbin/httpd", 22164, 7404, "S", "", 5.1}}
	switch {
	case m.Release.Family == "debian":
		s.unit, s.pkg, s.workers, s.daemon.second, s.worker.second = "apache2", "apache2", 2, 4.9, 4.9
		for _, d := range []*daemon{&s.daemon, &s.worker} {
			d.name, d.args, d.exe, d.vsz = "apache2", "/usr/sbin/apache2 -k start", "/usr/sbin/apache2", 6688
		}
		s.daemon.rss, s.worker.vsz, s.worker.rss, s.worker.stat = 4816, 1998468, 4328, "Sl"
	case m.Release.Slug == "centos7":
		s.workers = 5
	case m.Release.Family == "alpine":
		s.unit, s.pkg, s.daemon.args, s.worker.args, s.daemon.stat = "apache2", "apache2", "/usr/sbin/httpd -k start", "/usr/sbin/httpd -k start", "S"
	case m.Release.Family == "arch":
		s.pkg, s.daemon.args, s.worker.args = "apache", "/usr/bin/httpd -k start -DFOREGROUND", "/usr/bin/httpd -k start -DFOREGROUND"
	}
	return s
}

// serve adds the daemons of the services to those of the distribution.
func (m *Machine) serve(list []daemon) []daemon {
	i := slices.IndexFunc(list, func(d daemon) bool { return d.key == "sshd" })
	found := false
	for _, s := range m.listening() {
		p := m.programOf(Service{Program: s.Program, Ports: s.Ports})
		switch {
		case p.daemon.key == "sshd":
			list[i].user, list[i].name, list[i].args, list[i].exe = p.daemon.user, p.daemon.name, p.daemon.args, p.daemon.exe
			found = true
		case p.daemon.key != systemd && !slices.ContainsFunc(list, func(d daemon) bool { return d.key == p.daemon.key }):
			list = append(list, p.daemon)
		}
	}
	if i >= 0 && !found {
		list[i].key = absent // its number stays free, that the others' stay theirs
	}
	return list
}

// Keys of daemons that the host does not run beside others: absent is none,
// systemd the first process itself.
const (
	absent  = ""
	systemd = "init"
)

// pidFiles are where daemons note their number.
var pidFiles = map[string]string{
	"openssh": "/run/sshd.pid", "dropbear": "/run/dropbear.pid", "nginx": "/run/nginx.pid", "lighttpd": "/run/lighttpd.pid",
}

// children are the processes below a service's main one.
func (m *Machine) children(s Service) []Process {
	p := m.programOf(s)
	var list []Process
	for i := range p.workers {
		d := p.worker
		list = append(list, Process{
			PID: m.workerPID(s.PID, i), PPID: s.PID, User: d.user, VSZ: d.vsz, RSS: d.rss, Stat: d.stat, Start: int64(d.second),
			CPU: int64(m.Uptime().Hours() * float64(m.Persona.Number(fmt.Sprintf("cpu/worker/%d", i), 0, 12)) / 1000 / float64(i+1)), Name: d.name, Args: d.args, Exe: d.exe,
		})
	}
	return list
}

// setsTitle tells of a process that writes its own command line.
func setsTitle(args string) bool {
	for _, prefix := range []string{"sshd:", "sshd-session:", "nginx:"} {
		if strings.HasPrefix(args, prefix) {
			return true
		}
	}
	return false
}
