package busybox

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// usages are the operands of each applet of Debian's build, "name|[-ab] FILE".
//
//go:embed data/usages.txt
var usages string

var usageOf = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(usages), "\n") {
		name, text, _ := strings.Cut(line, "|")
		all[name] = text
	}
	return all
})

// applets are those of Debian's busybox and busybox-static.
const applets = "[ [[ acpid adjtimex ar arch arp arping ascii ash awk base64 basename bc blkdiscard blockdev brctl bunzip2 busybox bzcat bzip2 cal cat chgrp chmod chown chroot chvt clear cmp cp cpio crc32 crond crontab cttyhack cut date dc dd deallocvt depmod devmem df diff dirname dmesg dnsdomainname dos2unix dpkg dpkg-deb du dumpkmap dumpleases echo ed egrep env expand expr factor fallocate false fatattr fdisk fgrep find findfs fold free freeramdisk fsfreeze fstrim ftpget ftpput getopt getty grep groups gunzip gzip halt head hexdump hostid hostname httpd hwclock i2cdetect i2cdump i2cget i2cset i2ctransfer id ifconfig ifdown ifup init insmod ionice ip ipcalc ipneigh kill killall klogd last less link linux32 linux64 linuxrc ln loadfont loadkmap logger login logname logread losetup ls lsmod lsscsi lzcat lzma lzop md5sum mdev microcom mim mkdir mkdosfs mke2fs mkfifo mknod mkpasswd mkswap mktemp modinfo modprobe more mount mt mv nameif nc netstat nl nologin nproc nsenter nslookup nuke od openvt partprobe passwd paste patch pidof ping ping6 pivot_root poweroff printf ps pwd rdate readlink realpath reboot renice reset resume rev rm rmdir rmmod route rpm rpm2cpio run-init run-parts sed seq setkeycodes setpriv setsid sh sha1sum sha256sum sha3sum sha512sum shred shuf sleep sort ssl_client start-stop-daemon stat strings stty su sulogin svc svok swapoff swapon switch_root sync sysctl syslogd tac tail tar taskset tc tee telnet telnetd test tftp time timeout top touch tr traceroute traceroute6 true truncate ts tty tunctl ubirename udhcpc udhcpd uevent umount uname uncompress unexpand uniq unix2dos unlink unlzma unshare unxz unzip uptime usleep uudecode uuencode vconfig vi w watch watchdog wc wget which who whoami xargs xxd xz xzcat yes zcat"

// smaller are the applets that an embedded system's firmware has.
const smaller = "[ [[ arp arping ash awk basename brctl bunzip2 bzcat cat chgrp chmod chown chroot clear cmp cp crond crontab cut date dd df diff dirname dmesg dnsdomainname du echo egrep env expr false fdisk fgrep find free ftpget ftpput getty grep gunzip gzip halt head hexdump hostname id ifconfig init insmod ip kill killall klogd less ln logger login ls lsmod md5sum mkdir mkfifo mknod mktemp modprobe more mount mv nc netstat nice nohup nslookup passwd pidof ping ping6 poweroff printf ps pwd readlink reboot renice reset rm rmdir rmmod route sed seq sh sha1sum sleep sort stty sync sysctl syslogd tail tar tee telnet telnetd test tftp time top touch tr traceroute true tty udhcpc umount uname uniq unzip uptime vconfig vi watchdog wc wget which whoami xargs yes zcat"

// build is one busybox as somebody built it.
type build struct{ version, maker, applets string }

// builds by the start of the distro's name: the versions of their packages;
// "embedded" stands for firmware.
var builds = []struct {
	distro string
	build  build
}{
	{"debian11", build{"1.30.1", "Debian 1:1.30.1-6+b3", applets}}, {"debian", build{"1.35.0", "Debian 1:1.35.0-4+deb12u1+b1", applets}},
	{"ubuntu20", build{"1.30.1", "Ubuntu 1:1.30.1-4ubuntu6.4", applets}}, {"ubuntu", build{"1.30.1", "Ubuntu 1:1.30.1-7ubuntu3", applets}},
	{"alpine", build{"1.36.1", "2023-11-07 18:53:09 UTC", applets}}, {"embedded", build{"1.19.4", "2014-03-12 09:30:15 CST", smaller}},
	{"", build{"1.35.0", "Debian 1:1.35.0-4+deb12u1+b1", applets}},
}

