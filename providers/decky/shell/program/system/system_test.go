package system_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// said is what a line prints, of which nothing may go wrong.
func said(t *testing.T, h *programtest.Host, line string) string {
	t.Helper()
	out, err, _ := h.Run(t, line, "")
	if err != "" {
		t.Errorf("%s: %s", line, err)
	}
	return strings.TrimSpace(out)
}

// What two programs tell of the same thing is the same.
func TestAgreement(t *testing.T) {
	h := programtest.New(t, "root")
	for _, x := range [][2]string{
		{"nproc", "grep -c ^processor /proc/cpuinfo"},
		{"nproc", "lscpu | sed -n 's/^CPU(s): *//p'"},
		{"nproc", "getconf _NPROCESSORS_ONLN"},
		{"lscpu | sed -n 's/^Model name: *//p'", "sed -n 's/^model name\\t: //p' /proc/cpuinfo | head -1"},
		{"free | awk '/Mem/{print $2}'", "awk '/MemTotal/{print $2}' /proc/meminfo"},
		{"free | awk '/Swap/{print $2}'", "awk 'NR>1{print $3}' /proc/swaps"},
		{"vmstat -s | awk '/total memory/{print $1}'", "awk '/MemTotal/{print $2}' /proc/meminfo"},
		{"vmstat -s | awk '/boot time/{print $1}'", "awk '/btime/{print $2}' /proc/stat"},
		{"date -d \"$(uptime -s)\" +%s", "awk '/btime/{print $2}' /proc/stat"},
		{"last reboot | awk 'NR==1{print $5,$6,$7,$8}'", "date -d \"$(uptime -s)\" '+%a %b %-d %H:%M'"},
		{"who -b | awk '{print $3,$4}'", "uptime -s | cut -c1-16"},
		{"df --output=source / | tail -1", "awk '$2==\"/\"{print $1}' /proc/mounts"},
		{"findmnt -n -o SOURCE /", "awk '$2==\"/\"{print $1}' /proc/mounts"},
		{"blkid -s UUID -o value $(findmnt -n -o SOURCE /)", "lsblk -n -o UUID $(findmnt -n -o SOURCE /)"},
		{"lsblk -dnb -o SIZE | head -1", "echo $(($(cat /sys/block/$(lsblk -dn -o NAME | head -1)/size) * 512))"},
		{"fdisk -l | sed -n '1s/.*, \\([0-9]*\\) sectors/\\1/p'", "cat /sys/block/$(lsblk -dn -o NAME | head -1)/size"},
		{"dmidecode -s system-product-name", "cat /sys/class/dmi/id/product_name"},
		{"dmidecode -s system-uuid", "cat /sys/class/dmi/id/product_uuid"},
		{"dmidecode -t system | sed -n 's/.*Manufacturer: //p'", "cat /sys/class/dmi/id/sys_vendor"},
		{"lsmod | awk 'NR>1{print $1,$2}'", "awk '{print $1,$2}' /proc/modules"},
		{"uname -r", "cat /proc/sys/kernel/osrelease"},
		{"dmesg -t | head -1 | cut -d' ' -f3", "uname -r"},
		{"dmesg | sed -n 's/.*Command line: //p' | head -1", "cat /proc/cmdline"},
		{"utmpdump /var/log/wtmp 2>/dev/null | grep -c '^\\[7\\]'", "last | grep -c pts/"},
	} {
		if a, b := said(t, h, x[0]), said(t, h, x[1]); a != b || a == "" {
			t.Errorf("%s: %q\n%s: %q", x[0], a, x[1], b)
		}
	}
}

// A setting that is written is read, and what cannot be written stays.
func TestSysctl(t *testing.T) {
	h := programtest.New(t, "root")
	if got := said(t, h, "sysctl -w net.ipv4.ip_forward=1; cat /proc/sys/net/ipv4/ip_forward; sysctl -n net.ipv4.ip_forward"); got != "net.ipv4.ip_forward = 1\n1\n1" {
		t.Errorf("%q", got)
	}
	out, err, status := h.Run(t, "sysctl -w nosuch.thing=1", "")
	if out != "" || err != "sysctl: cannot stat /proc/sys/nosuch/thing: No such file or directory\n" || status != 1 {
		t.Errorf("%d %q %q", status, out, err)
	}
	_, err, status = h.As("admin").Run(t, "/usr/sbin/sysctl -w net.ipv4.ip_forward=0", "")
	if err != "sysctl: permission denied on key \"net.ipv4.ip_forward\"\n" && err != "sysctl: permission denied on key 'net.ipv4.ip_forward'\n" || status == 0 {
		t.Errorf("%d %q", status, err)
	}
}

