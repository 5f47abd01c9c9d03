package daemon

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema/addr"
)

// TestWished counts what the files ask for, and not what is healed anyway.
func TestWished(t *testing.T) {
	one, two := json.RawMessage(`{"n":1}`), json.RawMessage(`{"n":2}`)
	change := func(address addr.Address, action plan.Action, before, config json.RawMessage, reasons ...plan.Reason) plan.Change {
		return plan.Change{Address: address, Action: action, Reasons: reasons, Before: before, Config: config}
	}
	after := func(because addr.Address, c plan.Change) plan.Change {
		c.Because = because
		return c
	}
	healed := []plan.Change{
		change("decky.a", plan.Create, one, one, plan.Drifted),
		after("decky.a", change("decky.a.service.ssh", plan.Replace, one, one, plan.DependencyReplaced)),
		change("decky.b", plan.Update, one, one, plan.Drifted),
		change("decky.c", plan.Create, one, one, plan.InterruptedCreate),
		change("decky.d", plan.Replace, one, one, plan.Tainted),
		change("decky.e", plan.Quarantine, one, one, plan.Drifted),
	}
	for name, c := range map[string]struct {
		changes []plan.Change
		more    plan.Summary
		want    plan.Summary
	}{
		"nothing":             {},
		"healing alone":       {changes: healed},
		"tainted and changed": {changes: []plan.Change{change("decky.a", plan.Replace, one, two, plan.Tainted)}, want: plan.Summary{Replace: 1}},
		"drifted and changed": {changes: []plan.Change{change("decky.a", plan.Create, one, two, plan.Drifted, plan.ConfigChanged)}, want: plan.Summary{Create: 1}},
		"each": {changes: append([]plan.Change{
			change("decky.k", plan.Create, nil, one, plan.NotInState),
			change("decky.l", plan.Update, one, two, plan.ConfigChanged),
			change("decky.m", plan.Replace, one, two, plan.ConfigChanged),
			after("decky.m", change("decky.m.service.ssh", plan.Replace, one, one, plan.DependencyReplaced)),
			change("decky.n", plan.Delete, one, nil, plan.NotInConfig),
			change("decky.o", plan.Forget, one, nil, plan.NotInConfig),
		}, healed...), want: plan.Summary{Create: 1, Update: 1, Replace: 2, Delete: 1, Forget: 1}},
		"moves and imports": {more: plan.Summary{Move: 1, Import: 2, Drift: 3}, want: plan.Summary{Move: 1, Import: 2}},
	} {
		if diff := cmp.Diff(c.want, wished(&plan.Plan{Changes: c.changes, Summary: c.more})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
