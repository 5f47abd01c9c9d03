package reconciler_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/schema"
)

// TestImportOfADecky: its services come along with the block, under whatever
// address it gets, and what their type calls sensitive is known again.
func TestImportOfADecky(t *testing.T) {
	ctx := context.Background()
	fleet := fake.Fleet{Deckies: 1, Services: []string{"ssh", "telnet"}, Service: func(_ int, s *schema.Service) {
		s.Arguments = json.RawMessage(`{"users":{"root":"toor"},"banner":"hello"}`)
	}}
	b := newBench(t, t.TempDir(), fake.Options{}, func(c *reconciler.Config) {
		c.Sensitive = func(slug string) []string {
			if slug == "ssh" {
				return []string{"users", "absent"}
			}
			return nil
		}
	})
	b.apply(fleet.Desired(), reconciler.PlanOptions{})
	if _, _, err := b.engine.Forget(ctx, addrs("decky.web[0]"), reconciler.EditOptions{Holder: applyOptions().Holder}); err != nil {
		t.Fatal(err)
	}
	engine := b.engine
	imports := []schema.Import{{To: "decky.front", ID: "fleet-web-0", Source: "main.hcl:1"}}
	found, err := engine.Importable(ctx, imports)
	if err != nil {
		t.Fatal(err)
	}
	sensitive := map[string][]string{}
	for _, i := range found {
		sensitive[string(i.Address)] = i.Sensitive
	}
	want := map[string][]string{"decky.front": nil, "decky.front.service.ssh": {"arguments.users"}, "decky.front.service.telnet": nil}
	if diff := cmp.Diff(want, sensitive); diff != "" {
		t.Errorf("what can be taken in: %s", diff)
	}
	d := fleet.Desired()
	for n := range d.Instances {
		i := &d.Instances[n]
		if i.Type == providers.TypeDecky || i.Type == providers.TypeService {
			i.Address = addrOf(strings.Replace(string(i.Address), "decky.web[0]", "decky.front", 1))
		}
		if i.Type == providers.TypeService {
			i.Parents = addrs("decky.front")
		}
	}
	d.Imports = imports
	before := len(b.world.Objects())
	p, err := engine.Plan(ctx, d, reconciler.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Summary.Import != 3 || p.Summary.Create+p.Summary.Delete+p.Summary.Replace > 0 {
		t.Errorf("plan: %+v %v", p.Summary, actions(p))
	}
	if len(d.Imports) != 1 {
		t.Errorf("planning changed what is wanted: %v", d.Imports)
	}
	b.apply(d, reconciler.PlanOptions{})
	b.converged(d)
	if after := len(b.world.Objects()); after != before {
		t.Errorf("there were %d objects, and there are %d", before, after)
	}
	if again, err := engine.Importable(ctx, imports); err != nil || len(again) > 0 {
		t.Errorf("taken in already: %v (%v)", again, err)
	}
	if _, err := engine.Importable(ctx, []schema.Import{{To: "decky.x", ID: "nobody", Source: "a"}, {To: "sink.y", ID: "nothing", Source: "b"}}); err == nil ||
		!strings.Contains(err.Error(), "decky.x") || !strings.Contains(err.Error(), "sink.y") {
		t.Errorf("not all that cannot be taken in is said: %v", err)
	}
	if _, err := engine.Rebuild(ctx, reconciler.RebuildOptions{Force: true, Holder: applyOptions().Holder}); err != nil {
		t.Fatal(err)
	}
	rows, err := b.store.Instances(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if got := strings.Join(r.Sensitive, " "); (got == "arguments.users") != strings.HasSuffix(string(r.Address), ".ssh") {
			t.Errorf("after the rebuild %s has the sensitive paths %q", r.Address, got)
		}
	}
}
