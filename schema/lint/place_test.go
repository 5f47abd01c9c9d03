package lint_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/lint"
)

// TestSuppressions says where a comment may stand and what it reaches.
func TestSuppressions(t *testing.T) {
	const named = "  network  = network.lan\n  services = [\"ssh\"]\n"
	for _, c := range []struct {
		name, hcl        string
		found, takenBack string
	}{
		{"before a block", "# decnet:ignore DN1060: a joke\ndecky \"a\" {\n  hostname = \"fake\"\n" + named + "}\n", "", "DN1060 a joke decky.a"},
		{"before an argument", "decky \"a\" {\n  # decnet:ignore DN1060: a joke\n  hostname = \"fake\"\n" + named + "}\n", "", "DN1060 a joke decky.a"},
		{"beside an argument", "decky \"a\" {\n  hostname = \"fake\" // decnet:ignore DN1060: a joke\n" + named + "}\n", "", "DN1060 a joke decky.a"},
		{"in a stack of comments", "# decnet:ignore DN1060: a joke\n# and more\n\n# of this\ndecky \"a\" {\n  hostname = \"fake\"\n" + named + "}\n", "", ""},
		{"directly stacked", "/* decnet:ignore DN1060: a joke */\n# and more\ndecky \"a\" {\n  hostname = \"fake\"\n" + named + "}\n", "", "DN1060 a joke decky.a"},
		{"before another argument", "decky \"a\" {\n  hostname = \"fake\"\n  # decnet:ignore DN1060: a joke\n" + named + "}\n", "", ""},
		{"of a group, one", "# decnet:ignore DN1035: a joke\ndecky \"a\" {\n  network = network.lan\n  services = [\"redis\"]\n}\ndecky \"b\" {\n  network = network.lan\n  services = [\"redis\"]\n}\n", "", "DN1035 a joke decky.a.service.redis"},
		{"of a larger group, one", "# decnet:ignore DN1035: a joke\ndecky \"a\" {\n  network = network.lan\n  services = [\"redis\"]\n}\ndecky \"b\" {\n  count = 2\n  network = network.lan\n  services = [\"redis\"]\n}\n",
			"DN1035 decky.b[0].service.redis decky.b[1].service.redis", "DN1035 a joke decky.a.service.redis"},
		{"of the fleet", "# decnet:ignore DN1036: a joke\ndecnet {\n  name = \"x\"\n}\ndecky \"a\" {\n  network = network.lan\n  service \"ssh\" { ports = [2222] }\n}\n", "", "DN1036 a joke"},
	} {
		report := run(t, map[string]string{"main.hcl": c.hcl}, lint.Options{Only: []string{"DN1060", "DN1035", "DN1036"}})
		got := brief(report.Findings)
		if taken := brief(report.Suppressed); taken != c.takenBack || c.takenBack != "" && got != c.found {
			t.Errorf("%s: taken back %q, found %q", c.name, taken, got)
		}
		if c.takenBack == "" && !strings.Contains(got, "DN1060") {
			t.Errorf("%s: nothing is found", c.name)
		}
	}
}

// TestModules: what a module says is found, placed and taken back in its own
// files, and once for all its instances.
func TestModules(t *testing.T) {
	report := run(t, map[string]string{
		"main.hcl": site + `
module "branch" {
  count   = 2
  source  = "./modules/branch"
  network = network.lan
  n       = count.index
}
`,
		"modules/branch/main.hcl": `variable "network" {
  type = any
}
variable "n" {
  type = number
}
decky "a" {
  network  = var.network
  mac      = "02:42:00:00:00:0${var.n}"
  services = ["ssh"]
}
# decnet:ignore DN1067: the branch has moved, its domain has not
decky "b" {
  network  = var.network
  domain   = "corp.test"
  services = ["ssh"]
}
`,
	}, lint.Options{Only: []string{"DN1020", "DN1067"}})
	if got := listed(report.Findings); got != `modules/branch/main.hcl:9 error DN1020: The MAC begins with 02:42, as Docker's containers have it. module.branch[0].decky.a module.branch[1].decky.a`+"\n" {
		t.Error(got)
	}
	if got := brief(report.Suppressed); !strings.HasSuffix(got, "module.branch[0].decky.b module.branch[1].decky.b") {
		t.Error(got)
	}
}

func brief(findings []lint.Finding) string {
	var out []string
	for _, f := range findings {
		words := []string{f.Rule}
		if f.Reason != "" {
			words = append(words, f.Reason)
		}
		for _, s := range f.Subjects {
			words = append(words, string(s.Address))
		}
		out = append(out, strings.Join(words, " "))
	}
	return strings.Join(out, "; ")
}

