package shell_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/all"
)

// enough is in how many lines, each with other options, a command stands.
const enough = 3

// TestCommandsAreCovered computes which of the programs that we simulate stand
// in enough lines of the cases, and prints the others. Those that do are listed
// in testdata/covered.txt, and stay there.
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
			uncovered = append(uncovered, name)
		} else {
			covered = append(covered, name)
		}
	}
	const path = "testdata/covered.txt"
	if *regap {
		if err := os.WriteFile(path, []byte(strings.Join(covered, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(data)) {
		if !slices.Contains(covered, name) {
			t.Errorf("%s stands in %d lines of the cases only, want %d", name, len(lines[name]), enough)
		}
	}
	t.Logf("%d of %d programs stand in at least %d lines; not these: %s", len(covered), len(covered)+len(uncovered), enough, strings.Join(uncovered, " "))
}
