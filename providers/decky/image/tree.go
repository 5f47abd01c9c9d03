package image

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// everywhere are directories of every distribution; a mode follows a colon.
const everywhere = `/boot /etc /home /media /mnt /opt /root:700 /run /srv /tmp:1777 /usr /usr/bin /usr/sbin /usr/lib /usr/local /usr/local/bin /usr/local/lib /usr/local/share /usr/local/sbin
/usr/share /usr/share/man /usr/share/man/man1 /usr/share/man/man5 /usr/share/man/man8 /usr/share/misc /var /var/cache /var/lib /var/log /var/spool /var/tmp:1777 /var/empty /var/opt /var/local
/dev:755 /proc:555 /sys:555 /run/lock:755`

var familyDirectories = map[string]string{
	"debian": `/usr/games /usr/include /usr/libexec /usr/local/etc /usr/local/games /usr/local/include /usr/local/src /usr/src /usr/share/doc /usr/share/info /usr/share/locale /usr/share/perl5 /usr/share/zoneinfo /usr/share/keyrings /usr/share/bash-completion/completions
/lost+found:700 /var/backups /var/local:2775 /var/mail:2775 /var/spool/cron /var/spool/cron/crontabs:1730 /var/spool/rsyslog:700 /var/cache/apt /var/cache/apt/archives /var/cache/apt/archives/partial:700 /var/cache/debconf /var/cache/ldconfig:700 /var/cache/man /var/lib/apt /var/lib/apt/lists /var/lib/apt/lists/partial:700 /var/lib/dpkg /var/lib/dpkg/alternatives /var/lib/dpkg/info /var/lib/dpkg/triggers
/var/lib/dpkg/updates /var/lib/misc /var/lib/pam /var/lib/python /var/lib/systemd /var/lib/systemd/timers /var/lib/ucf /var/lib/vim /var/lib/logrotate /var/lib/private:700 /var/log/apt /var/log/journal:2755 /var/log/private:700 /var/log/installer /run/lock:1777 /run/sshd /run/systemd /run/user /run/udev /run/network /run/dbus /run/log
/tmp/.X11-unix:1777 /tmp/.ICE-unix:1777 /tmp/.XIM-unix:1777 /tmp/.font-unix:1777 /root/.cache:700`,
	"rhel": `/usr/etc /usr/games /usr/include /usr/lib64 /usr/libexec /usr/libexec/openssh /usr/local/etc /usr/local/games /usr/local/include /usr/local/lib64 /usr/local/libexec /usr/local/src /usr/src /usr/src/kernels /usr/share/doc /usr/share/info /usr/share/locale /usr/share/licenses /usr/share/zoneinfo /usr/share/empty
/var/adm /var/db /var/games /var/gopher /var/nis /var/preserve /var/yp /var/crash /var/kerberos /var/spool/anacron /var/spool/cron:700 /var/spool/lpd /var/spool/mail:775 /var/cache/ldconfig:700 /var/cache/man /var/lib/alternatives /var/lib/chrony:750 /var/lib/games /var/lib/logrotate /var/lib/misc /var/lib/NetworkManager:700 /var/lib/rpm /var/lib/rpm-state /var/lib/rsyslog:700 /var/lib/systemd /var/lib/yum /var/log/anaconda:700 /var/log/audit:700 /var/log/chrony /var/log/journal:2755
/run/lock:755 /run/systemd /run/user /run/udev /run/sepermit /run/dbus /run/log /run/NetworkManager /tmp/.X11-unix:1777 /tmp/.ICE-unix:1777 /tmp/.XIM-unix:1777 /tmp/.font-unix:1777`,
	"alpine": `/bin /sbin /lib /lib/firmware /lib/mdev /media/cdrom /media/floppy /media/usb /usr/share/apk /usr/share/udhcpc /usr/share/zoneinfo /lost+found:700 /var/cache/apk /var/cache/misc /var/lib/apk /var/lib/chrony /var/lib/misc /var/lib/udhcpd /var/lib/seedrng:700 /var/lock /var/mail /var/spool/cron /run/openrc /run/lock:755 /etc/runlevels/boot /etc/runlevels/default /etc/runlevels/nonetwork /etc/runlevels/shutdown /etc/runlevels/sysinit /etc/apk/keys /etc/local.d /etc/network/if-up.d`,
	"arch":   `/usr/include /usr/share/doc /usr/share/info /usr/share/licenses /usr/share/locale /usr/share/zoneinfo /usr/src /usr/local/etc /usr/local/games /usr/local/include /usr/local/src /lost+found:700 /srv/ftp:555 /srv/http /var/cache/pacman/pkg /var/cache/ldconfig:700 /var/cache/man /var/db /var/games:775 /var/lib/misc /var/lib/pacman/local /var/lib/pacman/sync /var/lib/systemd /var/log/journal:2755 /var/spool/mail:1777 /run/systemd /run/user /run/udev /run/dbus /run/log /tmp/.X11-unix:1777 /tmp/.ICE-unix:1777 /tmp/.XIM-unix:1777 /tmp/.font-unix:1777`,
}