// TestPlaces holds ranges to the argument that says it, and to the block where
// no argument does.
func TestPlaces(t *testing.T) {
	report := run(t, map[string]string{
		"a.hcl": "# ümläuts before it\ndecky \"ä\" {\n  network = network.lan\n  hostname = \"fake\"\n}\n",
		"b.hcl": "decky \"b\" {\n  network = network.lan\n  vendor = \"vmware\"\n  os = \"embedded\"\n  service \"http\" {\n    server = \"Microsoft-IIS/10.0\"\n  }\n}\n",
	}, lint.Options{})
	var got []string
	for _, f := range report.Findings {
		got = append(got, f.Rule+" "+f.Range.String())
	}
	want := []string{
		"DN1031 a.hcl:2,1-10", "DN1060 a.hcl:4,3-20", "DN1023 b.hcl:3,3-20", "DN1001 b.hcl:6,5-34",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, f := range report.Findings {
		if text := f.Range.Start.Byte; text == 0 && f.Range.Start.Line > 1 {
			t.Errorf("%s has no offset", f.Rule)
		}
	}
}

// TestNothingSensitiveIsSaid: neither messages nor snippets hold what the
// configuration marks.
func TestNothingSensitiveIsSaid(t *testing.T) {
	c, desired := loaded(t, map[string]string{"main.hcl": `
variable "secret" {
  sensitive = true
  default   = "Microsoft-IIS/10.0 hunter2"
}
decky "a" {
  count   = 3
  network = network.lan
  service "http" {
    server = var.secret
    title  = var.secret
  }
  service "ssh" {
    users = { root = "hunter2", phil = "hunter2", a = "hunter2", b = "hunter2", c = "hunter2" }
  }
}
`})
	report, err := lint.Run(desired, lint.Options{Files: c.Files()})
	if err != nil {
		t.Fatal(err)
	}
	findings := report.Diagnose(c.Files())
	document, err := json.Marshal([]any{report, findings})
	if err != nil {
		t.Fatal(err)
	}
	if len(findings) < 6 || strings.Contains(string(document), "hunter2") || strings.Contains(string(document), "IIS") {
		t.Errorf("%d findings: %s", len(findings), document)
	}
	if !strings.Contains(string(document), "a sensitive value") {
		t.Errorf("what is hidden is not said: %s", document)
	}
}

func TestDiagnose(t *testing.T) {
	c, desired := loaded(t, map[string]string{"main.hcl": "\ndecky \"a\" {\n  count    = 12\n  network  = network.lan\n  distro   = \"debian\"\n  services = [\"ssh\"]\n}\n"})
	report, err := lint.Run(desired, lint.Options{Files: c.Files(), Only: []string{"DN1080"}})
	if err != nil {
		t.Fatal(err)
	}
	if worst, any := report.Worst(); !any || worst != lint.Note {
		t.Errorf("worst %v %v", worst, any)
	}
	findings := report.Diagnose(c.Files())
	if len(findings) != 1 {
		t.Fatalf("%+v", findings)
	}
	f := findings[0]
	if f.Address != "" || f.Snippet != "  distro   = \"debian\"" || !strings.HasSuffix(f.Detail, "decky.a[7] and 4 more.") || strings.HasSuffix(f.Summary, ".") ||
		f.Help != "decnet explain DN1080" || f.Fix == "" || f.Context != `decky "a"` {
		t.Errorf("%+v", f)
	}
}

// TestNoFiles: without files findings keep the place of their block.
func TestNoFiles(t *testing.T) {
	_, desired := loaded(t, map[string]string{"main.hcl": "\ndecky \"a\" {\n  network  = network.lan\n  hostname = \"fake\"\n}\n"})
	report, err := lint.Run(desired, lint.Options{Only: []string{"DN1060"}})
	if err != nil || len(report.Findings) != 1 || report.Findings[0].Range.Start.Line != 2 {
		t.Errorf("%+v %v", report, err)
	}
	report, err = lint.Run(&schema.Desired{}, lint.Options{})
	if err != nil || len(report.Findings) != 0 || report.Score.Fleet != 100 {
		t.Errorf("%+v %v", report, err)
	}
}

// FuzzComments puts any text in a comment of a configuration.
func FuzzComments(f *testing.F) {
	f.Add("# decnet:ignore DN1031: x")
	f.Add("/* decnet:ignore DN1031, DN9: x */")
	f.Add("// decnet:ignore : \x1b[0m")
	f.Fuzz(func(t *testing.T, comment string) {
		source := comment + "\ndecky \"a\" {\n  network = network.lan\n}\n"
		fsys := fstest.MapFS{"main.hcl": {Data: []byte(source)}, "site.hcl": {Data: []byte(site)}}
		c, diags := schema.Load(fsys, schema.Options{Name: "fuzz"})
		if diags.HasErrors() {
			return
		}
		report, err := lint.Run(&schema.Desired{}, lint.Options{Files: c.Files()})
		if err != nil {
			t.Fatal(err)
		}
		report.Diagnose(c.Files())
	})
}
