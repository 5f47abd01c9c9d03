package main

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The budget of a plan, in instances: a decky and its three services are four.
const (
	budgetSmall = 1000
	budgetLarge = 5000
	budgetTime  = 1500 * time.Millisecond
	budgetPeak  = 150 << 10 // KiB
)

// rules is a configuration of n rules: the one kind that can be applied, and
// looked at again, without privilege and machinery.
func rules(n int) string {
	var b strings.Builder
	b.WriteString("decnet {\n  name = \"bench\"\n  seed = \"calm\"\n  runtime = \"native\"\n}\n")
	for i := range n {
		fmt.Fprintf(&b, "rule \"r%d\" {\n  technique = \"T1110.003\"\n  when = event.kind == \"auth.attempt\" && !event.success\n  threshold = 8\n  within = \"10m\"\n}\n", i)
	}
	return b.String()
}

// budget holds the whole command to what it may take: a first plan, and one that
// finds nothing to do.
func (b *bench) budget(ctx context.Context) error {
	small, _, err := b.planned(ctx, "budget-small", fleet(budgetSmall/4, false), false)
	if err != nil {
		return err
	}
	large, peak, err := b.planned(ctx, "budget-large", fleet(budgetLarge/4, false), false)
	if err != nil {
		return err
	}
	exponent := math.Log(large.Seconds()/small.Seconds()) / math.Log(budgetLarge/budgetSmall)
	b.report(figure{
		name: fmt.Sprintf("plan of %d instances", budgetLarge), measured: fmt.Sprintf("%.3f s", large.Seconds()),
		goal: fmt.Sprintf("<= %.2f s", b.size.slack*budgetTime.Seconds()), ok: large.Seconds() <= b.size.slack*budgetTime.Seconds(),
	})
	b.report(figure{
		name: fmt.Sprintf("plan of %d and %d instances", budgetSmall, budgetLarge), measured: fmt.Sprintf("n^%.2f", exponent),
		goal: "exponent <= 1.1", ok: exponent <= 1.1,
	})
	nothing, nothingPeak, err := b.planned(ctx, "budget-nothing", rules(budgetLarge), true)
	if err != nil {
		return err
	}
	b.report(figure{
		name: fmt.Sprintf("plan of %d instances with nothing to do", budgetLarge), measured: fmt.Sprintf("%.3f s", nothing.Seconds()),
		goal: fmt.Sprintf("<= %.2f s", b.size.slack*budgetTime.Seconds()), ok: nothing.Seconds() <= b.size.slack*budgetTime.Seconds(),
	})
	peak = max(peak, nothingPeak)
	most := b.size.slack * budgetPeak
	b.report(figure{
		name: fmt.Sprintf("memory of these plans of %d instances at the most", budgetLarge), measured: fmt.Sprintf("%d MiB", peak>>10),
		goal: fmt.Sprintf("<= %.0f MiB", most/1024), ok: float64(peak) <= most,
	})
	return nil
}

// planned is how long a plan takes, and its greatest resident size in KiB; of
// what is applied, it is a plan with nothing to do.
func (b *bench) planned(ctx context.Context, folder, configuration string, applied bool) (time.Duration, int64, error) {
	dir, err := b.write(folder, "main.hcl", configuration)
	if err != nil {
		return 0, 0, err
	}
	var peak int64
	var last *exec.Cmd
	command := func(args ...string) *exec.Cmd {
		if last != nil && last.ProcessState != nil {
			if usage, ok := last.ProcessState.SysUsage().(*syscall.Rusage); ok {
				peak = max(peak, usage.Maxrss)
			}
		}
		last = exec.CommandContext(ctx, filepath.Join(b.bin, "decnet"), args...)
		last.Env = b.environment(dir)
		return last
	}
	if applied {
		if _, err := timed(command("apply", "--auto-approve", dir)); err != nil {
			return 0, 0, err
		}
		last = nil
	}
	took, err := median(b.size.runs, func() *exec.Cmd {
		if applied {
			return command("plan", "--detailed-exitcode", dir) // anything to do is a failure
		}
		return command("plan", dir)
	})
	command() // takes in the last one
	return took, peak, err
}
