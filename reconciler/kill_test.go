package reconciler_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// A child of the kill tests is this very program, told by its environment what
// to apply where and at which boundary to die.
const (
	childDir      = "DECNET_TEST_KILL_DIR"
	childScenario = "DECNET_TEST_KILL_SCENARIO"
	childBoundary = "DECNET_TEST_KILL_BOUNDARY"
	childParallel = "DECNET_TEST_KILL_PARALLEL"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// child applies and kills itself at the boundary it was given; it exits with 7
// where the run has fewer.
func child(dir string) int {
	at, err := strconv.ParseInt(os.Getenv(childBoundary), 10, 64)
	if err != nil {
		return 1
	}
	parallel, err := strconv.Atoi(os.Getenv(childParallel))
	if err != nil {
		return 1
	}
	var count atomic.Int64
	boundary := func(name string) {
		if count.Add(1) == at {
			fmt.Println(name)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	b := &bench{t: quiet{}, dir: dir}
	b.world, err = fake.Open(fake.Options{Dir: filepath.Join(dir, "world"), Hook: func(_ context.Context, c fake.Call) error {
		if c.Op != "list" {
			boundary(fmt.Sprintf("%s of %s, %s its effect", c.Op, c.Address, c.Moment))
		}
		return nil
	}})
	if err != nil {
		return 1
	}
	b.open(func(c *reconciler.Config) {
		c.Parallelism, c.Tell = parallel, reconciler.Teller(c.Store, c.DataDir)
		c.Boundary = func(at reconciler.Boundary, a addr.Address) { boundary(fmt.Sprintf("%s %s", at, a)) }
	})
	s := scenarios[os.Getenv(childScenario)]
	b.apply(s.after(), s.options)
	return 7
}

// quiet is what a child reports its failures to.
type quiet struct{ testing.TB }

func (quiet) Helper()        {}
func (quiet) Cleanup(func()) {}
func (quiet) Fatal(args ...any) {
	fmt.Println(args...)
	os.Exit(1)
}

func (quiet) Fatalf(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

type scenario struct {
	before  func() *schema.Desired // nil: nothing was applied yet
	after   func() *schema.Desired
	options reconciler.PlanOptions
	disturb func(b *bench) // what somebody else did in between
	drifts  []string       // that are on record in the end
}

func small() *schema.Desired {
	return fake.Fleet{Deckies: 3, Services: []string{"ssh"}}.Desired()
}

func changed() *schema.Desired {
	return fake.Fleet{
		Deckies: 4, Services: []string{"ssh"},
		Decky: func(i int, d *schema.Decky) {
			switch i {
			case 0:
				d.Host.Hostname = "renamed" // in place
			case 1:
				d.Host.IP = "10.66.1.3" // replaced, and takes over the IP of the next
			case 2:
				d.Host.IP = "10.66.1.200"
			}
		},
		Service: func(i int, s *schema.Service) {
			if i == 0 {
				s.Ports[0].Number = 2222
			}
		},
	}.Desired()
}

func nothing() *schema.Desired { return &schema.Desired{Name: "fleet", Seed: "seed"} }

var scenarios = map[string]scenario{
	"create": {after: small},
	"change": {before: small, after: changed},
	"shrink": {before: small, after: func() *schema.Desired { return fake.Fleet{Deckies: 1}.Desired() }},
	"runtime": {before: small, after: func() *schema.Desired {
		return fake.Fleet{Deckies: 2, Services: []string{"ssh"}, Runtime: providers.RuntimeDocker}.Desired()
	}},
	"rename": {before: small, after: func() *schema.Desired {
		d := renamed(changed(), "decky.www")
		d.Instances[len(d.Instances)-1].Lifecycle.CreateBeforeDestroy = true
		return d
	}},
	"secrets": {before: func() *schema.Desired { return secretive("one") }, after: func() *schema.Desired { return secretive("two") }},
	"destroy": {before: small, after: nothing, options: reconciler.PlanOptions{Destroy: true}},
	"heal": {before: small, after: small, disturb: func(b *bench) {
		if err := b.world.Remove("decky.web[1]"); err != nil {
			b.t.Fatal(err)
		}
		err := b.world.Change("decky.web[0].service.ssh", func(live map[string]any) { live["name"] = "other" })
		if err != nil {
			b.t.Fatal(err)
		}
	}, drifts: []string{"decky.web[0].service.ssh changed heal: healed", "decky.web[1] gone heal: healed"}},
	"quarantine": {before: guarded, after: guarded, disturb: func(b *bench) {
		intruder(b)
		b.change("decky.web[2]")
		b.remove("rule.spray")
	}, drifts: []string{
		"decky.web[1].service.ssh changed quarantine: quarantined", "decky.web[2] changed quarantine: quarantined", "rule.spray gone heal: healed",
	}},
	"recycle": {before: small, after: small, disturb: intruder, options: reconciler.PlanOptions{Recycle: []reconciler.Recycle{{Address: "decky.web[2]"}}},
		drifts: []string{"decky.web[1].service.ssh changed heal: healed"}},
	"restart": {before: small, after: small, disturb: restarted, options: restarts, drifts: []string{
		"decky.web[0].service.ssh restarted none: by itself", "decky.web[1] restarted none: by itself", "rule.spray gone heal: healed",
	}},
}

// prepare makes the directory that every child of a scenario starts from.
func prepare(t *testing.T, s scenario) string {
	dir := t.TempDir()
	b := newBench(t, dir, fake.Options{Dir: filepath.Join(dir, "world")})
	if err := b.world.Add(foreignObject()); err != nil {
		t.Fatal(err)
	}
	if s.before != nil {
		b.apply(s.before(), reconciler.PlanOptions{})
	}
	if s.disturb != nil {
		s.disturb(b)
	}
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func foreignObject() fake.Object {
	config := []byte(`{"name":"theirs","network":{"name":"fleet-lan"},"host":{"ip":"10.66.200.1"}}`)
	return fake.Object{
		ID: "foreign", Kind: providers.Kind{Type: providers.TypeDecky, Runtime: providers.RuntimeNative}, Complete: true,
		Owner: providers.Owner{Lineage: foreign, Address: "decky.web[0]"}, Config: config, Live: config,
	}
}

// copied is a copy of the directory of a bench.
func copied(t *testing.T, origin string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(origin)); err != nil {
		t.Fatal(err)
	}
	// A copy is readable by others, and nobody uses a secret that is.
	if err := os.Chmod(filepath.Join(dir, ".decnet", "secret"), 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return dir
}

// runChild starts a child on a copy of origin; done tells that it came to its
// end alive.
func runChild(t *testing.T, name, origin string, boundary, parallel int) (dir, died string, done bool) {
	t.Helper()
	dir = copied(t, origin)
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childDir+"="+dir, childScenario+"="+name, childBoundary+"="+strconv.Itoa(boundary), childParallel+"="+strconv.Itoa(parallel))
	output, err := command.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("child at boundary %d: %v", boundary, err)
	}
	if exit.ExitCode() == 7 {
		return dir, "", true
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("child at boundary %d: %v: %s", boundary, err, output)
	}
	return dir, string(output), false
}

// recoverFrom does what an operator does after a crash, and checks the outcome.
func recoverFrom(t *testing.T, s scenario, dir, died string) {
	t.Helper()
	b := newBench(t, dir, fake.Options{Dir: filepath.Join(dir, "world")}, serial)
	p := b.plan(s.after(), s.options)
	if len(p.Drift) > 0 && s.disturb == nil {
		t.Errorf("killed at %s: our own half-done work is called drift: %+v", died, p.Drift)
	}
	if _, err := b.engine.Apply(context.Background(), p, applyOptions()); err != nil {
		t.Errorf("killed at %s: the next apply: %v", died, err)
	}
	b.converged(s.after())
	if diff := cmp.Diff(s.drifts, b.witnessed(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("killed at %s: drift on record: %s", died, diff)
	}
	for _, o := range b.world.Objects() {
		if o.ID == "foreign" {
			if diff := cmp.Diff(foreignObject(), o); diff != "" {
				t.Errorf("killed at %s: a foreign object was touched: %s", died, diff)
			}
			return
		}
	}
	t.Errorf("killed at %s: the foreign object is gone", died)
}

// TestKillAtEveryBoundary kills an apply at each boundary in turn, with one step
// at a time so that the boundaries have an order.
func TestKillAtEveryBoundary(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := prepare(t, s)
			for boundary := 1; ; boundary++ {
				dir, died, done := runChild(t, name, origin, boundary, 1)
				recoverFrom(t, s, dir, died)
				if done {
					t.Logf("%d boundaries", boundary-1)
					if boundary < 15 {
						t.Errorf("only %d boundaries were met", boundary-1)
					}
					return
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// TestKillAmongParallelSteps kills with several steps in flight.
func TestKillAmongParallelSteps(t *testing.T) {
	s := scenarios["change"]
	origin := prepare(t, s)
	for boundary := 3; boundary < 90; boundary += 6 {
		dir, died, _ := runChild(t, "change", origin, boundary, 4)
		recoverFrom(t, s, dir, died)
	}
}

// TestKillTheRecoveryToo kills the apply that follows a kill, and the one after
// that, at moments that a fixed sequence picks.
func TestKillTheRecoveryToo(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := prepare(t, s)
			for round := range 3 {
				dir, died, done := origin, "", false
				for kill := 0; kill < 3 && !done; kill++ {
					dir, died, done = runChild(t, name, dir, 5+(round*11+kill*7)%28, 2)
				}
				recoverFrom(t, s, dir, died)
			}
		})
	}
}
