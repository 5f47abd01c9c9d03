package shell

import (
	"fmt"
	"strings"
)

// process is one that ps lists; those of the kernel have no arguments.
type process struct {
	pid, ppid int
	user      string
	vsz, rss  int // KiB
	tty, stat string
	start     int64 // seconds after boot
	cpu       int64 // seconds used
	name      string
	args      string // command line; [name] for the kernel's
}

// processes are those of an idle server and the sessions on it.
func (m *Machine) processes() []process {
	kernel := []string{"kthreadd", "rcu_gp", "rcu_par_gp", "slub_flushwq", "netns", "kworker/0:0H-events_highpri", "mm_percpu_wq", "rcu_tasks_kthread", "rcu_tasks_rude_kthread", "rcu_tasks_trace_kthread", "ksoftirqd/0", "rcu_preempt", "migration/0", "cpuhp/0", "kdevtmpfs", "inet_frag_wq", "kauditd", "khungtaskd", "oom_reaper", "writeback", "kcompactd0", "ksmd", "khugepaged", "kintegrityd", "kblockd", "blkcg_punt_bio", "tpm_dev_wq", "edac-poller", "devfreq_wq", "kswapd0", "kthrotld", "acpi_thermal_pm", "mld", "ipv6_addrconf", "kstrp", "zswap-shrink", "scsi_eh_0", "scsi_tmf_0", "jbd2/sda1-8", "ext4-rsv-conver"}
	list := []process{{pid: 1, user: "root", vsz: 102028, rss: 12040, stat: "Ss", cpu: 3, name: "systemd", args: "/sbin/init"}}
	for i, name := range kernel {
		list = append(list, process{pid: 2 + i + i/9, ppid: 2, user: "root", stat: "I<", name: name, args: "[" + name + "]"})
	}
	list[1].ppid, list[1].stat = 0, "S"
	pid := int(m.number("proc/first", 220, 260))
	for _, d := range []process{
		{user: "root", vsz: 32960, rss: 12316, stat: "Ss", cpu: 1, name: "systemd-journal", args: "/lib/systemd/systemd-journald"},
		{user: "root", vsz: 26388, rss: 6276, stat: "Ss", name: "systemd-udevd", args: "/lib/systemd/systemd-udevd"},
		{user: "systemd-timesync", vsz: 90080, rss: 6520, stat: "Ssl", name: "systemd-timesyn", args: "/lib/systemd/systemd-timesyncd"},
		{user: "root", vsz: 6612, rss: 2700, stat: "Ss", name: "cron", args: "/usr/sbin/cron -f"},
		{user: "messagebus", vsz: 9128, rss: 4968, stat: "Ss", name: "dbus-daemon", args: "/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only"},
		{user: "root", vsz: 25312, rss: 8032, stat: "Ss", name: "systemd-logind", args: "/lib/systemd/systemd-logind"},
		{user: "root", vsz: 5876, rss: 1056, tty: "tty1", stat: "Ss+", name: "agetty", args: "/sbin/agetty -o -p -- \\u --noclear - linux"},
	} {
		pid += int(m.number("proc/"+d.name, 1, 40))
		d.pid, d.ppid, d.start = pid, 1, 2
		list = append(list, d)
	}
	sshd := int(m.number("proc/sshd", 480, 720))
	list = append(list, process{pid: sshd, ppid: 1, user: "root", vsz: 15436, rss: 9336, stat: "Ss", start: 3, name: "sshd", args: "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"})
	if m.host.Packages["nginx"] != "" {
		list = append(list, process{pid: sshd + 9, ppid: 1, user: "root", vsz: 55276, rss: 1700, stat: "Ss", start: 3, name: "nginx", args: "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;"},
			process{pid: sshd + 10, ppid: sshd + 9, user: "www-data", vsz: 55852, rss: 5512, stat: "S", start: 3, name: "nginx", args: "nginx: worker process"})
	}
	for _, l := range m.Logins() {
		since := int64(l.Since.Sub(m.boot).Seconds())
		list = append(list, process{pid: l.PID - 2, ppid: sshd, user: "root", vsz: 17712, rss: 11012, stat: "Ss", start: since, name: "sshd", args: "sshd: " + l.User + "@" + l.TTY},
			process{pid: l.PID, ppid: l.PID - 2, user: l.User, vsz: 7196, rss: 3920, tty: l.TTY, stat: "Ss", start: since, name: "bash", args: "-bash"})
	}
	return list
}

