package lint_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/lint"
)

var update = flag.Bool("update", false, "rewrite what testdata/*.txtar want")

// site is what an example has that says no network of its own.
const site = `
network "lan" {
  parent  = "eth0"
  subnet  = "10.20.0.0/24"
  gateway = "10.20.0.1"
  pool    = "10.20.0.50-10.20.0.250"
}
rule "login" {
  technique = "T1078"
  when      = event.kind == "auth.attempt" && event.success
}
sink "log" {
  type = "file"
  path = "events.log"
}
`

// services are the real services' slugs and arguments as far as rules look at
// them, and some that are still to come.
func services() map[string]schema.ServiceType {
	out := map[string]schema.ServiceType{}
	add := func(slug string, port uint16, arguments ...schema.Argument) {
		out[slug] = schema.ServiceType{Slug: slug, Ports: []schema.Port{{Number: port, Transport: "tcp"}}, Arguments: arguments}
	}
	text := func(name string) schema.Argument { return schema.Argument{Name: name, Type: "string"} }
	number := func(name string) schema.Argument { return schema.Argument{Name: name, Type: "number"} }
	users := schema.Argument{Name: "users", Type: "map(string)", Sensitive: true}
	add("ssh", 22, text("banner"), users, number("failure_delay"), number("max_auth_tries"))
	add("http", 80, text("server"), text("title"), text("index"))
	add("redis", 6379, text("version"), schema.Argument{Name: "requirepass", Type: "string", Sensitive: true}, users)
	add("mqtt", 1883, schema.Argument{Name: "accept_all", Type: "bool"}, text("login_mode"))
	for slug, port := range map[string]uint16{"rdp": 3389, "llmnr": 5355, "telnet": 23, "smb": 445, "ftp": 21, "mysql": 3306, "docker_api": 2375, "smtp": 25, "snmp": 161, "conpot": 502} {
		add(slug, port)
	}
	return out
}

// loaded is a configuration of files, evaluated. Errors end the test.
func loaded(t testing.TB, files map[string]string) (*schema.Configuration, *schema.Desired) {
	t.Helper()
	fsys := fstest.MapFS{}
	whole := ""
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(data)}
		whole += data
	}
	if !strings.Contains(whole, "network \"") {
		fsys["site.hcl"] = &fstest.MapFile{Data: []byte(site)}
	}
	c, diags := schema.Load(fsys, schema.Options{Name: "test", Catalogue: modules.FS})
	var desired *schema.Desired
	if !diags.HasErrors() {
		var more hcl.Diagnostics
		desired, more = c.Evaluate(schema.EvalOptions{Services: services(), Seed: "s"})
		diags = append(diags, more...)
	}
	if diags.HasErrors() {
		var b bytes.Buffer
		_ = diag.Write(&b, c.Files(), diags, diag.Style{})
		t.Fatal(b.String())
	}
	return c, desired
}

