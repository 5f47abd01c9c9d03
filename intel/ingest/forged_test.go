package ingest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event"
)

// TestOnlyTheEngineTellsOfDrift has a decky that says that nothing became of it.
func TestOnlyTheEngineTellsOfDrift(t *testing.T) {
	root := t.TempDir()
	m := newMemory()
	var journals []intel.Journal
	for name, trusted := range map[string]bool{"web": false, "_reconciler": true} {
		dir := journalDir(t, root, name)
		for _, decky := range []string{"decky.web", "decky.other", "network.lan"} {
			now := time.Now()
			write(t, dir, &event.Event{ID: event.NewID(now), Time: now, Decky: decky, Body: &event.Drift{Address: decky, Reason: "restarted", Action: "none"}})
		}
		journals = append(journals, intel.Journal{Name: name, Dir: dir, Deckies: map[bool][]string{false: {"decky.web"}}[trusted], Trusted: trusted})
	}
	run(t, m, journals...)
	eventually(t, "all events", func() bool { return len(m.all()) == 6 })
	told := map[string]bool{}
	for _, e := range m.all() {
		_, drift := e.Body.(*event.Drift)
		if drift != (e.Journal == "_reconciler") {
			t.Errorf("journal %s: an event of kind %s", e.Journal, e.Kind())
		}
		if drift {
			told[e.Decky] = e.Flags == 0
			continue
		}
		said, ok := e.Body.(*event.System)
		if !ok || said.Name != "forged" || !strings.Contains(string(said.Detail), "restarted") || e.Flags&intel.FlagKind == 0 || e.Decky != "decky.web" {
			t.Errorf("forged: %+v, flags %v, of %s", e.Body, e.Flags.Names(), e.Decky)
		}
	}
	if !told["decky.web"] || !told["decky.other"] || !told["network.lan"] {
		t.Errorf("the engine's: %v", told)
	}
}

func journalDir(t *testing.T, root, name string) string {
	t.Helper()
	dir := filepath.Join(root, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}