// memory of the host in KiB.
type memory struct{ total, free, available, buffers, cached, swap int64 }

func (m *Machine) memory() memory {
	total := []int64{2014796, 4017256, 8131848, 1000428}[m.number("memory", 0, 3)]
	drift := m.now().Unix() / 30 % 97 * 40
	used := total*m.number("memory/used", 12, 31)/100 + drift
	cached := total * m.number("memory/cached", 20, 45) / 100
	buffers := total * m.number("memory/buffers", 1, 4) / 100
	return memory{total: total, free: total - used - cached - buffers, available: total - used - total/50, buffers: buffers, cached: cached, swap: 999420}
}

// load is the three load averages.
func (m *Machine) load() [3]float64 {
	tick := m.now().Unix() / 20
	wave := func(n int64) float64 { return float64((tick/n*7919+m.number("load", 0, 50))%9) / 100 }
	return [3]float64{wave(1), wave(5), wave(15)}
}

const cpuFlags = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ss ht syscall nx pdpe1gb rdtscp lm constant_tsc arch_perfmon rep_good nopl xtopology cpuid tsc_known_freq pni pclmulqdq ssse3 fma cx16 pcid sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave avx f16c rdrand hypervisor lahf_lm abm 3dnowprefetch cpuid_fault invpcid_single pti ssbd ibrs ibpb fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid rdseed adx smap xsaveopt arat umip md_clear arch_capabilities"

// processor is the model that cpuinfo and lscpu show.
func (m *Machine) processor() (name string, model, stepping, cores int, mhz float64) {
	models := []struct {
		name            string
		model, stepping int
		mhz             float64
	}{
		{"Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", 79, 1, 2399.996}, {"Intel(R) Xeon(R) Silver 4210 CPU @ 2.20GHz", 85, 7, 2194.843},
		{"Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz", 85, 4, 2095.078}, {"Intel(R) Xeon(R) CPU E5-2650 v3 @ 2.30GHz", 63, 2, 2299.996},
	}
	p := models[m.number("cpu", 0, int64(len(models)-1))]
	return p.name, p.model, p.stepping, int(m.number("cores", 1, 4)), p.mhz
}

func (m *Machine) cpuinfo() []byte {
	name, model, stepping, cores, mhz := m.processor()
	var b strings.Builder
	for i := range cores {
		fmt.Fprintf(&b, "processor\t: %d\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: %d\nmodel name\t: %s\nstepping\t: %d\nmicrocode\t: 0x1\ncpu MHz\t\t: %.3f\ncache size\t: 16384 KB\nphysical id\t: %d\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\napicid\t\t: %d\ninitial apicid\t: %d\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 13\nwp\t\t: yes\nflags\t\t: %s\nbugs\t\t: cpu_meltdown spectre_v1 spectre_v2 spec_store_bypass l1tf mds swapgs itlb_multihit\nbogomips\t: %.2f\nclflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: 43 bits physical, 48 bits virtual\npower management:\n\n", i, model, name, stepping, mhz, i, i, i, cpuFlags, mhz*2)
	}
	return []byte(b.String())
}

func (m *Machine) meminfo() []byte {
	x := m.memory()
	return fmt.Appendf(nil, "MemTotal:       %8d kB\nMemFree:        %8d kB\nMemAvailable:   %8d kB\nBuffers:        %8d kB\nCached:         %8d kB\nSwapCached:            0 kB\nActive:         %8d kB\nInactive:       %8d kB\nSwapTotal:      %8d kB\nSwapFree:       %8d kB\nDirty:                40 kB\nWriteback:             0 kB\nHugePages_Total:       0\nHugePages_Free:        0\nHugepagesize:       2048 kB\nDirectMap4k:      124780 kB\nDirectMap2M:     1972224 kB\n",
		x.total, x.free, x.available, x.buffers, x.cached, x.cached/2, x.cached/3, x.swap, x.swap)
}

