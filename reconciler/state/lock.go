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
	file *os.File
}

// lockPoll is how often a waiting Lock tries again.
const lockPoll = 50 * time.Millisecond

// Lock takes the lock beside the state, waiting up to wait for it. The error is
// a *LockedError where another holds it all that time. Unlock it.
func (s *Store) Lock(ctx context.Context, holder Holder, wait time.Duration) (*Lock, error) {
	if s.readOnly {
		return nil, fmt.Errorf("lock state %s: %w", s.path, ErrReadOnly)
	}
	if err := makeDirectory(filepath.Dir(s.path)); err != nil {
		return nil, fmt.Errorf("lock state %s: %w", s.path, err)
	}
	path := s.path + ".lock"
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("lock state %s: %w", s.path, err)
	}
	if err := take(ctx, file, wait); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = &LockedError{Path: path, Holder: readHolder(file)}
		} else {
			err = fmt.Errorf("lock state %s: %w", s.path, err)
		}
		return nil, errors.Join(err, file.Close())
	}
	lock := &Lock{file: file}
	if err := writeHolder(file, holder); err != nil {
		return nil, errors.Join(fmt.Errorf("lock state %s: %w", s.path, err), lock.Unlock())
	}
	return lock, nil
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

// Unlock gives the lock back; the file stays.
func (l *Lock) Unlock() error {
	if err := l.file.Truncate(0); err != nil {
		return errors.Join(err, l.file.Close())
	}
	return l.file.Close()
}
