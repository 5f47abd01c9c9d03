// Package jail owns the confinement of the processes that talk to attackers: a
// worker enters namespaces of its own with an empty read-only root, gives up
// its uid, every capability and most of the kernel's calls, and can take none
// of it back. It refuses to run half-confined: whatever cannot be given up is an
// error, and the caller must then exit. It needs a binary without cgo, because
// every thread must change together.
//
// Two sides: Confine prepares the command of a worker in the privileged parent,
// Enter is the first thing that worker calls. Harden is the part that fits a
// process in a container, whose engine did the rest.
package jail

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Variable carries the Options from Confine to Enter.
const Variable = "DECKY_JAIL"

// Uid range of workers on the host: FirstUID to FirstUID+UIDs-1. It lies where
// neither distributions, systemd nor container engines give out uids.
const (
	FirstUID = 1_900_000_000
	UIDs     = 1 << 16
)

// Options of a jail.
type Options struct {
	// UID is the uid and gid that the worker runs as, inside and on the host.
	UID uint32 `json:"uid"`
	// Single says that the caller's user namespace has no id but its own: on
	// the host the worker then has the caller's, and no uid tells workers
	// apart. Every other layer stands. It is for tests without root.
	Single bool `json:"single,omitempty"`
	// Dirs are what the worker sees of the host's files: name in its root ->
	// directory of the host. They are writable there, as far as their modes
	// let UID.
	Dirs map[string]string `json:"dirs,omitempty"`
	// Files bounds the open descriptors; default 65536.
	Files uint64 `json:"files,omitempty"`
}

// entryCaps are what Enter needs within the worker's own user namespace, until
// it drops them.
var entryCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_SETPCAP}

// Confine makes cmd start in namespaces of its own (user, mount, pid, network,
// ipc, uts, cgroup) and die with the thread that starts it: start it from a
// goroutine that keeps its thread. The command must call Enter first; its
// environment holds nothing else.
func Confine(cmd *exec.Cmd, options Options) error {
	if options.UID == 0 {
		return errors.New("confine a worker: uid 0 is no jail")
	}
	for name := range options.Dirs {
		if name == "" || strings.ContainsAny(name, "/\x00") || strings.HasPrefix(name, ".") {
			return fmt.Errorf("confine a worker: directory name %q", name)
		}
	}
	data, err := json.Marshal(options)
	if err != nil {
		return fmt.Errorf("confine a worker: %w", err)
	}
	uids := []syscall.SysProcIDMap{{ContainerID: int(options.UID), HostID: int(options.UID), Size: 1}}
	gids := uids
	if options.Single {
		uids = []syscall.SysProcIDMap{{ContainerID: int(options.UID), HostID: os.Geteuid(), Size: 1}}
		gids = []syscall.SysProcIDMap{{ContainerID: int(options.UID), HostID: os.Getegid(), Size: 1}}
	}
	cmd.Env = []string{Variable + "=" + string(data)}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
			unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP,
		UidMappings: uids,
		GidMappings: gids,
		// The worker starts with the parent's uid, which its user namespace
		// does not map, to reach directories that are closed to others; Enter
		// changes to UID, and from there no way leads back.
		GidMappingsEnableSetgroups: os.Geteuid() == 0 && !options.Single,
		AmbientCaps:                entryCaps,
		Pdeathsig:                  unix.SIGKILL,
		Setsid:                     true,
	}
	return nil
}

// Enter confines the calling process as Confine's options say and clears its
// environment. It must be called before anything else, and a process for which
// it fails must exit.
func Enter() error {
	value, ok := os.LookupEnv(Variable)
	if !ok {
		return fmt.Errorf("enter the jail: %s is not set (a worker is started by its supervisor)", Variable)
	}
	os.Clearenv()
	var options Options
	if err := json.Unmarshal([]byte(value), &options); err != nil {
		return fmt.Errorf("enter the jail: %w", err)
	}
	if options.UID == 0 {
		return errors.New("enter the jail: uid 0 is no jail")
	}
	for _, step := range []struct {
		name string
		run  func(Options) error
	}{
		{"empty root", newRoot},
		{"limits", limits},
		{"capabilities", func(Options) error { return dropCapabilities() }},
		{"privileges", func(Options) error { return noNewPrivileges() }},
		{"seccomp", func(Options) error { return filter() }},
	} {
		if err := step.run(options); err != nil {
			return fmt.Errorf("enter the jail: %s: %w", step.name, err)
		}
	}
	return nil
}

