package machine

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// root is the device at /.
func (m *Machine) root() persona.Block {
	for _, b := range m.Hardware.Blocks {
		if b.Mount == "/" {
			return b
		}
	}
	return persona.Block{Name: "sda1", Path: "/dev/sda1", FS: "ext4", Sectors: 40 << 20}
}

// diskUsed is how many KiB of a mounted device are used.
func (m *Machine) diskUsed(b persona.Block) int64 {
	used := b.Used
	if b.Mount == "/" {
		used += m.FS.Used()/1024 + int64(m.Uptime().Hours()*7) // logs grow
	}
	return used
}

// Filesystem is a mounted file system as df lists it, in KiB and inodes.
type Filesystem struct {
	Source, Type, Point   string
	Size, Used, Available int64
	Inodes, UsedInodes    int64
}

// Filesystems are those that df lists, in the order of the mounts.
func (m *Machine) Filesystems() []Filesystem {
	var out []Filesystem
	total := m.Hardware.MemTotal
	for _, x := range m.Mounts() {
		f := Filesystem{Source: x[0], Type: x[2], Point: x[1]}
		switch x[2] {
		case "devtmpfs":
			f.Size, f.Inodes, f.UsedInodes = option(x[3], "size=", total/2), option(x[3], "nr_inodes=", total/8), 420
		case "tmpfs":
			f.Size, f.Inodes, f.UsedInodes = option(x[3], "size=", total/2), total/8, 1
			if x[1] == "/run" {
				f.Used, f.UsedInodes = m.Number("run/used", 580, 1300), 640
			}
		case "ext4", "xfs", "vfat":
			for _, b := range m.Hardware.Blocks {
				if b.Path == x[0] {
					f = m.onDisk(f, b)
				}
			}
		default:
			continue
		}
		if x[2] != "ext4" && x[2] != "xfs" && x[2] != "vfat" {
			f.Available = f.Size - f.Used
		}
		out = append(out, f)
	}
	return out
}

// option is the number of KiB or inodes that a mount option gives.
func option(options, name string, other int64) int64 {
	for o := range strings.SplitSeq(options, ",") {
		if value, ok := strings.CutPrefix(o, name); ok {
			var n int64
			if _, err := fmt.Sscan(strings.TrimSuffix(value, "k"), &n); err == nil {
				return n
			}
		}
	}
	return other
}

// onDisk fills in what a device holds: what the file system keeps for itself
// and for root is gone from what is there.
func (m *Machine) onDisk(f Filesystem, b persona.Block) Filesystem {
	whole := b.Sectors / 2
	f.Used = m.diskUsed(b)
	switch b.FS {
	case "ext4": // inode tables of 256 bytes per 16 KiB, a journal, 5 % for root
		f.Inodes = whole / 16 / 8192 * 8192
		f.Size = (whole - f.Inodes/4 - min(whole/64, 131072)/2) &^ 3
		f.Available = max(f.Size-f.Used-whole/20, 0)
	case "xfs": // its log
		f.Size = whole - min(max(whole/2048, 10240), 131072)
		f.Inodes = whole / 2 &^ 63
		f.Available = f.Size - f.Used
	default:
		f.Size, f.Available = whole-whole/500, whole-whole/500-f.Used
	}
	f.UsedInodes = min(f.Used/32+30_000, f.Inodes/2)
	if b.Mount == "/boot" {
		f.UsedInodes = min(320, f.Inodes)
	}
	return f
}

