// Package machine is the simulated host behind the shells of a decky: its
// files, accounts, processes, memory, links and who is logged in, all derived
// from the persona and agreeing with each other. /proc, /sys and the parts of
// /dev that differ between hosts are made when they are looked at. It runs
// nothing and reads nothing of the real machine.
//
// The machine runs what the decky serves: Services are the programs with their
// units and main processes, Listening their ports, and Processes, /proc/net/tcp
// and /proc/PID/fd agree with both. What lists services (ps, ss, netstat, lsof,
// systemctl) asks them and no table of its own.
package machine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Machine is the host that the shells of a decky share: its files, its
// processes, who is logged in. The facts of its image say what it is: persona,
// release, hardware, time zone, when it was installed and started. It is safe
// for concurrent use.
type Machine struct {
	*image.Facts
	FS *vfs.FS
	// Host is what the decky was told to be, with what it was not told filled in.
	Host decky.Host

	mu      sync.Mutex
	pid     int
	logins  []*Login // by this process
	guests  []*Login // by the decky's others
	theirs  []Process
	running map[int]*Process
	sysctl  map[string]string // what was set
	hashes  int               // of passwords that were set
	policy  func(user, password string) bool
	// services are the decky's, asked each time; nil where that is not known.
	services  func() []decky.Listening
	units     map[string]Unit
	notes     []image.Entry
	forgotten time.Time     // what the journal held before
	killed    map[int]bool  // daemons that clients have ended
	past      []image.Visit // sessions of clients that have ended
	locked    map[string]bool
}

// Login is one session that who and w list.
type Login struct {
	User, TTY string
	Via       string // service: "ssh", "telnet"
	From      netip.Addr
	Since     time.Time
	PID       int

	uid, gid    int
	shell, home string
}

// FSQuota is how many bytes clients may keep on one machine.
const FSQuota = 8 << 20

// New makes the machine of host with the accounts users beside the
// distribution's own. It serves ssh alone.
func New(host decky.Host, users []string, now func() time.Time) *Machine {
	return NewServing(host, users, now, nil)
}

// NewServing makes a machine with services, which are asked for whenever
// somebody looks, so that they may come and go; services must not ask the
// machine. Where it is nil the machine serves ssh alone.
func NewServing(host decky.Host, users []string, now func() time.Time, services func() []decky.Listening) *Machine {
	facts := image.NewFacts(host, users, now)
	r := facts.Release
	host.Kernel, host.Build, host.Machine, host.Title, host.Hostname, host.Distro = r.Kernel, r.Build, r.Machine, r.Pretty, facts.Persona.Hostname(), r.Slug
	if services != nil {
		var programs []string
		for _, l := range services() {
			programs = append(programs, l.Program)
		}
		facts.Release = image.Serving(r, host, programs)
		r = facts.Release
	}
	m := &Machine{Facts: facts, Host: host, running: map[int]*Process{}, services: services}
	m.FS = vfs.Of(image.Of(r), facts, FSQuota, now)
	if root := m.root(); root.FS == "xfs" {
		m.FS.DirSize = xfsDirSize
	}
	m.own()
	m.FS.Mount("/proc", m.proc)
	m.FS.Mount("/sys", m.sys)
	m.FS.Mount("/dev/pts", m.pts)
	m.FS.Mount("/dev/disk", m.disks)
	return m
}

// xfsDirSize is what XFS tells of a directory: in its inode while it fits, else
// in blocks.
func xfsDirSize(names, bytes int) int64 {
	if short := 6 + bytes + 8*names; short <= 336 {
		return int64(short)
	}
	return int64((bytes+24*names+4095)/4096) * 4096
}

// own puts what of the file system only this host has.
func (m *Machine) own() {
	m.FS.AddLink("/etc/localtime", "/usr/share/zoneinfo/"+m.Zone.Name, m.Built)
	if m.Release.Family == "rhel" {
		m.FS.AddLink("/etc/localtime", "../usr/share/zoneinfo/"+m.Zone.Name, m.Built)
	}
	disk := m.group("disk")
	for _, b := range m.Hardware.Blocks {
		gid := disk
		if b.Kind == "rom" {
			gid = m.group("cdrom")
		}
		m.FS.AddDevice("/dev/"+b.Name, vfs.TypeBlock|0o660, 0, gid, b.Major, b.Minor, m.Boot)
		if name, ok := strings.CutPrefix(b.Path, "/dev/mapper/"); ok {
			m.FS.AddLink("/dev/mapper/"+name, "../"+b.Name, m.Boot)
		}
	}
	m.homes()
	m.network()
	text := func(path, content string, perm uint32) {
		m.FS.AddContent(path, strings.NewReader(content), perm, 0, 0, m.Boot.Add(6*time.Second))
	}
	if m.Release.Family != "alpine" {
		m.FS.AddContent("/var/log/journal/"+m.Persona.MachineID()+"/system.journal", image.Journal(m.Persona.MachineID()), 0o640, 0, m.group("systemd-journal"), m.Now().Add(-time.Minute))
	}
	for _, s := range m.Services() {
		if file := pidFiles[s.Program]; file != "" {
			text(file, fmt.Sprintf("%d\n", s.PID), 0o644)
		}
	}
	if m.Release.Family != "arch" {
		text("/run/crond.pid", fmt.Sprintf("%d\n", m.daemonPID("cron")), 0o644)
	}
}

