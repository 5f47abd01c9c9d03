package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/delivery"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// receiver is a target that remembers, and fails as it is told.
type receiver struct {
	mu     sync.Mutex
	got    []notification.Notification
	at     []time.Time
	before func(attempt int) error // nil: it is taken
	tries  int
}

func (r *receiver) Deliver(ctx context.Context, n notification.Notification) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	if r.before != nil {
		if err := r.before(r.tries); err != nil {
			r.at = append(r.at, time.Now())
			return "", err
		}
	}
	r.got = append(r.got, n)
	r.at = append(r.at, time.Now())
	return "taken", ctx.Err()
}

func (r *receiver) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, n := range r.got {
		out = append(out, n.ID)
	}
	return out
}

func (r *receiver) all() []notification.Notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func webhookSink(name string) schema.Sink {
	return schema.Sink{Name: name, Type: schema.SinkWebhook, URL: "https://desk.example.com/" + name}
}

// dispatch makes a dispatcher whose sinks are receivers.
func dispatch(t testing.TB, dir string, receivers map[string]*receiver, change func(*delivery.Config)) *delivery.Dispatcher {
	t.Helper()
	c := delivery.Config{Dir: dir, Jitter: func() float64 { return 1 }, Open: func(s schema.Sink) (delivery.Target, error) {
		if r := receivers[s.Name]; r != nil {
			return r, nil
		}
		return nil, errors.New("no such receiver")
	}}
	if change != nil {
		change(&c)
	}
	d, err := delivery.NewDispatcher(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// run runs d until the returned function is called.
func run(t testing.TB, d *delivery.Dispatcher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if err := d.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return func() { cancel(); group.Wait() }
}

func news(id string) notification.Notification {
	return notification.Notification{ID: id, Kind: notification.Failed, Severity: notification.Error, Title: "news " + id}
}

func TestEverySinkGetsWhatItWantsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &receiver{}, &receiver{}
		d := dispatch(t, t.TempDir(), map[string]*receiver{"a": a, "b": b}, nil)
		some := webhookSink("b")
		some.Events = []string{"drift"}
		d.SetSinks([]schema.Sink{webhookSink("a"), some, {Name: "f", Type: schema.SinkFile, Path: "/x"}})
		d.Notify(news("1")) // before Run
		stop := run(t, d)
		for i := 2; i <= 5; i++ {
			d.Notify(news(fmt.Sprint(i)))
		}
		drift := news("6")
		drift.Kind = notification.Drifted
		d.Notify(drift)
		synctest.Wait()
		if diff := cmp.Diff([]string{"1", "2", "3", "4", "5", "6"}, a.ids()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"6"}, b.ids()); diff != "" {
			t.Error(diff)
		}
		stop()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestRetryKeepsOrderAndHonoursTheReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &receiver{before: func(attempt int) error {
			switch attempt {
			case 1, 2:
				return &delivery.Error{Err: errors.New("answered 500")}
			case 3:
				return &delivery.Error{Err: errors.New("answered 429"), After: time.Minute}
			case 5:
				return &delivery.Error{Err: errors.New("answered 400"), Permanent: true}
			}
			return nil
		}}
		quick := &receiver{}
		d := dispatch(t, t.TempDir(), map[string]*receiver{"slow": slow, "quick": quick}, nil)
		d.SetSinks([]schema.Sink{webhookSink("slow"), webhookSink("quick")})
		stop := run(t, d)
		start := time.Now()
		for _, id := range []string{"1", "2", "3"} {
			d.Notify(news(id))
		}
		synctest.Wait()
		if got := quick.ids(); len(got) != 3 {
			t.Errorf("a slow sink holds another: %v", got)
		}
		if s := d.Status()[0]; s.Queued != 3 || s.Attempts != 1 || s.Error != "answered 500" || s.Next.IsZero() {
			t.Errorf("status while it waits: %+v", s)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"1", "3"}, slow.ids()); diff != "" {
			t.Errorf("delivered: %s", diff)
		}
		var pauses []time.Duration
		for _, at := range slow.at {
			pauses = append(pauses, at.Sub(start))
		}
		// 1 s, 2 s, then what the receiver asked for; a refusal costs no pause.
		want := []time.Duration{0, time.Second, 3 * time.Second, 63 * time.Second, 63 * time.Second, 63 * time.Second}
		if diff := cmp.Diff(want, pauses); diff != "" {
			t.Errorf("times: %s", diff)
		}
		if s := d.Status()[0]; s.Queued != 0 || s.Sent != 2 || s.Refused != 1 {
			t.Errorf("status: %+v", s)
		}
		stop()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatWaitsSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		down := &receiver{before: func(int) error { return &delivery.Error{Err: errors.New("down")} }}
		d := dispatch(t, dir, map[string]*receiver{"a": down}, nil)
		d.SetSinks([]schema.Sink{webhookSink("a")})
		stop := run(t, d)
		for i := range 50 {
			d.Notify(news(fmt.Sprintf("%02d", i)))
		}
		time.Sleep(time.Second)
		if _, err := delivery.NewDispatcher(delivery.Config{Dir: dir}); err == nil {
			t.Error("two dispatchers share a spool")
		}
		stop()
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		seen, err := delivery.ReadStatus(dir)
		if err != nil || len(seen) != 1 || seen[0].Queued != 50 || seen[0].Name != "a" || seen[0].Error != "down" {
			t.Errorf("status of nobody's spool: %+v, %v", seen, err)
		}
		up := &receiver{}
		d = dispatch(t, dir, map[string]*receiver{"a": up}, nil)
		d.SetSinks([]schema.Sink{webhookSink("a")})
		stop = run(t, d)
		time.Sleep(time.Second)
		if got := up.ids(); len(got) != 50 || !slices.IsSorted(got) {
			t.Errorf("after the restart: %v", got)
		}
		stop()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if seen, err := delivery.ReadStatus(dir); err != nil || seen[0].Queued != 0 || seen[0].Sent != 50 {
			t.Errorf("status afterwards: %+v, %v", seen, err)
		}
	})
}

func TestTooManyPushOutTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		d := dispatch(t, t.TempDir(), map[string]*receiver{"a": r}, func(c *delivery.Config) { c.MaxEntries = 10 })
		d.SetSinks([]schema.Sink{webhookSink("a")})
		for i := range 25 {
			d.Notify(news(fmt.Sprintf("%02d", i)))
		}
		if s := d.Status()[0]; s.Queued != 10 || s.Dropped != 15 {
			t.Errorf("%+v", s)
		}
		stop := run(t, d)
		synctest.Wait()
		if got := r.ids(); len(got) != 10 || got[0] != "15" || got[9] != "24" {
			t.Errorf("%v", got)
		}
		stop()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTheSameIsToldOnceAndThenHowOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		d := dispatch(t, t.TempDir(), map[string]*receiver{"a": r}, nil)
		s := webhookSink("a")
		s.Dedup = "10m"
		d.SetSinks([]schema.Sink{s})
		stop := run(t, d)
		defer func() { stop(); _ = d.Close() }()
		tell := func(kind notification.Kind, key string) {
			d.Notify(notification.Notification{Kind: kind, Severity: notification.Error, Key: key, Sync: "prod", Title: string(kind)})
		}
		for range 30 {
			tell(notification.Failed, "prod")
			time.Sleep(time.Second)
		}
		tell(notification.Failed, "other")
		tell(notification.Drifted, "")
		tell(notification.Drifted, "")
		synctest.Wait()
		if got := r.all(); len(got) != 4 {
			t.Fatalf("%d were sent, want 4: %+v", len(got), got)
		}
		if s := d.Status()[0]; s.Held != 29 || s.Suppressed != 29 {
			t.Errorf("status: %+v", s)
		}
		time.Sleep(10 * time.Minute)
		got := r.all()
		if len(got) != 5 || got[4].Repeated != 29 || got[4].Key != "prod" {
			t.Fatalf("after the window: %+v", got)
		}
		// The end of it ends the silence: the last word is told.
		tell(notification.Failed, "prod")
		tell(notification.Applied, "prod")
		tell(notification.Failed, "prod")
		synctest.Wait()
		got = r.all()[5:]
		var kinds []notification.Kind
		for _, n := range got {
			kinds = append(kinds, n.Kind)
		}
		if diff := cmp.Diff([]notification.Kind{notification.Applied, notification.Failed}, kinds); diff != "" {
			t.Error(diff)
		}
	})
}

func TestDamagedSpoolLosesOnlyWhatIsDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		d := dispatch(t, dir, nil, nil)
		d.SetSinks([]schema.Sink{webhookSink("a")})
		for i := range 5 {
			d.Notify(news(fmt.Sprint(i)))
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		segments, err := filepath.Glob(filepath.Join(dir, "*", "*.log"))
		if err != nil || len(segments) != 1 {
			t.Fatal(segments, err)
		}
		data, err := os.ReadFile(segments[0])
		if err != nil {
			t.Fatal(err)
		}
		all := strings.SplitAfter(string(data), "\n")
		all[2] = strings.Replace(all[2], "news", "nEws", 1)
		all[5] = "deadbeef {\"torn"
		if err := os.WriteFile(segments[0], []byte(strings.Join(all, "")), 0o600); err != nil {
			t.Fatal(err)
		}
		r := &receiver{}
		d = dispatch(t, dir, map[string]*receiver{"a": r}, nil)
		d.SetSinks([]schema.Sink{webhookSink("a")})
		d.Notify(news("5"))
		stop := run(t, d)
		synctest.Wait()
		if diff := cmp.Diff([]string{"0", "1", "3", "4", "5"}, r.ids()); diff != "" {
			t.Error(diff)
		}
		if s := d.Status()[0]; s.Damaged != 2 {
			t.Errorf("%+v", s)
		}
		stop()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestSpoolIsPrivateAndCapped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	d := dispatch(t, dir, nil, nil)
	d.SetSinks([]schema.Sink{webhookSink("../../a")})
	n := news("x")
	n.Body = strings.Repeat("é\x1b", 100_000)
	n.Fields = map[string]string{}
	for i := range 1000 {
		n.Fields[fmt.Sprint(i)] = strings.Repeat("x", 10_000)
	}
	d.Notify(n)
	if s := d.Status()[0]; s.Bytes > 300_000 || s.Queued != 1 {
		t.Errorf("%+v", s)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || files < 3 {
		t.Errorf("%d files, %v", files, err)
	}
}
