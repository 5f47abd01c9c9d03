package suite

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/decnet/decnet/schema/diag"
)

type (
	jsonReport struct {
		FormatVersion string     `json:"format_version"`
		Status        Status     `json:"status"`
		Passed        int        `json:"passed"`
		Failed        int        `json:"failed"`
		Errored       int        `json:"errored"`
		Skipped       int        `json:"skipped"`
		Seconds       float64    `json:"seconds"`
		Notes         []string   `json:"notes"`
		Files         []jsonFile `json:"files"`
	}
	jsonFile struct {
		Path        string        `json:"path"`
		Status      Status        `json:"status"`
		Seconds     float64       `json:"seconds"`
		Runs        []jsonRun     `json:"runs"`
		Diagnostics []diag.Record `json:"diagnostics"`
	}
	jsonRun struct {
		Name        string        `json:"run"`
		Command     string        `json:"command"`
		Line        int           `json:"line"`
		Status      Status        `json:"status"`
		Seconds     float64       `json:"seconds"`
		Plan        string        `json:"plan,omitempty"`
		Diagnostics []diag.Record `json:"diagnostics"`
	}
)

// JSON writes the report as one document.
func JSON(w io.Writer, r Report) error {
	doc := jsonReport{
		FormatVersion: "1.0", Status: Pass, Passed: r.Count(Pass), Failed: r.Count(Fail), Errored: r.Count(Error), Skipped: r.Count(Skip),
		Seconds: seconds(r.Took), Notes: append([]string{}, r.Notes...), Files: []jsonFile{},
	}
	for _, f := range r.Files {
		if worse[f.Status] > worse[doc.Status] {
			doc.Status = f.Status
		}
		file := jsonFile{Path: f.Name, Status: f.Status, Seconds: seconds(f.Took), Runs: []jsonRun{}, Diagnostics: diag.Records(f.Sources, f.Diags)}
		for _, run := range f.Runs {
			file.Runs = append(file.Runs, jsonRun{
				Name: run.Name, Command: string(run.Command), Line: run.At.Start.Line, Status: run.Status, Seconds: seconds(run.Took), Plan: run.Summary,
				Diagnostics: diag.Records(f.Sources, run.Diags),
			})
		}
		doc.Files = append(doc.Files, file)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(doc)
}

func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

// The elements of JUnit XML that GitHub, GitLab and Jenkins read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
		Err      string      `xml:"system-err,omitempty"`
	}
	junitCase struct {
		Name    string     `xml:"name,attr"`
		Class   string     `xml:"classname,attr"`
		File    string     `xml:"file,attr"`
		Line    int        `xml:"line,attr"`
		Time    string     `xml:"time,attr"`
		Failure *junitText `xml:"failure"`
		Error   *junitText `xml:"error"`
		Skipped *junitText `xml:"skipped"`
	}
	junitText struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes the report as JUnit XML: a suite per file, a case per run. What
// went wrong with a file as a whole is a case of its own.
func JUnit(w io.Writer, r Report) error {
	all := junitSuites{Name: "decnet test", Time: fixed(r.Took)}
	for _, f := range r.Files {
		s := junitSuite{Name: f.Name, Time: fixed(f.Took)}
		for _, run := range f.Runs {
			s.Cases = append(s.Cases, junitRun(f, run))
		}
		if f.Diags.HasErrors() {
			s.Cases = append(s.Cases, junitCase{Name: "(file)", Class: f.Name, File: f.Name, Line: 1, Time: fixed(0), Error: told(f, f.Diags)})
		}
		for _, c := range s.Cases {
			s.Tests++
			s.Failures += count(c.Failure)
			s.Errors += count(c.Error)
			s.Skipped += count(c.Skipped)
		}
		all.Tests, all.Failures, all.Errors, all.Skipped = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors, all.Skipped+s.Skipped
		all.Suites = append(all.Suites, s)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	encoder := xml.NewEncoder(&b)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

func fixed(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

func count(t *junitText) int {
	if t == nil {
		return 0
	}
	return 1
}

func junitRun(f FileResult, run RunResult) junitCase {
	c := junitCase{Name: run.Name, Class: f.Name, File: f.Name, Line: run.At.Start.Line, Time: fixed(run.Took)}
	switch run.Status {
	case Fail:
		c.Failure = told(f, run.Diags)
	case Error:
		c.Error = told(f, run.Diags)
	case Skip:
		c.Skipped = &junitText{Message: "an earlier run could not be carried out"}
	}
	return c
}

// told is diagnostics as people read them, the first one's summary in front.
func told(f FileResult, diags hcl.Diagnostics) *junitText {
	var b bytes.Buffer
	_ = diag.Write(&b, f.Sources, diags, diag.Style{}) // a Buffer takes everything
	t := &junitText{Text: strings.ToValidUTF8(b.String(), "\uFFFD")}
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			t.Message = strings.ToValidUTF8(d.Summary, "\uFFFD")
			break
		}
	}
	return t
}
