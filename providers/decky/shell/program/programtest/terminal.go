package programtest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell"
	"github.com/decnet/decnet/schema/event"
)

// seen is what a terminal shows.
type seen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *seen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *seen) string() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Type runs a line at a terminal of 24 rows and 80 columns of machine m. steps
// are keys and what is waited for after them, in turn; the client leaves after
// the last. It returns all that was shown.
func Type(t testing.TB, m *machine.Machine, user, line string, steps ...string) string {
	t.Helper()
	read, write := io.Pipe()
	screen := &seen{}
	terminal := shell.NewTerminal(read, screen)
	s := shell.New(shell.Options{
		Machine: m, User: user, TTY: "/dev/pts/0", Term: "xterm-256color", Env: map[string]string{"LANG": "C.UTF-8", "TZ": "UTC"}, Limits: shell.Limits{Time: 30 * time.Second},
		Record: func(event.Body) error { return nil },
	})
	s.SetSize(24, 80)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.One(context.Background(), terminal, line)
	}()
	at := 0
	for i := 0; i < len(steps); i += 2 {
		if _, err := io.WriteString(write, steps[i]); err != nil {
			t.Fatal(err)
		}
		if i+1 == len(steps) {
			break
		}
		found := false
		for range 500 {
			if n := strings.Index(screen.string()[at:], steps[i+1]); n >= 0 {
				at += n + len(steps[i+1])
				found = true
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !found {
			t.Errorf("%s: after %q no %q but %q", line, steps[i], steps[i+1], screen.string()[at:])
			break
		}
	}
	_ = write.Close()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Errorf("%s does not end with its client", line)
	}
	_ = read.Close()
	terminal.Wait()
	return screen.string()
}
