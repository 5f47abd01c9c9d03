package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/cmd/internal/view/report"
	"github.com/decnet/decnet/cmd/internal/view/report/reporttest"
	"github.com/decnet/decnet/schema/diag"
)

var update = flag.Bool("update", false, "rewrite testdata")

// samples are findings of every shape, with what each format must escape.
func samples() []diag.Finding {
	return []diag.Finding{
		{
			ID: "DN1003", Severity: diag.SeverityWarning, Summary: "A Windows host answers as OpenSSH 8.9, 100%", Address: "decky.web[0].service.ssh",
			Detail: "Two lines,\nthe second: <b>bold</b> @everyone.", Fix: "Remove the service.", Help: "https://decnet.example/DN1003",
			Range:   &diag.Range{File: "a b/main,1.hcl", Start: diag.Pos{Line: 7, Column: 3, Byte: 80}, End: diag.Pos{Line: 7, Column: 16, Byte: 93}},
			Context: `decky "web"`, Snippet: "  service \"ssh\" {} # ``` ]]>",
		},
		{
			ID: "config.there-is-no-archetype", Severity: diag.SeverityError, Summary: `There is no archetype "x"`, Detail: "Did you mean \"y\"?",
			Range: &diag.Range{File: "main.hcl", Start: diag.Pos{Line: 2, Column: 3}, End: diag.Pos{Line: 4, Column: 2}},
		},
		{ID: "plan.create", Severity: diag.SeverityNote, Summary: "decky.db will be created", Address: "decky.db", Help: "decnet explain plan"},
		{
			ID: "DN2001", Severity: diag.SeverityError, Summary: "Two hosts share a key", Suppressed: "they are one cluster",
			Range: &diag.Range{File: "main.hcl", Start: diag.Pos{Line: 9, Column: 1}, End: diag.Pos{Line: 9, Column: 5}},
		},
		{Severity: diag.SeverityWarning, Summary: "Control \x1b[31m and \u202e signs"},
	}
}

func meta() report.Meta {
	return report.Meta{
		Tool: "decnet lint", Version: "v1.2.3", Title: "decnet lint of fleet", Marker: "lint fleet", Verdict: "1 error, 2 warnings.",
		Facts: []string{"Believability: 71 of 100"}, Passed: []string{"DN1001"}, Prefix: "envs/prod",
		Rules: []report.Rule{{ID: "DN1003", Summary: "Service contradicts the OS", Detail: "Long.", Help: "https://decnet.example/DN1003", Severity: diag.SeverityWarning}},
	}
}

func write(t *testing.T, format report.Format, findings []diag.Finding, m report.Meta) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, format, findings, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestFormats compares every rendering with its golden file.
func TestFormats(t *testing.T) {
	for _, format := range report.Formats {
		t.Run(string(format), func(t *testing.T) {
			got := write(t, format, samples(), meta())
			golden := filepath.Join("testdata", string(format)+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-update rewrites it:\n%s", diff)
			}
			for _, r := range got {
				if r == 0x1b || r == 0x202e {
					t.Errorf("%q reaches the reader", r)
				}
			}
			reporttest.Valid(t, format, []byte(got))
			reporttest.Valid(t, format, []byte(write(t, format, nil, report.Meta{})))
		})
	}
}

