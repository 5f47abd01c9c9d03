package machine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Process is one that ps lists; those of the kernel have no arguments.
type Process struct {
	PID, PPID int
	User      string
	VSZ, RSS  int // KiB
	TTY, Stat string
	Start     int64 // seconds after boot
	CPU       int64 // seconds used
	Name      string
	Args      string // command line; [name] for the kernel's
	Exe       string // path of the program; "" for the kernel's
	Cwd       string // "/" where empty
	Unit      string // of the init that started it, "" for none
	Nice      int
	// Signal, where it is set, is called with a signal that somebody sends; it
	// must not wait.
	Signal func(number int) `json:"-"`
}

// Kernel tells a thread of the kernel.
func (p Process) Kernel() bool { return p.PID == 2 || p.PPID == 2 }

// Argv are the words of the command line.
func (p Process) Argv() []string {
	if p.Kernel() {
		return nil
	}
	if setsTitle(p.Args) {
		return []string{p.Args} // what setproctitle wrote
	}
	return strings.Fields(p.Args)
}

// kernelThreads by the age of the kernel.
const (
	oldThreads = "ksoftirqd/0 kworker/0:0H migration/0 rcu_bh rcu_sched lru-add-drain watchdog/0 kdevtmpfs netns khungtaskd writeback kintegrityd bioset bioset bioset kblockd md edac-poller watchdogd kswapd0 ksmd khugepaged crypto kthrotld kmpath_rdacd kaluad kpsmoused ipv6_addrconf deferwq kauditd scsi_eh_0 scsi_tmf_0 scsi_eh_1 scsi_tmf_1 ata_sff ttm_swap kdmflush bioset xfsalloc xfs_mru_cache xfs-buf/dm-0 xfs-data/dm-0 xfs-conv/dm-0 xfs-cil/dm-0 xfs-reclaim/dm- xfs-log/dm-0 xfsaild/dm-0 kworker/0:1H"
	newThreads = "rcu_gp rcu_par_gp slub_flushwq netns kworker/0:0H-events_highpri mm_percpu_wq rcu_tasks_kthread rcu_tasks_rude_kthread rcu_tasks_trace_kthread ksoftirqd/0 rcu_preempt migration/0 idle_inject/0 cpuhp/0 kdevtmpfs inet_frag_wq kauditd khungtaskd oom_reaper writeback kcompactd0 ksmd khugepaged kintegrityd kblockd blkcg_punt_bio tpm_dev_wq edac-poller devfreq_wq kworker/0:1H-kblockd kswapd0 kthrotld acpi_thermal_pm mld ipv6_addrconf kstrp zswap-shrink ata_sff scsi_eh_0 scsi_tmf_0 scsi_eh_1 scsi_tmf_1"
	fiveFour   = "rcu_gp rcu_par_gp kworker/0:0H-kblockd mm_percpu_wq ksoftirqd/0 rcu_sched migration/0 idle_inject/0 cpuhp/0 kdevtmpfs netns rcu_tasks_kthre kauditd khungtaskd oom_reaper writeback kcompactd0 ksmd khugepaged kintegrityd kblockd blkcg_punt_bio tpm_dev_wq ata_sff md edac-poller devfreq_wq watchdogd kswapd0 ecryptfs-kthrea kthrotld acpi_thermal_pm scsi_eh_0 scsi_tmf_0 scsi_eh_1 scsi_tmf_1 vfio-irqfd-clea ipv6_addrconf kstrp kworker/u3:0 charger_manager kworker/0:1H-kblockd"
)

