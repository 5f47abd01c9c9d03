package suite_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/decnet/decnet/cmd/internal/suite"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/testfile"
)

func TestCheckFindsNamesThatAreNowhere(t *testing.T) {
	c, _ := schema.Load(fstest.MapFS{"main.hcl": {Data: []byte(configuration)}}, schema.Options{})
	_, scope, diags := c.EvaluateScope(schema.EvalOptions{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	assert := func(condition string) string {
		return "run \"a\" {\n assert {\n condition = " + condition + "\n error_message = \"x\"\n }\n}"
	}
	for source, want := range map[string]string{
		assert(`output.n == length(events) && run.a.n == var.n`):     "",
		"variables { n = 1 }\nrun \"a\" {\n variables { n = 2 }\n}":  "",
		"run \"a\" { expect_failures = [check.x, var.n, output.n] }": "",
		assert(`output.m == 1`):                       `no output "m"`,
		assert(`probe.open`):                          `no reference "probe"`,
		assert(`run.b.n == 1`):                        `no run "b" before`,
		"variables { m = 1 }":                         `no variable "m"`,
		"run \"a\" {\n variables { n = run.a.n }\n}":  `no run "a" before`,
		"run \"a\" { expect_failures = [decky.web] }": `no decky "web"`,
		"run \"a\" {\n probe \"tcp\" {\n target = decky.web\n port = 1\n }\n}":         `no decky "web"`,
		"run \"a\" {\n probe \"tcp\" {\n target = \"10.77.0.1\"\n port = evnts\n }\n}": `no reference "evnts"`,
	} {
		file, diags := testfile.Parse([]byte(source), "a.test.hcl")
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		text := ""
		for _, d := range suite.Check(file, scope) {
			text += d.Summary + ": " + d.Detail + "\n"
			if d.Subject == nil || d.Subject.Filename != "a.test.hcl" {
				t.Errorf("%s has no place", d.Summary)
			}
		}
		if (want == "") != (text == "") || !strings.Contains(text, want) {
			t.Errorf("%s: %q, want %q", source, text, want)
		}
	}
}
