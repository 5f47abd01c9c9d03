//go:build live

package docker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers"
)

// object is what a test wants, in the order in which it is made.
type object struct {
	resource providers.Resource
	address  string
	config   json.RawMessage
}

func (b *bench) wanted(deckies int) []object {
	all := []object{{b.network, "network.office", b.encode(b.net())}}
	for n := range deckies {
		all = append(all, object{b.decky, b.host(n).Host.Address, b.encode(b.host(n))})
	}
	for n := range deckies {
		all = append(all, object{b.service, b.host(n).Host.Address + ".service.ssh", b.encode(b.svc(n))})
	}
	return all
}

func (b *bench) encode(v any) json.RawMessage {
	b.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		b.t.Fatal(err)
	}
	return data
}

// plan tells what differs: by address, the paths; "" for what does not exist.
func (b *bench) plan(want []object) map[string][]string {
	b.t.Helper()
	plan := map[string][]string{}
	for _, o := range want {
		have, err := b.find(o)
		if err != nil {
			b.t.Fatal(err)
		}
		if have == nil {
			plan[o.address] = []string{""}
			continue
		}
		changes, err := o.resource.Diff(o.config, have)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, c := range changes {
			plan[o.address] = append(plan[o.address], c.Path)
		}
	}
	return plan
}

// find lists the objects of o's kind and returns o's state, nil if there is
// none; two are an error.
func (b *bench) find(o object) (json.RawMessage, error) {
	found, err := o.resource.List(context.Background(), b.lineage)
	if err != nil {
		return nil, err
	}
	var state json.RawMessage
	for _, f := range found {
		if f.Owner.Address != o.address {
			continue
		}
		if state != nil {
			return nil, fmt.Errorf("two objects of %s", o.address)
		}
		state = f.State
	}
	return state, nil
}

// apply does what the engine would: it creates what is missing and updates or
// replaces what the plan found to differ, once each and in order.
func (b *bench) apply(want []object) error {
	plan := b.plan(want)
	ctx := context.Background()
	for _, o := range want {
		if plan[o.address] == nil {
			continue
		}
		have, err := b.find(o)
		if err != nil {
			return err
		}
		var replace bool
		if have != nil {
			changes, err := o.resource.Diff(o.config, have)
			if err != nil {
				return err
			}
			replace = slices.ContainsFunc(changes, func(c providers.Change) bool { return c.Replace })
		}
		switch {
		case have == nil:
			_, err = o.resource.Create(ctx, b.owner(o.address), o.config)
		case replace:
			if err = o.resource.Delete(ctx, have); err == nil {
				_, err = o.resource.Create(ctx, b.owner(o.address), o.config)
			}
		default:
			_, err = o.resource.Update(ctx, b.owner(o.address), o.config, have)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", o.address, err)
		}
	}
	return nil
}

func (b *bench) mustApply(want []object) {
	b.t.Helper()
	if err := b.apply(want); err != nil {
		b.t.Fatal(err)
	}
	if plan := b.plan(want); len(plan) > 0 {
		b.t.Fatalf("the plan after apply is not empty: %v", plan)
	}
}

func TestApplyMakesDeckiesThatAnswer(t *testing.T) {
	b := newBench(t)
	want := b.wanted(3)
	b.mustApply(want)
	for n := range 3 {
		b.answers(n)
	}
	b.open()
	if plan := b.plan(want); len(plan) > 0 {
		t.Errorf("another run's plan is not empty: %v", plan)
	}
	for _, o := range want {
		have, err := b.find(o)
		if err != nil {
			t.Fatal(err)
		}
		again, err := o.resource.Read(t.Context(), have)
		if err != nil || string(again) != string(have) {
			t.Errorf("Read of %s differs from List: %s\n%s %v", o.address, again, have, err)
		}
		if err := o.resource.Delete(t.Context(), json.RawMessage(`{"lineage":"`+b.lineage+`","address":"nothing.here"}`)); err != nil {
			t.Errorf("deleting what is missing: %v", err)
		}
	}
}

func TestReadOfWhatIsGone(t *testing.T) {
	b := newBench(t)
	want := b.wanted(1)
	b.mustApply(want)
	states := map[string]json.RawMessage{}
	for _, o := range want {
		have, err := b.find(o)
		if err != nil {
			t.Fatal(err)
		}
		states[o.address] = have
	}
	for _, o := range slices.Backward(want) {
		if err := o.resource.Delete(t.Context(), states[o.address]); err != nil {
			t.Fatal(err)
		}
		if _, err := o.resource.Read(t.Context(), states[o.address]); !errors.Is(err, providers.ErrGone) {
			t.Errorf("Read of the deleted %s: %v, want ErrGone", o.address, err)
		}
		if err := o.resource.Delete(t.Context(), states[o.address]); err != nil {
			t.Errorf("deleting %s again: %v", o.address, err)
		}
	}
}

func TestCreateAgainAdopts(t *testing.T) {
	b := newBench(t)
	want := b.wanted(1)
	b.mustApply(want)
	for _, o := range want {
		first, err := b.find(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.resource.Create(t.Context(), b.owner(o.address), o.config); err != nil {
			t.Fatalf("create %s again: %v", o.address, err)
		}
		again, err := b.find(o)
		if err != nil || string(again) != string(first) {
			t.Errorf("%s was made anew: %s\n%s %v", o.address, first, again, err)
		}
	}
}

func TestForeignObjectsAreNeverTouched(t *testing.T) {
	b := newBench(t)
	want := b.wanted(1)
	b.mustApply(want[:1])
	foreign := *b
	foreign.lineage = b.lineage + "x"
	// Another lineage's decky of the very same name.
	d := b.host(0)
	d.Host.IP, d.Host.MAC = "10.77.0.90", "00:50:56:00:00:90"
	other := object{b.decky, d.Host.Address, b.encode(d)}
	if _, err := b.decky.Create(t.Context(), foreign.owner(other.address), other.config); err != nil {
		t.Fatal(err)
	}
	before, err := foreign.find(other)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.decky.Delete(context.Background(), before); err != nil {
			t.Error(err)
		}
	})
	_, err = b.decky.Create(t.Context(), b.owner(want[1].address), want[1].config)
	if err == nil || !strings.Contains(err.Error(), "taken") {
		t.Errorf("create over a foreign container: %v", err)
	}
	if after, err := foreign.find(other); err != nil || string(after) != string(before) {
		t.Errorf("the foreign container changed: %s\n%s %v", before, after, err)
	}
	n := b.net()
	n.Parent, n.Subnet, n.Gateway = "", "10.99.0.0/24", "10.99.0.1"
	n.Driver = "bridge"
	_, err = b.network.Create(t.Context(), foreign.owner("network.office"), b.encode(n))
	if err == nil || !strings.Contains(err.Error(), "taken") {
		t.Errorf("create over a foreign network: %v", err)
	}
}
