//go:build live

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/cmd/internal/control"
	"github.com/decnet/decnet/cmd/internal/daemon"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/reconciler/status"
)

// daemonKills is how often the daemon is killed on each runtime; `make soak`
// asks for a hundred.
func daemonKills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("DECNET_DAEMON_KILLS")
	if text == "" {
		return 30
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		t.Fatalf("DECNET_DAEMON_KILLS is %q", text)
	}
	return n
}

// wantDaemonHits is how many of a hundred kills must fall between the first
// intent of a run and its end.
const wantDaemonHits = 60

// settled is how long a daemon may take until all is well again.
const settled = 60 * time.Second

// TestLiveDaemonKill kills the daemon at random moments, most of them amid an
// apply of a signed commit or the healing of a fault, some while it starts and
// some twice and thrice in a row. Each time the next one converges on the newest
// commit: nothing is left over, nothing stands twice, nothing foreign was
// touched, and what was done to the fleet is on record once, and nothing else.
func TestLiveDaemonKill(t *testing.T) {
	for _, runtime := range runtimes {
		t.Run(runtime, func(t *testing.T) {
			kills := daemonKills(t)
			o := newOrdeal(t, runtime, lineup{name: "host", deckies: 3, title: "a"})
			o.foreign = o.foreigners()
			began := time.Now()
			for o.kills < kills && !t.Failed() {
				o.round(kills)
			}
			t.Logf("%d kills, %d of them within a run, in %s; %d drifts", o.kills, o.hits, time.Since(began).Round(time.Second), len(o.seen))
			want := wantDaemonHits
			if kills < 100 {
				want -= 20 // chance weighs more in few
			}
			if o.hits*100 < want*o.kills {
				t.Errorf("only %d of %d kills hit a run, want %d of 100", o.hits, o.kills, want)
			}
			o.told()
			o.die()
			o.end()
		})
	}
}

// lineup is what a commit wants.
type lineup struct {
	name    string // of the decky block
	former  string // name that its deckies had; empty: they are others
	deckies int
	title   string
	ssh     bool // they serve SSH, too
}

func (f lineup) source() string {
	text := strings.Replace(killable(f.deckies, f.title), `decky "host"`, fmt.Sprintf("decky %q", f.name), 1)
	if f.ssh {
		text = strings.Replace(text, `service "redis" {}`, "service \"redis\" {}\n  service \"ssh\" {}", 1)
	}
	if f.former != "" {
		text += fmt.Sprintf("\nmoved {\n  from = decky.%s\n  to   = decky.%s\n}\n", f.former, f.name)
	}
	return text
}

func (f lineup) String() string {
	return fmt.Sprintf("%d of decky.%s (was %q), title %q", f.deckies, f.name, f.former, f.title)
}

// ordeal is a daemon that follows a repository, and what it is put through.
type ordeal struct {
	*stage
	random  *rand.Rand
	file    string // the daemon's own
	state   string // of its sync
	client  *control.Client
	commit  func(content, title string) string
	foreign func()

	fleet       lineup // of the tip
	tip         string
	daemon      *lab.Cmd // nil while none runs
	log         *lockedBuffer
	commits     int
	kills, hits int
	seen        map[string]bool // ids of drifts
}

// newOrdeal starts a daemon over a repository with one commit, and waits until
// it is live.
func newOrdeal(t *testing.T, runtime string, first lineup) *ordeal {
	t.Helper()
	s := newStage(t, runtime, first.source())
	now := uint64(time.Now().UnixNano())
	t.Logf("seed %d", now)
	o := &ordeal{
		stage: s, random: rand.New(rand.NewPCG(now, 3)), seen: map[string]bool{}, log: &lockedBuffer{},
		file: filepath.Join(s.lab.Dir, "sync.hcl"), state: filepath.Join(daemon.SyncDir(s.lab.DataDir(), "prod"), "state.db"),
		client: control.NewClient(filepath.Join(s.lab.RunDir(), "reconcile.sock")),
	}
	origin, key := o.signedRepository()
	text := fmt.Sprintf(`sync "prod" {
  repository  = %q
  branch      = "main"
  interval    = "10s"
  runtime     = %q
  parallelism = 2
  verify {
    mode = "every"
    signer "ops" {
      ssh_key_files = [%q]
    }
  }
}
`, "file://"+origin, runtime, key+".pub")
	if err := os.WriteFile(o.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.die()
		if t.Failed() {
			said := o.log.String()
			t.Logf("decnet reconcile:\n%s", said[max(0, len(said)-30000):])
		}
	})
	o.push(first)
	o.settle("at the beginning")
	return o
}

