package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/delivery"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
	"github.com/decnet/decnet/schema/syncfile"
)

// evaluating is a Host that does what a test says.
type evaluating struct {
	Host
	do func(context.Context, Site) (*schema.Desired, error)
}

func (e evaluating) Evaluate(ctx context.Context, _ *Session, site Site) (*schema.Desired, error) {
	return e.do(ctx, site)
}

func TestACommitIsEvaluatedWithinItsBounds(t *testing.T) {
	host := evaluating{do: func(ctx context.Context, _ Site) (*schema.Desired, error) { // a server of modules that never ends
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-t.Context().Done():
			return nil, errors.New("nobody ended it")
		}
	}}
	g := &generation{owner: &syncs{Syncs: Syncs{Host: &host, DataDir: "/data"}}, keepers: []*keeper{{site: Site{Name: "s"}}}}
	sync := syncfile.Sync{Name: "s", Repository: "https://git.example.com/a.git", Timeout: 10 * time.Millisecond}
	if _, err := g.evaluate(t.Context(), "/x", sync); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an evaluation without an end: %v", err)
	}
	host.do = func(_ context.Context, site Site) (*schema.Desired, error) {
		if !site.Given || site.Bounds == nil || site.Bounds.Secrets != "/data/sync/s/secrets" {
			t.Errorf("site %+v", site)
		}
		return &schema.Desired{Instances: []schema.Instance{{Address: "sink.a", Type: providers.TypeSink, Config: json.RawMessage(`{"name":"a","type":"slack","url_file":"/root/.netrc"}`)}}}, nil
	}
	if _, err := g.evaluate(t.Context(), "/x", sync); err == nil || !strings.Contains(err.Error(), "leads out of") {
		t.Errorf("a sink with a file of root's: %v", err)
	}
	if _, err := g.evaluate(t.Context(), "/x", syncfile.Sync{Name: "other"}); err == nil {
		t.Error("a sync that nobody keeps was evaluated")
	}
}

// TestNewsOfASyncReachItsOwnSinks and those of no other.
func TestNewsOfASyncReachItsOwnSinks(t *testing.T) {
	dispatcher := func(name string) *delivery.Dispatcher {
		d, err := delivery.NewDispatcher(delivery.Config{Dir: filepath.Join(t.TempDir(), name)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() }) //nolint:errcheck // only a test
		d.SetSinks([]schema.Sink{{Name: name, Type: schema.SinkWebhook, URL: "http://127.0.0.1:9/"}})
		return d
	}
	all, a, b := dispatcher("all"), dispatcher("a"), dispatcher("b")
	g := &generation{dispatcher: all, figures: newMetrics("test"), keepers: []*keeper{{site: Site{Name: "a"}, sinks: a}, {site: Site{Name: "b"}, sinks: b}, {site: Site{Name: "c"}}}}
	g.notify(notification.Notification{Kind: notification.Drifted, Sync: "a", Address: "decky.x"})
	g.notify(notification.Notification{Kind: notification.Applied, Sync: "c"})
	for d, want := range map[*delivery.Dispatcher]int{all: 2, a: 1, b: 0} {
		if got := d.Status()[0].Queued; got != want {
			t.Errorf("%s: %d wait, want %d", d.Status()[0].Name, got, want)
		}
	}
	if got := g.spooled(); got != 3 {
		t.Errorf("%d wait in all", got)
	}
}
