package gitsync_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decnet/decnet/reconciler/gitsync"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/syncfile"

	"pgregory.net/rapid"
)

// killer ends the daemon at one of the moments at which something on the disk or
// alive is about to change or has changed: whoever comes by goes no further.
type killer struct {
	mu   sync.Mutex
	seen []string
	at   int // 0: never
	dead bool
}

func (k *killer) moment(what string) {
	k.mu.Lock()
	k.seen = append(k.seen, what)
	k.dead = k.dead || k.at > 0 && len(k.seen) >= k.at
	dead := k.dead
	k.mu.Unlock()
	if dead {
		runtime.Goexit()
	}
}

func (k *killer) isDead() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dead
}

// arm makes the daemon die at its moment number at.
func (b *bench) arm(at int) *killer {
	k := &killer{at: at}
	b.die = func(_, moment string) { k.moment(moment) }
	b.world.set(func(w *world) { w.moment = k.moment })
	return k
}

// call asks the daemon something, unless it dies of it.
func (b *bench) call(ask func() error) (err error) {
	err = errors.New("the daemon died")
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = ask()
	}()
	<-done
	return err
}

// revive starts a daemon that does not die where the last one did.
func (b *bench) revive(k *killer) {
	if !k.isDead() {
		return
	}
	b.stop()
	b.arm(0)
	b.start()
	b.wait(3 * time.Minute)
	k.mu.Lock()
	k.dead = false
	k.at = 0
	k.mu.Unlock()
}

// story is what happens to a sync, step by step, and how it looks after each.
type story struct {
	change func(s *syncfile.Sync)
	begin  func(b *bench)
	steps  []func(b *bench)
	after  []string
}

var stories = map[string]story{
	"a rollback": {
		change: func(s *syncfile.Sync) { s.Rollback = true },
		begin:  func(b *bench) { b.world.set(failing("bad")) },
		steps: []func(b *bench){
			func(b *bench) { b.server.push("one", "decky a 1", "decky b 1") },
			func(b *bench) { b.server.push("two", "decky a 2", "decky b bad", "decky c 2") },
			func(b *bench) { b.server.push("three", "decky a 3", "decky b 3") },
		},
		after: []string{"decky.a=1 decky.b=1", "decky.a=1 decky.b=1", "decky.a=3 decky.b=3"},
	},
	"approvals and a suspension": {
		change: manual,
		begin:  func(*bench) {},
		steps: []func(b *bench){
			func(b *bench) { b.server.push("one", "decky a 1", "decky b 1") },
			approvePending,
			func(b *bench) { b.server.push("two", "decky a 2", "decky c 2") },
			func(b *bench) { b.call(func() error { return b.m.Suspend(b.t.Context(), "prod", "lunch", "") }) }, //nolint:errcheck // it may die of it
			approvePending, // refused
			func(b *bench) { b.call(func() error { return b.m.Resume(b.t.Context(), "prod", "") }) }, //nolint:errcheck // it may die of it
			approvePending,
		},
		after: []string{"", "decky.a=1 decky.b=1", "decky.a=1 decky.b=1", "decky.a=1 decky.b=1", "decky.a=1 decky.b=1", "decky.a=1 decky.b=1", "decky.a=2 decky.c=2"},
	},
}

func approvePending(b *bench) {
	if s := b.status(); s.Pending != nil {
		b.call(func() error { return b.m.Approve(b.t.Context(), "prod", s.Pending.ID, "") }) //nolint:errcheck // it may die of it
	}
}

