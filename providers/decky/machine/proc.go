package machine

import (
	"fmt"
	"strings"
)

// process is one that ps lists; those of the kernel have no arguments.
type Process struct {
	PID, PPID int
	User      string
	VSZ, RSS  int // KiB
	TTY, Stat string
	Start     int64 // seconds after boot
	CPU       int64 // seconds used
	Name      string
	Args      string // command line; [name] for the kernel's
}

// processes are those of an idle server and the sessions on it.
func (m *Machine) Processes() []Process {
	kernel := []string{"kthreadd", "rcu_gp", "rcu_par_gp", "slub_flushwq", "netns", "kworker/0:0H-events_highpri", "mm_percpu_wq", "rcu_tasks_kthread", "rcu_tasks_rude_kthread", "rcu_tasks_trace_kthread", "ksoftirqd/0", "rcu_preempt", "migration/0", "cpuhp/0", "kdevtmpfs", "inet_frag_wq", "kauditd", "khungtaskd", "oom_reaper", "writeback", "kcompactd0", "ksmd", "khugepaged", "kintegrityd", "kblockd", "blkcg_punt_bio", "tpm_dev_wq", "edac-poller", "devfreq_wq", "kswapd0", "kthrotld", "acpi_thermal_pm", "mld", "ipv6_addrconf", "kstrp", "zswap-shrink", "scsi_eh_0", "scsi_tmf_0", "jbd2/sda1-8", "ext4-rsv-conver"}
	list := []Process{{PID: 1, User: "root", VSZ: 102028, RSS: 12040, Stat: "Ss", CPU: 3, Name: "systemd", Args: "/sbin/init"}}
	for i, name := range kernel {
		list = append(list, Process{PID: 2 + i + i/9, PPID: 2, User: "root", Stat: "I<", Name: name, Args: "[" + name + "]"})
	}
	list[1].PPID, list[1].Stat = 0, "S"
	pid := int(m.Number("proc/first", 220, 260))
	for _, d := range []Process{
		{User: "root", VSZ: 32960, RSS: 12316, Stat: "Ss", CPU: 1, Name: "systemd-journal", Args: "/lib/systemd/systemd-journald"},
		{User: "root", VSZ: 26388, RSS: 6276, Stat: "Ss", Name: "systemd-udevd", Args: "/lib/systemd/systemd-udevd"},
		{User: "systemd-timesync", VSZ: 90080, RSS: 6520, Stat: "Ssl", Name: "systemd-timesyn", Args: "/lib/systemd/systemd-timesyncd"},
		{User: "root", VSZ: 6612, RSS: 2700, Stat: "Ss", Name: "cron", Args: "/usr/sbin/cron -f"},
		{User: "messagebus", VSZ: 9128, RSS: 4968, Stat: "Ss", Name: "dbus-daemon", Args: "/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only"},
		{User: "root", VSZ: 25312, RSS: 8032, Stat: "Ss", Name: "systemd-logind", Args: "/lib/systemd/systemd-logind"},
		{User: "root", VSZ: 5876, RSS: 1056, TTY: "tty1", Stat: "Ss+", Name: "agetty", Args: "/sbin/agetty -o -p -- \\u --noclear - linux"},
	} {
		pid += int(m.Number("proc/"+d.Name, 1, 40))
		d.PID, d.PPID, d.Start = pid, 1, 2
		list = append(list, d)
	}
	sshd := int(m.Number("proc/sshd", 480, 720))
	list = append(list, Process{PID: sshd, PPID: 1, User: "root", VSZ: 15436, RSS: 9336, Stat: "Ss", Start: 3, Name: "sshd", Args: "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"})
	if m.Host.Packages["nginx"] != "" {
		list = append(list, Process{PID: sshd + 9, PPID: 1, User: "root", VSZ: 55276, RSS: 1700, Stat: "Ss", Start: 3, Name: "nginx", Args: "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;"},
			Process{PID: sshd + 10, PPID: sshd + 9, User: "www-data", VSZ: 55852, RSS: 5512, Stat: "S", Start: 3, Name: "nginx", Args: "nginx: worker process"})
	}
	for _, l := range m.Logins() {
		since := int64(l.Since.Sub(m.Boot).Seconds())
		list = append(list, Process{PID: l.PID - 2, PPID: sshd, User: "root", VSZ: 17712, RSS: 11012, Stat: "Ss", Start: since, Name: "sshd", Args: "sshd: " + l.User + "@" + l.TTY},
			Process{PID: l.PID, PPID: l.PID - 2, User: l.User, VSZ: 7196, RSS: 3920, TTY: l.TTY, Stat: "Ss", Start: since, Name: "bash", Args: "-bash"})
	}
	return list
}