// threads are those of the kernel, with each processor's own.
func (m *Machine) threads() []Process {
	names := newThreads
	switch {
	case strings.HasPrefix(m.Release.Kernel, "3."):
		names = oldThreads
	case strings.HasPrefix(m.Release.Kernel, "5.4"):
		names = fiveFour
	}
	list := []Process{{PID: 2, User: "root", Stat: "S", Name: "kthreadd", Args: "[kthreadd]"}}
	pid := 3
	add := func(name, stat string) {
		list = append(list, Process{PID: pid, PPID: 2, User: "root", Stat: stat, Name: name, Args: "[" + name + "]"})
		pid++
	}
	for _, name := range strings.Fields(names) {
		stat := "I<"
		if strings.Contains(name, "/0") && !strings.HasPrefix(name, "kworker") || strings.HasPrefix(name, "k") && strings.HasSuffix(name, "d") || strings.HasPrefix(name, "scsi_eh") || strings.Contains(name, "0") && strings.HasPrefix(name, "ks") {
			stat = "S"
		}
		if strings.HasPrefix(m.Release.Kernel, "3.") && stat == "I<" {
			stat = "S<"
		}
		add(name, stat)
		if name == "cpuhp/0" || strings.HasPrefix(m.Release.Kernel, "3.") && name == "watchdog/0" {
			for cpu := 1; cpu < m.Hardware.CPU.Count(); cpu++ {
				for _, n := range []string{"cpuhp", "watchdog", "migration", "ksoftirqd"} {
					if old := strings.HasPrefix(m.Release.Kernel, "3."); n == "cpuhp" && old || n == "watchdog" && !old {
						continue
					}
					add(fmt.Sprintf("%s/%d", n, cpu), "S")
				}
			}
		}
	}
	root := m.root()
	if root.FS == "ext4" {
		add("jbd2/"+root.Name+"-8", "S")
		add("ext4-rsv-conver", "I<")
	}
	return list
}

// threadCount is about how many processes an idle host has.
func (m *Machine) threadCount() int { return 50 + 4*m.Hardware.CPU.Count() }

// daemon is one that the distribution starts.
type daemon struct {
	key, user, name, args, exe string
	vsz, rss                   int
	stat, tty                  string
	second                     float64 // after boot
}

// daemons are those of the distribution and of the host's services.
func (m *Machine) daemons() []daemon { return m.serve(m.stock()) }