// tell runs a story and returns the moments it had. With at it dies once, is
// started again, and what was asked for when it died is asked for again.
func (s story) tell(t *testing.T, at int) (moments []string) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, s.change)
		s.begin(b)
		k := b.arm(at)
		defer func() { b.stop() }()
		for i, step := range s.steps {
			step(b)
			if i == 0 {
				b.start()
			}
			b.wait(3 * time.Minute)
			if k.isDead() {
				b.revive(k)
				if i > 0 {
					step(b)
				}
				b.wait(3 * time.Minute)
			}
			if got := b.world.alive(); got != s.after[i] {
				t.Errorf("killed at moment %d of %v: after step %d alive is %q, want %q", at, k.seen[max(0, len(k.seen)-3):], i, got, s.after[i])
			}
		}
		if r := b.status().Conditions.Get(status.Ready); r.Status != status.True {
			t.Errorf("killed at moment %d: in the end it is %s: %s", at, r.Reason, r.Message)
		}
		ids := map[string]bool{}
		var applied []string
		for _, n := range b.news {
			if n.Kind == "sync.applied" && !ids[n.ID] {
				applied = append(applied, n.Revision[:6])
			}
			ids[n.ID] = true
		}
		if len(applied) != 2 {
			t.Errorf("killed at moment %d: applied was told of %v", at, applied)
		}
		moments = k.seen
	})
	return moments
}

// Wherever the daemon is killed, the next one brings the world to where it would
// have been, and everybody is told.
func TestKilledAtEveryMoment(t *testing.T) {
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			all := s.tell(t, 0)
			if len(all) < 30 {
				t.Fatalf("it has %d moments only: %v", len(all), all)
			}
			for at := 1; at <= len(all); at++ {
				s.tell(t, at)
			}
		})
	}
}

// Whatever is pushed, approved, suspended, broken and killed in whatever order:
// what runs is always what somebody approved, or nothing.
func TestModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) {
			b := newBench(t, manual)
			m := &model{b: b, good: map[string]string{"": ""}, approved: map[string]bool{"": true}}
			b.start()
			defer func() { b.stop() }()
			rt.Repeat(map[string]func(*rapid.T){
				"push":    m.push,
				"reset":   m.reset,
				"approve": m.approve,
				"suspend": m.suspend,
				"resume":  m.resume,
				"now":     func(*rapid.T) { b.m.Now(b.t.Context(), "prod", "") }, //nolint:errcheck // refused where suspended
				"drift":   m.drift,
				"restart": func(*rapid.T) { b.stop(); b.start() },
				"kill":    m.kill,
				"wait":    func(rt *rapid.T) { b.wait(time.Duration(rapid.IntRange(1, 200).Draw(rt, "seconds")) * time.Second) },
				"":        m.check,
			})
		})
	})
}

type model struct {
	b         *bench
	n         int
	good      map[string]string // what a commit that may be applied wants, by commit
	approved  map[string]bool   // what was approved
	suspended bool
	adopts    int // when it was suspended
}

func (m *model) push(rt *rapid.T) {
	m.n++
	title := fmt.Sprintf("%p %d", m, m.n)
	switch rapid.SampledFrom([]string{"good", "good", "good", "unsigned", "error"}).Draw(rt, "kind") {
	case "good":
		digest := rapid.IntRange(1, 3).Draw(rt, "digest")
		lines := []string{fmt.Sprint("decky a ", digest), fmt.Sprint("decky b ", m.n)}
		m.good[m.b.server.push(title, lines...)] = fmt.Sprintf("decky.a=%d decky.b=%d", digest, m.n)
	case "unsigned":
		m.b.judge.refuse(commitOf(title), gitsync.Fail(gitsync.Unsigned, errors.New("no")))
		m.b.server.push(title, "decky evil 1")
	case "error":
		m.b.server.push(title, "error no")
	}
}

// reset goes back to where the tip came from.
func (m *model) reset(*rapid.T) {
	s := m.b.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if before := s.parent[s.tip]; before != "" {
		s.tip = before
	}
}

