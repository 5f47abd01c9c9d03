package view_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/schema/lint"
)

func TestBelievability(t *testing.T) {
	n := func(i int) *int { return &i }
	many := &lint.Comparison{After: 60, Rules: []string{"DN1060"}}
	for range 10 {
		many.Changes = append(many.Changes, lint.DeckyChange{Address: "decky.a", After: 75, Rules: []string{"DN1060"}})
	}
	for _, c := range []struct {
		of   *lint.Comparison
		want string
	}{
		{nil, ""},
		{&lint.Comparison{After: 100}, "Believability: 100 of 100.\n"},
		{&lint.Comparison{Before: n(83), After: 83}, "Believability: 83 of 100, as before.\n"},
		{&lint.Comparison{Before: n(70), After: 91, Changes: []lint.DeckyChange{{Address: "decky.a", Before: n(75), After: 100}}}, "Believability: 70 -> 91 of 100.\n"},
		{&lint.Comparison{Before: n(91), After: 70, Rules: []string{"DN1060"}, Changes: []lint.DeckyChange{{Address: "decky.a", Before: n(100), After: 75, Rules: []string{"DN1060"}}}},
			"Believability: 91 -> 70 of 100 (DN1060).\n  ! decky.a: 100 -> 75 (DN1060)\n"},
		{many, "Believability: 60 of 100 (DN1060).\n" + repeat("  ! decky.a: new -> 75 (DN1060)\n", 8) + "  and 2 more; decnet lint tells all.\n"},
	} {
		var b bytes.Buffer
		if err := view.Believability(&b, c.of, view.Style{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, b.String()); diff != "" {
			t.Error(diff)
		}
	}
}

func repeat(line string, n int) string {
	out := ""
	for range n {
		out += line
	}
	return out
}

func TestEveryRuleReads(t *testing.T) {
	for _, rule := range lint.Rules() {
		var b bytes.Buffer
		if err := view.Rule(&b, rule, view.Style{}); err != nil {
			t.Fatal(err)
		}
		for _, wanted := range []string{rule.ID, rule.Summary, "What to do", "decnet:ignore " + rule.ID} {
			if !bytes.Contains(b.Bytes(), []byte(wanted)) {
				t.Errorf("%s lacks %q", rule.ID, wanted)
			}
		}
		for line := range bytes.Lines(b.Bytes()) {
			if len([]rune(string(line))) > 140 {
				t.Errorf("%s has a line of %d characters", rule.ID, len(line))
			}
		}
	}
}
