package docker

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// containerCgroup finds a container's id in a line of /proc/PID/cgroup, as both
// of the engine's cgroup drivers write it.
var containerCgroup = regexp.MustCompile(`(?m)[/-]([0-9a-f]{64})(?:\.scope)?$`)

func (kernel) processes() (map[string]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	found := map[string]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		data, err := os.ReadFile("/proc/" + e.Name() + "/cgroup")
		if err != nil {
			continue // ended meanwhile
		}
		id := containerOf(data)
		if id == "" || ended(pid) {
			continue
		}
		if first, ok := found[id]; !ok || older(pid, first) {
			found[id] = pid
		}
	}
	return found, nil
}

// containerOf is the container id in the text of /proc/PID/cgroup, or empty.
func containerOf(cgroup []byte) string {
	m := containerCgroup.FindSubmatch(cgroup)
	if m == nil {
		return ""
	}
	return string(m[1])
}

// processStat reads /proc/PID/stat's fields from the state on (proc(5), field 3).
func processStat(pid int) []string {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	end := strings.LastIndexByte(string(data), ')')
	if end < 0 {
		return nil
	}
	return strings.Fields(string(data[end+1:]))
}

// older tells which of two processes of a container was there first: the one
// that its life began with.
func older(a, b int) bool {
	first, ok := startTicks(processStat(a))
	second, both := startTicks(processStat(b))
	if !ok || !both || first == second {
		return a < b
	}
	return first < second
}

func ended(pid int) bool {
	fields := processStat(pid)
	return len(fields) == 0 || fields[0] == "Z" || fields[0] == "X"
}

// age is how long a process has been running.
func age(pid int) time.Duration {
	ticks, ok := startTicks(processStat(pid)) // in 1/100 s since boot
	if !ok {
		return 0
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano()) - time.Duration(ticks)*10*time.Millisecond
}
