package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/cmd/internal/daemon"
)

// tryCommand is what the daemon runs itself as before it evaluates a commit.
const tryCommand = "try-commit"

// maxTrial is how much memory the evaluation of a commit may take.
const maxTrial = 1 << 30

// tryCommit evaluates the files of a commit as the daemon would, and ends. A few
// lines can ask for more memory than there is: then it is this process that
// goes, and not the one that heals.
func (a *app) tryCommit() *cobra.Command {
	return &cobra.Command{
		Use: tryCommand + " FILE SYNC DIR", Short: "Evaluate a commit within limits, for decnet reconcile", Args: cobra.ExactArgs(3), Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := a.loadSyncFile(args[0])
			if err != nil {
				return err
			}
			s := file.Sync(args[1])
			if s == nil {
				return fmt.Errorf("there is no sync %q", args[1])
			}
			h, site := host{app: a, told: &sync.Map{}}, daemon.SiteOf(dataDir(), *s, args[2])
			session, err := h.Open(cmd.Context(), site)
			if err != nil {
				return err
			}
			_, err = h.Evaluate(cmd.Context(), session, site)
			return errors.Join(err, session.Close())
		},
	}
}

// try says why the commit of a site cannot be evaluated in this process: it ends
// too late, or takes the process with it. What else is wrong with it is told by
// who evaluates it.
func try(ctx context.Context, file string, site daemon.Site, memory uint64) error {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", tryCommand, file, site.Name, site.Dir)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "NOTIFY_SOCKET=") || strings.HasPrefix(v, "WATCHDOG_")
	})
	// It goes with this process, whose thread is meant by that.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("evaluate in a process of its own: %w", err)
	}
	limited := unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: memory, Max: memory}, nil)
	err := cmd.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("its evaluation does not end in time: %w", ctx.Err())
	}
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) && exit.ExitCode() == 1 {
		return nil // it has ended, well or not
	}
	if limited != nil {
		err = errors.Join(err, fmt.Errorf("limit its memory: %w", limited))
	}
	return fmt.Errorf("its evaluation takes more than %d MB of memory, or ends this program: %w", memory>>20, err)
}
