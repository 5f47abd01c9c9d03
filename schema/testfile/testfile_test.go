package testfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/schema/testfile"
)

const whole = `
variables { site = "test" }

run "first" {
  command = plan
  assert {
    condition     = output.n == 1
    error_message = "n"
  }
  expect_failures = [check.names, var.n, decky.db["a"], decky.web[0]]
}

run "second" {
  variables { n = run.first.n }
  probe "tcp" {
    target        = decky.web[0]
    port          = 22
    expect_banner = "^SSH"
    assert {
      condition     = probe.open
      error_message = "closed"
    }
  }
  probe "ssh" {
    target = "10.77.0.100"
    user   = "root"
  }
  probe "http" { target = decky.web }
}
`

func TestParse(t *testing.T) {
	f, diags := testfile.Parse([]byte(whole), "a.test.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	type shape struct {
		Name      string
		Command   testfile.Command
		Variables []string
		Asserts   int
		Expected  []string
		Probes    []string
	}
	var got []shape
	for _, r := range f.Runs {
		s := shape{Name: r.Name, Command: r.Command, Asserts: len(r.Asserts)}
		for _, v := range r.Variables {
			s.Variables = append(s.Variables, v.Name)
		}
		for _, e := range r.Expected {
			s.Expected = append(s.Expected, e.Address)
		}
		for _, p := range r.Probes {
			s.Probes = append(s.Probes, string(p.Kind)+strings.Repeat("!", len(p.Asserts)))
		}
		got = append(got, s)
	}
	want := []shape{
		{Name: "first", Command: testfile.Plan, Asserts: 1, Expected: []string{"check.names", "var.n", `decky.db["a"]`, "decky.web[0]"}},
		{Name: "second", Command: testfile.Apply, Variables: []string{"n"}, Probes: []string{"tcp!", "ssh", "http"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(f.Variables) != 1 || f.Variables[0].Name != "site" {
		t.Errorf("variables %+v", f.Variables)
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for source, want := range map[string]string{
		`run { }`:                    `Write run "name"`,
		`run "a b" { }`:              `cannot be called "a b"`,
		"run \"a\" {}\nrun \"a\" {}": `run "a" stands twice`,
		`rnu "a" {}`:                 `no block "rnu"`,
		`x = 1`:                      `no argument "x" in a test file`,
		`variables = 1`:              "variables is a block",
		`variables "x" {}`:           "variables has 1 labels",
		"variables { a = 1 }\nvariables { a = 2 }":                       "a has a value already",
		"variables {\n b {}\n}":                                          "holds values only",
		`run "a" { command = destroy }`:                                  "plans or applies",
		`run "a" { comand = plan }`:                                      `Did you mean "command"`,
		`run "a" { expect_failures = check.x }`:                          "a list of references",
		`run "a" { expect_failures = [1] }`:                              "Only a reference",
		`run "a" { expect_failures = [rule.x] }`:                         `no checkable object "rule"`,
		"run \"a\" {\n assert { condition = true }\n}":                   "assert has no error_message",
		"run \"a\" {\n probe \"udp\" {}\n}":                              `no kind of probe "udp"`,
		"run \"a\" {\n probe \"tcp\" { port = 1 }\n}":                    "no target",
		"run \"a\" {\n probe \"tcp\" { pth = 1 }\n}":                     `no argument "pth"`,
		"run \"a\" {\n probe {}\n}":                                      `Write probe "tcp"`,
		"run \"a\" {\n command = plan\n probe \"tcp\" { target = 1 }\n}": "nothing to probe",
		"run \"a\" {":              "Unclosed",
		strings.Repeat("[", 300):   "nest too deep",
		strings.Repeat(" ", 2<<20): "too large",
	} {
		_, diags := testfile.Parse([]byte(source), "a.test.hcl")
		if !diags.HasErrors() {
			t.Errorf("%.60s: no error", source)
			continue
		}
		text := ""
		for _, d := range diags {
			text += d.Summary + ": " + d.Detail + "\n"
			if d.Subject == nil || d.Subject.Filename != "a.test.hcl" {
				t.Errorf("%.60s: %s has no place", source, d.Summary)
			}
		}
		if !strings.Contains(text, want) {
			t.Errorf("%.60s: %s, want %q", source, text, want)
		}
	}
}

// FuzzParse reads anything; what parses without errors is complete.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add(`run "x" { probe "ssh" {`)
	f.Add("run \"a\" {\n expect_failures = [a[b]]\n}")
	f.Add("run \"a\" {\n expect_failures = [check[1.5], var[null]]\n assert {}\n}")
	f.Fuzz(func(t *testing.T, source string) {
		file, diags := testfile.Parse([]byte(source), "f")
		if file == nil {
			t.Fatal("no file")
		}
		if diags.HasErrors() {
			return
		}
		for _, r := range file.Runs {
			if r.Name == "" || r.Command != testfile.Plan && r.Command != testfile.Apply {
				t.Errorf("run %+v", r)
			}
			for _, a := range r.Asserts {
				if a.Condition == nil || a.Message == nil {
					t.Errorf("assert %+v", a)
				}
			}
			for _, p := range r.Probes {
				if p.Arguments["target"] == nil {
					t.Errorf("probe %+v", p)
				}
			}
		}
	})
}