func (m *model) approve(rt *rapid.T) {
	p := m.b.status().Pending
	id := "0123456789ab"
	if p != nil && rapid.Bool().Draw(rt, "right") {
		id = p.ID
	}
	err := m.b.m.Approve(m.b.t.Context(), "prod", id, "")
	if err == nil && m.suspended {
		rt.Fatal("approved while suspended")
	}
	if err == nil && (p == nil || id != p.ID) {
		rt.Fatalf("%s was approved, and %+v waits", id, p)
	}
	if err != nil && !errors.Is(err, gitsync.ErrConflict) {
		rt.Fatal(err)
	}
	if err == nil && p.Reason != "history was rewritten" {
		m.approved[m.good[p.Revision.Commit]] = true
	}
}

func (m *model) suspend(*rapid.T) {
	m.b.must(m.b.m.Suspend(m.b.t.Context(), "prod", "for the model", ""))
	synctest.Wait()
	m.suspended, m.adopts = true, len(m.b.world.adopts)
}

func (m *model) resume(rt *rapid.T) {
	if err := m.b.m.Resume(m.b.t.Context(), "prod", ""); (err == nil) != m.suspended {
		rt.Fatalf("resume: %v", err)
	}
	m.suspended = false
}

func (m *model) drift(*rapid.T) {
	m.b.world.set(func(w *world) {
		if _, is := w.live["decky.a"]; is {
			w.drifted["decky.a"] = true
		}
	})
}

func (m *model) kill(rt *rapid.T) {
	b := m.b
	b.stop()
	b.arm(rapid.IntRange(1, 12).Draw(rt, "moment"))
	b.start()
	b.wait(2 * time.Minute)
	b.stop()
	b.die = nil
	b.world.set(func(w *world) { w.moment = func(string) {} })
	b.start()
	b.wait(2 * time.Minute)
}

func (m *model) check(rt *rapid.T) {
	synctest.Wait()
	alive := m.b.world.alive()
	if !m.approved[alive] || strings.Contains(alive, "evil") {
		rt.Fatalf("alive is %q, approved are %v", alive, m.approved)
	}
	if m.suspended && len(m.b.world.adopts) != m.adopts {
		rt.Fatal("something was adopted while it was suspended")
	}
	if m.suspended != (m.b.status().Suspended != "") {
		rt.Fatal("suspended, or not?")
	}
}

// What a daemon was about to do when it was killed is finished by the next one,
// also where the repository is gone by then.
func TestTheNextDaemonFinishesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.server.push("one", "decky a 1", "decky b 1", "decky c 1")
		b.world.set(func(w *world) {
			adopting := 0
			w.moment = func(what string) {
				if adopting++; adopting == 3 {
					runtime.Goexit()
				}
			}
		})
		b.start()
		b.wait(time.Second)
		b.stop()
		b.alive("decky.a=1 decky.b=1")
		b.world.set(func(w *world) { w.moment = func(string) {} })
		b.server.fail(errors.New("gone"))
		b.start()
		defer b.stop()
		b.wait(time.Second)
		b.alive("decky.a=1 decky.b=1 decky.c=1")
		b.expect(gitsync.FetchFailed, status.False)
		if s := b.status(); s.Applied == nil || s.Applied.Commit != commitOf("one") {
			t.Errorf("applied is %+v", s.Applied)
		}
	})
}

// A daemon that ended amid an apply leaves what is half applied to the next one:
// nothing is healed back to what was applied before, until it is gone on with.
func TestHeldUntilItIsGoneOnWith(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1", "decky b 1")
		b.world.set(func(w *world) {
			w.moment = func(what string) {
				if what == "adopting" {
					runtime.Goexit()
				}
			}
		})
		b.start()
		b.wait(time.Second)
		b.stop()
		b.alive("decky.a=1")
		var held []string
		b.world.set(func(w *world) {
			w.moment = func(string) {}
			w.adoptErr = func(*schema.Desired) (bool, error) { held = append(held, w.held); return true, nil }
		})
		b.start()
		b.wait(time.Second)
		b.expect(gitsync.Applied, status.True)
		b.world.set(func(w *world) {
			if len(held) == 0 || held[0] == "" || w.held != "" {
				t.Errorf("held for %q while it was gone on with, and for %q at the end", held, w.held)
			}
		})
	})
}
