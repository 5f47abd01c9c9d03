// Package machine is the simulated host behind the shells of a decky: its
// files, accounts, processes, memory, links and who is logged in, all derived
// from the persona and agreeing with each other. It runs nothing and reads
// nothing of the real machine.
package machine

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

//go:embed data/programs.txt
var programList string

// Machine is the host that the shells of one service of a decky share: its
// files, its processes, who is logged in. It is safe for concurrent use.
type Machine struct {
	FS *vfs.FS

	Host     decky.Host
	Persona  *persona.Persona
	Now      func() time.Time
	Boot     time.Time
	Built    time.Time // when the machine was installed
	programs map[string]origin

	mu     sync.Mutex
	pid    int
	logins []*Login
}

// origin is a program of the base as it was installed.
type origin struct {
	ino  uint64
	size int64
}

// Login is one session that who and w list.
type Login struct {
	User, TTY string
	From      netip.Addr
	Since     time.Time
	PID       int
}

// FSQuota is how many bytes clients may keep on one machine.
const FSQuota = 8 << 20

// NewMachine makes the machine of host with the accounts users beside the
// distribution's own.
func New(host decky.Host, users []string, now func() time.Time) *Machine {
	m := &Machine{Host: host, Persona: persona.New(host), Now: now, programs: map[string]origin{}}
	if m.Host.Kernel == "" {
		m.Host.Kernel, m.Host.Build = "6.1.0-28-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)"
	}
	if m.Host.Machine == "" {
		m.Host.Machine = "x86_64"
	}
	if m.Host.Hostname == "" {
		m.Host.Hostname = "localhost"
	}
	if m.Host.Title == "" {
		m.Host.Title = "Debian GNU/Linux 12 (bookworm)"
	}
	m.Boot = host.Boot
	if m.Boot.IsZero() {
		m.Boot = m.Persona.Boot(now())
	}
	m.Built = m.Boot.Add(-time.Duration(m.Persona.Number("shell/built", 40*24*3600, 500*24*3600)) * time.Second)
	m.pid = int(m.Persona.Number("shell/pid", 1200, 24000)) + int(now().Sub(m.Boot).Minutes()/7)%9000
	m.FS = vfs.New(FSQuota, now)
	m.base(users)
	return m
}

// base fills the file system with an installation.
func (m *Machine) base(users []string) {
	m.tree()
	m.installPrograms()
	m.configuration(users)
	m.proc()
}

// spread is a time at which label may have been written: between the
// installation and the last boot.
func (m *Machine) spread(label string) time.Time {
	span := int64(m.Boot.Sub(m.Built).Seconds())
	return m.Built.Add(time.Duration(m.Persona.Number("shell/mtime/"+label, 0, max(span, 1))) * time.Second)
}

// elf is the start of a program and enough bytes behind it for any size in
// the list; all programs of all machines share it.
var elf = sync.OnceValue(func() []byte {
	image := make([]byte, 7<<20)
	seed := uint64(0x9e3779b97f4a7c15)
	for i := 4096; i+8 <= len(image); i += 8 {
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		binary.LittleEndian.PutUint64(image[i:], seed)
	}
	copy(image, "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x3e\x00\x01\x00\x00\x00\x30\x61\x00\x00\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00")
	copy(image[40:], "\xd8\x28\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x40\x00\x38\x00\x0d\x00\x40\x00\x1f\x00\x1e\x00")
	return image
})

// elfARM is elf with the header of an ARM64 program.
var elfARM = sync.OnceValue(func() []byte {
	image := slices.Clone(elf())
	image[18], image[19] = 0xb7, 0x00
	return image
})

func (m *Machine) image() []byte {
	if m.Host.Machine == "aarch64" {
		return elfARM()
	}
	return elf()
}

func (m *Machine) installPrograms() {
	image := m.image()
	for line := range strings.SplitSeq(strings.TrimSpace(programList), "\n") {
		if path, target, ok := strings.Cut(line, " -> "); ok {
			m.FS.AddLink(path, target, m.spread(path))
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		size, _ := strconv.Atoi(f[1])
		mode, _ := strconv.ParseUint(f[2], 8, 32)
		m.FS.AddFile(f[0], image[:min(size, len(image))], uint32(mode), 0, 0, m.spread(f[0][:min(len(f[0]), 11)]))
	}
	for name, target := range alternatives {
		m.FS.AddLink("/etc/alternatives/"+name, target, m.Built)
	}
	view := m.FS.As(0, 0)
	for _, dir := range []string{"/usr/bin", "/usr/sbin"} {
		list, err := view.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range list {
			if info, err := view.Stat(dir + "/" + entry.Name); err == nil && info.IsFile() {
				if path, err := view.Resolve(dir + "/" + entry.Name); err == nil {
					m.programs[path] = origin{info.Ino, info.Size}
				}
			}
		}
	}
}

var alternatives = map[string]string{
	"awk": "/usr/bin/mawk", "vi": "/usr/bin/vim.tiny", "editor": "/bin/nano", "pager": "/usr/bin/less", "which": "/usr/bin/which.debianutils",
	"nc": "/bin/nc.traditional", "iptables": "/usr/sbin/iptables-nft", "ip6tables": "/usr/sbin/ip6tables-nft",
}

// genuine tells whether path is still the program that was installed there.
func (m *Machine) Genuine(path string) bool {
	view := m.FS.As(0, 0)
	resolved, err := view.Resolve(path)
	if err != nil {
		return false
	}
	want, ok := m.programs[resolved]
	info, err := view.Stat(resolved)
	return err == nil && ok && info.Ino == want.ino && info.Size == want.size
}

// nextPID is the number of a new process: others started some meanwhile.
func (m *Machine) NextPID() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pid += 1 + int(m.Now().UnixNano()>>10)%3
	if m.pid > 4_000_000 {
		m.pid = 300
	}
	return m.pid
}

// Enter lists a session in who and w until the returned function is called;
// its terminal is the first that is free.
func (m *Machine) Enter(user string, from netip.Addr) (*Login, func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for slices.ContainsFunc(m.logins, func(l *Login) bool { return l.TTY == fmt.Sprintf("pts/%d", n) }) {
		n++
	}
	login := &Login{User: user, TTY: fmt.Sprintf("pts/%d", n), From: from.Unmap(), Since: m.Now(), PID: m.pid}
	m.logins = append(m.logins, login)
	return login, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.logins = slices.DeleteFunc(m.logins, func(l *Login) bool { return l == login })
	}
}

// Logins are the sessions now.
func (m *Machine) Logins() []Login {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Login, len(m.logins))
	for i, l := range m.logins {
		out[i] = *l
	}
	return out
}

// Greeting is what a login on a terminal prints before the first prompt, with
// line feeds alone: uname and the distribution's message of the day.
func (m *Machine) Greeting() string {
	motd, err := m.FS.As(0, 0).ReadFile("/etc/motd")
	if err != nil {
		motd = nil
	}
	return "Linux " + m.Host.Hostname + " " + m.Host.Kernel + " " + m.Host.Build + " " + m.Host.Machine + "\n" + string(motd)
}

// uptime is how long the host claims to be up.
func (m *Machine) Uptime() time.Duration { return m.Now().Sub(m.Boot) }

// number is persona.Number below the shell's labels.
func (m *Machine) Number(label string, low, high int64) int64 {
	return m.Persona.Number("shell/"+label, low, high)
}
