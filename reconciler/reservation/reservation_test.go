package reservation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/reservation"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

var ctx = context.Background()

func claim(network, ip string, address addr.Address) reservation.Claim {
	return reservation.Claim{Network: network, IP: ip, Address: address}
}

func owner(lineage string) reservation.Owner {
	return reservation.Owner{Lineage: lineage, Name: "name-" + lineage, Dir: "/etc/" + lineage}
}

func TestWhoComesFirstKeepsIt(t *testing.T) {
	path := reservation.Path(filepath.Join(t.TempDir(), "data"))
	if held, err := reservation.Others(ctx, path, "one"); err != nil || held != nil {
		t.Errorf("a missing table holds %v (%v)", held, err)
	}
	mine := []reservation.Claim{claim("lan", "10.0.0.1", "decky.a"), claim("lan", "10.0.0.2", "decky.b")}
	for range 2 { // what is ours already is no conflict
		if err := reservation.Reserve(ctx, path, owner("one"), mine, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := reservation.Reserve(ctx, path, owner("two"), []reservation.Claim{claim("dmz", "10.0.0.1", "decky.x")}, false); err != nil {
		t.Errorf("the same IP on another network: %v", err)
	}
	err := reservation.Reserve(ctx, path, owner("two"), []reservation.Claim{claim("lan", "10.0.0.3", "decky.y"), claim("lan", "10.0.0.2", "decky.z")}, false)
	var conflict *reservation.ConflictError
	if !errors.As(err, &conflict) || err.Error() != `decky.z: 10.0.0.2 is taken by decky.b of configuration "name-one" in /etc/one` {
		t.Errorf("a conflict: %v", err)
	}
	held, err := reservation.Others(ctx, path, "one")
	want := []reservation.Held{{Network: "dmz", IP: "10.0.0.1", Address: "decky.x", Owner: owner("two")}}
	if diff := cmp.Diff(want, held); err != nil || diff != "" {
		t.Errorf("a refused attempt left something: %s (%v)", diff, err)
	}
	if err := reservation.Reserve(ctx, path, owner("one"), mine[:1], true); err != nil {
		t.Fatal(err)
	}
	if err := reservation.Reserve(ctx, path, owner("two"), []reservation.Claim{claim("lan", "10.0.0.2", "decky.z")}, false); err != nil {
		t.Errorf("what was released: %v", err)
	}
}

// TestManyAtOnce lets eight configurations fight for the same IPs: each IP has
// one owner at the end, and each owner all or nothing.
func TestManyAtOnce(t *testing.T) {
	path := reservation.Path(t.TempDir())
	var group sync.WaitGroup
	won := make([]bool, 8)
	for i := range won {
		group.Go(func() {
			claims := []reservation.Claim{claim("lan", "10.0.0.1", "decky.a"), claim("lan", "10.0.0.2", "decky.b")}
			err := reservation.Reserve(ctx, path, owner(fmt.Sprint(i)), claims, false)
			var conflict *reservation.ConflictError
			if won[i] = err == nil; err != nil && !errors.As(err, &conflict) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	winners := 0
	for _, w := range won {
		if w {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d configurations won", winners)
	}
}

// TestAFileWithoutATable is what a process leaves that is killed at its first
// reservation.
func TestAFileWithoutATable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reservations.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if held, err := reservation.Others(t.Context(), path, "a"); err != nil || len(held) != 0 {
		t.Errorf("%v, %v", held, err)
	}
	if err := reservation.Reserve(t.Context(), path, reservation.Owner{Lineage: "a"}, []reservation.Claim{{Network: "n", IP: "10.0.0.1", Address: "decky.a"}}, true); err != nil {
		t.Fatal(err)
	}
	if held, err := reservation.Others(t.Context(), path, "b"); err != nil || len(held) != 1 {
		t.Errorf("%v, %v", held, err)
	}
}

func TestClaimsOfInstances(t *testing.T) {
	network := schema.Network{Name: "lan", Parent: "eth0", Subnet: "10.0.0.0/24"}
	config := func(v any) json.RawMessage {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	claims := reservation.Claims([]schema.Instance{
		{Address: "network.lan", Type: "network", Config: config(network)},
		{Address: "decky.a", Type: "decky", Config: config(schema.Decky{Network: network, Host: schema.Host{IP: "10.0.0.5"}})},
		{Address: "decky.b", Type: "decky", Config: config(schema.Decky{Network: network})},
		{Address: "decky.c", Type: "decky", Config: json.RawMessage(`{`)},
		{Address: "decky.a.service.ssh", Type: "service", Config: config(schema.Service{Host: schema.Host{IP: "10.0.0.5"}})},
	})
	if diff := cmp.Diff([]reservation.Claim{claim(reservation.Identity(network), "10.0.0.5", "decky.a")}, claims); diff != "" {
		t.Error(diff)
	}
	other := network
	other.Name, other.Gateway = "another block", "10.0.0.1"
	if reservation.Identity(network) != reservation.Identity(other) {
		t.Error("two blocks on one parent and subnet are two networks")
	}
	other.Parent = "eth1"
	if reservation.Identity(network) == reservation.Identity(other) {
		t.Error("two parents are one network")
	}
}
