package lab

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	startPatience = 10 * time.Second
	stopPatience  = 2 * time.Second
	maxOutput     = 64 << 10 // kept of a server's words
)

// Process is a server's. Stop ends it.
type Process struct {
	cmd    *exec.Cmd
	output *tail
	ended  chan struct{}
}

// Start runs a program in the foreground and returns once address takes
// connections. Its output is kept for errors.
func (l *Lab) Start(ctx context.Context, address, name string, args ...string) (*Process, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	p := &Process{cmd: cmd, output: &tail{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.WaitDelay = stopPatience
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { defer close(p.ended); _ = cmd.Wait() }()
	deadline := time.Now().Add(startPatience)
	for {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return p, conn.Close()
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("%s ended at once: %s", name, p.output)
		case <-ctx.Done():
			p.Stop()
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.Stop()
			return nil, fmt.Errorf("%s does not listen on %s: %s", name, address, p.output)
		}
	}
}

// Stop asks the process to end, and ends it with its group where it does not.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.ended:
	case <-time.After(stopPatience):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // its children, and itself
	<-p.ended
}

// Output is the last of what it wrote.
func (p *Process) Output() string { return p.output.String() }

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, data...)
	if len(t.data) > maxOutput {
		t.data = bytes.Clone(t.data[len(t.data)-maxOutput:])
	}
	return len(data), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}
