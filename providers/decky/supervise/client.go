package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ClientOptions of a Client; every field but Unit is needed.
type ClientOptions struct {
	Log  *slog.Logger
	Dirs Dirs
	// Start is the command of a supervisor for this lineage; its binary's
	// SHA-256 is Image. A supervisor with another image is asked to retire
	// before anything new is served.
	Start []string
	Image string
	// Unit is the command that has something else start that supervisor, as
	// systemd does, and returns when it answers. Where it does not, Start does.
	Unit []string
}

// Client talks to the supervisor of one lineage. It is safe for concurrent use:
// what comes in while a batch is under way goes into the next one. Close it.
type Client struct {
	options ClientOptions

	mu      sync.Mutex
	queue   []call
	running bool // a goroutine sends batches
	closed  bool
	sender  sync.WaitGroup

	// conn belongs to whoever holds turn.
	turn sync.Mutex
	conn *net.UnixConn
	pid  int   // whose the other end is
	head reply // what the supervisor said of itself
}

type call struct {
	item item
	done chan outcome
}

// outcome of one item of a batch.
type outcome struct {
	life string
	err  error
}

// NewClient is a Client that has not connected yet.
func NewClient(options ClientOptions) *Client { return &Client{options: options} }

// Serve makes the supervisor, started if need be, serve u. It returns when a
// worker accepts connections, with the worker's life (UnitStatus.Life).
func (c *Client) Serve(ctx context.Context, u Unit) (life string, err error) {
	return c.do(ctx, item{Serve: &u})
}

// Stop makes the supervisor end a unit. Without a supervisor, or without the
// unit, there is nothing to do. It returns when its sockets are closed, and with
// the last unit of the lineage when the supervisor has gone.
func (c *Client) Stop(ctx context.Context, k Key) error {
	_, err := c.do(ctx, item{Stop: &k})
	return err
}

var errClosed = errors.New("the client is closed")