func run(t testing.TB, files map[string]string, o lint.Options) *lint.Report {
	t.Helper()
	c, desired := loaded(t, files)
	o.Files = c.Files()
	report, err := lint.Run(desired, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// listed is a report as the archives want it.
func listed(findings []lint.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		place := "-"
		if f.Range != nil {
			place = fmt.Sprintf("%s:%d", f.Range.Filename, f.Range.Start.Line)
		}
		fmt.Fprintf(&b, "%s %s %s: %s", place, f.Severity, f.Rule, f.Message)
		for _, s := range f.Subjects {
			fmt.Fprintf(&b, " %s", s.Address)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestRules runs the examples of every rule: testdata/ID.txtar holds the
// configurations fail/ and pass/ (and fail-2/ and so on), and beside each
// fail*/ what it finds. A rule without both fails the test.
func TestRules(t *testing.T) {
	archives, err := filepath.Glob("testdata/DN*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	unknown := map[string]bool{}
	for _, name := range archives {
		unknown[name] = true
	}
	if len(lint.Rules()) < 28 {
		t.Errorf("there are %d rules, at least 28 are promised", len(lint.Rules()))
	}
	for _, rule := range lint.Rules() {
		name := "testdata/" + rule.ID + ".txtar"
		delete(unknown, name)
		t.Run(rule.ID, func(t *testing.T) { examples(t, rule, name) })
	}
	for name := range unknown {
		t.Errorf("%s is of no rule", name)
	}
}

func examples(t *testing.T, rule lint.Rule, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatalf("every rule has a failing and a passing example: %v", err)
	}
	cases := map[string]map[string]string{}
	wants := map[string]int{}
	for i, f := range archive.Files {
		dir, file, found := strings.Cut(f.Name, "/")
		if !found {
			t.Fatalf("%s: files stand in fail/ or pass/", f.Name)
		}
		if file == "want" {
			wants[dir] = i
			continue
		}
		if cases[dir] == nil {
			cases[dir] = map[string]string{}
		}
		cases[dir][file] = string(f.Data)
	}
	if cases["fail"] == nil || cases["pass"] == nil {
		t.Fatal("every rule has a failing and a passing example")
	}
	for dir, files := range cases {
		// Unused comments are found only of rules that ran.
		o := lint.Options{Only: []string{rule.ID}}
		if rule.Check == nil {
			o.Only = nil
		}
		report := run(t, files, o)
		found := slices.DeleteFunc(slices.Clone(report.Findings), func(f lint.Finding) bool { return f.Rule != rule.ID })
		got := listed(found)
		if strings.HasPrefix(dir, "pass") {
			if got != "" {
				t.Errorf("%s:\n%s", dir, got)
			}
			continue
		}
		if got == "" {
			t.Errorf("%s: the rule finds nothing", dir)
		}
		at, known := wants[dir]
		if *update {
			if !known {
				archive.Files = append(archive.Files, txtar.File{Name: dir + "/want"})
				at = len(archive.Files) - 1
			}
			archive.Files[at].Data = []byte(got)
		} else if !known {
			t.Errorf("%s has no want; run with -update and read it", dir)
		} else if diff := cmp.Diff(string(archive.Files[at].Data), got); diff != "" {
			t.Errorf("%s: %s", dir, diff)
		}
	}
	if *update {
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRulesAreWhole holds every rule to what explain prints.
func TestRulesAreWhole(t *testing.T) {
	ids, names := map[string]bool{}, map[string]bool{}
	last := ""
	for _, r := range lint.Rules() {
		if r.ID <= last {
			t.Errorf("%s stands after %s", r.ID, last)
		}
		last = r.ID
		if ids[r.ID] || names[r.Name] {
			t.Errorf("%s %s is there twice", r.ID, r.Name)
		}
		ids[r.ID], names[r.Name] = true, true
		if r.Summary == "" || r.Doc.Why == "" || r.Doc.Fix == "" || !strings.HasSuffix(r.Summary, ".") {
			t.Errorf("%s is not documented", r.ID)
		}
		if found, ok := lint.Lookup(r.Name); !ok || found.ID != r.ID {
			t.Errorf("%s is not found by its name", r.ID)
		}
	}
	if _, ok := lint.Lookup("DN9999"); ok {
		t.Error("DN9999 is found")
	}
	if got := lint.Nearest("DN103"); got != "DN1031" && !strings.HasPrefix(got, "DN10") {
		t.Errorf("DN103 is near %q", got)
	}
}

func TestSeverity(t *testing.T) {
	for i, name := range lint.Severities() {
		var s lint.Severity
		if err := s.UnmarshalText([]byte(name)); err != nil || int(s) != i || s.String() != name {
			t.Errorf("%s: %v %v", name, s, err)
		}
		if text, err := json.Marshal(s); err != nil || string(text) != `"`+name+`"` {
			t.Errorf("%s: %s %v", name, text, err)
		}
	}
	var s lint.Severity
	if err := s.UnmarshalText([]byte("fatal")); err == nil {
		t.Error("fatal is a severity")
	}
}
