// Package report renders findings for the places where people and machines read
// them: a terminal, JSON, SARIF, JUnit, the annotations of GitHub, the code
// quality of GitLab, and a comment in Markdown. It decides nothing: it takes
// findings as they are and refuses only a format it does not know.
package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/schema/diag"
)

// Format names a rendering.
type Format string

// The formats.
const (
	Human    Format = "human"
	JSON     Format = "json"
	SARIF    Format = "sarif"    // SARIF 2.1.0
	JUnit    Format = "junit"    // JUnit XML
	GitHub   Format = "github"   // workflow commands that become annotations
	GitLab   Format = "gitlab"   // code quality JSON
	Markdown Format = "markdown" // a comment, at most MaxMarkdown bytes
)

// Formats are all formats, in the order that help texts list them.
var Formats = []Format{Human, JSON, SARIF, JUnit, GitHub, GitLab, Markdown}

// Parse is the format called name.
func Parse(name string) (Format, error) {
	if f := Format(name); slices.Contains(Formats, f) {
		return f, nil
	}
	names := make([]string, len(Formats))
	for i, f := range Formats {
		names[i] = string(f)
	}
	return "", fmt.Errorf("there is no format %q. %s", name, diag.Advice("format", name, names))
}

// Rule describes what a finding's ID stands for, for formats that carry a
// catalogue of rules.
type Rule struct {
	ID       string
	Summary  string
	Detail   string
	Help     string // URL or command
	Severity diag.Severity
}

// Meta is what a report says besides its findings.
type Meta struct {
	Tool    string // "decnet validate": what made the findings
	Version string
	Title   string // heading of a comment: "decnet plan of fleet"
	// Marker makes two comments of the same job recognisable as such: "plan fleet".
	Marker string
	// Verdict is the answer in one line: "The configuration is valid: 12 instances."
	Verdict string
	// Facts are further lines, a score for example; plain text.
	Facts []string
	// Score is what the document of programs says of a fleet as a whole; nil:
	// nothing.
	Score any
	// Rules describe IDs; one that no rule describes describes itself.
	Rules []Rule
	// Passed names what was judged and found right: files, checks, rules. JUnit
	// lists them as passed test cases.
	Passed []string
	// Prefix goes before every relative file name, so that it is relative to
	// the repository: "envs/prod".
	Prefix string
	// Anchor is the file that findings without a place stand in, for formats
	// that take none without; "main.hcl" by default.
	Anchor string
	// Style is for the human rendering.
	Style view.Style
	// Width is the columns that the human rendering wraps at, 0 for none.
	Width int
}

// Write renders findings. It sorts them and drops repetitions.
func Write(w io.Writer, format Format, findings []diag.Finding, meta Meta) error {
	findings = printable(diag.SortFindings(findings))
	if format != Human {
		findings = relocated(findings, meta.Prefix)
	}
	var b bytes.Buffer
	var err error
	switch format {
	case Human:
		human(&b, findings, meta)
	case JSON:
		err = document(&b, findings, meta)
	case SARIF:
		err = sarif(&b, findings, meta)
	case JUnit:
		err = junit(&b, findings, meta)
	case GitHub:
		github(&b, findings)
	case GitLab:
		err = gitlab(&b, findings, meta)
	case Markdown:
		markdown(&b, findings, meta)
	default:
		_, err = Parse(string(format))
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func (m Meta) anchor() string { return path.Join(m.Prefix, orElse(m.Anchor, "main.hcl")) }

// printable makes every text of the findings safe for a terminal and for a page.
func printable(findings []diag.Finding) []diag.Finding {
	for i := range findings { // SortFindings gave us our own
		f := &findings[i]
		for _, text := range []*string{&f.Summary, &f.Context, &f.Address, &f.Help} {
			*text = view.Clean(*text)
		}
		for _, text := range []*string{&f.Detail, &f.Fix, &f.Snippet, &f.Suppressed} {
			*text = clean(*text)
		}
		if f.Range != nil {
			r := *f.Range
			r.File = view.Clean(r.File)
			f.Range = &r
		}
	}
	return findings
}

// clean keeps line breaks, makes one space of a tab, as columns count it, and
// makes every other control character visible.
func clean(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	lines := strings.Split(strings.ReplaceAll(text, "\t", " "), "\n")
	for i, line := range lines {
		lines[i] = view.Clean(line)
	}
	return strings.Join(lines, "\n")
}

// relocated puts the prefix before the findings' files.
func relocated(findings []diag.Finding, prefix string) []diag.Finding {
	if prefix == "" || prefix == "." {
		return findings
	}
	moved := slices.Clone(findings)
	for i, f := range moved {
		if f.Range == nil || path.IsAbs(f.Range.File) {
			continue
		}
		r := *f.Range
		r.File = path.Join(prefix, r.File)
		moved[i].Range = &r
	}
	return moved
}

// Prefix is dir as seen from the root of the repository it is in, which is
// where the annotations of every forge start; from the working directory where
// it is in none.
func Prefix(dir string) string {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	root := ""
	for at := absolute; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			root = at
			break
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	if root == "" {
		if root, err = os.Getwd(); err != nil {
			return ""
		}
	}
	relative, err := filepath.Rel(root, absolute)
	if err != nil || relative == "." || strings.HasPrefix(relative, "..") {
		return ""
	}
	return filepath.ToSlash(relative)
}
