package unit_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/cmd/internal/unit"
	"github.com/decnet/decnet/schema/syncfile"
)

func options(root string) unit.Options {
	return unit.Options{Decnet: "/usr/local/bin/decnet", Decky: "/usr/local/bin/decky", Root: root}
}

func files(t *testing.T, o unit.Options) []unit.File {
	t.Helper()
	all, err := unit.Files(o)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func write(t *testing.T, o unit.Options) {
	t.Helper()
	for _, f := range files(t, o) {
		if err := unit.Write(o, f); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriteIsIdempotentAndRemoveLeavesTheOperators(t *testing.T) {
	o := options(t.TempDir())
	var paths []string
	for _, f := range files(t, o) {
		if !f.Differs() || !strings.HasPrefix(f.Diff(false), "--- /dev/null\n+++ "+f.Path+"\n") || f.Diff(true) != "" {
			t.Errorf("%s: before anything is written: differs %v, %.60q, removal %q", f.Path, f.Differs(), f.Diff(false), f.Diff(true))
		}
		paths = append(paths, f.Path)
	}
	write(t, o)
	for _, f := range files(t, o) {
		if f.Differs() || f.Diff(false) != "" {
			t.Errorf("%s differs after it was written:\n%s", f.Path, f.Diff(false))
		}
		info, err := os.Stat(filepath.Join(o.Root, f.Path))
		if err != nil || info.Mode().Perm() != f.Mode {
			t.Errorf("%s: %v %v, want %v", f.Path, info.Mode(), err, f.Mode)
		}
	}
	// The operator's file is his; a unit that was changed is written again.
	sync, reconcile := filepath.Join(o.Root, unit.SyncFile), filepath.Join(o.Root, unit.Directory, unit.Reconcile)
	for _, path := range []string{sync, reconcile} {
		if err := os.WriteFile(path, []byte("# mine\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var changed []string
	for _, f := range files(t, o) {
		if f.Differs() {
			changed = append(changed, f.Path)
			if text := f.Diff(false); !strings.Contains(text, "-# mine") || !strings.Contains(text, "+ExecStart=/usr/local/bin/decnet reconcile") {
				t.Errorf("diff:\n%s", text)
			}
		}
	}
	if diff := cmp.Diff([]string{filepath.Join(unit.Directory, unit.Reconcile)}, changed); diff != "" {
		t.Error(diff)
	}
	for _, f := range files(t, o) {
		if err := unit.Remove(o, f); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(sync); err != nil || string(text) != "# mine\n" {
		t.Errorf("the operator's file: %q %v", text, err)
	}
	var left []string
	for _, path := range paths {
		if _, err := os.Stat(filepath.Join(o.Root, path)); err == nil {
			left = append(left, path)
		}
	}
	if diff := cmp.Diff([]string{unit.SyncFile}, left); diff != "" {
		t.Error(diff)
	}
	for _, f := range files(t, o) {
		if err := unit.Remove(o, f); err != nil {
			t.Errorf("a second removal: %v", err)
		}
	}
}

func TestNothingIsLeftToFillIn(t *testing.T) {
	for _, f := range files(t, options("")) {
		if strings.Contains(string(f.Want), "@DEC") || strings.Contains(string(f.Want), "@SYNC") {
			t.Errorf("%s:\n%s", f.Path, f.Want)
		}
	}
}

func TestPathsThatSystemdWouldTakeApartAreRefused(t *testing.T) {
	for _, path := range []string{"", "decnet", "/opt/my tools/decnet", "/opt/%h/decnet", "/opt/a;b", "/opt/$HOME/decnet", `/opt/a\b`, "/opt/a\nUser=root"} {
		o := options("")
		o.Decnet = path
		if _, err := unit.Files(o); err == nil {
			t.Errorf("decnet at %q was accepted", path)
		}
		o = options("")
		o.Decky = path
		if _, err := unit.Files(o); err == nil {
			t.Errorf("decky at %q was accepted", path)
		}
	}
}

// TestTheExampleIsRead makes sure that what setup writes is a file of the
// daemon's, as it stands and without its comment signs.
func TestTheExampleIsRead(t *testing.T) {
	all := files(t, options(""))
	example := string(all[slices.IndexFunc(all, func(f unit.File) bool { return f.Path == unit.SyncFile })].Want)
	file, diags := syncfile.Parse([]byte(example), "sync.hcl")
	if diags.HasErrors() || len(file.Syncs) != 0 || file.Metrics == nil {
		t.Errorf("%v %+v", diags, file)
	}
	var lines []string
	inside := false
	for line := range strings.Lines(example) {
		text := strings.TrimPrefix(strings.TrimPrefix(line, "#"), " ")
		first, _, _ := strings.Cut(text, " ")
		if slices.Contains([]string{"sync", "webhook", "sink"}, first) && strings.HasSuffix(text, "{\n") {
			inside = true
		}
		if inside {
			lines = append(lines, text)
		}
		if strings.HasPrefix(line, "# }") {
			inside = false
		}
	}
	file, diags = syncfile.Parse([]byte(strings.Join(lines, "")), "sync.hcl")
	if diags.HasErrors() || len(file.Syncs) != 1 || len(file.Webhooks) != 1 || len(file.Sinks) != 1 {
		t.Errorf("%v\n%s", diags, strings.Join(lines, ""))
	}
}

func TestSupervisor(t *testing.T) {
	booted := func(t *testing.T) unit.Host {
		root := t.TempDir()
		write(t, options(root))
		if err := os.MkdirAll(filepath.Join(root, "run/systemd/system"), 0o755); err != nil {
			t.Fatal(err)
		}
		return unit.Host{Root: root, DataDir: "/var/lib/decnet", RunDir: "/run/decnet"}
	}
	const decky = "/usr/local/bin/decky"
	want := []string{"/bin/systemctl", "--no-ask-password", "start", "decnet-supervise@ab12.service"}
	if diff := cmp.Diff(want, booted(t).Supervisor(decky, "ab12")); diff != "" {
		t.Error(diff)
	}
	for name, change := range map[string]func(h *unit.Host, decky, lineage *string){
		"another decky":          func(_ *unit.Host, decky, _ *string) { *decky = "/tmp/decky" },
		"another data directory": func(h *unit.Host, _, _ *string) { h.DataDir = "/tmp/data" },
		"another run directory":  func(h *unit.Host, _, _ *string) { h.RunDir = "/tmp/run" },
		"no lineage":             func(_ *unit.Host, _, lineage *string) { *lineage = "" },
		"no systemd":             func(h *unit.Host, _, _ *string) { _ = os.RemoveAll(filepath.Join(h.Root, "run")) },
		"no unit":                func(h *unit.Host, _, _ *string) { _ = os.Remove(filepath.Join(h.Root, unit.Directory, unit.Supervise)) },
	} {
		h, d, l := booted(t), decky, "ab12"
		change(&h, &d, &l)
		if got := h.Supervisor(d, l); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}
