package persona

import (
	"fmt"
	"strings"
)

// Block is a block device: a disk, a partition or a logical volume.
type Block struct {
	Name         string // "sda1", "dm-0", "sr0"
	Path         string // as df and mount show it: "/dev/sda1", "/dev/mapper/centos-root"
	Kind         string // lsblk's: "disk", "part", "lvm", "rom"
	Parent       string // Name of the device that it is part of
	Major, Minor int
	Start        int64  // first sector, of a partition
	Sectors      int64  // of 512 bytes
	Type         string // of a partition, as fdisk's table knows it: "83", "82", "5", "8e", "bios", "efi", "lvm", "linux"
	FS           string // "ext4", "xfs", "swap", "LVM2_member", "vfat"; "" for none
	UUID         string // of the file system
	PartUUID     string
	Mount        string // "/", "/boot", "[SWAP]"
	Used         int64  // KiB of a mounted file system when the machine was last started
	Vendor       string
	Model        string
	Serial       string
	GPT          bool
	Rotational   bool
	Removable    bool
	ReadOnly     bool
}

// part is one line of a distribution's default partitioning.
type part struct {
	number int
	mib    int64 // 0: the rest
	kind   string
	fs     string
	mount  string
	lvm    []volume
}

type volume struct {
	name, fs, mount string
	mib             int64 // 0: the rest
}

// layout is how the distribution's installer partitions a disk by itself.
func layout(release Release, disk, memory int64) (gpt bool, parts []part) {
	swap := min(max(memory, 1024), 4096)
	switch {
	case release.Slug == "centos7":
		return false, []part{{1, 1024, "83", "xfs", "/boot", nil}, {2, 0, "8e", "LVM2_member", "", []volume{{"centos-root", "xfs", "/", 0}, {"centos-swap", "swap", "[SWAP]", swap}}}}
	case release.Slug == "rocky9":
		return false, []part{{1, 1024, "83", "xfs", "/boot", nil}, {2, 0, "8e", "LVM2_member", "", []volume{{"rl-root", "xfs", "/", 0}, {"rl-swap", "swap", "[SWAP]", swap}}}}
	case release.Slug == "fedora":
		return true, []part{{1, 1, "bios", "", "", nil}, {2, 1024, "linux", "xfs", "/boot", nil}, {3, 0, "lvm", "LVM2_member", "", []volume{{"fedora-root", "xfs", "/", min(15*1024, disk-2048)}}}}
	case release.ID == "ubuntu":
		boot := int64(2048)
		if release.Slug == "ubuntu20" {
			boot = 1024
		}
		root := disk - boot - 8
		if root > 20*1024 {
			root = max(root/2, 10*1024)
		}
		return true, []part{{1, 1, "bios", "", "", nil}, {2, boot, "linux", "ext4", "/boot", nil}, {3, 0, "linux", "LVM2_member", "", []volume{{"ubuntu--vg-ubuntu--lv", "ext4", "/", root}}}}
	case release.Family == "alpine":
		return false, []part{{1, 100, "83", "ext4", "/boot", nil}, {2, swap, "82", "swap", "[SWAP]", nil}, {3, 0, "83", "ext4", "/", nil}}
	case release.Family == "arch":
		return true, []part{{1, 512, "efi", "vfat", "/boot", nil}, {2, 0, "linux", "ext4", "/", nil}}
	}
	return false, []part{{1, 0, "83", "ext4", "/", nil}, {2, -1, "5", "", "", nil}, {5, 976, "82", "swap", "[SWAP]", nil}}
}

// blocks are the devices of the host's one disk.
func (p *Persona) blocks(f platform, release Release, memory int64) []Block {
	gib := []int64{20, 32, 40, 50, 64, 100}[p.Number("hardware/disk", 0, 5)]
	name, major := "sda", 8
	disk := Block{Kind: "disk", Vendor: f.disk[0], Model: f.disk[1]}
	switch {
	case f.virtio:
		name, major = "vda", 252
		if kernelOf(release.Kernel)[0] >= 5 {
			major = 254
		}
		if release.Family == "rhel" {
			major = 252
		}
		disk.Vendor, disk.Model = "0x1af4", ""
	case f.hypervisor == "":
		gib = []int64{223, 278, 447, 558, 894}[p.Number("hardware/disk", 0, 4)]
		disk.Serial = p.diskSerial(f.disk[1])
	case f.disk[1] == "QEMU HARDDISK":
		disk.Serial = "drive-scsi0"
	case f.disk[1] == "VBOX HARDDISK":
		disk.Serial = fmt.Sprintf("VB%s-%s", p.UUID4Hex("disk")[:8], p.UUID4Hex("disk")[8:16])
	}
	disk.Name, disk.Path, disk.Major, disk.Sectors = name, "/dev/"+name, major, gib*2<<20
	disk.Rotational = f.hypervisor != "" && !f.virtio && f.disk[0] != "Msft"
	gpt, parts := layout(release, gib*1024, memory)
	disk.GPT = gpt
	out := p.partitions(disk, parts, release)
	if f.hypervisor != "" {
		out = append(out, Block{Name: "sr0", Path: "/dev/sr0", Kind: "rom", Major: 11, Sectors: 2 << 20, Removable: true, Rotational: true, Vendor: f.disk[0], Model: cdrom(f.hypervisor)})
	}
	return out
}

