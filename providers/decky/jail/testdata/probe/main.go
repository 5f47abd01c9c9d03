// Command probe tries what an intruder would try and reports each act's error.
// "outside" tries as it was started, "inside" enters the jail first, "harden"
// hardens first, "parent" starts itself as "inside-wait" and waits, "single"
// starts itself as "inside" where its user namespace has one id only.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/jail"
)

// input is what the test prepared.
type input struct {
	Secret   string // a file that everybody may read
	Scratch  string // a directory that everybody may write
	Sleeper  int    // a process
	Listener string // a TCP address that accepts
	Unix     string // a UNIX socket that accepts
	Mine     string // directory of the probe's uid, as seen by it
	Theirs   string // directory of another uid, as seen by it
}

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(mode, argument string) error {
	switch mode {
	case "parent":
		return parent(argument)
	case "single":
		return single(argument)
	case "inside", "inside-wait":
		if err := jail.Enter(); err != nil {
			return err
		}
		if mode == "inside-wait" {
			fmt.Println("ready")
			time.Sleep(time.Minute)
			return nil
		}
	case "harden":
		if err := jail.Harden(); err != nil {
			return err
		}
	}
	var in input
	if err := json.Unmarshal([]byte(argument), &in); err != nil {
		return err
	}
	result := map[string]string{}
	for name, act := range acts(in) {
		result[name] = ""
		if err := act(); err != nil {
			result[name] = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return err
	}
	_, err := os.Stdin.Read(make([]byte, 1)) // the test looks at the process meanwhile
	_ = err
	return nil
}

// parent starts a confined child, tells its pid and waits to be killed.
func parent(uid string) error {
	id, err := strconv.Atoi(uid)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	cmd := exec.Command("/proc/self/exe", "inside-wait", "{}")
	if err := jail.Confine(cmd, jail.Options{UID: uint32(id)}); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		return err
	}
	fmt.Println(cmd.Process.Pid)
	return cmd.Wait()
}

// single is a supervisor in a user namespace that has no uid but its own.
func single(argument string) error {
	var told struct {
		Options jail.Options
		Input   input
	}
	if err := json.Unmarshal([]byte(argument), &told); err != nil {
		return err
	}
	in, err := json.Marshal(told.Input)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	cmd := exec.Command("/proc/self/exe", "inside", string(in))
	if err := jail.Confine(cmd, told.Options); err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

func call(number, a, b, c uintptr) error {
	if _, _, errno := unix.RawSyscall6(number, a, b, c, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// callFD is call for what returns a descriptor.
func callFD(number, a, b, c, d uintptr) error {
	fd, _, errno := unix.RawSyscall6(number, a, b, c, d, 0, 0)
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}

func read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

func dial(network, address string) error {
	conn, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// onThread runs fn on a thread that is thrown away.
func onThread(fn func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		result <- fn()
	}()
	return <-result
}

func socket(domain, kind, protocol int) error {
	fd, err := unix.Socket(domain, kind, protocol)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func acts(in input) map[string]func() error {
	all := map[string]func() error{}
	for _, more := range []map[string]func() error{files(in), network(in), processes(in), kernel(in)} {
		for name, act := range more {
			all[name] = act
		}
	}
	return all
}

func files(in input) map[string]func() error {
	return map[string]func() error{
		"own directory": func() error { return writeAndRemove(in.Mine + "/kept") },
		"their directory": func() error {
			_, err := os.ReadDir(in.Theirs)
			return err
		},
		"host file":       func() error { return read(in.Secret) },
		"host passwords":  func() error { return read("/etc/passwd") },
		"host device":     func() error { return read("/dev/null") },
		"host processes":  func() error { return read("/proc/1/status") },
		"host sysctls":    func() error { return read("/proc/sys/kernel/core_pattern") },
		"host scratch":    func() error { return os.WriteFile(in.Scratch+"/w", nil, 0o600) },
		"leave the root":  func() error { return read("../../../../../../etc/passwd") },
		"write the root":  func() error { return writeAndRemove("/probe-was-here") },
		"chroot":          func() error { return unix.Chroot("/") },
		"mount":           func() error { return mount(in.Scratch) },
		"make a device":   func() error { return mknod(in.Scratch + "/null") },
		"change an owner": func() error { return os.Lchown(in.Mine, -1, -1) },
		"file handle": func() error {
			_, _, err := unix.NameToHandleAt(unix.AT_FDCWD, in.Secret, 0)
			return err
		},
	}
}

func writeAndRemove(path string) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	return os.Remove(path)
}

func mount(dir string) error {
	return onThread(func() error {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4k"); err != nil {
			return err
		}
		return unix.Unmount(dir, 0)
	})
}

func mknod(path string) error {
	if err := unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))); err != nil {
		return err
	}
	return os.Remove(path)
}

