package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/reconciler/evidence"
	"github.com/decnet/decnet/reconciler/state"
)

// TestDriftCommand reads what an apply has put on record, with names that an
// attacker chose.
func TestDriftCommand(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	t.Setenv("DECNET_DATA_DIR", data)
	store, err := state.Open(state.DefaultPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	meta, err := store.Init(context.Background(), "n", "s", "native")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := evidence.Open(evidence.Dir(data, meta.Lineage), evidence.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var exhibits []state.Exhibit
	for name, text := range map[string]string{"../../../etc/cron.d/x": "* * * * * root id\n", "log\x1b[2J": "line"} {
		digest, err := kept.Put([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		exhibits = append(exhibits, state.Exhibit{Name: name, SHA256: digest, Size: int64(len(text))})
	}
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	drifts := []state.Drift{
		{ID: "01AAAAAAAAAAAAAAAAAAAAAAAA", Address: "decky.a", Reason: state.DriftGone, Action: state.DriftHeal, Seen: at, Told: at, Healed: at, Outcome: state.DriftHealed},
		{ID: "01BBBBBBBBBBBBBBBBBBBBBBBB", Address: "decky.b", Reason: state.DriftChanged, Action: state.DriftReport, Seen: at, Changes: []string{"a: \x1b[31m -> 2"}, Evidence: exhibits, Missing: "the log"},
	}
	if err := store.AddDrifts(context.Background(), drifts, nil); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	run := func(fails bool, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		code := command(append(args, "--chdir", dir), strings.NewReader(""), &out, &errs)
		if (code != 0) != fails {
			t.Fatalf("%v: exit %d: %s%s", args, code, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	list := run(false, "drift")
	if strings.Index(list, "decky.b") > strings.Index(list, "decky.a") || !strings.Contains(list, "open") || !strings.Contains(list, "healed") {
		t.Errorf("list:\n%s", list)
	}
	var answer struct {
		Drifts []state.Drift
		Counts struct{ Healed, Reported, Open int }
	}
	if err := json.Unmarshal([]byte(run(false, "drift", "list", "--limit", "1", "--json")), &answer); err != nil || len(answer.Drifts) != 1 || answer.Counts.Open != 1 || answer.Counts.Healed != 1 {
		t.Errorf("as JSON: %+v, %v", answer, err)
	}
	to := filepath.Join(t.TempDir(), "evidence")
	shown := run(false, "drift", "show", "01b", "--extract", to)
	if strings.Contains(shown, "\x1b") || !strings.Contains(shown, "missing: the log") || !strings.Contains(shown, "told = not yet") || !strings.Contains(shown, exhibits[0].SHA256) {
		t.Errorf("show:\n%q", shown)
	}
	files, err := os.ReadDir(to)
	if err != nil || len(files) != 2 {
		t.Fatalf("extracted: %v, %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has the mode %v, %v", f.Name(), info.Mode(), err)
		}
	}
	run(true, "drift", "show", "01b", "--extract", to) // it writes over nothing
	run(true, "drift", "show", "01")
	run(true, "drift", "show", "zz")
	run(true, "drift", "list", "--limit", "0")
}
