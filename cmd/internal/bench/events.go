package main

import (
	"context"
	"fmt"
)

// eventsGoal is events per second from journal to stored row, every stage done.
const eventsGoal = 20_000

func (b *bench) events(ctx context.Context) error {
	rate, err := metric(ctx, "./intel/run", "BenchmarkIngest", "events/s")
	if err != nil {
		return err
	}
	b.report(figure{
		name: "events from journal to stored row, all stages done", measured: fmt.Sprintf("%.0f events/s", rate),
		goal: fmt.Sprintf(">= %.0f events/s", eventsGoal/b.size.slack), ok: rate >= eventsGoal/b.size.slack,
	})
	return nil
}
