package system_test

import (
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// lscpu's last lines are the kernel's files, all values under each other.
func TestLscpuTellsOfVulnerabilities(t *testing.T) {
	h := programtest.New(t, "root")
	shown, _, _ := h.Run(t, "lscpu | grep ^Vulnerability | sed 's/^[^:]*: *//'", "")
	files, _, _ := h.Run(t, "cat /sys/devices/system/cpu/vulnerabilities/*", "")
	if shown != files || files == "" {
		t.Errorf("lscpu says\n%s/sys says\n%s", shown, files)
	}
	if columns, _, _ := h.Run(t, "lscpu | awk '{match($0, /: +/); print RSTART+RLENGTH}' | sort -u | wc -l", ""); columns != "1\n" {
		t.Errorf("the values stand in %s columns", columns)
	}
}
