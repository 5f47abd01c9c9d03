package system

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// sysctl shows and sets what stands below /proc/sys.
func sysctl(c *program.Call) int {
	f, names, ok := c.Parse("aAbefhnNpqr:wxX", "all=a values=n names=N ignore=e write=w quiet=q load=::p system=S pattern=:r")
	if !ok {
		return 1
	}
	if f.Has("a") || f.Has("A") || f.Has("X") {
		c.Walk("/proc/sys", func(path string, info vfs.Info, _ int) bool {
			if !info.IsDir() {
				shownSysctl(c, f, strings.TrimPrefix(path, "/proc/sys/"))
			}
			return true
		})
		return 0
	}
	if f.Has("p") || f.Has("S") {
		if data, err := c.View().ReadFile("/etc/sysctl.conf"); err == nil {
			for _, line := range program.Lines(data) {
				if line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ";") {
					names = append(names, strings.ReplaceAll(line, " ", ""))
				}
			}
		}
	} else if len(names) == 0 {
		c.Err.Print("\nUsage:\n sysctl [options] [variable[=value] ...]\n\nFor more details see sysctl(8).\n")
		return 1
	}
	status := 0
	for _, name := range names {
		key, value, set := strings.Cut(name, "=")
		key = strings.ReplaceAll(strings.TrimPrefix(key, "/proc/sys/"), ".", "/")
		path := "/proc/sys/" + key
		dotted := strings.ReplaceAll(key, "/", ".")
		if _, err := c.View().Stat(path); err != nil {
			if !f.Has("e") {
				status = c.Complain("cannot stat %s: %s", path, vfs.Text(err))
			}
			continue
		}
		if !set {
			shownSysctl(c, f, key)
			continue
		}
		if c.User.UID != 0 {
			status = c.Complain("permission denied on key '%s'", dotted)
			continue
		}
		value = strings.TrimSpace(value)
		switch err := c.Machine.SetSysctl(key, value); {
		case errors.Is(err, syscall.EACCES):
			status = c.Complain("setting key \"%s\": Read-only file system", dotted)
		case err != nil:
			status = c.Complain("setting key \"%s\": %s", dotted, vfs.Text(err))
		case !f.Has("q"):
			c.Print(dotted + " = " + value + "\n")
		}
	}
	return status
}

func shownSysctl(c *program.Call, f program.Flags, key string) {
	data, err := c.View().ReadFile("/proc/sys/" + key)
	name := strings.ReplaceAll(key, "/", ".")
	switch {
	case err != nil:
		c.Complain("permission denied on key '%s'", name)
	case f.Has("n"):
		c.Print(string(data))
	case f.Has("N"):
		c.Print(name + "\n")
	default:
		for _, line := range program.Lines(data) {
			c.Print(name + " = " + line + "\n")
		}
	}
}

// umount and its words.
func umount(c *program.Call) int {
	f, names, ok := c.Parse("AacdfhilnO:qRrt:vV", "all=a force=f lazy=l verbose=v recursive=R")
	if !ok {
		return 1
	}
	if len(names) == 0 && !f.Has("a") {
		c.Err.Print("umount: bad usage\nTry 'umount --help' for more information.\n")
		return 1
	}
	status := 0
	for _, name := range names {
		path := strings.TrimSuffix(c.Path(name), "/")
		mounted := slices.ContainsFunc(c.Machine.Mounts(), func(m [4]string) bool { return m[1] == path || m[0] == name })
		switch {
		case c.User.UID != 0 && mounted:
			c.Err.Print("umount: " + name + ": must be superuser to unmount.\n")
		case mounted:
			c.Err.Print("umount: " + name + ": target is busy.\n")
		default:
			if _, err := c.View().Stat(path); err != nil {
				c.Err.Print("umount: " + name + ": no mount point specified.\n")
			} else {
				c.Err.Print("umount: " + name + ": not mounted.\n")
			}
		}
		status = 32
	}
	return status
}

// values of getconf.
var values = map[string]string{"PAGE_SIZE": "4096", "PAGESIZE": "4096", "LONG_BIT": "64", "WORD_BIT": "32", "ARG_MAX": "2097152", "OPEN_MAX": "1024", "CLK_TCK": "100", "NAME_MAX": "255", "PATH_MAX": "4096", "CHILD_MAX": "7741", "HOST_NAME_MAX": "64", "LOGIN_NAME_MAX": "256", "GNU_LIBC_VERSION": "glibc 2.36", "GNU_LIBPTHREAD_VERSION": "NPTL 2.36", "PATH": "/bin:/usr/bin", "INT_MAX": "2147483647", "UINT_MAX": "4294967295"}