func buildOf(c *program.Call) build {
	distro := strings.ReplaceAll(strings.ToLower(c.Machine.Host.Distro), "-", "")
	for _, b := range builds {
		if strings.HasPrefix(distro, b.distro) {
			return b.build
		}
	}
	return builds[len(builds)-1].build
}

func (b build) banner() string {
	return "BusyBox v" + b.version + " (" + b.maker + ") multi-call binary.\n"
}

// busybox is the multi-call binary: called by its own name it takes an applet's
// as the first operand, by any other it is that applet.
func busybox(c *program.Call) int {
	b := buildOf(c)
	name, args := c.Name, c.Args
	if name == "busybox" {
		if len(args) == 0 || args[0] == "--help" {
			c.Print(b.banner() + "BusyBox is copyrighted by many authors between 1998-2015.\nLicensed under GPLv2. See source distribution for detailed\ncopyright notices.\n\nUsage: busybox [function [arguments]...]\n   or: busybox --list[-full]\n   or: busybox --show SCRIPT\n   or: busybox --install [-s] [DIR]\n   or: function [arguments]...\n\n\tBusyBox is a multi-call binary that combines many common Unix\n\tutilities into a single executable.  Most people will create a\n\tlink to busybox for each function they wish to use and BusyBox\n\twill act like whatever it was invoked as.\n\nCurrently defined functions:\n" + wrapped(b.applets) + "\n\n")
			return 0
		}
		switch args[0] {
		case "--list":
			c.Print(strings.ReplaceAll(b.applets, " ", "\n") + "\n")
			return 0
		case "--list-full":
			for _, a := range strings.Fields(b.applets) {
				c.Print("bin/" + a + "\n")
			}
			return 0
		case "--install":
			return 0
		}
		name, args = args[0], args[1:]
	}
	name = program.Base(name)
	if !slices.Contains(strings.Fields(b.applets), name) {
		c.Err.Print(name + ": applet not found\n")
		return 127
	}
	if name == "busybox" {
		inner := *c
		inner.Name, inner.Args = name, args
		status := busybox(&inner)
		c.Stop = inner.Stop
		return status
	}
	return b.applet(c, name, args)
}

// applet runs a program in busybox' words.
func (b build) applet(c *program.Call, name string, args []string) int {
	if len(args) == 1 && args[0] == "--help" && !slices.Contains([]string{"true", "false", "test", "[", "[[", "echo", "printf"}, name) {
		c.Err.Print(b.banner() + "\n" + usage(name) + "\n")
		return 0
	}
	if own, ok := ours[name]; ok && (len(args) == 0 || own.operands && !slices.ContainsFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") })) {
		c.Err.Print(b.banner() + "\n" + usage(name) + "\n")
		return 1
	}
	f, ok := c.Kernel.Program(name)
	if !ok {
		c.Kernel.Unknown()
		c.Err.Print(b.banner() + "\n" + usage(name) + "\n")
		return 1
	}
	t := &translator{to: c.Err, name: name, build: b}
	inner := *c
	inner.Name, inner.Args, inner.Applet = name, args, true
	inner.Err = program.Stream{Writer: t, TTY: c.Err.TTY, Given: c.Err.Given}
	status := f(&inner)
	t.flush()
	c.Stop = inner.Stop
	if t.usage || status > 1 && slices.Contains([]string{"ls", "sed", "awk", "unzip", "gzip", "gunzip", "tar", "mount", "umount"}, name) {
		return 1
	}
	if name == "timeout" {
		switch status {
		case 124:
			c.Err.Print("Terminated\n")
			return 143
		case 125:
			return 1
		}
	}
	return status
}

// wrapped sets the list of applets as busybox does, in 80 columns.
func wrapped(list string) string {
	var b strings.Builder
	column := 0
	for i, name := range strings.Fields(list) {
		text := name
		if i > 0 {
			text = ", " + name
		}
		switch {
		case column == 0 && i == 0:
			b.WriteString("\t" + name)
			column = 8 + len(name)
		case column+len(text) > 77:
			b.WriteString(",\n\t" + name)
			column = 8 + len(name)
		default:
			b.WriteString(text)
			column += len(text)
		}
	}
	return b.String()
}
