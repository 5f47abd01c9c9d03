package supervise

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// ErrAbsent says that no supervisor runs.
var ErrAbsent = errors.New("no supervisor runs")

// lookInterval is how often a watcher looks whether the supervisor was stopped,
// which ends no connection.
const lookInterval = 250 * time.Millisecond

// Watch tells in words what becomes of what the lineage's supervisor serves,
// first that it hears, until ctx ends (nil) or the supervisor does (an error).
// ErrAbsent where none runs. It starts none.
func Watch(ctx context.Context, d Dirs, tell func(what string)) error {
	conn, err := dial(d)
	if err != nil {
		return err
	}
	var looking sync.WaitGroup
	looked, done := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		stop()
		done()
		_ = conn.Close()
		looking.Wait()
	}()
	pid, err := peerPID(conn)
	if err != nil {
		return fmt.Errorf("watch the supervisor: %w", err)
	}
	var one sync.Mutex
	looking.Go(func() {
		lookAt(looked, pid, func(what string) {
			one.Lock()
			defer one.Unlock()
			tell(what)
		})
	})
	if err := send(conn, request{Op: opWatch}); err != nil {
		return watchEnd(ctx, err)
	}
	for {
		var answer reply
		if err := receive(conn, &answer, maxReply); err != nil {
			return watchEnd(ctx, err)
		}
		if answer.Error != "" {
			return fmt.Errorf("watch the supervisor: %s", answer.Error)
		}
		one.Lock()
		for _, what := range answer.Heard {
			tell(what)
		}
		one.Unlock()
	}
}

func watchEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("the supervisor is gone: %w", err)
}

// lookAt tells when a process is stopped, and when it goes on.
func lookAt(ctx context.Context, pid int, tell func(string)) {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	was := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if now := stopped(pid); now != was {
			was = now
			if now {
				tell("supervisor stopped")
			} else {
				tell("supervisor goes on")
			}
		}
	}
}

// watchers are the clients to whom a supervisor tells what happens.
type watchers struct {
	mu  sync.Mutex
	all map[chan string]bool
}

// tell never waits: who is slow hears less.
func (w *watchers) tell(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.all {
		select {
		case ch <- what:
		default: // 64 reasons to look wait already
		}
	}
}

func (w *watchers) add() (heard chan string, remove func()) {
	heard = make(chan string, 64)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[chan string]bool{}
	}
	w.all[heard] = true
	return heard, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, heard)
	}
}

// inform tells a client what happens until its connection or ctx ends.
func (s *Supervisor) inform(ctx context.Context, conn *net.UnixConn) error {
	heard, remove := s.watchers.add()
	defer remove()
	gone := make(chan struct{})
	go func() { // ends with the connection, which the caller of talk closes, or its deadline
		defer close(gone)
		_, _ = conn.Read(make([]byte, 1))
	}()
	defer func() {
		_ = conn.SetReadDeadline(time.Now())
		<-gone
	}()
	what := "listening"
	for {
		_ = conn.SetWriteDeadline(time.Now().Add(leavePatience))
		if err := send(conn, reply{Image: s.image, PID: os.Getpid(), Heard: []string{what}}); err != nil {
			return err
		}
		select {
		case what = <-heard:
		case <-gone:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}
