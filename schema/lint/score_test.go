package lint_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/lint"
)

func decky(name, rest string) string {
	return fmt.Sprintf("decky %q {\n  network  = network.lan\n  services = [\"ssh\"]\n  %s\n}\n", name, rest)
}

// TestScoreIsItsFormula recomputes scores by hand.
func TestScoreIsItsFormula(t *testing.T) {
	for _, c := range []struct {
		name, hcl string
		fleet     int
		deckies   map[addr.Address]int
		rules     []string
	}{
		{"nothing", "", 100, map[addr.Address]int{}, nil},
		{"clean", decky("a", `hostname = "files"`), 100, map[addr.Address]int{}, nil},
		// One error on one of two: 1 - 0.25 x (1 + 1/2) / 2 = 0.8125.
		{"half", decky("a", `hostname = "honeypot"`) + decky("b", `hostname = "files"`), 81, map[addr.Address]int{"decky.a": 75}, []string{"DN1060"}},
		// The same on both: 1 - 0.25.
		{"all", decky("a", `hostname = "honeypot"`) + decky("b", `hostname = "fake"`), 75, map[addr.Address]int{"decky.a": 75, "decky.b": 75}, []string{"DN1060"}},
		// An error and a warning on the one decky: 0.75 x 0.9 = 0.675.
		{"two", decky("a", "hostname = \"honeypot\"\n  domain = \"corp.test\""), 68, map[addr.Address]int{"decky.a": 68}, []string{"DN1060", "DN1067"}},
		// Suppressing changes nothing.
		{"suppressed", "# decnet:ignore DN1060: a joke of the owner's\n" + decky("a", `hostname = "honeypot"`), 75, map[addr.Address]int{"decky.a": 75}, []string{"DN1060"}},
	} {
		report := run(t, map[string]string{"main.hcl": "\n" + c.hcl}, lint.Options{})
		got := report.Score
		if diff := cmp.Diff([]any{c.fleet, c.deckies, c.rules}, []any{got.Fleet, got.Deckies, got.Rules}); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		filtered := run(t, map[string]string{"main.hcl": "\n" + c.hcl}, lint.Options{Only: []string{"DN1031"}, MinSeverity: lint.Error})
		if filtered.Score.Fleet != c.fleet {
			t.Errorf("%s: what is shown changes the score to %d", c.name, filtered.Score.Fleet)
		}
	}
}

func TestCompare(t *testing.T) {
	_, clean := loaded(t, map[string]string{"main.hcl": decky("a", `hostname = "files"`) + decky("b", `hostname = "stock"`)})
	_, worse := loaded(t, map[string]string{"main.hcl": decky("a", `hostname = "honeypot"`) + decky("b", `hostname = "stock"`) + decky("c", `hostname = "localhost"`)})
	first, err := lint.Compare(nil, worse.Instances)
	if err != nil {
		t.Fatal(err)
	}
	if first.Before != nil || first.After != 78 || len(first.Changes) != 2 || first.Changes[0].Before != nil || !first.Changes[0].Worse() {
		t.Errorf("the first plan: %+v", first)
	}
	c, err := lint.Compare(clean.Instances, worse.Instances)
	if err != nil {
		t.Fatal(err)
	}
	hundred := 100
	want := &lint.Comparison{
		Before: &hundred, After: 78, Rules: []string{"DN1060", "DN1061"},
		Changes: []lint.DeckyChange{
			{Address: "decky.a", Before: &hundred, After: 75, Rules: []string{"DN1060"}}, {Address: "decky.c", After: 90, Rules: []string{"DN1061"}},
		},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	back, err := lint.Compare(worse.Instances, clean.Instances)
	if err != nil || *back.Before != 78 || back.After != 100 || len(back.Rules) != 0 || len(back.Changes) != 1 || back.Changes[0].Worse() {
		t.Errorf("%+v, %v", back, err)
	}
	same, err := lint.Compare(worse.Instances, worse.Instances)
	if err != nil || *same.Before != same.After || len(same.Changes) != 0 || len(same.Rules) != 0 {
		t.Errorf("%+v, %v", same, err)
	}
	broken := worse.Instances[:1:1]
	broken[0].Config = []byte("x")
	if _, err := lint.Compare(broken, clean.Instances); err == nil {
		t.Error("a broken state is compared")
	}
}

// TestScoreIsBoundedAndSteady: no fleet scores below 0 or above 100, every
// decky of a finding has a score, and the same fleet scores the same.
func TestScoreIsBoundedAndSteady(t *testing.T) {
	names := []string{"honeypot", "ubuntu", "files", "db-01", "svr04", "WIN-1", "stock.test"}
	services := []string{"ssh", "http", "redis", "rdp", "docker_api", "telnet", "mqtt", "smtp", "smb"}
	rapid.Check(t, func(rt *rapid.T) {
		hcl := ""
		for i := range rapid.IntRange(0, 6).Draw(rt, "deckies") {
			hcl += fmt.Sprintf("decky \"d%d\" {\n  network = network.lan\n  os = %q\n  distro = %q\n", i,
				rapid.SampledFrom([]string{"linux", "windows", "bsd", "cisco", "embedded"}).Draw(rt, "os"), rapid.SampledFrom([]string{"debian", "centos7", "alpine"}).Draw(rt, "distro"))
			if i < len(names) && rapid.Bool().Draw(rt, "named") {
				hcl += fmt.Sprintf("  hostname = %q\n", names[i])
			}
			hcl += "  services = ["
			for _, s := range services {
				if rapid.Bool().Draw(rt, s) {
					hcl += fmt.Sprintf("%q, ", s)
				}
			}
			hcl += "]\n}\n"
		}
		_, desired := loaded(t, map[string]string{"main.hcl": "\n" + hcl})
		one, err := lint.Measure(desired.Instances)
		if err != nil {
			rt.Fatal(err)
		}
		two, err := lint.Measure(desired.Instances)
		if err != nil {
			rt.Fatal(err)
		}
		if one.Fleet < 0 || one.Fleet > 100 || one.Fleet != two.Fleet {
			rt.Fatalf("%d, then %d", one.Fleet, two.Fleet)
		}
		if diff := cmp.Diff(one.Deckies, two.Deckies); diff != "" {
			rt.Fatal(diff)
		}
		for address, n := range one.Deckies {
			if n < 0 || n >= 100 {
				rt.Fatalf("%s scores %d", address, n)
			}
		}
	})
}
