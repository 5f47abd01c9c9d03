package plantext_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/view/plantext"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema/addr"
)

func text(t testing.TB, p *plan.Plan, o plantext.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := plantext.Write(&b, p, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// update plans one change of an instance of no known type.
func update(before, after string) *plan.Plan {
	return &plan.Plan{Changes: []plan.Change{{
		Address: "thing.x", Type: "thing", Action: plan.Update, Reasons: []plan.Reason{plan.ConfigChanged}, Before: json.RawMessage(before), Config: json.RawMessage(after),
	}}, Summary: plan.Summary{Update: 1}}
}

// body is the lines between the braces of the one change.
func body(t testing.TB, p *plan.Plan, o plantext.Options) string {
	t.Helper()
	_, rest, _ := strings.Cut(text(t, p, o), "{\n")
	inner, _, _ := strings.Cut(rest, "    }\n\n")
	return inner
}

func TestValues(t *testing.T) {
	for _, c := range []struct{ name, before, after, want string }{
		{"a number", `{"a":1}`, `{"a":2}`, "      ~ a = 1 -> 2\n"},
		{"null is a value", `{"a":null}`, `{"a":false}`, "      ~ a = null -> false\n"},
		{"a key that is no word", `{"a b":1}`, `{"a b":2}`, "      ~ \"a b\" = 1 -> 2\n"},
		{"control characters", `{"a":"x"}`, `{"a":"\u001b[31m\u202e"}`, "      ~ a = \"x\" -> \"\\x1b[31m\\u202e\"\n"},
		{"an object becomes a text", `{"a":{"b":1}}`, `{"a":"x"}`, "      ~ a = {\n            b = 1\n        } -> \"x\"\n"},
		{"an empty list", `{"a":[]}`, `{"a":[1]}`, "      ~ a = [\n          + 1,\n        ]\n"},
		{"an empty object goes", `{"a":{},"b":1}`, `{"b":1}`, "      - a = {} -> null\n        # (1 unchanged attribute hidden)\n"},
		{
			"an object is known by its name", `{"l":[{"name":"x","n":1},{"name":"y","n":1}]}`, `{"l":[{"name":"y","n":2},{"name":"x","n":1}]}`,
			"      ~ l = [\n          - {\n              - n    = 1 -> null\n              - name = \"x\" -> null\n            },\n          ~ {\n              ~ n    = 1 -> 2\n" +
				"                name = \"y\"\n            },\n          + {\n              + n    = 1\n              + name = \"x\"\n            },\n        ]\n",
		},
		{
			"objects without a name go by their place", `{"l":[{"n":1},{"n":5}]}`, `{"l":[{"n":2},{"n":5}]}`,
			"      ~ l = [\n          ~ {\n              ~ n = 1 -> 2\n            },\n            # (1 unchanged element hidden)\n        ]\n",
		},
		{"the last line break", `{"a":"x\ny"}`, `{"a":"x\ny\n"}`, "      ~ a = \"x\\ny\" -> \"x\\ny\\n\"\n"},
		{
			"lines", `{"a":"x\ny\n"}`, `{"a":"x\nz\n"}`,
			"      ~ a = <<-EOT\n            x\n          - y\n          + z\n        EOT\n",
		},
	} {
		if diff := cmp.Diff(c.want, body(t, update(c.before, c.after), plantext.Options{})); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

// TestNarrowTerminals puts what does not fit below.
func TestNarrowTerminals(t *testing.T) {
	long := strings.Repeat("x", 40)
	p := update(`{"name":"`+long+`"}`, `{"name":"`+long+`y"}`)
	want := "      ~ name = \"" + long + "\"\n            -> \"" + long + "y\"\n"
	if diff := cmp.Diff(want, body(t, p, plantext.Options{Width: 80})); diff != "" {
		t.Error(diff)
	}
	if got := body(t, p, plantext.Options{Width: 200}); strings.Count(got, "\n") != 1 {
		t.Errorf("there was room: %s", got)
	}
}

func TestColours(t *testing.T) {
	p := update(`{"a":1}`, `{"a":2}`)
	if got := text(t, p, plantext.Options{Style: view.Style{Color: true}}); !strings.Contains(got, "\x1b[33m~\x1b[0m") {
		t.Errorf("%q", got)
	}
	if got := text(t, p, plantext.Options{}); strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}

func TestViews(t *testing.T) {
	for name, want := range map[string]plantext.View{"": plantext.Diff, "summary": plantext.Summary, "diff": plantext.Diff, "full": plantext.Full} {
		if got, err := plantext.ParseView(name); err != nil || got != want {
			t.Errorf("%q: %s, %v", name, got, err)
		}
	}
	if _, err := plantext.ParseView("sumary"); err == nil || !strings.Contains(err.Error(), `Did you mean "summary"`) {
		t.Error(err)
	}
	if err := plantext.Write(refusing{}, update(`{}`, `{}`), plantext.Options{}); err == nil {
		t.Error("a full disk is no error")
	}
}

type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// TestBigPlansFold plans 500 hosts with two services each.
func TestBigPlansFold(t *testing.T) {
	p := &plan.Plan{}
	add := func(address string, because addr.Address) {
		c := plan.Change{Address: addr.Address(address), Type: "decky", Action: plan.Create, Reasons: []plan.Reason{plan.NotInState}, Config: json.RawMessage(`{}`)}
		if because != "" {
			c.Action, c.Because, c.Reasons = plan.Replace, because, []plan.Reason{plan.DependencyReplaced}
		}
		p.Changes = append(p.Changes, c)
	}
	for i := range 500 {
		add(fmt.Sprintf("decky.host[%d]", i), "")
		add(fmt.Sprintf("decky.host[%d].service.ssh", i), addr.Address(fmt.Sprintf("decky.host[%d]", i)))
	}
	for _, i := range []int{0, 2, 3, 4, 7} {
		add(fmt.Sprintf("decky.few[%d]", i), "")
	}
	for _, name := range []string{"g", "a", "b", "c", "d", "e", "f"} {
		add(fmt.Sprintf(`decky.named[%q]`, name), "")
	}
	add(`module.m["x"].decky.web[0]`, "")
	add(`module.m["y"].decky.web[1]`, "")
	got := text(t, p, plantext.Options{View: plantext.Summary})
	for _, want := range []string{
		"  + decky.host[0..499] will be created (not in state) [500 instances]\n",
		"-/+ decky.host[0..499].service.ssh must be replaced (dependency replaced: decky.host[*]) [500 instances]\n",
		"  + decky.few[0, 2..4, 7] will be created",
		`  + decky.named["a", "b", "c", "d", "e", "f", ...] will be created`,
		`  + module.m["x", "y"].decky.web[*] will be created`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n > 20 {
		t.Errorf("the summary has %d lines", n)
	}
}

// TestNothingIsLostBetweenTwoTexts reads both texts back from the lines that are
// shown.
func TestNothingIsLostBetweenTwoTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 2, 12)
		was, is := lines.Draw(t, "was"), lines.Draw(t, "is")
		document := func(lines []string) string {
			data, err := json.Marshal(map[string]string{"t": strings.Join(lines, "\n")})
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		var b bytes.Buffer
		if err := plantext.Write(&b, update(document(was), document(is)), plantext.Options{View: plantext.Full}); err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(b.String(), "<<-EOT\n")
		if !found {
			t.Fatalf("no text in %s", b.String())
		}
		shown, _, _ := strings.Cut(rest, "        EOT")
		var before, after []string
		for line := range strings.Lines(shown) {
			sign, word := line[10], strings.TrimSpace(line[11:])
			if sign != '+' {
				before = append(before, word)
			}
			if sign != '-' {
				after = append(after, word)
			}
		}
		if diff := cmp.Diff([][]string{was, is}, [][]string{before, after}); diff != "" {
			t.Fatalf("%s\n%s", diff, shown)
		}
	})
}

// FuzzWrite writes any two documents in every view.
func FuzzWrite(f *testing.F) {
	f.Add(`{"a":[{"name":"x"},1,null],"b":"l\nm"}`, `{"a":[{"name":"y"}],"b":"l\nn"}`)
	f.Add(`{"":{}}`, `[]`)
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, v := range []plantext.View{plantext.Summary, plantext.Diff, plantext.Full} {
			for _, r := range text(t, update(before, after), plantext.Options{View: v, Width: 40}) {
				if r < 0x20 && r != '\n' || r == 0x7f || r >= 0x202a && r <= 0x202e {
					t.Fatalf("%q reaches the terminal", r)
				}
			}
		}
	})
}