func cdrom(hypervisor string) string {
	switch hypervisor {
	case "VMware":
		return "VMware Virtual IDE CDROM Drive"
	case "Microsoft":
		return "Virtual DVD-ROM"
	}
	return "QEMU DVD-ROM"
}

// partitions are the disk and what is on it.
func (p *Persona) partitions(disk Block, parts []part, release Release) []Block {
	out := []Block{disk}
	label := p.UUID4Hex("disk/label")[:8]
	start, end := int64(2048), disk.Sectors
	if disk.GPT {
		end -= 34
	}
	for i, x := range parts {
		size := x.mib * 2048
		switch {
		case x.mib == 0:
			size = end - start
			if i+1 < len(parts) { // Debian's: swap stands behind the root
				size -= (parts[len(parts)-1].mib + 2) * 2048
				size -= size % 2048
			}
		case x.mib == -1: // extended: everything that is left
			size = 2
			start += 2046
		case x.number == 5:
			start += 2
			size = (end - start) - (end-start)%2048
		}
		b := Block{
			Name: fmt.Sprintf("%s%d", disk.Name, x.number), Kind: "part", Parent: disk.Name, Major: disk.Major, Minor: x.number, Start: start, Sectors: size,
			Type: x.kind, FS: x.fs, Mount: x.mount, GPT: disk.GPT, Rotational: disk.Rotational, PartUUID: fmt.Sprintf("%s-%02x", label, x.number),
		}
		if disk.GPT {
			b.PartUUID = p.UUID("disk/part/" + b.Name)
		}
		p.format(&b, release)
		out = append(out, b)
		for j, v := range x.lvm {
			out = append(out, p.volume(b, v, j, x.lvm, release))
		}
		start += size
	}
	return out
}

func (p *Persona) volume(parent Block, v volume, minor int, all []volume, release Release) Block {
	size := v.mib * 2048
	if v.mib == 0 {
		size = parent.Sectors - parent.Sectors%8192 - 8192
		for _, other := range all {
			size -= other.mib * 2048
		}
	}
	b := Block{
		Name: fmt.Sprintf("dm-%d", minor), Path: "/dev/mapper/" + v.name, Kind: "lvm", Parent: parent.Name, Major: 253, Minor: minor,
		Sectors: size, FS: v.fs, Mount: v.mount, Rotational: parent.Rotational,
	}
	p.format(&b, release)
	return b
}

// format gives a device its names and, where something is mounted, how full it
// was.
func (p *Persona) format(b *Block, release Release) {
	if b.Path == "" {
		b.Path = "/dev/" + b.Name
	}
	switch b.FS {
	case "":
		return
	case "LVM2_member":
		s := p.UUID4Hex("fs/"+b.Name) + p.UUID4Hex("fs2/"+b.Name)
		b.UUID = strings.Join([]string{s[:6], s[6:10], s[10:14], s[14:18], s[18:22], s[22:26], s[26:32]}, "-")
	case "vfat":
		s := strings.ToUpper(p.UUID4Hex("fs/" + b.Name))
		b.UUID = s[:4] + "-" + s[4:8]
	default:
		b.UUID = p.UUID("fs/" + b.Mount)
	}
	switch b.Mount {
	case "/":
		low, high := int64(1_900_000), int64(5_200_000)
		switch {
		case release.Family == "alpine":
			low, high = 220_000, 900_000
		case release.ID == "ubuntu":
			low, high = 5_400_000, 9_300_000
		case release.Slug == "kali":
			low, high = 9_000_000, 15_000_000
		}
		b.Used = min(p.Number("fs/used/root", low, high), b.Sectors/2*7/10)
	case "/boot":
		b.Used = min(p.Number("fs/used/boot", 150_000, 290_000), b.Sectors/2*6/10)
	}
}

// diskSerial has the form of the maker's.
func (p *Persona) diskSerial(model string) string {
	if strings.HasPrefix(model, "INTEL") {
		return fmt.Sprintf("PHYF%06d%s480BGN", p.Number("disk/serial", 100000, 999999), strings.ToUpper(p.UUID4Hex("disk/serial")[:2]))
	}
	if strings.HasPrefix(model, "SAMSUNG") {
		return "S3TX" + strings.ToUpper(p.UUID4Hex("disk/serial")[:10])
	}
	return "00" + p.UUID4Hex("disk/serial")[:30]
}