// Mounts are what is mounted: device, point, type, options.
func (m *Machine) Mounts() [][4]string {
	total := m.Hardware.MemTotal
	root, r := m.root(), m.Release
	rootOptions := "rw,relatime"
	switch {
	case root.FS == "xfs" && r.Slug == "centos7":
		rootOptions = "rw,relatime,attr2,inode64,noquota"
	case root.FS == "xfs":
		rootOptions = "rw,relatime,attr2,inode64,logbufs=8,logbsize=32k,noquota"
	case r.Family == "debian" && r.ID != "ubuntu":
		rootOptions = "rw,relatime,errors=remount-ro"
	}
	inode := ",inode64"
	if strings.HasPrefix(r.Kernel, "3.") || strings.HasPrefix(r.Kernel, "5.4") {
		inode = ""
	}
	udev := "udev"
	switch r.Family {
	case "rhel", "alpine":
		udev = "devtmpfs"
	case "arch":
		udev = "dev"
	}
	out := [][4]string{
		{"sysfs", "/sys", "sysfs", "rw,nosuid,nodev,noexec,relatime"}, {"proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime"},
		{udev, "/dev", "devtmpfs", fmt.Sprintf("rw,nosuid,relatime,size=%dk,nr_inodes=%d,mode=755%s", total/2-20000, total/8-5000, inode)}, {"devpts", "/dev/pts", "devpts", "rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=000"},
		{"tmpfs", "/run", "tmpfs", fmt.Sprintf("rw,nosuid,nodev,noexec,relatime,size=%dk,mode=755%s", total/10, inode)}, {root.Path, "/", root.FS, rootOptions},
	}
	if r.Family == "alpine" {
		out = append(out, [4]string{"securityfs", "/sys/kernel/security", "securityfs", "rw,nosuid,nodev,noexec,relatime"}, [4]string{"debugfs", "/sys/kernel/debug", "debugfs", "rw,nosuid,nodev,noexec,relatime"}, [4]string{"mqueue", "/dev/mqueue", "mqueue", "rw,nosuid,nodev,noexec,relatime"},
			[4]string{"shm", "/dev/shm", "tmpfs", "rw,nosuid,nodev,noexec,relatime" + inode}, [4]string{"tmpfs", "/tmp", "tmpfs", "rw,nosuid,nodev,relatime" + inode})
		return m.mountDisks(out)
	}
	out = append(out, [4]string{"securityfs", "/sys/kernel/security", "securityfs", "rw,nosuid,nodev,noexec,relatime"}, [4]string{"tmpfs", "/dev/shm", "tmpfs", "rw,nosuid,nodev" + inode})
	switch {
	case r.Slug == "centos7", r.Slug == "ubuntu20":
		out = append(out, [4]string{"tmpfs", "/sys/fs/cgroup", "tmpfs", "ro,nosuid,nodev,noexec,mode=755"}, [4]string{"cgroup", "/sys/fs/cgroup/systemd", "cgroup", "rw,nosuid,nodev,noexec,relatime,xattr,name=systemd"})
		for _, c := range []string{"memory", "cpu,cpuacct", "blkio", "devices", "freezer", "pids", "cpuset"} {
			out = append(out, [4]string{"cgroup", "/sys/fs/cgroup/" + c, "cgroup", "rw,nosuid,nodev,noexec,relatime," + c})
		}
	default:
		out = append(out, [4]string{"tmpfs", "/run/lock", "tmpfs", "rw,nosuid,nodev,noexec,relatime,size=5120k" + inode}, [4]string{"cgroup2", "/sys/fs/cgroup", "cgroup2", "rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot"})
		if r.Family != "debian" {
			out = append(out[:len(out)-2], out[len(out)-1])
		}
	}
	const sealed = "rw,nosuid,nodev,noexec,relatime"
	out = append(out, [4]string{"pstore", "/sys/fs/pstore", "pstore", sealed})
	if r.Slug != "centos7" {
		out = append(out, [4]string{"bpf", "/sys/fs/bpf", "bpf", sealed + ",mode=700"})
	}
	out = append(out, [4]string{"systemd-1", "/proc/sys/fs/binfmt_misc", "autofs", fmt.Sprintf("rw,relatime,fd=%d,pgrp=1,timeout=0,minproto=5,maxproto=5,direct,pipe_ino=%d", m.Number("mounts/autofs", 28, 33), m.Number("mounts/pipe", 13000, 17000))},
		[4]string{"hugetlbfs", "/dev/hugepages", "hugetlbfs", "rw,relatime,pagesize=2M"}, [4]string{"mqueue", "/dev/mqueue", "mqueue", "rw,nosuid,nodev,noexec,relatime"}, [4]string{"debugfs", "/sys/kernel/debug", "debugfs", sealed})
	if r.Slug != "centos7" {
		out = append(out, [4]string{"tracefs", "/sys/kernel/tracing", "tracefs", sealed})
	}
	out = append(out, [4]string{"fusectl", "/sys/fs/fuse/connections", "fusectl", sealed}, [4]string{"configfs", "/sys/kernel/config", "configfs", sealed})
	out = m.mountDisks(out)
	seen := map[int]bool{}
	for _, l := range m.Logins() {
		if !seen[l.uid] {
			seen[l.uid] = true
			out = append(out, [4]string{"tmpfs", fmt.Sprintf("/run/user/%d", l.uid), "tmpfs", fmt.Sprintf("rw,nosuid,nodev,relatime,size=%dk,nr_inodes=%d,mode=700,uid=%d,gid=%d%s", total/10, total/40, l.uid, l.gid, inode)})
		}
	}
	return out
}

// mountDisks adds what is on devices beside the root.
func (m *Machine) mountDisks(out [][4]string) [][4]string {
	for _, b := range m.Hardware.Blocks {
		if strings.HasPrefix(b.Mount, "/") && b.Mount != "/" {
			options := "rw,relatime"
			if b.FS == "xfs" {
				options = "rw,relatime,attr2,inode64,noquota"
			}
			if b.FS == "vfat" {
				options = "rw,relatime,fmask=0022,dmask=0022,codepage=437,iocharset=ascii,shortname=mixed,utf8,errors=remount-ro"
			}
			out = append(out, [4]string{b.Path, b.Mount, b.FS, options})
		}
	}
	return out
}

// disks is /dev/disk: names of devices by what they hold.
func (m *Machine) disks(vfs.View) vfs.Live {
	groups := map[string]map[string]string{"by-uuid": {}, "by-partuuid": {}, "by-path": {}}
	for _, b := range m.Hardware.Blocks {
		if b.UUID != "" && b.FS != "LVM2_member" {
			groups["by-uuid"][b.UUID] = "../../" + b.Name
		}
		if b.PartUUID != "" {
			groups["by-partuuid"][b.PartUUID] = "../../" + b.Name
		}
	}
	root := m.liveDir(0o755)
	for name, links := range groups {
		if len(links) == 0 {
			continue
		}
		dir := m.liveDir(0o755)
		for link, target := range links {
			dir.link(link, target)
		}
		root.dir(name, dir)
	}
	return root.live()
}
