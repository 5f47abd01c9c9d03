package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/jail"
)

// covered is what the sandbox has its own of.
const covered = "/run"

// Place is where the inner process finds itself.
type Place struct {
	// Single says that there is one uid only: workers of deckies share it.
	Single bool
	// Report is what Options.Report was; nil: none. Close it.
	Report *os.File
}

// Enter furnishes the namespaces that Run made: private mounts, /proc and /run
// of their own. The context ends when the outer process asks for it.
func Enter(ctx context.Context) (context.Context, Place, error) {
	var s settings
	if err := json.Unmarshal([]byte(os.Getenv(Variable)), &s); err != nil {
		return ctx, Place{}, fmt.Errorf("enter the sandbox: %s: %w", Variable, err)
	}
	if os.Getpid() != 1 {
		return ctx, Place{}, fmt.Errorf("enter the sandbox: %s is set by decnet itself, for the first process of a sandbox", Variable)
	}
	if s.Unmapped {
		s.Unmapped = false
		again, err := json.Marshal(s)
		if err == nil {
			err = becomeRoot(string(again))
		}
		return ctx, Place{}, fmt.Errorf("enter the sandbox: %w", err)
	}
	if err := os.Unsetenv(Variable); err != nil {
		return ctx, Place{}, fmt.Errorf("enter the sandbox: %w", err)
	}
	// An exec that gains capabilities forgot it.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return ctx, Place{}, fmt.Errorf("enter the sandbox: die with the outer process: %w", err)
	}
	if err := furnish(s.Keep); err != nil {
		if forbids(err) {
			return ctx, Place{}, &ForbiddenError{Err: err, Remedy: remedy("/proc/sys")}
		}
		return ctx, Place{}, fmt.Errorf("enter the sandbox: %w", err)
	}
	ranges, err := readMap("/proc/self/uid_map")
	if err != nil {
		return ctx, Place{}, fmt.Errorf("enter the sandbox: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	unix.CloseOnExec(stopFD)
	stop := os.NewFile(stopFD, "stop")
	// It ends with the outer process or this one, whichever is first.
	go func() {
		_, _ = io.Copy(io.Discard, stop)
		cancel()
	}()
	place := Place{Single: !maps(ranges, jail.FirstUID, jail.UIDs)}
	if s.Report {
		unix.CloseOnExec(reportFD)
		place.Report = os.NewFile(reportFD, "report")
	}
	return ctx, place, nil
}

func furnish(keep []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	trees, err := open(keep)
	if err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", covered, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mount %s: %w", covered, err)
	}
	var errs []error
	for path, fd := range trees {
		errs = append(errs, attach(path, fd))
	}
	return errors.Join(errs...)
}

// open holds what is to stay of covered.
func open(keep []string) (map[string]int, error) {
	trees := map[string]int{}
	for _, path := range keep {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return nil, fmt.Errorf("keep %s: %w", path, err)
		}
		if !strings.HasPrefix(real, covered+"/") {
			continue
		}
		fd, err := unix.OpenTree(unix.AT_FDCWD, real, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
		if err != nil {
			return nil, fmt.Errorf("keep %s: %w", path, err)
		}
		trees[real] = fd
	}
	return trees, nil
}

// attach puts a held tree back in its place; it closes fd.
func attach(path string, fd int) error {
	defer unix.Close(fd)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return fmt.Errorf("keep %s: %w", path, err)
	}
	if err := unix.MoveMount(fd, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("keep %s: %w", path, err)
	}
	return nil
}
