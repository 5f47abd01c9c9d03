package main

import (
	"os"
	"testing"

	"github.com/decnet/decnet/cmd/internal/suite"
	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/testfile"
)

// TestTheQuickstartsTestsAndThoseOfItsREADMEFit holds them against the
// configuration without running them; the live tests run them.
func TestTheQuickstartsTestsAndThoseOfItsREADMEFit(t *testing.T) {
	const dir = "../../examples/quickstart/"
	c, diags := schema.LoadDir(dir, schema.Options{Catalogue: modules.FS})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, scope, diags := c.EvaluateScope(schema.EvalOptions{Services: serviceTypes()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	readme, err := os.ReadFile(dir + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(dir + "quickstart.test.hcl")
	if err != nil {
		t.Fatal(err)
	}
	blocks := fence.FindAllStringSubmatch(string(readme), -1)
	if len(blocks) == 0 {
		t.Fatal("no block in the README")
	}
	sources := []string{string(own)}
	for _, b := range blocks {
		sources = append(sources, b[2])
	}
	for _, source := range sources {
		file, diags := testfile.Parse([]byte(source), "a.test.hcl")
		if !diags.HasErrors() {
			diags = suite.Check(file, scope)
		}
		if diags.HasErrors() || len(file.Runs) == 0 {
			t.Errorf("%v in\n%s", diags, source)
		}
	}
}
