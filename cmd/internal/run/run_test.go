package run_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/cmd/internal/run"
)

// diary is what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(format string, args ...any) {
	d.mu.Lock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
	d.mu.Unlock()
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.lines...)
}

func (d *diary) notify(state string) error {
	state, _, _ = strings.Cut(state, "\nMONOTONIC_USEC=")
	d.add("%s", strings.ReplaceAll(state, "\n", " "))
	return nil
}

func (d *diary) count(line string) (n int) {
	for _, l := range d.read() {
		if l == line {
			n++
		}
	}
	return n
}

// part serves until it is asked to end.
func (d *diary) part(name string, warm time.Duration) run.Part {
	return run.Part{Name: name, Run: func(ctx context.Context, self *run.Self) error {
		d.add("%s begins", name)
		time.Sleep(warm)
		self.Ready()
		self.Ready()
		<-ctx.Done()
		time.Sleep(warm)
		d.add("%s ends", name)
		return nil
	}}
}

func quiet(d *diary) run.Config {
	return run.Config{Notify: d.notify, Watchdog: -1, Hangup: make(chan os.Signal)}
}

func mustNew(t *testing.T, c run.Config, parts ...run.Part) *run.Daemon {
	t.Helper()
	daemon, err := run.New(c, parts...)
	if err != nil {
		t.Fatal(err)
	}
	return daemon
}

func TestPartsStartInOrderAndStopInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		daemon := mustNew(t, quiet(&d), d.part("a", time.Second), d.part("b", time.Second), d.part("c", 0))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := daemon.Run(ctx); err != nil {
			t.Fatal(err)
		}
		want := []string{"a begins", "b begins", "c begins", "READY=1", "STOPPING=1", "c ends", "b ends", "a ends"}
		if diff := cmp.Diff(want, d.read()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAPartThatEndsEndsTheDaemon(t *testing.T) {
	broken := errors.New("the disk is full")
	for name, tt := range map[string]struct {
		late bool
		err  error
		want string
	}{
		"at its start":         {err: broken, want: "b: the disk is full"},
		"later":                {late: true, err: broken, want: "b: the disk is full"},
		"without an error":     {late: true, want: "b: it ended by itself"},
		"without being ready":  {want: "b: it ended by itself"},
		"with a foreign limit": {late: true, err: fmt.Errorf("ask: %w", errors.New("deadline")), want: "b: ask: deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d diary
				b := run.Part{Name: "b", Run: func(_ context.Context, self *run.Self) error {
					if tt.late {
						self.Ready()
						time.Sleep(time.Second)
					}
					return tt.err
				}}
				err := mustNew(t, quiet(&d), d.part("a", 0), b, d.part("c", 0)).Run(t.Context())
				if err == nil || err.Error() != tt.want {
					t.Errorf("error %v, want %q", err, tt.want)
				}
				if lines := d.read(); lines[len(lines)-1] != "a ends" {
					t.Errorf("not everything was stopped: %q", lines)
				}
				if ready := d.count("READY=1") == 1; ready != tt.late {
					t.Errorf("READY told: %v, want %v", ready, tt.late)
				}
			})
		})
	}
}

func TestAPartThatIsNeverReadyIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		c := quiet(&d)
		c.StartPatience = 3 * time.Second
		slow := run.Part{Name: "slow", Run: func(ctx context.Context, _ *run.Self) error { <-ctx.Done(); return nil }}
		err := mustNew(t, c, d.part("a", 0), slow, d.part("c", 0)).Run(t.Context())
		if err == nil || err.Error() != "slow: not ready after 3s" {
			t.Errorf("error %v", err)
		}
		if diff := cmp.Diff([]string{"a begins", "STOPPING=1", "a ends"}, d.read()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestThePatienceAtTheEndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		c := quiet(&d)
		c.StopPatience = 5 * time.Second
		release := make(chan struct{})
		stubborn := run.Part{Name: "stubborn", Run: func(_ context.Context, self *run.Self) error {
			self.Ready()
			<-release
			return nil
		}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- mustNew(t, c, d.part("a", 0), stubborn, d.part("c", 0)).Run(ctx) }()
		synctest.Wait()
		began := time.Now()
		cancel()
		err := <-ended
		if err == nil || !strings.Contains(err.Error(), "stubborn") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("took %s", took)
		}
		close(release)
		synctest.Wait()
		if d.count("a ends") != 1 || d.count("c ends") != 1 {
			t.Errorf("the others were not stopped: %q", d.read())
		}
	})
}