func (c *Client) do(ctx context.Context, it item) (life string, err error) {
	done := make(chan outcome, 1)
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return "", errClosed
	}
	c.queue = append(c.queue, call{item: it, done: done})
	if !c.running {
		c.running = true
		c.sender.Go(c.sendBatches)
	}
	c.mu.Unlock()
	select {
	case o := <-done:
		return o.life, o.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// sendBatches sends what is queued until nothing is.
func (c *Client) sendBatches() {
	for {
		c.mu.Lock()
		calls := c.queue
		c.queue = nil
		if len(calls) == 0 {
			c.running = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		items := make([]item, len(calls))
		start := false
		for i, it := range calls {
			items[i] = it.item
			start = start || it.item.Serve != nil
		}
		results, err := c.apply(items, start)
		for i, it := range calls {
			if err != nil {
				it.done <- outcome{err: err}
			} else {
				it.done <- results[i]
			}
		}
	}
}

// attempts at a supervisor that is leaving while we ask.
const attempts = 5

func (c *Client) apply(items []item, start bool) ([]outcome, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	for range attempts {
		err := c.connect(start)
		if errors.Is(err, ErrAbsent) {
			return make([]outcome, len(items)), nil // nothing to stop
		}
		if errors.Is(err, errStopped) {
			if err := c.revive(); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if start && c.head.Image != c.options.Image {
			c.options.Log.Info("the supervisor's binary is another one: it is replaced", "was", c.head.Image, "now", c.options.Image)
			if _, err := c.ask(request{Op: opRetire}); err != nil {
				c.options.Log.Debug("retire", "error", err)
			}
			continue
		}
		answer, err := c.ask(request{Op: opApply, Items: items})
		switch {
		case err != nil:
			c.options.Log.Debug("the supervisor went away, trying again", "error", err)
			continue
		case answer.Error == errLeaving.Error():
			continue
		case answer.Error != "":
			return nil, fmt.Errorf("supervisor: %s", answer.Error)
		case len(answer.Errors) != len(items) || len(answer.Lives) != len(items):
			return nil, fmt.Errorf("supervisor answers %d of %d", len(answer.Errors), len(items))
		}
		results := make([]outcome, len(items))
		for i := range items {
			results[i] = outcome{answer.Lives[i], errorOf(answer.Errors[i])}
		}
		return results, nil
	}
	return nil, fmt.Errorf("the supervisor cannot be reached (see %s)", c.options.Dirs.Log())
}

// Status asks what is served. Without a supervisor, or where it is stopped and
// cannot say, it is the zero Status.
func (c *Client) Status(ctx context.Context) (Status, error) {
	if err := ctx.Err(); err != nil {
		return Status{}, err
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	for range attempts {
		err := c.connect(false)
		if errors.Is(err, ErrAbsent) || errors.Is(err, errStopped) {
			return Status{}, nil
		}
		if err != nil {
			return Status{}, err
		}
		answer, err := c.ask(request{Op: opStatus})
		switch {
		case err == nil && answer.Status != nil:
			return *answer.Status, nil
		case errors.Is(err, errStopped):
			return Status{}, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return Status{}, err
		}
	}
	return Status{}, nil
}

// Close ends the connection; the supervisor stays.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.sender.Wait()
	c.turn.Lock()
	defer c.turn.Unlock()
	c.drop()
	return nil
}

func (c *Client) drop() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// answerPatience bounds one request: a batch may hold thousands of units.
const answerPatience = 2 * time.Minute

// ask makes one request. If the supervisor leaves after it, ask returns when it
// is gone.
func (c *Client) ask(r request) (reply, error) {
	var answer reply
	_ = c.conn.SetDeadline(time.Now().Add(answerPatience))
	asleep := c.attend()
	err := send(c.conn, r)
	if err == nil {
		err = receive(c.conn, &answer, maxReply)
	}
	if asleep() {
		err = errStopped
	}
	if err != nil {
		c.drop()
		return reply{}, fmt.Errorf("ask the supervisor to %s: %w", r.Op, err)
	}
	if answer.Leaving {
		_ = c.conn.SetDeadline(time.Now().Add(leavePatience))
		_, _ = io.Copy(io.Discard, c.conn)
		c.drop()
		c.awaitEnd(answer.PID)
	}
	return answer, nil
}

// leavePatience is how long a leaving supervisor may take.
const leavePatience = 10 * time.Second

// awaitEnd waits until a process is gone. One that is dead and was not reaped
// holds nothing any more: when its parent looks is not our business.
func (c *Client) awaitEnd(pid int) {
	for deadline := time.Now().Add(leavePatience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if dead(pid) {
			return
		}
	}
	c.options.Log.Warn("the supervisor does not end", "pid", pid)
}

// connect makes sure of a connection; with start, of a supervisor.
func (c *Client) connect(start bool) error {
	if c.conn != nil {
		return nil
	}
	err := c.dial()
	if !errors.Is(err, ErrAbsent) || !start {
		return err
	}
	if len(c.options.Unit) > 0 {
		if err = c.order(); err == nil {
			return nil
		}
		c.options.Log.Warn("the supervisor is started without the service manager, and ends with whoever starts it now", "command", strings.Join(c.options.Unit, " "), "error", err)
	}
	exited, err := c.launch()
	if err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	for deadline := time.Now().Add(claimPatience + leavePatience); time.Now().Before(deadline); {
		if err := c.dial(); !errors.Is(err, ErrAbsent) {
			return err
		}
		select {
		case err := <-exited:
			if dialErr := c.dial(); !errors.Is(dialErr, ErrAbsent) {
				return dialErr // another one was quicker
			}
			return fmt.Errorf("the supervisor ended at once (%v): %s", err, c.tail())
		case <-time.After(time.Millisecond):
		}
	}
	return fmt.Errorf("the supervisor does not answer: %s", c.tail())
}

func (c *Client) dial() error {
	conn, err := dial(c.options.Dirs)
	if err != nil {
		return err
	}
	if c.pid, err = peerPID(conn); err != nil {
		return errors.Join(fmt.Errorf("connect to the supervisor: %w", err), conn.Close())
	}
	if stopped(c.pid) {
		_ = conn.Close()
		return errStopped
	}
	c.conn = conn
	c.head, err = c.ask(request{Op: opHello})
	if errors.Is(err, errStopped) {
		return err
	}
	if err != nil || c.head.Leaving {
		c.drop()
		return ErrAbsent // it went away between two words
	}
	return nil
}

// dial connects to a lineage's supervisor; ErrAbsent where there is none.
func dial(d Dirs) (conn *net.UnixConn, err error) {
	err = withShortPath(d.socket(), func(short string) (err error) {
		conn, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the supervisor: %w", err)
	}
	return conn, nil
}

// launch starts a supervisor in a session of its own; it stays when we end.
func (c *Client) launch() (exited <-chan error, err error) {
	if err := os.MkdirAll(filepath.Dir(c.options.Dirs.Log()), 0o700); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(c.options.Dirs.Log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(c.options.Start[0], c.options.Start[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	// Reaps the supervisor if it ends before us; it usually does not, and the
	// goroutine then ends with the process.
	go func() { ended <- cmd.Wait() }()
	return ended, nil
}

// tail is the end of the supervisor's log, for an error's text.
func (c *Client) tail() string {
	data, err := os.ReadFile(c.options.Dirs.Log())
	if err != nil {
		return "it left no log"
	}
	text := strings.TrimSpace(string(data))
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
	}
	return text[max(0, len(text)-500):]
}
