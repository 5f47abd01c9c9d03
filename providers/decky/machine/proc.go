package machine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// proc is /proc as v sees it.
func (m *Machine) proc(v vfs.View) vfs.Live {
	d := m.liveDir(0o555)
	m.procFiles(d)
	m.procTables(d)
	d.lazy("sys", 0o555, m.procSys)
	d.link("mounts", "self/mounts")
	d.link("net", "self/net")
	self := v.PID
	if self == 0 {
		self = m.newest()
	}
	d.link("self", strconv.Itoa(self))
	d.link("thread-self", fmt.Sprintf("%d/task/%d", self, self))
	for _, name := range []string{"acpi", "driver", "fs", "irq", "tty", "sysvipc", "bus", "scsi"} {
		d.lazy(name, 0o555, func() *dir { return m.liveDir(0o555) })
	}
	whole := d.live()
	processes := sync.OnceValue(func() map[int]Process {
		all := map[int]Process{}
		for _, p := range m.Processes() {
			all[p.PID] = p
		}
		return all
	})
	return vfs.Live{
		Mode: vfs.TypeDir | 0o555, Time: m.Boot, Links: m.threadCount() + 12,
		List: func() []string {
			names := d.names()
			for pid := range processes() {
				names = append(names, strconv.Itoa(pid))
			}
			if _, ok := processes()[self]; !ok {
				names = append(names, strconv.Itoa(self))
			}
			slices.Sort(names)
			return names
		},
		Look: func(name string) (vfs.Live, bool) {
			pid, err := strconv.Atoi(name)
			if err != nil || name[0] == '0' || name[0] == '+' || name[0] == '-' {
				return whole.Look(name)
			}
			p, ok := processes()[pid]
			if !ok && pid == self {
				p, ok = Process{PID: pid, PPID: 1, User: "root", VSZ: 7196, RSS: 3920, Stat: "R", Start: int64(m.Uptime().Seconds()), Name: "sh", Args: "sh", Exe: "/bin/sh"}, true
			}
			if !ok {
				return vfs.Live{}, false
			}
			return m.process(p).live(), true
		},
	}
}

// newest is the number of the newest session's shell, else of a process that was
// just started.
func (m *Machine) newest() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if all := m.everybody(); len(all) > 0 {
		return all[len(all)-1].PID
	}
	return max(m.pid, m.PIDAt(m.Now()))
}

// procFiles are those that name the host.
func (m *Machine) procFiles(d *dir) {
	r := m.Release
	d.file("cpuinfo", m.cpuinfo)
	d.file("meminfo", m.meminfo)
	d.text("version", "Linux version "+r.Kernel+" "+r.Builder+" "+r.Build+"\n")
	d.file("uptime", func() string {
		up := m.Uptime().Seconds()
		return fmt.Sprintf("%.2f %.2f\n", up, up*m.idle()*float64(m.Hardware.CPU.Count()))
	})
	d.file("loadavg", func() string {
		l := m.Load()
		n := len(m.Processes())
		return fmt.Sprintf("%.2f %.2f %.2f 1/%d %d\n", l[0], l[1], l[2], n+n/5, m.LastPID())
	})
	d.file("cmdline", func() string { return m.CommandLine() + "\n" })
	d.file("partitions", func() string {
		var b strings.Builder
		b.WriteString("major minor  #blocks  name\n\n")
		for _, x := range m.Hardware.Blocks {
			fmt.Fprintf(&b, "%4d  %7d %10d %s\n", x.Major, x.Minor, max(x.Sectors/2, 1), x.Name)
		}
		return b.String()
	})
	d.file("swaps", func() string {
		text := "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
		if name, kind := m.swap(); name != "" {
			text += fmt.Sprintf("%-39s %-15s %d\t\t0\t\t-2\n", name, kind, m.Hardware.Swap)
		}
		return text
	})
	d.file("stat", m.stat)
	d.file("diskstats", m.diskstats)
	d.file("modules", m.modules)
	d.file("interrupts", m.interrupts)
	d.special("kmsg", 0o400, func() string { return "" }, nil)
	d.special("sysrq-trigger", 0o200, func() string { return "" }, nil)
	d.special("kcore", 0o400, func() string { return "" }, nil)
}