func network(in input) map[string]func() error {
	return map[string]func() error{
		"connect":         func() error { return dial("tcp4", in.Listener) },
		"connect to unix": func() error { return dial("unix", in.Unix) },
		"tcp socket":      func() error { return socket(unix.AF_INET, unix.SOCK_STREAM, 0) },
		"tcp6 socket":     func() error { return socket(unix.AF_INET6, unix.SOCK_STREAM, 0) },
		"udp socket":      func() error { return socket(unix.AF_INET, unix.SOCK_DGRAM, 0) },
		"raw socket":      func() error { return socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) },
		"packet socket":   func() error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0) },
		"netlink socket":  func() error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, 0) },
		"unix socket":     func() error { return socket(unix.AF_UNIX, unix.SOCK_STREAM, 0) },
		"listen": func() error {
			ln, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				return err
			}
			return ln.Close()
		},
		"other network": func() error {
			return onThread(func() error {
				fd, err := unix.Open("/proc/"+strconv.Itoa(in.Sleeper)+"/ns/net", unix.O_RDONLY, 0)
				if err != nil {
					return err
				}
				return unix.Setns(fd, unix.CLONE_NEWNET)
			})
		},
		"setns": func() error {
			return onThread(func() error {
				fd, err := unix.Open("/proc/self/ns/net", unix.O_RDONLY, 0)
				if err != nil {
					fd = 0 // the call itself must be refused, too
				}
				return unix.Setns(fd, 0)
			})
		},
	}
}

func processes(in input) map[string]func() error {
	return map[string]func() error{
		"exec":       func() error { return start("/bin/true") },
		"fork":       func() error { return fork() },
		"signal":     func() error { return unix.Kill(in.Sleeper, 0) },
		"ptrace":     func() error { return seize(in.Sleeper) },
		"pidfd":      func() error { return callFD(unix.SYS_PIDFD_OPEN, uintptr(in.Sleeper), 0, 0, 0) },
		"priorities": func() error { return unix.Setpriority(unix.PRIO_PROCESS, in.Sleeper, 1) },
		"memory of others": func() error {
			buffer := make([]byte, 1)
			local := []unix.Iovec{{Base: &buffer[0], Len: 1}}
			_, err := unix.ProcessVMReadv(in.Sleeper, local, []unix.RemoteIovec{{Base: uintptr(textStart(in.Sleeper)), Len: 1}}, 0)
			return err
		},
	}
}

func start(path string) error {
	process, err := os.StartProcess(path, []string{path}, &os.ProcAttr{})
	if err != nil {
		return err
	}
	_, err = process.Wait()
	return err
}

func fork() error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		for {
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	_, err := unix.Wait4(int(pid), nil, 0, nil)
	return err
}

func seize(pid int) error {
	return onThread(func() error {
		return call(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0)
	})
}

// textStart is a readable address of a process.
func textStart(pid int) uint64 {
	maps, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/maps")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(maps), "-")
	address, err := strconv.ParseUint(first, 16, 64)
	if err != nil {
		return 0
	}
	return address
}

func kernel(input) map[string]func() error {
	return map[string]func() error{
		"become root": func() error {
			return onThread(func() error { return call(unix.SYS_SETRESUID, 0, 0, 0) })
		},
		"take capabilities": func() error {
			header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			data := &[2]unix.CapUserData{{Effective: 1 << unix.CAP_SYS_ADMIN, Permitted: 1 << unix.CAP_SYS_ADMIN}}
			return onThread(func() error {
				return call(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(data)), 0)
			})
		},
		"new namespace": func() error { return onThread(func() error { return unix.Unshare(unix.CLONE_NEWUTS) }) },
		"hostname": func() error {
			var u unix.Utsname
			if err := unix.Uname(&u); err != nil {
				return err
			}
			return unix.Sethostname([]byte(unix.ByteSliceToString(u.Nodename[:])))
		},
		"bpf": func() error {
			attr := [18]uint32{unix.BPF_MAP_TYPE_ARRAY, 4, 4, 1}
			return callFD(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
		},
		"keys": func() error {
			_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_PROCESS_KEYRING, true)
			return err
		},
		"io_uring": func() error {
			params := make([]byte, 120)
			return callFD(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params[0])), 0, 0)
		},
		"memfd":         func() error { return memfd() },
		"userfaultfd":   func() error { return callFD(unix.SYS_USERFAULTFD, 0, 0, 0, 0) },
		"perf":          perf,
		"inotify":       func() error { return callFD(unix.SYS_INOTIFY_INIT1, 0, 0, 0, 0) },
		"personality":   func() error { return call(unix.SYS_PERSONALITY, 0xffffffff, 0, 0) },
		"raise a limit": func() error { return syscall.Setrlimit(unix.RLIMIT_CORE, &syscall.Rlimit{Cur: 1, Max: 1 << 30}) },
		"read kernel log": func() error {
			_, err := unix.Klogctl(unix.SYSLOG_ACTION_SIZE_BUFFER, nil)
			return err
		},
	}
}

func memfd() error {
	fd, err := unix.MemfdCreate("x", 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func perf() error {
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{}))}
	fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
