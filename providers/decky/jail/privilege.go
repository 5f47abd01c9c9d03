package jail

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// everywhere makes one call on every thread, those of the future included.
func everywhere(number, a, b, c uintptr) error {
	_, _, errno := syscall.AllThreadsSyscall(number, a, b, c)
	switch errno {
	case 0:
		return nil
	case syscall.ENOTSUP:
		return errors.New("this binary has cgo: build it with CGO_ENABLED=0")
	default:
		return errno
	}
}

// dropCapabilities empties the bounding, ambient, effective, permitted and
// inheritable sets of every thread.
func dropCapabilities() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		err := everywhere(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0)
		if errors.Is(err, unix.EPERM) {
			break // without CAP_SETPCAP the set stays, and no_new_privs makes it useless
		}
		if err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: older kernel, capability unknown
			return fmt.Errorf("drop capability %d from the bounding set: %w", c, err)
		}
	}
	if err := everywhere(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	none := &[2]unix.CapUserData{}
	err := everywhere(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(none)), 0)
	runtime.KeepAlive(header)
	runtime.KeepAlive(none)
	if err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}

// noNewPrivileges also makes the process unreadable for others of its uid.
func noNewPrivileges() error {
	if err := everywhere(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("set not dumpable: %w", err)
	}
	return nil
}

// allowed are the calls that serving open sockets and appending to files needs,
// with what Go's runtime makes. Whatever is not here is refused with EPERM:
// socket, connect, bind, listen, execve, fork, ptrace, mount, setns, unshare,
// bpf, keyctl, io_uring, open_by_handle_at, userfaultfd, perf_event_open,
// process_vm_*, pidfd_*, module and key calls among them.
var allowed = []string{
	// files that are open, or below the root
	"read", "write", "readv", "writev", "pread64", "pwrite64", "lseek", "close", "close_range", "openat", "openat2",
	"fstat", "newfstatat", "statx", "fstatfs", "getdents64", "ftruncate", "fallocate", "fsync", "fdatasync", "fadvise64",
	"mkdirat", "unlinkat", "renameat", "renameat2", "faccessat", "faccessat2", "readlinkat", "flock", "fcntl", "getcwd",
	"copy_file_range", "sendfile", "splice", "pipe2", "dup", "dup3",
	// sockets that are open
	"accept4", "accept", "getsockname", "getpeername", "getsockopt", "setsockopt", "recvfrom", "sendto", "recvmsg", "sendmsg", "shutdown",
	// waiting
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "ppoll", "poll", "futex",
	"nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time", "restart_syscall",
	"timer_create", "timer_settime", "timer_delete", "setitimer",
	// memory
	"mmap", "munmap", "mremap", "mprotect", "madvise", "brk", "mincore", "membarrier",
	// the process itself
	"exit", "exit_group", "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrandom", "uname", "sysinfo",
	"getrusage", "sched_yield", "sched_getaffinity", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "rt_sigpending",
	"tgkill", "getrlimit", "prlimit64", "set_robust_list", "rseq",
}

// threadFlags are those with which Go's runtime starts a thread, on some
// architectures with CLONE_SETTLS; any other clone, of a process or of a
// namespace, is refused.
const threadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD

// filter installs the seccomp filter on every thread.
func filter() error {
	info, err := arch.GetInfo("")
	if err != nil {
		return fmt.Errorf("look up the calls of this architecture: %w", err)
	}
	names := make([]string, 0, len(allowed))
	for _, name := range allowed {
		if _, ok := info.SyscallNames[name]; ok {
			names = append(names, name)
		}
	}
	var threads []seccomp.NameWithConditions // one of them must hold
	for _, flags := range []uint64{threadFlags, threadFlags | unix.CLONE_SETTLS} {
		threads = append(threads, seccomp.NameWithConditions{Name: "clone", Conditions: []seccomp.Condition{{Argument: 0, Operation: seccomp.Equal, Value: flags}}})
	}
	policy := seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, // EPERM
		Syscalls: []seccomp.SyscallGroup{{
			Names: names, NamesWithCondtions: threads, Action: seccomp.ActionAllow,
		}},
	}
	if err := seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: policy}); err != nil {
		return fmt.Errorf("install the filter: %w", err)
	}
	return nil
}
