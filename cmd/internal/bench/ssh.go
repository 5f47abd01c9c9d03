package main

import (
	"context"
	"fmt"
)

// Goals of the service ssh, with the recorder on and default limits except the
// one per source.
const (
	sshTimes   = 1.5   // handshakes beside the local sshd's
	sshMB      = 250.0 // of 5,000 idle sessions
	sshAnswers = 50.0  // milliseconds, of the neighbour of a flooded decky
)

func (b *bench) ssh(ctx context.Context) error {
	const pkg = "./providers/decky/services/ssh"
	times, err := metric(ctx, pkg, "BenchmarkHandshakes", "times")
	if err != nil {
		return err
	}
	b.report(figure{
		name: "SSH handshakes per second beside the local sshd's", measured: fmt.Sprintf("%.1f times", times),
		goal: fmt.Sprintf(">= %.1f times", sshTimes/b.size.slack), ok: times >= sshTimes/b.size.slack,
	})
	mb, err := metric(ctx, pkg, "BenchmarkIdleSessions", "MB")
	if err != nil {
		return err
	}
	b.report(figure{
		name: "5,000 idle SSH sessions that are logged in", measured: fmt.Sprintf("%.0f MB", mb), goal: fmt.Sprintf("<= %.0f MB", sshMB*b.size.slack), ok: mb <= sshMB*b.size.slack,
	})
	ms, err := metric(ctx, pkg, "BenchmarkFlood", "ms")
	if err != nil {
		return err
	}
	b.report(figure{
		name: "SSH beside a decky with 10,000 half-open connections", measured: fmt.Sprintf("%.1f ms", ms), goal: fmt.Sprintf("<= %.0f ms", sshAnswers*b.size.slack), ok: ms <= sshAnswers*b.size.slack,
	})
	return nil
}
