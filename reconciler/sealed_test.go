package reconciler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// secretive is small() with a password in every service.
func secretive(password string) *schema.Desired {
	d := fake.Fleet{Deckies: 3, Services: []string{"ssh"}, Service: func(_ int, s *schema.Service) {
		s.Arguments = json.RawMessage(`{"port":22,"users":{"root":"` + password + `"}}`)
	}}.Desired()
	for i := range d.Instances {
		if d.Instances[i].Type == "service" {
			d.Instances[i].Sensitive = []string{"arguments.users"}
		}
	}
	d.Outputs = []schema.Output{{Name: "password", Sensitive: true, Value: json.RawMessage(`"` + password + `"`)}}
	return d
}

func addrOf(s string) addr.Address { return addr.Address(s) }

func addrs(all ...string) []addr.Address {
	var out []addr.Address
	for _, s := range all {
		out = append(out, addr.Address(s))
	}
	return out
}

// free fails where any file of the directory holds any of the texts, but for
// those of mode 0600.
func free(t *testing.T, dir string, texts ...string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "world") {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Mode().Perm() == 0o600 && strings.Contains(path, ".secrets") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, text := range texts {
			if bytes.Contains(data, []byte(text)) {
				t.Errorf("%s holds %q", path, text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestASavedPlanIsRefusedWhenASecretItRemembersMoved: the step is for one
// service, the old password is remembered, and the configuration has another.
func TestASavedPlanIsRefusedWhenASecretItRemembersMoved(t *testing.T) {
	dir := t.TempDir()
	b := newBench(t, dir, fake.Options{})
	b.apply(secretive("hunter2"), reconciler.PlanOptions{})
	p := b.plan(secretive("hunter2"), reconciler.PlanOptions{Replace: addrs("decky.web[0].service.ssh")})
	sealed, err := p.Seal(b.store.SealDigest)
	if err != nil {
		t.Fatal(err)
	}
	options := applyOptions()
	options.Desired = secretive("hunter3")
	var stale *reconciler.StaleError
	if _, err := b.engine.Apply(context.Background(), sealed, options); !errors.As(err, &stale) || !strings.Contains(err.Error(), "decky.web[0].service.ssh has changed") {
		t.Fatalf("another password: %v", err)
	}
	options.Desired = secretive("hunter2")
	if _, err := b.engine.Apply(context.Background(), sealed, options); err != nil {
		t.Fatal(err)
	}
}

// TestSensitiveValuesStandInOneFileOnly looks into every file that state, plan
// and history are made of, through a whole life.
func TestSensitiveValuesStandInOneFileOnly(t *testing.T) {
	dir := t.TempDir()
	b := newBench(t, dir, fake.Options{})
	before, after := secretive("hunter2"), secretive("hunter3")
	secrets := []string{"hunter2", "hunter3"}
	for _, d := range []*schema.Desired{before, after} {
		for _, i := range d.Instances {
			if len(i.Sensitive) > 0 {
				secrets = append(secrets, i.Digest) // with it the password can be guessed
			}
		}
	}
	b.apply(before, reconciler.PlanOptions{})
	b.converged(before)
	free(t, dir, secrets...)
	p := b.plan(after, reconciler.PlanOptions{})
	shown, err := p.Show().Encode()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := p.Seal(b.store.SealDigest)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "saved.plan")
	if err := sealed.Save(path); err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets {
		if bytes.Contains(shown, []byte(s)) {
			t.Errorf("the shown plan holds %q", s)
		}
	}
	if !bytes.Contains(shown, []byte(`"users":"(sensitive)"`)) {
		t.Errorf("the shown plan: %s", shown)
	}
	free(t, dir, append(secrets, p.Configuration)...)
	loaded, err := plan.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]*schema.Desired{"another password": secretive("hunter4"), "the old one": before} {
		_, err := b.engine.Apply(context.Background(), loaded, reconciler.ApplyOptions{Desired: d, Holder: applyOptions().Holder})
		var stale *reconciler.StaleError
		if !errors.As(err, &stale) {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "another password" && !strings.Contains(err.Error(), "decky.web[0].service.ssh: the sensitive value of arguments.users is another one now") {
			t.Errorf("%s: %v", name, err)
		}
	}
	another := secretive("hunter3")
	another.Instances = another.Instances[:len(another.Instances)-1] // every value is found, and one instance less is wanted
	_, err = b.engine.Apply(context.Background(), loaded, reconciler.ApplyOptions{Desired: another, Holder: applyOptions().Holder})
	var stale *reconciler.StaleError
	if !errors.As(err, &stale) || !strings.Contains(err.Error(), "the configuration no longer has") {
		t.Fatalf("of another configuration: %v", err)
	}
	options := applyOptions()
	options.Desired = after
	if _, err := b.engine.Apply(context.Background(), loaded, options); err != nil {
		t.Fatal(err)
	}
	b.converged(after)
	free(t, dir, secrets...)
	data, err := os.ReadFile(state.VaultPath(b.store.Path()))
	if err != nil || bytes.Contains(data, []byte("hunter2")) && !bytes.Contains(data, []byte("hunter3")) {
		t.Errorf("the vault keeps what nobody needs (%v)", err)
	}
	b.apply(after, reconciler.PlanOptions{Destroy: true})
	b.converged(nothing())
}

// TestAPushedStateKeepsItsSecrets pulls, edits and pushes.
func TestAPushedStateKeepsItsSecrets(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(secretive("hunter2"), reconciler.PlanOptions{})
	snapshot, err := b.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	data, err := state.EncodeDocument(snapshot)
	if err != nil || bytes.Contains(data, []byte("hunter2")) || !bytes.Contains(data, []byte(`"(sensitive)"`)) {
		t.Fatalf("pulled: %s (%v)", data, err)
	}
	pushed, err := state.DecodeDocument(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.engine.Push(context.Background(), pushed, false, reconciler.EditOptions{Holder: applyOptions().Holder}); err != nil {
		t.Fatal(err)
	}
	b.converged(secretive("hunter2"))
	var refused *reconciler.PushError
	for name, edit := range map[string]func(*state.Snapshot){
		"older":         func(s *state.Snapshot) { s.Serial = 0 },
		"other lineage": func(s *state.Snapshot) { s.Lineage = "other" },
		"no lineage":    func(s *state.Snapshot) { s.Lineage = "" },
	} {
		bad := pushed
		edit(&bad)
		if _, err := b.engine.Push(context.Background(), bad, false, reconciler.EditOptions{Holder: applyOptions().Holder}); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEditsByHand moves, forgets and takes in again.
func TestEditsByHand(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	before, options := ids(b), reconciler.EditOptions{Holder: applyOptions().Holder}
	moves, _, err := b.engine.Move(context.Background(), "decky.web", "decky.www", options)
	if err != nil || len(moves) != 6 {
		t.Fatalf("mv: %v (%v)", moves, err)
	}
	after := renamed(small(), "decky.www")
	after.Moved = nil
	b.apply(after, reconciler.PlanOptions{})
	b.converged(after)
	for _, c := range [][2]string{{"decky.nope", "decky.a"}, {"decky.www[0]", "decky.www[1]"}, {"decky.www", "decky"}} {
		if _, _, err := b.engine.Move(context.Background(), addrOf(c[0]), addrOf(c[1]), options); err == nil {
			t.Errorf("mv %v succeeded", c)
		}
	}
	if gone, _, err := b.engine.Forget(context.Background(), addrs("decky.www[2]"), options); err != nil || len(gone) != 2 {
		t.Fatalf("rm: %v (%v)", gone, err)
	}
	without := *after
	without.Instances = after.Instances[:5]
	without.Instances = append(without.Instances[:len(without.Instances):len(without.Instances)], after.Instances[len(after.Instances)-1])
	if p := b.plan(&without, reconciler.PlanOptions{}); !p.Empty() {
		t.Errorf("after rm: %v", actions(p))
	}
	p, taken, err := b.engine.ImportPlan(context.Background(), "decky.www[2]", "fleet-web-2")
	if err != nil || len(taken) != 2 {
		t.Fatalf("import: %v (%v)", taken, err)
	}
	if _, err := b.engine.Apply(context.Background(), p, applyOptions()); err != nil {
		t.Fatal(err)
	}
	b.apply(after, reconciler.PlanOptions{})
	b.converged(after)
	if diff := cmp.Diff(before, ids(b)); diff != "" {
		t.Errorf("objects: %s", diff)
	}
}

// TestImportBlocks take in what was let go, and what another lineage has, and
// refuse the rest at once.
func TestImportBlocks(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	if _, _, err := b.engine.Forget(context.Background(), addrs("rule.spray"), reconciler.EditOptions{Holder: applyOptions().Holder}); err != nil {
		t.Fatal(err)
	}
	before := ids(b)
	d := small()
	last := len(d.Instances) - 1
	d.Instances[last].Address = "rule.storm"
	d.Imports = []schema.Import{{To: "rule.storm", ID: "spray", Source: "main.hcl:4"}}
	p := b.plan(d, reconciler.PlanOptions{})
	if p.Summary.Import != 1 || p.Summary.Move != 1 || p.Imports[0].ID != "spray" || p.Imports[0].Source != "main.hcl:4" {
		t.Errorf("plan: %+v %v", p.Summary, p.Imports)
	}
	b.apply(d, reconciler.PlanOptions{})
	b.converged(d)
	if diff := cmp.Diff(before, ids(b)); diff != "" {
		t.Errorf("objects: %s", diff)
	}
	d.Instances = append(d.Instances, small().Instances[last])
	d.Imports = []schema.Import{{To: "rule.spray", ID: "nobody", Source: "a"}, {To: "rule.nowhere", ID: "spray", Source: "b"}}
	_, err := b.engine.Plan(context.Background(), d, reconciler.PlanOptions{})
	for _, w := range []string{"never taken over", "there is no rule.nowhere in the configuration"} {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in %v", w, err)
		}
	}
	d.Imports = []schema.Import{{To: "rule.spray", ID: "spray", Source: "a"}}
	if _, err := b.engine.Plan(context.Background(), d, reconciler.PlanOptions{}); err == nil || !strings.Contains(err.Error(), "it is rule.storm already") {
		t.Errorf("what is managed: %v", err)
	}
}

// TestImportFromAnotherLineage takes a rule over from a state that is elsewhere,
// and leaves everything else of it.
func TestImportFromAnotherLineage(t *testing.T) {
	dir := t.TempDir()
	world := fake.Options{Dir: filepath.Join(dir, "world")}
	shared := func(c *reconciler.Config) { c.DataDir = filepath.Join(dir, "data") }
	other := newBench(t, filepath.Join(dir, "other"), world, shared)
	other.apply(fake.Fleet{Name: "other", Deckies: 1, Subnet: "10.77"}.Desired(), reconciler.PlanOptions{})
	b := newBench(t, filepath.Join(dir, "own"), world, shared)
	d := small()
	last := len(d.Instances) - 1
	d.Imports = []schema.Import{{To: "rule.spray", ID: "spray", Source: "a"}}
	theirs, _ := b.world.Get("rule.spray")
	p := b.plan(d, reconciler.PlanOptions{})
	if len(p.Imports) != 1 || p.Imports[0].Lineage == "" {
		t.Fatalf("imports: %+v", p.Imports)
	}
	b.apply(d, reconciler.PlanOptions{})
	if ours, _ := b.world.Get(string(d.Instances[last].Address)); ours.ID != theirs.ID {
		t.Error("the rule was made anew")
	}
	if p := b.plan(d, reconciler.PlanOptions{}); !p.Empty() || len(p.Imports) > 0 {
		t.Errorf("the plan after it: %v", actions(p))
	}
	if _, still := b.world.Get("decky.web[0]"); !still {
		t.Error("the other's decky is gone")
	}
}
