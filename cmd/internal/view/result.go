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

var pastTense = map[plan.Op]string{plan.OpCreate: "created", plan.OpUpdate: "updated", plan.OpDelete: "destroyed", plan.OpForget: "forgotten"}

var signs = map[plan.Op]string{plan.OpCreate: "+", plan.OpUpdate: "~", plan.OpDelete: "-", plan.OpForget: "."}

// StepDone implements reconciler.Progress.
func (p *Progress) StepDone(s plan.Step, took time.Duration) {
	p.done++
	fmt.Fprintf(p.w, "%s %s %s %s\n", p.style.symbol(signs[s.Op]), s.Address, pastTense[s.Op], p.style.Dim(fmt.Sprintf("after %s [%d/%d]", Duration(took), p.done, p.total)))
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
	if _, err := fmt.Fprintf(w, "\n%s %d added, %d changed, %d destroyed in %s.\n", verdict, r.Created+r.Replaced, r.Updated, r.Deleted+r.Replaced, Duration(r.Took)); err != nil {
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

// Step is one finished step in a document.
type Step struct {
	Address string  `json:"address"`
	Op      plan.Op `json:"op"`
	TookMS  float64 `json:"took_ms"`
	Error   string  `json:"error,omitempty"`
}

// Run is what apply and destroy answer in JSON.
type Run struct {
	Lineage  string          `json:"lineage"`
	Serial   int64           `json:"serial"`
	Summary  plan.Summary    `json:"summary"` // of the plan
	Created  int             `json:"created"`
	Updated  int             `json:"updated"`
	Replaced int             `json:"replaced"`
	Deleted  int             `json:"deleted"`
	Forgot   int             `json:"forgot"`
	Failed   int             `json:"failed"`
	Skipped  int             `json:"skipped"`
	TookMS   float64         `json:"took_ms"`
	Steps    []Step          `json:"steps"`
	Outputs  []schema.Output `json:"outputs,omitempty"`
	Error    string          `json:"error,omitempty"`
}

// ResultDocument is a run as a document; values of sensitive outputs are left
// out.
func ResultDocument(p *plan.Plan, r *reconciler.Result, err error) Run {
	run := Run{
		Lineage: r.Lineage, Serial: r.Serial, Summary: p.Summary, Created: r.Created, Updated: r.Updated, Replaced: r.Replaced, Deleted: r.Deleted,
		Forgot: r.Forgot, Failed: r.Failed, Skipped: r.Skipped, TookMS: milliseconds(r.Took), Steps: []Step{}, Outputs: Public(r.Outputs),
	}
	for _, s := range r.Steps {
		step := Step{Address: string(s.Step.Address), Op: s.Step.Op, TookMS: milliseconds(s.Took)}
		if s.Err != nil {
			step.Error = s.Err.Error()
		}
		run.Steps = append(run.Steps, step)
	}
	if err != nil {
		run.Error = err.Error()
	}
	return run
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

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
