package cast

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Playing says how a recording is played.
type Playing struct {
	Speed float64       // 2 is twice as fast; 0 is 1
	Idle  time.Duration // the longest pause, before Speed; 0 is no bound
	Raw   bool          // shows every byte: only for a terminal that may be harmed
	// Wait pauses; nil is time.Sleep until the context ends.
	Wait func(ctx context.Context, d time.Duration) error
}

// Play shows the recording's output on w in its own time.
func Play(ctx context.Context, r *Reader, w io.Writer, p Playing) error {
	if p.Speed <= 0 {
		p.Speed = 1
	}
	if p.Wait == nil {
		p.Wait = wait
	}
	var safe Sanitizer
	var last time.Duration
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		pause := e.After - last
		last = e.After
		if p.Idle > 0 {
			pause = min(pause, p.Idle)
		}
		if err := p.Wait(ctx, time.Duration(float64(pause)/p.Speed)); err != nil {
			return err
		}
		if e.Kind != Output {
			continue
		}
		text := e.Data
		if !p.Raw {
			text = safe.Text(text)
		}
		if _, err := io.WriteString(w, text); err != nil {
			return fmt.Errorf("play recording: %w", err)
		}
	}
	if p.Raw {
		return nil
	}
	_, err := io.WriteString(w, safe.End())
	return err
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
