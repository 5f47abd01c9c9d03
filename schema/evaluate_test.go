package schema_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/rule"
)

// TestInstancesAreWhatTheirStructsSay re-encodes every configuration: what
// Evaluate writes is what json.Marshal of the struct writes.
func TestInstancesAreWhatTheirStructsSay(t *testing.T) {
	d := evaluated(t, fstest.MapFS{"main.hcl": {Data: []byte(`
decnet { seed = "s" }
network "n" {
  parent      = "eth0"
  subnet      = "10.0.0.0/24"
  host_access = true
}
decky "web" {
  for_each  = toset(["a <&> \"b\"", "ünï"])
  network   = network.n
  archetype = "linux-server"
  domain    = "example.com"
  service "ssh" {
    users  = { "ro\"ot<" = "pass&word" }
    motd   = ["a", "b"]
    tries  = 3
    banner = null
  }
}
decky "bare" { network = network.n }
rule "r" {
  technique = "T1110"
  when      = event.kind == "scan"
}
sink "s" {
  type = "file"
  path = "x"
}
`)}}, schema.EvalOptions{})
	types := map[string]func() any{
		"network": func() any { return &schema.Network{} }, "decky": func() any { return &schema.Decky{} },
		"service": func() any { return &schema.Service{} }, "rule": func() any { return &schema.Rule{} }, "sink": func() any { return &schema.Sink{} },
	}
	addresses := make([]addr.Address, 0, len(d.Instances))
	for _, i := range d.Instances {
		addresses = append(addresses, i.Address)
		config := types[i.Type]()
		decode(t, i.Config, config)
		again, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(again), string(i.Config)); diff != "" {
			t.Errorf("%s:\n%s", i.Address, diff)
		}
		if sum := sha256.Sum256(i.Config); i.Digest != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: digest %s", i.Address, i.Digest)
		}
		if _, err := addr.Parse(string(i.Address)); err != nil {
			t.Error(err)
		}
		if want := map[string]int{"decky": 1, "service": 1}[i.Type]; len(i.Parents) != want {
			t.Errorf("%s has parents %v", i.Address, i.Parents)
		}
	}
	if !slices.IsSortedFunc(addresses, addr.Compare) || len(addresses) != 10 {
		t.Errorf("%d instances: %v", len(addresses), addresses)
	}
}

func TestSettingsAreKnownBeforeEvaluating(t *testing.T) {
	c, diags := schema.Load(fstest.MapFS{"main.hcl": {Data: []byte(`decnet {
  name    = "corp"
  state   = "/var/lib/x.db"
  runtime = "native"
  seed    = "s"
  secret  = "key"
}
decky "broken" {}
`)}}, schema.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	got := c.Settings()
	if got.Name != "corp" || got.State != "/var/lib/x.db" || got.Runtime != "native" || got.Seed != "s" || got.Secret != "key" {
		t.Errorf("%+v", got)
	}
	if d, diags := c.Evaluate(schema.EvalOptions{}); d != nil || !diags.HasErrors() {
		t.Errorf("a decky without a network: %v, %v", d, diags)
	}
	for name, want := range map[string]string{"My Fleet!": "my-fleet", "123": "decnet", "": "decnet", "a_b": "a-b"} {
		c, _ := schema.Load(fstest.MapFS{"a.hcl": {}}, schema.Options{Name: name})
		if got := c.Settings().Name; got != want {
			t.Errorf("a directory %q makes the name %q, want %q", name, got, want)
		}
	}
}

func TestLoadDirReadsNothingOutside(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "inside"), []byte("fine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{`output "o" { value = file("inside") }`: "", `output "o" { value = file("link") }`: "escapes"} {
		if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		c, diags := schema.LoadDir(dir, schema.Options{})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		_, diags = c.Evaluate(schema.EvalOptions{})
		if (want == "") == diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("%s: %v, want %q", source, diags, want)
		}
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	deep := strings.Repeat("[", 300)
	for name, c := range map[string]struct {
		fsys fs.FS
		want string
	}{
		"nothing":   {fstest.MapFS{"README.md": {}, "x.test.hcl": {}, "values.vars.hcl": {}}, "no configuration"},
		"no folder": {broken{}, "cannot be read"},
		"too large": {fstest.MapFS{"a.hcl": {Data: bytes.Repeat([]byte("#"), schema.MaxSource+1)}}, "larger than"},
		"too deep":  {fstest.MapFS{"a.hcl": {Data: []byte("locals { x = " + deep)}}, "too deep"},
	} {
		loaded, diags := schema.Load(c.fsys, schema.Options{})
		if !strings.Contains(diags.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, diags, c.want)
		}
		if d, diags := loaded.Evaluate(schema.EvalOptions{}); d != nil || !diags.HasErrors() {
			t.Errorf("%s: evaluated all the same", name)
		}
	}
}

type broken struct{}

func (broken) Open(string) (fs.File, error) { return nil, errors.New("no such device") }

