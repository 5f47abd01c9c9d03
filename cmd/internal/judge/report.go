package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/decnet/decnet/cmd/internal/judge/compare"
	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/score"
	"github.com/decnet/decnet/cmd/internal/judge/transcript"
)

// report prints what was found and gathers the figures.
type report struct {
	out     io.Writer
	options options
	order   []string // services
	wrong   []string // facts that ours does not agree with
	// all verdicts by service
	ours, self, foreign map[string][]score.Verdict
}

func (r *report) printf(format string, args ...any) { fmt.Fprintf(r.out, format, args...) }

// contest prints one contest's differences and masks.
func (r *report) contest(c contest, o held) {
	if r.ours == nil {
		r.ours, r.self, r.foreign = map[string][]score.Verdict{}, map[string][]score.Verdict{}, map[string][]score.Verdict{}
	}
	if o.outcome == nil || len(o.probes) == 0 {
		return
	}
	if !slices.Contains(r.order, c.service) {
		r.order = append(r.order, c.service)
	}
	r.ours[c.service] = append(r.ours[c.service], o.ours...)
	r.self[c.service] = append(r.self[c.service], o.self...)
	r.foreign[c.service] = append(r.foreign[c.service], o.foreign...)
	r.printf("== %s: %d probes, %s\n", c.name, len(o.probes), o.took.Round(time.Second))
	for i, v := range o.ours {
		if r.options.verbose {
			r.printf("-- %s\n real\n%s ours\n%s", v.Probe, o.real[i], o.mine[i])
		}
		if !v.Difference.None() {
			r.printf("  DIFFERS %s: %s\n", v.Probe, v.Difference)
		}
		if !v.Timing.Same {
			r.printf("  TIMING  %s: %s\n", v.Probe, v.Timing)
		}
	}
	for _, v := range o.self {
		if !v.Difference.None() {
			r.printf("  CONTROL %s: the real server differs from itself: %s\n", v.Probe, v.Difference)
		}
		if !v.Timing.Same {
			r.printf("  CONTROL %s: the real server's time differs from its own: %s\n", v.Probe, v.Timing)
		}
	}
	if r.options.verbose {
		for _, v := range o.foreign {
			if v.Difference.None() {
				r.printf("  FOREIGN %s: answered by the library's server as well\n", v.Probe)
			}
		}
	}
	r.printf("  masks:\n    %-18s %4d times  the server's own address in the lab\n", compare.OwnAddress, o.used[compare.OwnAddress])
	for _, m := range o.masks {
		where := m.Field
		if where == "" {
			where = transcript.Escape([]byte(m.Pattern), 0)
		}
		r.printf("    %-18s %4d times  %s: %s\n", m.Name, o.used[m.Name], where, m.Why)
	}
	r.times(o.probes)
}

// facts prints what is known of products that this machine has no server of,
// counted apart: each line with its source.
func (r *report) facts(service string, all []found) {
	if len(all) == 0 {
		return
	}
	agree := 0
	r.printf("== %s: facts about products without a real server here\n", service)
	for _, f := range all {
		mark := "DIFFERS"
		if f.agrees {
			agree++
			mark = "agrees "
		}
		r.printf("  %s %s: %s (%s)\n", mark, f.face, f.name, f.source)
		if !f.agrees {
			r.printf("      heard %s\n", transcript.Escape([]byte(f.heard), 1200))
			r.wrong = append(r.wrong, f.face+": "+f.name)
		}
	}
	r.printf("%-8s %d of %d facts agree\n", service, agree, len(all))
}

// times prints the times that probes declare to be every server's own.
func (r *report) times(probes []probe.Probe) {
	for _, p := range probes {
		if p.Time != nil {
			r.printf("    time of %s: %s to %s: %s\n", p.Name, time.Duration(p.Time.Min), time.Duration(p.Time.Max), p.Time.Why)
		}
	}
}

// close prints the scores, compares them with what they must be and with the
// baseline, and returns the exit code.
func (r *report) close() (int, error) {
	failed := false
	fail := func(format string, args ...any) {
		failed = true
		r.printf("FAIL "+format+"\n", args...)
	}
	var all []score.Verdict
	r.printf("== scores\n")
	for _, service := range r.order {
		tally := score.Of(r.ours[service])
		r.printf("%-8s ours                 %s\n", service, tally)
		all = append(all, r.ours[service]...)
		if r.options.probe != nil {
			continue
		}
		if tally.Percent() < r.options.minimum {
			fail("%s: %.1f %% alike, want %.1f %%", service, tally.Percent(), r.options.minimum)
		}
		if self := r.self[service]; len(self) > 0 {
			t := score.Of(self)
			r.printf("%-8s the real one, again  %s\n", service, t)
			if t.Percent() < selfMinimum {
				fail("%s: the real server agrees with itself on %.1f %%, want %.1f %%", service, t.Percent(), float64(selfMinimum))
			}
		}
		if foreign := r.foreign[service]; len(foreign) > 0 {
			t := score.Of(foreign)
			r.printf("%-8s a library's          %s\n", service, t)
			if t.Percent() >= foreignMaximum {
				fail("%s: a library's server agrees on %.1f %%: the probes do not tell servers apart (want < %d %%)", service, t.Percent(), foreignMaximum)
			}
		}
	}
	if r.options.probe == nil {
		if err := r.baseline(all, fail); err != nil {
			return 0, err
		}
	}
	for _, name := range r.wrong {
		fail("fact %s", name)
	}
	if failed {
		return 1, nil
	}
	return 0, nil
}

func (r *report) baseline(all []score.Verdict, fail func(string, ...any)) error {
	base, err := score.ReadBaseline(r.options.baseline)
	if err != nil {
		return err
	}
	for _, v := range base.Lost(all) {
		if !r.options.update {
			fail("%s %s used to agree: %s", v.Contest, v.Probe, v.Difference)
		}
	}
	for contest, names := range base.Gone(all) {
		for _, name := range names {
			if !r.options.update {
				fail("%s %s used to agree, and there is no such probe any more (-update forgets it)", contest, name)
			}
		}
	}
	if r.options.update {
		merged := base.Merge(all)
		for _, name := range slices.Sorted(maps.Keys(merged)) {
			r.printf("baseline: %s %d\n", name, len(merged[name]))
		}
		return score.WriteBaseline(r.options.baseline, merged)
	}
	return nil
}