// stock fit the distribution's init.
func (m *Machine) stock() []daemon {
	lib := "/usr/lib/systemd/"
	if m.Release.Family == "debian" {
		lib = "/lib/systemd/"
	}
	switch m.Release.Family {
	case "alpine":
		return []daemon{
			{"mdev", "root", "syslogd", "/sbin/syslogd -t -n", "/bin/busybox", 1636, 1020, "S", "", 4}, {"acpid", "root", "acpid", "/sbin/acpid -f", "/bin/busybox", 1620, 900, "S", "", 4},
			{"chrony", "chrony", "chronyd", "/usr/sbin/chronyd -f /etc/chrony/chrony.conf", "/usr/sbin/chronyd", 2868, 1980, "S", "", 5}, {"cron", "root", "crond", "/usr/sbin/crond -c /etc/crontabs -f", "/bin/busybox", 1628, 960, "S", "", 5},
			{"sshd", "root", "sshd", m.listener(), "/usr/sbin/sshd", 6636, 4400, "S", "", 5},
			{"tty1", "root", "getty", "/sbin/getty 38400 tty1", "/bin/busybox", 1624, 920, "S+", "tty1", 6}, {"tty2", "root", "getty", "/sbin/getty 38400 tty2", "/bin/busybox", 1624, 920, "S+", "tty2", 6},
			{"tty3", "root", "getty", "/sbin/getty 38400 tty3", "/bin/busybox", 1624, 924, "S+", "tty3", 6}, {"tty4", "root", "getty", "/sbin/getty 38400 tty4", "/bin/busybox", 1624, 920, "S+", "tty4", 6},
			{"tty5", "root", "getty", "/sbin/getty 38400 tty5", "/bin/busybox", 1624, 916, "S+", "tty5", 6}, {"tty6", "root", "getty", "/sbin/getty 38400 tty6", "/bin/busybox", 1624, 920, "S+", "tty6", 6},
		}
	}
	list := []daemon{
		{"journald", "root", "systemd-journal", lib + "systemd-journald", "/usr/lib/systemd/systemd-journald", 32960, 12316, "Ss", "", 1},
		{"udevd", "root", "systemd-udevd", lib + "systemd-udevd", "/usr/lib/systemd/systemd-udevd", 26388, 6276, "Ss", "", 1.2},
	}
	bus := "/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only"
	getty := daemon{"tty1", "root", "agetty", "/sbin/agetty -o -p -- \\u --noclear tty1 linux", "/usr/sbin/agetty", 5876, 1056, "Ss+", "tty1", 4.6}
	logind := daemon{"logind", "root", "systemd-logind", lib + "systemd-logind", "/usr/lib/systemd/systemd-logind", 25312, 8032, "Ss", "", 3.6}
	sshd := daemon{"sshd", "root", "sshd", m.listener(), "/usr/sbin/sshd", 15436, 9336, "Ss", "", 4.4}
	cron := daemon{"cron", "root", "cron", "/usr/sbin/cron -f", "/usr/sbin/cron", 6612, 2700, "Ss", "", 3.4}
	switch m.Release.Slug {
	case "debian", "kali":
		list = append(list, daemon{"timesyncd", "systemd-timesync", "systemd-timesyn", lib + "systemd-timesyncd", "/usr/lib/systemd/systemd-timesyncd", 90080, 6520, "Ssl", "", 2.4}, cron,
			daemon{"dbus", "messagebus", "dbus-daemon", bus, "/usr/bin/dbus-daemon", 9128, 4968, "Ss", "", 3.4}, daemon{"rsyslog", "root", "rsyslogd", "/usr/sbin/rsyslogd -n -iNONE", "/usr/sbin/rsyslogd", 222508, 6100, "Ssl", "", 3.5}, logind, getty, sshd)
	case "ubuntu20", "ubuntu22":
		getty.args = "/sbin/agetty -o -p -- \\u --noclear tty1 linux"
		list = append(list, daemon{"multipathd", "root", "multipathd", "/sbin/multipathd -d -s", "/usr/sbin/multipathd", 289352, 27400, "SLsl", "", 1.3}, daemon{"timesyncd", "systemd-timesync", "systemd-timesyn", lib + "systemd-timesyncd", "/usr/lib/systemd/systemd-timesyncd", 89364, 6600, "Ssl", "", 2.4},
			daemon{"networkd", "systemd-network", "systemd-network", lib + "systemd-networkd", "/usr/lib/systemd/systemd-networkd", 16256, 8300, "Ss", "", 2.8}, daemon{"resolved", "systemd-resolve", "systemd-resolve", lib + "systemd-resolved", "/usr/lib/systemd/systemd-resolved", 25540, 12500, "Ss", "", 2.9},
			cron, daemon{"dbus", "messagebus", "dbus-daemon", "@dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only", "/usr/bin/dbus-daemon", 8764, 4900, "Ss", "", 3.4},
			daemon{"networkd-dispatcher", "root", "networkd-dispat", "/usr/bin/python3 /usr/bin/networkd-dispatcher --run-startup-triggers", "/usr/bin/python3.10", 32652, 19100, "Ss", "", 3.5}, daemon{"rsyslog", "syslog", "rsyslogd", "/usr/sbin/rsyslogd -n -iNONE", "/usr/sbin/rsyslogd", 222400, 5500, "Ssl", "", 3.5},
			daemon{"snapd", "root", "snapd", "/usr/lib/snapd/snapd", "/usr/lib/snapd/snapd", 1467996, 42000, "Ssl", "", 3.5}, logind, daemon{"polkitd", "root", "polkitd", "/usr/libexec/polkitd --no-debug", "/usr/libexec/polkitd", 234500, 6700, "Ssl", "", 3.6}, getty, sshd,
			daemon{"unattended", "root", "unattended-upgr", "/usr/bin/python3 /usr/share/unattended-upgrades/unattended-upgrade-shutdown --wait-for-signal", "/usr/bin/python3.10", 109772, 21300, "Ssl", "", 4.5})
		if m.Release.Slug == "ubuntu20" {
			for i := range list {
				d := &list[i]
				d.exe = strings.Replace(d.exe, "python3.10", "python3.8", 1)
				d.args, d.exe = strings.Replace(d.args, "/usr/libexec/polkitd", "/usr/lib/policykit-1/polkitd", 1), strings.Replace(d.exe, "/usr/libexec/polkitd", "/usr/lib/policykit-1/polkitd", 1)
			}
		}
	case "arch":
		list = append(list, daemon{"timesyncd", "systemd-timesync", "systemd-timesyn", lib + "systemd-timesyncd", "/usr/lib/systemd/systemd-timesyncd", 91440, 7400, "Ssl", "", 2.4}, daemon{"networkd", "systemd-network", "systemd-network", lib + "systemd-networkd", "/usr/lib/systemd/systemd-networkd", 20128, 9600, "Ss", "", 2.8},
			daemon{"dbus", "dbus", "dbus-broker-lau", "/usr/bin/dbus-broker-launch --scope system --audit", "/usr/bin/dbus-broker-launch", 8300, 3900, "Ss", "", 3.4}, logind, getty, sshd)
	default:
		list = append(list, m.redHat(bus, logind, getty, sshd)...)
	}
	return list
}

