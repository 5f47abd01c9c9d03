package monitor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// files hears of directories over inotify(7). Of one that does not exist it
// watches the nearest that does.
type files struct {
	fd     int
	buffer []byte

	mu      sync.Mutex
	wanted  map[string]bool // whether it is watched itself
	watched map[int32]string
}

// fileEvents are those of a directory's entries, and its own end.
const fileEvents = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MODIFY | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ONLYDIR | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF

func openFiles() (*files, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open inotify: %w", err)
	}
	return &files{fd: fd, buffer: make([]byte, 64<<10), wanted: map[string]bool{}, watched: map[int32]string{}}, nil
}

func (f *files) close() { _ = unix.Close(f.fd) }

func (f *files) follow(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted[filepath.Clean(path)] = false
	_, err := f.settle()
	return err
}

// settle watches every wanted directory, or what there is of its path, and
// nothing else. It returns those that came to be.
func (f *files) settle() (appeared []string, err error) {
	needed := map[int32]string{}
	for path, was := range f.wanted {
		at, number, err := f.nearest(path)
		if err != nil {
			return appeared, fmt.Errorf("watch %s: %w", path, err)
		}
		needed[number] = at
		f.wanted[path] = at == path
		if at == path && !was {
			appeared = append(appeared, path)
		}
	}
	for number := range f.watched {
		if needed[number] == "" {
			_, _ = unix.InotifyRmWatch(f.fd, uint32(number)) // it may have ended by itself
		}
	}
	f.watched = needed
	return appeared, nil
}

// nearest watches path, or the nearest of its parents that exists.
func (f *files) nearest(path string) (at string, number int32, err error) {
	for at := path; ; {
		wd, err := unix.InotifyAddWatch(f.fd, at, fileEvents)
		if err == nil {
			if at == path {
				return at, int32(wd), nil
			}
			// What came to be before the watch was set is not heard of.
			if next := below(at, path); !isDirectory(next) {
				return at, int32(wd), nil
			}
			at = path
			continue
		}
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) || at == filepath.Dir(at) {
			return "", 0, err
		}
		at = filepath.Dir(at)
	}
}

// below is the entry of dir on the way to path.
func below(dir, path string) string {
	for filepath.Dir(path) != dir {
		path = filepath.Dir(path)
	}
	return path
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// read takes what inotify has to say.
func (f *files) read() ([]Change, error) {
	n, err := unix.Read(f.fd, f.buffer)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var changes []Change
	known := map[Change]bool{}
	add := func(c Change) {
		if !known[c] {
			known[c] = true
			changes = append(changes, c)
		}
	}
	unsettled := false
	for data := f.buffer[:n]; len(data) >= unix.SizeofInotifyEvent; {
		number := int32(binary.NativeEndian.Uint32(data))
		mask := binary.NativeEndian.Uint32(data[4:])
		size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(data[12:]))
		if size > len(data) {
			break
		}
		entry := unix.ByteSliceToString(data[unix.SizeofInotifyEvent:size])
		data = data[size:]
		if mask&unix.IN_Q_OVERFLOW != 0 {
			add(Change{Kind: Overrun})
			unsettled = true
			continue
		}
		dir := f.watched[number]
		gone := mask&(unix.IN_DELETE|unix.IN_MOVED_FROM|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_IGNORED) != 0
		if mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_IGNORED) != 0 {
			unsettled = true
			if f.wanted[dir] {
				f.wanted[dir] = false
				add(Change{Kind: File, Path: dir, Gone: true})
			}
			continue
		}
		if f.wanted[dir] {
			add(Change{Kind: File, Path: filepath.Join(dir, entry), Gone: gone})
		}
		unsettled = unsettled || mask&unix.IN_MODIFY == 0
	}
	if !unsettled {
		return changes, nil
	}
	appeared, err := f.settle()
	for _, path := range appeared {
		add(Change{Kind: File, Path: path})
	}
	return changes, err
}