func getconf(c *program.Call) int {
	var names []string
	for _, a := range c.Args {
		if !strings.HasPrefix(a, "-") {
			names = append(names, a)
		}
	}
	if len(names) == 0 {
		c.Err.Print("Usage: getconf [-v SPEC] VAR\n  or:  getconf [-v SPEC] PATH_VAR PATH\n\nGet the configuration value for variable VAR, or for variable PATH_VAR\nfor path PATH.  If SPEC is given, give values for compilation\nenvironment SPEC.\n")
		return 2
	}
	_, _, _, cores, _ := c.Machine.Processor()
	switch v, ok := values[names[0]]; {
	case strings.HasPrefix(names[0], "_NPROCESSORS"), strings.HasPrefix(names[0], "NPROCESSORS"):
		c.Printf("%d\n", cores)
	case names[0] == "_PHYS_PAGES":
		c.Printf("%d\n", c.Machine.Memory().Total/4)
	case ok:
		c.Print(v + "\n")
	default:
		c.Err.Print("getconf: Unrecognized variable `" + names[0] + "'\n")
		return 2
	}
	return 0
}

// users are the names of who is logged in.
func users(c *program.Call) int {
	var names []string
	for _, l := range c.Machine.Logins() {
		names = append(names, l.User)
	}
	slices.Sort(names)
	if len(names) > 0 && len(c.Args) == 0 {
		c.Print(strings.Join(names, " ") + "\n")
	}
	return 0
}

// hostid is a number of the host.
func hostid(c *program.Call) int {
	d := c.Machine.Persona.Derive("shell/hostid")
	c.Printf("%02x%02x%02x%02x\n", d[0], d[1], d[2], d[3])
	return 0
}

func lsmem(c *program.Call) int {
	total := (c.Machine.Memory().Total + 131071) / 131072
	c.Printf("RANGE                                 SIZE  STATE REMOVABLE BLOCK\n0x0000000000000000-0x%016x %5s online       yes  0-%d\n\nMemory block size:       128M\nTotal online memory:   %5s\nTotal offline memory:     0B\n", total*131072*1024-1, blockSize(total*131072*1024), total-1, blockSize(total*131072*1024))
	return 0
}

// lsof lists the files that the host's processes have open, in short.
func lsof(c *program.Call) int {
	options := strings.Join(c.Args, " ")
	c.Print("COMMAND     PID             USER   FD      TYPE             DEVICE SIZE/OFF       NODE NAME\n")
	row := func(p machine.Process, fd, kind, device, size, node, name string) {
		c.Printf("%-9.9s %5d %16s %4s %9s %18s %8s %10s %s\n", p.Name, p.PID, p.User, fd, kind, device, size, node, name)
	}
	listening := c.Machine.Listening()
	for _, p := range c.Machine.Processes() {
		if strings.HasPrefix(p.Args, "[") || c.Busy() || c.User.UID != 0 && p.User != c.User.Name {
			continue
		}
		if !strings.Contains(options, "-i") {
			row(p, "cwd", "DIR", "8,1", "4096", "2", "/")
			row(p, "rtd", "DIR", "8,1", "4096", "2", "/")
		}
		for _, l := range listening {
			if l.PID == p.PID {
				row(p, "3u", "IPv4", strconv.Itoa(14000+p.PID), "0t0", "TCP", fmt.Sprintf("*:%d (LISTEN)", l.Port))
			}
		}
	}
	return 0
}

// mountpoint tells whether something is mounted at a directory.
func mountpoint(c *program.Call) int {
	f, names, ok := c.Parse("dqxV", "quiet=q fs-devno=d nofollow=n")
	if !ok || len(names) != 1 {
		c.Err.Print("mountpoint: bad usage\nTry 'mountpoint --help' for more information.\n")
		return 1
	}
	path := c.Path(names[0])
	if _, err := c.View().Stat(path); err != nil {
		if !f.Has("q") {
			c.Err.Print("mountpoint: " + names[0] + ": " + vfs.Text(err) + "\n")
		}
		return 1
	}
	for _, m := range c.Machine.Mounts() {
		if m[1] == path {
			if !f.Has("q") {
				c.Print(names[0] + " is a mountpoint\n")
			}
			return 0
		}
	}
	if !f.Has("q") {
		c.Print(names[0] + " is not a mountpoint\n")
	}
	return 32
}
