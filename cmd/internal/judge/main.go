// Command judge compares our services with the real servers of the machine. In
// one lab it starts the real server twice, ours with the same persona, and the
// plain server of a Go library; sends all four the same probes; and compares
// what came back: class, bytes behind the declared masks, close mode, and time.
// It exits with 1 where ours agrees on too little or on less than it did, and
// where a control fails: the real server must agree with itself and the plain
// one must not.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/decnet/decnet/cmd/internal/judge/lab"
	"github.com/decnet/decnet/cmd/internal/judge/wire"
)

// options are the flags.
type options struct {
	service  string
	probe    *regexp.Regexp
	verbose  bool
	update   bool
	controls bool
	minimum  float64
	baseline string
	decky    string
}

// What the controls must reach, in percent: the real server against itself, and
// the plain one of a library at most.
const (
	selfMinimum    = 99.5
	foreignMaximum = 60
	wholeRun       = 20 * time.Minute
)

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, wholeRun)
	code, err := run(ctx, o)
	cancel()
	stop()
	if err != nil {
		slog.New(slog.NewTextHandler(os.Stderr, nil)).Error("judge ends", "error", err)
		code = 1
	}
	os.Exit(code)
}

func parse(args []string) (options, error) {
	var o options
	set := flag.NewFlagSet("judge", flag.ContinueOnError)
	set.StringVar(&o.service, "service", "", "judge this service or contest alone")
	pattern := set.String("probe", "", "play only probes whose name matches this regular expression; without controls and figures of the baseline")
	set.BoolVar(&o.verbose, "v", false, "print what both sides said to every probe")
	set.BoolVar(&o.update, "update", false, "add the probes that agree now to the baseline")
	set.BoolVar(&o.controls, "controls", true, "judge the real server against itself and the plain one too")
	set.Float64Var(&o.minimum, "min", 95, "percent of probes that ours must answer alike, for each service")
	set.StringVar(&o.baseline, "baseline", "cmd/internal/judge/baseline.json", "file with the probes that agreed")
	set.StringVar(&o.decky, "decky", "", "binary that serves ours; built from ./cmd/decky where empty")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if *pattern != "" {
		re, err := regexp.Compile(*pattern)
		if err != nil {
			fmt.Fprintln(os.Stderr, "judge: -probe:", err)
			return o, err
		}
		o.probe = re
	}
	return o, nil
}

// run judges inside a lab, which it makes by running itself again.
func run(ctx context.Context, o options) (int, error) {
	if lab.Inside() {
		return judge(ctx, o)
	}
	args := os.Args[1:]
	if o.decky == "" {
		dir, err := os.MkdirTemp("", "judge-")
		if err != nil {
			return 0, fmt.Errorf("build decky: %w", err)
		}
		defer os.RemoveAll(dir)
		binary := filepath.Join(dir, "decky")
		cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/decky")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("build decky (in the repository's root): %w: %s", err, out)
		}
		args = append([]string{"-decky", binary}, args...)
	}
	return lab.Run(ctx, args, nil)
}

func judge(ctx context.Context, o options) (int, error) {
	chosen, host, err := choose(ctx, o.service)
	if err != nil {
		return 0, err
	}
	l, err := lab.Enter(ctx, hostname, rand.Text(), wire.AuthorizedKey("known"))
	if err != nil {
		return 0, err
	}
	r := &report{out: os.Stdout, options: o}
	// What waits is held beside the rest.
	var waiting sync.WaitGroup
	late := make([]held, len(chosen))
	for i, c := range chosen {
		if c.beside {
			waiting.Go(func() { late[i] = hold(ctx, c, l, o) })
		}
	}
	for i, c := range chosen {
		if !c.beside && ctx.Err() == nil {
			late[i] = hold(ctx, c, l, o)
			r.contest(c, late[i])
		}
	}
	waiting.Wait()
	for i, c := range chosen {
		if c.beside {
			r.contest(c, late[i])
		}
		if late[i].err != nil {
			return 0, fmt.Errorf("contest %s: %w", c.name, late[i].err)
		}
	}
	for _, service := range r.order {
		if o.probe != nil {
			break
		}
		found, err := facts(ctx, l, o, host, service)
		if err != nil {
			return 0, fmt.Errorf("facts of %s: %w", service, err)
		}
		r.facts(service, found)
	}
	return r.close()
}

// held is a contest that is over.
type held struct {
	*outcome
	took time.Duration
	err  error
}

func hold(ctx context.Context, c contest, l *lab.Lab, o options) held {
	began := time.Now()
	out, err := c.hold(ctx, l, o)
	return held{out, time.Since(began), err}
}
