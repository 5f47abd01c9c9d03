package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/intel/storetest"
	"github.com/decnet/decnet/schema/event"
)

// BenchmarkAppend stores events in batches as large as the collector's.
func BenchmarkAppend(b *testing.B) {
	db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "intel.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	const batch = 4096
	n := 0
	for b.Loop() {
		b.StopTimer()
		events := make([]*intel.Event, batch)
		for i := range events {
			n++
			events[i] = storetest.Event(n, &event.Command{Line: "cat /proc/cpuinfo | grep name | wc -l", Mode: "exec", User: "root", Known: true, Output: "4"})
		}
		b.StartTimer()
		if _, err := db.Append(b.Context(), intel.Batch{Events: events}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
}
