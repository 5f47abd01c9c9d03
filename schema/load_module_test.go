package schema_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/module"
)

// written makes a directory of files; "-> x" is a link, "/" a folder.
func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range sortedNames(files) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		content := files[name]
		var err error
		if target, link := strings.CutPrefix(content, "-> "); link {
			err = os.Symlink(target, path)
		} else if content == "/" {
			err = os.Mkdir(path, 0o755)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func sortedNames(files map[string]string) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TestLocalModulesStayInTheRepository: "../" leads as far as the nearest .git
// above, and no link leads further.
func TestLocalModulesStayInTheRepository(t *testing.T) {
	const text = `output "o" { value = [path.module, trimspace(file("${path.module}/x.txt"))] }`
	secret := written(t, map[string]string{"main.hcl": text, "x.txt": "secret"})
	files := map[string]string{
		"repo/.git":                    "/",
		"repo/shared/m/main.hcl":       text,
		"repo/shared/m/x.txt":          "shared",
		"repo/envs/prod/own/main.hcl":  text,
		"repo/envs/prod/own/x.txt":     "own",
		"repo/envs/prod/out":           "-> " + secret,
		"repo/envs/prod/in":            "-> ../../shared/m",
		"repo/envs/prod/leak/main.hcl": text,
		"repo/envs/prod/leak/x.txt":    "-> " + filepath.Join(secret, "x.txt"),
		"beside/main.hcl":              text,
		"beside/x.txt":                 "beside",
	}
	for source, want := range map[string]struct{ value, err string }{
		"./own":               {`["own","own"]`, ""},
		"../../shared/m":      {`["../../shared/m","shared"]`, ""},
		"./own/../own":        {`["own","own"]`, ""},
		"./in":                {`["in","shared"]`, ""},
		"../../../beside":     {"", "leads out"},
		"../../../../../../x": {"", "leads out"},
		"./out":               {"", "is not there"},
		"./leak":              {"", "Error in function call"},
	} {
		files["repo/envs/prod/main.hcl"] = fmt.Sprintf("module \"m\" { source = %q }\noutput \"o\" { value = module.m.o }\n", source)
		dir := written(t, files)
		c, diags := schema.LoadDir(filepath.Join(dir, "repo/envs/prod"), schema.Options{Catalogue: modules.FS})
		desired, more := c.Evaluate(schema.EvalOptions{})
		diags = append(diags, more...)
		switch {
		case want.err != "" && (len(diags) == 0 || !strings.Contains(rendered(t, c.Files(), diags), want.err)):
			t.Errorf("%s: %v, want %q", source, diags, want.err)
		case want.err == "" && (diags.HasErrors() || string(desired.Outputs[0].Value) != want.value):
			t.Errorf("%s: %v, %+v", source, diags, desired)
		}
		for _, f := range c.Files() {
			if strings.Contains(string(f.Bytes), "secret") {
				t.Errorf("%s: read what is outside", source)
			}
		}
	}
}

// TestWithoutRepositoryTheDirectoryIsTheBoundary also holds below a folder that
// a repository elsewhere knows nothing of.
func TestWithoutRepositoryTheDirectoryIsTheBoundary(t *testing.T) {
	dir := written(t, map[string]string{"a/main.hcl": `module "m" { source = "../b" }`, "b/main.hcl": ""})
	c, _ := schema.LoadDir(filepath.Join(dir, "a"), schema.Options{})
	if diags := c.Pending(); len(diags) != 1 || diags[0].Summary != "The source leads out" {
		t.Errorf("%v", diags)
	}
}

// fetched opens packages of a test.
type fetched map[string]fs.FS

func (f fetched) Open(s module.Source) (fs.FS, string, error) {
	if f[s.Package()] == nil {
		return nil, "", fmt.Errorf("nothing at %s: %w", s.Package(), module.ErrMissing)
	}
	return f[s.Package()], ".decnet/modules/x", nil
}

// TestFetchedModules: those of one package see each other and nothing outside.
func TestFetchedModules(t *testing.T) {
	pkg := fetched{"git::https://example.org/x.git?ref=v1": fstest.MapFS{
		"a/main.hcl":   {Data: []byte("module \"b\" { source = \"../b\" }\noutput \"o\" { value = module.b.o }\n")},
		"b/main.hcl":   {Data: []byte("output \"o\" { value = file(\"${path.module}/data\") }\n")},
		"b/data":       {Data: []byte("data")},
		"out/main.hcl": {Data: []byte(`module "x" { source = "../../x" }`)},
		"bad/main.hcl": {Data: []byte(`output "o" { value = nothing }`)},
	}}
	for folder, want := range map[string]string{
		"a": "", "out": "outside what it was fetched as", "bad": "on .decnet/modules/x/bad/main.hcl line 1", "none": "has no folder none",
	} {
		fsys := fstest.MapFS{"main.hcl": {Data: fmt.Appendf(nil, "module \"m\" { source = \"https://example.org/x.git//%s?ref=v1\" }\n", folder)}}
		c, diags := schema.Load(fsys, schema.Options{Modules: pkg})
		_, more := c.Evaluate(schema.EvalOptions{})
		diags = append(diags, more...)
		if got := rendered(t, c.Files(), diags); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %s", folder, got)
		}
	}
	c, _ := schema.Load(fstest.MapFS{"main.hcl": {Data: []byte(`module "m" { source = "https://example.org/y.git" }`)}}, schema.Options{Modules: pkg})
	if got := rendered(t, c.Files(), c.Pending()); !strings.Contains(got, "Run decnet get") {
		t.Errorf("%s", got)
	}
}

