package suite

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/schema/diag"
)

// Human tells what happens as it happens, in the manner of terraform test.
type Human struct {
	w       io.Writer
	style   view.Style
	verbose bool // plans and probes too
}

// NewHuman writes to w.
func NewHuman(w io.Writer, style view.Style, verbose bool) *Human {
	return &Human{w: w, style: style, verbose: verbose}
}

var _ Watcher = (*Human)(nil)

// Notes shows what the machine could not give.
func (h *Human) Notes(notes []string) {
	for _, n := range notes {
		fmt.Fprintf(h.w, "%s %s\n\n", h.style.Warn("Note:"), n)
	}
}

// FileStarted implements Watcher.
func (h *Human) FileStarted(name string) { fmt.Fprintf(h.w, "%s... in progress\n", name) }

// TearingDown implements Watcher.
func (h *Human) TearingDown(name string) {
	if h.verbose {
		fmt.Fprintf(h.w, "%s... tearing down\n", name)
	}
}

// RunDone implements Watcher.
func (h *Human) RunDone(r RunResult, sources map[string]*hcl.File) {
	fmt.Fprintf(h.w, "  run %q... %s%s\n", r.Name, h.paint(r.Status), h.style.Dim(took(r)))
	if h.verbose {
		if r.Summary != "" {
			fmt.Fprintf(h.w, "    %s: %s\n", r.Command, r.Summary)
		}
		for _, p := range r.Probes {
			fmt.Fprintf(h.w, "    probe %s\n", view.Clean(p))
		}
	}
	h.diags(r.Diags, sources)
}

// took is how long a run took where that is worth reading.
func took(r RunResult) string {
	if r.Status == Skip {
		return ""
	}
	return fmt.Sprintf(" (%s)", r.Took.Round(time.Millisecond))
}

// FileDone implements Watcher.
func (h *Human) FileDone(f FileResult) {
	h.diags(f.Diags, f.Sources)
	fmt.Fprintf(h.w, "%s... %s\n", f.Name, h.paint(f.Status))
}

func (h *Human) paint(s Status) string {
	switch s {
	case Pass:
		return h.style.Good(string(s))
	case Skip:
		return h.style.Warn(string(s))
	default:
		return h.style.Bad(string(s))
	}
}

func (h *Human) diags(diags hcl.Diagnostics, sources map[string]*hcl.File) {
	if len(diags) == 0 {
		return
	}
	var b bytes.Buffer
	_ = diag.Write(&b, sources, diags, diag.Style{Width: 100, Color: h.style.Color}) // a Buffer takes everything
	fmt.Fprintln(h.w)
	for line := range strings.Lines(b.String()) {
		if strings.TrimSpace(line) != "" {
			line = "    " + line
		}
		fmt.Fprint(h.w, line)
	}
	fmt.Fprintln(h.w)
}

// Silent is a Watcher that says nothing.
type Silent struct{}

var _ Watcher = Silent{}

// FileStarted implements Watcher.
func (Silent) FileStarted(string) {}

// RunDone implements Watcher.
func (Silent) RunDone(RunResult, map[string]*hcl.File) {}

// TearingDown implements Watcher.
func (Silent) TearingDown(string) {}

// FileDone implements Watcher.
func (Silent) FileDone(FileResult) {}

// Summary is the last line.
func Summary(w io.Writer, r Report) error {
	word := "Success!"
	if !r.OK() {
		word = "Failure!"
	}
	text := fmt.Sprintf("%s %d passed, %d failed", word, r.Count(Pass), r.Count(Fail)+r.Count(Error))
	if n := r.Count(Skip); n > 0 {
		text += fmt.Sprintf(", %d skipped", n)
	}
	_, err := fmt.Fprintf(w, "\n%s, in %s.\n", text, r.Took.Round(10*time.Millisecond))
	return err
}
