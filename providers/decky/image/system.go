package image

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

type release = persona.Release

// groupsOf are the distribution's own groups.
func groupsOf(r release) []persona.Group {
	return persona.New(decky.Host{Distro: r.Slug, Key: []byte{0}}).Groups(nil)
}

// modules are kernel modules by their directory below kernel/.
const modules = `arch/x86/crypto: aesni-intel ghash-clmulni-intel crc32-pclmul crc32c-intel sha512-ssse3
crypto: af_alg algif_hash algif_skcipher ccm cmac cryptd gcm xts
drivers/ata: ahci ata_generic ata_piix libahci libata
drivers/block: loop nbd virtio_blk zram
drivers/char: virtio_console
drivers/gpu/drm: drm drm_kms_helper
drivers/hid: hid hid-generic usbhid
drivers/input/mouse: psmouse
drivers/md: dm-mod dm-crypt dm-log dm-mirror dm-region-hash dm-snapshot dm-thin-pool raid1 raid456
drivers/message/fusion: mptbase mptscsih mptspi
drivers/net: bonding dummy macvlan tun veth virtio_net
drivers/net/ethernet/broadcom: tg3
drivers/net/ethernet/intel/e1000: e1000
drivers/net/ethernet/intel/e1000e: e1000e
drivers/net/ethernet/intel/igb: igb
drivers/net/vmxnet3: vmxnet3
drivers/net/hyperv: hv_netvsc
drivers/scsi: scsi_mod sd_mod sg sr_mod virtio_scsi vmw_pvscsi
drivers/usb/core: usbcore
drivers/usb/host: ehci-hcd ehci-pci uhci-hcd xhci-hcd xhci-pci
drivers/virtio: virtio virtio_balloon virtio_pci virtio_ring
fs/btrfs: btrfs
fs/cifs: cifs
fs/ext4: ext4
fs/fat: fat vfat
fs/fuse: fuse
fs/isofs: isofs
fs/jbd2: jbd2
fs/nfs: nfs nfsv3 nfsv4
fs/nls: nls_ascii nls_cp437 nls_iso8859-1
fs/overlayfs: overlay
fs/squashfs: squashfs
fs/xfs: xfs
lib: crc-ccitt crc-itu-t crc16 libcrc32c
net/bridge: bridge br_netfilter
net/ipv4/netfilter: ip_tables iptable_filter iptable_nat nf_reject_ipv4
net/ipv6/netfilter: ip6_tables ip6table_filter nf_reject_ipv6
net/netfilter: nf_conntrack nf_nat nf_tables nfnetlink nft_compat nft_ct x_tables xt_conntrack xt_tcpudp
net/sched: sch_fq_codel
net/vmw_vsock: vsock vmw_vsock_vmci_transport
sound/core: snd snd-pcm snd-timer`

