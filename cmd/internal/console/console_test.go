package console_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/cmd/internal/console"
	"github.com/decnet/decnet/cmd/internal/terminaltest"
	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/function"
)

const configuration = `
variable "token" {
  default   = "hush-hush"
  sensitive = true
}
locals {
  ports  = [22, 80]
  users  = { root = var.token, "a b" = "x" }
  banner = "line one\nline two\n"
}
network "lab" {
  parent = "eth0"
  subnet = "10.0.0.0/24"
}
decky "web" {
  count    = 2
  network  = network.lab
  hostname = format("web-%d", count.index)
}
output "first" { value = decky.web[0].hostname }
`

func scope(t testing.TB) *schema.Scope {
	t.Helper()
	c, diags := schema.Load(fstest.MapFS{"main.hcl": {Data: []byte(configuration)}}, schema.Options{Catalogue: modules.FS})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, s, diags := c.EvaluateScope(schema.EvalOptions{Seed: "calm"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return s
}

func run(t testing.TB, input string) (string, string, error) {
	t.Helper()
	var out, errs strings.Builder
	c := console.Console{Scope: scope(t), In: strings.NewReader(input), Out: &out, Err: &errs}
	err := c.Run(context.Background())
	return out.String(), errs.String(), err
}

func TestValues(t *testing.T) {
	for source, want := range map[string]string{
		"1 + 2":                        "3\n",
		`"a${upper("b")}"`:             "\"aB\"\n",
		"local.ports[1]":               "80\n",
		"output.first":                 "\"web-0\"\n",
		"decky.web[*].hostname":        "[\n  \"web-0\",\n  \"web-1\",\n]\n",
		"var.token":                    "(sensitive value)\n",
		"[var.token, 1]":               "[\n  (sensitive value),\n  1,\n]\n",
		"local.users":                  "{\n  \"a b\" = \"x\"\n  root = (sensitive value)\n}\n",
		`"x${var.token}"`:              "(sensitive value)\n",
		"local.banner":                 "<<EOT\nline one\nline two\nEOT\n",
		"toset([2, 1])":                "toset([\n  1,\n  2,\n])\n",
		"tomap({a = true})":            "tomap({\n  a = true\n})\n",
		"null":                         "null\n",
		"tostring(null)":               "tostring(null)\n",
		"[]":                           "[]\n",
		"{}":                           "{}\n",
		"[\n1,\n2\n]":                  "[\n  1,\n  2,\n]\n",
		"upper(<<EOT\nx\nEOT\n)":       "<<EOT\nX\nEOT\n",
		"length(\n\n  local.ports\n)":  "2\n",
		"type(local.ports)":            "tuple([number,number])\n",
		"type(var.token)":              "string\n",
		"local":                        "{\n  banner = <<EOT\nline one\nline two\nEOT\n  ports = [\n    22,\n    80,\n  ]\n  users = {\n    \"a b\" = \"x\"\n    root = (sensitive value)\n  }\n}\n",
		"\n\n1\n\n2\n":                 "1\n2\n",
		"1\nexit\n2":                   "1\n",
		"":                             "",
		"\"\\u001b[31mred\"":           "\"\\u001b[31mred\"\n",
		"[for p in local.ports : p*2]": "[\n  44,\n  160,\n]\n",
	} {
		out, errs, err := run(t, source)
		if diff := cmp.Diff(want, out); diff != "" || errs != "" || err != nil {
			t.Errorf("%s: %v %s\n%s", source, err, errs, diff)
		}
	}
}

func TestErrorsEndAScript(t *testing.T) {
	for source, want := range map[string]string{
		"1 +":                   "Missing expression",
		"var.tokens":            `Did you mean "token"`,
		"decky.web[7].hostname": "Invalid index",
		"varr.x":                `Did you mean "var"`,
		"[1,":                   "Unterminated tuple",
		"nonsense(1)":           "nonsense",
		"x = 1":                 "Extra characters",
		strings.Repeat("[", 5000) + strings.Repeat("]", 5000): "nest too deep",
	} {
		out, errs, err := run(t, source+"\n42\n")
		if !errors.Is(err, console.ErrFailed) || !strings.Contains(errs, want) || strings.Contains(out, "42") {
			t.Errorf("%.40s: %v\n%s%s", source, err, out, errs)
		}
	}
}

func TestErrorsKeepSecrets(t *testing.T) {
	_, errs, err := run(t, "parseint(var.token, 10)\n")
	if err == nil || strings.Contains(errs, "hush") {
		t.Errorf("%v\n%s", err, errs)
	}
}

func TestHelp(t *testing.T) {
	out, _, err := run(t, "help\n")
	if err != nil || !strings.Contains(out, "cidrhost") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTerminal types on a terminal: names are completed, an error does not end
// it, and the line discipline is given back.
func TestTerminal(t *testing.T) {
	terminal := terminaltest.New(t)
	tty := terminal.Program
	c := console.Console{Scope: scope(t), In: tty, Out: tty, Err: tty}
	ended := make(chan error, 1)
	go func() { ended <- c.Run(context.Background()) }()
	for _, step := range []struct{ typed, want string }{
		{"", "> "}, {"varr.x\r", "Did you mean"}, {"out\t\r", "\"web-0\""}, // output.first is the only one
		{"[1,\r", ". "}, {"2]\r", "2,"},
	} {
		terminal.Type(step.typed)
		terminal.Expect(step.want)
	}
	terminal.Type("exit\r")
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("exit did not end it")
	}
}

// TestFormatIsAnExpression evaluates what was printed and finds the value again.
func TestFormatIsAnExpression(t *testing.T) {
	functions := function.Pure()
	rapid.Check(t, func(t *rapid.T) {
		v := value(3).Draw(t, "value")
		source := console.Format(v)
		x, diags := hclsyntax.ParseExpression([]byte(source+"\n"), "x", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, source)
		}
		got, diags := x.Value(&hcl.EvalContext{Functions: functions})
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, source)
		}
		if got, err := convert.Convert(got, v.Type()); err != nil || !got.RawEquals(v) {
			t.Fatalf("%#v became %#v (%v)\n%s", v, got, err, source)
		}
	})
}

