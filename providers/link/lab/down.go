package lab

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/link/namespace"
)

// Down takes a lab down by name, half-made ones too. A lab that does not exist
// is already down.
func Down(name string, options Options) error {
	l, err := load(name, options)
	if errors.Is(err, ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.Down()
}

// Down stops the lab's engine, kills every process that was started in the
// lab, unmounts what is mounted below its directory and removes namespaces and directory. It may be
// repeated.
func (l *Lab) Down() error {
	var errs []error
	if err := l.StopEngine(); err != nil {
		errs = append(errs, err)
	}
	if err := l.kill(); err != nil {
		errs = append(errs, err)
	}
	if err := l.unmount(); err != nil {
		errs = append(errs, err)
	}
	for _, side := range []Side{Operator, Attacker} {
		inode, err := namespace.Inode(l.Namespace(side))
		if err == nil && inode != l.record.Inodes[side] {
			continue // someone else's by now
		}
		if err == nil || len(l.record.Inodes) < 2 {
			errs = append(errs, namespace.Delete(l.Namespace(side)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("take lab %s down: %w", l.Name, err)
	}
	if err := os.RemoveAll(l.Dir); err != nil {
		return fmt.Errorf("take lab %s down: %w", l.Name, err)
	}
	if err := os.Remove(l.root); err != nil && !errors.Is(err, os.ErrNotExist) {
		l.log.Debug("other labs are up", "root", l.root)
	}
	return nil
}

// kill ends the recorded processes and whatever still lives in the lab's two
// namespaces: nothing gets in there but through the lab.
func (l *Lab) kill() error {
	deadline := time.Now().Add(downPatience)
	for {
		pids, err := l.living()
		if err != nil {
			return err
		}
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v do not end", pids)
		}
		for _, pid := range pids {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("kill process %d: %w", pid, err)
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (l *Lab) living() ([]int, error) {
	remembered, err := l.remembered()
	if err != nil {
		return nil, err
	}
	ours := map[int]bool{}
	for _, s := range remembered {
		if tick, err := startTick(s.PID); err == nil && tick == s.Start && s.PID != os.Getpid() && !zombie(s.PID) {
			ours[s.PID] = true
		}
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if l.inside(pid) && !zombie(pid) {
			ours[pid] = true
		}
	}
	pids := make([]int, 0, len(ours))
	for pid := range ours {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids, nil
}

func (l *Lab) inside(pid int) bool {
	var st unix.Stat_t
	if err := unix.Stat("/proc/"+strconv.Itoa(pid)+"/ns/net", &st); err != nil {
		return false
	}
	for side, inode := range l.record.Inodes {
		if l.here && side == Operator {
			continue // the caller's, with whoever else is in it
		}
		if st.Ino == inode && inode != 0 {
			return true
		}
	}
	return false
}

// unmount detaches every mount below the lab's directory, the deepest first.
func (l *Lab) unmount() error {
	points, err := mountsBelow(l.Dir)
	if err != nil {
		return err
	}
	for _, point := range slices.Backward(points) {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("unmount %s: %w", point, err)
		}
	}
	return nil
}

// mountsBelow lists mount points below dir in the order they were mounted.
func mountsBelow(dir string) ([]string, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	var points []string
	scanner := bufio.NewScanner(bytes.NewReader(data))
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) < 5 {
			continue
		}
		point := unescape(fields[4])
		if strings.HasPrefix(point, filepath.Clean(dir)+"/") {
			points = append(points, point)
		}
	}
	return points, scanner.Err()
}

// unescape undoes mountinfo's octal escapes (proc(5)).
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// startTick reads when a process started, in clock ticks since boot: field 22
// of /proc/PID/stat, counted after the parenthesised name.
func startTick(pid int) (uint64, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

func zombie(pid int) bool {
	fields, err := stat(pid)
	return err != nil || fields[0] == "Z" || fields[0] == "X"
}

func stat(pid int) ([]string, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, unix.ESRCH) {
		return nil, os.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	_, rest, ok := strings.Cut(string(data[bytes.LastIndexByte(data, ')'):]), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return nil, fmt.Errorf("process %d: unexpected stat", pid)
	}
	return fields, nil
}