// kernel puts /boot and /lib/modules.
func (b *builder) kernel() {
	root, suffix := "/usr/lib/modules/"+b.r.Kernel, ".ko"
	if !b.r.Merged {
		root = "/lib/modules/" + b.r.Kernel
	}
	switch b.r.Family {
	case "rhel":
		suffix = ".ko.xz"
	case "arch":
		suffix = ".ko.zst"
	case "alpine":
		suffix = ".ko.gz"
	}
	for _, line := range strings.Split(modules, "\n") {
		dir, names, _ := strings.Cut(line, ": ")
		for _, n := range strings.Fields(names) {
			size := int64(9_000 + hash(b.slug+n)%200*900)
			path := root + "/kernel/" + dir + "/" + n + suffix
			if suffix == ".ko" {
				b.file(path, 0o644, &ELF{Size: size + 8000, Library: true, seed: b.slug + n, machine: b.r.Machine})
				continue
			}
			b.blob(path, 0o644, size/3)
		}
	}
	for _, n := range strings.Fields("modules.alias modules.alias.bin modules.builtin modules.builtin.bin modules.dep modules.dep.bin modules.devname modules.order modules.softdep modules.symbols modules.symbols.bin") {
		b.blob(root+"/"+n, 0o644, int64(900+hash(b.slug+n)%400*1000))
	}
	version := b.r.Kernel
	mib := int64(1 << 20)
	switch b.r.Family {
	case "debian":
		b.blob("/boot/vmlinuz-"+version, 0o644, 8*mib+int64(hash(version)%9000)*16).Mode = vfs.TypeFile | kernelMode(b.slug)
		b.blob("/boot/initrd.img-"+version, 0o644, 38*mib+int64(hash(version)%90000)*16)
		b.file("/boot/config-"+version, 0o644, kernelConfig(b.r))
		b.blob("/boot/System.map-"+version, kernelMode(b.slug), 83)
		prefix := "/boot/"
		if b.r.ID != "ubuntu" {
			prefix = "/"
		}
		target := strings.TrimPrefix("/boot/", prefix)
		b.link(prefix+"vmlinuz", target+"vmlinuz-"+version)
		b.link(prefix+"initrd.img", target+"initrd.img-"+version)
		b.file("/boot/grub/grub.cfg", 0o444, Template("set default=\"0\"\nset timeout=5\nmenuentry '@NAME@' {\n\tlinux\t/boot/vmlinuz-@KERNEL@ root=@ROOTARG@ ro quiet\n\tinitrd\t/boot/initrd.img-@KERNEL@\n}\n"))
	case "rhel":
		b.blob("/boot/vmlinuz-"+version, 0o755, 7*mib+int64(hash(version)%9000)*16)
		b.blob("/boot/initramfs-"+version+".img", 0o600, 34*mib+int64(hash(version)%90000)*16)
		b.file("/boot/config-"+version, 0o644, kernelConfig(b.r))
		b.blob("/boot/System.map-"+version, 0o600, 3*mib)
		b.blob("/boot/symvers-"+version+".gz", 0o600, 320_000)
		b.file("/boot/grub2/grub.cfg", 0o600, Template("set default=\"0\"\nset timeout=5\nmenuentry '@NAME@' {\n\tlinux /vmlinuz-@KERNEL@ root=@ROOTDEV@ ro rhgb quiet\n\tinitrd /initramfs-@KERNEL@.img\n}\n"))
	case "alpine":
		b.blob("/boot/vmlinuz-lts", 0o644, 9*mib)
		b.blob("/boot/initramfs-lts", 0o600, 14*mib)
		b.blob("/boot/System.map-lts", 0o644, 5*mib)
		b.file("/boot/config-lts", 0o644, kernelConfig(b.r))
		b.file("/boot/extlinux.conf", 0o644, Template("TIMEOUT 30\nDEFAULT lts\nLABEL lts\n  LINUX vmlinuz-lts\n  INITRD initramfs-lts\n  APPEND root=UUID=@ROOTUUID@ modules=sd-mod,usb-storage,ext4 quiet rootfstype=ext4\n"))
	case "arch":
		b.blob("/boot/vmlinuz-linux", 0o755, 13*mib)
		b.blob("/boot/initramfs-linux.img", 0o755, 12*mib)
		b.blob("/boot/initramfs-linux-fallback.img", 0o755, 36*mib)
		b.file("/boot/grub/grub.cfg", 0o755, Template("set timeout=5\nmenuentry 'Arch Linux' {\n\tlinux /vmlinuz-linux root=UUID=@ROOTUUID@ rw loglevel=3 quiet\n\tinitrd /initramfs-linux.img\n}\n"))
	}
}

func kernelMode(slug string) uint32 {
	if strings.HasPrefix(slug, "ubuntu") {
		return 0o600
	}
	return 0o644
}

func kernelConfig(r release) Text {
	return Text(fmt.Sprintf("#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 %s Kernel Configuration\n#\nCONFIG_CC_IS_GCC=y\nCONFIG_IRQ_WORK=y\nCONFIG_64BIT=y\nCONFIG_X86_64=y\nCONFIG_X86=y\nCONFIG_SMP=y\nCONFIG_HZ_250=y\nCONFIG_HZ=250\nCONFIG_MODULES=y\nCONFIG_NET=y\nCONFIG_INET=y\nCONFIG_EXT4_FS=m\nCONFIG_XFS_FS=m\nCONFIG_NF_TABLES=m\nCONFIG_KVM_GUEST=y\n", strings.SplitN(r.Kernel, "-", 2)[0]))
}

