package diag_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema/diag"
)

const source = "decky \"web\" {\n\tarchetype = \"web-sever\"\n  service \"ssh\" {\n    x = 1 # \x1b[31mred\n  }\n}\n"

func files(t *testing.T) map[string]*hcl.File {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(source), "main.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return map[string]*hcl.File{"main.hcl": file}
}

// at is the range of the first occurrence of text.
func at(text string) hcl.Range {
	start := strings.Index(source, text)
	pos := func(n int) hcl.Pos {
		return hcl.Pos{Line: 1 + strings.Count(source[:n], "\n"), Column: n - strings.LastIndexByte(source[:n], '\n'), Byte: n}
	}
	return hcl.Range{Filename: "main.hcl", Start: pos(start), End: pos(start + len(text))}
}

func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		name    string
		choices []string
		want    string
	}{
		{"web-sever", []string{"web-server", "linux-server"}, `Did you mean "web-server"? There are linux-server and web-server.`},
		{"SSH", []string{"ssh", "http"}, `Did you mean "ssh"? There are http and ssh.`},
		{"x", []string{"ssh", "http", "ssh"}, "There are http and ssh."},
		{"x", []string{"office"}, "The only one is office."},
		{"offce", []string{"office"}, `Did you mean "office"?`},
		{"x", nil, "No thing is declared."},
	} {
		if got := diag.Advice("thing", c.name, c.choices); got != c.want {
			t.Errorf("%q of %v: %q, want %q", c.name, c.choices, got, c.want)
		}
	}
	many := make([]string, 100)
	for i := range many {
		many[i] = strings.Repeat("n", i+1)
	}
	if got := diag.Advice("thing", "zz", many); !strings.Contains(got, "There are 100, among them") {
		t.Error(got)
	}
}

func TestWrite(t *testing.T) {
	long := strings.Repeat("word ", 30)
	diags := hcl.Diagnostics{
		diag.Unknown(at(`"web-sever"`), "archetype", "web-sever", []string{"web-server"}),
		diag.Warning(at("x = 1"), "Careful", "%s", long),
		diag.Error(at("service \"ssh\" {\n    x = 1"), "Several lines", "And\nso on."),
		{Severity: hcl.DiagError, Summary: "No place\x1b[2J", Detail: "evil \x9b detail"},
		diag.Error(hcl.Range{Filename: "gone.hcl"}, "No such file", ""),
	}
	var b bytes.Buffer
	if err := diag.Write(&b, files(t), diags, diag.Style{Width: 60}); err != nil {
		t.Fatal(err)
	}
	want := `Error: There is no archetype "web-sever"

  on main.hcl line 2, in decky "web":
  2:  archetype = "web-sever"
                  ^^^^^^^^^^^

Did you mean "web-server"?

Warning: Careful

  on main.hcl line 4, in decky "web", service "ssh":
  4:     x = 1 # ` + "\uFFFD" + `[31mred
         ^^^^^

word word word word word word word word word word word word
word word word word word word word word word word word word
word word word word word word

Error: Several lines

  on main.hcl line 3, in decky "web", service "ssh":
  3:   service "ssh" {
  4:     x = 1 # ` + "\uFFFD" + `[31mred

And
so on.

Error: No place` + "\uFFFD" + `[2J

evil ` + "\uFFFD" + ` detail

Error: No such file

  on gone.hcl line 0:
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	b.Reset()
	if err := diag.Write(&b, files(t), diags[:1], diag.Style{Color: true}); err != nil || !strings.Contains(b.String(), "\x1b[1;31m^^^^^^^^^^^\x1b[0m") {
		t.Errorf("%q, %v", b.String(), err)
	}
	if err := diag.Write(refusing{}, nil, diags, diag.Style{}); err == nil {
		t.Error("a full disk is no error")
	}
}

type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWithheldShowsNoSource(t *testing.T) {
	d := diag.Error(at(`"web-sever"`), "Secret", "No reason.")
	d.Extra = diag.Withheld{}
	var b bytes.Buffer
	if err := diag.Write(&b, files(t), hcl.Diagnostics{d}, diag.Style{}); err != nil || strings.Contains(b.String(), "sever") || !strings.Contains(b.String(), "line 2") {
		t.Errorf("%s, %v", b.String(), err)
	}
	if r := diag.Describe(files(t), d); r.Snippet != "" || r.Range.Start.Line != 2 {
		t.Errorf("%+v", r)
	}
}

func TestRecordsAreJSON(t *testing.T) {
	got, err := json.Marshal(diag.Records(files(t), hcl.Diagnostics{diag.Warning(at(`"web-sever"`), "S", "D")}))
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"severity":"warning","summary":"S","detail":"D","range":{"file":"main.hcl","start":{"line":2,"column":14,"byte":27},"end":{"line":2,"column":25,"byte":38}},"context":"decky \"web\"","snippet":"\tarchetype = \"web-sever\""}]`
	if string(got) != want {
		t.Errorf("%s", got)
	}
	if got, _ := json.Marshal(diag.Records(nil, nil)); string(got) != "[]" {
		t.Errorf("none: %s", got)
	}
}

func TestSort(t *testing.T) {
	a, b, c := diag.Error(at("x = 1"), "a", ""), diag.Error(at("archetype"), "b", ""), diag.Warning(at("archetype"), "c", "")
	other := diag.Error(hcl.Range{Filename: "a.hcl"}, "d", "")
	placeless := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "e"}
	var got []string
	for _, d := range diag.Sort(hcl.Diagnostics{a, c, b, other, a, placeless}) {
		got = append(got, d.Summary)
	}
	if diff := cmp.Diff([]string{"e", "d", "b", "c", "a"}, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzWrite renders diagnostics at any place of any source.
func FuzzWrite(f *testing.F) {
	f.Add(source, 3, 9, 40)
	f.Add("\xff\xfe\n\n", 0, 4, 30)
	f.Fuzz(func(t *testing.T, source string, start, end, width int) {
		file, _ := hclsyntax.ParseConfig([]byte(source), "x", hcl.InitialPos)
		if start < 0 || end < 0 || strings.ContainsAny(source, "([{") && len(source) > 1000 {
			return
		}
		at := hcl.Range{Filename: "x", Start: hcl.Pos{Line: 1, Column: start, Byte: start}, End: hcl.Pos{Line: 1, Column: end, Byte: end}}
		var b bytes.Buffer
		if err := diag.Write(&b, map[string]*hcl.File{"x": file}, hcl.Diagnostics{diag.Error(at, source, "%s", source)}, diag.Style{Width: width}); err != nil {
			t.Fatal(err)
		}
		for _, r := range b.String() {
			if r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 {
				t.Fatalf("%q reaches the terminal in %q", r, b.String())
			}
		}
	})
}

// TestRelatedPlacesAreRecorded: the steps of a circle reach programs, too.
func TestRelatedPlacesAreRecorded(t *testing.T) {
	d := diag.Error(at(`"web-sever"`), "Circle", "x")
	d.Extra = diag.Related{at(`"web-sever"`), at("x = 1")}
	r := diag.Describe(files(t), d)
	if len(r.Related) != 2 || r.Related[0] != *r.Range || r.Related[1].Start.Line != 4 || r.Snippet == "" {
		t.Errorf("%+v", r)
	}
}
