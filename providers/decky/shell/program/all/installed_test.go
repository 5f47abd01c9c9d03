package all_test

import (
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/all"
)

// leastPrograms is how many programs are simulated; it only grows.
const leastPrograms = 250

// What an installation has and nobody simulates says nothing when it is run:
// the list is for whoever shortens it.
func TestInstalledPrograms(t *testing.T) {
	names := all.Names()
	if len(names) < leastPrograms {
		t.Errorf("%d programs are simulated, want %d", len(names), leastPrograms)
	}
	view := machine.New(servicetest.Host(), nil, time.Now).FS.As(0, 0)
	var silent []string
	installed := 0
	for _, dir := range []string{"/usr/bin", "/usr/sbin"} {
		list, err := view.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			installed++
			if _, ok := all.Find(e.Name); ok {
				continue
			}
			if path, err := view.Resolve(dir + "/" + e.Name); err == nil {
				if _, ok := all.Find(program.Base(path)); ok {
					continue
				}
			}
			silent = append(silent, e.Name)
		}
	}
	t.Logf("%d programs are simulated; %d of %d installed ones are not: %s", len(names), len(silent), installed, strings.Join(silent, " "))
}
