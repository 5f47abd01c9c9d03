package tfjson

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/view/change"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

// UIVersion is the version of Terraform's message format that streams follow.
const UIVersion = "1.2"

// every is after how long, and how often, a step under way is told of.
const every = 10 * time.Second

// Stream writes a run as messages, one line of JSON each. Its methods may be
// called from several goroutines. Close ends the telling of progress.
type Stream struct {
	now func() time.Time

	mu      sync.Mutex
	w       io.Writer
	err     error
	running map[int]*running
	seen    int

	stop chan struct{}
	done chan struct{}
}

// running is a step under way.
type running struct {
	step  plan.Step
	began time.Time
	told  time.Duration
}

// NewStream begins a stream with its version message. now is the clock, nil for
// the real one; the caller calls Close.
func NewStream(w io.Writer, version string, now func() time.Time) *Stream {
	if now == nil {
		now = time.Now
	}
	s := &Stream{now: now, w: w, running: map[int]*running{}, stop: make(chan struct{}), done: make(chan struct{})}
	s.send("info", "decnet "+version, "version", map[string]any{"decnet": version, "ui": UIVersion})
	go s.tell()
	return s
}

// Close waits for the last message and returns the first error of writing.
func (s *Stream) Close() error {
	close(s.stop)
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// tell looks at what is under way once a second.
func (s *Stream) tell() {
	defer close(s.done)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
			s.progress()
		}
	}
}

