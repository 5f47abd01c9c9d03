package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/link/lab"
)

// What decnet reconcile may take while nothing happens to idleDeckies deckies.
const (
	idleDeckies = 100
	idleSettle  = 10 * time.Second
	idleTime    = 60 * time.Second
	idleCore    = 1.0 // percent of one core
	idleMemory  = 60  // MB resident
	tick        = 100 // per second, as /proc counts (proc_pid_stat(5)); USER_HZ
)

// idle weighs the daemon beside a fleet that nobody touches.
func (b *bench) idle(ctx context.Context) error {
	dir, err := b.write("idle", "main.hcl", fleet(idleDeckies, false))
	if err != nil {
		return err
	}
	return inLab(ctx, "idle", func(l *lab.Lab) (err error) {
		decnet := filepath.Join(b.bin, "decnet")
		if out, err := l.Command(ctx, lab.Operator, decnet, "-C", dir, "apply", "--auto-approve").CombinedOutput(); err != nil {
			return fmt.Errorf("decnet apply: %w\n%s", err, tail(out))
		}
		daemon := l.Command(ctx, lab.Operator, decnet, "reconcile", dir)
		if err := daemon.Start(); err != nil {
			return err
		}
		defer func() {
			err = errors.Join(err, daemon.Process.Signal(syscall.SIGTERM), daemon.Wait())
		}()
		if err := pause(ctx, idleSettle); err != nil {
			return err
		}
		before, _, err := taken(daemon.Process.Pid)
		if err != nil {
			return err
		}
		if err := pause(ctx, idleTime); err != nil {
			return err
		}
		after, resident, err := taken(daemon.Process.Pid)
		if err != nil {
			return err
		}
		percent := 100 * (after - before) / idleTime.Seconds()
		b.report(figure{
			name: fmt.Sprintf("reconcile beside %d idle native deckies, processor", idleDeckies), measured: fmt.Sprintf("%.2f %% of a core", percent),
			goal: fmt.Sprintf("< %.1f %%", b.size.slack*idleCore), ok: percent < b.size.slack*idleCore,
		})
		b.report(figure{
			name: fmt.Sprintf("reconcile beside %d idle native deckies, memory", idleDeckies), measured: fmt.Sprintf("%.0f MB resident", resident),
			goal: fmt.Sprintf("< %d MB", idleMemory), ok: resident < idleMemory,
		})
		return nil
	})
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// taken is the processor time, in seconds, and the resident memory, in MB, of a
// process.
func taken(pid int) (seconds, resident float64, err error) {
	folder := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 22 {
		return 0, 0, errors.New("the process has ended")
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	pages, err3 := strconv.ParseFloat(fields[21], 64)
	return (user + system) / tick, pages * float64(os.Getpagesize()) / 1e6, errors.Join(err1, err2, err3)
}