func TestSeedAndRuntimeOfTheConfigurationWin(t *testing.T) {
	plain := fstest.MapFS{"a.hcl": {Data: []byte(`
network "n" {
  parent = "eth0"
  subnet = "10.0.0.0/24"
}
decky "a" { network = network.n }
`)}}
	first := evaluated(t, plain, schema.EvalOptions{Seed: "one", DefaultRuntime: "docker"})
	second := evaluated(t, plain, schema.EvalOptions{Seed: "two"})
	if first.Seed != "one" || first.Instances[0].Runtime != "docker" || first.Instances[1].Runtime != "docker" || second.Instances[0].Runtime != "native" {
		t.Errorf("%+v", first)
	}
	if first.Instances[0].Digest == second.Instances[0].Digest {
		t.Error("another seed made the same decky")
	}
	plain["b.hcl"] = &fstest.MapFile{Data: []byte(`decnet {
  seed    = "one"
  runtime = "docker"
}`)}
	if third := evaluated(t, plain, schema.EvalOptions{Seed: "two", DefaultRuntime: "native"}); third.Instances[0].Digest != first.Instances[0].Digest || third.Instances[0].Runtime != "docker" {
		t.Errorf("%+v", third)
	}
}

func TestQuickstartPlans(t *testing.T) {
	c, diags := schema.LoadDir("../examples/quickstart", schema.Options{Catalogue: modules.FS})
	if diags.HasErrors() {
		t.Fatal(rendered(t, c.Files(), diags))
	}
	types := services()
	desired, diags := c.Evaluate(schema.EvalOptions{Services: types})
	if len(diags) > 0 {
		t.Fatal(rendered(t, c.Files(), diags))
	}
	count := map[string]int{}
	for _, i := range desired.Instances {
		count[i.Type]++
		if i.Type != "rule" {
			continue
		}
		var r schema.Rule
		decode(t, i.Config, &r)
		if _, diags := rule.Compile(r.When); diags.HasErrors() {
			t.Errorf("%s: %v", i.Address, diags)
		}
	}
	if diff := cmp.Diff(map[string]int{"network": 1, "decky": 5, "service": 6, "rule": 7, "sink": 1}, count); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"linux_ip", "web_ip", "database_ip"} {
		if !slices.ContainsFunc(desired.Outputs, func(o schema.Output) bool { return o.Name == name }) {
			t.Errorf("no output %s", name)
		}
	}
}

func TestFormatIsIdempotentAndSaysWhatItCannotRead(t *testing.T) {
	got, diags := schema.Format([]byte("a=1\nlonger   =   2\n"), "x.hcl")
	if string(got) != "a      = 1\nlonger = 2\n" || len(diags) > 0 {
		t.Errorf("%q, %v", got, diags)
	}
	if again, _ := schema.Format(got, "x.hcl"); !bytes.Equal(got, again) {
		t.Errorf("%q became %q", got, again)
	}
	if got, diags := schema.Format([]byte("a = ["), "x.hcl"); string(got) != "a = [" || !diags.HasErrors() {
		t.Errorf("%q, %v", got, diags)
	}
}

// TestCatalogueEvaluates uses every archetype on every distro.
func TestCatalogueEvaluates(t *testing.T) {
	var b strings.Builder
	b.WriteString("network \"n\" {\n  parent = \"eth0\"\n  subnet = \"10.0.0.0/24\"\n}\n")
	for _, archetype := range []string{"linux-server", "web-server", "database-server"} {
		b.WriteString("decky \"" + archetype + "\" {\n  for_each = toset([\"debian\", \"ubuntu22\", \"ubuntu20\", \"rocky9\", \"centos7\", \"alpine\", \"fedora\", \"kali\", \"arch\"])\n" +
			"  network = network.n\n  archetype = \"" + archetype + "\"\n  distro = each.key\n}\n")
	}
	seen := map[string]bool{}
	for _, i := range evaluated(t, fstest.MapFS{"main.hcl": {Data: []byte(b.String())}}, schema.EvalOptions{}).Instances {
		if i.Type != "decky" {
			continue
		}
		var c schema.Decky
		decode(t, i.Config, &c)
		seen[c.Host.Distro] = true
		h := c.Host
		if h.Title == "" || h.Kernel == "" || h.Build == "" || h.Machine != "x86_64" || h.Packages["openssh"] == "" || h.Packages["nginx"] == "" || h.Packages["redis"] == "" {
			t.Errorf("%s: %+v", i.Address, h)
		}
	}
	if len(seen) != 9 {
		t.Errorf("%v", seen)
	}
}

// TestInputs shows variables with the values that they have, and none of a
// sensitive one.
func TestInputs(t *testing.T) {
	c, diags := schema.Load(fstest.MapFS{
		"main.hcl": {Data: []byte(`
variable "a" { default = "from the default" }
variable "b" {
  type    = list(number)
  default = []
}
variable "c" {
  type      = string
  sensitive = true
}
variable "d" {
  type = object({ n = optional(number, 7) })
}
`)},
		"decnet.vars.hcl": {Data: []byte("b = [1, 2]\nc = \"hunter2\"\nd = {}\n")},
	}, schema.Options{Name: "inputs"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	desired, diags := c.Evaluate(schema.EvalOptions{Variables: []schema.Value{{Name: "a", Raw: "given"}}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	got, err := json.Marshal(desired.Inputs)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"name":"a","value":"given"},{"name":"b","value":[1,2]},{"name":"c","sensitive":true,"value":null},{"name":"d","value":{"n":7}}]`
	if string(got) != want {
		t.Errorf("inputs:\n%s\nwant\n%s", got, want)
	}
}
