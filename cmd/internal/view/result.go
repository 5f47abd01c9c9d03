package view

import (
	"fmt"
	"io"
	"time"

	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
)

// Progress writes a line for every finished step.
type Progress struct {
	w     io.Writer
	style Style
	total int
	done  int
}

// NewProgress tells the progress of a run of total steps.
func NewProgress(w io.Writer, s Style, total int) *Progress {
	return &Progress{w: w, style: s, total: total}
}

var _ reconciler.Progress = (*Progress)(nil)

// StepStarted implements reconciler.Progress; only what is finished is told.
func (p *Progress) StepStarted(plan.Step) {}

var pastTense = map[plan.Op]string{plan.OpCreate: "created", plan.OpUpdate: "updated", plan.OpDelete: "destroyed", plan.OpForget: "forgotten", plan.OpReaddress: "moved", plan.OpQuarantine: "isolated"}

var signs = map[plan.Op]string{plan.OpCreate: "+", plan.OpUpdate: "~", plan.OpDelete: "-", plan.OpForget: ".", plan.OpReaddress: ">", plan.OpQuarantine: "!"}

// StepDone implements reconciler.Progress.
func (p *Progress) StepDone(s plan.Step, took time.Duration) {
	p.done++
	fmt.Fprintf(p.w, "%s %s %s %s\n", p.style.Sign(signs[s.Op]), s.Address, pastTense[s.Op], p.style.Dim(fmt.Sprintf("after %s [%d/%d]", Duration(took), p.done, p.total)))
}

// StepFailed implements reconciler.Progress.
func (p *Progress) StepFailed(s plan.Step, took time.Duration, err error) {
	p.done++
	fmt.Fprintf(p.w, "%s %s: %s: %v\n", p.style.Bad("!"), s.Address, s.Op, err)
}

// Duration is d as people read it.
func Duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(100 * time.Microsecond).String()
	default:
		return d.Round(10 * time.Millisecond).String()
	}
}

// NothingToDestroy is what a destroying plan without changes says.
const NothingToDestroy = "There is nothing to destroy."

// Result writes what a run did, and the outputs.
func Result(w io.Writer, p *plan.Plan, r *reconciler.Result, s Style) error {
	word := "Apply"
	if p.Destroy {
		word = "Destroy"
	}
	verdict := s.Good(word + " complete.")
	if r.Failed > 0 || r.Skipped > 0 {
		verdict = s.Bad(fmt.Sprintf("%s incomplete: %d failed, %d not started.", word, r.Failed, r.Skipped))
	}
	isolated := ""
	if r.Isolated > 0 {
		isolated = fmt.Sprintf(", %d isolated", r.Isolated)
	}
	if _, err := fmt.Fprintf(w, "\n%s %d added, %d changed, %d destroyed%s in %s.\n", verdict, r.Created+r.Replaced, r.Updated, r.Deleted+r.Replaced, isolated, Duration(r.Took)); err != nil {
		return err
	}
	if len(r.Outputs) == 0 || p.Destroy {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", s.Bold("Outputs:")); err != nil {
		return err
	}
	return Outputs(w, r.Outputs)
}

// Outputs writes outputs, sensitive ones by name only.
func Outputs(w io.Writer, outputs []schema.Output) error {
	width := 0
	for _, o := range outputs {
		width = max(width, len(o.Name))
	}
	for _, o := range outputs {
		value := string(o.Value)
		if o.Sensitive {
			value = "(sensitive)"
		}
		if _, err := fmt.Fprintf(w, "  %-*s = %s\n", width, o.Name, Clean(value)); err != nil {
			return err
		}
	}
	return nil
}

// Public is outputs without the values of sensitive ones.
func Public(outputs []schema.Output) []schema.Output {
	public := make([]schema.Output, len(outputs))
	for i, o := range outputs {
		if o.Sensitive {
			o.Value = nil
		}
		public[i] = o
	}
	return public
}
