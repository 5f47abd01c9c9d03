package schema_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema"
)

// TestFormatAgrees lays out every file of a corpus and compares it with what
// stands beside it, which is Terraform's layout too: where its binary is
// installed, that is asked again.
func TestFormatAgrees(t *testing.T) {
	files, err := filepath.Glob("testdata/format/*.hcl")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Log("terraform is not installed; compared with its recorded layouts")
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".hcl"), func(t *testing.T) {
			t.Parallel()
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			agrees(t, terraform, source, strings.TrimSuffix(name, ".hcl")+".want")
		})
	}
}

func agrees(t *testing.T, terraform string, source []byte, golden string) {
	t.Helper()
	got, diags := schema.Format(source, "x.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("it is laid out differently (-want +got):\n%s", diff)
	}
	if again, _ := schema.Format(got, "x.hcl"); !bytes.Equal(again, got) && !strings.Contains(golden, "twice") {
		t.Errorf("a second time changes it again:\n%s", cmp.Diff(string(got), string(again)))
	}
	if terraform == "" {
		return
	}
	if diff := cmp.Diff(string(theirs(t, terraform, source)), string(got)); diff != "" {
		t.Errorf("terraform fmt disagrees (-terraform +decnet):\n%s", diff)
	}
}

// theirs is a file as Terraform lays it out.
func theirs(t *testing.T, terraform string, source []byte) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.tf")
	if err := os.WriteFile(file, source, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), terraform, "fmt", file) // of standard input it adds a line end
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE=/dev/null", "CHECKPOINT_DISABLE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("terraform fmt: %v\n%s", err, out)
	}
	out, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestFormatOddBytes has what a file in a repository cannot show: line ends,
// marks, missing ends.
func TestFormatOddBytes(t *testing.T) {
	terraform, _ := exec.LookPath("terraform")
	for name, c := range map[string]struct{ source, want string }{
		"nothing":        {"", ""},
		"blank":          {"\n\n\n", "\n\n\n"},
		"no last line":   {"a=1", "a = 1"},
		"windows":        {"a=1\r\nlonger=2\r\n", "a      = 1\r\nlonger = 2\r\n"},
		"trailing":       {"a = 1   \n  \nb = 2\t\n", "a = 1\n\nb = 2\n"},
		"heredoc at end": {"a = <<X\nx\nX\n", "a = <<X\nx\nX\n"},
		"wide":           {"日本=1\nä=2\n", "日本 = 1\nä  = 2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, diags := schema.Format([]byte(c.source), "x.hcl")
			if diff := cmp.Diff(c.want, string(got)); diff != "" || diags.HasErrors() {
				t.Errorf("%v\n%s", diags, diff)
			}
			if terraform == "" {
				return
			}
			if diff := cmp.Diff(string(theirs(t, terraform, []byte(c.source))), string(got)); diff != "" {
				t.Errorf("terraform fmt disagrees (-terraform +decnet):\n%s", diff)
			}
		})
	}
}

// TestFormatKeepsWhatItWouldBreak has an expression that Terraform 1.11 turns
// into one that it cannot read any more: parentheses at both ends that are not
// a pair.
func TestFormatKeepsWhatItWouldBreak(t *testing.T) {
	got, diags := schema.Format([]byte("a = \"${(b)\n+ (c)}\"\n"), "x.hcl")
	if string(got) != "a = ((b)\n+ (c))\n" || diags.HasErrors() {
		t.Errorf("%v\n%s", diags, got)
	}
}

// FuzzFormat looks for a file that is laid out to one that cannot be read or
// says something else.
func FuzzFormat(f *testing.F) {
	files, err := filepath.Glob("testdata/format/*.hcl")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		if len(source) > 8<<10 {
			return
		}
		got, diags := schema.Format(source, "x.hcl")
		if diags.HasErrors() {
			if !bytes.Equal(got, source) {
				t.Fatal("it was refused and changed")
			}
			return
		}
		before, _ := hclsyntax.ParseConfig(source, "x.hcl", hcl.InitialPos)
		after, diags := hclsyntax.ParseConfig(got, "x.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, got)
		}
		same(t, before.Body.(*hclsyntax.Body), after.Body.(*hclsyntax.Body), "")
	})
}

// same compares what two bodies hold: names, labels, and the values of
// arguments that are plain.
func same(t *testing.T, a, b *hclsyntax.Body, within string) {
	t.Helper()
	if len(a.Attributes) != len(b.Attributes) || len(a.Blocks) != len(b.Blocks) {
		t.Fatalf("%d arguments and %d blocks became %d and %d", len(a.Attributes), len(a.Blocks), len(b.Attributes), len(b.Blocks))
	}
	for name, x := range a.Attributes {
		y := b.Attributes[name]
		if y == nil {
			t.Fatalf("%s is gone", name)
		}
		before, diags := x.Expr.Value(nil)
		if diags.HasErrors() || within == "variable" && name == "type" {
			continue
		}
		after, diags := y.Expr.Value(nil)
		if diags.HasErrors() || !after.RawEquals(before) {
			t.Fatalf("%s = %#v became %#v (%v)", name, before, after, diags)
		}
	}
	for i, x := range a.Blocks {
		if y := b.Blocks[i]; x.Type != y.Type || !cmp.Equal(x.Labels, y.Labels) {
			t.Fatalf("%s %q became %s %q", x.Type, x.Labels, y.Type, y.Labels)
		}
		same(t, x.Body, b.Blocks[i].Body, x.Type)
	}
}
