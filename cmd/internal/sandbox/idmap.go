package sandbox

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// whole maps every id of this user namespace to itself (user_namespaces(7)).
func whole(path string) ([]syscall.SysProcIDMap, error) {
	ranges, err := readMap(path)
	if err != nil {
		return nil, err
	}
	for i := range ranges {
		ranges[i].HostID = ranges[i].ContainerID
	}
	return ranges, nil
}

// readMap reads a uid_map or gid_map.
func readMap(path string) ([]syscall.SysProcIDMap, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var ranges []syscall.SysProcIDMap
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("read %s: line %q", path, line)
		}
		var numbers [3]int
		for i, f := range fields {
			n, err := strconv.ParseUint(f, 10, 32)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", path, err)
			}
			numbers[i] = int(n)
		}
		ranges = append(ranges, syscall.SysProcIDMap{ContainerID: numbers[0], HostID: numbers[1], Size: numbers[2]})
	}
	return ranges, nil
}

// maps tells whether a map holds all of size ids from first on.
func maps(ranges []syscall.SysProcIDMap, first, size int) bool {
	for _, r := range ranges {
		if first >= r.ContainerID && first+size <= r.ContainerID+r.Size {
			return true
		}
	}
	return false
}
