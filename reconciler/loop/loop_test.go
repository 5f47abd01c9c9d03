package loop_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/loop"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/event"
)

// bench is a world, a state and a loop over both.
type bench struct {
	t      testing.TB
	dir    string
	world  *fake.World
	store  *state.Store
	engine *reconciler.Engine
	loop   *loop.Loop

	mu     sync.Mutex
	passes []loop.Pass
	told   map[string]*event.Event // by id
	deaf   error                   // of whoever is told
	got    map[addr.Address]string // whom somebody got into, and how
	blind  error                   // nobody knows
}

// Compromised implements reconciler.Compromises.
func (b *bench) Compromised(_ context.Context, suspects []reconciler.Suspect) (map[addr.Address]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := map[addr.Address]string{}
	for _, s := range suspects {
		if why, in := b.got[s.Address]; in && b.blind == nil {
			found[s.Address] = why
		}
	}
	return found, b.blind
}

// tell is the engine's Tell.
func (b *bench) tell(events ...*event.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range events {
		b.told[e.ID] = e
	}
	return b.deaf
}

func holder() state.Holder {
	return state.Holder{Who: "tester", Host: "here", PID: 1, Command: "apply"}
}

func newBench(t testing.TB, dir string, options fake.Options, edit ...func(*loop.Config)) *bench {
	t.Helper()
	b := &bench{t: t, dir: dir, told: map[string]*event.Event{}}
	var err error
	if b.world, err = fake.Open(options); err != nil {
		t.Fatal(err)
	}
	if b.store, err = state.Open(state.DefaultPath(dir)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.store.Close() })
	registry, err := providers.NewRegistry(b.world.Providers()...)
	if err != nil {
		t.Fatal(err)
	}
	engine := reconciler.Config{Store: b.store, Registry: registry, DataDir: filepath.Join(dir, "data"), Dir: dir, Tell: b.tell, Compromises: b}
	if b.engine, err = reconciler.New(engine); err != nil {
		t.Fatal(err)
	}
	config := loop.Config{
		Engine: b.engine, Store: b.store, Registry: registry, Holder: holder(),
		Rand: func() float64 { return 0.5 },
		Passed: func(p loop.Pass) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.passes = append(b.passes, p)
		},
	}
	for _, e := range edit {
		e(&config)
	}
	if b.loop, err = loop.New(config); err != nil {
		t.Fatal(err)
	}
	return b
}

// apply makes a configuration live as an operator would.
func (b *bench) apply(desired *schema.Desired) {
	b.t.Helper()
	p, err := b.engine.Plan(context.Background(), desired, reconciler.PlanOptions{})
	if err != nil {
		b.t.Fatalf("plan: %v", err)
	}
	if _, err := b.engine.Apply(context.Background(), p, reconciler.ApplyOptions{Holder: holder()}); err != nil {
		b.t.Fatalf("apply: %v", err)
	}
}

// run runs the loop until the test, or the returned function, ends it.
func (b *bench) run() (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.loop.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("run: %v", err)
		}
	})
	b.t.Cleanup(stop)
	return stop
}

// seen are the passes so far.
func (b *bench) seen() []loop.Pass {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]loop.Pass(nil), b.passes...)
}

func (b *bench) remove(address string) {
	b.t.Helper()
	if err := b.world.Remove(address); err != nil {
		b.t.Fatal(err)
	}
}

// has tells that an object lives under the address.
func (b *bench) has(address string) bool {
	_, ok := b.world.Get(address)
	return ok
}

// condition fails unless the condition is as said.
func (b *bench) condition(typ status.Type, want status.Truth, reason string) {
	b.t.Helper()
	if c := b.loop.Report().Conditions.Get(typ); c.Status != want || c.Reason != reason {
		b.t.Errorf("%s is %s (%s: %s), want %s (%s)", typ, c.Status, c.Reason, c.Message, want, reason)
	}
}

func small() *schema.Desired {
	return fake.Fleet{Deckies: 3, Services: []string{"ssh"}}.Desired()
}

// pause lets time pass and everything that it brings about happen.
func pause(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestHealsWithinMilliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(time.Second)
		b.condition(status.Ready, status.True, "InSync")
		before := len(b.seen())
		b.remove("decky.web[1].service.ssh")
		pause(100 * time.Millisecond)
		if !b.has("decky.web[1].service.ssh") {
			t.Error("the service is not back")
		}
		b.condition(status.Ready, status.True, "InSync")
		b.condition(status.Reconciling, status.False, "Idle")
		if n := len(b.seen()) - before; n != 2 {
			t.Errorf("%d passes for one fault, want one that heals and one that confirms: %+v", n, b.seen()[before:])
		}
	})
}