// value draws a value that nests at most so deep.
func value(depth int) *rapid.Generator[cty.Value] {
	leaf := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) cty.Value { return cty.StringVal(strings.ToValidUTF8(s, "?")) }),
		rapid.Map(rapid.SampledFrom([]string{"", "a\nb\n", "EOT\n", "${x}\n", "%{if}", "$${", "tab\t\n", "\x1b[0m\n", "\"\\\n", "  indented\n\n"}), cty.StringVal),
		rapid.Map(rapid.Int64(), cty.NumberIntVal),
		rapid.Map(rapid.Bool(), cty.BoolVal),
		rapid.Just(cty.NullVal(cty.String)),
	)
	if depth == 0 {
		return leaf
	}
	inner := value(depth - 1)
	names := rapid.OneOf(rapid.SampledFrom([]string{"a", "b-c", "a b", "for", "null", "true", "if", "${x}", "\n"}), rapid.StringMatching(`[a-z0-9_-]{1,6}`))
	return rapid.OneOf(leaf,
		rapid.Map(rapid.SliceOfN(inner, 0, 3), cty.TupleVal),
		rapid.Map(rapid.MapOfN(names, inner, 0, 3), cty.ObjectVal),
		rapid.Map(rapid.SliceOfN(rapid.String(), 1, 3), func(s []string) cty.Value { return cty.SetVal(texts(s)) }),
		rapid.Map(rapid.SliceOfN(rapid.String(), 1, 3), func(s []string) cty.Value { return cty.ListVal(texts(s)) }),
	)
}

func texts(s []string) []cty.Value {
	out := make([]cty.Value, len(s))
	for i, x := range s {
		out[i] = cty.StringVal(strings.ToValidUTF8(x, "?"))
	}
	return out
}

// FuzzConsole looks for a source that panics, never ends, or shows the secret.
func FuzzConsole(f *testing.F) {
	for _, s := range []string{"var.token", "[1,\n2]", "<<EOT\n${var.token}\nEOT\n", "type(local)", "decky", "local.users.root == 1", "jsonencode(local.users)"} {
		f.Add(s)
	}
	s := scope(f)
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 4096 {
			return
		}
		var out strings.Builder
		c := console.Console{Scope: s, In: strings.NewReader(source), Out: &out, Err: &out}
		_ = c.Run(context.Background()) // an error is as good as a value
		if strings.Contains(out.String(), "hush-hush") && !strings.Contains(source, "hush") && !strings.Contains(source, "nonsensitive") {
			t.Fatalf("the secret shows:\n%s", out.String())
		}
	})
}
