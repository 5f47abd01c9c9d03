package system

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

func df(c *program.Call) int {
	f, _, ok := c.Parse("ahHiklPTt:x:B:", "human-readable=h print-type=T all=a inodes=i")
	if !ok {
		return 1
	}
	m := c.Machine
	x := m.Memory()
	used := m.Number("disk/used", 1_600_000, 4_900_000) + m.FS.Used()/1024
	rows := []struct {
		device, kind, point string
		size, used          int64
	}{{"udev", "devtmpfs", "/dev", x.Total/2 - 20000, 0}, {"tmpfs", "tmpfs", "/run", x.Total / 10, 620}, {"/dev/sda1", "ext4", "/", 19480400, used}, {"tmpfs", "tmpfs", "/dev/shm", x.Total / 2, 0}, {"tmpfs", "tmpfs", "/run/lock", 5120, 0}, {"tmpfs", "tmpfs", "/run/user/0", x.Total / 10, 0}}
	kind := func(s string) string {
		if f.Has("T") {
			return fmt.Sprintf(" %-8s", s)
		}
		return ""
	}
	if f.Has("h") {
		c.Print("Filesystem     " + kind("Type") + " Size  Used Avail Use% Mounted on\n")
	} else {
		c.Print("Filesystem    " + kind("Type") + " 1K-blocks    Used Available Use% Mounted on\n")
	}
	for _, r := range rows {
		available := r.size - r.used
		if r.point == "/" {
			available -= r.size / 19
		}
		percent := (r.used*100 + r.used + available - 1) / max(r.used+available, 1)
		if f.Has("h") {
			c.Printf("%-14s %s%5s %5s %5s %3d%% %s\n", r.device, kind(r.kind), program.Human(r.size*1024), program.Human(r.used*1024), program.Human(available*1024), percent, r.point)
		} else {
			c.Printf("%-14s%s %9d %7d %9d %3d%% %s\n", r.device, kind(r.kind), r.size, r.used, available, percent, r.point)
		}
	}
	return 0
}

func mount(c *program.Call) int {
	if len(c.Args) > 0 && c.Args[0] != "-l" {
		if c.User.UID != 0 {
			c.Err.Print("mount: " + c.Args[len(c.Args)-1] + ": must be superuser to use mount.\n")
			return 1
		}
		c.Err.Print("mount: " + c.Args[len(c.Args)-1] + ": permission denied.\n")
		return 32
	}
	for _, x := range c.Machine.Mounts() {
		c.Print(x[0] + " on " + x[1] + " type " + x[2] + " (" + x[3] + ")\n")
	}
	return 0
}

func lscpu(c *program.Call) int {
	name, model, stepping, cores, mhz := c.Machine.Processor()
	c.Printf("Architecture:                       %s\nCPU op-mode(s):                     32-bit, 64-bit\nByte Order:                         Little Endian\nAddress sizes:                      43 bits physical, 48 bits virtual\nCPU(s):                             %d\nOn-line CPU(s) list:                0-%d\nThread(s) per core:                 1\nCore(s) per socket:                 1\nSocket(s):                          %d\nNUMA node(s):                       1\nVendor ID:                          GenuineIntel\nCPU family:                         6\nModel:                              %d\nModel name:                         %s\nStepping:                           %d\nCPU MHz:                            %.3f\nBogoMIPS:                           %.2f\nHypervisor vendor:                  KVM\nVirtualization type:                full\nL1d cache:                          32 KiB\nL1i cache:                          32 KiB\nL2 cache:                           4 MiB\nL3 cache:                           16 MiB\nNUMA node0 CPU(s):                  0-%d\nFlags:                              %s\n", c.Machine.Host.Machine, cores, cores-1, cores, model, name, stepping, mhz, mhz*2, cores-1, strings.Join(c.Machine.Hardware.CPU.Flags, " "))
	return 0
}

func nproc(c *program.Call) int {
	_, _, _, cores, _ := c.Machine.Processor()
	c.Printf("%d\n", cores)
	return 0
}

func lsblk(c *program.Call) int {
	c.Print("NAME   MAJ:MIN RM  SIZE RO TYPE MOUNTPOINTS\nsda      8:0    0   20G  0 disk \n├─sda1   8:1    0   19G  0 part /\n├─sda2   8:2    0    1K  0 part \n└─sda5   8:5    0  976M  0 part [SWAP]\nsr0     11:0    1 1024M  0 rom  \n")
	return 0
}

// said is a command that always says the same.
func said(text string, status int) program.Func {
	return func(c *program.Call) int {
		if status == 0 {
			c.Print(text)
		} else {
			c.Err.Print(text)
		}
		return status
	}
}
