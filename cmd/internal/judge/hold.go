package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/cmd/internal/judge/client"
	"github.com/decnet/decnet/cmd/internal/judge/compare"
	"github.com/decnet/decnet/cmd/internal/judge/lab"
	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/score"
	"github.com/decnet/decnet/cmd/internal/judge/server"
	"github.com/decnet/decnet/cmd/internal/judge/transcript"
)

// attempts is how often a probe is played before a difference counts: what is
// different once in four is the scheduler's.
const attempts = 4

const defaultWorkers = 4

// longPatience is that of a probe which is played once in a contest of waits.
const longPatience = 30 * time.Second

// outcome is what one contest gave.
type outcome struct {
	probes              []probe.Probe
	ours, self, foreign []score.Verdict
	masks               []probe.Mask
	used                map[string]int
	// transcripts of the last time, by probe, for -v.
	real, mine []*transcript.Transcript
}

// side is one server with what it said: every run of every probe.
type side struct {
	running *server.Running
	client  *client.Client
	runs    [][]*transcript.Transcript
}

// hold plays a contest.
func (c contest) hold(ctx context.Context, l *lab.Lab, o options) (*outcome, error) {
	out := &outcome{}
	var err error
	if out.probes, err = c.load(o); err != nil || len(out.probes) == 0 {
		return out, err
	}
	file, err := data.ReadFile(c.maskFile())
	if err != nil {
		return nil, fmt.Errorf("read masks: %w", err)
	}
	if out.masks, err = probe.ParseMasks(file); err != nil {
		return nil, fmt.Errorf("masks of %s: %w", c.service, err)
	}
	kinds := []server.Kind{c.reference, c.ours(o.decky)}
	if o.controls && o.probe == nil {
		kinds = append(kinds, c.reference)
		if c.foreign != nil {
			kinds = append(kinds, c.foreign)
		}
	}
	sides, stop, err := c.start(ctx, l, kinds)
	defer stop()
	if err != nil {
		return nil, err
	}
	var wait sync.WaitGroup
	for _, s := range sides {
		wait.Go(func() { s.playAll(ctx, out.probes, c.workers) })
	}
	wait.Wait()
	comparer := compare.New(out.masks)
	if len(sides) > 2 {
		out.self = c.judge(ctx, comparer, out.probes, sides[0], sides[2], attempts)
	}
	out.ours = c.judge(ctx, comparer, out.probes, sides[0], sides[1], attempts)
	if len(sides) > 3 {
		out.foreign = c.judge(ctx, comparer, out.probes, sides[0], sides[3], 1)
	}
	out.used = comparer.Used()
	for i := range out.probes {
		out.real, out.mine = append(out.real, last(sides[0].runs[i])), append(out.mine, last(sides[1].runs[i]))
	}
	return out, ctx.Err()
}

func last(runs []*transcript.Transcript) *transcript.Transcript { return runs[len(runs)-1] }

// load is the contest's probes, those that were asked for.
func (c contest) load(o options) ([]probe.Probe, error) {
	all, err := probe.Load(data, c.probes...)
	if err != nil || o.probe == nil {
		return all, err
	}
	var some []probe.Probe
	for _, p := range all {
		if o.probe.MatchString(p.Name) {
			some = append(some, p)
		}
	}
	return some, nil
}

// start starts a server of every kind; stop ends those that were started.
func (c contest) start(ctx context.Context, l *lab.Lab, kinds []server.Kind) (sides []*side, stop func(), err error) {
	stop = func() {
		for _, s := range sides {
			s.running.Stop()
		}
	}
	for _, kind := range kinds {
		ip, err := l.Address(ctx)
		if err != nil {
			return sides, stop, err
		}
		running, err := kind.Start(ctx, l, ip)
		if err != nil {
			return sides, stop, err
		}
		host, _, _ := strings.Cut(running.Address, ":")
		sides = append(sides, &side{running: running, client: &client.Client{
			Address: running.Address,
			Values:  map[string]string{"account": lab.Account, "password": l.Password, "host": host},
		}})
	}
	return sides, stop, nil
}

// playAll plays every probe as often as its timing asks for: those that want to
// be alone after the others.
func (s *side) playAll(ctx context.Context, probes []probe.Probe, workers int) {
	if workers == 0 {
		workers = defaultWorkers
	}
	s.runs = make([][]*transcript.Transcript, len(probes))
	queue := make(chan int)
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for i := range queue {
				s.play(ctx, i, probes[i], max(1, probes[i].Runs))
			}
		})
	}
	for i, p := range probes {
		if !p.Alone {
			queue <- i
		}
	}
	close(queue)
	wait.Wait()
	for i, p := range probes {
		if p.Alone {
			s.play(ctx, i, p, max(1, p.Runs))
		}
	}
}

func (s *side) play(ctx context.Context, i int, p probe.Probe, times int) {
	for range times {
		s.runs[i] = append(s.runs[i], s.client.Play(ctx, p))
	}
}

// judge compares what two servers said. A probe that they answered differently
// is played again on both at once, until they agree or the attempts are used
// up. Some answers of a real server are a race of its processes (which of two
// writes comes first): what it was heard to say in any of the attempts is its
// answer.
func (c contest) judge(ctx context.Context, comparer *compare.Comparer, probes []probe.Probe, real, other *side, attempts int) []score.Verdict {
	verdicts := make([]score.Verdict, len(probes))
	again := func(i int) bool {
		p, v := probes[i], &verdicts[i]
		v.Attempts++
		v.Difference = comparer.Nearest(p, real.runs[i], last(other.runs[i]))
		v.Timing = compare.CompareTiming(p, real.runs[i], other.runs[i])
		most := attempts
		if c.once && p.Patience.Or(0) > longPatience {
			most = 1
		}
		return v.Attempts < most && ctx.Err() == nil && (!v.Difference.None() || !v.Timing.Same)
	}
	var open []int
	for i, p := range probes {
		verdicts[i] = score.Verdict{Contest: c.name, Probe: p.Name}
		if again(i) {
			open = append(open, i)
		}
	}
	for len(open) > 0 {
		some := make([]probe.Probe, len(open))
		for n, i := range open {
			some[n] = probes[i]
			some[n].Runs = 1
		}
		var wait sync.WaitGroup
		for _, s := range []*side{real, other} {
			wait.Go(func() {
				repeated := &side{client: s.client}
				repeated.playAll(ctx, some, max(1, c.workers/2))
				for n, i := range open {
					s.runs[i] = append(s.runs[i], repeated.runs[n]...)
				}
			})
		}
		wait.Wait()
		open = slices.DeleteFunc(open, func(i int) bool { return !again(i) })
	}
	return verdicts
}
