package system

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// ipcs shows what processes share by System V's means: nothing on this host.
func ipcs(c *program.Call) int {
	f, _, ok := c.Parse("i:ahlmqst:cpubV", "shmems=m queues=q semaphores=s all=a time=t pid=p creator=c limits=l summary=u human=1 bytes=b id=:i version=V help=h")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("l"):
		c.Print("\n------ Messages Limits --------\nmax queues system wide = 32000\nmax size of message (bytes) = 8192\ndefault max size of queue (bytes) = 16384\n\n------ Shared Memory Limits --------\nmax number of segments = 4096\nmax seg size (kbytes) = 18014398509465599\nmax total shared memory (kbytes) = 18446744073709551612\nmin seg size (bytes) = 1\n\n------ Semaphore Limits --------\nmax number of arrays = 32000\nmax semaphores per array = 32000\nmax semaphores system wide = 1024000000\nmax ops per semop call = 500\nsemaphore max value = 32767\n\n")
		return 0
	}
	every := !f.Has("m") && !f.Has("q") && !f.Has("s")
	if every || f.Has("q") {
		c.Print("\n------ Message Queues --------\nkey        msqid      owner      perms      used-bytes   messages    \n")
	}
	if every || f.Has("m") {
		c.Print("\n------ Shared Memory Segments --------\nkey        shmid      owner      perms      bytes      nattch     status      \n")
	}
	if every || f.Has("s") {
		c.Print("\n------ Semaphore Arrays --------\nkey        semid      owner      perms      nsems     \n")
	}
	c.Print("\n")
	return 0
}

// lsipc is util-linux' ipcs.
func lsipc(c *program.Call) int {
	f, _, ok := c.Parse("mqsghi:ceJlno:PrtbVy", "shmems=m queues=q semaphores=s global=g id=:i noheadings=2 version=V help=h json=J list=l output=:o")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("m") || f.Has("q") || f.Has("s"):
		return 0
	}
	table := [][]string{{"RESOURCE", "DESCRIPTION", "LIMIT", "USED", "USE%"}, {"MSGMNI", "Number of message queues", "32000", "0", "0.00%"}, {"MSGMAX", "Max size of message (bytes)", "8K", "-", "-"}, {"MSGMNB", "Default max size of queue (bytes)", "16K", "-", "-"}, {"SHMMNI", "Shared memory segments", "4096", "0", "0.00%"}, {"SHMALL", "Shared memory pages", "18446744073692774399", "0", "0.00%"}, {"SHMMAX", "Max size of shared memory segment (bytes)", "16E", "-", "-"}, {"SHMMIN", "Min size of shared memory segment (bytes)", "1B", "-", "-"}, {"SEMMNI", "Number of semaphore identifiers", "32000", "0", "0.00%"}, {"SEMMNS", "Total number of semaphores", "1024000000", "0", "0.00%"}, {"SEMMSL", "Max semaphores per semaphore set.", "32000", "-", "-"}, {"SEMOPM", "Max number of operations per semop(2)", "500", "-", "-"}, {"SEMVMX", "Semaphore max value", "32767", "-", "-"}}
	c.Print(aligned(table, func(i int) bool { return i < 2 }))
	return 0
}

// lsns shows the namespaces, of which all processes share one each.
func lsns(c *program.Call) int {
	f, _, ok := c.Parse("Jlno:p:rt:uT::PWhV", "json=J list=l noheadings=n output=:o task=:p raw=r notruncate=u type=:t nowrap=W tree=::T version=V help=h persistent=P")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	}
	count, first, user, command := 0, 0, "", ""
	for _, x := range c.Machine.Processes() {
		if c.User.UID == 0 || x.User == c.User.Name {
			if count++; count == 1 {
				first, user, command = x.PID, x.User, x.Args
			}
		}
	}
	var table [][]string
	if !f.Has("n") {
		table = append(table, []string{"NS", "TYPE", "NPROCS", "PID", "USER", "COMMAND"})
	}
	for i, name := range []string{"time", "cgroup", "pid", "user", "uts", "ipc", "net", "mnt"} {
		number := []int{4026531834, 4026531835, 4026531836, 4026531837, 4026531838, 4026531839, 4026531840, 4026531841}[i]
		if f.Has("t") && f.Value["t"] != name {
			continue
		}
		table = append(table, []string{fmt.Sprint(number), name, fmt.Sprint(count), fmt.Sprint(first), user, command})
	}
	c.Print(aligned(table, func(i int) bool { return i == 1 || i > 3 }))
	return 0
}

