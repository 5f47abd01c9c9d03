// Package probe connects to a decoy as an attacker would and tells what came
// back: a TCP banner, an SSH login with one command, an HTTP request. It asserts
// nothing, retries nothing, follows no redirect and opens no connection but the
// one it was asked for.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// Dial opens connections where the attacker stands.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// DefaultTimeout bounds a probe that says nothing else; MaxTimeout any.
const (
	DefaultTimeout = 5 * time.Second
	MaxTimeout     = time.Minute
)

// maxAnswer is how many bytes of an answer are kept.
const maxAnswer = 256 << 10

// Outcome is what every probe tells.
type Outcome struct {
	// Error is why the connection or its protocol failed; "" where it did not.
	Error string
	Took  time.Duration
	// Local is the attacker's end, for finding its events; zero where nothing
	// was connected.
	Local net.TCPAddr
}

// connect opens the probe's one connection with its deadline.
func connect(ctx context.Context, dial Dial, address string, timeout time.Duration) (net.Conn, net.TCPAddr, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, net.TCPAddr{}, err
	}
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, net.TCPAddr{}, errors.Join(err, conn.Close())
	}
	var local net.TCPAddr
	if a, ok := conn.LocalAddr().(*net.TCPAddr); ok {
		local = *a
	}
	return conn, local, nil
}

// reason is an error in the words of a test's author.
func reason(err error, timeout time.Duration) string {
	var timed net.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timed) && timed.Timeout():
		return fmt.Sprintf("no answer within %s", timeout)
	default:
		return err.Error()
	}
}
