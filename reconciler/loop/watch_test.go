package loop_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/loop"
)

// logged lets a loop log into a text; what is below Info is dropped.
func logged(text *bytes.Buffer) func(*loop.Config) {
	return func(c *loop.Config) { c.Log = slog.New(slog.NewTextHandler(text, nil)) }
}

func TestAProviderOfNothingIsNotWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := newBench(t, t.TempDir(), fake.Options{}, logged(&log))
		b.world.SetUnavailable(providers.RuntimeDocker, &providers.UnavailableError{Provider: "docker", What: "no engine answers"})
		b.apply(small())
		b.run()
		pause(10 * time.Minute)
		if n := b.loop.Metrics().Deaf; n != 0 || strings.Contains(log.String(), "deaf") {
			t.Errorf("an engine that nothing needs is missed %d times:\n%s", n, log.String())
		}
		b.remove("decky.web[0].service.ssh")
		pause(100 * time.Millisecond)
		if !b.has("decky.web[0].service.ssh") {
			t.Error("what there is, is not heard")
		}
	})
}

func TestTheWatchersFollowTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{}, func(c *loop.Config) { c.Interval = time.Hour })
		b.apply(small())
		b.run()
		pause(time.Second)
		adopt := func(runtime string) {
			t.Helper()
			desired := fake.Fleet{Deckies: 3, Services: []string{"ssh"}, Runtime: runtime}.Desired()
			p, err := b.loop.Plan(t.Context(), desired)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.loop.Adopt(t.Context(), desired, p, "sync"); err != nil {
				t.Fatal(err)
			}
			pause(time.Second)
		}
		heals := func(when string) {
			t.Helper()
			b.remove("decky.web[0].service.ssh")
			pause(100 * time.Millisecond)
			if !b.has("decky.web[0].service.ssh") {
				t.Errorf("%s: a fault is not heard", when)
			}
		}
		heals("at first")
		adopt(providers.RuntimeDocker)
		heals("on docker")
		b.world.Deafen(providers.RuntimeNative, errors.New("nobody is there any more"))
		pause(time.Minute)
		if n := b.loop.Metrics().Deaf; n != 0 {
			t.Errorf("the watcher of what has gone was kept: deaf %d times", n)
		}
		adopt(providers.RuntimeNative)
		heals("on native again")
	})
}

func TestAnOutageIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := newBench(t, t.TempDir(), fake.Options{}, logged(&log))
		b.apply(small())
		b.run()
		pause(time.Minute)
		for outage := range 2 {
			b.world.SetUnavailable(providers.RuntimeNative, &providers.UnavailableError{Provider: "native", What: "it is away"})
			b.world.Deafen(providers.RuntimeNative, errors.New("the stream ended"))
			pause(10 * time.Minute)
			if n := b.loop.Metrics().Deaf; n < 10 {
				t.Fatalf("only %d tries", n)
			}
			b.world.SetUnavailable(providers.RuntimeNative, nil)
			pause(time.Minute)
			if deaf, again := strings.Count(log.String(), "became deaf"), strings.Count(log.String(), "hears again"); deaf != outage+1 || again != outage+1 {
				t.Errorf("outage %d was told %d times, its end %d times:\n%s", outage, deaf, again, log.String())
			}
		}
	})
}

// TestWhatIsAppliedByOthersIsWatched has another process add the first object of
// a provider.
func TestWhatIsAppliedByOthersIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(time.Second)
		p, err := b.engine.Plan(t.Context(), fake.Fleet{Deckies: 3, Services: []string{"ssh"}, Runtime: providers.RuntimeDocker}.Desired(), reconciler.PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.engine.Apply(t.Context(), p, reconciler.ApplyOptions{Holder: holder()}); err != nil {
			t.Fatal(err)
		}
		pause(5 * time.Second)
		b.remove("decky.web[0].service.ssh")
		pause(100 * time.Millisecond)
		if !b.has("decky.web[0].service.ssh") {
			t.Error("a fault is not heard")
		}
	})
}
