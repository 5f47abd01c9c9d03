package machine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// process is the directory of one in /proc.
func (m *Machine) process(p Process) *dir {
	d := m.liveDir(0o555)
	uid, gid := m.owner(p)
	d.uid, d.gid = uid, gid
	d.special("cmdline", 0o444, func() string {
		if words := p.Argv(); len(words) > 0 {
			return strings.Join(words, "\x00") + "\x00"
		}
		return ""
	}, nil)
	d.special("comm", 0o644, func() string { return p.Name + "\n" }, nil)
	d.file("status", func() string { return m.status(p, uid, gid) })
	d.file("stat", func() string { return m.procStat(p) })
	d.file("statm", func() string {
		return fmt.Sprintf("%d %d %d %d 0 %d 0\n", p.VSZ/4, p.RSS/4, p.RSS/6, 200, p.VSZ/16)
	})
	d.file("mounts", func() string {
		var b strings.Builder
		for _, x := range m.Mounts() {
			fmt.Fprintf(&b, "%s %s %s %s 0 0\n", x[0], x[1], x[2], x[3])
		}
		return b.String()
	})
	d.file("mountinfo", m.mountinfo)
	d.special("environ", 0o400, func() string { return m.environ(p) }, nil)
	d.special("maps", 0o444, func() string { return m.maps(p) }, nil)
	d.special("limits", 0o444, m.limits, nil)
	d.special("io", 0o400, func() string {
		return fmt.Sprintf("rchar: %d\nwchar: 4096\nsyscr: %d\nsyscw: 12\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n", p.RSS*60, p.RSS/20)
	}, nil)
	d.file("cgroup", func() string { return m.cgroup(p) })
	d.text("oom_score", "0\n")
	d.special("oom_score_adj", 0o644, func() string { return "0\n" }, nil)
	d.special("oom_adj", 0o644, func() string { return "0\n" }, nil)
	d.text("loginuid", fmt.Sprintf("%d", uint32(loginUID(p, uid))))
	d.text("sessionid", "4294967295")
	d.text("wchan", "0")
	d.special("mem", 0o600, func() string { return "" }, nil)
	d.special("stack", 0o400, func() string { return "" }, nil)
	d.special("syscall", 0o400, func() string { return "running\n" }, nil)
	d.link("root", "/")
	cwd := p.Cwd
	if cwd == "" {
		cwd = "/"
	}
	d.link("cwd", cwd)
	if p.Exe != "" {
		d.link("exe", p.Exe)
	}
	d.lazy("fd", 0o500, func() *dir { return m.descriptors(p, uid, gid) })
	d.lazy("net", 0o555, m.procNet)
	d.lazy("task", 0o555, func() *dir {
		t := m.liveDir(0o555)
		t.lazy(fmt.Sprint(p.PID), 0o555, func() *dir {
			thread := m.process(p)
			delete(thread.files, "task") // a thread has none of its own
			return thread
		})
		return t
	})
	d.lazy("ns", 0o511, func() *dir {
		n := m.liveDir(0o511)
		for i, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts"} {
			kind, _, _ := strings.Cut(name, "_")
			n.link(name, fmt.Sprintf("%s:[%d]", kind, 4026531834+i))
		}
		return n
	})
	return d
}

// loginUID is who a process was logged in as; -1 for a daemon.
func loginUID(p Process, uid int) int {
	if strings.HasPrefix(p.TTY, "pts/") {
		return uid
	}
	return -1
}

// owner is who a process runs as. The file system is not asked: it may be
// locked.
func (m *Machine) owner(p Process) (uid, gid int) {
	if p.User == "root" {
		return 0, 0
	}
	m.mu.Lock()
	for _, l := range m.everybody() {
		if l.User == p.User {
			defer m.mu.Unlock()
			return l.uid, l.gid
		}
	}
	m.mu.Unlock()
	for _, a := range m.Persona.Accounts(m.Facts.Logins) {
		if a.Name == p.User {
			return a.UID, a.GID
		}
	}
	return 65534, 65534
}

func (m *Machine) descriptors(p Process, uid, gid int) *dir {
	d := m.liveDir(0o500)
	d.uid, d.gid = uid, gid
	if p.Kernel() {
		return d
	}
	target := "/dev/null"
	if p.TTY != "" {
		target = "/dev/" + p.TTY
	}
	for _, n := range []string{"0", "1", "2"} {
		d.files[n] = vfs.Live{Mode: vfs.TypeLink | 0o700, UID: uid, GID: gid, Time: m.Now(), Target: target, Size: 64}
	}
	if p.Name == "bash" {
		d.files["255"] = vfs.Live{Mode: vfs.TypeLink | 0o700, UID: uid, GID: gid, Time: m.Now(), Target: target, Size: 64}
	}
	for _, l := range m.Listening() {
		if slices.Contains(l.PIDs, p.PID) {
			d.files[fmt.Sprint(l.FD)] = vfs.Live{Mode: vfs.TypeLink | 0o700, UID: uid, GID: gid, Time: m.Now(), Target: fmt.Sprintf("socket:[%d]", l.Inode), Size: 64}
		}
	}
	return d
}