// topLinks are links of the root and of /var.
var topLinks = map[string][][2]string{
	"debian": {{"/bin", "usr/bin"}, {"/sbin", "usr/sbin"}, {"/lib", "usr/lib"}, {"/lib64", "usr/lib64"}, {"/var/run", "/run"}, {"/var/lock", "/run/lock"}, {"/var/spool/mail", "../mail"}, {"/etc/mtab", "../proc/self/mounts"}, {"/etc/os-release", "../usr/lib/os-release"}, {"/usr/local/man", "share/man"}, {"/etc/rmt", "/usr/sbin/rmt"}, {"/var/lib/dbus/machine-id", "/etc/machine-id"}, {"/usr/bin/sh", "dash"}, {"/run/shm", "/dev/shm"}, {"/etc/vtrgb", "/etc/alternatives/vtrgb"}},
	"rhel":   {{"/bin", "usr/bin"}, {"/sbin", "usr/sbin"}, {"/lib", "usr/lib"}, {"/lib64", "usr/lib64"}, {"/var/run", "../run"}, {"/var/lock", "../run/lock"}, {"/var/mail", "spool/mail"}, {"/etc/mtab", "../proc/self/mounts"}, {"/etc/os-release", "../usr/lib/os-release"}, {"/usr/tmp", "../var/tmp"}, {"/usr/bin/sh", "bash"}, {"/etc/init.d", "rc.d/init.d"}, {"/etc/rc.local", "rc.d/rc.local"}, {"/etc/grub2.cfg", "../boot/grub2/grub.cfg"}, {"/etc/ssl/certs", "../pki/tls/certs"}},
	"alpine": {{"/var/run", "/run"}, {"/var/spool/mail", "/var/mail"}, {"/var/spool/cron/crontabs", "/etc/crontabs"}, {"/etc/mtab", "../proc/mounts"}, {"/etc/os-release", "../usr/lib/os-release"}, {"/etc/crontabs/cron.update", "root"}},
	"arch":   {{"/bin", "usr/bin"}, {"/sbin", "usr/bin"}, {"/lib", "usr/lib"}, {"/lib64", "usr/lib"}, {"/usr/lib64", "lib"}, {"/usr/sbin", "bin"}, {"/var/run", "../run"}, {"/var/lock", "../run/lock"}, {"/var/mail", "spool/mail"}, {"/etc/mtab", "../proc/self/mounts"}, {"/etc/os-release", "../usr/lib/os-release"}, {"/usr/bin/sh", "bash"}, {"/usr/local/man", "share/man"}},
}

func (b *builder) directories() {
	if b.r.Family == "arch" {
		b.link("/usr/sbin", "bin")
	}
	if b.r.Family == "arch" || b.r.Family == "debian" || b.r.Family == "rhel" {
		for _, l := range topLinks[b.r.Family] {
			if strings.Count(l[0], "/") == 1 {
				b.link(l[0], l[1])
			}
		}
	}
	for _, d := range strings.Fields(everywhere + " " + familyDirectories[b.r.Family]) {
		path, perm, _ := strings.Cut(d, ":")
		mode := uint32(0o755)
		if perm != "" {
			_, _ = fmt.Sscanf(perm, "%o", &mode)
		}
		if path == "/usr/sbin" && b.sbin != path {
			continue
		}
		b.dir(path, mode)
	}
	for _, l := range topLinks[b.r.Family] {
		b.link(l[0], l[1])
	}
	if b.r.Family == "rhel" {
		b.dir("/root", 0o550)
		b.dir("/boot", 0o555)
		if b.slug == "centos7" {
			b.image.Add(vfs.Entry{Path: "/", Mode: 0o555})
		}
	}
	if b.slug == "ubuntu22" || b.slug == "ubuntu20" {
		for _, x := range []string{"lib32", "libx32"} {
			b.dir("/usr/"+x, 0o755)
			b.link("/"+x, "usr/"+x)
		}
	}
}