// memory of the host in KiB.
type Memory struct{ Total, Free, Available, Buffers, Cached, Swap int64 }

func (m *Machine) Memory() Memory {
	total := []int64{2014796, 4017256, 8131848, 1000428}[m.Number("memory", 0, 3)]
	drift := m.Now().Unix() / 30 % 97 * 40
	used := total*m.Number("memory/used", 12, 31)/100 + drift
	cached := total * m.Number("memory/cached", 20, 45) / 100
	buffers := total * m.Number("memory/buffers", 1, 4) / 100
	return Memory{Total: total, Free: total - used - cached - buffers, Available: total - used - total/50, Buffers: buffers, Cached: cached, Swap: 999420}
}

// load is the three load averages.
func (m *Machine) Load() [3]float64 {
	tick := m.Now().Unix() / 20
	wave := func(n int64) float64 { return float64((tick/n*7919+m.Number("load", 0, 50))%9) / 100 }
	return [3]float64{wave(1), wave(5), wave(15)}
}

const CPUFlags = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ss ht syscall nx pdpe1gb rdtscp lm constant_tsc arch_perfmon rep_good nopl xtopology cpuid tsc_known_freq pni pclmulqdq ssse3 fma cx16 pcid sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave avx f16c rdrand hypervisor lahf_lm abm 3dnowprefetch cpuid_fault invpcid_single pti ssbd ibrs ibpb fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid rdseed adx smap xsaveopt arat umip md_clear arch_capabilities"

// processor is the model that cpuinfo and lscpu show.
func (m *Machine) Processor() (name string, model, stepping, cores int, mhz float64) {
	models := []struct {
		name            string
		model, stepping int
		mhz             float64
	}{
		{"Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", 79, 1, 2399.996}, {"Intel(R) Xeon(R) Silver 4210 CPU @ 2.20GHz", 85, 7, 2194.843},
		{"Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz", 85, 4, 2095.078}, {"Intel(R) Xeon(R) CPU E5-2650 v3 @ 2.30GHz", 63, 2, 2299.996},
	}
	p := models[m.Number("cpu", 0, int64(len(models)-1))]
	return p.name, p.model, p.stepping, int(m.Number("cores", 1, 4)), p.mhz
}

func (m *Machine) cpuinfo() []byte {
	name, model, stepping, cores, mhz := m.Processor()
	var b strings.Builder
	for i := range cores {
		fmt.Fprintf(&b, "processor\t: %d\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: %d\nmodel name\t: %s\nstepping\t: %d\nmicrocode\t: 0x1\ncpu MHz\t\t: %.3f\ncache size\t: 16384 KB\nphysical id\t: %d\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\napicid\t\t: %d\ninitial apicid\t: %d\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 13\nwp\t\t: yes\nflags\t\t: %s\nbugs\t\t: cpu_meltdown spectre_v1 spectre_v2 spec_store_bypass l1tf mds swapgs itlb_multihit\nbogomips\t: %.2f\nclflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: 43 bits physical, 48 bits virtual\npower management:\n\n", i, model, name, stepping, mhz, i, i, i, CPUFlags, mhz*2)
	}
	return []byte(b.String())
}

func (m *Machine) meminfo() []byte {
	x := m.Memory()
	return fmt.Appendf(nil, "MemTotal:       %8d kB\nMemFree:        %8d kB\nMemAvailable:   %8d kB\nBuffers:        %8d kB\nCached:         %8d kB\nSwapCached:            0 kB\nActive:         %8d kB\nInactive:       %8d kB\nSwapTotal:      %8d kB\nSwapFree:       %8d kB\nDirty:                40 kB\nWriteback:             0 kB\nHugePages_Total:       0\nHugePages_Free:        0\nHugepagesize:       2048 kB\nDirectMap4k:      124780 kB\nDirectMap2M:     1972224 kB\n",
		x.Total, x.Free, x.Available, x.Buffers, x.Cached, x.Cached/2, x.Cached/3, x.Swap, x.Swap)
}

