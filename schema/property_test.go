package schema_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// TestOneDeckyMovesNoOther adds and removes deckies of a fleet that was
// applied: what stays keeps every value.
func TestOneDeckyMovesNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z][a-z0-9_-]{0,70}`), 0, 12, rapid.ID)
		before := names.Draw(t, "before")
		after := append(rapid.SliceOfDistinct(rapid.SampledFrom(append(before, "x")), rapid.ID).Draw(t, "kept"), names.Draw(t, "added")...)
		slices.Sort(after)
		after = slices.Compact(after)
		first := deckies(t, fleetOf(before, rapid.IntRange(0, 9).Draw(t, "count before")), nil)
		prior := map[addr.Address]json.RawMessage{}
		for address, c := range first {
			prior[address], _ = json.Marshal(c)
		}
		second := deckies(t, fleetOf(after, rapid.IntRange(0, 9).Draw(t, "count after")), prior)
		ips, macs, hosts, engine := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
		for address, c := range second {
			if was, stays := first[address]; stays {
				if diff := cmp.Diff(was, c); diff != "" {
					t.Fatalf("%s changed:\n%s", address, diff)
				}
			}
			host := strings.ToLower(c.Host.Hostname)
			if ips[c.Host.IP] || macs[c.Host.MAC] || hosts[host] || engine[c.Name] {
				t.Fatalf("%s shares a value with another: %+v", address, c)
			}
			if len(c.Name) > 63 {
				t.Fatalf("%s has a name of %d bytes", address, len(c.Name))
			}
			ips[c.Host.IP], macs[c.Host.MAC], hosts[host], engine[c.Name] = true, true, true, true
		}
	})
}

// TestWithoutPriorOnlyCollisionsMove evaluates fleets with nothing kept: a
// value differs only where two deckies wanted the same.
func TestWithoutPriorOnlyCollisionsMove(t *testing.T) {
	all := []string{"a", "b", "c", "d", "e", "f", "g"}
	whole := deckies(t, fleetOf(all, 5), nil)
	alone := map[addr.Address]schema.Decky{}
	for _, name := range all {
		for address, c := range deckies(t, fleetOf([]string{name}, 0), nil) {
			alone[address] = c
		}
	}
	wanted := map[string]int{}
	for _, c := range alone {
		wanted[c.Host.IP]++
		wanted[c.Host.Hostname]++
	}
	same := 0
	for address, c := range alone {
		if w := whole[address]; w.Host.MAC != c.Host.MAC || w.Name != c.Name || w.Host.Distro != c.Host.Distro {
			t.Errorf("%s: %+v alone, %+v in the fleet", address, c.Host, w.Host)
		} else if w.Host.IP == c.Host.IP {
			same++
		} else if owner := ownerOf(whole, c.Host.IP); owner == "" {
			t.Errorf("%s left %s, which nobody has", address, c.Host.IP)
		}
	}
	if same < 4 {
		t.Errorf("only %d of %d IPs are the same", same, len(alone))
	}
}

func ownerOf(fleet map[addr.Address]schema.Decky, ip string) addr.Address {
	for address, c := range fleet {
		if c.Host.IP == ip {
			return address
		}
	}
	return ""
}

// TestOrderOfBlocksDoesNotMatter: the same blocks in another order and in other
// files are the same plan.
func TestOrderOfBlocksDoesNotMatter(t *testing.T) {
	fsys := fleetOf([]string{"a", "b", "c"}, 4)
	source := string(fsys["main.hcl"].Data)
	blocks := strings.SplitAfter(source, "\n}\n")
	slices.Reverse(blocks)
	turned := fstest.MapFS{"a.hcl": {Data: []byte(strings.Join(blocks[:2], ""))}, "b.hcl": {Data: []byte(strings.Join(blocks[2:], ""))}}
	if diff := cmp.Diff(deckies(t, fsys, nil), deckies(t, turned, nil)); diff != "" {
		t.Error(diff)
	}
}

// fleetOf has a decky for each name and one counted block.
func fleetOf(names []string, count int) fstest.MapFS {
	var b strings.Builder
	b.WriteString(`decnet {
  name = "p"
  seed = "lantern"
}
network "n" {
  parent      = "eth0"
  subnet      = "10.0.0.0/26"
  host_access = true
}
`)
	fmt.Fprintf(&b, "decky \"counted\" {\n  count = %d\n  network = network.n\n  archetype = \"linux-server\"\n}\n", count)
	for _, name := range names {
		fmt.Fprintf(&b, "decky \"%s\" {\n  network = network.n\n  archetype = \"linux-server\"\n}\n", strings.Replace(name, "counted", "kounted", 1))
	}
	return fstest.MapFS{"main.hcl": {Data: []byte(b.String())}}
}

type fataler interface {
	Helper()
	Fatal(...any)
}

func deckies(t fataler, fsys fstest.MapFS, prior map[addr.Address]json.RawMessage) map[addr.Address]schema.Decky {
	t.Helper()
	c, diags := schema.Load(fsys, schema.Options{Catalogue: modules.FS})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	desired, diags := c.Evaluate(schema.EvalOptions{Services: services(), Prior: prior})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	out := map[addr.Address]schema.Decky{}
	for _, i := range desired.Instances {
		if i.Type == "decky" {
			var c schema.Decky
			if err := json.Unmarshal(i.Config, &c); err != nil {
				t.Fatal(err)
			}
			out[i.Address] = c
		}
	}
	return out
}
