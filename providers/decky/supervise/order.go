package supervise

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

const (
	// orderPatience bounds the command that has a supervisor started: the former
	// one may have to leave first.
	orderPatience = claimPatience + leavePatience
	// orderSettle is how long a supervisor may take to answer once that command
	// says that it runs.
	orderSettle = 3 * time.Second
	maxOrder    = 500 // bytes of what the command says that an error repeats
)

// order has the service manager start a supervisor, and connects to it.
func (c *Client) order() error {
	ctx, cancel := context.WithTimeout(context.Background(), orderPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.options.Unit[0], c.options.Unit[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		out = bytes.TrimSpace(out)
		return fmt.Errorf("%w: %s", err, out[:min(len(out), maxOrder)])
	}
	for deadline := time.Now().Add(orderSettle); ; time.Sleep(10 * time.Millisecond) {
		if err := c.dial(); !errors.Is(err, ErrAbsent) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w, though it was started", ErrAbsent)
		}
	}
}
