package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/lint"
)

const believed = `
decnet {
  name = "b"
  seed = "calm"
}
network "lab" {
  parent  = "op0"
  subnet  = "10.77.0.0/24"
  gateway = "10.77.0.1"
}
decky "files" {
  network  = network.lab
  distro   = "debian"
  hostname = "files"
  services = ["ssh"]
}
`

func desiredOf(t *testing.T, source string) *schema.Desired {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	c, diags := schema.LoadDir(dir, schema.Options{Catalogue: modules.FS})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	desired, diags := c.Evaluate(schema.EvalOptions{Services: serviceTypes(), DefaultRuntime: providers.RuntimeNative})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return desired
}

// TestPlansTellTheScoreBeforeAndAfter applies one configuration and plans a
// worse one.
func TestPlansTellTheScoreBeforeAndAfter(t *testing.T) {
	ctx := context.Background()
	s := inFakeWorld(t)
	scored := func(source string, options reconciler.PlanOptions) *lint.Comparison {
		t.Helper()
		options.Runtime = providers.RuntimeNative
		desired := desiredOf(t, source)
		p, err := s.engine.Plan(ctx, desired, options)
		if err != nil {
			t.Fatal(err)
		}
		if err := believability(ctx, s, desired, p); err != nil {
			t.Fatal(err)
		}
		encoded, err := p.Encode()
		if err != nil || strings.Contains(string(encoded), `"believability":`) == (p.Believability == nil) {
			t.Fatalf("%v: %s", err, encoded)
		}
		return p.Believability
	}
	if c := scored(believed, reconciler.PlanOptions{}); c.Before != nil || c.After != 94 {
		t.Errorf("the first plan: %+v", c)
	}
	desired := desiredOf(t, believed)
	p, err := s.engine.Plan(ctx, desired, reconciler.PlanOptions{Runtime: providers.RuntimeNative})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.engine.Apply(ctx, p, reconciler.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	worse := strings.Replace(believed, `hostname = "files"`, `hostname = "honeypot"`, 1)
	c := scored(worse, reconciler.PlanOptions{})
	if c.Before == nil || *c.Before != 94 || c.After != 71 || !slices.Contains(c.Rules, "DN1060") || len(c.Changes) != 1 || !c.Changes[0].Worse() {
		t.Errorf("%+v", c)
	}
	if c := scored(believed, reconciler.PlanOptions{Destroy: true}); c != nil {
		t.Errorf("a destruction scores %+v", c)
	}
}

// TestRulesReadArgumentsThatExist: a rule that looks at an argument which no
// service has would never find anything again.
func TestRulesReadArgumentsThatExist(t *testing.T) {
	types := serviceTypes()
	for slug, arguments := range map[string][]string{
		"ssh": {"banner", "users", "failure_delay", "max_auth_tries"}, "http": {"server", "title", "index"}, "redis": {"version", "requirepass", "users"},
	} {
		for _, name := range arguments {
			if !slices.ContainsFunc(types[slug].Arguments, func(a schema.Argument) bool { return a.Name == name }) {
				t.Errorf("service %s has no argument %s; rules of schema/lint read it", slug, name)
			}
		}
	}
}