// redHat are the daemons of its family.
func (m *Machine) redHat(bus string, logind, getty, sshd daemon) []daemon {
	broker := daemon{"dbus", "dbus", "dbus-broker", "dbus-broker --log 4 --controller 9 --machine-id " + m.Persona.MachineID() + " --max-bytes 536870912 --max-fds 4096 --max-matches 131072 --audit", "/usr/bin/dbus-broker", 4912, 2700, "S", "", 3.3}
	if m.Release.Slug == "centos7" {
		broker = daemon{"dbus", "dbus", "dbus-daemon", bus, "/usr/bin/dbus-daemon", 58220, 2448, "Ss", "", 3.3}
		getty.args = "/sbin/agetty --noclear tty1 linux"
	}
	python, script := "/usr/bin/python3", "/usr/bin/python3 -s /usr/sbin/firewalld --nofork --nopid"
	if m.Release.Slug == "centos7" {
		python, script = "/usr/bin/python2.7", "/usr/bin/python2 -Es /usr/sbin/firewalld --nofork --nopid"
	}
	return []daemon{
		{"auditd", "root", "auditd", "/sbin/auditd", "/usr/sbin/auditd", 55532, 1080, "S<sl", "", 2.4}, broker, {"polkitd", "polkitd", "polkitd", "/usr/lib/polkit-1/polkitd --no-debug", "/usr/lib/polkit-1/polkitd", 612348, 12400, "Ssl", "", 3.3},
		{"firewalld", "root", "firewalld", script, python, 125000, 41000, "Ssl", "", 3.4}, logind, {"chrony", "chrony", "chronyd", "/usr/sbin/chronyd", "/usr/sbin/chronyd", 117808, 1780, "S", "", 3.5},
		{"NetworkManager", "root", "NetworkManager", "/usr/sbin/NetworkManager --no-daemon", "/usr/sbin/NetworkManager", 474868, 10900, "Ssl", "", 3.8}, sshd, {"rsyslog", "root", "rsyslogd", "/usr/sbin/rsyslogd -n", "/usr/sbin/rsyslogd", 222780, 6100, "Ssl", "", 4.5},
		{"cron", "root", "crond", "/usr/sbin/crond -n", "/usr/sbin/crond", 126416, 1680, "Ss", "", 4.5}, getty,
	}
}

// listener is how sshd names itself: since 8.2 it counts.
func (m *Machine) listener() string {
	if m.Release.Slug == "centos7" {
		return "/usr/sbin/sshd -D"
	}
	return "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"
}