// CommandLine is what the boot loader told the kernel.
func (m *Machine) CommandLine() string {
	r, root := m.Release, m.root()
	switch r.Family {
	case "rhel":
		lv := strings.ReplaceAll(strings.TrimPrefix(root.Path, "/dev/mapper/"), "-", "/")
		line := "BOOT_IMAGE=(hd0,msdos1)/vmlinuz-" + r.Kernel + " root=" + root.Path + " ro crashkernel=1G-4G:192M,4G-64G:256M,64G-:512M rd.lvm.lv=" + lv
		if r.Slug == "centos7" {
			line = "BOOT_IMAGE=/vmlinuz-" + r.Kernel + " root=" + root.Path + " ro crashkernel=auto rd.lvm.lv=" + lv
		}
		return line + " rhgb quiet"
	case "alpine":
		return "BOOT_IMAGE=vmlinuz-lts root=UUID=" + root.UUID + " modules=sd-mod,usb-storage,ext4 quiet rootfstype=ext4"
	case "arch":
		return "BOOT_IMAGE=/vmlinuz-linux root=UUID=" + root.UUID + " rw loglevel=3 quiet"
	}
	if r.ID == "ubuntu" {
		return "BOOT_IMAGE=/vmlinuz-" + r.Kernel + " root=" + root.Path + " ro"
	}
	return "BOOT_IMAGE=/boot/vmlinuz-" + r.Kernel + " root=UUID=" + root.UUID + " ro quiet"
}

// swap is where the host swaps to, and what that is.
func (m *Machine) swap() (name, kind string) {
	for _, b := range m.Hardware.Blocks {
		if b.FS == "swap" {
			if b.Kind == "lvm" {
				return "/dev/" + b.Name, "partition"
			}
			return b.Path, "partition"
		}
	}
	switch m.Release.ID {
	case "ubuntu":
		return "/swap.img", "file"
	case "fedora":
		return "/dev/zram0", "partition"
	}
	return "", ""
}

// idle is what part of its time the host does nothing.
func (m *Machine) idle() float64 { return 0.955 + float64(m.Number("idle", 0, 38))/1000 }

// stat is /proc/stat, in hundredths of a second.
func (m *Machine) stat() string {
	cpus := m.Hardware.CPU.Count()
	up := m.Uptime().Seconds() * 100
	busy := up * (1 - m.idle())
	row := func(name string, n float64) string {
		user, system, wait := busy*0.46*n, busy*0.38*n, busy*0.12*n
		return fmt.Sprintf("%s %d %d %d %d %d 0 %d 0 0 0\n", name, int64(user), int64(busy*0.01*n), int64(system), int64(up*m.idle()*n), int64(wait), int64(busy*0.03*n))
	}
	var b strings.Builder
	b.WriteString(row("cpu ", float64(cpus)))
	for i := range cpus {
		b.WriteString(row(fmt.Sprintf("cpu%d", i), 1))
	}
	fmt.Fprintf(&b, "intr %d 9 0 0 0 0 0 0 0 1 0 0 0 15\nctxt %d\nbtime %d\nprocesses %d\nprocs_running 1\nprocs_blocked 0\nsoftirq %d 0 %d 4 %d 0 0 12 %d 0 %d\n", int64(up*0.9), int64(up*1.7), m.Boot.Unix(), m.LastPID(), int64(up*0.6), int64(up*0.2), int64(up*0.1), int64(up*0.15), int64(up*0.15))
	return b.String()
}

