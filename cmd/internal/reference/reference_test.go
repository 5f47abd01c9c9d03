package reference_test

import (
	"encoding/json"
	"flag"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/reference"
	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/syncfile"
)

var update = flag.Bool("update", false, "rewrite golden files")

func services() map[string]schema.ServiceType {
	return map[string]schema.ServiceType{
		"ssh": {Slug: "ssh", Summary: "OpenSSH | a shell", Ports: []schema.Port{{Number: 22, Transport: "tcp"}}, Arguments: []schema.Argument{
			{Name: "users", Type: "map(string)", Doc: "Accounts.", Sensitive: true},
			{Name: "tries", Type: "number", Doc: "Tries.", Default: "6"},
			{Name: "motd", Type: "string", Doc: "Greeting.", Default: "hello \"you\"", OneOf: []string{"hello \"you\"", "bye"}},
		}},
		"http":  {Slug: "http", Summary: "nginx.", Ports: []schema.Port{{Number: 80, Transport: "tcp"}}},
		"redis": {Slug: "redis", Summary: "Redis", Ports: []schema.Port{{Number: 6379, Transport: "tcp"}}},
	}
}

func document(t *testing.T) *reference.Document {
	t.Helper()
	d, err := reference.New("1.2.3", services(), modules.FS)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func commands() reference.Command {
	root := &cobra.Command{Use: "decnet"}
	plan := &cobra.Command{Use: "plan [DIR]", Short: "Show what would change", Long: "Plan compares.", Example: "  decnet plan\n  decnet plan x", Run: func(*cobra.Command, []string) {}}
	plan.Flags().StringP("out", "o", "", "save it to this `FILE`")
	plan.Flags().Int("parallelism", 16, "how many")
	state := &cobra.Command{Use: "state", Short: "Look into the state"}
	state.AddCommand(&cobra.Command{Use: "list", Short: "List it", Run: func(*cobra.Command, []string) {}})
	hidden := &cobra.Command{Use: "secret", Hidden: true, Run: func(*cobra.Command, []string) {}}
	root.AddCommand(plan, state, hidden)
	return reference.Commands(root)
}

func TestDocumentHoldsTheWholeLanguage(t *testing.T) {
	d := document(t)
	if len(d.Blocks) < 10 || len(d.Functions) < 80 || len(d.Events) < 30 || len(d.EventKinds) < 10 || len(d.Distros) < 5 || len(d.Services) != 3 {
		t.Errorf("%d blocks, %d functions, %d fields, %d kinds, %d distros, %d services", len(d.Blocks), len(d.Functions), len(d.Events), len(d.EventKinds), len(d.Distros), len(d.Services))
	}
	for _, i := range append(d.Archetypes, d.Distros...) {
		if i.Doc == "" {
			t.Errorf("%s of the catalogue has neither description nor title", i.Slug)
		}
	}
	encoded, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var again reference.Document
	if err := json.Unmarshal(encoded, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*d, again); diff != "" {
		t.Error(diff)
	}
}

var (
	fence = regexp.MustCompile("(?s)```hcl\n(.*?)```")
	link  = regexp.MustCompile(`\]\(([^)]+)\)`)
)

// TestPages runs every example, follows every link, and counts the cells of
// every table.
func TestPages(t *testing.T) {
	pages := document(t).Pages(commands())
	names := map[string]bool{}
	for _, p := range pages {
		names[p.Name] = true
	}
	examples := 0
	for _, p := range pages {
		text := string(p.Data)
		if !strings.HasPrefix(text, reference.Mark+"\n# ") || !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") || strings.Contains(text, "\n\n\n") {
			t.Errorf("%s does not begin or end as a page does", p.Name)
		}
		for _, l := range link.FindAllStringSubmatch(text, -1) {
			if !names[path.Join(path.Dir(p.Name), l[1])] {
				t.Errorf("%s links to %s, which is not there", p.Name, l[1])
			}
		}
		for _, e := range fence.FindAllStringSubmatch(text, -1) {
			examples++
			if p.Name == "sync.md" {
				if _, diags := syncfile.Parse([]byte(e[1]), p.Name); len(diags) > 0 {
					t.Errorf("the example of %s: %v", p.Name, diags)
				}
				continue
			}
			evaluates(t, p.Name, e[1])
		}
		tables(t, p.Name, text)
	}
	if examples < 13 {
		t.Errorf("only %d examples were run", examples)
	}
}

func evaluates(t *testing.T, name, source string) {
	t.Helper()
	if formatted, diags := schema.Format([]byte(source), name); string(formatted) != source {
		t.Errorf("the example of %s is not laid out: %v\n%s", name, diags, formatted)
	}
	c, diags := schema.Load(fstest.MapFS{"main.hcl": {Data: []byte(source)}}, schema.Options{Catalogue: modules.FS})
	_, more := c.Evaluate(schema.EvalOptions{Services: services()})
	if diags = append(diags, more...); len(diags) > 0 {
		t.Errorf("the example of %s: %v", name, diags)
	}
}

func tables(t *testing.T, name, text string) {
	t.Helper()
	width := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			width = 0
			continue
		}
		cells := strings.Count(line, "|") - strings.Count(line, `\|`)
		if width != 0 && cells != width {
			t.Errorf("%s: a row of %d cells in a table of %d: %s", name, cells-1, width-1, line)
		}
		width = cells
	}
}

func TestPagesAreAsBefore(t *testing.T) {
	var got strings.Builder
	for _, p := range document(t).Pages(commands()) {
		if p.Name == "services/ssh.md" || p.Name == "commands/plan.md" || p.Name == "commands/state.md" || p.Name == "blocks/locals.md" {
			got.WriteString("==> " + p.Name + "\n" + string(p.Data))
		}
	}
	golden := "testdata/pages.md"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the pages changed (-update rewrites them):\n%s", diff)
	}
}

func TestDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "docs")
	pages := document(t).Pages(commands())
	changes, err := reference.Write(dir, pages)
	if err != nil || len(changes) != len(pages) {
		t.Fatalf("%d of %d pages were written: %v", len(changes), len(pages), err)
	}
	if left, err := reference.Check(dir, pages); err != nil || len(left) > 0 {
		t.Fatalf("right after writing: %v, %v", left, err)
	}
	for name, data := range map[string]string{
		"blocks/old.md": reference.Mark + "\n# old\n", "blocks/sink.md": "changed", "own.md": "# not generated\n", "empty.md": "", "notes.txt": "x",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "index.md")); err != nil {
		t.Fatal(err)
	}
	want := []reference.Difference{{Name: "blocks/old.md", What: "surplus"}, {Name: "blocks/sink.md", What: "stale"}, {Name: "index.md", What: "missing"}}
	got, err := reference.Check(dir, pages)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := reference.Write(dir, pages); err != nil {
		t.Fatal(err)
	}
	if left, err := reference.Check(dir, pages); err != nil || len(left) > 0 {
		t.Errorf("after writing again: %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "own.md")); err != nil {
		t.Errorf("a page of somebody else: %v", err)
	}
}
