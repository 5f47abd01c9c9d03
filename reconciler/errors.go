package reconciler

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema/addr"
)

// StaleError refuses a plan because what it was made of has moved.
type StaleError struct {
	Moved []string // one sentence each, sorted by address
}

func (e *StaleError) Error() string {
	return "the plan is stale, make a new one: " + strings.Join(e.Moved, "; ")
}

// UnavailableError refuses an apply because objects of it could not be looked
// at or changed. Nothing was touched.
type UnavailableError struct {
	Providers []plan.Unavailable
}

func (e *UnavailableError) Error() string {
	lines := make([]string, len(e.Providers))
	for i, u := range e.Providers {
		lines[i] = fmt.Sprintf("%s is unavailable and %d instances need it: %s", u.Provider, u.Instances, u.What)
		if u.Remedy != "" {
			lines[i] += " (" + u.Remedy + ")"
		}
	}
	return strings.Join(lines, "\n")
}

// RefusedError refuses an apply because of what a provider foresees. Nothing
// was touched.
type RefusedError struct {
	Findings []providers.Finding // those of severity error
}

func (e *RefusedError) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.Summary
		if f.Address != "" && !strings.HasPrefix(f.Summary, f.Address) {
			lines[i] = f.Address + ": " + f.Summary
		}
		if f.Remedy != "" {
			lines[i] += " (" + f.Remedy + ")"
		}
	}
	return strings.Join(lines, "\n")
}

// StepError is one step that failed.
type StepError struct {
	Address addr.Address
	Op      plan.Op
	Err     error
}

func (e *StepError) Error() string { return fmt.Sprintf("%s %s: %v", e.Op, e.Address, e.Err) }

func (e *StepError) Unwrap() error { return e.Err }

// FailedError is every step of a run that failed, sorted by address. The rest
// of the run was done, save what depends on them.
type FailedError struct {
	Steps []*StepError
}

func (e *FailedError) Error() string {
	lines := make([]string, len(e.Steps))
	for i, s := range e.Steps {
		lines[i] = s.Error()
	}
	return strings.Join(lines, "\n")
}

func (e *FailedError) Unwrap() []error {
	all := make([]error, len(e.Steps))
	for i, s := range e.Steps {
		all[i] = s
	}
	return all
}

// InterruptedError says that a run was asked to stop: what was in flight is
// finished and recorded, the rest is left.
type InterruptedError struct {
	Left int // steps not started
}

func (e *InterruptedError) Error() string {
	return fmt.Sprintf("interrupted with %d steps not started; run apply again to finish", e.Left)
}
