package schema_test

import (
	"path/filepath"
	"regexp"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
)

// places are the ranges in what listed shows.
var places = regexp.MustCompile(`<main\.hcl[^>]*>`)

// TestBothSyntaxesSayTheSame evaluates each pair of main.hcl and main.hcl.json:
// apart from places nothing differs.
func TestBothSyntaxesSayTheSame(t *testing.T) {
	pairs, err := filepath.Glob("testdata/pairs/*.txtar")
	if err != nil || len(pairs) == 0 {
		t.Fatalf("%d pairs: %v", len(pairs), err)
	}
	for _, name := range pairs {
		archive, err := txtar.ParseFile(name)
		if err != nil || len(archive.Files) != 2 {
			t.Fatalf("%s: %d files, %v", name, len(archive.Files), err)
		}
		var got [2]string
		for i, f := range archive.Files {
			c, diags := schema.Load(fstest.MapFS{f.Name: {Data: f.Data}}, schema.Options{Catalogue: modules.FS})
			desired, more := c.Evaluate(schema.EvalOptions{Services: services()})
			if diags = append(diags, more...); diags.HasErrors() {
				t.Fatal(rendered(t, c.Files(), diags))
			}
			for _, d := range diags {
				got[i] += d.Summary + ": " + d.Detail + "\n"
			}
			got[i] += places.ReplaceAllString(listed(t, desired), "")
		}
		if diff := cmp.Diff(got[0], got[1]); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if len(got[0]) < 1000 {
			t.Errorf("%s is about nothing: %s", name, got[0])
		}
	}
}
