package schema_test

import (
	"bytes"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

// patience is how long loading and evaluating what a fuzzer writes may take: it
// is far more than a configuration of that size needs, even on a busy machine.
const patience = 10 * time.Second

// FuzzLoad loads and evaluates any bytes as main.hcl, main.hcl.json
// and a file of values: it ends soon, never panics, and what it finds can be
// rendered.
func FuzzLoad(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	pairs, more := filepath.Glob("testdata/pairs/*.txtar")
	if err != nil || more != nil {
		f.Fatal(err, more)
	}
	for _, name := range append(archives, pairs...) {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == "main.hcl" || file.Name == "main.hcl.json" {
				f.Add(file.Data, file.Name == "main.hcl.json")
			}
		}
	}
	f.Fuzz(func(t *testing.T, source []byte, inJSON bool) {
		name, values := "main.hcl", "decnet.vars.hcl"
		if inJSON {
			name, values = name+".json", values+".json"
		}
		if heavy(source) {
			return
		}
		watchdog := time.AfterFunc(patience, func() { panic("it takes more than " + patience.String()) })
		defer watchdog.Stop()
		fsys := fstest.MapFS{name: {Data: source}, values: {Data: source}}
		c, diags := schema.Load(fsys, schema.Options{Catalogue: modules.FS})
		desired, more := c.Evaluate(schema.EvalOptions{Services: services()})
		if diags = append(diags, more...); diags.HasErrors() == (desired != nil) {
			t.Errorf("errors and a result, or neither: %v", diags)
		}
		if desired != nil {
			for _, i := range desired.Instances {
				if !bytes.HasPrefix(i.Config, []byte("{")) {
					t.Errorf("%s has the configuration %q", i.Address, i.Config)
				}
			}
		}
		if err := diag.Write(new(bytes.Buffer), c.Files(), diags, diag.Style{Width: 80}); err != nil {
			t.Error(err)
		}
		diag.Records(c.Files(), diags)
		if formatted, diags := schema.Format(source, name); !inJSON && !diags.HasErrors() {
			if _, diags := schema.Format(formatted, name); diags.HasErrors() {
				t.Errorf("formatted to what cannot be read: %v", diags)
			}
		}
	})
}

// heavy tells whether a source may ask for large numbers: of deckies, of
// elements, of characters. What is asked for is made, up to limits that suit a
// fleet rather than a fuzzer.
func heavy(source []byte) bool {
	digits := 0
	for _, c := range source {
		if digits++; c < '0' || c > '9' {
			digits = 0
		}
		if digits > 3 {
			return true
		}
	}
	return bytes.Contains(source, []byte("e+")) || bytes.Contains(source, []byte("pow"))
}
