package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// state reads a unit's state under the lock.
func (sh *shard) state(h *hosted) (unitState, error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return h.state, h.err
}

func (sh *shard) worker() Worker {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return Worker{Shard: sh.index, PID: sh.pid, UID: sh.uid, Restarts: sh.restarts, Units: len(sh.units)}
}

// lifeName names the life of the worker that runs, "" while none does.
func (sh *shard) lifeName() string {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.name
}

// guard ends a worker that was stopped by a signal (the sessions in it are dead
// to their clients), and returns when it is dead. It does not reap it: until
// then nobody else has its pid.
func (sh *shard) guard(pid int) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || info.Code != cldStopped {
			return
		}
		sh.log.Error("worker was stopped and is killed", "pid", pid)
		_ = unix.Kill(pid, unix.SIGKILL)
		// Once killed it is no longer stopped: the next wait is for its end.
		err = unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// cldStopped is CLD_STOPPED of waitid(2).
const cldStopped = 5

// heart looks after a worker until ctx ends: one that does not answer for
// beatPatience is killed. Twice as often it looks whether the sockets still
// listen.
func (sh *shard) heart(ctx context.Context, worker *os.Process) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if sh.listen(); n%2 == 0 {
			continue
		}
		sh.mu.Lock()
		life := sh.life
		sh.mu.Unlock()
		answered := make(chan struct{})
		kill := time.AfterFunc(beatPatience, func() {
			sh.log.Error("worker does not answer and is killed", "pid", worker.Pid, "within", beatPatience.String())
			_ = worker.Kill()
		})
		sh.order(message{Ping: true}, nil, life, func(error) { close(answered) })
		select {
		case <-ctx.Done():
		case <-answered:
		}
		kill.Stop()
	}
}

// listen tells watchers of sockets that were closed from outside.
func (sh *shard) listen() {
	sh.mu.Lock()
	all := make([]*hosted, 0, len(sh.units))
	for _, h := range sh.units {
		all = append(all, h)
	}
	sh.mu.Unlock()
	for _, h := range all {
		deaf := !h.listening()
		sh.mu.Lock()
		news := deaf && !h.deaf && sh.units[h.unit.Key()] == h // or it was taken back, and closed
		h.deaf = deaf
		sh.mu.Unlock()
		if news {
			sh.tell(fmt.Sprintf("a socket of %s of %s no longer listens", h.unit.Service.Name, h.unit.Decky))
		}
	}
}
