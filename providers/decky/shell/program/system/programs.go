// Package system holds the programs that tell of the host itself: memory, disks, processors,
// uptime, kernel.
package system

import (
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/minor"
)

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	all := map[string]program.Func{
		"uname": uname, "hostname": hostname, "uptime": uptime, "w": w, "who": who, "last": last, "lastb": last, "utmpdump": utmpdump, "free": free, "df": df, "mount": mount, "lscpu": lscpu, "nproc": nproc, "lsblk": lsblk, "dmesg": dmesg, "tty": tty,
		"sysctl": sysctl, "vmstat": vmstat, "umount": umount, "fdisk": fdisk, "blkid": blkid, "getconf": getconf, "users": users, "hostid": hostid, "lsusb": lsusb, "lsmem": lsmem,
		"dmidecode": dmidecode, "modprobe": modprobe, "insmod": modprobe, "rmmod": modprobe, "lsof": lsof, "mountpoint": mountpoint, "findmnt": findmnt,
		"true": quiet, "false": no, "pwd": pwd, "arch": arch, "clear": said("\x1b[H\x1b[2J\x1b[3J", 0), "reset": said("\x1bc", 0), "sync": quiet, "stty": quiet, "tput": quiet, "logger": quiet, "ldconfig": quiet,
		"lsmod": lsmod, "lspci": lspci, "modinfo": modinfo, "swapon": swapon, "swapoff": swapoff,

		"locale": said("LANG=en_US.UTF-8\nLANGUAGE=\nLC_ALL=\n", 0),
		"ipcs":   ipcs, "lsipc": lsipc, "lsns": lsns, "slabtop": slabtop,
	}
	words := minor.Programs()
	for _, name := range []string{"mke2fs", "mkfs.ext2", "mkfs.ext3", "mkfs.ext4", "fsck", "fsck.ext2", "fsck.ext3", "fsck.ext4", "e2fsck", "e2label"} {
		all[name] = onDevice(words[name])
	}
	return all
}