func TestForms(t *testing.T) {
	h := programtest.New(t, "root")
	for line, want := range map[string]string{
		"lsblk":                 `^NAME +MAJ:MIN RM +SIZE RO TYPE MOUNTPOINTS\n\S+ +\d+:0 +0 +\S+ +0 disk \n├─`,
		"lsblk -l -n -o NAME":   `^\S+\n\S+1\n`,
		"lsblk -f":              `^NAME +FSTYPE FSVER LABEL UUID +FSAVAIL FSUSE% MOUNTPOINTS\n`,
		"lsblk -P -o NAME,TYPE": `^NAME="\S+" TYPE="disk"\n`,
		"free -h":               `^ +total +used +free +shared +buff/cache +available\nMem: +[\d.]+Gi +[\d.]+[MG]i +[\d.]+[MG]i +[\d.]+[KM]i +[\d.]+[MG]i +[\d.]+Gi\nSwap: `,
		"free -t | tail -1":     `^Total: +\d+ +\d+ +\d+\n$`,
		"free -w | head -1":     `^               total        used        free      shared     buffers       cache   available\n$`,
		"vmstat":                `^procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n`,
		"vmstat 1 2 | wc -l":    `^4\n$`,
		"uptime -p":             `^up (\d+ weeks?, )?(\d+ days?, )?(\d+ hours?, )?\d+ minutes?\n$`,
		"last -n 1 -F":          `^\w+ +pts/0 +\S+ +\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} - \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}  \(\d\d:\d\d\)\n\nwtmp begins `,
		"lastb":                 `^\nbtmp begins \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n$`,
		"swapon --show":         `^NAME +TYPE +SIZE USED PRIO\n`,
		"findmnt | head -2":     `^TARGET +SOURCE +FSTYPE +OPTIONS\n/ +/dev/`,
		"fdisk -l | head -1":    `^Disk /dev/\w+: \d+ GiB, \d+ bytes, \d+ sectors\n$`,
		"dmesg | head -1":       `^\[    0\.000000\] Linux version `,
		"dmesg -T | head -1":    `^\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\] Linux version `,
		"modinfo -n ext4":       `^/lib/modules/\S+/kernel/fs/ext4/ext4\.ko\n$`,
		"dmidecode -t 1 -q":     `^System Information\n\tManufacturer: `,
	} {
		if out, err, _ := h.Run(t, line, ""); !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s: %q %q", line, out, err)
		}
	}
	out, _, _ := h.Run(t, "lsblk -J", "")
	var tree struct {
		Devices []struct {
			Name     string
			Children []struct{ Name string }
		} `json:"blockdevices"`
	}
	if err := json.Unmarshal([]byte(out), &tree); err != nil || len(tree.Devices) == 0 || len(tree.Devices[0].Children) == 0 {
		t.Errorf("lsblk -J: %v\n%s", err, out)
	}
}

// What makes and checks file systems refuses what is mounted, in e2fsprogs'
// 1.47.0's words.
func TestMountedDevices(t *testing.T) {
	h := programtest.New(t, "root")
	root := said(t, h, "findmnt -n -o SOURCE /")
	for line, want := range map[string]string{
		"mkfs.ext4 " + root: "mke2fs 1.47.0 (5-Feb-2023)\n" + root + " is mounted; will not make a filesystem here!\n",
		"e2fsck " + root:    "e2fsck 1.47.0 (5-Feb-2023)\n" + root + " is mounted.\ne2fsck: Cannot continue, aborting.\n\n\n",
		"wdctl":             "wdctl: No default device is available.: No such file or directory\n",
		"blockdev":          "blockdev: not enough arguments\nTry 'blockdev --help' for more information.\n",
	} {
		if out, err, status := h.Run(t, line, ""); out != "" || err != want || status == 0 {
			t.Errorf("%s: %d %q %q", line, status, out, err)
		}
	}
	for line, want := range map[string]string{"lsns -n -t mnt -o NS": "4026531841", "ipcs -m | sed -n 2p": "------ Shared Memory Segments --------", "lsipc | head -1 | cut -c1-8": "RESOURCE"} {
		if got := said(t, h, line); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// The words are util-linux' 2.38.1, procps' 4.0.2 and kmod's 30.
func TestWords(t *testing.T) {
	h := programtest.New(t, "admin")
	for _, x := range []struct {
		line, err string
		status    int
	}{
		{"dmesg", "dmesg: read kernel buffer failed: Operation not permitted\n", 1},
		{"lsblk -o foo", "lsblk: unknown column: foo\nTry 'lsblk --help' for more information.\n", 1},
		{"lsblk /dev/nofile", "lsblk: /dev/nofile: not a block device\n", 32},
		{"/usr/sbin/swapoff", "swapoff: bad usage\nTry 'swapoff --help' for more information.\n", 1},
		{"/usr/sbin/swapon /nofile", "swapon: cannot open /nofile: No such file or directory\n", 255},
		{"lastb", "lastb: cannot open /var/log/btmp: Permission denied\n", 1},
		{"last -f /nofile", "last: cannot open /nofile: No such file or directory\n", 1},
		{"vmstat x", "vmstat: failed to parse argument: 'x'\n", 1},
		{"vmstat 0", "vmstat: delay must be positive integer\n", 1},
		{"/usr/sbin/modinfo nosuch", "modinfo: ERROR: Module nosuch not found.\n", 1},
		{"who a b c", "who: extra operand ‘c’\nTry 'who --help' for more information.\n", 1},
	} {
		if _, err, status := h.Run(t, x.line, ""); err != x.err || status != x.status {
			t.Errorf("%s: %d %q", x.line, status, err)
		}
	}
	if out, _, _ := h.Run(t, "free -V; lsblk -V", ""); out != "free from procps-ng 4.0.2\nlsblk from util-linux 2.38.1\n" {
		t.Errorf("%q", out)
	}
}
