package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Cmd is an exec.Cmd that starts inside one side of a lab. Use its own Start,
// Run, Output and CombinedOutput; StdinPipe, Wait and the fields are
// exec.Cmd's.
type Cmd struct {
	*exec.Cmd
	lab  *Lab
	side Side
}

// Command prepares a program that will run in a side's network namespace, with
// DECNET_DATA_DIR and DECNET_RUN_DIR leading into the lab. It is killed when
// ctx ends, and by Down.
func (l *Lab) Command(ctx context.Context, side Side, argv ...string) *Cmd {
	if len(argv) == 0 {
		argv = []string{""}
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = l.Environ()
	return &Cmd{Cmd: cmd, lab: l, side: side}
}

// Environ is the process's environment with the lab's directories in it.
func (l *Lab) Environ() []string {
	// DOCKER_HOST is the lab's own engine whether or not it runs: nothing in a
	// lab may find the host's.
	return append(os.Environ(), "DECNET_DATA_DIR="+l.DataDir(), "DECNET_RUN_DIR="+l.RunDir(), "DECNET_LAB="+l.Name, "DOCKER_HOST="+l.engineHost())
}

// Start starts the program in the lab and records its pid.
func (c *Cmd) Start() error {
	return c.lab.Do(c.side, func() error {
		// The child is forked from this thread and so inherits its namespace.
		if err := c.Cmd.Start(); err != nil {
			return fmt.Errorf("start %s in lab %s: %w", c.Path, c.lab.Name, err)
		}
		if err := c.lab.remember(c.Process.Pid); err != nil {
			return errors.Join(err, c.Process.Kill(), c.Wait())
		}
		return nil
	})
}

// Run starts the program and waits for it.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the program and returns what it wrote to standard output.
func (c *Cmd) Output() ([]byte, error) {
	var out bytes.Buffer
	c.Stdout = &out
	err := c.Run()
	return out.Bytes(), err
}

// CombinedOutput runs the program and returns all that it wrote.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.Bytes(), err
}

// started is one line of the pids file: a process is the same one only if it
// started at the same tick.
type started struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
}

func (l *Lab) pidsPath() string { return filepath.Join(l.Dir, "pids") }

func (l *Lab) remember(pid int) error {
	tick, err := startTick(pid)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remember process %d: %w", pid, err)
	}
	line, err := json.Marshal(started{PID: pid, Start: tick})
	if err != nil {
		return fmt.Errorf("remember process %d: %w", pid, err)
	}
	f, err := os.OpenFile(l.pidsPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("remember process %d: %w", pid, err)
	}
	_, writeErr := f.Write(append(line, '\n'))
	return errors.Join(writeErr, f.Close())
}

func (l *Lab) remembered() ([]started, error) {
	data, err := os.ReadFile(l.pidsPath())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the lab's processes: %w", err)
	}
	var all []started
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		var s started
		switch err := decoder.Decode(&s); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil: // a torn last line of a killed process: the namespaces still tell
			return all, nil
		}
		all = append(all, s)
	}
}
