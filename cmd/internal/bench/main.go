// Command bench measures decnet against its goals, each figure against a
// yardstick taken in the same run where there is one. Every line says OK or
// SHORT; one SHORT makes it exit with 1. It runs as root, in labs of its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// size is how much is measured.
type size struct {
	small, large int // deckies of the two plans
	runs         int // of each command; the median counts
	operations   int // of the journaled apply
	native       int // deckies of the native apply
	docker       int // deckies of the Docker apply
	// slack is how far a time or a size may miss its goal before the line says SHORT: a
	// small run is there to notice what got worse, on whatever machine.
	slack float64
}

var sizes = map[string]size{
	"full":  {small: 1000, large: 5000, runs: 5, operations: 1000, native: 500, docker: 10, slack: 1},
	"small": {small: 200, large: 1000, runs: 3, operations: 1000, native: 250, docker: 4, slack: 1.5},
}

// figure is one line of the report.
type figure struct {
	name     string
	measured string
	goal     string
	ok       bool
}

// bench is one run.
type bench struct {
	size    size
	scratch string
	bin     string // folder of the binaries
	short   int
}

func main() {
	name := flag.String("size", "full", "full or small")
	only := flag.String("only", "", "one of plan, budget, journal, test, native, idle, docker, events, http, ssh; empty: all")
	flag.Parse()
	s, ok := sizes[*name]
	if !ok || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 25*time.Minute)
	defer cancel()
	short, err := measure(ctx, s, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	if err != nil || short > 0 {
		stop()
		cancel()
		os.Exit(1)
	}
}

func measure(ctx context.Context, s size, only string) (short int, err error) {
	scratch, err := os.MkdirTemp("", "decnet-bench-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(scratch)
	bin, err := filepath.Abs("bin")
	if err != nil {
		return 0, err
	}
	b := &bench{size: s, scratch: scratch, bin: bin}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"plan", b.plans}, {"budget", b.budget}, {"journal", b.journal}, {"test", b.testRun}, {"native", b.nativeApply}, {"idle", b.idle}, {"docker", b.dockerApply}, {"events", b.events}, {"http", b.http}, {"ssh", b.ssh}} {
		if only != "" && only != part.name {
			continue
		}
		if err := part.run(ctx); err != nil {
			return b.short, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return b.short, nil
}

// report prints a figure.
func (b *bench) report(f figure) {
	verdict := "OK   "
	if !f.ok {
		verdict = "SHORT"
		b.short++
	}
	fmt.Printf("%s  %-58s %-28s goal %s\n", verdict, f.name, f.measured, f.goal)
}

// note prints what has no goal.
func note(format string, args ...any) { fmt.Printf("       "+format+"\n", args...) }