// daemonPID is the number of a daemon's process. Those of services have room
// for their children behind them.
func (m *Machine) daemonPID(key string) int {
	if key == systemd {
		return 1
	}
	if u, changed := m.Unit(m.unitOf(key)); changed && u.PID > 0 {
		return u.PID
	}
	first, stock := m.PIDAt(m.Boot)-420, len(m.stock())
	for i, d := range m.daemons() {
		if d.key != key {
			continue
		}
		if i >= stock {
			first += 150 + (i-stock)*(m.Hardware.CPU.Count()+8)
			i = stock
			d.second = 0
		}
		return first + i*9 + int(d.second*30) + int(m.Persona.Number("pid/"+key, 0, 6))
	}
	return first
}

// Processes are those of an idle host, the sessions on it and what they run, by
// number.
func (m *Machine) Processes() []Process {
	init := Process{PID: 1, User: "root", VSZ: 102028, RSS: 12040, Stat: "Ss", CPU: 3, Name: "systemd", Args: "/sbin/init", Exe: "/usr/lib/systemd/systemd"}
	switch {
	case m.Release.Slug == "centos7", m.Release.Family == "rhel":
		init.Args = "/usr/lib/systemd/systemd --switched-root --system --deserialize 22"
	case m.Release.Family == "alpine":
		init.Name, init.Args, init.Exe, init.VSZ, init.RSS, init.Stat = "init", "/sbin/init", "/bin/busybox", 1624, 980, "S"
	}
	list := append([]Process{init}, m.threads()...)
	for _, d := range m.daemons() {
		if d.key == absent {
			continue
		}
		p := Process{PID: m.daemonPID(d.key), PPID: 1, User: d.user, VSZ: d.vsz, RSS: d.rss, TTY: d.tty, Stat: d.stat, Start: int64(d.second), CPU: int64(m.Uptime().Hours() * m.cost(d.key)), Name: d.name, Args: d.args, Exe: d.exe}
		p.Unit = m.unitOf(d.key)
		if u, changed := m.Unit(p.Unit); changed {
			if u.Active != "active" || u.PID == 0 {
				continue
			}
			p.Start, p.CPU = int64(u.Since.Sub(m.Boot)/time.Second), 0
		}
		list = append(list, p)
	}
	for _, s := range m.Services() {
		if u, changed := m.Unit(s.Unit + ".service"); !changed || u.PID > 0 {
			list = append(list, m.children(s)...)
		}
	}
	list = append(list, m.sessions()...)
	m.mu.Lock()
	list = slices.DeleteFunc(list, func(p Process) bool { return m.killed[p.PID] })
	for _, pid := range slices.Sorted(maps.Keys(m.running)) {
		list = append(list, *m.running[pid])
	}
	list = append(list, m.theirs...)
	m.mu.Unlock()
	slices.SortStableFunc(list, func(a, b Process) int { return cmp.Compare(a.PID, b.PID) })
	return slices.CompactFunc(list, func(a, b Process) bool { return a.PID == b.PID })
}

// cost is how many seconds of a processor a daemon needs per hour: next to none
// for what waits for somebody to come.
func (m *Machine) cost(key string) float64 {
	switch key {
	case "sshd", "nginx", "apache2", "httpd", "lighttpd", "inetd", "telnetd":
		return float64(m.Persona.Number("cpu/"+key, 0, 8)) / 1000
	}
	if strings.HasPrefix(key, "tty") {
		return float64(m.Persona.Number("cpu/"+key, 0, 8)) / 1000
	}
	return float64(m.Persona.Number("cpu/"+key, 2, 40)) / 100
}