// slabtop shows the kernel's caches to root.
func slabtop(c *program.Call) int {
	f, _, ok := c.Parse("d:hos:V", "delay=:d once=o sort=:s help=h version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("h"):
		c.Print(c.Help())
		return 0
	case c.User.UID != 0:
		return c.Complain("Unable to create slabinfo structure: Permission denied")
	}
	k := c.Machine.Memory().Reclaimable
	c.Printf(" Active / Total Objects (%% used)    : %d / %d (%.1f%%)\n Active / Total Slabs (%% used)      : %d / %d (100.0%%)\n Active / Total Caches (%% used)     : 104 / 152 (68.4%%)\n Active / Total Size (%% used)       : %.2fK / %.2fK (%.1f%%)\n Minimum / Average / Maximum Object : 0.01K / 0.24K / 8.00K\n\n  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME                   \n", k*4, k*4+k/9, 97.3, k/7, k/7, float64(k)*0.95, float64(k), 95.0)
	for _, x := range [][2]string{{"0.19K", "dentry"}, {"0.10K", "buffer_head"}, {"1.15K", "ext4_inode_cache"}, {"0.13K", "kernfs_node_cache"}, {"0.57K", "radix_tree_node"}, {"0.62K", "inode_cache"}, {"0.20K", "vm_area_struct"}} {
		n := c.Machine.Number("slab/"+x[1], 2000, 60_000)
		c.Printf("%6d %6d %3d%% %8s %6d %8d %9dK %-22s\n", n, n*98/100, 98, x[0], n/21+1, 21, n/21*4+4, x[1])
	}
	return 0
}

// onDevice is a program that makes, checks or changes a file system: what it
// says of a device of this host.
func onDevice(fallback program.Func) program.Func {
	return func(c *program.Call) int {
		if len(c.Args) == 0 || strings.HasPrefix(c.Args[len(c.Args)-1], "-") {
			return fallback(c)
		}
		path := c.Path(c.Args[len(c.Args)-1])
		for _, b := range c.Machine.Hardware.Blocks {
			if b.Path == path || "/dev/"+b.Name == path {
				return answered(c, b)
			}
		}
		return fallback(c)
	}
}

// answered answers for one device.
func answered(c *program.Call, b persona.Block) int {
	head := c.Name + " 1.47.0 (5-Feb-2023)\n"
	making := strings.HasPrefix(c.Name, "mk")
	if making {
		head = "mke2fs 1.47.0 (5-Feb-2023)\n"
	}
	switch {
	case c.User.UID != 0 && making:
		c.Err.Print(head + "Could not open " + b.Path + ": Permission denied\n")
		return 1
	case c.User.UID != 0:
		c.Err.Print(head + c.Name + ": Permission denied while trying to open " + b.Path + "\nYou must have r/w access to the filesystem or be root\n")
		return 8
	case making && (b.Mount != "" || b.Kind == "disk"):
		word := "is mounted"
		if b.Mount == "" || b.Mount == "[SWAP]" {
			word = "is apparently in use by the system"
		}
		c.Err.Print(head + b.Path + " " + word + "; will not make a filesystem here!\n")
		return 1
	case b.Mount != "" && b.FS == "ext4" && strings.Contains(c.Name, "fsck"):
		if c.Name == "fsck" {
			c.Print("fsck from util-linux " + c.VersionOf("util-linux") + "\n")
		}
		c.Err.Print("e2fsck 1.47.0 (5-Feb-2023)\n" + b.Path + " is mounted.\ne2fsck: Cannot continue, aborting.\n\n\n")
		return 8
	case b.FS == "ext4" && c.Name == "e2label":
		c.Print("\n")
		return 0
	}
	c.Err.Print(head + c.Name + ": Bad magic number in super-block while trying to open " + b.Path + "\n")
	return 1
}
