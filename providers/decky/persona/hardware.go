package persona

// NIC is a network card.
type NIC struct {
	Name   string // "ens192"
	Driver string
	MAC    string
	Speed  int // Mbit/s; -1 where the driver does not know
}

// Hardware is the machine that a host runs on.
type Hardware struct {
	Platform   string // "vmware", "kvm", "dell", ...; the family's own where that is no computer
	Hypervisor string // "VMware", "KVM", "Microsoft"; "" on a real machine
	DMI        DMI
	CPU        CPU
	Memory     int64 // MiB that are installed
	MemTotal   int64 // KiB that the kernel calls its own
	Swap       int64 // KiB
	NIC        NIC
	Blocks     []Block // disks, partitions and volumes in lsblk's order
}

// Release is the operating system of the host.
func (p *Persona) Release() Release { return releaseOf(p.host) }

// Hardware is the machine of the host; it is computed at every call: keep it.
func (p *Persona) Hardware() Hardware {
	release := p.Release()
	if release.Family == "embedded" || release.Family == "cisco" {
		return p.appliance(release)
	}
	name := p.platformName()
	f := platforms[name]
	h := Hardware{Platform: name, Hypervisor: f.hypervisor, DMI: p.dmi(name, f), CPU: p.cpu(f, release)}
	if f.hypervisor != "" {
		h.Memory = []int64{2048, 2048, 4096, 4096, 8192, 8192, 16384}[p.Number("hardware/memory", 0, 6)]
	} else {
		h.Memory = []int64{16384, 16384, 32768, 65536}[p.Number("hardware/memory", 0, 3)]
	}
	// The kernel keeps a page structure of 64 bytes per 4 KiB and its own image.
	h.MemTotal = h.Memory*1024 - h.Memory*1024/64 - p.Number("hardware/reserved", 19000, 33000)*4
	h.NIC = NIC{Name: p.nicName(f, release), Driver: f.driver, MAC: p.MAC(), Speed: f.speed}
	h.Blocks = p.blocks(f, release, h.Memory)
	for _, b := range h.Blocks {
		if b.FS == "swap" {
			h.Swap = b.Sectors/2 - 4
		}
	}
	if h.Swap == 0 && release.ID == "ubuntu" { // a file, /swap.img
		h.Swap = min(h.Memory, 4096)*1024 - 4
	}
	if h.Swap == 0 && release.ID == "fedora" { // /dev/zram0
		h.Swap = min(h.Memory, 8192)*1024 - 4
	}
	return h
}

// nicName is how the distribution's udev names the first card.
func (p *Persona) nicName(f platform, release Release) string {
	if release.Init != "systemd" { // Alpine and the like keep the kernel's names
		return "eth0"
	}
	name := f.nics[p.Number("hardware/nic", 0, int64(len(f.nics)-1))]
	if name == "em1" && release.Slug != "centos7" { // biosdevname is gone since
		name = "eno1"
	}
	return name
}

// appliance is a machine without firmware tables: routers, cameras, switches.
func (p *Persona) appliance(release Release) Hardware {
	h := Hardware{Platform: release.Family, NIC: NIC{Name: "eth0", Driver: "ralink", MAC: p.MAC(), Speed: 100}}
	h.CPU = CPU{Vendor: "MIPS", Model: "MIPS 1004Kc V2.15", MHz: 880, L1d: 32, L1i: 32, Sockets: 1, Cores: 2, Threads: 2}
	h.Memory = []int64{64, 128, 256}[p.Number("hardware/memory", 0, 2)]
	if release.Family == "cisco" {
		h.CPU, h.Memory, h.NIC.Name = CPU{Vendor: "AMCC", Model: "APM86XXX", MHz: 600, Sockets: 1, Cores: 2, Threads: 1}, 512, "GigabitEthernet0/1"
	}
	h.MemTotal = h.Memory*1024 - h.Memory*1024/64 - p.Number("hardware/reserved", 700, 1400)*4
	h.Blocks = []Block{{Name: "mtdblock0", Kind: "disk", Major: 31, Sectors: 16384 * 2, FS: "squashfs", Mount: "/", ReadOnly: true}}
	return h
}
