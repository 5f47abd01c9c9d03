package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Holder tells who holds a lock.
type Holder struct {
	Who     string    `json:"who"` // "root"
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Command string    `json:"command"` // "apply"
	Since   time.Time `json:"since"`
}

// String is "root@host, process 12, decnet apply".
func (h Holder) String() string {
	return fmt.Sprintf("%s@%s, process %d, decnet %s", h.Who, h.Host, h.PID, h.Command)
}

// LockedError says that another process holds the lock.
type LockedError struct {
	Path   string // of the lock file
	Holder Holder // zero where it could not be read
}

func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return "the state is locked by another decnet (lock file " + e.Path + ")"
	}
	return fmt.Sprintf("the state is locked by %s since %s", e.Holder, e.Holder.Since.Format(time.RFC3339))
}

// Lock is the right to change a state. It is the operating system's: it ends
// with the process, however that ends.
type Lock struct {
	file  *os.File
	state string   // path of what is locked
	made  []string // directories that were made for the lock, the deepest first
}

// lockPoll is how often a waiting Lock tries again.
const lockPoll = 50 * time.Millisecond

// lockTries is how often a Lock makes the directory that others take away.
const lockTries = 1000

// Lock takes the lock beside the state, waiting up to wait for it. The error is
// a *LockedError where another holds it all that time. Unlock it.
func (s *Store) Lock(ctx context.Context, holder Holder, wait time.Duration) (*Lock, error) {
	if s.readOnly {
		return nil, fmt.Errorf("lock state %s: %w", s.path, ErrReadOnly)
	}
	lock := &Lock{state: s.path}
	path := s.path + ".lock"
	deadline := time.Now().Add(wait)
	for tries := 1; lock.file == nil; tries++ {
		if gone := missing(filepath.Dir(s.path)); len(gone) > len(lock.made) {
			lock.made = gone
		}
		err := makeDirectory(filepath.Dir(s.path))
		var file *os.File
		if err == nil {
			file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
		}
		if errors.Is(err, os.ErrNotExist) && tries < lockTries {
			continue // an Unlock took the directory away
		}
		if err != nil {
			return nil, fmt.Errorf("lock state %s: %w", s.path, err)
		}
		if err := take(ctx, file, max(0, time.Until(deadline))); err != nil {
			if errors.Is(err, unix.EWOULDBLOCK) {
				err = &LockedError{Path: path, Holder: readHolder(file)}
			} else {
				err = fmt.Errorf("lock state %s: %w", s.path, err)
			}
			return nil, errors.Join(err, file.Close())
		}
		if lies(file, path) {
			lock.file = file
		} else if err := file.Close(); err != nil { // an Unlock took it away
			return nil, fmt.Errorf("lock state %s: %w", s.path, err)
		}
	}
	if err := writeHolder(lock.file, holder); err != nil {
		return nil, errors.Join(fmt.Errorf("lock state %s: %w", s.path, err), lock.Unlock())
	}
	return lock, nil
}

// missing are the directories that makeDirectory will make, the deepest first.
func missing(dir string) []string {
	var all []string
	for {
		if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
			return all
		}
		all = append(all, dir)
		dir = filepath.Dir(dir)
	}
}

// lies tells whether an open file is the one at path.
func lies(file *os.File, path string) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(open, there)
}

func take(ctx context.Context, file *os.File, wait time.Duration) error {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	poll := time.NewTicker(lockPoll)
	defer poll.Stop()
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return err
		case <-poll.C:
		}
	}
}

// readHolder gives the holder a moment to write its name.
func readHolder(file *os.File) Holder {
	var h Holder
	for range 20 {
		data, err := io.ReadAll(io.NewSectionReader(file, 0, 4096))
		if err == nil && json.Unmarshal(data, &h) == nil {
			return h
		}
		time.Sleep(5 * time.Millisecond)
	}
	return Holder{}
}

func writeHolder(file *os.File, h Holder) error {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err = file.WriteAt(append(data, '\n'), 0)
	return err
}

// Unlock gives the lock back. The file stays beside a state; where none came to
// be, it goes, and so do directories that were made for it and are empty.
func (l *Lock) Unlock() error {
	if _, err := os.Lstat(l.state); errors.Is(err, os.ErrNotExist) {
		_ = os.Remove(l.file.Name()) // while it is held: who waits for it finds out
		for _, dir := range l.made {
			_ = removeDirectory(dir) // one that is not empty stays
		}
	}
	if err := l.file.Truncate(0); err != nil {
		return errors.Join(err, l.file.Close())
	}
	return l.file.Close()
}
