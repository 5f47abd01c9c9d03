package world_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/cmd/internal/world"
	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/event"
)

func TestCompromises(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "intel.db")
	asked := world.Compromises{Databases: []string{path + ".other", path}}
	both := []string{reconciler.OnLogin, reconciler.OnUpload}
	made := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	suspects := []reconciler.Suspect{
		{Address: "decky.failed", Since: made, On: both}, {Address: "decky.in", Since: made, On: both}, {Address: "decky.before", Since: made, On: both},
		{Address: "decky.left", Since: made, On: both}, {Address: "decky.took", Since: made, On: both}, {Address: "decky.other", Since: made, On: []string{reconciler.OnUpload}},
		{Address: "decky.liar", Since: made, On: both},
	}
	if got, err := asked.Compromised(ctx, suspects); !errors.Is(err, sqlite.ErrNoDatabase) || !strings.Contains(err.Error(), path) || len(got) > 0 {
		t.Errorf("without a database: %v, %v", got, err)
	}
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var events []*intel.Event
	add := func(decky string, after time.Duration, body event.Body) {
		at := made.Add(after)
		events = append(events, &intel.Event{Received: at, Journal: "j", Event: &event.Event{ID: event.NewID(at), Time: at, Decky: decky, Body: body}})
	}
	for range 50 {
		add("decky.failed", time.Second, &event.AuthAttempt{Username: "root"})
		add("decky.in", time.Second, &event.AuthAttempt{Username: "root"})
	}
	add("decky.in", 2*time.Second, &event.AuthAttempt{Username: "root", Success: true})
	add("decky.in", 3*time.Second, &event.AuthAttempt{Username: "root", Success: true})
	add("decky.before", -time.Second, &event.AuthAttempt{Success: true})
	add("decky.left", time.Minute, &event.Transfer{Direction: "upload"})
	add("decky.took", time.Minute, &event.Transfer{Direction: "download"})
	add("decky.other", time.Minute, &event.AuthAttempt{Success: true})
	add("decky.liar", time.Minute, &event.AuthAttempt{Username: `","success":true,"x":"`})
	if _, err := db.Append(ctx, intel.Batch{Events: events}); err != nil {
		t.Fatal(err)
	}
	got, err := asked.Compromised(ctx, suspects)
	if err != nil {
		t.Fatal(err)
	}
	want := map[addr.Address]string{"decky.in": "login at 2026-03-01T10:00:02Z", "decky.left": "upload at 2026-03-01T10:01:00Z"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