func (m *Machine) status(p Process, uid, gid int) string {
	state := map[byte]string{'S': "S (sleeping)", 'R': "R (running)", 'I': "I (idle)", 'D': "D (disk sleep)", 'Z': "Z (zombie)", 'T': "T (stopped)"}[(p.Stat + "S")[0]]
	groups := ""
	if uid == 0 && !p.Kernel() && p.TTY != "" {
		groups = "0 "
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Name:\t%s\nUmask:\t0022\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\nUid:\t%d\t%d\t%d\t%d\nGid:\t%d\t%d\t%d\t%d\nFDSize:\t64\nGroups:\t%s\n", p.Name, state, p.PID, p.PID, p.PPID, uid, uid, uid, uid, gid, gid, gid, gid, groups)
	if !p.Kernel() {
		fmt.Fprintf(&b, "VmPeak:\t%8d kB\nVmSize:\t%8d kB\nVmLck:\t%8d kB\nVmPin:\t%8d kB\nVmHWM:\t%8d kB\nVmRSS:\t%8d kB\nVmData:\t%8d kB\nVmStk:\t%8d kB\nVmExe:\t%8d kB\nVmLib:\t%8d kB\nVmPTE:\t%8d kB\nVmSwap:\t%8d kB\n", p.VSZ, p.VSZ, 0, 0, p.RSS, p.RSS, p.VSZ/5, 132, p.RSS/5, 1700, 52, 0)
	}
	caps := "0000000000000000"
	if uid == 0 {
		caps = "000001ffffffffff"
		if strings.HasPrefix(m.Release.Kernel, "3.") || strings.HasPrefix(m.Release.Kernel, "5.4") {
			caps = "0000003fffffffff"
		}
	}
	fmt.Fprintf(&b, "Threads:\t1\nSigQ:\t0/15477\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\nCapInh:\t0000000000000000\nCapPrm:\t%s\nCapEff:\t%s\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\nCpus_allowed:\t%x\nCpus_allowed_list:\t0-%d\nMems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%d\nnonvoluntary_ctxt_switches:\t%d\n", caps, caps, uint64(1)<<min(m.Hardware.CPU.Count(), 63)-1, m.Hardware.CPU.Count()-1, 30+p.RSS/90, p.PID%17)
	return b.String()
}

func (m *Machine) procStat(p Process) string {
	tty := 0
	if strings.HasPrefix(p.TTY, "pts/") {
		_, _ = fmt.Sscanf(p.TTY, "pts/%d", &tty)
		tty += 136 << 8
	} else if strings.HasPrefix(p.TTY, "tty") {
		tty = 4<<8 + 1
	}
	group, session, foreground := m.Leaders(p)
	return fmt.Sprintf("%d (%s) %c %d %d %d %d %d 4194560 %d 0 0 0 %d %d 0 0 20 0 1 0 %d %d %d 18446744073709551615 1 1 0 0 0 0 0 0 65536 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", p.PID, p.Name, (p.Stat + "S")[0], p.PPID, group, session, tty, foreground, p.RSS/4, p.CPU*60, p.CPU*40, p.Start*100, p.VSZ*1024, p.RSS/4)
}

func (m *Machine) cgroup(p Process) string {
	slice := "/system.slice/" + p.Name + ".service"
	for _, s := range m.Services() {
		if s.PID == p.PID || s.PID == p.PPID && p.TTY == "" && p.PPID != 1 {
			slice = "/system.slice/" + s.Unit + ".service"
		}
	}
	switch {
	case p.PID == 1:
		slice = "/init.scope"
	case p.Kernel():
		slice = "/"
	case strings.HasPrefix(p.TTY, "pts/"):
		uid, _ := m.owner(p)
		slice = fmt.Sprintf("/user.slice/user-%d.slice/session-%d.scope", uid, 1+int(m.Uptime().Hours()))
	case m.Release.Family == "alpine":
		slice = "/"
	}
	if m.Release.Slug == "centos7" || m.Release.Slug == "ubuntu20" {
		var b strings.Builder
		for i, c := range []string{"memory", "cpuset", "devices", "freezer", "hugetlb", "pids", "blkio", "perf_event", "net_prio,net_cls", "cpuacct,cpu", "name=systemd"} {
			path := "/"
			if c == "name=systemd" || c == "memory" || c == "pids" {
				path = slice
			}
			fmt.Fprintf(&b, "%d:%s:%s\n", 11-i, c, path)
		}
		return b.String()
	}
	return "0::" + slice + "\n"
}

func (m *Machine) environ(p Process) string {
	if p.Kernel() {
		return ""
	}
	list := []string{"LANG=en_US.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	if strings.HasPrefix(p.TTY, "pts/") {
		list = append(list, "USER="+p.User, "LOGNAME="+p.User, "HOME="+p.Cwd, "SHELL="+p.Exe, "TERM=xterm-256color")
	}
	return strings.Join(list, "\x00") + "\x00"
}

// maps are where a program and its libraries lie; each process has its own
// addresses.
func (m *Machine) maps(p Process) string {
	if p.Kernel() || p.Exe == "" {
		return ""
	}
	base := 0x55d000000000 + uint64(m.Number(fmt.Sprint("maps/", p.PID), 0, 1<<20))<<12
	high := 0x7f2000000000 + uint64(m.Number(fmt.Sprint("maps/high/", p.PID), 0, 1<<20))<<12
	device := fmt.Sprintf("%02x:%02x", m.root().Major, m.root().Minor)
	var b strings.Builder
	line := func(at, size uint64, perm string, offset uint64, path string) {
		ino := 131000 + len(path)*37
		dev := device
		if strings.HasPrefix(path, "[") {
			ino, dev = 0, "00:00"
		}
		fmt.Fprintf(&b, "%-73s%s\n", fmt.Sprintf("%x-%x %s %08x %s %d ", at, at+size, perm, offset, dev, ino), path)
	}
	line(base, 0x2f000, "r--p", 0, p.Exe)
	line(base+0x2f000, 0xb1000, "r-xp", 0x2f000, p.Exe)
	line(base+0xe0000, 0x37000, "r--p", 0xe0000, p.Exe)
	line(base+0x118000, 0x4000, "rw-p", 0x117000, p.Exe)
	line(base+0x1f00000, 0x21000, "rw-p", 0, "[heap]")
	libc, loader := "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
	switch m.Release.Family {
	case "rhel":
		libc, loader = "/usr/lib64/libc.so.6", "/usr/lib64/ld-linux-x86-64.so.2"
	case "arch":
		libc, loader = "/usr/lib/libc.so.6", "/usr/lib/ld-linux-x86-64.so.2"
	case "alpine":
		libc, loader = "/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-x86_64.so.1"
	}
	line(high, 0x26000, "r--p", 0, libc)
	line(high+0x26000, 0x155000, "r-xp", 0x26000, libc)
	line(high+0x300000, 0x1000, "r--p", 0, loader)
	line(high+0x301000, 0x25000, "r-xp", 0x1000, loader)
	line(0x7ffd00000000+high&0xfffff000, 0x21000, "rw-p", 0, "[stack]")
	line(0x7ffe00000000+high&0xfffff000, 0x4000, "r--p", 0, "[vvar]")
	line(0x7ffe00004000+high&0xfffff000, 0x2000, "r-xp", 0, "[vdso]")
	return b.String()
}

func (m *Machine) limits() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units")
	processes := m.Hardware.MemTotal / 1024 * 39 / 10
	for _, x := range [][4]string{
		{"Max cpu time", "unlimited", "unlimited", "seconds"}, {"Max file size", "unlimited", "unlimited", "bytes"}, {"Max data size", "unlimited", "unlimited", "bytes"}, {"Max stack size", "8388608", "unlimited", "bytes"}, {"Max core file size", "0", "unlimited", "bytes"},
		{"Max resident set", "unlimited", "unlimited", "bytes"}, {"Max processes", fmt.Sprint(processes), fmt.Sprint(processes), "processes"}, {"Max open files", "1024", "1048576", "files"}, {"Max locked memory", "67108864", "67108864", "bytes"}, {"Max address space", "unlimited", "unlimited", "bytes"},
		{"Max file locks", "unlimited", "unlimited", "locks"}, {"Max pending signals", fmt.Sprint(processes), fmt.Sprint(processes), "signals"}, {"Max msgqueue size", "819200", "819200", "bytes"}, {"Max nice priority", "0", "0", ""}, {"Max realtime priority", "0", "0", ""}, {"Max realtime timeout", "unlimited", "unlimited", "us"},
	} {
		fmt.Fprintf(&b, "%-25s %-20s %-20s %-10s\n", x[0], x[1], x[2], x[3])
	}
	return b.String()
}

