package loop_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler/loop"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/event"
)

// iterations is what a variable of the environment asks for, else few: `make
// soak` runs the whole.
func iterations(t *testing.T, variable string, few int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		t.Fatalf("%s is %q", variable, text)
	}
	return n
}

// weight is what a process holds.
type weight struct {
	heap            uint64
	goroutines, fds int
}

func weigh(t *testing.T) weight {
	t.Helper()
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return weight{heap: m.HeapAlloc, goroutines: runtime.NumGoroutine(), fds: len(fds)}
}

// soak is a long run, and what is expected of it.
type soak struct {
	*bench
	broken  breaking
	rand    *rand.Rand
	faults  int
	events  int
	healing map[string]int // by address, since the last fault
}

// fault does something behind the loop's back, and returns how often each
// address is to be healed because of it, and how many events it is worth.
func (s *soak) fault() (want map[string]int, events int) {
	decky := fmt.Sprintf("decky.web[%d]", s.rand.IntN(10))
	ssh := decky + ".service.ssh"
	switch s.rand.IntN(6) {
	case 0:
		s.change(decky)
		return map[string]int{decky: 1}, 1
	case 1:
		s.remove(ssh)
		return map[string]int{ssh: 1}, 1
	case 2: // its service is made anew with it
		s.remove(decky)
		return map[string]int{decky: 1, ssh: 1}, 1
	case 3:
		s.remove("rule.spray")
		return map[string]int{"rule.spray": 1}, 1
	case 4:
		s.remove(ssh)
		s.remove("rule.spray")
		return map[string]int{ssh: 1, "rule.spray": 1}, 2
	default: // somebody makes one more
		o, _ := s.world.Get(ssh)
		o.ID = ""
		if err := s.world.Add(o); err != nil {
			s.t.Fatal(err)
		}
		return map[string]int{ssh: 1}, 1
	}
}

// TestTenThousandIterations lets one fault follow another, some while nobody
// hears, some while the provider is away, some that cannot be healed at once.
func TestTenThousandIterations(t *testing.T) {
	all := iterations(t, "DECNET_LOOP_ITERATIONS", 150)
	early := min(1000, all/3)
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		s := &soak{rand: rand.New(rand.NewPCG(7, 11)), healing: map[string]int{}}
		s.bench = newBench(t, t.TempDir(), fake.Options{Hook: s.broken.hook}, func(c *loop.Config) {
			c.Rand = s.rand.Float64
			c.Passed = func(p loop.Pass) {
				for _, a := range p.Healed {
					s.healing[string(a)]++
				}
			}
		})
		s.apply(fake.Fleet{Deckies: 10, Services: []string{"ssh"}}.Desired())
		s.run()
		pause(time.Second)
		var before weight
		for i := range all {
			s.iterate()
			if t.Failed() {
				t.Fatalf("at iteration %d", i)
			}
			if i+1 == early {
				before = weigh(t)
			}
		}
		after := weigh(t)
		t.Logf("%d iterations: %d faults, %d events; at %d: %+v, at the end: %+v; %+v", all, s.faults, s.events, early, before, after, s.loop.Metrics())
		if after.goroutines != before.goroutines || after.fds != before.fds {
			t.Errorf("goroutines or descriptors grew: %+v, then %+v", before, after)
		}
		if all >= 10_000 && float64(after.heap) > 1.05*float64(before.heap) {
			t.Errorf("the heap grew from %d to %d bytes", before.heap, after.heap)
		}
	})
	t.Logf("took %v", time.Since(began))
}

// iterate makes one fault and waits until it is healed.
func (s *soak) iterate() {
	t := s.t
	s.faults++
	clear(s.healing)
	wait := 2 * time.Second
	how := s.rand.IntN(20)
	switch how {
	case 0:
		s.world.SetDeaf(true)
		wait = 70 * time.Second
	case 1:
		s.world.SetUnavailable(providers.RuntimeNative, &providers.UnavailableError{Provider: "native", What: "it restarts"})
		s.world.Deafen(providers.RuntimeNative, errors.New("gone"))
		wait = 40 * time.Second
	case 2:
		s.world.Deafen(providers.RuntimeNative, errors.New("overrun"))
		wait = 20 * time.Second
	}
	want, events := s.fault()
	if how == 3 {
		for a := range want {
			s.broken.set(a, errors.New("not now"))
		}
		pause(5 * time.Second)
		for a := range want {
			s.broken.set(a, nil)
			if !strings.Contains(a, "service") && a != "rule.spray" {
				want[a+".service.ssh"] = 1 // what failed half-way is replaced
			}
		}
		wait = time.Minute
	}
	if how == 1 {
		pause(time.Duration(s.rand.IntN(60)) * time.Second)
		s.world.SetUnavailable(providers.RuntimeNative, nil)
	}
	pause(wait)
	s.world.SetDeaf(false)
	s.world.ForgetCalls()
	s.broken.forget()
	s.condition(status.Ready, status.True, "InSync")
	if diff := cmp.Diff(want, s.healing); diff != "" {
		t.Errorf("not healed once (how %d): %s", how, diff)
	}
	s.events += events
	s.mu.Lock()
	if len(s.told) != events {
		t.Errorf("%d events, want %d: %s", len(s.told), events, list(s.told))
	}
	clear(s.told)
	s.mu.Unlock()
	if err := s.world.Check(); err != nil {
		t.Error(err)
	}
	pause(time.Duration(s.rand.IntN(20)) * time.Second)
}

func (b *breaking) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tried = nil
}

func list(all map[string]*event.Event) string {
	var lines []string
	for _, e := range all {
		d := e.Body.(*event.Drift)
		lines = append(lines, d.Address+" "+d.Reason+" "+d.Action)
	}
	return strings.Join(lines, "; ")
}

// TestManyLoopsEndWhole starts and ends loops, each in the middle of something.
func TestManyLoopsEndWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{Delay: 5 * time.Millisecond})
		b.apply(small())
		before := runtime.NumGoroutine()
		for i := range 40 {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- b.loop.Run(ctx) }()
			time.Sleep(time.Duration(i) * time.Millisecond)
			b.remove("decky.web[0]")
			time.Sleep(time.Duration(i) * time.Millisecond)
			cancel()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines, then %d", before, after)
		}
		b.run()
		pause(10 * time.Second)
		b.condition(status.Ready, status.True, "InSync")
	})
}
