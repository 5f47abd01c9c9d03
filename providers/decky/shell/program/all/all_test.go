package all_test

import (
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/all"
)

// A decoy's shell has the programs that intruders try first.
func TestFind(t *testing.T) {
	for _, name := range []string{"ls", "cat", "awk", "sed", "du", "dd", "busybox", "wget", "id", "ps", "crontab", "apt", "md5sum", "date", "printf"} {
		if f, ok := all.Find(name); !ok || f == nil {
			t.Errorf("no %s", name)
		}
	}
	if _, ok := all.Find("no-such-program"); ok {
		t.Error("a program of no name is found")
	}
}
