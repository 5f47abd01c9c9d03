// Package sandbox runs this program again in namespaces of its own (user, mount,
// pid, network, ipc, uts), where an ordinary user may do what takes root
// elsewhere and nothing that is made outlives the run: when its first process
// ends, for whatever reason, the kernel ends all others and drops every mount,
// link and namespace. It runs no other program, and it never falls back to
// running outside.
package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Variable marks the inner process and carries its settings.
const Variable = "DECNET_SANDBOX"

// stopFD is the descriptor whose end tells the inner process to stop.
const stopFD = 3

// reportFD is the descriptor of Options.Report.
const reportFD = 4

// Options of Run.
type Options struct {
	// Args are the program's arguments, without its name.
	Args []string
	// Keep are paths that stay visible where the sandbox covers what holds
	// them: it has a /run of its own.
	Keep           []string
	Stdout, Stderr io.Writer
	// Report is a file that the inner process may write; nil: none.
	Report *os.File
}

// settings is what the outer process tells the inner one.
type settings struct {
	Keep   []string `json:"keep,omitempty"`
	Report bool     `json:"report,omitempty"`
	// Unmapped says that the ids come after the start.
	Unmapped bool `json:"unmapped,omitempty"`
}

// Inside tells whether this process was started by Run.
func Inside() bool { return os.Getenv(Variable) != "" }

// ForbiddenError says that the kernel does not let this user have namespaces.
type ForbiddenError struct {
	Err    error
	Remedy string
}

func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("this machine does not let you make user namespaces (%v): %s", e.Err, e.Remedy)
}

func (e *ForbiddenError) Unwrap() error { return e.Err }

// Run runs the program inside and returns its exit code. When ctx ends the inner
// process is asked to end and waited for; it dies with this one in any case.
func Run(ctx context.Context, options Options) (int, error) {
	if os.Geteuid() != 0 {
		if ids, ok := subordinates("/etc"); ok {
			code, err := run(ctx, options, &ids)
			if !errors.Is(err, errIDs) {
				return code, err
			}
			// What root gave cannot be had (a set-uid program without effect
			// here): one id is enough, and the inner process says so.
		}
	}
	return run(ctx, options, nil)
}

// errIDs says that the subordinate ids could not be mapped.
var errIDs = errors.New("map subordinate ids")

// run runs the program inside once, with ids if they are not nil.
func run(ctx context.Context, options Options, ids *subordinate) (int, error) {
	data, err := json.Marshal(settings{Keep: options.Keep, Report: options.Report != nil, Unmapped: ids != nil})
	if err != nil {
		return 0, fmt.Errorf("start the sandbox: %w", err)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("start the sandbox: %w", err)
	}
	defer ours.Close()
	attributes, err := attributes(ids != nil)
	if err != nil {
		return 0, errors.Join(err, theirs.Close())
	}
	cmd := exec.Command("/proc/self/exe", options.Args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), Variable+"="+string(data))
	cmd.Stdout, cmd.Stderr = options.Stdout, options.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	if options.Report != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, options.Report)
	}
	cmd.SysProcAttr = attributes
	runtime.LockOSThread() // it dies with the thread that started it
	defer runtime.UnlockOSThread()
	err = cmd.Start()
	if closeErr := theirs.Close(); err == nil && closeErr != nil {
		return 0, errors.Join(fmt.Errorf("start the sandbox: %w", closeErr), cmd.Process.Kill(), cmd.Wait())
	}
	if forbids(err) {
		return 0, &ForbiddenError{Err: err, Remedy: remedy("/proc/sys")}
	}
	if err != nil {
		return 0, fmt.Errorf("start the sandbox: %w", err)
	}
	if ids != nil {
		err := ids.write(cmd.Process.Pid)
		if err == nil {
			_, err = ours.Write([]byte{1})
		}
		if err != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // it was killed
			return 0, fmt.Errorf("%w: %w", errIDs, err)
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = ours.Close() })
	defer stop()
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if exit.ExitCode() < 0 {
			return 1, fmt.Errorf("the sandbox was ended: %w", err)
		}
		return exit.ExitCode(), nil
	}
	return 0, err
}

// attributes are the namespaces with the ids in them: root keeps all that it
// has, anybody else is the only one, unless the ids come later.
func attributes(later bool) (*syscall.SysProcAttr, error) {
	a := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  unix.SIGKILL,
		Setpgid:    true, // a terminal's interrupt comes to the outer process alone
	}
	if later {
		return a, nil
	}
	if os.Geteuid() != 0 {
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
		return a, nil
	}
	var err error
	if a.UidMappings, err = whole("/proc/self/uid_map"); err != nil {
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	if a.GidMappings, err = whole("/proc/self/gid_map"); err != nil {
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	a.GidMappingsEnableSetgroups = true
	return a, nil
}

// forbids tells whether an error means that namespaces are forbidden.
func forbids(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EUSERS)
}
