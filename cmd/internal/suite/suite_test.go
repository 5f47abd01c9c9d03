package suite_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/cmd/internal/probe"
	"github.com/decnet/decnet/cmd/internal/suite"
	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/testfile"
)

const configuration = `
variable "n" {
  type    = number
  default = 1
  validation {
    condition     = var.n < 10
    error_message = "Too many."
  }
}
variable "key" {
  default   = "hush"
  sensitive = true
}
check "even" {
  assert {
    condition     = var.n % 2 == 0
    error_message = "Odd."
  }
}
output "n" {
  value = var.n
  precondition {
    condition     = var.n != 6
    error_message = "Six."
  }
}
output "key" {
  value     = var.key
  sensitive = true
}
output "list" { value = range(var.n) }
`

// fleet is a fleet without deckies: what it is asked is written down.
type fleet struct {
	calls  []string
	checks []schema.CheckResult
	apply  error
	events func() []*event.Event
	dial   probe.Dial
}

func (f *fleet) Plan(_ context.Context, values []schema.Value) (suite.World, error) {
	c, diags := schema.Load(fstest.MapFS{"main.hcl": {Data: []byte(configuration)}}, schema.Options{})
	w := suite.World{Diags: diags, Files: c.Files(), Summary: "1 to add"}
	desired, scope, more := c.EvaluateScope(schema.EvalOptions{Variables: values})
	w.Desired, w.Scope, w.Diags = desired, scope, append(w.Diags, more...)
	n := "nothing"
	if desired != nil {
		desired.Checks = f.checks
		for _, o := range desired.Outputs {
			if o.Name == "n" {
				n = string(o.Value)
			}
		}
	}
	f.calls = append(f.calls, "plan "+n)
	return w, nil
}

func (f *fleet) Apply(context.Context) error {
	f.calls = append(f.calls, "apply")
	return f.apply
}

func (f *fleet) Destroy(context.Context) error { f.calls = append(f.calls, "destroy"); return nil }

func (f *fleet) Events(context.Context) ([]*event.Event, error) {
	if f.events == nil {
		return nil, nil
	}
	return f.events(), nil
}

func (f *fleet) Dial() probe.Dial { return f.dial }

func (f *fleet) Close() error { f.calls = append(f.calls, "close"); return nil }

// run runs one file on a fleet.
func run(t *testing.T, f *fleet, source string) suite.Report {
	t.Helper()
	file, diags := testfile.Parse([]byte(source), "a.test.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	r := suite.Runner{
		Open:  func(context.Context, string) (suite.Fleet, error) { return f, nil },
		Watch: suite.Silent{}, Now: func() time.Time { return time.Unix(0, 0) }, Patience: 300 * time.Millisecond,
		Values: []schema.Value{{Name: "n", Raw: "2", Origin: "--var", Order: 3}},
	}
	return r.Run(t.Context(), []*testfile.File{file})
}

// said are the runs of a report with what they said.
func said(r suite.Report) string {
	var b strings.Builder
	for _, run := range r.Files[0].Runs {
		fmt.Fprintf(&b, "%s %s\n", run.Name, run.Status)
		for _, d := range run.Diags {
			fmt.Fprintf(&b, "  %s: %s\n", d.Summary, strings.ReplaceAll(d.Detail, "\n", " | "))
		}
	}
	return b.String()
}

func TestRunsGoOneAfterTheOtherAndEverythingIsDestroyed(t *testing.T) {
	f := &fleet{}
	r := run(t, f, `
run "command_line" { command = plan }
run "own" {
  variables { n = run.command_line.n + 2 }
  assert {
    condition     = output.n == 4 && run.command_line.n == 2 && length(output.list) == var.n
    error_message = "n"
  }
}`)
	if !r.OK() {
		t.Error(said(r))
	}
	if diff := cmp.Diff([]string{"plan 2", "plan 4", "apply", "destroy", "close"}, f.calls); diff != "" {
		t.Error(diff)
	}
}

