//go:build live

package unit_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/decnet/decnet/cmd/internal/unit"
)

// exposure is the most that systemd-analyze security may find, in tenths of its
// scale from 0 to 10. Reconcile's is what is left without a mount namespace of
// its own; the unit says why.
var exposure = map[string]int{unit.Reconcile: 51, unit.Supervise: 44, unit.Intel: 15}

func TestSystemdAcceptsTheUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal("the judge systemd-analyze is missing: apt install systemd, or run make judges")
	}
	dir := t.TempDir()
	bin, err := os.Executable() // any program that is there
	if err != nil {
		t.Fatal(err)
	}
	o := unit.Options{Decnet: bin, Decky: bin, Root: dir}
	write(t, o)
	at := filepath.Join(dir, unit.Directory)
	for name, most := range exposure {
		path := filepath.Join(at, name)
		out, err := exec.Command(analyze, "verify", path).CombinedOutput()
		if err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		out, err = exec.Command(analyze, "security", "--offline=true", "--no-pager", "--threshold="+strconv.Itoa(most), path).CombinedOutput()
		if err != nil {
			t.Errorf("%s is more exposed than %d: %v\n%s", name, most, err, out)
		}
		score := regexp.MustCompile(`exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
		if score == nil {
			t.Fatalf("%s: no score in\n%s", name, out)
		}
		if got := strings.Replace(string(score[1]), ".", "", 1); got != strconv.Itoa(most) {
			t.Errorf("%s: exposure %s, and %d is promised: promise what is measured", name, score[1], most)
		}
	}
	// The judge must be able to object.
	broken := filepath.Join(at, unit.Reconcile)
	text, err := os.ReadFile(broken)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, bytes.Replace(text, []byte("Type=notify"), []byte("Type=notification"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, _ := exec.Command(analyze, "verify", broken).CombinedOutput(); !bytes.Contains(out, []byte("notification")) {
		t.Errorf("a broken unit passes:\n%s", out)
	}
}
