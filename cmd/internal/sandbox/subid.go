package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/jail"
)

// subordinate are the maps of an ordinary user who has been given enough ids
// for workers (subuid(5)), written by newuidmap(1) and newgidmap(1).
type subordinate struct {
	uid, gid []string // arguments after the pid
}

// subordinates finds the ids that root has given to this user; false where
// there are none, or nobody who could map them.
func subordinates(etc string) (subordinate, bool) {
	for _, program := range []string{"newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(program); err != nil {
			return subordinate{}, false
		}
	}
	names := []string{strconv.Itoa(os.Getuid())}
	if u, err := user.Current(); err == nil {
		names = append(names, u.Username)
	}
	uids, uidErr := os.ReadFile(etc + "/subuid")
	gids, gidErr := os.ReadFile(etc + "/subgid")
	if uidErr != nil || gidErr != nil {
		return subordinate{}, false
	}
	uid, uidOK := given(string(uids), names)
	gid, gidOK := given(string(gids), names)
	return subordinate{uid: mapOf(os.Getuid(), uid), gid: mapOf(os.Getgid(), gid)}, uidOK && gidOK
}

// given is the first of the ids that a subuid(5) file gives one of names, if
// there are as many as workers may need.
func given(text string, names []string) (first int, ok bool) {
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) != 3 {
			continue
		}
		for _, name := range names {
			start, startErr := strconv.ParseUint(fields[1], 10, 32)
			count, countErr := strconv.ParseUint(fields[2], 10, 32)
			if fields[0] == name && startErr == nil && countErr == nil && count >= jail.UIDs {
				return int(start), true
			}
		}
	}
	return 0, false
}

// mapOf is the user as root, and the given ids as the workers'.
func mapOf(own, first int) []string {
	return []string{"0", strconv.Itoa(own), "1", strconv.Itoa(jail.FirstUID), strconv.Itoa(first), strconv.Itoa(jail.UIDs)}
}

// write maps the ids of a process in a new user namespace.
func (s subordinate) write(pid int) error {
	for program, ids := range map[string][]string{"newuidmap": s.uid, "newgidmap": s.gid} {
		if out, err := exec.Command(program, append([]string{strconv.Itoa(pid)}, ids...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// becomeRoot waits until the outer process has mapped our ids, and starts this
// program again: only an exec gives root its capabilities. It returns only
// where that fails.
func becomeRoot(value string) error {
	var word [1]byte
	if n, err := unix.Read(stopFD, word[:]); err != nil || n != 1 {
		return errors.New("the ids were not mapped")
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("uid %d after the ids were mapped", os.Geteuid())
	}
	if err := os.Setenv(Variable, value); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", os.Args, os.Environ())
}