func (m *Machine) mountinfo() string {
	var b strings.Builder
	for i, x := range m.Mounts() {
		parent := 26
		if x[1] == "/" {
			parent = 1
		}
		id := 21 + i
		device := fmt.Sprintf("0:%d", 19+i)
		for _, blk := range m.Hardware.Blocks {
			if blk.Path == x[0] {
				device = fmt.Sprintf("%d:%d", blk.Major, blk.Minor)
			}
		}
		options, super, _ := strings.Cut(x[3], ",relatime")
		fmt.Fprintf(&b, "%d %d %s / %s %s,relatime shared:%d - %s %s rw%s\n", id, parent, device, x[1], options, i+1, x[2], x[0], super)
	}
	return b.String()
}

// procNet is /proc/net.
func (m *Machine) procNet() *dir {
	d := m.liveDir(0o555)
	d.file("dev", func() string {
		rb, rp, tb, tp := m.Traffic()
		lo := m.Number("net/lo", 300, 1900)
		return "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n" +
			fmt.Sprintf("%6s: %7d %7d    0    0    0     0          0         0 %8d %7d    0    0    0     0       0          0\n", "lo", lo*98, lo, lo*98, lo) +
			fmt.Sprintf("%6s: %7d %7d    0    0    0     0          0         0 %8d %7d    0    0    0     0       0          0\n", m.NIC(), rb, rp, tb, tp)
	})
	d.file("arp", func() string {
		var b strings.Builder
		b.WriteString("IP address       HW type     Flags       HW address            Mask     Device\n")
		for _, n := range m.Neighbours() {
			fmt.Fprintf(&b, "%-16s 0x1         0x2         %s     *        %s\n", n.IP, n.MAC, m.NIC())
		}
		return b.String()
	})
	d.file("route", func() string {
		p := m.Persona.Prefix()
		var b strings.Builder
		fmt.Fprintf(&b, "%-127s\n", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT")
		mask := uint32(0xffffffff) << (32 - p.Bits())
		fmt.Fprintf(&b, "%-127s\n", fmt.Sprintf("%s\t00000000\t%s\t0003\t0\t0\t0\t00000000\t0\t0\t0", m.NIC(), hexAddress(m.Persona.Gateway())))
		fmt.Fprintf(&b, "%-127s\n", fmt.Sprintf("%s\t%s\t00000000\t0001\t0\t0\t0\t%02X%02X%02X%02X\t0\t0\t0", m.NIC(), hexAddress(p.Masked().Addr()), mask&255, mask>>8&255, mask>>16&255, mask>>24))
		return b.String()
	})
	d.file("tcp", func() string {
		var b strings.Builder
		fmt.Fprintf(&b, "%-149s\n", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode")
		for i, l := range m.Listening() {
			fmt.Fprintf(&b, "%-149s\n", fmt.Sprintf("%4d: 00000000:%04X 00000000:0000 0A 00000000:00000000 00:00000000 00000000 %5d        0 %d 1 0000000000000000 100 0 0 10 0", i, l.Port, l.UID, l.Inode))
		}
		return b.String()
	})
	for _, name := range []string{"tcp6", "udp6"} {
		d.text(name, "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n")
	}
	d.text("udp", "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             \n")
	d.text("raw", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n")
	d.text("packet", "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n")
	d.text("igmp", "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n2\t"+m.NIC()+"      :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n")
	d.text("if_inet6", "")
	d.text("netstat", "TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed\nTcpExt: 0 0 0\nIpExt: InNoRoutes InTruncatedPkts\nIpExt: 0 0\n")
	d.text("snmp", "Ip: Forwarding DefaultTTL InReceives\nIp: 2 64 91822\n")
	d.text("sockstat", "sockets: used 112\nTCP: inuse 2 orphan 0 tw 0 alloc 3 mem 1\nUDP: inuse 0 mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n")
	d.text("wireless", "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n")
	d.file("unix", func() string {
		var b strings.Builder
		b.WriteString("Num       RefCount Protocol Flags    Type St Inode Path\n")
		for i, path := range []string{"/run/systemd/notify", "/run/systemd/journal/dev-log", "/run/systemd/journal/socket", "/run/systemd/journal/stdout", "/run/dbus/system_bus_socket", "/run/udev/control"} {
			if m.Release.Init != "systemd" {
				path = "/dev/log"
			}
			fmt.Fprintf(&b, "0000000000000000: 00000002 00000000 00010000 0002 01 %5d %s\n", 11200+i*7, path)
		}
		return b.String()
	})
	return d
}

// Neighbour is a host of the segment that this one knows.
type Neighbour struct{ IP, MAC string }

// Neighbours are those in the ARP cache: the router, name servers beside it, and
// who is logged in from the same segment.
func (m *Machine) Neighbours() []Neighbour {
	p := m.Persona
	addresses := append([]string{p.Gateway().String()}, func() (out []string) {
		for _, a := range p.Resolvers() {
			out = append(out, a.String())
		}
		for _, l := range m.Logins() {
			if p.Prefix().Contains(l.From) {
				out = append(out, l.From.String())
			}
		}
		return out
	}()...)
	var out []Neighbour
	for i, a := range addresses {
		if slices.Index(addresses, a) == i && a != m.IP() {
			out = append(out, Neighbour{a, p.NeighbourMAC(parseIP(a))})
		}
	}
	return out
}