// homes are the directories of those who log in.
func (m *Machine) homes() {
	skeleton := m.FS.As(0, 0)
	entries, err := skeleton.ReadDir("/etc/skel")
	if err != nil {
		entries = nil
	}
	img := image.Of(m.Release)
	for i, a := range m.Persona.Accounts(m.Facts.Logins) {
		if !a.Person {
			continue
		}
		perm := uint32(0o700)
		if m.Release.Slug == "ubuntu20" || m.Release.Family == "alpine" {
			perm = 0o755
		}
		if m.Release.Slug == "ubuntu22" {
			perm = 0o750
		}
		at := m.Built.Add(time.Duration(i) * time.Minute)
		m.FS.AddDir(a.Home, perm, a.UID, a.GID, at, false)
		for _, e := range entries {
			source := img.Lookup("/etc/skel/" + e.Name)
			if source == nil {
				continue
			}
			if c := m.Content(source); c != nil {
				m.FS.AddContent(a.Home+"/"+e.Name, c, 0o644, a.UID, a.GID, at)
			}
		}
	}
}

// network is the configuration of the host's card, where a file is named after
// it.
func (m *Machine) network() {
	nic := m.Hardware.NIC.Name
	switch m.Release.Slug {
	case "centos7":
		m.FS.AddContent("/etc/sysconfig/network-scripts/ifcfg-"+nic, strings.NewReader(m.Expand("TYPE=Ethernet\nPROXY_METHOD=none\nBROWSER_ONLY=no\nBOOTPROTO=none\nDEFROUTE=yes\nIPV4_FAILURE_FATAL=no\nIPV6INIT=no\nNAME=@NIC@\nUUID="+m.Persona.UUID("nic")+"\nDEVICE=@NIC@\nONBOOT=yes\nIPADDR=@IP@\nPREFIX=@BITS@\nGATEWAY=@GATEWAY@\nDNS1=@DNS1@\n")), 0o644, 0, 0, m.Built)
		m.FS.AddContent("/etc/sysconfig/network-scripts/ifcfg-lo", strings.NewReader("DEVICE=lo\nIPADDR=127.0.0.1\nNETMASK=255.0.0.0\nNETWORK=127.0.0.0\nBROADCAST=127.255.255.255\nONBOOT=yes\nNAME=loopback\n"), 0o644, 0, 0, m.Built)
	case "rocky9", "fedora":
		m.FS.AddContent("/etc/NetworkManager/system-connections/"+nic+".nmconnection", strings.NewReader(m.Expand("[connection]\nid=@NIC@\nuuid="+m.Persona.UUID("nic")+"\ntype=ethernet\nautoconnect-priority=-999\ninterface-name=@NIC@\n\n[ethernet]\n\n[ipv4]\naddress1=@IP@/@BITS@,@GATEWAY@\ndns=@DNS1@;\nmethod=manual\n\n[ipv6]\nmethod=disabled\n\n[proxy]\n")), 0o600, 0, 0, m.Built)
	}
}

// group is the id of the distribution's group of a name, 0 for none.
func (m *Machine) group(name string) int {
	for _, g := range m.Persona.Groups(nil) {
		if g.Name == name {
			return g.GID
		}
	}
	return 0
}

// Genuine tells whether path is still the program that was installed there.
func (m *Machine) Genuine(path string) bool { return m.FS.As(0, 0).Genuine(path) }

// NextPID is the number of a new process: others started some meanwhile.
func (m *Machine) NextPID() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.Now()
	m.pid = max(m.pid+1+int(now.UnixNano()>>10)%3, m.PIDAt(now))
	if limit := m.MaxPID(); m.pid >= limit {
		m.pid = image.Wrapped + m.pid%limit
	}
	return m.pid
}

// LastPID is the number that the newest process got.
func (m *Machine) LastPID() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return max(m.pid, m.PIDAt(m.Now()))
}

