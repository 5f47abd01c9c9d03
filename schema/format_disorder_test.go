package schema_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema"
)

var (
	word    = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\w+|\s+|.`)
	heredoc = regexp.MustCompile(`<<-?(\w+)`)
)

// disordered is a source with other spaces, indents, blank lines and comments.
func disordered(r *rand.Rand, source string) string {
	pick := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	var out []string
	end := ""
	for line := range strings.SplitSeq(source, "\n") {
		if end != "" {
			out = append(out, line)
			if strings.TrimSpace(line) == end {
				end = ""
			}
			continue
		}
		var b strings.Builder
		m := heredoc.FindStringSubmatch(line)
		if m != nil {
			end = m[1]
		}
		b.WriteString(pick("", "  ", "\t", "      "))
		for _, w := range word.FindAllString(line, -1) {
			switch {
			case strings.TrimSpace(w) == "":
				b.WriteString(pick(" ", "  ", "\t", w))
			case m == nil && r.IntN(7) == 0:
				b.WriteString(w + pick(" ", "   ", "\t"))
			default:
				b.WriteString(w)
			}
		}
		out = append(out, b.String())
		if end == "" && r.IntN(16) == 0 {
			out = append(out, pick("", "# comment", "   ", "\t// comment"))
		}
	}
	return strings.Join(out, "\n")
}

// TestFormatOfDisorder lays out what is left of the corpus after it was
// disordered: it means the same, a second time changes nothing, and Terraform
// agrees where it is installed.
func TestFormatOfDisorder(t *testing.T) {
	files, err := filepath.Glob("testdata/format/*.hcl")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	ours := map[string]string{}
	for i := range 600 {
		name := files[i%len(files)]
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := disordered(r, string(source))
		got, diags := schema.Format([]byte(text), name)
		if diags.HasErrors() {
			continue // a space in the wrong place
		}
		before, _ := hclsyntax.ParseConfig([]byte(text), name, hcl.InitialPos)
		after, _ := hclsyntax.ParseConfig(got, name, hcl.InitialPos)
		same(t, before.Body.(*hclsyntax.Body), after.Body.(*hclsyntax.Body), "")
		if again, _ := schema.Format(got, name); string(again) != string(got) && !strings.Contains(name, "twice") {
			t.Errorf("%s: a second time changes it again:\n%s", name, cmp.Diff(string(got), string(again)))
		}
		file := filepath.Join(dir, fmt.Sprintf("%03d.tf", i))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ours[file] = string(got)
	}
	if len(ours) < 300 {
		t.Fatalf("only %d files were left to lay out", len(ours))
	}
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		return
	}
	cmd := exec.CommandContext(t.Context(), terraform, "fmt", dir)
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE=/dev/null", "CHECKPOINT_DISABLE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("terraform fmt: %v\n%s", err, out)
	}
	for file, got := range ours {
		theirs, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(theirs), got); diff != "" {
			t.Errorf("terraform fmt disagrees (-terraform +decnet):\n%s", diff)
		}
	}
	t.Logf("%d disordered files are laid out alike", len(ours))
}
