package supervise

import (
	"context"
	"log/slog"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// A worker that hangs, and is not even stopped, is killed; one that answers is
// not.
func TestAWorkerThatDoesNotAnswerIsKilled(t *testing.T) {
	for _, answers := range []bool{false, true} {
		t.Run(map[bool]string{false: "silent", true: "answering"}[answers], func(t *testing.T) {
			t.Parallel()
			ours, theirs, err := socketPair()
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			defer theirs.Close()
			process := exec.Command("sleep", "60")
			if err := process.Start(); err != nil {
				t.Fatal(err)
			}
			sh := &shard{log: slog.New(slog.DiscardHandler), units: map[Key]*hosted{}, waiting: map[uint64]func(error){}, conn: ours, tell: func(string) {}}
			sh.changed = sync.NewCond(&sh.mu)
			ctx, cancel := context.WithCancel(t.Context())
			var heart sync.WaitGroup
			heart.Go(func() { sh.heart(ctx, process.Process) })
			if answers {
				heart.Go(func() { sh.answers(ours) })
				heart.Go(func() {
					buffer := make([]byte, maxMessage)
					for {
						n, err := theirs.Read(buffer)
						if err != nil || n == 0 {
							return
						}
						if _, err := theirs.Write(buffer[:n]); err != nil { // its id is enough
							return
						}
					}
				})
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_ = process.Wait() // killed, either way
			}()
			select {
			case <-ended:
				if answers {
					t.Error("a worker that answers was killed")
				}
			case <-time.After(2*beat + beatPatience + 2*time.Second):
				if !answers {
					t.Error("a worker that does not answer lives")
				}
			}
			cancel()
			_ = process.Process.Kill() // it may have ended
			<-ended
			_ = ours.Close()
			_ = theirs.Close()
			heart.Wait()
		})
	}
}
