package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

func move(from, to addr.Address) schema.Move {
	return schema.Move{From: from, To: to, Source: "main.hcl:5,1-6"}
}

// TestAPureRenameTouchesNothing moves a decky that cannot be told, with a service
// that can.
func TestAPureRenameTouchesNothing(t *testing.T) {
	in := lived([]schema.Instance{want("b", "old"), want("b/s", "old")}, "a", "a/s")
	in.Desired.Moved = []schema.Move{move("decky.a", "decky.b")}
	p := compute(t, in)
	if diff := cmp.Diff([]string{"decky.b.service.s: move: "}, changes(p)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"readdress decky.b.service.s"}, order(p)); diff != "" {
		t.Error(diff)
	}
	wantMoves := []plan.Moved{
		{From: "decky.a", To: "decky.b", Source: "main.hcl:5,1-6", Labelled: "decky.a"},
		{From: "decky.a.service.s", To: "decky.b.service.s", Source: "main.hcl:5,1-6", Labelled: "decky.a.service.s"},
	}
	if diff := cmp.Diff(wantMoves, p.Moves); diff != "" {
		t.Error(diff)
	}
	if p.Changes[0].From != "decky.a.service.s" || len(p.Drift) > 0 || len(p.Records) > 0 {
		t.Errorf("plan: %+v", p)
	}
}

func TestMovesAreFollowedAndRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		want    []string
		had     []string
		moves   []schema.Move
		changes []string
		err     string
		finding string
	}{
		{name: "a chain", want: []string{"c"}, had: []string{"a"}, moves: []schema.Move{move("decky.a", "decky.b"), move("decky.b", "decky.c")}, changes: []string{}},
		{name: "a chain told backwards", want: []string{"c"}, had: []string{"a"}, moves: []schema.Move{move("decky.b", "decky.c"), move("decky.a", "decky.b")}, changes: []string{}},
		{name: "every instance", want: []string{"b[0]", "b[1]"}, had: []string{"a[0]", "a[1]"}, moves: []schema.Move{move("decky.a", "decky.b")}, changes: []string{}},
		{name: "count to for_each", want: []string{`a["x"]`}, had: []string{"a[0]"}, moves: []schema.Move{move("decky.a[0]", `decky.a["x"]`)}, changes: []string{}},
		{name: "a circle", want: []string{"a"}, had: []string{"a"}, moves: []schema.Move{move("decky.a", "decky.b"), move("decky.b", "decky.a")}, err: "in a circle"},
		{name: "still wanted", want: []string{"a", "b"}, had: []string{"a"}, moves: []schema.Move{move("decky.a", "decky.b")}, err: "still in the configuration"},
		{name: "done long ago", want: []string{"b"}, had: []string{"b"}, moves: []schema.Move{move("decky.a", "decky.b")}, changes: []string{}},
		{
			name: "the place is taken", want: []string{"b"}, had: []string{"a", "b"}, moves: []schema.Move{move("decky.a", "decky.b")},
			changes: []string{"decky.a: delete: no longer in configuration"}, finding: "cannot move to decky.b",
		},
		{
			name: "and goes afterwards", had: []string{"a"}, moves: []schema.Move{move("decky.a", "decky.b")},
			changes: []string{"decky.b: delete: no longer in configuration"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var desired []schema.Instance
			for _, w := range c.want {
				desired = append(desired, want(w, "old"))
			}
			in := lived(desired, c.had...)
			in.Desired.Moved = c.moves
			p, err := plan.Compute(in)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.changes, changes(p)); diff != "" {
				t.Error(diff)
			}
			if (c.finding != "") != (len(p.Findings) > 0) || c.finding != "" && !strings.Contains(p.Findings[0].Summary, c.finding) {
				t.Errorf("findings: %+v", p.Findings)
			}
		})
	}
}

// TestAnAddressThatAnotherTakes replaces what cannot be told that it no longer
// has it, before the other is made.
func TestAnAddressThatAnotherTakes(t *testing.T) {
	in := lived([]schema.Instance{want("b", "old"), want("b/s", "old"), want("a", "old")}, "a", "a/s")
	in.Prior.Instances[0].Address, in.Prior.Instances[0].Labelled = "decky.b", "decky.a"
	in.Prior.Instances[1].Address, in.Prior.Instances[1].Labelled = "decky.b.service.s", "decky.a.service.s"
	in.Prior.Instances[1].Parents = []addr.Address{"decky.b"}
	p := compute(t, in)
	wantChanges := []string{"decky.a: create: not in state", "decky.b: replace: moved", "decky.b.service.s: replace: dependency replaced"}
	if diff := cmp.Diff(wantChanges, changes(p)); diff != "" {
		t.Error(diff)
	}
	before(t, p, "delete decky.b", "create decky.a")
	before(t, p, "delete decky.b.service.s", "delete decky.b")
}

