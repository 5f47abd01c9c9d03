package shell_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/shell/program/all"
)

// enough is in how many lines, each with other options, a command stands.
const enough = 3

// TestCommandsAreCovered computes which of the programs that we simulate stand
// in enough lines of the cases. Those that do are listed in
// testdata/covered.txt, and stay there; the others in testdata/uncovered.txt,
// each with the number of its lines.
func TestCommandsAreCovered(t *testing.T) {
	lines := map[string]map[string]bool{}
	for _, path := range allCaseFiles(t) {
		for _, c := range readCases(t, path).cases {
			for name, given := range commandsOf(c.script) {
				name = name[strings.LastIndexByte(name, '/')+1:]
				if lines[name] == nil {
					lines[name] = map[string]bool{}
				}
				for _, options := range given {
					lines[name][options+"\x00"+map[bool]string{true: c.script}[options == ""]] = true
				}
			}
		}
	}
	var covered, uncovered []string
	for _, name := range all.Names() {
		if len(lines[name]) < enough {
			uncovered = append(uncovered, fmt.Sprintf("%s %d", name, len(lines[name])))
		} else {
			covered = append(covered, name)
		}
	}
	t.Logf("%d of %d programs stand in at least %d lines", len(covered), len(covered)+len(uncovered), enough)
	for path, now := range map[string][]string{"testdata/covered.txt": covered, "testdata/uncovered.txt": uncovered} {
		if *regap {
			if err := os.WriteFile(path, []byte(strings.Join(now, "\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(data)), "\n"), now); diff != "" {
			t.Errorf("%s is stale (-gaps writes it; a name may leave covered.txt only with its program):\n%s", path, diff)
		}
	}
}