// mounts: device, point, type, options.
func (m *Machine) Mounts() [][4]string {
	x := m.Memory()
	return [][4]string{
		{"sysfs", "/sys", "sysfs", "rw,nosuid,nodev,noexec,relatime"}, {"proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime"},
		{"udev", "/dev", "devtmpfs", fmt.Sprintf("rw,nosuid,relatime,size=%dk,nr_inodes=%d,mode=755,inode64", x.Total/2-20000, x.Total/8-5000)}, {"devpts", "/dev/pts", "devpts", "rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=000"},
		{"tmpfs", "/run", "tmpfs", fmt.Sprintf("rw,nosuid,nodev,noexec,relatime,size=%dk,mode=755,inode64", x.Total/10)}, {"/dev/sda1", "/", "ext4", "rw,relatime,errors=remount-ro"},
		{"securityfs", "/sys/kernel/security", "securityfs", "rw,nosuid,nodev,noexec,relatime"}, {"tmpfs", "/dev/shm", "tmpfs", "rw,nosuid,nodev,inode64"}, {"tmpfs", "/run/lock", "tmpfs", "rw,nosuid,nodev,noexec,relatime,size=5120k,inode64"},
		{"cgroup2", "/sys/fs/cgroup", "cgroup2", "rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot"}, {"mqueue", "/dev/mqueue", "mqueue", "rw,nosuid,nodev,noexec,relatime"},
		{"tmpfs", "/run/user/0", "tmpfs", fmt.Sprintf("rw,nosuid,nodev,relatime,size=%dk,nr_inodes=%d,mode=700,inode64", x.Total/10, x.Total/40)},
	}
}

// traffic of the network card, from the uptime.
func (m *Machine) Traffic() (rxBytes, rxPackets, txBytes, txPackets int64) {
	seconds := int64(m.Uptime().Seconds())
	rxPackets = seconds*m.Number("net/rate", 2, 9)/3 + 4211
	txPackets = rxPackets * 2 / 3
	return rxPackets * m.Number("net/rx", 90, 400), rxPackets, txPackets * m.Number("net/tx", 80, 300), txPackets
}

