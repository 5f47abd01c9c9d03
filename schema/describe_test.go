package schema_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
)

// TestEveryBlockAndArgumentIsDocumented fails on an argument that the language
// has and its reference does not.
func TestEveryBlockAndArgumentIsDocumented(t *testing.T) {
	arguments := 0
	var walk func(path string, blocks []schema.BlockInfo)
	walk = func(path string, blocks []schema.BlockInfo) {
		for _, b := range blocks {
			where := strings.TrimPrefix(path+"."+b.Type, ".")
			if !complete(b.Doc) {
				t.Errorf("block %s has no documentation (documentation.go): %q", where, b.Doc)
			}
			for _, a := range b.Arguments {
				arguments++
				if !complete(a.Doc) || a.Type == "" {
					t.Errorf("argument %s.%s has no documentation or no type (documentation.go): %q, %q", where, a.Name, a.Doc, a.Type)
				}
				if a.Required && a.Default != "" {
					t.Errorf("%s.%s must be given and has a default", where, a.Name)
				}
			}
			walk(where, b.Blocks)
		}
	}
	blocks := schema.Blocks()
	walk("", blocks)
	if len(blocks) < 10 || arguments < 50 {
		t.Errorf("only %d blocks and %d arguments were looked at", len(blocks), arguments)
	}
}

// complete tells whether a text is a sentence.
func complete(doc string) bool { return len(doc) > 8 && strings.HasSuffix(doc, ".") }

// TestDocumentationIsOfSomething finds text about what is not there.
func TestDocumentationIsOfSomething(t *testing.T) {
	for _, orphan := range schema.Orphans() {
		t.Errorf("documentation.go describes %s, which the language does not have", orphan)
	}
}

// TestExamplesOfBlocks evaluates the example of every block, and holds it
// against the layout.
func TestExamplesOfBlocks(t *testing.T) {
	for _, b := range schema.Blocks() {
		t.Run(b.Type, func(t *testing.T) {
			if !strings.Contains(b.Example, b.Type) {
				t.Fatal("it has no example")
			}
			if formatted, diags := schema.Format([]byte(b.Example), "main.hcl"); string(formatted) != b.Example {
				t.Errorf("the example is not laid out: %v\n%s", diags, formatted)
			}
			c, diags := schema.Load(fstest.MapFS{"main.hcl": {Data: []byte(b.Example)}}, schema.Options{Catalogue: modules.FS})
			_, more := c.Evaluate(schema.EvalOptions{Services: services()})
			if diags = append(diags, more...); len(diags) > 0 {
				t.Error(rendered(t, c.Files(), diags))
			}
		})
	}
}
