package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/sandbox"
	"github.com/decnet/decnet/cmd/internal/suite"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/testfile"
)

// testFlags are what decnet test may be told.
type testFlags struct {
	filter   []string
	junit    string
	format   string
	patience time.Duration
}

func (a *app) testCommand() *cobra.Command {
	var flags testFlags
	cmd := &cobra.Command{
		Use: "test [DIR]", Short: "Run *.test.hcl: apply in a lab, attack, assert; needs no root", Args: cobra.MaximumNArgs(1),
		Long: `Test runs the run blocks of every *.test.hcl, in the directory and in its tests/, each file in a lab
of its own on the native runtime: network namespaces that nothing leaves and nothing outlives. It works
for ordinary users, in a user namespace. It exits with 1 where a run did not pass.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			if flags.format != "" && flags.format != "human" && flags.format != "json" && flags.format != "junit" {
				return fmt.Errorf("--format is human, json or junit, not %q", flags.format)
			}
			return a.test(cmd.Context(), flags)
		},
	}
	cmd.Flags().StringArrayVar(&flags.filter, "filter", nil, "run only this test `FILE`; may be repeated")
	cmd.Flags().StringVar(&flags.junit, "junit-xml", "", "also write a JUnit report to this `FILE`")
	cmd.Flags().StringVar(&flags.format, "format", "", "human, json or junit (default human)")
	cmd.Flags().DurationVar(&flags.patience, "patience", suite.DefaultPatience, "how long a condition about events may take to become true")
	return cmd
}

// test reads the files, and goes on in a sandbox.
func (a *app) test(ctx context.Context, flags testFlags) error {
	files, err := a.testFiles(flags.filter)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("there are no tests: no file in %s or %s ends in %s", a.dir, filepath.Join(a.dir, testsDir), testfile.Suffix)
	}
	if sandbox.Inside() {
		return a.testInside(ctx, flags, files)
	}
	if _, err := a.load(); err != nil { // nothing to enter a sandbox for
		return err
	}
	// What it writes is in the sandbox; a report of its own comes out on a
	// descriptor that was opened here.
	report, err := reportFile(flags.junit)
	if err != nil {
		return err
	}
	keep := []string{a.dir, filepath.Dir(deckyBinary())}
	for _, f := range a.given.files {
		keep = append(keep, filepath.Dir(f.text))
	}
	code, err := sandbox.Run(ctx, sandbox.Options{
		Args: os.Args[1:], Keep: keep, Stdout: a.stdout, Stderr: a.stderr, Report: report,
	})
	if report != nil {
		err = errors.Join(err, report.Close())
	}
	if err == nil && code != 0 {
		return exitError(code)
	}
	return err
}

// reportFile opens the file of the JUnit report; nil where none is asked for.
func reportFile(name string) (*os.File, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	return f, nil
}

// testsDir is where test files may stand besides the configuration.
const testsDir = "tests"

// testFiles reads the test files; what is wrong with one is shown, and is
// exitFailure.
func (a *app) testFiles(filter []string) ([]*testfile.File, error) {
	names, err := testFileNames(a.dir)
	if err != nil {
		return nil, err
	}
	for _, f := range filter {
		if !slices.Contains(names, filepath.Clean(f)) {
			return nil, fmt.Errorf("--filter %s: there is no such test file; %s", f, diag.Advice("test file", f, names))
		}
	}
	var files []*testfile.File
	var diags hcl.Diagnostics
	sources := map[string]*hcl.File{}
	for _, name := range names {
		if len(filter) > 0 && !slices.ContainsFunc(filter, func(f string) bool { return filepath.Clean(f) == name }) {
			continue
		}
		source, err := os.ReadFile(filepath.Join(a.dir, name))
		if err != nil {
			return nil, err
		}
		file, more := testfile.Parse(source, name)
		files, diags = append(files, file), append(diags, more...)
		sources[name] = file.Source
	}
	return files, a.reportIn(sources, diags)
}

func testFileNames(dir string) ([]string, error) {
	var names []string
	for _, sub := range []string{"", testsDir} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if errors.Is(err, os.ErrNotExist) && sub != "" {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !e.IsDir() && strings.HasSuffix(e.Name(), testfile.Suffix) && !strings.HasPrefix(e.Name(), ".") {
				names = append(names, filepath.Join(sub, e.Name()))
			}
		}
	}
	return names, nil
}

// validateTests checks the test files of a configuration that is valid itself.
func (a *app) validateTests(c *schema.Configuration) error {
	files, err := a.testFiles(nil)
	if err != nil || len(files) == 0 {
		return err
	}
	options := schema.EvalOptions{Environment: environment(), Services: serviceTypes()}
	if options.Variables, err = a.variables(); err != nil {
		return err
	}
	if options.Interfaces, err = hostInterfaces(); err != nil {
		return err
	}
	_, scope, _ := c.EvaluateScope(options) // what is wrong with it has been said
	if scope == nil {
		return nil
	}
	sources := map[string]*hcl.File{}
	var diags hcl.Diagnostics
	for _, f := range files {
		sources[f.Name] = f.Source
		diags = append(diags, suite.Check(f, scope)...)
	}
	return a.reportIn(sources, diags)
}

// testInside runs the files, as the first process of a sandbox.
func (a *app) testInside(ctx context.Context, flags testFlags, files []*testfile.File) error {
	ctx, place, err := sandbox.Enter(ctx)
	if err != nil {
		return err
	}
	a.rootless = place.Single
	values, err := a.variables()
	if err != nil {
		return err
	}
	a.given.vars = nil // they go with every run's own
	labs := &testLab{app: a}
	var notes []string
	if place.Single {
		notes = append(notes, "One layer of the workers' jail is off: they have your uid and groups, as this user namespace has no others. All other layers stand.")
	}
	if flags.format == "" && a.json {
		flags.format = "json"
	}
	var watcher suite.Watcher = suite.Silent{}
	if flags.format == "" || flags.format == "human" {
		human := suite.NewHuman(a.stdout, a.style(), a.verbose)
		human.Notes(notes)
		watcher = human
	}
	runner := suite.Runner{Open: labs.open, Values: values, Watch: watcher, Now: time.Now, Patience: flags.patience}
	report := runner.Run(ctx, files)
	report.Notes = notes
	if err := writeReport(a.stdout, flags.format, report); err != nil {
		return err
	}
	if out := place.Report; out != nil {
		if err := errors.Join(suite.JUnit(out, report), out.Close()); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if !report.OK() {
		return exitFailure
	}
	return nil
}

func writeReport(w io.Writer, format string, report suite.Report) error {
	switch format {
	case "json":
		return suite.JSON(w, report)
	case "junit":
		return suite.JUnit(w, report)
	default:
		return suite.Summary(w, report)
	}
}

// labRoot is where labs stand, in the sandbox's own /run.
const labRoot = lab.DefaultRoot