// documents puts /usr/share/doc, manual pages and licences.
func (b *builder) documents() {
	for _, p := range Packages(b.r) {
		switch b.r.Family {
		case "debian":
			b.file("/usr/share/doc/"+p.Name+"/copyright", 0o644, Text("Package: "+p.Name+"\nUpstream and packaging copyright belong to their authors; the licences\nof Debian's archive apply. See /usr/share/common-licenses.\n"))
			b.blob("/usr/share/doc/"+p.Name+"/changelog.Debian.gz", 0o644, int64(300+hash(b.slug+p.Name)%9000))
		case "rhel":
			b.blob("/usr/share/licenses/"+p.Name+"/COPYING", 0o644, int64(1100+hash(p.Name)%34000))
			if b.slug == "centos7" {
				b.dir("/usr/share/doc/"+p.Name+"-"+strings.SplitN(p.Version, "-", 2)[0], 0o755)
			} else {
				b.dir("/usr/share/doc/"+p.Name, 0o755)
			}
		case "arch":
			b.blob("/usr/share/licenses/"+p.Name+"/LICENSE", 0o644, int64(1100+hash(p.Name)%34000))
		}
		for _, path := range b.owned[p.Name] {
			if b.r.Family == "alpine" {
				continue // manual pages are packages of their own
			}
			section := "1"
			if strings.Contains(path, "/sbin/") {
				section = "8"
			}
			name := path[strings.LastIndexByte(path, '/')+1:]
			b.blob("/usr/share/man/man"+section+"/"+name+"."+section+".gz", 0o644, int64(400+hash(b.slug+name)%9000))
		}
	}
	if b.r.Family == "debian" {
		for _, l := range strings.Fields("Apache-2.0 Artistic BSD CC0-1.0 GFDL-1.2 GFDL-1.3 GPL-1 GPL-2 GPL-3 LGPL-2 LGPL-2.1 LGPL-3 MPL-1.1 MPL-2.0") {
			b.blob("/usr/share/common-licenses/"+l, 0o644, int64(1500+hash(l)%33000))
		}
		b.link("/usr/share/common-licenses/GPL", "GPL-3")
		b.link("/usr/share/common-licenses/LGPL", "LGPL-3")
		b.link("/usr/share/common-licenses/GFDL", "GFDL-1.3")
	}
	for _, l := range strings.Fields("ca cs da de el es fi fr hu id it ja ko nb nl pl pt pt_BR ro ru sk sv tr uk vi zh_CN zh_TW") {
		if b.r.Family == "alpine" {
			break
		}
		for _, d := range strings.Fields("coreutils bash grep sed tar") {
			b.blob("/usr/share/locale/"+l+"/LC_MESSAGES/"+d+".mo", 0o644, int64(20_000+hash(l+d)%300000))
		}
	}
}

// units puts what init starts.
func (b *builder) units() {
	if b.r.Init != "systemd" {
		for _, x := range strings.Fields("boot/bootmisc boot/hostname boot/hwclock boot/loadkmap boot/modules boot/networking boot/seedrng boot/swap boot/sysctl boot/syslog default/acpid default/chronyd default/crond default/sshd shutdown/killprocs shutdown/mount-ro shutdown/savecache sysinit/devfs sysinit/dmesg sysinit/hwdrivers sysinit/mdev sysinit/modloop") {
			_, name, _ := strings.Cut(x, "/")
			b.link("/etc/runlevels/"+x, "/etc/init.d/"+name)
			if b.image.Lookup("/etc/init.d/"+name) == nil {
				b.file("/etc/init.d/"+name, 0o755, Text("#!/sbin/openrc-run\n\ndescription=\""+name+"\"\n\nstart()\n{\n\treturn 0\n}\n"))
			}
		}
		return
	}
	dir := "/usr/lib/systemd/system"
	shown := strings.Replace(dir, "/usr", "", 1)
	if b.r.Family != "debian" {
		shown = dir
	}
	for _, u := range Units(b.r) {
		b.file(dir+"/"+u.Name, 0o644, Text(u.text()))
		name := u.Name
		if name == "getty@.service" {
			name = "getty@tty1.service"
		}
		if target, ok := strings.CutPrefix(u.Install, "enabled:"); ok {
			b.link("/etc/systemd/system/"+target+".wants/"+name, shown+"/"+u.Name)
			for _, alias := range u.aliases() {
				b.link("/etc/systemd/system/"+alias, shown+"/"+u.Name)
			}
		}
	}
	b.link(dir+"/default.target", map[bool]string{true: "graphical.target", false: "multi-user.target"}[b.r.Family == "debian"])
	for _, n := range strings.Fields("systemd:95000 systemd-journald:174000 systemd-logind:264000 systemd-udevd:18000 systemd-timesyncd:55000 systemd-networkd:1900000 systemd-sysctl:31000 systemd-shutdown:68000 systemd-user-sessions:18000 systemd-hostnamed:39000 systemd-fsck:31000 systemd-random-seed:27000") {
		name, size, _ := strings.Cut(n, ":")
		var s int64
		_, _ = fmt.Sscan(size, &s)
		b.executable("/usr/lib/systemd/"+name, s+int64(hash(b.slug+name)%90)*8, 0o755)
	}
	for _, d := range []string{"/usr/lib/systemd/user", "/usr/lib/systemd/network", "/usr/lib/udev/rules.d", "/usr/lib/tmpfiles.d", "/usr/lib/sysctl.d", "/usr/lib/modprobe.d", "/etc/systemd/user", "/etc/modprobe.d"} {
		b.dir(d, 0o755)
	}
}

