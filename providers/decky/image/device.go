package image

import (
	"fmt"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// devices puts /dev but for the host's own disks: numbers are those of the
// kernel's devices.txt.
func (b *builder) devices() {
	tty, disk, kmem, dialout := gidOf(b.r, "tty"), gidOf(b.r, "disk"), gidOf(b.r, "kmem"), gidOf(b.r, "dialout", "uucp")
	char := func(name string, mode uint32, gid, major, minor int) {
		b.image.Add(vfs.Entry{Path: "/dev/" + name, Mode: vfs.TypeChar | mode, GID: gid, Major: major, Minor: minor})
	}
	for _, d := range []struct {
		name              string
		mode              uint32
		gid, major, minor int
	}{
		{"null", 0o666, 0, 1, 3}, {"zero", 0o666, 0, 1, 5}, {"full", 0o666, 0, 1, 7}, {"random", 0o666, 0, 1, 8}, {"urandom", 0o666, 0, 1, 9}, {"kmsg", 0o644, 0, 1, 11}, {"mem", 0o640, kmem, 1, 1}, {"port", 0o640, kmem, 1, 4},
		{"tty", 0o666, tty, 5, 0}, {"console", 0o600, 0, 5, 1}, {"ptmx", 0o666, tty, 5, 2}, {"fuse", 0o666, 0, 10, 229}, {"hpet", 0o600, 0, 10, 228}, {"mcelog", 0o600, 0, 10, 227}, {"nvram", 0o600, 0, 10, 144}, {"loop-control", 0o660, disk, 10, 237},
		{"rtc0", 0o600, 0, 253, 0}, {"snapshot", 0o600, 0, 10, 231}, {"uinput", 0o600, 0, 10, 223}, {"vhost-net", 0o600, 0, 10, 238}, {"cpu_dma_latency", 0o600, 0, 10, 62}, {"autofs", 0o600, 0, 10, 235}, {"btrfs-control", 0o600, 0, 10, 234}, {"mapper/control", 0o600, 0, 10, 236}, {"net/tun", 0o666, 0, 10, 200},
	} {
		char(d.name, d.mode, d.gid, d.major, d.minor)
	}
	for n := range 64 {
		char(fmt.Sprintf("tty%d", n), 0o620, tty, 4, n)
	}
	for n := range 4 {
		char(fmt.Sprintf("ttyS%d", n), 0o660, dialout, 4, 64+n)
	}
	for n := range 7 {
		char(fmt.Sprintf("vcs%d", n), 0o660, tty, 7, n)
		char(fmt.Sprintf("vcsa%d", n), 0o660, tty, 7, 128+n)
	}
	for n := range 8 {
		b.image.Add(vfs.Entry{Path: fmt.Sprintf("/dev/loop%d", n), Mode: vfs.TypeBlock | 0o660, GID: disk, Major: 7, Minor: n})
	}
	b.dir("/dev/shm", 0o1777)
	b.dir("/dev/mqueue", 0o1777)
	b.dir("/dev/hugepages", 0o755)
	b.dir("/dev/input", 0o755)
	for _, l := range [][2]string{{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"}, {"rtc", "rtc0"}} {
		b.link("/dev/"+l[0], l[1])
	}
}