func (s *Stream) progress() {
	s.mu.Lock()
	var late []running
	for _, r := range s.running {
		if since := s.now().Sub(r.began); since-r.told >= every {
			r.told = since
			late = append(late, *r)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(late, func(a, b running) int { return addr.Compare(a.step.Address, b.step.Address) })
	for _, r := range late {
		hook := hookOf(r.step)
		hook["elapsed_seconds"] = int(r.told.Seconds())
		s.send("info", fmt.Sprintf("%s: Still %s... [%ds elapsed]", r.step.Address, doing[r.step.Op][1], int(r.told.Seconds())), "apply_progress", map[string]any{"hook": hook})
	}
}

// send writes one message.
func (s *Stream) send(level, message, kind string, fields map[string]any) {
	line := map[string]any{
		"@level": level, "@message": view.Clean(message), "@module": "decnet.ui", "@timestamp": s.now().UTC().Format("2006-01-02T15:04:05.000000Z07:00"), "type": kind,
	}
	for k, v := range fields {
		line[k] = v
	}
	data, err := json.Marshal(line)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		_, err = s.w.Write(append(data, '\n'))
	}
	if s.err == nil && err != nil {
		s.err = fmt.Errorf("write messages: %w", err)
	}
}

// resource is an address as the messages take it apart.
func resource(address addr.Address) map[string]any {
	n := nameOf(address, "", "")
	steps, err := addr.Parse(string(address))
	local := string(address)
	if err == nil {
		n.Type = steps[len(steps)-1].Type
		local = string(addr.Of(steps[modules(steps):]...))
	}
	return map[string]any{
		"addr": address, "module": n.ModuleAddress, "resource": local, "implied_provider": "decnet", "resource_type": n.Type, "resource_name": n.Name, "resource_key": n.Index,
	}
}

// words of the operations: planned, under way, done.
var doing = map[plan.Op][3]string{
	plan.OpCreate: {"Creating", "creating", "Creation"}, plan.OpUpdate: {"Modifying", "modifying", "Modifications"},
	plan.OpDelete: {"Destroying", "destroying", "Destruction"}, plan.OpForget: {"Forgetting", "forgetting", "Removal from the state"},
	plan.OpReaddress: {"Moving", "moving", "Move"}, plan.OpQuarantine: {"Isolating", "isolating", "Isolation"},
}

func hookOf(s plan.Step) map[string]any {
	return map[string]any{"resource": resource(s.Address), "action": string(s.Op)}
}

// Plan tells what is planned: drift, changes, their number.
func (s *Stream) Plan(p *plan.Plan) {
	for i := range p.Drift {
		d := &p.Drift[i]
		action := "update"
		if d.Gone {
			action = "delete"
		}
		s.send("info", fmt.Sprintf("%s: Drift detected (%s)", d.Address, action), "resource_drift", map[string]any{
			"change": map[string]any{"resource": resource(d.Address), "action": action},
		})
	}
	wanted := newBlocks(p)
	for i := range p.Changes {
		c := &p.Changes[i]
		fields := map[string]any{"resource": resource(c.Address), "action": string(c.Action)}
		if reason := streamReasons[wanted.reason(&change.Change{Address: c.Address, Action: c.Action, Reasons: c.Reasons})]; reason != "" {
			fields["reason"] = reason
		}
		s.send("info", fmt.Sprintf("%s: Plan to %s", c.Address, c.Action), "planned_change", map[string]any{"change": fields})
	}
	n := p.Summary
	s.send("info", "Plan: "+view.Counts(n)+".", "change_summary", map[string]any{
		"changes": map[string]any{"add": n.Create + n.Replace, "change": n.Update, "import": n.Import, "remove": n.Delete + n.Replace, "operation": "plan"},
	})
}

// streamReasons are the words of the messages for those of the plan's format.
var streamReasons = map[string]string{
	"replace_because_tainted": "tainted", "replace_by_request": "requested", "replace_because_cannot_update": "cannot_update",
	"delete_because_no_resource_config": "delete_because_no_resource_config", "delete_because_wrong_repetition": "delete_because_wrong_repetition",
	"delete_because_count_index": "delete_because_count_index", "delete_because_each_key": "delete_because_each_key",
	"delete_because_no_module": "delete_because_no_module",
}

var _ reconciler.Progress = (*Stream)(nil)

// StepStarted implements reconciler.Progress.
func (s *Stream) StepStarted(step plan.Step) {
	s.mu.Lock()
	s.seen++
	s.running[s.seen] = &running{step: step, began: s.now()}
	s.mu.Unlock()
	s.send("info", fmt.Sprintf("%s: %s...", step.Address, doing[step.Op][0]), "apply_start", map[string]any{"hook": hookOf(step)})
}

// ended takes a step out of those under way.
func (s *Stream) ended(step plan.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, r := range s.running {
		if r.step.Address == step.Address && r.step.Op == step.Op && r.step.Change == step.Change {
			delete(s.running, n)
		}
	}
}

// StepDone implements reconciler.Progress.
func (s *Stream) StepDone(step plan.Step, took time.Duration) {
	s.ended(step)
	hook := hookOf(step)
	hook["elapsed_seconds"], hook["elapsed_ms"] = int(took.Seconds()), milliseconds(took)
	s.send("info", fmt.Sprintf("%s: %s complete after %ds", step.Address, doing[step.Op][2], int(took.Seconds())), "apply_complete", map[string]any{"hook": hook})
}

// StepFailed implements reconciler.Progress.
func (s *Stream) StepFailed(step plan.Step, took time.Duration, err error) {
	s.ended(step)
	hook := hookOf(step)
	hook["elapsed_seconds"], hook["elapsed_ms"] = int(took.Seconds()), milliseconds(took)
	s.send("error", fmt.Sprintf("%s: %s errored after %ds", step.Address, doing[step.Op][2], int(took.Seconds())), "apply_errored", map[string]any{"hook": hook})
	s.Diagnostic(diag.Finding{Severity: diag.SeverityError, Summary: err.Error(), Address: string(step.Address)})
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Diagnostic tells a finding.
func (s *Stream) Diagnostic(f diag.Finding) {
	level, word := "error", "Error: "
	switch f.Severity {
	case diag.SeverityWarning:
		level, word = "warn", "Warning: "
	case diag.SeverityNote:
		level, word = "info", "Note: "
	}
	record := map[string]any{"severity": f.Severity, "summary": f.Summary, "detail": f.Detail}
	if f.Address != "" {
		record["address"] = f.Address
	}
	if r := f.Range; r != nil {
		record["range"] = map[string]any{"filename": r.File, "start": r.Start, "end": r.End}
		if f.Snippet != "" {
			record["snippet"] = map[string]any{"context": f.Context, "code": f.Snippet, "start_line": r.Start.Line}
		}
	}
	s.send(level, word+f.Summary, "diagnostic", map[string]any{"diagnostic": record})
}

// Result tells what a run did, and the outputs where it succeeded.
func (s *Stream) Result(p *plan.Plan, r *reconciler.Result) {
	operation, word := "apply", "Apply"
	if p.Destroy {
		operation, word = "destroy", "Destroy"
	}
	verdict, level := word+" complete!", "info"
	if r.Failed > 0 || r.Skipped > 0 {
		verdict, level = fmt.Sprintf("%s incomplete: %d failed, %d not started.", word, r.Failed, r.Skipped), "error"
	}
	added, removed := r.Created+r.Replaced, r.Deleted+r.Replaced
	s.send(level, fmt.Sprintf("%s Resources: %d added, %d changed, %d destroyed.", verdict, added, r.Updated, removed), "change_summary", map[string]any{
		"changes": map[string]any{
			"add": added, "change": r.Updated, "import": 0, "remove": removed, "operation": operation,
			"forget": r.Forgot, "failed": r.Failed, "skipped": r.Skipped,
		},
		"lineage": r.Lineage, "serial": r.Serial, "took_ms": milliseconds(r.Took),
	})
	if !p.Destroy && r.Failed == 0 && r.Skipped == 0 {
		s.outputs(r.Outputs)
	}
}

func (s *Stream) outputs(outputs []schema.Output) {
	all := map[string]Output{}
	for _, o := range outputs {
		all[o.Name] = outputOf(o)
	}
	s.send("info", fmt.Sprintf("Outputs: %d", len(outputs)), "outputs", map[string]any{"outputs": all})
}