// proc makes /proc and /sys.
func (m *Machine) proc() {
	gen := func(path string, f func() []byte) { m.FS.AddGenerated(path, 0o444, m.Boot, f) }
	text := func(path string, f func() string) { gen(path, func() []byte { return []byte(f()) }) }
	m.FS.AddDir("/proc/self", 0o555, 0, 0, m.Boot, true)
	m.FS.AddDir("/proc/self/net", 0o555, 0, 0, m.Boot, true)
	m.FS.AddDir("/proc/self/fd", 0o500, 0, 0, m.Boot, true)
	m.FS.AddDir("/proc/sys/kernel/random", 0o555, 0, 0, m.Boot, true)
	m.FS.AddDir("/proc/1", 0o555, 0, 0, m.Boot, true)
	gen("/proc/cpuinfo", m.cpuinfo)
	gen("/proc/meminfo", m.meminfo)
	text("/proc/version", func() string {
		return "Linux version " + m.Host.Kernel + " (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) " + m.Host.Build + "\n"
	})
	text("/proc/uptime", func() string {
		up := m.Uptime().Seconds()
		return fmt.Sprintf("%.2f %.2f\n", up, up*0.97)
	})
	text("/proc/loadavg", func() string {
		l := m.Load()
		return fmt.Sprintf("%.2f %.2f %.2f 1/%d %d\n", l[0], l[1], l[2], len(m.Processes())+61, m.NextPID())
	})
	text("/proc/self/mounts", func() string {
		var b strings.Builder
		for _, x := range m.Mounts() {
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
		return "BOOT_IMAGE=/boot/vmlinuz-" + m.Host.Kernel + " root=UUID=" + m.Persona.UUID("shell/root") + " ro quiet\n"
	})
	text("/proc/modules", func() string {
		return "nf_tables 303104 0 - Live 0x0000000000000000\nvirtio_net 73728 0 - Live 0x0000000000000000\next4 983040 1 - Live 0x0000000000000000\n"
	})
	text("/proc/stat", func() string {
		up := int64(m.Uptime().Seconds()) * 100
		return fmt.Sprintf("cpu  %d 0 %d %d 1204 0 311 0 0 0\ncpu0 %d 0 %d %d 1204 0 311 0 0 0\nintr %d\nctxt %d\nbtime %d\nprocesses %d\nprocs_running 1\nprocs_blocked 0\n", up/180, up/240, up, up/180, up/240, up, up*3, up*5, m.Boot.Unix(), m.NextPID())
	})
	text("/proc/sys/kernel/hostname", func() string { return m.Host.Hostname + "\n" })
	text("/proc/sys/kernel/ostype", func() string { return "Linux\n" })
	text("/proc/sys/kernel/osrelease", func() string { return m.Host.Kernel + "\n" })
	text("/proc/sys/kernel/version", func() string { return m.Host.Build + "\n" })
	text("/proc/sys/kernel/random/boot_id", func() string { return m.Persona.UUID("shell/boot") + "\n" })
	text("/proc/sys/net/ipv4/ip_forward", func() string { return "0\n" })
	text("/proc/1/cmdline", func() string { return "/sbin/init\x00" })
	text("/proc/1/comm", func() string { return "systemd\n" })
	text("/proc/1/cgroup", func() string { return "0::/init.scope\n" })
	text("/proc/self/cgroup", func() string { return "0::/user.slice/user-0.slice/session-4.scope\n" })
	text("/proc/self/cmdline", func() string { return "cat\x00/proc/self/cmdline\x00" })
	text("/proc/self/comm", func() string { return "cat\n" })
	text("/proc/self/status", func() string { return "Name:\tcat\nUmask:\t0022\nState:\tR (running)\nTracerPid:\t0\n" })
	m.FS.AddLink("/proc/self/exe", "/usr/bin/bash", m.Boot)
	for i := range 3 {
		m.FS.AddLink(fmt.Sprintf("/proc/self/fd/%d", i), "/dev/pts/0", m.Boot)
	}
	m.procNet(text)
}

// procNet makes the network's files.
func (m *Machine) procNet(text func(string, func() string)) {
	text("/proc/self/net/dev", func() string {
		rb, rp, tb, tp := m.Traffic()
		return fmt.Sprintf("Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    lo:   92304     918    0    0    0     0          0         0    92304     918    0    0    0     0       0          0\n%6s: %7d %7d    0    0    0     0          0         0 %8d %7d    0    0    0     0       0          0\n", m.NIC(), rb, rp, tb, tp)
	})
	text("/proc/self/net/arp", func() string {
		return fmt.Sprintf("IP address       HW type     Flags       HW address            Mask     Device\n%-16s 0x1         0x2         %s     *        %s\n", m.Gateway(), m.GatewayMAC(), m.NIC())
	})
	text("/proc/self/net/route", func() string {
		return "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" + m.NIC() + "\t00000000\t" + hexAddress(m.Gateway()) + "\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
	})
	m.FS.AddDir("/sys/class/net/"+m.NIC(), 0o755, 0, 0, m.Boot, true)
	m.FS.AddDir("/sys/class/net/lo", 0o755, 0, 0, m.Boot, true)
	text("/sys/class/net/"+m.NIC()+"/address", func() string { return m.MAC() + "\n" })
	text("/sys/class/net/"+m.NIC()+"/operstate", func() string { return "up\n" })
	text("/sys/class/net/lo/address", func() string { return "00:00:00:00:00:00\n" })
}

func (m *Machine) MAC() string {
	if m.Host.MAC != "" {
		return strings.ToLower(m.Host.MAC)
	}
	d := m.Persona.Derive("shell/mac")
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", d[0], d[1], d[2])
}

func (m *Machine) GatewayMAC() string {
	d := m.Persona.Derive("shell/gateway")
	return fmt.Sprintf("d4:01:c3:%02x:%02x:%02x", d[0], d[1], d[2])
}

// hexAddress is an IPv4 address as /proc/net/route writes it.
func hexAddress(ip string) string {
	var a, b, c, d byte
	_, _ = fmt.Sscanf(ip, "%d.%d.%d.%d", &a, &b, &c, &d)
	return fmt.Sprintf("%02X%02X%02X%02X", d, c, b, a)
}
