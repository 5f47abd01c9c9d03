package busybox

import (
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// applets are busybox' as Debian builds it.
const applets = "[ [[ acpid adjtimex ar arch arp arping ascii ash awk base64 basename bc blkdiscard blkid blockdev brctl bunzip2 busybox bzcat bzip2 cal cat chgrp chmod chown chroot chvt clear cmp cp cpio crc32 cttyhack cut date dc dd deallocvt depmod devmem df diff dirname dmesg dnsdomainname dos2unix du dumpkmap dumpleases echo egrep env expand expr factor fallocate false fatattr fgrep find findfs fold free freeramdisk fsfreeze fstrim ftpget ftpput getopt getty grep groups gunzip gzip halt head hexdump hostid hostname httpd hwclock i2cdetect id ifconfig ifdown ifup init insmod ionice ip ipcalc kill killall klogd last less link linux32 linux64 linuxrc ln loadfont loadkmap logger login logname logread losetup ls lsmod lsscsi lzcat lzma lzop md5sum mdev microcom mim mkdir mkdosfs mke2fs mkfifo mknod mkpasswd mkswap mktemp modinfo modprobe more mount mt mv nameif nbd-client nc netstat nl nologin nproc nsenter nslookup nuke od openvt partprobe paste patch pidof ping ping6 pivot_root poweroff printf ps pwd rdate readlink realpath reboot renice reset resume rev rm rmdir rmmod route rpm rpm2cpio run-init run-parts sed seq setkeycodes setpriv setsid sh sha1sum sha256sum sha3sum sha512sum shred shuf sleep sort ssl_client start-stop-daemon stat strings stty svc svok swapoff swapon switch_root sync sysctl syslogd tac tail tar taskset tc tee telnet test tftp time timeout top touch tr traceroute traceroute6 true truncate tty ubirename udhcpc udhcpd uevent umount uname uncompress unexpand uniq unix2dos unlink unlzma unshare unxz unzip uptime usleep uudecode uuencode vconfig vi w watch watchdog wc wget which who whoami xargs xxd xz xzcat yes zcat"

func busybox(c *program.Call) int {
	if len(c.Args) == 0 || c.Args[0] == "--help" {
		c.Print("BusyBox v1.35.0 (Debian 1:1.35.0-4+b3) multi-call binary.\nBusyBox is copyrighted by many authors between 1998-2015.\nLicensed under GPLv2. See source distribution for detailed\ncopyright notices.\n\nUsage: busybox [function [arguments]...]\n   or: busybox --list[-full]\n   or: busybox --show SCRIPT\n   or: busybox --install [-s] [DIR]\n   or: function [arguments]...\n\n\tBusyBox is a multi-call binary that combines many common Unix\n\tutilities into a single executable.  Most people will create a\n\tlink to busybox for each function they wish to use and BusyBox\n\twill act like whatever it was invoked as.\n\nCurrently defined functions:\n\t" + wrapped(strings.ReplaceAll(applets, " ", ", "), 70) + "\n\n")
		return 0
	}
	if c.Args[0] == "--list" {
		c.Print(strings.ReplaceAll(applets, " ", "\n") + "\n")
		return 0
	}
	name := c.Args[0]
	program, ok := c.Kernel.Program(name)
	if !slices.Contains(strings.Fields(applets), name) {
		c.Err.Print(name + ": applet not found\n")
		return 127
	}
	if !ok {
		return 0
	}
	if name == "sh" || name == "ash" {
		status, err := c.Kernel.Shell(c.Ctx, &c.Process, "ash", c.Args[1:], c.Streams)
		c.Stop = err
		return status
	}
	inner := *c
	inner.Name, inner.Args = name, c.Args[1:]
	status := program(&inner)
	c.Stop = inner.Stop
	return status
}

func wrapped(s string, width int) string {
	var b strings.Builder
	n := 0
	for word := range strings.SplitSeq(s, " ") {
		if n+len(word)+1 > width && n > 0 {
			b.WriteString("\n\t")
			n = 0
		} else if n > 0 {
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	return b.String()
}
