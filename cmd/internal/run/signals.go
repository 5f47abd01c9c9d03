package run

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Interruptible ends the returned context at the first interrupt or SIGTERM, so
// that what is in flight can finish, and calls leave at the second. first is
// told the first. stop gives the signals back and waits.
func Interruptible(ctx context.Context, first func(os.Signal), leave func()) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s, ok := <-signals
		if !ok {
			return
		}
		first(s)
		cancel()
		if _, ok := <-signals; ok {
			leave()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		<-done
		cancel()
	}
}