// programs puts what packages bring into /usr/bin and /usr/sbin, or where the
// distribution keeps them apart.
func (b *builder) programs() {
	table := programTable("programs.txt")
	if b.r.Family == "alpine" {
		table = programTable("alpine.txt")
	}
	python := "11" // the second number of its version
	switch b.slug {
	case "ubuntu20":
		python = "8"
	case "ubuntu22":
		python = "10"
	case "rocky9":
		python = "9"
	case "kali", "fedora", "arch":
		python = "12"
	}
	for _, p := range Packages(b.r) {
		for _, name := range p.programs {
			for _, x := range table[name] {
				b.program(p, x, python)
			}
		}
	}
}

func (b *builder) program(p Package, x program, python string) {
	path := strings.Replace(x.path, "@", python, 1)
	if b.sbin == "/usr/bin" {
		path = strings.Replace(path, "/usr/sbin/", "/usr/bin/", 1)
	}
	if b.image.Lookup(path) != nil {
		return
	}
	if name, choice := strings.CutPrefix(x.target, "/etc/alternatives/"); choice && b.r.Family != "debian" {
		if !strings.HasPrefix(name, "ip") {
			return
		}
		x.target = "xtables-nft-multi"
	}
	b.owned[p.Name] = append(b.owned[p.Name], path)
	if x.target != "" {
		b.link(path, strings.Replace(x.target, "@", python, 1))
		return
	}
	// Each release has a build of its own.
	size := x.size
	if b.slug != "debian" && b.r.Family != "alpine" && size > 12_000 {
		size += (int64(hash(b.slug+path)%48) - 20) * size / 400 / 8 * 8
	}
	e := b.executable(path, size, x.mode)
	switch name := e.Name(); {
	case b.r.Family == "debian" && (name == "chage" || name == "expiry"):
		e.GID = 42
	case b.r.Family == "debian" && name == "ssh-agent":
		e.GID = gidOf(b.r, "_ssh", "ssh")
	case b.r.Family == "debian" && name == "crontab":
		e.GID = gidOf(b.r, "crontab")
	case b.r.Family == "rhel" && (name == "write" || name == "wall"):
		e.GID, e.Mode = 5, vfs.TypeFile|0o2755
	}
}

// libraryNames are shared libraries that a system has; versions are those of
// their soname.
var libraryNames = map[string]string{
	"glibc": "libc.so.6:1922136 libm.so.6:907784 libdl.so.2:14480 libpthread.so.0:14480 librt.so.1:14640 libresolv.so.2:60328 libnss_files.so.2:14352 libnss_dns.so.2:14352 libutil.so.1:14480 libcrypt.so.1:206776 libtinfo.so.6:208328 libncursesw.so.6:235880 libreadline.so.8:351080 libz.so.1:121280 libbz2.so.1.0:74688 liblzma.so.5:198664 libzstd.so.1:775080 liblz4.so.1:145072 libselinux.so.1:174312 libpcre2-8.so.0:629384 libacl.so.1:39144 libattr.so.1:26568 libcap.so.2:43328 libaudit.so.1:137656 libpam.so.0:67552 libpam_misc.so.0:14480 libblkid.so.1:347808 libmount.so.1:385576 libuuid.so.1:34872 libsmartcols.so.1:253112 libsystemd.so.0:831544 libudev.so.1:190456 libkmod.so.2:113600 libssl.so.3:688160 libcrypto.so.3:4709504 libgcc_s.so.1:125312 libstdc++.so.6:2190440 libgmp.so.10:526464 libgcrypt.so.20:1336256 libgpg-error.so.0:153456 libgnutls.so.30:2079944 libexpat.so.1:182912 libcurl.so.4:751088 libdbus-1.so.3:338320 libext2fs.so.2:454552 libcom_err.so.2:18504 libe2p.so.2:43072 libss.so.2:35016 libgssapi_krb5.so.2:329160 libkrb5.so.3:871104 libk5crypto.so.3:174312 libnftables.so.1:737376 libmnl.so.0:26656 libxtables.so.12:55520 libsqlite3.so.0:1453656 libmagic.so.1:158056 libseccomp.so.2:133264",
	"musl":  "ld-musl-@.so.1:645192 libz.so.1.3.1:100288 libcrypto.so.3:4099496 libssl.so.3:622248 libblkid.so.1:239304 libuuid.so.1:26568 libe2p.so.2:34760 libext2fs.so.2:329968 libcom_err.so.2:13944 libkmod.so.2:92224 libmount.so.1:284384",
}