func TestAFilesVariablesAreStrongerThanTheCommandLines(t *testing.T) {
	f := &fleet{}
	run(t, f, "variables { n = 7 }\nrun \"a\" { command = plan }\nrun \"b\" {\n command = plan\n variables { n = var.n + 1 }\n}")
	if diff := cmp.Diff([]string{"plan 7", "plan 8", "destroy", "close"}, f.calls); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeAppliedStopsTheFile(t *testing.T) {
	f := &fleet{apply: errors.New("the disk is full")}
	r := run(t, f, `
run "a" {}
run "b" {}`)
	if diff := cmp.Diff("a error\n  The run cannot be applied: the disk is full\nb skip\n", said(r)); diff != "" {
		t.Error(diff)
	}
	if f.calls[len(f.calls)-2] != "destroy" {
		t.Errorf("nothing was destroyed: %v", f.calls)
	}
}

func TestExpectedFailures(t *testing.T) {
	for source, want := range map[string]string{
		`variables { n = 99 }` + "\n" + `expect_failures = [var.n]`: "a pass",
		`variables { n = 99 }`:      "a error\n  The value of variable \"n\" is not accepted",
		`expect_failures = [var.n]`: "a fail\n  An expected failure did not happen: var.n was to fail, and did not.",
		`variables { n = 3 }`:       "a fail\n  check \"even\" failed: Odd.",
		`variables { n = 3 }` + "\n" + `expect_failures = [check.even]`: "a pass",
		`variables { n = 6 }`: "a error\n  The precondition of output.n is not met",
		`variables { n = 6 }` + "\n" + `expect_failures = [output.n]`: "a pass",
		`expect_failures = [check.names]`:                             "a pass",
		`expect_failures = [check.others]`:                            "a fail\n  An expected failure did not happen: check.others",
		`variables { n = 99 }` + "\n" + `expect_failures = [var.key]`: "a error",
	} {
		f := &fleet{checks: []schema.CheckResult{{Name: "names"}, {Name: "others", Passed: true}}}
		if got := said(run(t, f, "run \"a\" {\n"+source+"\n}")); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}

func TestAssertionsShowValuesAndNoSecrets(t *testing.T) {
	for condition, want := range map[string]string{
		`output.n == 1`:                            "Test assertion failed: no |  | output.n is 2",
		`output.list == [9]`:                       "output.list is [0, 1]",
		`output.key == "x"`:                        "output.key is (sensitive value)",
		`output.n`:                                 "A condition is true or false: This one is 2.",
		`output.m == 1`:                            `no output "m"`,
		`length(events) == 1`:                      "events are none",
		`output.n + output.key`:                    "Invalid operand",
		`tonumber(var.key) == 1`:                   "var.key is sensitive, so the reason is not shown",
		`[for c in [var.key] : tonumber(c)] == []`: "sensitive",
		`run.a.n == 1`:                             "run.a.n is 2",
		`var.n == 1 && output.n == var.n`:          "var.n is 2 | output.n is 2",
	} {
		got := said(run(t, &fleet{}, "run \"a\" {\n assert {\n condition = "+condition+"\n error_message = \"no\"\n }\n}"))
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", condition, got, want)
		}
		if strings.Contains(got, "hush") {
			t.Errorf("%s tells the secret: %s", condition, got)
		}
	}
}

// An event of an earlier run is none of this one's, and one that comes late is
// waited for.
func TestEventsAreWaitedForAndBelongToTheirRun(t *testing.T) {
	login := func(id string) *event.Event {
		return &event.Event{ID: id, Body: &event.AuthAttempt{Username: "root", Success: true}}
	}
	began := time.Now()
	f := &fleet{events: func() []*event.Event {
		all := []*event.Event{login("1")}
		if time.Since(began) > 100*time.Millisecond {
			all = append(all, login("2"))
		}
		return all
	}}
	r := run(t, f, `
run "a" {
  assert {
    condition     = length([for e in events : e if e.success && e.username == "root"]) == 1
    error_message = "no login"
  }
}`)
	if !r.OK() || time.Since(began) < 100*time.Millisecond {
		t.Errorf("%s after %s", said(r), time.Since(began))
	}
}

// pipe answers every connection with a text.
func pipe(text string) probe.Dial {
	return func(_ context.Context, _, address string) (net.Conn, error) {
		if strings.HasSuffix(address, ":23") {
			return nil, errors.New("connection refused")
		}
		ours, theirs := net.Pipe()
		go func() {
			_, _ = theirs.Write([]byte(text))
			_ = theirs.Close()
		}()
		return ours, nil
	}
}

func TestProbes(t *testing.T) {
	for body, want := range map[string]string{
		`port = 22`:                             "a pass",
		"port = 22\nexpect_banner = \"^SSH-2\"": "a pass",
		"port = 22\nexpect_banner = \"^220\"":   `The banner is another one: 10.77.0.100:22 says "SSH-2.0-x\r\n", which ^220 does not match`,
		`port = 23`:                             "The probe failed: tcp 10.77.0.100:23: connection refused.",
		"port = 23\nexpect_closed = true":       "a pass",
		"port = 22\nexpect_closed = true":       "The port is open",
		"port = 22\nexpect_banner = \"(\"":      "no regular expression",
		"port = 0":                              "port is out of range",
		"port = 1.5":                            "port is out of range",
		"port = \"x\"":                          "port must be number",
		"port = 22\ntimeout = \"2h\"":           "A timeout is a duration",
		"":                                      "The probe has no port",
		"port = 22\nassert {\n condition = probe.open && probe.banner == \"\"\n error_message = \"b\"\n}": `probe.banner is "SSH-2.0-x\r\n"`,
	} {
		got := said(run(t, &fleet{dial: pipe("SSH-2.0-x\r\n")}, "run \"a\" {\n probe \"tcp\" {\n target = \"10.77.0.100\"\n"+body+"\n}\n}"))
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	got := said(run(t, &fleet{dial: pipe("")}, "run \"a\" {\n probe \"tcp\" {\n target = output.list\n port = 1\n}\n}"))
	if !strings.Contains(got, "A target is a decky or an IP") {
		t.Error(got)
	}
}

func TestReports(t *testing.T) {
	r := run(t, &fleet{}, `
run "good" { command = plan }
run "bad" {
  command = plan
  assert {
    condition     = output.n == 1
    error_message = "control \u0007 character"
  }
}`)
	r.Notes = []string{"a layer is off"}
	var b bytes.Buffer
	if err := suite.JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Status         string
		Passed, Failed int
		Files          []struct {
			Runs []struct{ Diagnostics []struct{ Summary string } }
		}
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil || doc.Status != "fail" || doc.Passed != 1 || doc.Failed != 1 || len(doc.Files[0].Runs[1].Diagnostics) != 1 {
		t.Errorf("%v\n%s", err, b.String())
	}
	b.Reset()
	if err := suite.JUnit(&b, r); err != nil {
		t.Fatal(err)
	}
	var junit struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Suites   []struct {
			Cases []struct {
				Name    string `xml:"name,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b.Bytes(), &junit); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if junit.Tests != 2 || junit.Failures != 1 || junit.Suites[0].Cases[0].Failure != nil || junit.Suites[0].Cases[1].Failure.Message != "Test assertion failed" {
		t.Errorf("%s", b.String())
	}
	b.Reset()
	h := suite.NewHuman(&b, view.Style{}, true)
	h.Notes(r.Notes)
	h.FileStarted("a.test.hcl")
	for _, one := range r.Files[0].Runs {
		h.RunDone(one, r.Files[0].Sources)
	}
	h.FileDone(r.Files[0])
	if err := suite.Summary(&b, r); err != nil {
		t.Fatal(err)
	}
	want := `Note: a layer is off

a.test.hcl... in progress
  run "good"... pass (0s)
    plan: 1 to add
  run "bad"... fail (0s)
    plan: 1 to add

    Error: Test assertion failed

      on a.test.hcl line 6, in run "bad", assert:
      6:     condition     = output.n == 1
                             ^^^^^^^^^^^^^

    control ` + "\uFFFD" + ` character

    output.n is 2

a.test.hcl... fail

Failure! 1 passed, 1 failed, in 0s.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
