package all_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/all"
)

// leastPrograms is how many programs are simulated; it only grows.
const leastPrograms = 900

// silent are programs of the images that may say nothing yet: the list only
// shrinks.
var silent = strings.Fields("")

// Every program that an installation of any distribution has answers something.
func TestInstalledPrograms(t *testing.T) {
	names := all.Names()
	if len(names) < leastPrograms {
		t.Errorf("%d programs are simulated, want %d", len(names), leastPrograms)
	}
	for _, distro := range persona.Distros() {
		host := servicetest.Host()
		host.Distro = distro
		view := machine.New(host, nil, time.Now).FS.As(0, 0)
		var mute []string
		installed := 0
		for _, dir := range []string{"/usr/bin", "/usr/sbin", "/bin", "/sbin"} {
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
				if !slices.Contains(silent, e.Name) && !slices.Contains(mute, e.Name) {
					mute = append(mute, e.Name)
				}
			}
		}
		if len(mute) > 0 {
			t.Errorf("%s: %d of %d installed programs say nothing: %s", distro, len(mute), installed, strings.Join(mute, " "))
		}
	}
	t.Logf("%d programs are simulated", len(names))
}
