package machine

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// directories of an installation; "!" marks those of the kernel, where
// nothing new can be made.
var directories = strings.Fields(`/ /boot /dev! /dev/pts! /dev/shm:1777 /dev/mqueue:1777! /dev/disk! /dev/input! /etc /etc/alternatives /etc/apt /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/cron.d
/etc/cron.daily /etc/cron.hourly /etc/cron.monthly /etc/cron.weekly /etc/default /etc/init.d /etc/iproute2 /etc/kernel /etc/ld.so.conf.d /etc/logrotate.d /etc/network /etc/network/interfaces.d
/etc/network/if-up.d /etc/pam.d /etc/profile.d /etc/rc0.d /etc/rc1.d /etc/rc2.d /etc/rc3.d /etc/rc4.d /etc/rc5.d /etc/rc6.d /etc/rcS.d /etc/security /etc/skel /etc/ssh /etc/ssh/sshd_config.d /etc/ssl
/etc/ssl/certs /etc/ssl/private:710 /etc/sudoers.d:750 /etc/sysctl.d /etc/systemd /etc/systemd/system /etc/systemd/network /etc/terminfo /etc/udev /etc/update-motd.d /home /lost+found:700 /media /mnt /opt
/proc:555! /root:700 /root/.ssh:700 /run /run/lock:1777 /run/sshd /run/systemd /run/user /run/network /srv /sys:555! /sys/class! /sys/class/net! /sys/devices! /sys/fs! /sys/fs/cgroup! /sys/kernel! /sys/block! /sys/module! /sys/power!
/tmp:1777 /tmp/.X11-unix:1777 /tmp/.font-unix:1777 /tmp/.ICE-unix:1777 /tmp/.XIM-unix:1777 /usr /usr/bin /usr/games /usr/include /usr/lib /usr/lib/x86_64-linux-gnu /usr/lib/openssh /usr/lib/systemd /usr/lib/python3
/usr/lib64 /usr/lib32 /usr/libx32 /usr/libexec /usr/local /usr/local/bin /usr/local/etc /usr/local/games /usr/local/include /usr/local/lib /usr/local/sbin /usr/local/share /usr/local/src /usr/sbin /usr/share /usr/share/doc
/usr/share/man /usr/share/zoneinfo /usr/src /var /var/backups /var/cache /var/cache/apt /var/lib /var/lib/apt /var/lib/dpkg /var/lib/dpkg/info /var/lib/systemd /var/local:2775 /var/log /var/log/apt
/var/log/journal:2755 /var/log/private:700 /var/mail:2775 /var/opt /var/spool /var/spool/cron /var/spool/cron/crontabs:1730 /var/tmp:1777`)

var links = map[string]string{
	"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/lib64": "usr/lib64", "/lib32": "usr/lib32", "/libx32": "usr/libx32", "/var/run": "/run", "/var/lock": "/run/lock",
	"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2", "/dev/core": "/proc/kcore",
	"/etc/os-release": "../usr/lib/os-release", "/etc/mtab": "../proc/self/mounts", "/etc/localtime": "/usr/share/zoneinfo/Etc/UTC", "/usr/local/man": "share/man", "/etc/rmt": "/usr/sbin/rmt",
	"/usr/bin/sh": "dash", "/initrd.img": "boot/initrd.img-%s", "/vmlinuz": "boot/vmlinuz-%s", "/var/spool/mail": "../mail", "/var/lib/dbus/machine-id": "/etc/machine-id",
	"/proc/mounts": "self/mounts", "/proc/net": "self/net", "/etc/rc2.d/S01ssh": "../init.d/ssh", "/etc/rc2.d/S01cron": "../init.d/cron",
}

// devices: name, mode, owner's group, major, minor.
var devices = []struct {
	name              string
	mode              uint32
	gid, major, minor int
}{
	{"null", vfs.TypeChar | 0o666, 0, 1, 3}, {"zero", vfs.TypeChar | 0o666, 0, 1, 5}, {"full", vfs.TypeChar | 0o666, 0, 1, 7}, {"random", vfs.TypeChar | 0o666, 0, 1, 8}, {"urandom", vfs.TypeChar | 0o666, 0, 1, 9},
	{"tty", vfs.TypeChar | 0o666, 5, 5, 0}, {"console", vfs.TypeChar | 0o600, 5, 5, 1}, {"ptmx", vfs.TypeChar | 0o666, 5, 5, 2}, {"kmsg", vfs.TypeChar | 0o644, 0, 1, 11}, {"mem", vfs.TypeChar | 0o640, 15, 1, 1},
	{"sda", vfs.TypeBlock | 0o660, 6, 8, 0}, {"sda1", vfs.TypeBlock | 0o660, 6, 8, 1}, {"sda2", vfs.TypeBlock | 0o660, 6, 8, 2}, {"sda5", vfs.TypeBlock | 0o660, 6, 8, 5}, {"fuse", vfs.TypeChar | 0o666, 0, 10, 229},
	{"tty0", vfs.TypeChar | 0o620, 5, 4, 0}, {"tty1", vfs.TypeChar | 0o620, 5, 4, 1}, {"ttyS0", vfs.TypeChar | 0o660, 20, 4, 64}, {"loop-control", vfs.TypeChar | 0o660, 6, 10, 237}, {"rtc0", vfs.TypeChar | 0o600, 0, 253, 0},
	{"pts/ptmx", vfs.TypeChar, 0, 5, 2}, {"pts/0", vfs.TypeChar | 0o620, 5, 136, 0},
}

// tree makes directories, links and devices.
func (m *Machine) tree() {
	for _, d := range directories {
		fixed := strings.HasSuffix(d, "!")
		path, perm, _ := strings.Cut(strings.TrimSuffix(d, "!"), ":")
		mode := uint32(0o755)
		if perm != "" {
			_, _ = fmt.Sscanf(perm, "%o", &mode)
		}
		at := m.spread(path)
		if fixed || strings.HasPrefix(path, "/run") || strings.HasPrefix(path, "/tmp") {
			at = m.Boot
		}
		m.FS.AddDir(path, mode, 0, 0, at, fixed)
	}
	for path, target := range links {
		if strings.Contains(target, "%s") {
			target = fmt.Sprintf(target, m.Host.Kernel)
		}
		m.FS.AddLink(path, target, m.Built)
	}
	for _, d := range devices {
		m.FS.AddDevice("/dev/"+d.name, d.mode, 0, d.gid, d.major, d.minor, m.Boot)
	}
}