// TestValidCanFail breaks each rendering once.
func TestValidCanFail(t *testing.T) {
	for _, c := range []struct {
		format   report.Format
		old, new string
	}{
		{report.SARIF, `"startLine": 7`, `"startLine": 0`},
		{report.SARIF, `"level": "error"`, `"level": "fatal"`},
		{report.SARIF, `"ruleIndex": 0`, `"ruleIndex": 1`},
		{report.SARIF, `a%20b`, `a b`},
		{report.SARIF, `"text": "Control`, `"texts": "Control`},
		{report.JUnit, `tests="6"`, `tests="5"`},
		{report.JUnit, `failures="1"`, `failures="3"`},
		{report.GitHub, `%0A`, "\n"},
		{report.GitHub, `main%2C1`, "main,1"},
		{report.GitLab, `"fingerprint"`, `"print"`},
		{report.GitLab, `"severity": "critical"`, `"severity": "error"`},
		{report.Markdown, "</details>", ""},
		{report.JSON, `"valid": false`, `"valid": true`},
	} {
		text := write(t, c.format, samples(), meta())
		if !strings.Contains(text, c.old) {
			t.Errorf("%s has no %s", c.format, c.old)
		}
		if err := reporttest.Check(c.format, []byte(strings.Replace(text, c.old, c.new, 1))); err == nil {
			t.Errorf("%s: %s instead of %s is not noticed", c.format, c.new, c.old)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := report.Parse("sarf"); err == nil || !strings.Contains(err.Error(), `Did you mean "sarif"`) {
		t.Error(err)
	}
	if err := report.Write(&bytes.Buffer{}, "toml", nil, report.Meta{}); err == nil {
		t.Error("an unknown format is written")
	}
	if err := report.Write(refusing{}, report.Human, samples(), report.Meta{}); err == nil {
		t.Error("a full disk is no error")
	}
}

type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// TestFingerprintsStay moves a finding down the file, and repeats it.
func TestFingerprintsStay(t *testing.T) {
	f := samples()[0]
	lower, other := f, f
	lower.Range = &diag.Range{File: f.Range.File, Start: diag.Pos{Line: 30, Column: 3}, End: diag.Pos{Line: 30, Column: 16}}
	other.Address = "decky.web[1].service.ssh"
	prints := func(findings ...diag.Finding) []string {
		var issues []struct{ Fingerprint string }
		if err := json.Unmarshal([]byte(write(t, report.GitLab, findings, report.Meta{})), &issues); err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, i := range issues {
			all = append(all, i.Fingerprint)
		}
		return all
	}
	if a, b := prints(f), prints(lower); a[0] != b[0] {
		t.Error("a line further down is another finding")
	}
	if a := prints(f, other, lower); a[0] == a[1] || a[1] == a[2] || a[0] == a[2] {
		t.Errorf("two findings have one fingerprint: %v", a)
	}
}

// TestMarkdownIsCut writes far more findings than fit.
func TestMarkdownIsCut(t *testing.T) {
	var many []diag.Finding
	for i := range 2000 {
		f := samples()[0]
		f.Range = &diag.Range{File: "main.hcl", Start: diag.Pos{Line: i + 1, Column: 1}, End: diag.Pos{Line: i + 1, Column: 2}}
		f.Snippet = strings.Repeat("`é", 20)
		many = append(many, f)
	}
	text := write(t, report.Markdown, many, meta())
	if len(text) > report.MaxMarkdown || len(text) < report.MaxMarkdown-2000 {
		t.Errorf("%d bytes", len(text))
	}
	shown := strings.Count(text, "<details")
	if shown != strings.Count(text, "</details>") || !strings.Contains(text, "more findings did not fit") {
		t.Error("a finding was cut in two, or nobody says that some are missing")
	}
	reporttest.Valid(t, report.Markdown, []byte(text))

	huge := samples()[0]
	huge.Detail = strings.Repeat("x", 100_000)
	if text := write(t, report.Markdown, []diag.Finding{huge}, meta()); len(text) > report.MaxMarkdown || !strings.Contains(text, "1 more findings did not fit") {
		t.Errorf("%d bytes: %.300s", len(text), text)
	}
}

func TestMarkerIsFirst(t *testing.T) {
	text := write(t, report.Markdown, nil, meta())
	if !strings.HasPrefix(text, report.Mark("lint fleet")+"\n") {
		t.Errorf("%.200s", text)
	}
	if mark := report.Mark("a --> b\nc"); strings.Count(mark, "-->") != 1 || strings.Contains(mark, "\n") {
		t.Error(mark)
	}
}

func TestPrefix(t *testing.T) {
	root := t.TempDir()
	inside := filepath.Join(root, "envs", "prod")
	for _, dir := range []string{inside, filepath.Join(root, ".git")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for dir, want := range map[string]string{inside: "envs/prod", root: "", filepath.Join(root, "envs"): "envs"} {
		if got := report.Prefix(dir); got != want {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
	t.Chdir(t.TempDir())
	if got := report.Prefix("."); got != "" {
		t.Errorf("outside of a repository: %q", got)
	}
}

// FuzzWrite renders any text in every format.
func FuzzWrite(f *testing.F) {
	f.Add("summary", "detail", "main.hcl", "  x = 1", 3, 4)
	f.Add("a::b,c%0A", "]]></failure>", "../x y.hcl", "```", 0, -1)
	f.Add("\xff\x00", "<!-- -->", "", "|", 1, 1)
	f.Fuzz(func(t *testing.T, summary, detail, file, snippet string, line, column int) {
		finding := diag.Finding{ID: "DN1", Severity: diag.SeverityError, Summary: summary, Detail: detail, Address: summary, Snippet: snippet, Fix: detail}
		if file != "" {
			finding.Range = &diag.Range{File: file, Start: diag.Pos{Line: line, Column: column}, End: diag.Pos{Line: line + 1, Column: 1}}
		}
		for _, format := range report.Formats {
			var b bytes.Buffer
			if err := report.Write(&b, format, []diag.Finding{finding, finding}, report.Meta{Title: summary, Marker: detail, Verdict: summary, Facts: []string{detail}}); err != nil {
				t.Fatal(err)
			}
			reporttest.Valid(t, format, b.Bytes())
		}
	})
}

// TestJUnitReads decodes what was written.
func TestJUnitReads(t *testing.T) {
	var suites struct {
		Suites []struct {
			Cases []struct {
				Name    string `xml:"name,attr"`
				File    string `xml:"file,attr"`
				Line    int    `xml:"line,attr"`
				Failure *struct {
					Text string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(write(t, report.JUnit, samples(), meta())), &suites); err != nil {
		t.Fatal(err)
	}
	cases := suites.Suites[0].Cases
	if cases[0].Name != "DN1001" || cases[0].Failure != nil {
		t.Errorf("what passed is not first: %+v", cases[0])
	}
	for _, c := range cases {
		if c.Failure != nil && (c.File != "envs/prod/main.hcl" || c.Line != 2 || !strings.Contains(c.Failure.Text, "Did you mean")) {
			t.Errorf("%+v", c)
		}
	}
}
