package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/decnet/decnet/schema/diag"
)

// githubCommands are the workflow commands that become annotations.
var githubCommands = map[diag.Severity]string{
	diag.SeverityError: "error", diag.SeverityWarning: "warning", diag.SeverityNote: "notice",
}

// githubData and githubProperty are the escapes of GitHub's workflow commands:
// of the message, and of a property's value.
var (
	githubData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// github writes one workflow command a finding. Columns are given where the
// range is on one line, as GitHub wants it.
func github(b *bytes.Buffer, findings []diag.Finding) {
	for _, f := range findings {
		if f.Suppressed != "" {
			continue
		}
		var properties []string
		add := func(name, value string) {
			properties = append(properties, name+"="+githubProperty.Replace(clean(value)))
		}
		if r := f.Range; r != nil {
			add("file", r.File)
			add("line", strconv.Itoa(max(r.Start.Line, 1)))
			add("endLine", strconv.Itoa(max(r.End.Line, r.Start.Line, 1)))
			if r.End.Line == r.Start.Line && r.Start.Column > 0 {
				add("col", strconv.Itoa(r.Start.Column))
				add("endColumn", strconv.Itoa(max(r.End.Column, r.Start.Column)))
			}
		}
		title := f.Title()
		if f.ID != "" {
			title += " [" + f.ID + "]"
		}
		add("title", title)
		text := orElse(body(f), title)
		if f.Help != "" {
			text += "\nSee " + f.Help
		}
		fmt.Fprintf(b, "::%s %s::%s\n", githubCommands[f.Severity], strings.Join(properties, ","), githubData.Replace(clean(text)))
	}
}

// codeQuality is one issue of GitLab's code quality report.
type codeQuality struct {
	Description string              `json:"description"`
	CheckName   string              `json:"check_name"`
	Fingerprint string              `json:"fingerprint"`
	Severity    string              `json:"severity"`
	Location    codeQualityLocation `json:"location"`
}

type codeQualityLocation struct {
	Path  string           `json:"path"`
	Lines codeQualityLines `json:"lines"`
}

type codeQualityLines struct {
	Begin int `json:"begin"`
	End   int `json:"end,omitempty"`
}

var codeQualitySeverities = map[diag.Severity]string{
	diag.SeverityError: "critical", diag.SeverityWarning: "major", diag.SeverityNote: "info",
}

func gitlab(w io.Writer, findings []diag.Finding, meta Meta) error {
	issues := []codeQuality{}
	prints := fingerprints(findings)
	for i, f := range findings {
		if f.Suppressed != "" {
			continue
		}
		issue := codeQuality{
			Description: clean(message(f)), CheckName: orElse(f.ID, "finding"), Fingerprint: prints[i], Severity: codeQualitySeverities[f.Severity],
			Location: codeQualityLocation{Path: meta.anchor(), Lines: codeQualityLines{Begin: 1}},
		}
		if r := f.Range; r != nil {
			issue.Location = codeQualityLocation{Path: r.File, Lines: codeQualityLines{Begin: max(r.Start.Line, 1), End: max(r.End.Line, r.Start.Line, 1)}}
		}
		issues = append(issues, issue)
	}
	return indented(w, issues)
}

// fingerprints identify findings across revisions: by what is said of which
// instance in which file, not by the line, which moves. Findings that are the
// same in all of this are counted.
func fingerprints(findings []diag.Finding) []string {
	prints := make([]string, len(findings))
	seen := map[string]int{}
	for i, f := range findings {
		file := ""
		if f.Range != nil {
			file = f.Range.File
		}
		key := strings.Join([]string{f.ID, file, f.Context, f.Address, f.Summary}, "\x00")
		sum := sha256.Sum256([]byte(key + "\x00" + strconv.Itoa(seen[key])))
		seen[key]++
		prints[i] = hex.EncodeToString(sum[:16])
	}
	return prints
}
