// Package suite runs test files against a fleet: their run blocks one after the
// other, state kept between the runs of a file, everything destroyed at its end.
// It decides what passes and says why something does not. It makes no namespace
// and no decky itself: the Fleet does.
package suite

import (
	"context"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/decnet/decnet/cmd/internal/probe"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/testfile"
)

// Fleet is what tests run against. One is made per file and closed after it.
type Fleet interface {
	// Plan evaluates the configuration with these values and plans it. What is
	// wrong with the configuration is in World.Diags; the error is anything
	// else.
	Plan(ctx context.Context, values []schema.Value) (World, error)
	// Apply carries out the last plan.
	Apply(ctx context.Context) error
	// Destroy takes away what was applied, in reverse order.
	Destroy(ctx context.Context) error
	// Events are all events that the deckies recorded, in the order of their
	// making.
	Events(ctx context.Context) ([]*event.Event, error)
	// Dial connects from the attacker's side.
	Dial() probe.Dial
	Close() error
}

// World is an evaluated and planned configuration.
type World struct {
	Desired *schema.Desired // nil where Diags has errors
	Scope   *schema.Scope   // nil likewise
	Diags   hcl.Diagnostics
	Files   map[string]*hcl.File
	// Summary is the plan in one line: "5 to add, 0 to change, 0 to destroy".
	Summary string
}

// Status is how a run or a file ended.
type Status string

// How runs and files end.
const (
	Pass  Status = "pass"
	Fail  Status = "fail"  // an assertion or an expectation did not hold
	Error Status = "error" // it could not be carried out
	Skip  Status = "skip"  // an earlier run of the file could not be carried out
)

// worse is the order of statuses of runs for their file.
var worse = map[Status]int{Skip: 0, Pass: 1, Fail: 2, Error: 3}

// RunResult is how one run ended.
type RunResult struct {
	Name    string
	At      hcl.Range
	Command testfile.Command
	Status  Status
	Took    time.Duration
	Diags   hcl.Diagnostics
	Summary string // of its plan
	// Probes are what its probes saw, for people.
	Probes []string
}

// FileResult is how one file ended.
type FileResult struct {
	Name   string
	Status Status
	Took   time.Duration
	Runs   []RunResult
	// Diags are about the file as a whole: its syntax, the destroy at its end.
	Diags hcl.Diagnostics
	// Sources are the files that diagnostics point into.
	Sources map[string]*hcl.File
}

// Report is how everything ended.
type Report struct {
	Files []FileResult
	// Notes say what the machine could not give the deckies.
	Notes []string
	Took  time.Duration
}

// Count is how many runs ended so.
func (r Report) Count(s Status) int {
	n := 0
	for _, f := range r.Files {
		for _, run := range f.Runs {
			if run.Status == s {
				n++
			}
		}
	}
	return n
}

// OK tells whether every file passed.
func (r Report) OK() bool {
	for _, f := range r.Files {
		if f.Status != Pass {
			return false
		}
	}
	return true
}

// Watcher is told what happens while it happens; calls come one at a time.
type Watcher interface {
	FileStarted(name string)
	RunDone(r RunResult, sources map[string]*hcl.File)
	TearingDown(name string)
	FileDone(f FileResult)
}

// Runner runs test files.
type Runner struct {
	// Open makes the fleet of a file.
	Open func(ctx context.Context, file string) (Fleet, error)
	// Values are weaker than those of the files: the command line's.
	Values []schema.Value
	Watch  Watcher
	Now    func() time.Time
	// Patience is how long assertions about events may wait for them.
	Patience time.Duration
}

// DefaultPatience is the Patience of a Runner that has none.
const DefaultPatience = 3 * time.Second

// Run runs the files one after the other. It ends early when ctx does; what was
// not run is skipped.
func (r Runner) Run(ctx context.Context, files []*testfile.File) Report {
	if r.Patience == 0 {
		r.Patience = DefaultPatience
	}
	began := r.Now()
	var report Report
	for _, f := range files {
		report.Files = append(report.Files, r.file(ctx, f))
	}
	report.Took = r.Now().Sub(began)
	return report
}

func (r Runner) file(ctx context.Context, f *testfile.File) FileResult {
	began := r.Now()
	result := FileResult{Name: f.Name, Status: Pass, Sources: map[string]*hcl.File{f.Name: f.Source}}
	r.Watch.FileStarted(f.Name)
	fleet, err := r.Open(ctx, f.Name)
	if err != nil {
		result.Status = Error
		result.Diags = append(result.Diags, failure("The test file cannot be run", err, nil))
	} else {
		r.runs(ctx, f, fleet, &result)
		r.Watch.TearingDown(f.Name)
		result.Diags = append(result.Diags, tearDown(ctx, fleet)...)
		if result.Diags.HasErrors() {
			result.Status = Error
		}
	}
	result.Took = r.Now().Sub(began)
	r.Watch.FileDone(result)
	return result
}

// tearDown destroys also where ctx has ended: it is what is left to do.
func tearDown(ctx context.Context, fleet Fleet) hcl.Diagnostics {
	var diags hcl.Diagnostics
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), destroyPatience)
	defer cancel()
	if err := fleet.Destroy(bounded); err != nil {
		diags = append(diags, failure("What the test made cannot be destroyed", err, nil))
	}
	if err := fleet.Close(); err != nil {
		diags = append(diags, failure("The test's fleet cannot be closed", err, nil))
	}
	return diags
}

// destroyPatience bounds the destroy at the end of a file.
const destroyPatience = time.Minute

func (r Runner) runs(ctx context.Context, f *testfile.File, fleet Fleet, result *FileResult) {
	file := &fileRun{runner: r, file: f, fleet: fleet, outputs: outputsOf{}, sources: result.Sources}
	stopped := false
	for _, run := range f.Runs {
		done := RunResult{Name: run.Name, At: run.Declared, Command: run.Command, Status: Skip}
		if !stopped && ctx.Err() == nil {
			began := r.Now()
			done = file.run(ctx, run)
			done.Took = r.Now().Sub(began)
		}
		stopped = stopped || done.Status == Error
		result.Runs = append(result.Runs, done)
		if worse[done.Status] > worse[result.Status] {
			result.Status = done.Status
		}
		r.Watch.RunDone(done, result.Sources)
	}
	if ctx.Err() != nil {
		result.Status = Error
		result.Diags = append(result.Diags, failure("The test was interrupted", context.Cause(ctx), nil))
	}
}

// failure is an error as a diagnostic.
func failure(summary string, err error, at *hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: err.Error(), Subject: at}
}