// Enter lists a session of ssh in who and w until the returned function is
// called; its terminal is the first that is free.
func (m *Machine) Enter(user string, from netip.Addr) (*Login, func()) {
	return m.EnterBy("ssh", user, from)
}

// EnterBy is Enter by another service.
func (m *Machine) EnterBy(via, user string, from netip.Addr) (*Login, func()) {
	pid := m.NextPID() + 3
	a := m.Account(user)
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for slices.ContainsFunc(m.everybody(), func(l *Login) bool { return l.TTY == fmt.Sprintf("pts/%d", n) }) {
		n++
	}
	m.pid = max(m.pid, pid)
	login := &Login{Via: via, User: user, TTY: fmt.Sprintf("pts/%d", n), From: from.Unmap(), Since: m.Now(), PID: pid, uid: a.UID, gid: a.GID, shell: a.Shell, home: a.Home}
	m.logins = append(m.logins, login)
	return login, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if slices.Contains(m.logins, login) {
			m.remember(login)
		}
		m.logins = slices.DeleteFunc(m.logins, func(l *Login) bool { return l == login })
	}
}

// everybody are all sessions. The caller holds the lock.
func (m *Machine) everybody() []*Login {
	if len(m.guests) == 0 {
		return m.logins
	}
	all := slices.Concat(m.logins, m.guests)
	slices.SortStableFunc(all, func(a, b *Login) int { return a.Since.Compare(b.Since) })
	return all
}

// Logins are the sessions now.
func (m *Machine) Logins() []Login {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.everybody()
	out := make([]Login, len(all))
	for i, l := range all {
		out[i] = *l
	}
	return out
}

// Greeting is what a login on a terminal prints before the first prompt, with
// line feeds alone: on Debian uname and the message of the day, elsewhere the
// message alone.
func (m *Machine) Greeting() string {
	motd, err := m.FS.As(0, 0).ReadFile("/etc/motd")
	if err != nil {
		motd = nil
	}
	switch m.Release.Slug {
	case "debian", "kali":
		return m.Uname() + "\n" + string(motd)
	case "ubuntu20", "ubuntu22":
		return m.welcome() + string(motd)
	}
	return string(motd)
}

// Uname is the line of uname -snrvm.
func (m *Machine) Uname() string {
	r := m.Release
	return r.System + " " + m.Persona.Hostname() + " " + r.Kernel + " " + r.Build + " " + r.Machine
}

// welcome is Ubuntu's message of the day.
func (m *Machine) welcome() string {
	r := m.Release
	load, memory := m.Load(), m.Memory()
	root := m.root()
	total := float64(root.Sectors) / 2 / (1 << 20)
	var b strings.Builder
	fmt.Fprintf(&b, "Welcome to %s (GNU/Linux %s %s)\n\n * Documentation:  https://help.ubuntu.com\n * Management:     https://landscape.canonical.com\n * Support:        https://ubuntu.com/pro\n\n", r.Pretty, r.Kernel, r.Machine)
	fmt.Fprintf(&b, " System information as of %s\n\n", m.Now().In(m.Zone.Location).Format("Mon Jan _2 03:04:05 PM MST 2006"))
	left := func(name, value string) string { return fmt.Sprintf("  %-14s%-19s", name+":", value) }
	fmt.Fprintf(&b, "%s%s\n", left("System load", fmt.Sprintf(" %.2f", load[0])), fmt.Sprintf("Processes:             %d", len(m.Processes())))
	fmt.Fprintf(&b, "%s%s\n", left("Usage of /", fmt.Sprintf(" %.1f%% of %.2fGB", float64(m.diskUsed(root))*100/float64(root.Sectors/2), total)), fmt.Sprintf("Users logged in:       %d", len(m.Logins())))
	fmt.Fprintf(&b, "%s%s\n", left("Memory usage", fmt.Sprintf(" %d%%", (memory.Total-memory.Available)*100/memory.Total)), fmt.Sprintf("IPv4 address for %s: %s", m.Hardware.NIC.Name, m.Persona.Prefix().Addr()))
	fmt.Fprintf(&b, "%s\n\n\n0 updates can be applied immediately.\n\n\n", strings.TrimRight(left("Swap usage", " 0%"), " "))
	return b.String()
}

// Uptime is how long the host claims to be up.
func (m *Machine) Uptime() time.Duration { return m.Now().Sub(m.Boot) }

// Number is persona.Number below the shell's labels.
func (m *Machine) Number(label string, low, high int64) int64 {
	return m.Persona.Number("shell/"+label, low, high)
}
