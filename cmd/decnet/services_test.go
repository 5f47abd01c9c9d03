package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/schema"
)

// office is the network that examples of services stand in where they do not
// bring one.
const office = "network \"office\" {\n  parent = \"eth0\"\n  subnet = \"192.168.1.0/24\"\n}\n"

// TestServiceReadmes plans the examples of every service's README, and holds
// its table of arguments against the service.
func TestServiceReadmes(t *testing.T) {
	types := serviceTypes()
	readmes, err := filepath.Glob("../../providers/decky/services/*/README.md")
	if err != nil || len(readmes) != len(types) {
		t.Fatalf("%d READMEs of %d services: %v", len(readmes), len(types), err)
	}
	for _, name := range readmes {
		slug := filepath.Base(filepath.Dir(name))
		t.Run(slug, func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			examples := fence.FindAllStringSubmatch(string(text), -1)
			used := 0
			for _, example := range examples {
				if example[1] == "hcl" {
					used += strings.Count(example[2], `service "`+slug+`"`)
					planExample(t, example[2])
				}
			}
			if used == 0 {
				t.Errorf("it has no example with service %q", slug)
			}
			documented := tableOf(string(text), "## Arguments")
			var want []string
			for _, a := range types[slug].Arguments {
				want = append(want, a.Name)
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, documented); diff != "" {
				t.Errorf("its table has other arguments than the service:\n%s", diff)
			}
		})
	}
}

// planExample plans a configuration and holds it against the layout.
func planExample(t *testing.T, source string) {
	t.Helper()
	if formatted, diags := schema.Format([]byte(source), "README.md"); string(formatted) != source {
		t.Errorf("an example is not laid out: %v\n%s", diags, formatted)
	}
	if !strings.Contains(source, `network "`) {
		source = office + source
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if p := planAgainstNothing(t, dir); p.Empty() {
		t.Errorf("an example plans nothing:\n%s", source)
	}
}

var firstCell = regexp.MustCompile("(?m)^\\| `([a-z_0-9]+)` ")

// tableOf are the names in the first column of a section's table, sorted.
func tableOf(text, section string) []string {
	_, text, _ = strings.Cut(text, section+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	names := map[string]bool{}
	for _, m := range firstCell.FindAllStringSubmatch(text, -1) {
		names[m[1]] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// TestOwnFilesAreLaidOut holds the catalogue and the examples against the
// layout that users get.
func TestOwnFilesAreLaidOut(t *testing.T) {
	var out strings.Builder
	if code := command([]string{"fmt", "-check", "-diff", "-recursive", "../../modules", "../../examples"}, strings.NewReader(""), &out, &out); code != 0 {
		t.Errorf("exit code %d; run decnet fmt -recursive modules examples\n%s", code, out.String())
	}
}