func (m *Machine) diskstats() string {
	var b strings.Builder
	minutes := int64(m.Uptime().Minutes())
	for _, x := range m.Hardware.Blocks {
		reads := m.Number("disk/reads", 9000, 22000) + minutes/3
		writes := minutes*m.Number("disk/writes", 3, 11) + 2000
		if x.Mount != "/" && x.Kind != "disk" {
			reads, writes = m.Number("disk/few/"+x.Name, 60, 400), m.Number("disk/fewer/"+x.Name, 0, 9)
		}
		if x.Kind == "rom" {
			reads, writes = 0, 0
		}
		fmt.Fprintf(&b, "%4d %7d %s %d %d %d %d %d %d %d %d 0 %d %d", x.Major, x.Minor, x.Name, reads, reads/4, reads*43, reads/2, writes, writes*7/10, writes*19, writes*2, reads/3+writes, reads/2+writes*2)
		if !strings.HasPrefix(m.Release.Kernel, "3.") {
			b.WriteString(" 0 0 0 0 0 0")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// modules are those that the host's hardware and file systems need.
func (m *Machine) modules() string {
	names := "binfmt_misc:24576:1 intel_rapl_msr:20480:0 intel_rapl_common:32768:1,intel_rapl_msr ghash_clmulni_intel:16384:0 aesni_intel:393216:0 crypto_simd:16384:1,aesni_intel cryptd:28672:2,ghash_clmulni_intel,crypto_simd rapl:20480:0 pcspkr:16384:0 button:24576:0 sg:40960:0 evdev:28672:2 serio_raw:20480:0 nf_tables:303104:0 nfnetlink:20480:1,nf_tables fuse:176128:1 dm_mod:184320:0 loop:32768:0 configfs:57344:1 ip_tables:36864:0 x_tables:61440:1,ip_tables autofs4:53248:2 sr_mod:28672:0 cdrom:81920:1,sr_mod sd_mod:65536:3 t10_pi:16384:1,sd_mod crc64_rocksoft:20480:1,t10_pi ata_generic:16384:0 ata_piix:45056:0 libata:401408:2,ata_piix,ata_generic crc32c_intel:24576:1 psmouse:184320:0 i2c_piix4:28672:0"
	root := "ext4:983040:1 crc16:16384:1,ext4 mbcache:16384:1,ext4 jbd2:167936:1,ext4"
	if m.root().FS == "xfs" {
		root = "xfs:2043904:2 libcrc32c:16384:1,xfs"
	}
	driver := m.Hardware.NIC.Driver
	extra := map[string]string{"virtio_net": "virtio_net:73728:0 net_failover:24576:1,virtio_net failover:16384:1,net_failover virtio_blk:28672:2 virtio_balloon:24576:0 virtio_pci:28672:0 virtio_ring:49152:4,virtio_balloon,virtio_pci,virtio_blk,virtio_net", "vmxnet3": "vmxnet3:77824:0 vmw_balloon:28672:0 vmw_vmci:98304:1,vmw_balloon vmw_pvscsi:32768:2", "hv_netvsc": "hv_netvsc:106496:0 hv_storvsc:32768:2 hv_utils:45056:0 hv_balloon:36864:0 hv_vmbus:139264:4,hv_balloon,hv_utils,hv_netvsc,hv_storvsc"}[driver]
	if extra == "" {
		extra = driver + ":290816:0"
	}
	var b strings.Builder
	for _, x := range strings.Fields(names + " " + root + " " + extra) {
		f := strings.SplitN(x, ":", 3)
		count, users, used := strings.Cut(f[2], ",")
		if used {
			users += ","
		} else {
			users = "-"
		}
		if used {
			count = strconv.Itoa(strings.Count(users, ","))
		}
		fmt.Fprintf(&b, "%s %s %s %s Live 0x0000000000000000\n", f[0], f[1], count, users)
	}
	return b.String()
}

func (m *Machine) interrupts() string {
	cpus := m.Hardware.CPU.Count()
	var b strings.Builder
	b.WriteString("          ")
	for i := range cpus {
		fmt.Fprintf(&b, " %-10s", fmt.Sprintf("CPU%d", i))
	}
	b.WriteByte('\n')
	up := int64(m.Uptime().Seconds())
	row := func(name string, n int64, what string) {
		fmt.Fprintf(&b, "%4s:", name)
		for i := range cpus {
			fmt.Fprintf(&b, " %10d", n/int64(i+1))
		}
		b.WriteString("   " + what + "\n")
	}
	row("0", 9, "IO-APIC   2-edge      timer")
	row("1", 9, "IO-APIC   1-edge      i8042")
	row("8", 1, "IO-APIC   8-edge      rtc0")
	row("12", 15, "IO-APIC  12-edge      i8042")
	row("24", up*3, "PCI-MSI 1572864-edge      "+m.Hardware.NIC.Name)
	row("25", up/2, "PCI-MSI 1048576-edge      "+m.Hardware.Blocks[0].Name)
	row("NMI", 0, "Non-maskable interrupts")
	row("LOC", up*31, "Local timer interrupts")
	row("RES", up*2, "Rescheduling interrupts")
	row("CAL", up/5, "Function call interrupts")
	row("TLB", up/7, "TLB shootdowns")
	row("MCE", 0, "Machine check exceptions")
	return b.String()
}

// procTables are those that say the same on all hosts of a kernel.
func (m *Machine) procTables(d *dir) {
	disk := "ext3\n\text2\n\text4"
	if m.root().FS == "xfs" {
		disk = "xfs"
	}
	d.text("filesystems", "nodev\tsysfs\nnodev\ttmpfs\nnodev\tbdev\nnodev\tproc\nnodev\tcgroup\nnodev\tcgroup2\nnodev\tcpuset\nnodev\tdevtmpfs\nnodev\tdebugfs\nnodev\ttracefs\nnodev\tsecurityfs\nnodev\tsockfs\nnodev\tbpf\nnodev\tpipefs\nnodev\tramfs\nnodev\thugetlbfs\nnodev\tdevpts\nnodev\tmqueue\nnodev\tpstore\n\t"+disk+"\n\tfuseblk\nnodev\tfuse\nnodev\tfusectl\nnodev\tautofs\nnodev\tbinfmt_misc\n")
	d.text("devices", "Character devices:\n  1 mem\n  4 /dev/vc/0\n  4 tty\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n  7 vcs\n 10 misc\n 13 input\n 21 sg\n128 ptm\n136 pts\n180 usb\n189 usb_device\n226 drm\n254 gpiochip\n\nBlock devices:\n  7 loop\n  8 sd\n  9 md\n 11 sr\n253 device-mapper\n254 virtblk\n259 blkext\n")
	d.text("misc", "183 hw_random\n228 hpet\n229 fuse\n231 snapshot\n235 autofs\n236 device-mapper\n237 loop-control\n144 nvram\n")
	d.text("cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t0\t61\t1\ncpu\t0\t61\t1\ncpuacct\t0\t61\t1\nblkio\t0\t61\t1\nmemory\t0\t61\t1\ndevices\t0\t61\t1\nfreezer\t0\t61\t1\nnet_cls\t0\t61\t1\nperf_event\t0\t61\t1\nnet_prio\t0\t61\t1\nhugetlb\t0\t61\t1\npids\t0\t61\t1\n")
	d.text("consoles", "tty0                 -WU (EC p  )    4:1\n")
	d.text("execdomains", "0-0\tLinux           \t[kernel]\n")
	d.text("fb", "0 simpledrmdrmfb\n")
	d.text("crypto", "name         : crc32c\ndriver       : crc32c-intel\nmodule       : crc32c_intel\npriority     : 200\nrefcnt       : 2\nselftest     : passed\ninternal     : no\ntype         : shash\nblocksize    : 1\ndigestsize   : 4\n\n")
	d.text("dma", " 4: cascade\n")
	d.text("ioports", "0000-0cf7 : PCI Bus 0000:00\n  0000-001f : dma1\n  0020-0021 : pic1\n  0040-0043 : timer0\n  0060-0060 : keyboard\n  0070-0071 : rtc0\n")
	d.text("iomem", "00000000-00000fff : Reserved\n00001000-0009fbff : System RAM\n000f0000-000fffff : System ROM\n00100000-7fffffff : System RAM\n")
	d.text("locks", "1: POSIX  ADVISORY  WRITE 412 00:17:21 0 EOF\n")
	d.text("key-users", "    0:     9 8/8 8/1000000 182/25000000\n")
	d.text("keys", "")
	d.text("mtrr", "reg00: base=0x0c0000000 ( 3072MB), size= 1024MB, count=1: uncachable\n")
	d.text("timer_list", "Timer List Version: v0.9\n")
	d.text("buddyinfo", "Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      2 \nNode 0, zone    DMA32   1011    812    433    210    101     44     20      9      4      2    301 \n")
	d.text("slabinfo", "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>\n")
	d.text("softirqs", "                    CPU0       \n          HI:          0\n       TIMER:     912331\n      NET_TX:        412\n      NET_RX:     310244\n       BLOCK:      51020\n")
	d.text("vmstat", "nr_free_pages 182344\nnr_zone_inactive_anon 20114\npgpgin 441022\npgpgout 902114\npswpin 0\npswpout 0\npgfault 8811204\npgmajfault 1120\n")
	d.text("zoneinfo", "Node 0, zone      DMA\n  pages free     3840\n")
	d.text("schedstat", "version 15\n")
	d.text("kallsyms", "0000000000000000 A fixed_percpu_data\n0000000000000000 T startup_64\n0000000000000000 T secondary_startup_64\n0000000000000000 T _text\n")
}
