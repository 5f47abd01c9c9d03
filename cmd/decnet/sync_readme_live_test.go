//go:build live

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/schema/syncfile"
)

// TestTheReadmeOfSyncRuns runs every block of the example's README, as it stands.
func TestTheReadmeOfSyncRuns(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("live tests make network namespaces: run them as root")
	}
	for _, judge := range []string{"bash", "git", "jq"} {
		if _, err := exec.LookPath(judge); err != nil {
			t.Fatalf("the judge %s is missing: run make judges", judge)
		}
	}
	bin, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/sync")); err != nil {
		t.Fatal(err)
	}
	if _, diags := syncfile.Load(filepath.Join(dir, "daemon", "sync.hcl")); diags.HasErrors() {
		t.Fatal(diags)
	}
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	var script strings.Builder
	script.WriteString("set -eum\n")
	for _, b := range blocks {
		script.WriteString(b[1])
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	t.Cleanup(func() {
		down := exec.Command(filepath.Join(bin, "decnet"), "lab", "down", "following")
		_ = down.Run() // it is down already, unless the script failed
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		`plan [0-9a-f]+ waits`, `Plan: \d+ to add`, `(?m)^ *applied +main@[0-9a-f]{12} Two file servers$`, `decky\.files\[1\] +Synced +Healthy`,
		`(?s)Two file servers.*decnet sync approve berlin`, `Take them away`,
	} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("nothing like %s in\n%s", want, out)
		}
	}
}
