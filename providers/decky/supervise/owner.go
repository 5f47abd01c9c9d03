package supervise

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/jail"
)

// give makes a directory that only uid may enter, and hands over what another
// uid had in it (the number of workers changed).
func give(dir string, uid int) error {
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return fmt.Errorf("%s is no directory", dir)
	}
	if int(st.Uid) == uid && int(st.Gid) == uid && st.Mode&0o777 == 0o700 {
		return nil
	}
	// Its content was written by a process that attackers talk to: nothing
	// outside the directory may be reached through it.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(path, uid, uid)
	}); err != nil {
		return fmt.Errorf("hand over %s: %w", dir, err)
	}
	return root.Chmod(".", 0o700)
}

// sharesUID tells whether the workers must do with the supervisor's own uid, since
// its user namespace has none of theirs. Only Options.Rootless allows that.
func (s *Supervisor) sharesUID() (bool, error) {
	for i := range s.options.Shards {
		uid := UID(s.options.Lineage, i)
		if mapped(uid) {
			continue
		}
		if !s.options.Rootless {
			return false, fmt.Errorf("uid %d of a worker is not in this user namespace: without it workers could read each other's journals (map the ids %d to %d)",
				uid, jail.FirstUID, jail.FirstUID+jail.UIDs-1)
		}
		return true, nil
	}
	return false, nil
}

// mapped tells whether the user namespace of this process has an id
// (user_namespaces(7)).
func mapped(id uint32) bool {
	f, err := os.Open("/proc/self/uid_map")
	if err != nil {
		return true
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 {
			continue
		}
		first, err1 := strconv.ParseUint(fields[0], 10, 64)
		count, err2 := strconv.ParseUint(fields[2], 10, 64)
		if err1 == nil && err2 == nil && uint64(id) >= first && uint64(id) < first+count {
			return true
		}
	}
	return false
}