// TestModulesInJSON calls one in JSON syntax.
func TestModulesInJSON(t *testing.T) {
	d := evaluated(t, fstest.MapFS{
		"main.hcl.json": {Data: []byte(`{"module": {"m": {"source": "./m", "count": 2, "n": "${count.index}"}}, "output": {"o": {"value": "${module.m[*].o}"}}}`)},
		"m/m.hcl.json":  {Data: []byte(`{"variable": {"n": {"type": "number"}}, "output": {"o": {"value": "${var.n + 1}"}}}`)},
	}, schema.EvalOptions{})
	if diff := cmp.Diff("[1,2]", string(d.Outputs[0].Value)); diff != "" {
		t.Error(diff)
	}
}

// TestDeepModules: chains end at a depth, fans at a number.
func TestDeepModules(t *testing.T) {
	chain, fan := fstest.MapFS{"main.hcl": {Data: []byte(`module "m" { source = "./m0" }`)}}, fstest.MapFS{}
	for i := range 30 {
		chain[fmt.Sprintf("m%d/main.hcl", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "module \"m\" { source = \"../m%d\" }", i+1)}
	}
	chain["m30/main.hcl"] = &fstest.MapFile{Data: []byte("locals {\n}\n")}
	c, _ := schema.Load(chain, schema.Options{})
	if got := rendered(t, c.Files(), c.Pending()); !strings.Contains(got, "too deep") {
		t.Errorf("a chain: %s", got)
	}
	for i := range 13 {
		name := fmt.Sprintf("m%d/main.hcl", i)
		next := fmt.Sprintf("../m%d", i+1)
		if i == 0 {
			name, next = "main.hcl", "./m1"
		}
		fan[name] = &fstest.MapFile{Data: fmt.Appendf(nil, "module \"a\" { source = %q }\nmodule \"b\" { source = %q }\n", next, next)}
	}
	fan["m13/main.hcl"] = &fstest.MapFile{Data: []byte("locals {\n}\n")}
	c, diags := schema.Load(fan, schema.Options{})
	if got := rendered(t, c.Files(), diags); !strings.Contains(got, "too many modules") {
		t.Errorf("a fan: %s", got)
	}
}

// TestModulesKeepWhatTheyHave: one instance of a module more or less changes no
// other, whatever else is there.
func TestModulesKeepWhatTheyHave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,6}`), 2, 6, rapid.ID).Draw(t, "keys")
		size := rapid.IntRange(0, 4).Draw(t, "size")
		of := func(keys []string) fstest.MapFS {
			quoted := make([]string, 0, len(keys))
			for _, k := range keys {
				quoted = append(quoted, fmt.Sprintf("%q", k))
			}
			return fstest.MapFS{
				"main.hcl": {Data: fmt.Appendf(nil, `