// signedRepository makes a bare repository, a clone of it that commits are made
// in, and the key that signs them.
func (o *ordeal) signedRepository() (origin, key string) {
	o.t.Helper()
	run := func(argv ...string) string {
		o.t.Helper()
		if _, err := exec.LookPath(argv[0]); err != nil {
			o.t.Fatalf("the judge %s is missing: run make judges", argv[0])
		}
		out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		if err != nil {
			o.t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	origin, key = filepath.Join(o.lab.Dir, "origin.git"), filepath.Join(o.lab.Dir, "key")
	clone := filepath.Join(o.lab.Dir, "clone")
	run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ops@example.com", "-f", key)
	run("git", "init", "-q", "--bare", "-b", "main", origin)
	run("git", "clone", "-q", origin, clone)
	git := func(args ...string) string {
		o.t.Helper()
		return run(append([]string{"git", "-C", clone, "-c", "user.name=Operations", "-c", "user.email=ops@example.com", "-c", "gpg.format=ssh", "-c", "user.signingkey=" + key}, args...)...)
	}
	o.commit = func(content, title string) string {
		o.t.Helper()
		if err := os.WriteFile(filepath.Join(clone, "main.hcl"), []byte(content), 0o600); err != nil {
			o.t.Fatal(err)
		}
		git("add", ".")
		git("commit", "-q", "--allow-empty", "-S", "-m", title)
		git("push", "-q", "origin", "HEAD:main")
		return git("rev-parse", "HEAD")
	}
	return origin, key
}

// push commits a fleet.
func (o *ordeal) push(f lineup) {
	o.t.Helper()
	o.commits++
	o.fleet, o.tip = f, o.commit(f.source(), fmt.Sprintf("Commit %d", o.commits))
	o.configure(strings.Replace(f.source(), `name = "killed"`, fmt.Sprintf("name  = \"killed\"\n  state = %q", o.state), 1)) // for decnet plan
}

// next is another fleet than the present one: more or fewer deckies, another
// title, or another name.
func (o *ordeal) next() lineup {
	f := o.fleet
	f.former = ""
	switch o.random.IntN(5) {
	case 0, 1:
		most := 12
		if o.runtime == providers.RuntimeDocker {
			most = 5
		}
		f.deckies = 1 + (f.deckies+o.random.IntN(most-1))%most
	case 2, 3:
		f.title += string(rune('a' + o.random.IntN(26)))
		f.title = f.title[max(0, len(f.title)-8):]
	default:
		former := f.name
		f.name = fmt.Sprintf("host_%d", o.commits) // a name that comes back may be that of an object that moved
		if o.random.IntN(2) == 0 {
			f.former = former
		}
	}
	return f
}

// live starts a daemon unless one runs.
func (o *ordeal) live() {
	o.t.Helper()
	if o.daemon != nil {
		return
	}
	cmd := o.command(context.WithoutCancel(o.t.Context()), lab.Operator, filepath.Join(o.bin, "decnet"), "reconcile", "--file", o.file)
	cmd.Stdout, cmd.Stderr = o.log, o.log
	fmt.Fprintf(o.log, "--- daemon %d\n", o.kills)
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.daemon = cmd
}

// die kills the daemon, if one runs.
func (o *ordeal) die() {
	if o.daemon == nil {
		return
	}
	if err := o.daemon.Process.Kill(); err != nil {
		o.t.Errorf("the daemon ended by itself: %v", err)
	}
	_ = o.daemon.Wait()
	o.daemon = nil
}

// wake makes the daemon look at the repository, if one answers.
func (o *ordeal) wake() {
	ctx, cancel := context.WithTimeout(o.t.Context(), 5*time.Second)
	defer cancel()
	_ = o.client.Operator().Now(ctx, "prod", "")
}

// status is how the sync does, if a daemon answers.
func (o *ordeal) status() (status.Sync, error) {
	ctx, cancel := context.WithTimeout(o.t.Context(), 5*time.Second)
	defer cancel()
	return o.client.Get(ctx, "prod")
}

// store opens the state for reading, as intel does.
func (o *ordeal) store() *state.Store {
	o.t.Helper()
	store, err := state.OpenReadOnly(o.state)
	if err != nil {
		o.t.Fatal(err)
	}
	return store
}

// round lets something happen, kills the daemon once or several times until
// nothing was left to do, and looks whether the next one makes all well.
func (o *ordeal) round(kills int) {
	o.t.Helper()
	a := o.deed()
	if o.random.IntN(3) == 0 {
		o.die() // it happens while nobody looks; an idle daemon dies well
	}
	most := 1
	if a.commit {
		most = o.fleet.deckies
	}
	hit := o.strike(most, func() { o.do(&a) })
	for o.kills < kills && hit && o.random.IntN(5) > 1 {
		hit = o.strike(most, func() {})
	}
	o.settle(fmt.Sprintf("after %d kills and %s", o.kills, a))
	o.judge(a)
}

// strike starts a daemon if none runs, lets something happen, and kills the
// daemon: mostly after some of the first most steps of the run that follows, else
// at any moment. It tells whether that was within a run.
func (o *ordeal) strike(most int, happen func()) bool {
	o.t.Helper()
	before := o.lastID()
	early := o.daemon == nil && o.random.IntN(2) == 0
	if early {
		happen()
	}
	o.live()
	var killer sync.WaitGroup
	victim, moment := o.daemon.Process, o.moment(most)
	killer.Go(func() {
		o.await(before, moment)
		if err := victim.Kill(); err != nil {
			o.t.Errorf("the daemon ended by itself: %v", err)
		}
	})
	if !early {
		happen()
	}
	killer.Wait()
	_ = o.daemon.Wait()
	o.daemon = nil
	o.kills++
	where, hit := "before a run", false
	if o.lastID() > before {
		where, hit = o.runAt(o.state)
	}
	if hit {
		o.hits++
	}
	o.t.Logf("kill %3d: %s", o.kills, where)
	if stdout, stderr, code := o.try("sync", "status", "prod", "--file", o.file, "--json"); code != 0 || !strings.Contains(stderr, "wrote down last") {
		o.t.Errorf("what the killed daemon wrote down: exit code %d\n%s%s", code, stdout, stderr)
	}
	return hit
}

// moment is when a daemon is killed.
type moment struct {
	steps int           // of a run that must have begun; 0: at any time
	later time.Duration // after that
}

func (o *ordeal) moment(most int) moment {
	step := 5 * time.Millisecond
	if o.runtime == providers.RuntimeDocker {
		step = 150 * time.Millisecond
	}
	if o.random.IntN(8) == 0 {
		return moment{later: time.Duration(o.random.Int64N(int64(40 * step)))}
	}
	return moment{1 + o.random.IntN(1+o.random.IntN(most)), time.Duration(o.random.Int64N(int64(step)))}
}

// await returns at the moment, or when the run is over, or nothing happens.
func (o *ordeal) await(before int64, m moment) {
	defer func() { time.Sleep(m.later) }()
	if m.steps == 0 {
		return
	}
	store, err := state.OpenReadOnly(o.state)
	if err != nil {
		o.t.Error(err)
		return
	}
	defer store.Close() //nolint:errcheck // read only
	for deadline := time.Now().Add(4 * time.Second); time.Now().Before(deadline); time.Sleep(300 * time.Microsecond) {
		runs, err := store.Runs(o.t.Context(), 1)
		if err != nil || len(runs) == 0 || runs[0].ID <= before {
			continue
		}
		if entries, err := store.Journal(o.t.Context(), runs[0].ID); err == nil && len(entries) >= m.steps {
			return
		}
		if !runs[0].Finished.IsZero() {
			before, deadline = runs[0].ID, time.Now().Add(time.Second) // too short; there may be another
		}
	}
}

func (o *ordeal) lastID() int64 {
	o.t.Helper()
	store := o.store()
	defer store.Close() //nolint:errcheck // read only
	runs, err := store.Runs(o.t.Context(), 1)
	if err != nil || len(runs) == 0 {
		o.t.Fatalf("no run in the history: %v", err)
	}
	return runs[0].ID
}
