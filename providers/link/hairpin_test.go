package link_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/link"
)

func TestCIDRs(t *testing.T) {
	for pool, want := range map[string][]string{
		"10.0.0.0-10.0.0.255":             {"10.0.0.0/24"},
		"10.0.0.1-10.0.0.1":               {"10.0.0.1/32"},
		"192.168.1.110-192.168.1.127":     {"192.168.1.110/31", "192.168.1.112/28"},
		"10.0.0.255-10.0.1.0":             {"10.0.0.255/32", "10.0.1.0/32"},
		"0.0.0.0-255.255.255.255":         {"0.0.0.0/0"},
		"255.255.255.254-255.255.255.255": {"255.255.255.254/31"},
	} {
		got, err := link.CIDRs(pool)
		if err != nil {
			t.Errorf("%s: %v", pool, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", pool, diff)
		}
	}
	for _, pool := range []string{"", "10.0.0.1", "10.0.0.2-10.0.0.1", "a-b", "::1-::2", "10.0.0.1-x"} {
		if got, err := link.CIDRs(pool); err == nil {
			t.Errorf("CIDRs(%q) = %v", pool, got)
		}
	}
}

// The networks cover the range, without overlap and without anything else.
func TestCIDRsAreTheRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Uint32().Draw(t, "from")
		count := rapid.Uint32Range(0, 5000).Draw(t, "count")
		to := from + count
		if to < from {
			to = ^uint32(0)
		}
		addr := func(n uint32) netip.Addr {
			return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		}
		cidrs, err := link.CIDRs(addr(from).String() + "-" + addr(to).String())
		if err != nil {
			t.Fatal(err)
		}
		next := uint64(from)
		for _, c := range cidrs {
			p := netip.MustParsePrefix(c)
			if p.Masked() != p || p.Addr() != addr(uint32(next)) {
				t.Fatalf("%s does not begin at %s", c, addr(uint32(next)))
			}
			next += 1 << (32 - p.Bits())
		}
		if next != uint64(to)+1 {
			t.Fatalf("%v ends at %d, want %d", cidrs, next, uint64(to)+1)
		}
	})
}

func TestAlias(t *testing.T) {
	lineage, address, ok := link.ParseAlias(link.Alias("quiet-fox", `module.dmz.decky.db["a:b"]`))
	if !ok || lineage != "quiet-fox" || address != `module.dmz.decky.db["a:b"]` {
		t.Errorf("%q %q %v", lineage, address, ok)
	}
	for _, alias := range []string{"", "decnet:", "decnet:a", "decnet::b", "decnet:a:", "other:a:b"} {
		if _, _, ok := link.ParseAlias(alias); ok {
			t.Errorf("ParseAlias(%q) takes it for ours", alias)
		}
	}
}

func FuzzParseAlias(f *testing.F) {
	f.Add("decnet:a:b")
	f.Fuzz(func(t *testing.T, alias string) {
		if lineage, address, ok := link.ParseAlias(alias); ok && link.Alias(lineage, address) != alias {
			t.Errorf("%q became %q", alias, link.Alias(lineage, address))
		}
	})
}

func FuzzCIDRs(f *testing.F) {
	f.Add("10.0.0.1-10.0.0.9")
	f.Fuzz(func(t *testing.T, pool string) {
		if cidrs, err := link.CIDRs(pool); err == nil && (len(cidrs) == 0 || len(cidrs) > 62) {
			t.Errorf("%q: %d networks", pool, len(cidrs))
		}
	})
}

func TestNamesFitAnInterface(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{link.BridgeName("l", "a"), link.BridgeName("l", "b"), link.BridgeName("m", "a"), link.VethName("l", "a")} {
		if len(name) > 15 || seen[name] {
			t.Errorf("interface name %q is too long or taken", name)
		}
		seen[name] = true
	}
}