func (b *builder) libraries() {
	for _, x := range strings.Fields(libraryNames[b.r.Libc]) {
		name, size, _ := strings.Cut(x, ":")
		var n int64
		_, _ = fmt.Sscan(size, &n)
		name = strings.Replace(name, "@", b.r.Machine, 1)
		if b.slug == "centos7" {
			name = strings.NewReplacer("libssl.so.3", "libssl.so.10", "libcrypto.so.3", "libcrypto.so.10", "libreadline.so.8", "libreadline.so.6", "libtinfo.so.6", "libtinfo.so.5", "libncursesw.so.6", "libncursesw.so.5", "libpcre2-8.so.0", "libpcre.so.1").Replace(name)
		}
		if b.slug == "ubuntu20" {
			name = strings.NewReplacer("libssl.so.3", "libssl.so.1.1", "libcrypto.so.3", "libcrypto.so.1.1").Replace(name)
		}
		n += int64(hash(b.slug+name)%64) * 8
		mode := uint32(0o644)
		if b.r.Family != "debian" || strings.HasPrefix(name, "libc.so") {
			mode = 0o755
		}
		b.file(b.libs+"/"+name, mode, &ELF{Size: n, Library: true, Needed: []string{"libc.so.6"}, seed: b.slug + name, machine: b.r.Machine, musl: b.r.Libc == "musl"})
	}
	if b.r.Libc == "glibc" {
		loader := b.a.glibc[strings.LastIndexByte(b.a.glibc, '/')+1:]
		b.file(b.libs+"/"+loader, 0o755, &ELF{Size: 210968, Library: true, Needed: []string{"libc.so.6"}, seed: b.slug + "ld", machine: b.r.Machine})
		if b.r.Family == "debian" {
			dir := "/usr" + b.a.glibc[:strings.LastIndexByte(b.a.glibc, '/')]
			b.link(dir+"/"+loader, "/lib/"+b.a.triplet+"/"+loader)
		}
		b.dir(b.libs+"/security", 0o755)
		for _, m := range strings.Fields("access deny env faildelay faillock lastlog limits loginuid mail motd nologin permit pwhistory rootok shells succeed_if systemd umask unix wheel") {
			b.file(b.libs+"/security/pam_"+m+".so", 0o644, &ELF{Size: 14200 + int64(hash(b.slug+m)%20)*520, Library: true, Needed: []string{"libpam.so.0", "libc.so.6"}, seed: b.slug + "pam" + m, machine: b.r.Machine})
		}
	} else {
		b.link("/lib/libc.musl-"+b.r.Machine+".so.1", "ld-musl-"+b.r.Machine+".so.1")
	}
	server := map[string]string{"debian": "/usr/lib/openssh/sftp-server", "rhel": "/usr/libexec/openssh/sftp-server", "arch": "/usr/lib/ssh/sftp-server", "alpine": "/usr/lib/ssh/sftp-server"}[b.r.Family]
	b.executable(server, 162_000+int64(hash(b.slug)%90)*8, 0o755)
}

// gidOf is the group id of the first name that the distribution has.
func gidOf(r release, names ...string) int {
	groups := groupsOf(r)
	for _, n := range names {
		for _, g := range groups {
			if g.Name == n {
				return g.GID
			}
		}
	}
	return 0
}
