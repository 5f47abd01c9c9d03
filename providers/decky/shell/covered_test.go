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
// in enough lines of the cases; the others are listed in testdata/uncovered.txt,
// which says so of no program that does.
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
	var uncovered []string
	for _, name := range all.Names() {
		if len(lines[name]) < enough {
			uncovered = append(uncovered, name)
		}
	}
	const path = "testdata/uncovered.txt"
	if *regap {
		if err := os.WriteFile(path, []byte(strings.Join(uncovered, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(string(data))
	for _, name := range uncovered {
		if !slices.Contains(listed, name) {
			t.Errorf("%s stands in %d lines of the cases, want %d", name, len(lines[name]), enough)
		}
	}
	for _, name := range listed {
		if !slices.Contains(uncovered, name) {
			t.Errorf("%s is covered now: take it off %s", name, path)
		}
	}
	t.Logf("%d of %d programs stand in at least %d lines", len(all.Names())-len(uncovered), len(all.Names()), enough)
}
