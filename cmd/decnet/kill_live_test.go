//go:build live

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
)

// killable is a configuration whose apply takes long enough to be hit.
func killable(deckies int, title string) string {
	return fmt.Sprintf(`
decnet {
  name = "killed"
  seed = "calm"
}

network "lab" {
  parent      = "op0"
  subnet      = "10.77.0.0/24"
  gateway     = "10.77.0.1"
  pool        = "10.77.0.100-10.77.0.199"
  host_access = true
}

decky "host" {
  count    = %d
  network  = network.lab
  hostname = "host-${count.index}"

  service "http" {
    title = %q
  }
  service "redis" {}
}

rule "touch" {
  technique = "T1595"
  when      = event.kind == "connection.opened"
}
`, deckies, title)
}

// kills is how many applies each runtime is killed in, wantHits how many of the
// kills must fall between the first intent and the last result.
const (
	kills    = 50
	wantHits = 40
)

// TestLiveKill kills decnet at random moments of creating, changing and
// destroying. Each time the next run converges, the plan after it is empty, and
// nothing foreign was touched.
func TestLiveKill(t *testing.T) {
	for _, runtime := range runtimes {
		t.Run(runtime, func(t *testing.T) {
			deckies := 24
			if runtime == providers.RuntimeDocker {
				deckies = 4
			}
			s := newStage(t, runtime, killable(deckies, "a"))
			s.must("apply", "--auto-approve") // the image, the secret and the lineage exist from here on
			foreign := s.foreigners()
			s.must("destroy", "--auto-approve")
			random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
			hits := 0
			for n := range kills {
				verb := "apply"
				switch n % 3 {
				case 0:
					s.configure(killable(deckies, "a"))
				case 1:
					s.configure(killable(deckies, "b"))
				case 2:
					verb = "destroy"
				}
				where, hit := s.kill(verb, random)
				if hit {
					hits++
				}
				t.Logf("kill %2d, %s: %s", n, verb, where)
				s.must(verb, "--auto-approve")
				if verb == "destroy" {
					s.mustBeGone()
				} else {
					s.mustBeEmpty(fmt.Sprintf("after kill %d (%s)", n, where))
				}
				foreign()
				if t.Failed() {
					return
				}
			}
			t.Logf("%d of %d kills fell between the first intent and the last result", hits, kills)
			if hits < wantHits {
				t.Errorf("only %d kills hit a run, want %d", hits, wantHits)
			}
			s.must("destroy", "--auto-approve")
			s.mustBeGone()
		})
	}
}

// kill starts a run and kills it after any number of its steps but the last two,
// and a moment more. It tells which steps were under way, and whether the run had
// begun and not ended.
func (s *stage) kill(verb string, random *rand.Rand) (where string, hit bool) {
	s.t.Helper()
	cmd := s.decnet(s.t.Context(), verb, "--auto-approve", "--parallelism", "2") // a long run, to be hit
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	after, seen := -1, 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		var add, change, destroy int
		if n, _ := fmt.Sscanf(line, "Plan: %d to add, %d to change, %d to destroy.", &add, &change, &destroy); n == 3 {
			after = random.IntN(max(1, add+change+destroy-1))
			if random.IntN(4) > 0 {
				after = max(1, after) // mostly not before the first step
			}
		} else if after >= 0 && strings.HasSuffix(line, "]") && strings.Contains(line, " after ") { // "created after 2ms [3/9]"
			seen++
		}
		if after >= 0 && seen >= after {
			break
		}
	}
	time.Sleep(time.Duration(random.IntN(4000)) * time.Microsecond)
	if err := cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	for lines.Scan() { // what it had printed already
	}
	_ = cmd.Wait()
	return s.lastRun()
}

// lastRun reads from the journal where the last run was.
func (s *stage) lastRun() (where string, hit bool) {
	s.t.Helper()
	return s.runAt(filepath.Join(s.dir, ".decnet", "state.db"))
}

// runAt is lastRun of the state at path.
func (s *stage) runAt(path string) (where string, hit bool) {
	s.t.Helper()
	store, err := state.OpenReadOnly(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "before the state existed", false
	}
	if err != nil {
		s.t.Fatal(err)
	}
	defer store.Close()
	runs, err := store.Runs(s.t.Context(), 1)
	if err != nil || len(runs) == 0 {
		s.t.Fatalf("no run in the history: %v", err)
	}
	entries, err := store.Journal(s.t.Context(), runs[0].ID)
	if err != nil {
		s.t.Fatal(err)
	}
	var under []string
	done := 0
	for _, e := range entries {
		if e.Phase == state.PhaseIntent {
			under = append(under, e.Action+" "+string(e.Address))
		} else {
			done++
		}
	}
	switch {
	case !runs[0].Finished.IsZero():
		return fmt.Sprintf("outside a run; %d steps done", done), false
	case len(entries) == 0:
		return "after the run began, before the first intent", false
	case len(under) == 0:
		return fmt.Sprintf("between two steps, %d done", done), true
	default:
		return fmt.Sprintf("%d done, under way: %s", done, strings.Join(under, ", ")), true
	}
}

// foreigners makes objects that are not ours where ours are, and returns a
// check that they are still there.
func (s *stage) foreigners() func() {
	s.t.Helper()
	shell := func(argv ...string) (string, error) {
		out, err := s.command(s.t.Context(), "operator", argv...).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	must := func(argv ...string) string {
		s.t.Helper()
		out, err := shell(argv...)
		if err != nil {
			s.t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
		}
		return out
	}
	must("ip", "link", "add", "foreign0", "type", "veth", "peer", "name", "foreign1")
	checks := [][]string{{"ip", "link", "show", "foreign0"}, {"ip", "link", "show", "op0"}}
	if s.runtime == providers.RuntimeDocker {
		image := must("docker", "images", "-q")
		image, _, _ = strings.Cut(image, "\n")
		must("docker", "create", "--name", "foreign", "--network", "none", image, "hold")
		must("docker", "network", "create", "-d", "macvlan", "--subnet", "10.78.0.0/24", "-o", "parent=foreign0", "foreign")
		checks = append(checks, []string{"docker", "inspect", "foreign"}, []string{"docker", "network", "inspect", "foreign"})
	}
	file := filepath.Join(s.lab.DataDir(), "foreign")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return func() {
		s.t.Helper()
		for _, c := range checks {
			if out, err := shell(c...); err != nil {
				s.t.Errorf("a foreign object is gone: %s: %s", strings.Join(c, " "), out)
			}
		}
		if _, err := os.Stat(file); err != nil {
			s.t.Errorf("a foreign file is gone: %v", err)
		}
	}
}
