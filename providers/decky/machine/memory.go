package machine

import (
	"fmt"
	"math"
	"strings"

	"github.com/decnet/decnet/providers/decky/persona"
)

// Memory of the host in KiB.
type Memory struct{ Total, Free, Available, Buffers, Cached, Shared, Reclaimable, Swap int64 }

// Memory is how it is used now; what is used, free, cached and in buffers are
// the whole.
func (m *Machine) Memory() Memory {
	total := m.Hardware.MemTotal
	base := map[string]int64{"alpine": 62_000, "arch": 190_000, "rhel": 330_000}[m.Release.Family]
	switch {
	case m.Release.ID == "ubuntu":
		base = 290_000
	case base == 0:
		base = 160_000
	}
	hours := m.Uptime().Hours()
	wave := int64(math.Sin(hours/3)*4000) + m.Now().Unix()/30%97*40
	used := min(base+m.Number("memory/used", 0, 90_000)+total/60+wave+int64(len(m.Logins()))*9000, total*7/10)
	room := total - used
	buffers := min(m.Number("memory/buffers", 18_000, 60_000), room/8)
	if m.root().FS == "xfs" {
		buffers = m.Number("memory/buffers", 2100, 3200)
	}
	cached := min(int64(220_000+60_000*math.Log1p(hours))+m.Number("memory/cached", 0, 200_000), room*6/10)
	reclaimable := min(m.Number("memory/slab", 30_000, 80_000), room/10)
	free := room - buffers - cached - reclaimable
	return Memory{
		Total: total, Free: free, Buffers: buffers, Cached: cached, Reclaimable: reclaimable, Shared: m.Number("memory/shared", 600, 9000),
		Available: free + (buffers+cached+reclaimable)*92/100, Swap: m.Hardware.Swap,
	}
}

// Load is the three load averages.
func (m *Machine) Load() [3]float64 {
	tick := m.Now().Unix() / 20
	wave := func(n int64) float64 { return float64((tick/n*7919+m.Number("load", 0, 50))%9) / 100 }
	return [3]float64{wave(1), wave(5), wave(15)}
}

// meminfo is /proc/meminfo.
func (m *Machine) meminfo() string {
	x := m.Memory()
	var b strings.Builder
	row := func(name string, n int64) { fmt.Fprintf(&b, "%-15s %8d kB\n", name+":", n) }
	row("MemTotal", x.Total)
	row("MemFree", x.Free)
	row("MemAvailable", x.Available)
	row("Buffers", x.Buffers)
	row("Cached", x.Cached)
	row("SwapCached", 0)
	active := (x.Cached + x.Buffers) * 45 / 100
	anon := max((x.Total-x.Free-x.Cached-x.Buffers-x.Reclaimable)*55/100, 1000)
	inactive := x.Cached + x.Buffers - active
	row("Active", active)
	row("Inactive", inactive+anon)
	row("Active(anon)", x.Shared)
	row("Inactive(anon)", anon)
	row("Active(file)", active-x.Shared)
	row("Inactive(file)", inactive)
	row("Unevictable", 0)
	row("Mlocked", 0)
	row("SwapTotal", x.Swap)
	row("SwapFree", x.Swap)
	row("Dirty", 12+m.Now().Unix()%9*8)
	row("Writeback", 0)
	row("AnonPages", anon)
	row("Mapped", anon*6/10)
	row("Shmem", x.Shared)
	row("KReclaimable", x.Reclaimable)
	unreclaimable := x.Reclaimable * 7 / 10
	row("Slab", x.Reclaimable+unreclaimable)
	row("SReclaimable", x.Reclaimable)
	row("SUnreclaim", unreclaimable)
	row("KernelStack", 2000+int64(len(m.Processes()))*12)
	row("PageTables", anon/45)
	row("NFS_Unstable", 0)
	row("Bounce", 0)
	row("WritebackTmp", 0)
	row("CommitLimit", x.Total/2+x.Swap)
	row("Committed_AS", anon*3)
	row("VmallocTotal", 34359738367)
	row("VmallocUsed", m.Number("memory/vmalloc", 14_000, 40_000))
	row("VmallocChunk", 0)
	row("Percpu", 600*int64(m.Hardware.CPU.Count()))
	row("HardwareCorrupted", 0)
	row("AnonHugePages", anon/6/2048*2048)
	for _, name := range []string{"HugePages_Total", "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp"} {
		fmt.Fprintf(&b, "%-15s %8d\n", name+":", 0)
	}
	row("Hugepagesize", 2048)
	small := m.Number("memory/4k", 90, 190) * 1024
	row("DirectMap4k", small)
	row("DirectMap2M", (m.Hardware.Memory*1024-small)/2048*2048)
	return b.String()
}

// Processor is the model that cpuinfo and lscpu show.
func (m *Machine) Processor() (name string, model, stepping, cores int, mhz float64) {
	c := m.Hardware.CPU
	return c.Model, c.Number, c.Stepping, c.Count(), c.MHz
}

// cpuinfo is /proc/cpuinfo.
func (m *Machine) cpuinfo() string {
	c := m.Hardware.CPU
	var b strings.Builder
	if strings.HasPrefix(m.Release.Machine, "mips") {
		fmt.Fprintf(&b, "system type\t\t: MediaTek MT7621\nmachine\t\t\t: Router\n")
		for i := range c.Count() {
			fmt.Fprintf(&b, "processor\t\t: %d\ncpu model\t\t: %s\nBogoMIPS\t\t: %.2f\n\n", i, c.Model, c.MHz*2/3)
		}
		return b.String()
	}
	if m.Release.Machine == "aarch64" || m.Release.Machine == "armv7l" {
		for i := range c.Count() {
			fmt.Fprintf(&b, "processor\t: %d\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n\n", i)
		}
		return b.String()
	}
	old := strings.HasPrefix(m.Release.Kernel, "3.")
	for i := range c.Count() {
		socket := i / (c.Cores * c.Threads)
		core := i % c.Cores
		fmt.Fprintf(&b, "processor\t: %d\nvendor_id\t: %s\ncpu family\t: %d\nmodel\t\t: %d\nmodel name\t: %s\nstepping\t: %d\nmicrocode\t: %s\ncpu MHz\t\t: %.3f\ncache size\t: %d KB\n", i, c.Vendor, c.Family, c.Number, c.Model, c.Stepping, c.Microcode, c.MHz, c.Cache)
		fmt.Fprintf(&b, "physical id\t: %d\nsiblings\t: %d\ncore id\t\t: %d\ncpu cores\t: %d\napicid\t\t: %d\ninitial apicid\t: %d\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %d\nwp\t\t: yes\nflags\t\t: %s\n", socket, c.Cores*c.Threads, core, c.Cores, i, i, cpuidLevel(c), strings.Join(c.Flags, " "))
		if !old {
			fmt.Fprintf(&b, "bugs\t\t: %s\n", c.Bugs)
		}
		fmt.Fprintf(&b, "bogomips\t: %.2f\n", c.MHz*2)
		if c.Vendor == "AuthenticAMD" && !old {
			b.WriteString("TLB size\t: 3072 4K pages\n")
		}
		fmt.Fprintf(&b, "clflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: %d bits physical, %d bits virtual\npower management:\n\n", c.PhysicalBits, c.VirtualBits)
	}
	return b.String()
}

// cpuidLevel is the highest leaf that the processor knows.
func cpuidLevel(c persona.CPU) int {
	switch {
	case c.Vendor == "AuthenticAMD":
		return 16
	case c.Number == 63, c.Number == 79:
		return 20
	}
	return 22
}
