package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/decnet/decnet/cmd/internal/version"
	"github.com/decnet/decnet/cmd/internal/view/planreport"
	"github.com/decnet/decnet/cmd/internal/view/plantext"
	"github.com/decnet/decnet/cmd/internal/view/report"
	"github.com/decnet/decnet/cmd/internal/view/tfjson"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

// reportFlags are those of every command that judges: its answer in any format,
// and reports in files besides.
type reportFlags struct {
	format string
	files  []string
}

func (f *reportFlags) register(cmd *cobra.Command) {
	names := make([]string, len(report.Formats))
	for i, format := range report.Formats {
		names[i] = string(format)
	}
	list := strings.Join(names, ", ")
	cmd.Flags().StringVar(&f.format, "format", "", "answer in this `FORMAT`: "+list)
	cmd.Flags().StringArrayVar(&f.files, "report", nil, "write a report besides, `FORMAT=FILE`; may be repeated")
}

// reports is where a command's answer goes.
type reports struct {
	format report.Format // of the answer on standard output
	files  []outputFile
	tool   string // "decnet plan"
	// findings are what the language had to say so far.
	findings      []diag.Finding
	records       []diag.Record // the same, for validate's JSON
	configuration *schema.Configuration
}

type outputFile struct {
	format report.Format
	name   string
}

// begin reads the flags; --json is --format json.
func (f *reportFlags) begin(a *app, verb string) error {
	r := &reports{format: report.Human, tool: "decnet " + verb}
	if a.json {
		r.format = report.JSON
	}
	if f.format != "" {
		format, err := report.Parse(f.format)
		if err != nil {
			return err
		}
		if a.json && format != report.JSON {
			return fmt.Errorf("--json and --format %s are two answers; leave one out, or write the other with --report", format)
		}
		r.format, a.json = format, format == report.JSON
	}
	for _, text := range f.files {
		name, file, found := strings.Cut(text, "=")
		if !found || file == "" {
			return fmt.Errorf("--report %q: write --report FORMAT=FILE", text)
		}
		format, err := report.Parse(name)
		if err != nil {
			return fmt.Errorf("--report %q: %w", text, err)
		}
		r.files = append(r.files, outputFile{format, file})
	}
	a.reports = r
	return nil
}

// human tells that people read the answer.
func (r *reports) human() bool { return r.format == report.Human }

// meta is what all reports of the configuration say of themselves.
func (a *app) meta(name string) report.Meta {
	r := a.reports
	return report.Meta{
		Tool: r.tool, Version: version.String(), Title: strings.TrimSpace(r.tool + " of " + name), Marker: strings.TrimPrefix(r.tool, "decnet ") + " " + name,
		Prefix: report.Prefix(a.dir), Anchor: a.anchor(), Style: a.style(), Width: a.width(),
	}
}

// anchor is the file that stands for the whole configuration.
func (a *app) anchor() string {
	files, err := filepath.Glob(filepath.Join(a.dir, "*.hcl"))
	if err != nil || len(files) == 0 {
		return ""
	}
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	if slices.Contains(files, "main.hcl") {
		return "main.hcl"
	}
	return files[0]
}

// width is how many columns the terminal has, 0 where standard output is none.
func (a *app) width() int {
	f, ok := a.stdout.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// writePlan writes a plan as the answer and as every report.
func (a *app) writePlan(p *plan.Plan, name plantext.View) error {
	p = p.Show()
	style := a.style()
	o := planreport.Options{
		Text: plantext.Options{View: name, Style: style, Width: a.width()},
		JSON: tfjson.Options{Version: version.String(), Hidden: style.Hidden},
	}
	if a.reports == nil {
		if a.json {
			return tfjson.Write(a.stdout, p, o.JSON)
		}
		return plantext.Write(a.stdout, p, o.Text)
	}
	o.Meta, o.Warnings = a.meta(p.Name), a.reports.findings
	return a.reports.each(a, func(w io.Writer, format report.Format) error { return planreport.Write(w, format, p, o) })
}

// each renders the answer and every report. What people read of diagnostics goes
// to standard error, where report puts it, and so render need not repeat it.
func (r *reports) each(a *app, render func(w io.Writer, format report.Format) error) error {
	errs := []error{render(a.stdout, r.format)}
	for _, f := range r.files {
		var b bytes.Buffer
		err := render(&b, f.format)
		if err == nil {
			err = os.WriteFile(f.name, b.Bytes(), 0o644)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("report %s: %w", f.name, err))
		}
	}
	return errors.Join(errs...)
}

// invalid reports a configuration that cannot be used.
func (r *reports) invalid(a *app) error {
	meta := a.meta(r.configuration.Settings().Name)
	failed, warned, _ := diag.Count(r.findings)
	meta.Verdict = fmt.Sprintf("The configuration is not valid: %s, %s.", counted(failed, "error"), counted(warned, "warning"))
	meta.Passed = a.passed(r.configuration, r.findings)
	return r.each(a, func(w io.Writer, format report.Format) error {
		switch format {
		case report.Human:
			if w == a.stdout {
				return nil // standard error has it
			}
		case report.JSON:
			return writeJSON(w, validity(r.records))
		}
		return report.Write(w, format, r.findings, meta)
	})
}

// validity is the answer for programs of whether a configuration can be used.
func validity(records []diag.Record) map[string]any {
	failed, warned := 0, 0
	for _, r := range records {
		if r.Severity == string(diag.SeverityError) {
			failed++
		} else {
			warned++
		}
	}
	return map[string]any{
		"format_version": "1.0", "valid": failed == 0, "error_count": failed, "warning_count": warned, "diagnostics": append([]diag.Record{}, records...),
	}
}

// passed names the configuration's files that nothing is wrong with, without
// those of the catalogue.
func (a *app) passed(c *schema.Configuration, findings []diag.Finding) []string {
	var files []string
	for name := range c.Files() {
		if filepath.IsAbs(name) || !isFile(filepath.Join(a.dir, name)) {
			continue
		}
		if !slices.ContainsFunc(findings, func(f diag.Finding) bool { return f.Range != nil && f.Range.File == name }) {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}
