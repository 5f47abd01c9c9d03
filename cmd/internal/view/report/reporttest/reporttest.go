// Package reporttest judges reports by the rules of their formats: the
// structure of SARIF 2.1.0, JUnit XML, GitHub's workflow commands, GitLab's code
// quality report, and the limits of a comment. It knows none of the types that
// wrote them.
package reporttest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/decnet/decnet/cmd/internal/view/report"
)

// Valid fails the test where a report breaks a rule of its format.
func Valid(t testing.TB, format report.Format, data []byte) {
	t.Helper()
	if err := Check(format, data); err != nil {
		t.Errorf("%s: %v\n%.2000s", format, err, data)
	}
}

// Check is every rule that a report breaks.
func Check(format report.Format, data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("it is no UTF-8")
	}
	switch format {
	case report.SARIF:
		return checkSARIF(data)
	case report.JUnit:
		return checkJUnit(data)
	case report.GitHub:
		return checkGitHub(string(data))
	case report.GitLab:
		return checkGitLab(data)
	case report.Markdown:
		return checkMarkdown(string(data))
	case report.JSON:
		return checkJSON(data)
	default:
		return nil
	}
}

func checkJSON(data []byte) error {
	var d report.Document
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return err
	}
	if d.Valid != (d.Errors == 0) || d.Errors+d.Warnings+d.Notes > len(d.Findings) {
		return fmt.Errorf("valid %v, %d errors, %d warnings, %d notes of %d findings", d.Valid, d.Errors, d.Warnings, d.Notes, len(d.Findings))
	}
	return nil
}

type junitSuite struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Skipped  int `xml:"skipped,attr"`
	Cases    []struct {
		Name    string    `xml:"name,attr"`
		Class   string    `xml:"classname,attr"`
		Failure *struct{} `xml:"failure"`
		Skipped *struct{} `xml:"skipped"`
	} `xml:"testcase"`
}

func checkJUnit(data []byte) error {
	var suites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &suites); err != nil {
		return err
	}
	var tests, failures int
	for _, s := range suites.Suites {
		var failed, skipped int
		for _, c := range s.Cases {
			if c.Name == "" || c.Class == "" {
				return errors.New("a test case without a name or class")
			}
			if c.Failure != nil {
				failed++
			}
			if c.Skipped != nil {
				skipped++
			}
		}
		if s.Tests != len(s.Cases) || s.Failures != failed || s.Skipped != skipped || len(s.Cases) == 0 {
			return fmt.Errorf("a suite of %d cases, %d failed, %d skipped says %d, %d, %d", len(s.Cases), failed, skipped, s.Tests, s.Failures, s.Skipped)
		}
		tests, failures = tests+s.Tests, failures+s.Failures
	}
	if tests != suites.Tests || failures != suites.Failures {
		return fmt.Errorf("%d tests and %d failures, said to be %d and %d", tests, failures, suites.Tests, suites.Failures)
	}
	return nil
}

// githubCommand is one workflow command; neither a property nor the message may
// hold what ends it.
var githubCommand = regexp.MustCompile(`^::(error|warning|notice) ([a-zA-Z]+=[^,:\r\n]*(?:,[a-zA-Z]+=[^,:\r\n]*)*)::[^\r\n]+$`)

var githubProperties = []string{"file", "line", "endLine", "col", "endColumn", "title"}

func checkGitHub(text string) error {
	if text == "" {
		return nil
	}
	if !strings.HasSuffix(text, "\n") {
		return errors.New("the last line is not ended")
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		parts := githubCommand.FindStringSubmatch(line)
		if parts == nil {
			return fmt.Errorf("no workflow command: %q", line)
		}
		for p := range strings.SplitSeq(parts[2], ",") {
			name, _, _ := strings.Cut(p, "=")
			if !slices.Contains(githubProperties, name) {
				return fmt.Errorf("unknown property %q in %q", name, line)
			}
		}
	}
	return nil
}

func checkGitLab(data []byte) error {
	var issues []map[string]any
	if err := json.Unmarshal(data, &issues); err != nil {
		return err
	}
	if issues == nil {
		return errors.New("it is null, not a list")
	}
	seen := map[string]bool{}
	for _, i := range issues {
		for _, name := range []string{"description", "check_name", "fingerprint", "severity"} {
			if s, _ := i[name].(string); s == "" {
				return fmt.Errorf("an issue without %s: %v", name, i)
			}
		}
		if !slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, i["severity"].(string)) {
			return fmt.Errorf("unknown severity %v", i["severity"])
		}
		print := i["fingerprint"].(string)
		if seen[print] {
			return fmt.Errorf("two issues have the fingerprint %s", print)
		}
		seen[print] = true
		location, _ := i["location"].(map[string]any)
		lines, _ := location["lines"].(map[string]any)
		if begin, _ := lines["begin"].(float64); begin < 1 || location["path"] == "" || location["path"] == nil {
			return fmt.Errorf("an issue without a place: %v", i)
		}
	}
	return nil
}

var (
	codeBlock = regexp.MustCompile("(?ms)^(`{3,})[a-z]*\n.*?\n(`{3,})$")
	markup    = regexp.MustCompile(`<(/?[a-zA-Z][a-z]*)`)
)

// checkMarkdown judges length, folds and markup.
func checkMarkdown(text string) error {
	if len(text) > report.MaxMarkdown {
		return fmt.Errorf("%d bytes, at most %d fit", len(text), report.MaxMarkdown)
	}
	bare := codeBlock.ReplaceAllString(text, "")
	open, closed := strings.Count(bare, "<details"), strings.Count(bare, "</details>")
	if open != closed || strings.Count(bare, "<summary>") != open {
		return fmt.Errorf("%d folds are opened, %d closed", open, closed)
	}
	for _, tag := range markup.FindAllStringSubmatch(bare, -1) {
		if name := strings.TrimPrefix(tag[1], "/"); name != "details" && name != "summary" {
			return fmt.Errorf("markup that a finding brought along: %s", tag[0])
		}
	}
	return nil
}