// daemonProgram is a program of a daemon that stands outside of the directories
// of the table, with the package that brings it.
type daemonProgram struct {
	owner string
	program
}

// daemonPrograms are those of each distribution.
var daemonPrograms = map[string][]daemonProgram{
	"ubuntu20": {
		{"snapd", program{path: "/usr/lib/snapd/snapd", size: 22_914_248, mode: 0o755}}, {"systemd", program{path: "/usr/lib/systemd/systemd-resolved", size: 420_104, mode: 0o755}},
		{"policykit-1", program{path: "/usr/lib/policykit-1/polkitd", size: 121_504, mode: 0o755}}, {"multipath-tools", program{path: "/usr/sbin/multipathd", size: 113_952, mode: 0o755}},
		{"networkd-dispatcher", program{path: "/usr/bin/networkd-dispatcher", size: 19_797, mode: 0o755}},
	},
	"ubuntu22": {
		{"snapd", program{path: "/usr/lib/snapd/snapd", size: 25_210_320, mode: 0o755}}, {"systemd", program{path: "/usr/lib/systemd/systemd-resolved", size: 461_096, mode: 0o755}},
		{"policykit-1", program{path: "/usr/libexec/polkitd", size: 121_480, mode: 0o755}}, {"multipath-tools", program{path: "/usr/sbin/multipathd", size: 117_952, mode: 0o755}},
		{"networkd-dispatcher", program{path: "/usr/bin/networkd-dispatcher", size: 21_043, mode: 0o755}},
	},
	"centos7": {{"polkit", program{path: "/usr/lib/polkit-1/polkitd", size: 120_432, mode: 0o755}}},
	"rocky9": {
		{"polkit", program{path: "/usr/lib/polkit-1/polkitd", size: 111_520, mode: 0o755}}, {"dbus-broker", program{path: "/usr/bin/dbus-broker", size: 187_504, mode: 0o755}},
		{"dbus-broker", program{path: "/usr/bin/dbus-broker-launch", size: 140_856, mode: 0o755}},
	},
	"fedora": {
		{"polkit", program{path: "/usr/lib/polkit-1/polkitd", size: 119_872, mode: 0o755}}, {"dbus-broker", program{path: "/usr/bin/dbus-broker", size: 190_240, mode: 0o755}},
		{"dbus-broker", program{path: "/usr/bin/dbus-broker-launch", size: 144_952, mode: 0o755}},
	},
	"arch": {
		{"dbus-broker", program{path: "/usr/bin/dbus-broker", size: 194_128, mode: 0o755}}, {"dbus-broker", program{path: "/usr/bin/dbus-broker-launch", size: 141_064, mode: 0o755}},
	},
	"alpine": {{"openssh-server", program{path: "/usr/sbin/sshd", size: 898_664, mode: 0o755}}},
}

// daemons puts the programs of daemons that the table of programs lacks.
func (b *builder) daemons() {
	for _, x := range daemonPrograms[b.slug] {
		b.program(Package{Name: x.owner}, x.program, "")
	}
}
