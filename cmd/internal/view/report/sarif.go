package report

import (
	"encoding/json"
	"io"
	"net/url"
	"strings"

	"github.com/decnet/decnet/schema/diag"
)

// The structures of SARIF 2.1.0 (OASIS, sections 3.13 to 3.49), as far as they
// are used.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name            string      `json:"name"`
		SemanticVersion string      `json:"semanticVersion,omitempty"`
		Rules           []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string       `json:"id"`
		ShortDescription     sarifText    `json:"shortDescription"`
		FullDescription      *sarifText   `json:"fullDescription,omitempty"`
		HelpURI              string       `json:"helpUri,omitempty"`
		Help                 *sarifText   `json:"help,omitempty"`
		DefaultConfiguration sarifDefault `json:"defaultConfiguration"`
	}
	sarifDefault struct {
		Level diag.Severity `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Level        diag.Severity      `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI       string `json:"uri"`
		URIBaseID string `json:"uriBaseId,omitempty"`
	}
	sarifRegion struct {
		StartLine   int        `json:"startLine"`
		StartColumn int        `json:"startColumn,omitempty"`
		EndLine     int        `json:"endLine,omitempty"`
		EndColumn   int        `json:"endColumn,omitempty"`
		Snippet     *sarifText `json:"snippet,omitempty"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
)

// sarif writes one run. A finding without a place stands at the first line of
// the anchor, because code scanning takes no result without a file.
func sarif(w io.Writer, findings []diag.Finding, meta Meta) error {
	run := sarifRun{
		Tool:       sarifTool{Driver: sarifDriver{Name: orElse(meta.Tool, "decnet"), SemanticVersion: semantic(meta.Version), Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
	}
	index := map[string]int{}
	rule := func(r Rule) int {
		if at, known := index[r.ID]; known {
			return at
		}
		at := len(run.Tool.Driver.Rules)
		index[r.ID] = at
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(r))
		return at
	}
	for _, r := range meta.Rules {
		rule(r)
	}
	prints := fingerprints(findings)
	for i, f := range findings {
		id := orElse(f.ID, "finding")
		result := sarifResult{
			RuleID: id, RuleIndex: rule(Rule{ID: id, Summary: f.Summary, Help: f.Help, Severity: f.Severity}), Level: f.Severity,
			Message: sarifText{message(f)}, Locations: []sarifLocation{sarifLocationOf(f, meta)},
			Fingerprints: map[string]string{"decnet/v1": prints[i]},
		}
		if f.Suppressed != "" {
			result.Suppressions = []sarifSuppression{{Kind: "inSource", Justification: f.Suppressed}}
		}
		run.Results = append(run.Results, result)
	}
	return indented(w, sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

func sarifRuleOf(r Rule) sarifRule {
	rule := sarifRule{ID: r.ID, ShortDescription: sarifText{orElse(r.Summary, r.ID)}, DefaultConfiguration: sarifDefault{r.Severity}}
	if rule.DefaultConfiguration.Level == "" {
		rule.DefaultConfiguration.Level = diag.SeverityWarning
	}
	if r.Detail != "" {
		rule.FullDescription = &sarifText{r.Detail}
	}
	switch {
	case strings.HasPrefix(r.Help, "https://"):
		rule.HelpURI = r.Help
	case r.Help != "":
		rule.Help = &sarifText{r.Help}
	}
	return rule
}

func sarifLocationOf(f diag.Finding, meta Meta) sarifLocation {
	file, region := meta.anchor(), sarifRegion{StartLine: 1}
	if f.Range != nil {
		file = f.Range.File
		region = sarifRegion{
			StartLine: max(f.Range.Start.Line, 1), StartColumn: max(f.Range.Start.Column, 1),
			EndLine: max(f.Range.End.Line, f.Range.Start.Line, 1), EndColumn: max(f.Range.End.Column, 1),
		}
		if region.EndLine == region.StartLine {
			region.EndColumn = max(region.EndColumn, region.StartColumn)
		}
		if f.Snippet != "" {
			region.Snippet = &sarifText{f.Snippet}
		}
	}
	location := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{URI: uri(file)}, Region: region}}
	if !strings.HasPrefix(file, "/") {
		location.Physical.Artifact.URIBaseID = "%SRCROOT%"
	}
	if f.Address != "" {
		location.Logical = []sarifLogical{{FullyQualifiedName: f.Address, Kind: "resource"}}
	}
	return location
}

// uri is a file name as RFC 3986 wants it.
func uri(file string) string {
	u := url.URL{Path: file}
	if strings.HasPrefix(file, "/") {
		u.Scheme = "file"
	}
	return u.String()
}

// semantic is a version where it is one, as SARIF wants it.
func semantic(version string) string {
	version = strings.TrimPrefix(version, "v")
	if version == "" || version[0] < '0' || version[0] > '9' || strings.Count(version, ".") < 2 {
		return ""
	}
	return version
}

// message is all that a finding says, in one text.
func message(f diag.Finding) string {
	text := f.Title()
	if text != "" && !strings.HasSuffix(text, ".") {
		text += "."
	}
	if body := body(f); body != "" {
		text += " " + body
	}
	return text
}

// body is what a finding says below its summary.
func body(f diag.Finding) string {
	text := f.Detail
	if f.Fix != "" {
		text = strings.TrimSpace(text + " " + f.Fix)
	}
	return text
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func indented(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