// TestLabelsChangePlaces has two services that each carry the other's address.
func TestLabelsChangePlaces(t *testing.T) {
	in := lived([]schema.Instance{want("x", "old"), want("x/s", "old"), want("x/t", "old"), want("x/u", "old")}, "x", "x/s", "x/t", "x/u")
	for i, label := range map[int]string{1: "x/t", 2: "x/u", 3: "x/s"} {
		in.Prior.Instances[i].Labelled = name(label)
	}
	p := compute(t, in)
	if p.Summary.Replace != 1 || p.Summary.Move != 2 {
		t.Errorf("a circle of three: %v", changes(p))
	}
}

func TestWhatIsReleasedIsLeftAlone(t *testing.T) {
	in := lived([]schema.Instance{want("y", "old")}, "x", "x/s", "y")
	in.Desired.Removed = []schema.Removal{{From: "decky.x", Source: "main.hcl:7"}}
	p := compute(t, in)
	if diff := cmp.Diff([]string{"decky.x: forget: removed from management", "decky.x.service.s: forget: removed from management"}, changes(p)); diff != "" {
		t.Error(diff)
	}
	if !p.Changes[0].Released {
		t.Errorf("change: %+v", p.Changes[0])
	}
	in.Prior.Instances = in.Prior.Instances[2:]
	in.Prior.Released = []state.Released{{Address: "decky.x", Type: "decky", Runtime: native}, {Address: "decky.x.service.s", Type: "service", Runtime: native}}
	if p := compute(t, in); !p.Empty() {
		t.Errorf("what was released: %v", changes(p))
	}
	in.Desired.Removed, in.Desired.Instances = nil, append(in.Desired.Instances, want("x", "old"), want("x/s", "old"))
	if diff := cmp.Diff([]string{"decky.x: create: not in state", "decky.x.service.s: create: not in state"}, changes(compute(t, in))); diff != "" {
		t.Errorf("wanted again: %s", diff)
	}
}

func TestTargetsAndExcludes(t *testing.T) {
	base := func() plan.Input {
		in := lived([]schema.Instance{want("a", "new"), want("a/s", "new"), want("b", "!new"), want("b/s", "old"), want("c", "new"), want("c/s", "n")}, "a", "a/s", "b", "b/s", "z", "z/s")
		in.Desired.Instances[0].After = []addr.Address{"decky.c"}
		return in
	}
	for _, c := range []struct {
		name             string
		targets, exclude []addr.Address
		want             []string
	}{
		{"a service and what it lives in", []addr.Address{"decky.a.service.s"}, nil, []string{"decky.a", "decky.a.service.s", "decky.c"}},
		{"a replaced one and what lives in it", []addr.Address{"decky.b"}, nil, []string{"decky.b", "decky.b.service.s"}},
		{"one that goes and what lives in it", []addr.Address{"decky.z"}, nil, []string{"decky.z", "decky.z.service.s"}},
		{"without one, nor what needs it", nil, []addr.Address{"decky.c"}, []string{"decky.b", "decky.b.service.s", "decky.z", "decky.z.service.s"}},
		{"without what a replacement would take along", nil, []addr.Address{"decky.b.service.s"}, []string{"decky.a", "decky.a.service.s", "decky.c", "decky.c.service.s", "decky.z", "decky.z.service.s"}},
		{"both", []addr.Address{"decky.a", "decky.b"}, []addr.Address{"decky.a"}, []string{"decky.b", "decky.b.service.s", "decky.c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := base()
			in.Targets, in.Excludes = c.targets, c.exclude
			p := compute(t, in)
			var got []string
			for _, change := range p.Changes {
				got = append(got, string(change.Address))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if len(p.Findings) != 1 {
				t.Errorf("findings: %+v", p.Findings)
			}
		})
	}
	in := base()
	in.Targets = []addr.Address{"decky.nope"}
	if _, err := plan.Compute(in); err == nil || !strings.Contains(err.Error(), "decky.nope") {
		t.Errorf("a target that is not there: %v", err)
	}
}

func TestRefreshOnlyRecordsWhatWasSeen(t *testing.T) {
	in := lived([]schema.Instance{want("x", "new"), want("y", "old"), want("gone", "old")}, "x", "y")
	in.Prior.Instances = append(in.Prior.Instances, had("gone", "old"))
	in.Observed.Objects[1].State = []byte(`"drifted"`)
	in.RefreshOnly = true
	p := compute(t, in)
	if !p.Empty() || len(p.Steps) > 0 || len(p.Records) != 2 || len(p.Drift) != 2 {
		t.Fatalf("plan: %+v", p)
	}
	for _, r := range p.Records {
		_, digest := config("old")
		if r.Digest != digest || r.Address == "decky.y" && string(r.Object) != `"drifted"` || r.Address == "decky.gone" && r.Object != nil {
			t.Errorf("record: %+v", r)
		}
	}
}
