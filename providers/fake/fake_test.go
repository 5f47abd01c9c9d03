package fake_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/providers/providertest"
	"github.com/decnet/decnet/schema"
)

const lineage = "word"

// populate makes the objects before the instance at index, so that it has
// something to live in.
func populate(t *testing.T, registry *providers.Registry, desired *schema.Desired, index int) {
	t.Helper()
	for _, i := range desired.Instances[:index] {
		r, _ := registry.Resource(providers.Kind{Type: i.Type, Runtime: i.Runtime})
		if _, err := r.Create(context.Background(), owner(i), i.Config); err != nil {
			t.Fatal(err)
		}
	}
}

func owner(i schema.Instance) providers.Owner {
	return providers.Owner{Lineage: lineage, Address: string(i.Address), Digest: i.Digest}
}

func world(t *testing.T, dir string) (*fake.World, *providers.Registry) {
	t.Helper()
	w, err := fake.Open(fake.Options{Dir: dir, Image: "one"})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := providers.NewRegistry(w.Providers()...)
	if err != nil {
		t.Fatal(err)
	}
	return w, registry
}

func TestContract(t *testing.T) {
	for _, runtime := range []string{providers.RuntimeDocker, providers.RuntimeNative} {
		fleet := fake.Fleet{Deckies: 1, Services: []string{"ssh"}, Runtime: runtime}
		before := fleet.Desired()
		fleet.Network = func(n *schema.Network) { n.Gateway = "10.66.0.2" }
		fleet.Decky = func(_ int, d *schema.Decky) { d.Network, d.Host.Hostname = network(before), "other" }
		fleet.Service = func(_ int, s *schema.Service) { s.Host.Hostname = "other" }
		after := fleet.Desired()
		after.Instances[3].Config = json.RawMessage(`{"name":"spray","technique":"T1","when":"false","threshold":1}`)
		for index, instance := range before.Instances {
			w, registry := world(t, t.TempDir())
			populate(t, registry, before, min(index, 2))
			r, _ := registry.Resource(providers.Kind{Type: instance.Type, Runtime: instance.Runtime})
			providertest.Run(t, providertest.Case{
				Resource: r, Owner: owner(instance), Config: instance.Config, Changed: after.Instances[index].Config,
				Drift: map[string]func(testing.TB, json.RawMessage){
					"changed": func(t testing.TB, _ json.RawMessage) {
						if err := w.Change(string(instance.Address), func(live map[string]any) { live["name"] = "drifted" }); err != nil {
							t.Fatal(err)
						}
					},
					"removed": func(t testing.TB, _ json.RawMessage) {
						if err := w.Remove(string(instance.Address)); err != nil {
							t.Fatal(err)
						}
					},
				},
				HalfMake: map[string]func(testing.TB, providers.Owner, json.RawMessage){
					"before the end": func(t testing.TB, owner providers.Owner, config json.RawMessage) {
						w.SetHook(func(_ context.Context, c fake.Call) error {
							if c.Moment == fake.Half {
								return fake.ErrInjected
							}
							return nil
						})
						defer w.SetHook(nil)
						if _, err := r.Create(context.Background(), owner, config); !errors.Is(err, fake.ErrInjected) {
							t.Fatal(err)
						}
					},
				},
			})
		}
	}
}

func network(d *schema.Desired) schema.Network {
	var n schema.Network
	if err := json.Unmarshal(d.Instances[0].Config, &n); err != nil {
		panic(err)
	}
	return n
}

// TestPhysics tries what no real world allows.
func TestPhysics(t *testing.T) {
	w, registry := world(t, "")
	desired := fake.Fleet{Deckies: 2, Services: []string{"ssh"}, Decky: func(_ int, d *schema.Decky) { d.Host.IP = "10.66.1.1" }}.Desired()
	resource := func(i int) providers.Resource {
		r, _ := registry.Resource(providers.Kind{Type: desired.Instances[i].Type, Runtime: desired.Instances[i].Runtime})
		return r
	}
	create := func(i int) (json.RawMessage, error) {
		return resource(i).Create(context.Background(), owner(desired.Instances[i]), desired.Instances[i].Config)
	}
	if _, err := create(1); err == nil {
		t.Error("a decky was made without its network")
	}
	lan, err := create(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := create(1); err != nil {
		t.Fatal(err)
	}
	if _, err := create(3); err == nil {
		t.Error("two deckies have one IP")
	}
	if err := resource(0).Delete(context.Background(), lan); err == nil {
		t.Error("a network was deleted under its decky")
	}
	if err := w.Check(); err != nil {
		t.Error(err)
	}
	if err := w.Remove("network.lan"); err != nil {
		t.Fatal(err)
	}
	if err := w.Check(); err == nil {
		t.Error("a decky in a network that is gone was not noticed")
	}
}

func TestWorldSurvivesItsProcess(t *testing.T) {
	dir := t.TempDir()
	w, registry := world(t, dir)
	desired := fake.Fleet{Deckies: 2, Services: []string{"ssh"}}.Desired()
	populate(t, registry, desired, len(desired.Instances))
	again, _ := world(t, dir)
	if len(again.Objects()) != len(desired.Instances) || len(w.Objects()) != len(desired.Instances) {
		t.Errorf("%d objects, then %d", len(w.Objects()), len(again.Objects()))
	}
	if err := again.Check(); err != nil {
		t.Error(err)
	}
}

func TestUnavailable(t *testing.T) {
	w, registry := world(t, "")
	w.SetUnavailable(providers.RuntimeDocker, &providers.UnavailableError{Provider: "docker", What: "no engine"})
	var unavailable *providers.UnavailableError
	for _, kind := range registry.Kinds() {
		r, _ := registry.Resource(kind)
		_, err := r.List(context.Background(), lineage)
		if got, want := errors.As(err, &unavailable), kind.Runtime == providers.RuntimeDocker; got != want {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