// mounts: device, point, type, options.
func (m *Machine) mounts() [][4]string {
	x := m.memory()
	return [][4]string{
		{"sysfs", "/sys", "sysfs", "rw,nosuid,nodev,noexec,relatime"}, {"proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime"},
		{"udev", "/dev", "devtmpfs", fmt.Sprintf("rw,nosuid,relatime,size=%dk,nr_inodes=%d,mode=755,inode64", x.total/2-20000, x.total/8-5000)}, {"devpts", "/dev/pts", "devpts", "rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=000"},
		{"tmpfs", "/run", "tmpfs", fmt.Sprintf("rw,nosuid,nodev,noexec,relatime,size=%dk,mode=755,inode64", x.total/10)}, {"/dev/sda1", "/", "ext4", "rw,relatime,errors=remount-ro"},
		{"securityfs", "/sys/kernel/security", "securityfs", "rw,nosuid,nodev,noexec,relatime"}, {"tmpfs", "/dev/shm", "tmpfs", "rw,nosuid,nodev,inode64"}, {"tmpfs", "/run/lock", "tmpfs", "rw,nosuid,nodev,noexec,relatime,size=5120k,inode64"},
		{"cgroup2", "/sys/fs/cgroup", "cgroup2", "rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot"}, {"mqueue", "/dev/mqueue", "mqueue", "rw,nosuid,nodev,noexec,relatime"},
		{"tmpfs", "/run/user/0", "tmpfs", fmt.Sprintf("rw,nosuid,nodev,relatime,size=%dk,nr_inodes=%d,mode=700,inode64", x.total/10, x.total/40)},
	}
}

// traffic of the network card, from the uptime.
func (m *Machine) traffic() (rxBytes, rxPackets, txBytes, txPackets int64) {
	seconds := int64(m.uptime().Seconds())
	rxPackets = seconds*m.number("net/rate", 2, 9)/3 + 4211
	txPackets = rxPackets * 2 / 3
	return rxPackets * m.number("net/rx", 90, 400), rxPackets, txPackets * m.number("net/tx", 80, 300), txPackets
}

// proc makes /proc and /sys.
func (m *Machine) proc() {
	gen := func(path string, f func() []byte) { m.FS.AddGenerated(path, 0o444, m.boot, f) }
	text := func(path string, f func() string) { gen(path, func() []byte { return []byte(f()) }) }
	m.FS.AddDir("/proc/self", 0o555, 0, 0, m.boot, true)
	m.FS.AddDir("/proc/self/net", 0o555, 0, 0, m.boot, true)
	m.FS.AddDir("/proc/self/fd", 0o500, 0, 0, m.boot, true)
	m.FS.AddDir("/proc/sys/kernel/random", 0o555, 0, 0, m.boot, true)
	m.FS.AddDir("/proc/1", 0o555, 0, 0, m.boot, true)
	gen("/proc/cpuinfo", m.cpuinfo)
	gen("/proc/meminfo", m.meminfo)
	text("/proc/version", func() string {
		return "Linux version " + m.host.Kernel + " (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) " + m.host.Build + "\n"
	})
	text("/proc/uptime", func() string {
		up := m.uptime().Seconds()
		return fmt.Sprintf("%.2f %.2f\n", up, up*0.97)
	})
	text("/proc/loadavg", func() string {
		l := m.load()
		return fmt.Sprintf("%.2f %.2f %.2f 1/%d %d\n", l[0], l[1], l[2], len(m.processes())+61, m.nextPID())
	})
	text("/proc/self/mounts", func() string {
		var b strings.Builder
		for _, x := range m.mounts() {
			fmt.Fprintf(&b, "%s %s %s %s 0 0\n", x[0], x[1], x[2], x[3])
		}
		return b.String()
	})
	text("/proc/filesystems", func() string {
		return "nodev\tsysfs\nnodev\ttmpfs\nnodev\tbdev\nnodev\tproc\nnodev\tcgroup\nnodev\tcgroup2\nnodev\tdevtmpfs\nnodev\tdebugfs\nnodev\ttracefs\nnodev\tsecurityfs\nnodev\tsockfs\nnodev\tbpf\nnodev\tpipefs\nnodev\tramfs\nnodev\thugetlbfs\nnodev\tdevpts\nnodev\tmqueue\n\text3\n\text2\n\text4\n"
	})
	text("/proc/partitions", func() string {
		return "major minor  #blocks  name\n\n   8        0   20971520 sda\n   8        1   19969024 sda1\n   8        2          1 sda2\n   8        5     999424 sda5\n"
	})
	text("/proc/swaps", func() string {
		return "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/sda5                               partition\t999420\t\t0\t\t-2\n"
	})
	text("/proc/cmdline", func() string {
		return "BOOT_IMAGE=/boot/vmlinuz-" + m.host.Kernel + " root=UUID=" + m.persona.UUID("shell/root") + " ro quiet\n"
	})
	text("/proc/modules", func() string {
		return "nf_tables 303104 0 - Live 0x0000000000000000\nvirtio_net 73728 0 - Live 0x0000000000000000\next4 983040 1 - Live 0x0000000000000000\n"
	})
	text("/proc/stat", func() string {
		up := int64(m.uptime().Seconds()) * 100
		return fmt.Sprintf("cpu  %d 0 %d %d 1204 0 311 0 0 0\ncpu0 %d 0 %d %d 1204 0 311 0 0 0\nintr %d\nctxt %d\nbtime %d\nprocesses %d\nprocs_running 1\nprocs_blocked 0\n", up/180, up/240, up, up/180, up/240, up, up*3, up*5, m.boot.Unix(), m.nextPID())
	})
	text("/proc/sys/kernel/hostname", func() string { return m.host.Hostname + "\n" })
	text("/proc/sys/kernel/ostype", func() string { return "Linux\n" })
	text("/proc/sys/kernel/osrelease", func() string { return m.host.Kernel + "\n" })
	text("/proc/sys/kernel/version", func() string { return m.host.Build + "\n" })
	text("/proc/sys/kernel/random/boot_id", func() string { return m.persona.UUID("shell/boot") + "\n" })
	text("/proc/sys/net/ipv4/ip_forward", func() string { return "0\n" })
	text("/proc/1/cmdline", func() string { return "/sbin/init\x00" })
	text("/proc/1/comm", func() string { return "systemd\n" })
	text("/proc/1/cgroup", func() string { return "0::/init.scope\n" })
	text("/proc/self/cgroup", func() string { return "0::/user.slice/user-0.slice/session-4.scope\n" })
	text("/proc/self/cmdline", func() string { return "cat\x00/proc/self/cmdline\x00" })
	text("/proc/self/comm", func() string { return "cat\n" })
	text("/proc/self/status", func() string { return "Name:\tcat\nUmask:\t0022\nState:\tR (running)\nTracerPid:\t0\n" })
	m.FS.AddLink("/proc/self/exe", "/usr/bin/bash", m.boot)
	for i := range 3 {
		m.FS.AddLink(fmt.Sprintf("/proc/self/fd/%d", i), "/dev/pts/0", m.boot)
	}
	m.procNet(text)
}

