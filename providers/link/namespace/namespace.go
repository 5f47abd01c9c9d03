// Package namespace owns named network namespaces: made, pinned by a bind mount
// on a file so that they outlive the process, entered by one thread at a time,
// and removed. It refuses to touch a file that is no pinned namespace. It needs
// the kernel alone (no netlink), so that the binary inside a decky stays small.
package namespace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrNone says that no namespace is pinned at a path.
var ErrNone = errors.New("no network namespace is pinned there")

const self = "/proc/thread-self/ns/net"

// Inode identifies the namespace pinned at path; ErrNone if there is none. A
// namespace that was made anew at the same path has another inode.
func Inode(path string) (uint64, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, unix.ENOENT) {
			return 0, fmt.Errorf("%s: %w", path, ErrNone)
		}
		return 0, fmt.Errorf("open namespace %s: %w", path, err)
	}
	defer unix.Close(fd)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return 0, fmt.Errorf("look at namespace %s: %w", path, err)
	}
	if fs.Type != unix.NSFS_MAGIC {
		return 0, fmt.Errorf("%s: %w", path, ErrNone)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, fmt.Errorf("look at namespace %s: %w", path, err)
	}
	return st.Ino, nil
}

// Current is the inode of the calling thread's namespace.
func Current() (uint64, error) { return Inode(self) }

// Create makes a namespace, pins it at path (whose directory is made with mode
// 0700) and runs fn inside it, on a thread of its own; fn may be nil. If fn
// fails the namespace stays, so that the caller can complete or remove it. A
// namespace already pinned there is an error that wraps os.ErrExist.
func Create(path string, fn func() error) error {
	if err := place(path); err != nil {
		return err
	}
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a network namespace: %w", err)
		}
		if err := unix.Mount(self, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("pin namespace %s: %w", path, err)
		}
		if fn == nil {
			return nil
		}
		return fn()
	})
}

// Pin pins the calling thread's namespace at path, as Create does a new one.
func Pin(path string) error {
	if err := place(path); err != nil {
		return err
	}
	if err := unix.Mount(self, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("pin namespace %s: %w", path, err)
	}
	return nil
}

// PinFile pins the namespace that an open file refers to at path: one that was
// unpinned while something still stood in it.
func PinFile(f *os.File, path string) error {
	if err := place(path); err != nil {
		return err
	}
	if err := unix.Mount("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("pin namespace %s: %w", path, err)
	}
	return nil
}

// place makes the file that a namespace is pinned at.
func place(path string) error {
	if _, err := Inode(path); err == nil {
		return fmt.Errorf("pin namespace %s: %w", path, os.ErrExist)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("pin namespace: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return fmt.Errorf("pin namespace: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("pin namespace: %w", err)
	}
	return nil
}

// Temporary runs fn on a thread of its own inside a new namespace that ends with
// the call.
func Temporary(fn func() error) error {
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a network namespace: %w", err)
		}
		return fn()
	})
}

// Do runs fn on a thread of its own inside the namespace pinned at path. Only
// fn's own goroutine is inside: what it starts with go is not.
func Do(path string, fn func() error) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("%s: %w", path, ErrNone)
		}
		return fmt.Errorf("open namespace %s: %w", path, err)
	}
	defer unix.Close(fd)
	return onThread(func() error {
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			if errors.Is(err, unix.EINVAL) {
				return fmt.Errorf("%s: %w", path, ErrNone)
			}
			return fmt.Errorf("enter namespace %s: %w", path, err)
		}
		return fn()
	})
}

// onThread runs fn on a locked thread and brings that thread back to the
// namespace it came from; a thread that cannot come back is thrown away.
func onThread(fn func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := errors.New("the function left its thread")
		defer func() { result <- err }()
		home, openErr := unix.Open(self, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if openErr != nil {
			err = fmt.Errorf("remember the own namespace: %w", openErr)
			return
		}
		defer unix.Close(home)
		err = fn()
		if backErr := unix.Setns(home, unix.CLONE_NEWNET); backErr == nil {
			runtime.UnlockOSThread()
		}
	}()
	return <-result
}

// Delete unpins the namespace at path and removes the file. The kernel then
// removes the namespace and its links once nothing else holds it, in batches
// and in the background. Deleting what is missing succeeds.
func Delete(path string) error {
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unpin namespace %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("unpin namespace: %w", err)
	}
	return nil
}