func TestTheWatchdogIsFedOnlyWhileThereIsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		c := quiet(&d)
		c.Watchdog = 10 * time.Second
		stop := make(chan struct{})
		lively := run.Part{Name: "loop", Stall: 4 * time.Second, Run: func(ctx context.Context, self *run.Self) error {
			self.Ready()
			for ticker := time.NewTicker(time.Second); ; {
				select {
				case <-ticker.C:
					self.Beat()
				case <-stop:
					<-ctx.Done() // it is alive, and does nothing
					return nil
				}
			}
		}}
		var outside time.Time
		var mu sync.Mutex
		told := d.part("told", 0)
		told.Stall, told.Progress = time.Minute, func() time.Time { mu.Lock(); defer mu.Unlock(); return outside }
		daemon := mustNew(t, c, lively, told, d.part("unwatched", 0))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- daemon.Run(ctx) }()
		time.Sleep(52 * time.Second)
		if got := d.count("WATCHDOG=1"); got != 10 {
			t.Errorf("fed %d times in 52 s, want 10", got)
		}
		mu.Lock()
		outside = time.Now()
		mu.Unlock()
		time.Sleep(30 * time.Second)
		if stuck := daemon.Stuck(); len(stuck) != 0 {
			t.Errorf("stuck %q, though progress was told", stuck)
		}
		close(stop)
		time.Sleep(5 * time.Second)
		if diff := cmp.Diff([]string{"loop: no progress for 5s"}, daemon.Stuck()); diff != "" {
			t.Error(diff)
		}
		fed := d.count("WATCHDOG=1")
		time.Sleep(time.Minute)
		if more := d.count("WATCHDOG=1"); more > fed {
			t.Errorf("fed %d times more with a stuck loop", more-fed)
		}
		if stuck := daemon.Stuck(); len(stuck) != 2 {
			t.Errorf("stuck %q, want both watched parts", stuck)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		var log bytes.Buffer
		hangup := make(chan os.Signal)
		c := quiet(&d)
		c.Hangup, c.Log = hangup, slog.New(slog.NewTextHandler(&log, nil))
		var refuse error
		a, b := d.part("a", 0), d.part("b", 0)
		a.Reload = func(context.Context) error { d.add("a reads"); return refuse }
		b.Reload = func(context.Context) error { d.add("b reads"); return nil }
		daemon := mustNew(t, c, a, b)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- daemon.Run(ctx) }()
		hangup <- syscall.SIGHUP
		synctest.Wait()
		refuse = errors.New("line 3:\nno such block")
		hangup <- syscall.SIGHUP
		synctest.Wait()
		if !daemon.Started() {
			t.Error("a refused reload ended the daemon")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want := []string{
			"a begins", "b begins", "READY=1",
			"RELOADING=1", "a reads", "b reads", "READY=1 STATUS=read again",
			"RELOADING=1", "a reads", "b reads", "READY=1 STATUS=reload refused: a: line 3: no such block",
			"STOPPING=1", "b ends", "a ends",
		}
		if diff := cmp.Diff(want, d.read()); diff != "" {
			t.Error(diff)
		}
		if !strings.Contains(log.String(), "everything stays as it was") {
			t.Errorf("log: %s", log.String())
		}
	})
}

func TestStatusIsOneLineAndToldWhenItChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		c := quiet(&d)
		var text atomic.Pointer[string]
		first, second := "two syncs\nREADY=0", strings.Repeat("é", 1000)
		text.Store(&first)
		c.Status = func() string { return *text.Load() }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		daemon := mustNew(t, c, d.part("a", 0))
		go func() { ended <- daemon.Run(ctx) }()
		time.Sleep(35 * time.Second)
		text.Store(&second)
		time.Sleep(10 * time.Second)
		cancel()
		<-ended
		if d.count("STATUS=two syncs READY=0") != 1 {
			t.Errorf("%q", d.read())
		}
		for _, line := range d.read() {
			if len(line) > 600 || line == "READY=0" {
				t.Errorf("status %q of %d bytes", line, len(line))
			}
		}
	})
}

func TestNewRefuses(t *testing.T) {
	var d diary
	ok := d.part("a", 0)
	for name, parts := range map[string][]run.Part{
		"two of a name": {ok, ok}, "no name": {{Run: ok.Run}}, "nothing to run": {{Name: "x"}},
	} {
		if _, err := run.New(quiet(&d), parts...); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestSystemd speaks to a real notification socket.
func TestSystemd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "200000")
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
	var d diary
	daemon := mustNew(t, run.Config{}, d.part("a", 0))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- daemon.Run(ctx) }()
	read := func() string {
		buffer := make([]byte, 4096)
		if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:n])
	}
	if got := read(); got != "READY=1" {
		t.Errorf("first %q", got)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for !seen["WATCHDOG=1"] || !seen["RELOADING=1"] || !seen["READY=1"] {
		first, rest, _ := strings.Cut(read(), "\n")
		seen[first] = true
		if first == "RELOADING=1" && !strings.HasPrefix(rest, "MONOTONIC_USEC=") {
			t.Errorf("reloading without the time: %q", rest)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for read() != "STOPPING=1" {
	}
}

func TestInterruptible(t *testing.T) {
	first, left := make(chan os.Signal, 1), make(chan bool, 1)
	ctx, stop := run.Interruptible(t.Context(), func(s os.Signal) { first <- s }, func() { left <- true })
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if s := <-first; s != syscall.SIGTERM {
		t.Errorf("told %v", s)
	}
	select {
	case <-left:
		t.Fatal("left at the first signal")
	default:
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-left
}

func TestInterruptibleGivesBack(t *testing.T) {
	ctx, stop := run.Interruptible(t.Context(), func(os.Signal) { t.Error("told of a signal that there was not") }, func() { t.Error("left") })
	if ctx.Err() != nil {
		t.Error("ended before a signal")
	}
	stop()
	if ctx.Err() == nil {
		t.Error("still open after stop")
	}
}
