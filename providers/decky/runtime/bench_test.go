package runtime_test

import (
	"fmt"
	"log/slog"
	"net"
	stdruntime "runtime"
	"testing"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/runtime"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

// idleMemory is the heap and stack bytes that n idle deckies of three services
// cost, one listener each.
func idleMemory(t testing.TB, n int) (bytesPerDecky, bytesPerListener uint64) {
	used := func() uint64 {
		stdruntime.GC()
		stdruntime.GC()
		var m stdruntime.MemStats
		stdruntime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	r := runtime.New(runtime.Options{Log: slog.New(slog.DiscardHandler), Catalogue: catalogue})
	before := used()
	listeners := make([][]net.Listener, n)
	for i := range listeners {
		for range 3 {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			listeners[i] = append(listeners[i], l)
		}
	}
	sockets := used()
	for i := range listeners {
		spec := decky.Spec{Host: servicetest.Host(), Journal: t.TempDir(), Store: t.TempDir()}
		spec.Host.Address = fmt.Sprintf("decky.web[%d]", i)
		for k, l := range listeners[i] {
			svc := wordsSpec
			svc.Name = fmt.Sprintf("words.%d", k)
			if err := r.AddService(spec, svc, []net.Listener{l}); err != nil {
				t.Fatal(err)
			}
		}
	}
	after := used()
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return (after - sockets) / uint64(n), (sockets - before) / uint64(3*n)
}

func TestIdleDeckiesAreCheap(t *testing.T) {
	decky, listener := idleMemory(t, 200)
	t.Logf("an idle decky of three services costs %d bytes beside its three listeners of %d bytes", decky, listener)
	if decky > 48<<10 {
		t.Errorf("an idle decky of three services costs %d bytes, want less than 48 KiB", decky)
	}
}

func BenchmarkIdleDecky(b *testing.B) {
	var per, listener uint64
	for b.Loop() {
		per, listener = idleMemory(b, 500)
	}
	b.ReportMetric(float64(per), "B/decky")
	b.ReportMetric(float64(listener), "B/listener")
}

// BenchmarkExchange is one line answered over loopback, on record before its
// answer.
func BenchmarkExchange(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	r := runtime.New(runtime.Options{Log: slog.New(slog.DiscardHandler), Catalogue: catalogue})
	spec := decky.Spec{Host: servicetest.Host(), Journal: b.TempDir(), Store: b.TempDir(), Limits: decky.Limits{ConnBytes: 1 << 40}}
	if err := r.AddService(spec, wordsSpec, []net.Listener{l}); err != nil {
		b.Fatal(err)
	}
	defer r.Close(b.Context())
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	answer := make([]byte, 64)
	for b.Loop() {
		if _, err := c.Write([]byte("x\n")); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(answer); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFit(b *testing.B) {
	e := &event.Event{Body: &event.Query{Verb: "SET", Statement: "SET a b", Args: []event.Text{"a", "b"}}}
	for b.Loop() {
		if _, err := runtime.Fit(e); err != nil {
			b.Fatal(err)
		}
	}
}
