package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// claim says that this daemon, and no other, keeps a state live. The operating
// system lets go of it when the process ends, however it ends.
type claim struct{ file *os.File }

// ErrKept says that another daemon keeps the state.
var ErrKept = errors.New("another decnet reconcile keeps this state live")

// ClaimPath is the file beside a state that its daemon locks.
func ClaimPath(state string) string { return state + ".reconcile" }

func claimState(state string) (*claim, error) {
	path := ClaimPath(state)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("claim the state: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o640)
	if err != nil {
		return nil, fmt.Errorf("claim the state: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		text, readErr := io.ReadAll(io.LimitReader(file, 32))
		who := ""
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); readErr == nil && err == nil {
			who = fmt.Sprintf(" (process %d)", pid)
		}
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrKept
		}
		return nil, errors.Join(fmt.Errorf("%s: %w%s; end that one first, or let it do the work", state, err, who), file.Close())
	}
	_, err = file.WriteAt([]byte(fmt.Sprintf("%-10d\n", os.Getpid())), 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("claim the state: %w", err), file.Close())
	}
	return &claim{file}, nil
}

func (c *claim) release() error {
	if c == nil {
		return nil
	}
	return c.file.Close()
}