// sessions are what sshd and login started.
func (m *Machine) sessions() []Process {
	var list []Process
	sshd := m.daemonPID("sshd")
	daemon := "sshd"
	if m.Release.Slug == "arch" || m.Release.Slug == "kali" { // OpenSSH 9.8 parted it
		daemon = "sshd-session"
	}
	for _, l := range m.Logins() {
		since := int64(l.Since.Sub(m.Boot).Seconds())
		shell := l.shell
		name := shell[strings.LastIndexByte(shell, '/')+1:]
		parent := Process{PID: l.PID - 2, PPID: sshd, User: "root", VSZ: 17712, RSS: 11012, Stat: "Ss", Start: since, Name: daemon, Args: daemon + ": " + l.User + " [priv]", Exe: "/usr/sbin/sshd"}
		if l.User == "root" {
			parent.Args = daemon + ": root@" + l.TTY
			list = append(list, parent)
		} else {
			list = append(list, parent, Process{PID: l.PID - 1, PPID: l.PID - 2, User: l.User, VSZ: 17972, RSS: 6780, Stat: "S", Start: since, Name: daemon, Args: daemon + ": " + l.User + "@" + l.TTY, Exe: "/usr/sbin/sshd"})
			parent.PID = l.PID - 1
		}
		list = append(list, Process{PID: l.PID, PPID: parent.PID, User: l.User, VSZ: 7196, RSS: 3920, TTY: l.TTY, Stat: "Ss", Start: since, Name: name, Args: "-" + name, Exe: shell, Cwd: l.home})
	}
	return list
}

// Run lists p among the processes until the returned function is called. Its
// number is p.PID, or a new one where that is 0. maxRunning bounds how many are
// listed; more are not.
func (m *Machine) Run(p Process) (pid int, end func()) {
	if p.PID == 0 {
		p.PID = m.NextPID()
	}
	if p.Start == 0 {
		p.Start = int64(m.Now().Sub(m.Boot) / time.Second)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.running) < maxRunning {
		m.running[p.PID] = &p
	}
	return p.PID, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.running, p.PID)
	}
}

const maxRunning = 256

// Process is the one of a number.
func (m *Machine) Process(pid int) (Process, bool) {
	for _, p := range m.Processes() {
		if p.PID == pid {
			return p, true
		}
	}
	return Process{}, false
}

// Leaders are the process group and the session of a process, and the group in
// the foreground of its terminal, -1 without one.
func (m *Machine) Leaders(p Process) (group, session, foreground int) {
	switch {
	case p.Kernel():
		return 0, 0, -1
	case strings.HasPrefix(p.TTY, "pts/"):
		session, foreground = p.PID, p.PID
		for _, l := range m.Logins() {
			if l.TTY == p.TTY {
				session, foreground = l.PID, l.PID
			}
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		for pid, x := range m.running {
			if x.TTY == p.TTY && strings.HasSuffix(x.Stat, "+") {
				foreground = pid
			}
		}
		if strings.HasSuffix(p.Stat, "+") {
			foreground = p.PID
		}
		return p.PID, session, foreground
	case strings.HasPrefix(p.Args, "sshd: ") && !strings.HasSuffix(p.Args, "[priv]") && strings.Contains(p.Args, "@") && p.User != "root":
		return p.PPID, p.PPID, -1
	case p.TTY != "":
		return p.PID, p.PID, p.PID
	}
	return p.PID, p.PID, -1
}

// CGroup is what /proc/PID/cgroup says of a process.
func (m *Machine) CGroup(p Process) string { return m.cgroup(p) }

// maxKilled bounds the daemons that clients have ended.
const maxKilled = 128

// Kill sends a signal to a process; what ends by it is listed no more. Init and
// the kernel's threads live on, and so do sessions.
func (m *Machine) Kill(p Process, number int) {
	if p.Signal != nil {
		p.Signal(number)
		return
	}
	ends := !slices.Contains([]int{0, 1, 17, 18, 19, 20, 21, 22, 23, 28}, number)
	if !ends || p.PID == 1 || p.Kernel() || strings.HasPrefix(p.TTY, "pts/") || strings.Contains(p.Args, "@pts/") || strings.HasSuffix(p.Args, "[priv]") {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.killed == nil {
		m.killed = map[int]bool{}
	}
	if len(m.killed) < maxKilled {
		m.killed[p.PID] = true
	}
}