// procNet makes the network's files.
func (m *Machine) procNet(text func(string, func() string)) {
	text("/proc/self/net/dev", func() string {
		rb, rp, tb, tp := m.traffic()
		return fmt.Sprintf("Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    lo:   92304     918    0    0    0     0          0         0    92304     918    0    0    0     0       0          0\n%6s: %7d %7d    0    0    0     0          0         0 %8d %7d    0    0    0     0       0          0\n", m.nic(), rb, rp, tb, tp)
	})
	text("/proc/self/net/arp", func() string {
		return fmt.Sprintf("IP address       HW type     Flags       HW address            Mask     Device\n%-16s 0x1         0x2         %s     *        %s\n", m.gateway(), m.gatewayMAC(), m.nic())
	})
	text("/proc/self/net/route", func() string {
		return "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" + m.nic() + "\t00000000\t" + hexAddress(m.gateway()) + "\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
	})
	m.FS.AddDir("/sys/class/net/"+m.nic(), 0o755, 0, 0, m.boot, true)
	m.FS.AddDir("/sys/class/net/lo", 0o755, 0, 0, m.boot, true)
	text("/sys/class/net/"+m.nic()+"/address", func() string { return m.mac() + "\n" })
	text("/sys/class/net/"+m.nic()+"/operstate", func() string { return "up\n" })
	text("/sys/class/net/lo/address", func() string { return "00:00:00:00:00:00\n" })
}

func (m *Machine) mac() string {
	if m.host.MAC != "" {
		return strings.ToLower(m.host.MAC)
	}
	d := m.persona.Derive("shell/mac")
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", d[0], d[1], d[2])
}

func (m *Machine) gatewayMAC() string {
	d := m.persona.Derive("shell/gateway")
	return fmt.Sprintf("d4:01:c3:%02x:%02x:%02x", d[0], d[1], d[2])
}

// hexAddress is an IPv4 address as /proc/net/route writes it.
func hexAddress(ip string) string {
	var a, b, c, d byte
	_, _ = fmt.Sscanf(ip, "%d.%d.%d.%d", &a, &b, &c, &d)
	return fmt.Sprintf("%02X%02X%02X%02X", d, c, b, a)
}
