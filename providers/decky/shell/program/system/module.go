package system

import (
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// shippedModules are some that a distribution's kernel has beside what is loaded.
var shippedModules = strings.Fields("msr tun tap loop dummy bonding bridge 8021q overlay br_netfilter nf_conntrack nf_nat ip_tables iptable_filter iptable_nat iptable_mangle xt_conntrack xt_MASQUERADE ip6_tables nf_tables nft_compat veth macvlan vxlan wireguard ip_gre ipip sctp dccp fuse vfat ntfs3 xfs btrfs nfs cifs nbd zram cpuid coretemp softdog pcspkr usb_storage uinput binfmt_misc squashfs isofs algif_hash")

// loadedModules are the lines of /proc/modules.
func loadedModules(c *program.Call) [][]string {
	data, err := c.View().ReadFile("/proc/modules")
	if err != nil {
		return nil
	}
	var list [][]string
	for _, line := range program.Lines(data) {
		if words := strings.Fields(line); len(words) >= 4 {
			list = append(list, words)
		}
	}
	return list
}

func isLoaded(c *program.Call, name string) bool {
	name = strings.ReplaceAll(name, "-", "_")
	return slices.ContainsFunc(loadedModules(c), func(m []string) bool { return m[0] == name })
}

// lsmod is /proc/modules as a table.
func lsmod(c *program.Call) int {
	if len(c.Args) > 0 {
		c.Err.Print("Usage: lsmod\n")
		return 1
	}
	c.Print("Module                  Size  Used by\n")
	for _, m := range loadedModules(c) {
		c.Printf("%-19s %8s  %s", m[0], m[1], m[2])
		if users := strings.Trim(m[3], ",-"); users != "" {
			c.Print(" " + users)
		}
		c.Print("\n")
	}
	return 0
}

// modprobe and its kin load and remove modules that the kernel's package has;
// what is loaded stays as it is.
func modprobe(c *program.Call) int {
	var names []string
	for _, a := range c.Args {
		if !strings.HasPrefix(a, "-") {
			names = append(names, a)
		}
	}
	remove := c.Name == "rmmod" || slices.Contains(c.Args, "-r") || slices.Contains(c.Args, "--remove")
	switch {
	case len(names) == 0 && c.Name == "modprobe" && len(c.Args) == 0:
		c.Err.Print("modprobe: ERROR: missing parameters. See -h.\n")
		return 1
	case len(names) == 0 && c.Name == "insmod":
		c.Err.Print("insmod: ERROR: missing filename.\n")
		return 1
	case len(names) == 0 && c.Name == "rmmod":
		c.Err.Print("rmmod: ERROR: missing module name.\n")
		return 1
	case len(names) == 0:
		return 0
	}
	name, loaded := names[0], isLoaded(c, names[0])
	known := loaded || slices.Contains(shippedModules, strings.ReplaceAll(name, "-", "_"))
	switch {
	case c.Name == "insmod":
		if _, err := c.View().Stat(c.Path(name)); err != nil {
			c.Err.Print("insmod: ERROR: could not load module " + name + ": No such file or directory\n")
			return 1
		}
		c.Err.Print("insmod: ERROR: could not insert module " + name + ": Invalid module format\n")
		return 1
	case c.Name == "rmmod" && !loaded:
		c.Err.Print("rmmod: ERROR: Module " + name + " is not currently loaded\n")
		return 1
	case c.User.UID != 0:
		word := map[bool]string{true: "remove", false: "insert"}[remove]
		c.Err.Print(c.Name + ": ERROR: could not " + word + " '" + name + "': Operation not permitted\n")
		return 1
	case !known:
		c.Err.Print("modprobe: FATAL: Module " + name + " not found in directory /lib/modules/" + c.Machine.Host.Kernel + "\n")
		return 1
	}
	return 0
}

// modinfo tells where a module is and what it is.
func modinfo(c *program.Call) int {
	f, names, ok := c.Parse("0F:ab:dhk:lnpV", "author=a basename=:b description=d field=:F filename=n help=h license=l parameters=p version=V null=0 set-version=:k")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Print("kmod version 30\n+ZSTD +XZ -ZLIB +LIBCRYPTO -EXPERIMENTAL\n")
		return 0
	case len(names) == 0:
		c.Err.Print("modinfo: ERROR: missing module or filename.\n")
		return 1
	}
	status := 0
	for _, name := range names {
		if !isLoaded(c, name) && !slices.Contains(shippedModules, name) {
			c.Err.Print("modinfo: ERROR: Module " + name + " not found.\n")
			status = 1
			continue
		}
		fields := [][2]string{{"filename", "/lib/modules/" + c.Machine.Host.Kernel + "/kernel/" + modulePath(name)}, {"license", "GPL"}, {"intree", "Y"}, {"name", name}, {"vermagic", c.Machine.Host.Kernel + " SMP preempt mod_unload modversions "}}
		only := f.Value["F"]
		if f.Has("n") {
			only = "filename"
		} else if f.Has("l") {
			only = "license"
		}
		for _, field := range fields {
			switch {
			case only == field[0]:
				c.Print(field[1] + "\n")
			case only == "":
				c.Printf("%-16s%s\n", field[0]+":", field[1])
			}
		}
	}
	return status
}

// modulePath is where a module lies below kernel/.
func modulePath(name string) string {
	dirs := map[string]string{"ext4": "fs/ext4", "xfs": "fs/xfs", "jbd2": "fs/jbd2", "fuse": "fs/fuse", "autofs4": "fs/autofs", "nf_tables": "net/netfilter", "nfnetlink": "net/netfilter", "ip_tables": "net/ipv4/netfilter", "x_tables": "net/netfilter", "virtio_net": "drivers/net", "vmxnet3": "drivers/net/vmxnet3", "loop": "drivers/block", "dm_mod": "drivers/md"}
	dir := dirs[name]
	if dir == "" {
		dir = "drivers/" + name
	}
	return dir + "/" + name + ".ko"
}
