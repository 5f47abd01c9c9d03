package suite

import (
	"context"
	"net"
	"time"

	"github.com/decnet/decnet/schema/event"
)

// forget leaves out of recent what was recorded until now.
func (f *fileRun) forget(ctx context.Context) {
	f.seen = map[string]bool{}
	all, err := f.fleet.Events(ctx)
	if err != nil {
		return // whoever asks for events hears of it
	}
	for _, e := range all {
		f.seen[e.ID] = true
	}
}

// recent are the events since the run began.
func (f *fileRun) recent(ctx context.Context) ([]*event.Event, error) {
	all, err := f.fleet.Events(ctx)
	if err != nil {
		return nil, err
	}
	var recent []*event.Event
	for _, e := range all {
		if !f.seen[e.ID] {
			recent = append(recent, e)
		}
	}
	return recent, nil
}

// of are the events of one connection.
func (f *fileRun) of(local net.TCPAddr) source {
	return func(ctx context.Context) ([]*event.Event, error) {
		all, err := f.recent(ctx)
		var own []*event.Event
		for _, e := range all {
			if int(e.Source.Port) == local.Port && e.Source.IP.String() == local.IP.String() {
				own = append(own, e)
			}
		}
		return own, err
	}
}

// settle waits until the session of a probe is recorded to its end, so that a
// condition that counts events counts all of them. Patience bounds it.
func (f *fileRun) settle(ctx context.Context, local net.TCPAddr) {
	if local.Port == 0 {
		return
	}
	own := f.of(local)
	for deadline := time.Now().Add(f.runner.Patience); time.Now().Before(deadline) && ctx.Err() == nil; {
		events, err := own(ctx)
		if err != nil {
			return // the condition hears of it
		}
		for _, e := range events {
			if e.Kind() == event.KindConnectionClosed {
				return
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(poll):
		}
	}
}