decnet { seed = "s" }
network "n" {
  parent = "eth0"
  subnet = "10.0.0.0/22"
}
module "m" {
  source   = "./m"
  for_each = toset([%s])
  network  = network.n
}
decky "own" {
  network = network.n
}
`, strings.Join(quoted, ", "))},
				"m/main.hcl": {Data: fmt.Appendf(nil, "variable \"network\" {}\ndecky \"d\" {\n  count = %d\n  network = var.network\n  service \"ssh\" {}\n}\n", size)},
			}
		}
		before := evaluatedQuietly(t, of(keys[1:]), schema.EvalOptions{})
		after := evaluatedQuietly(t, of(keys), schema.EvalOptions{Prior: priorOf(before)})
		now := priorOf(after)
		for address, config := range priorOf(before) {
			if string(now[address]) != string(config) {
				t.Fatalf("%s was %s and is %s", address, config, now[address])
			}
		}
		names := map[string]string{}
		for _, i := range after.Instances {
			var c struct{ Name string }
			if i.Type != "decky" || json.Unmarshal(i.Config, &c) != nil {
				continue
			}
			if other := names[c.Name]; other != "" {
				t.Fatalf("%s and %s are both called %s", other, i.Address, c.Name)
			}
			names[c.Name] = string(i.Address)
		}
	})
}

func evaluatedQuietly(t *rapid.T, fsys fstest.MapFS, o schema.EvalOptions) *schema.Desired {
	c, diags := schema.Load(fsys, schema.Options{Name: "test", Catalogue: modules.FS})
	o.Services = services()
	desired, more := c.Evaluate(o)
	if diags = append(diags, more...); diags.HasErrors() {
		t.Fatal(diags)
	}
	return desired
}

// BenchmarkModules is 5,000 deckies in modules: many small ones, a few large
// ones.
func BenchmarkModules(b *testing.B) {
	for _, n := range []int{1000, 5} {
		fsys := fstest.MapFS{
			"main.hcl": {Data: fmt.Appendf(nil, `
decnet { seed = "s" }
network "n" {
  parent = "eth0"
  subnet = "10.0.0.0/16"
}
module "m" {
  source  = "./m"
  count   = %d
  network = network.n
}
`, n)},
			"m/main.hcl": {Data: fmt.Appendf(nil, "variable \"network\" {}\ndecky \"d\" {\n  count = %d\n  network = var.network\n  archetype = \"linux-server\"\n  service \"redis\" {}\n}\n", 5000/n)},
		}
		b.Run(fmt.Sprintf("%dx%d", n, 5000/n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := evaluated(b, fsys, schema.EvalOptions{}); len(d.Instances) != 20_001 {
					b.Fatalf("%d instances", len(d.Instances))
				}
			}
		})
	}
}

// FuzzModules: whatever a configuration and its module hold, loading and
// evaluating ends with a result or with errors.
func FuzzModules(f *testing.F) {
	archives, err := filepath.Glob("testdata/modules*.txtar")
	if err != nil || len(archives) < 10 {
		f.Fatalf("%d archives: %v", len(archives), err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		var main, inner string
		for _, file := range archive.Files {
			switch {
			case file.Name == "main.hcl":
				main = string(file.Data)
			case strings.HasSuffix(file.Name, ".hcl"):
				inner = string(file.Data)
			}
		}
		f.Add(main, inner)
	}
	f.Fuzz(func(t *testing.T, main, inner string) {
		if strings.Count(main+inner, "count") > 3 || len(main)+len(inner) > 1<<14 {
			return // instances of instances multiply: thousands are valid, and take their time
		}
		c, diags := schema.Load(fstest.MapFS{"main.hcl": {Data: []byte(main)}, "m/main.hcl": {Data: []byte(inner)}}, schema.Options{Name: "f", Catalogue: modules.FS})
		if diags.HasErrors() {
			return
		}
		desired, diags := c.Evaluate(schema.EvalOptions{Services: services()})
		if (desired == nil) != diags.HasErrors() {
			t.Fatalf("%v with %v", desired, diags)
		}
	})
}
