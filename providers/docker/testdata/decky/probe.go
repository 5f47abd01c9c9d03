package main

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// input is what the test prepared.
type input struct {
	Secret   string // a host file that everybody may read
	Root     string // a directory: the root inside
	Spec     string // the own spec file
	Journal  string // a directory of the own
	Peer     string // address of a TCP listener on the wire
	Echo     string // address of a UDP echo on the wire
	Abstract string // abstract UNIX socket of the host
}

// probe tries every act and reports each one's error, empty where it worked.
func probe(argument []byte) ([]byte, error) {
	var in input
	if err := json.Unmarshal(argument, &in); err != nil {
		return nil, err
	}
	result := map[string]string{}
	for name, act := range acts(in) {
		result[name] = ""
		if err := act(); err != nil {
			result[name] = err.Error()
		}
	}
	return json.Marshal(result)
}

func acts(in input) map[string]func() error {
	return map[string]func() error{
		"own directory":   func() error { return writeAndRemove(in.Journal + "/kept") },
		"own spec":        func() error { return touch(in.Spec, os.O_RDONLY) },
		"change own spec": func() error { return touch(in.Spec, os.O_WRONLY) },
		"host file":       func() error { return touch(in.Secret, os.O_RDONLY) },
		"write the root":  func() error { return writeAndRemove(in.Root + "/written") },
		"kernel sysctl":   func() error { return touch("/proc/sys/kernel/domainname", os.O_WRONLY) },
		"host hardware":   func() error { return touch("/sys/kernel/mm", os.O_RDONLY) },
		"mount": func() error {
			return onThread(func() error {
				if err := unix.Mount("tmpfs", in.Journal, "tmpfs", 0, "size=4k"); err != nil {
					return err
				}
				return unix.Unmount(in.Journal, 0)
			})
		},
		"chroot":          func() error { return onThread(func() error { return chrootThread(in.Root) }) },
		"make a device":   func() error { return device(in.Journal + "/null") },
		"change an owner": func() error { return chownAndBack(in.Journal) },
		"setuid root": func() error {
			return onThread(func() error { return raw(unix.SYS_SETRESUID, 0, 0, 0) })
		},
		"take a capability": takeCapability,
		"set user bit as root": func() error {
			v, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
			if err == nil && v == 1 {
				err = errors.New("no new privileges")
			}
			return err
		},
		"new user namespace":  func() error { return clone(unix.CLONE_NEWUSER) },
		"new mount namespace": func() error { return clone(unix.CLONE_NEWNS) },
		"new net namespace":   func() error { return clone(unix.CLONE_NEWNET) },
		"keyring": func() error {
			_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_PROCESS_KEYRING, true)
			return err
		},
		"bpf": func() error {
			attr := [18]uint32{unix.BPF_MAP_TYPE_ARRAY, 4, 4, 1}
			fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
			if errno != 0 {
				return errno
			}
			return unix.Close(int(fd))
		},
		"raw socket":      func() error { return socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) },
		"packet socket":   func() error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0) },
		"connect outward": func() error { return dial("tcp4", in.Peer) },
		"datagram outward": func() error {
			conn, err := net.DialTimeout("udp4", in.Echo, time.Second)
			if err != nil {
				return err
			}
			defer conn.Close()
			if _, err := conn.Write([]byte("x")); err != nil {
				return err
			}
			if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
				return err
			}
			_, err = conn.Read(make([]byte, 1))
			return err
		},
		"host's abstract socket": func() error { return dial("unix", "@"+in.Abstract) },
	}
}

func touch(path string, flag int) error {
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

func writeAndRemove(path string) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	return os.Remove(path)
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

func raw(number, a, b, c uintptr) error {
	if _, _, errno := unix.RawSyscall(number, a, b, c); errno != 0 {
		return errno
	}
	return nil
}

// chrootThread changes the root of a thread that shares it with nobody.
func chrootThread(dir string) error {
	// Where unsharing is refused, chroot must be refused by itself.
	_ = unix.Unshare(unix.CLONE_FS)
	return unix.Chroot(dir)
}

func device(path string) error {
	if err := unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))); err != nil {
		return err
	}
	return os.Remove(path)
}

func chownAndBack(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if err := os.Lchown(path, 12345, 12345); err != nil {
		return err
	}
	return os.Lchown(path, int(st.Uid), int(st.Gid))
}

func takeCapability() error {
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := &[2]unix.CapUserData{{Effective: 1 << unix.CAP_SYS_ADMIN, Permitted: 1 << unix.CAP_SYS_ADMIN}}
	return onThread(func() error {
		return raw(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(data)), 0)
	})
}

// clone makes a process in new namespaces that ends at once.
func clone(flags uintptr) error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
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

func socket(domain, kind, protocol int) error {
	fd, err := unix.Socket(domain, kind, protocol)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func dial(network, address string) error {
	conn, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}
