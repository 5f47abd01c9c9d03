package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// processState is the field after the name in /proc/PID/stat
// (proc_pid_stat(5)); 0 where the process is gone.
func processState(pid int) byte {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	end := bytes.LastIndexByte(data, ')')
	if end < 0 || len(data) < end+3 {
		return 0
	}
	return data[end+2]
}

// stopped tells whether a process was stopped by a signal or a tracer.
func stopped(pid int) bool {
	state := processState(pid)
	return state == 'T' || state == 't'
}

// dead tells whether a process is gone or a zombie.
func dead(pid int) bool {
	switch processState(pid) {
	case 0, 'Z', 'X':
		return true
	}
	return false
}

// errStopped says that the supervisor was stopped by a signal: its workers serve,
// but it does nothing itself.
var errStopped = errors.New("the supervisor is stopped")

// attend gives up the connection's present request when the supervisor turns out
// to be stopped; ended says whether it did, and ends the attention.
func (c *Client) attend() (ended func() bool) {
	conn, pid := c.conn, c.pid
	var mu sync.Mutex
	var timer *time.Timer
	asleep, over := false, false
	look := func() {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case over:
		case stopped(pid):
			asleep = true
			_ = conn.SetDeadline(time.Now())
		default:
			timer.Reset(lookInterval)
		}
	}
	mu.Lock()
	timer = time.AfterFunc(lookInterval/2, look)
	mu.Unlock()
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		over = true
		timer.Stop()
		return asleep
	}
}

// revivePatience is how long a stopped supervisor may take to go on.
const revivePatience = 200 * time.Millisecond

// revive lets a stopped supervisor go on, so that no session ends; one that does
// not is killed, and its workers end with it.
func (c *Client) revive() error {
	pidfd, err := unix.PidfdOpen(c.pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("revive the stopped supervisor: %w", err)
	}
	defer unix.Close(pidfd)
	if !stopped(c.pid) {
		return nil // it goes on, or is gone
	}
	c.options.Log.Warn("the supervisor was stopped and is told to go on", "pid", c.pid)
	if err := unix.PidfdSendSignal(pidfd, unix.SIGCONT, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("revive the stopped supervisor: %w", err)
	}
	for deadline := time.Now().Add(revivePatience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if !stopped(c.pid) {
			return nil
		}
	}
	c.options.Log.Warn("the supervisor stays stopped and is killed", "pid", c.pid)
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("end the stopped supervisor: %w", err)
	}
	c.awaitEnd(c.pid)
	return nil
}