// Harden gives up, for good and on every thread, all capabilities, new
// privileges and every kernel call that serving open sockets does not need. Open
// listeners first. It is for a process whose container already has the
// namespaces; a process for which it fails must exit.
func Harden() error {
	for _, step := range []func() error{dropCapabilities, noNewPrivileges, filter} {
		if err := step(); err != nil {
			return fmt.Errorf("harden the process: %w", err)
		}
	}
	return nil
}

// newRoot turns the file system into an empty one with the named directories
// and changes to the worker's uid.
func newRoot(options Options) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	names := make([]string, 0, len(options.Dirs))
	for name := range options.Dirs {
		names = append(names, name)
	}
	slices.Sort(names)
	trees := map[string]int{}
	for _, name := range names {
		fd, err := unix.OpenTree(unix.AT_FDCWD, options.Dirs[name], unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return fmt.Errorf("open %s: %w", options.Dirs[name], err)
		}
		defer unix.Close(fd)
		attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NOSYMFOLLOW}
		if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr); err != nil {
			return fmt.Errorf("restrict %s: %w", options.Dirs[name], err)
		}
		trees[name] = fd
	}
	if err := become(options); err != nil {
		return err
	}
	// /proc is there on every host, it is replaced by the new root and gone
	// with the old one.
	const mountPoint = "/proc"
	if err := unix.Mount("tmpfs", mountPoint, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=16k,nr_inodes=32,mode=0755"); err != nil {
		return fmt.Errorf("mount an empty root: %w", err)
	}
	for _, name := range names {
		target := filepath.Join(mountPoint, name)
		if err := os.Mkdir(target, 0o755); err != nil {
			return err
		}
		if err := unix.MoveMount(trees[name], "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return fmt.Errorf("attach %s: %w", options.Dirs[name], err)
		}
	}
	if err := unix.Chdir(mountPoint); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot to the empty root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("detach the host's root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("make the empty root read-only: %w", err)
	}
	return nil
}

// become changes every thread to the worker's uid and gid. Capabilities stay
// for now: the namespace has no uid 0 to lose them with.
func become(options Options) error {
	id := int(options.UID)
	if !options.Single {
		if err := unix.Setgroups(nil); err != nil {
			return fmt.Errorf("leave the groups: %w", err)
		}
	}
	if err := unix.Setresgid(id, id, id); err != nil {
		return fmt.Errorf("change to gid %d: %w", id, err)
	}
	if err := unix.Setresuid(id, id, id); err != nil {
		return fmt.Errorf("change to uid %d: %w", id, err)
	}
	// The change of uid made the process forget to die with its parent.
	if err := everywhere(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0); err != nil {
		return fmt.Errorf("die with the supervisor: %w", err)
	}
	return nil
}

// processes bounds the threads of a worker's uid. It is far above what Go
// starts, because reaching it ends the process; new processes are forbidden by
// the filter.
const processes = 4096

func limits(options Options) error {
	files := options.Files
	if files == 0 {
		files = 65536
	}
	for resource, value := range map[int]uint64{
		unix.RLIMIT_NOFILE: files, unix.RLIMIT_NPROC: processes, unix.RLIMIT_CORE: 0,
		unix.RLIMIT_MEMLOCK: 0, unix.RLIMIT_MSGQUEUE: 0,
	} {
		var have unix.Rlimit
		if err := unix.Getrlimit(resource, &have); err != nil {
			return fmt.Errorf("read limit %d: %w", resource, err)
		}
		value = min(value, have.Max) // raising it takes what a worker may not have
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: value, Max: value}); err != nil {
			return fmt.Errorf("limit %d to %d: %w", resource, value, err)
		}
	}
	return nil
}
