package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"path"

	"github.com/decnet/decnet/schema/diag"
)

// The elements of JUnit XML that GitLab, Jenkins and GitHub's reporters read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
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
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		Class     string        `xml:"classname,attr"`
		File      string        `xml:"file,attr,omitempty"`
		Line      int           `xml:"line,attr,omitempty"`
		Time      string        `xml:"time,attr"`
		Failure   *junitMessage `xml:"failure,omitempty"`
		Skipped   *junitMessage `xml:"skipped,omitempty"`
		SystemOut string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// junit writes a test case for whatever passed and for every finding: an error
// is a failure, a suppressed one is skipped, and a warning or a note passes and
// says so.
func junit(w io.Writer, findings []diag.Finding, meta Meta) error {
	tool := orElse(meta.Tool, "decnet")
	suite := junitSuite{Name: tool, Time: "0", Cases: []junitCase{}}
	for _, name := range meta.Passed {
		suite.Cases = append(suite.Cases, junitCase{Name: name, Class: tool, Time: "0"})
	}
	for _, f := range findings {
		test := junitCase{Name: orElse(f.ID, "finding") + ": " + f.Title(), Class: tool, Time: "0"}
		where := ""
		if f.Range != nil {
			test.File, test.Line = f.Range.File, max(f.Range.Start.Line, 1)
			test.Class = path.Clean(f.Range.File)
			where = fmt.Sprintf("%s:%d\n", test.File, test.Line)
		}
		text := where + message(f)
		if f.Snippet != "" {
			text += "\n\n" + f.Snippet
		}
		switch {
		case f.Suppressed != "":
			test.Skipped = &junitMessage{Message: f.Suppressed}
			suite.Skipped++
		case f.Severity == diag.SeverityError:
			test.Failure = &junitMessage{Message: f.Summary, Type: orElse(f.ID, "finding"), Text: clean(text)}
			suite.Failures++
		default:
			test.SystemOut = string(f.Severity) + ": " + clean(text)
		}
		suite.Cases = append(suite.Cases, test)
	}
	if len(suite.Cases) == 0 {
		suite.Cases = append(suite.Cases, junitCase{Name: orElse(meta.Verdict, tool), Class: tool, Time: "0"})
	}
	suite.Tests = len(suite.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(junitSuites{Name: tool, Tests: suite.Tests, Failures: suite.Failures, Suites: []junitSuite{suite}}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
