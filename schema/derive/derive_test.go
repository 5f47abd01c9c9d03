package derive_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/schema/derive"
)

func address(i int) string { return fmt.Sprintf("decky.web[%d]", i) }

// TestValuesAreFrozen holds derived values to what was made before: a change of
// them would rename every fleet.
func TestValuesAreFrozen(t *testing.T) {
	d := derive.Of("lantern", "decky.web[0]")
	ip, _ := derive.NewIPs().Derive(d, derive.Range{First: netip.MustParseAddr("10.0.0.1"), Last: netip.MustParseAddr("10.0.0.254")}, "x", none)
	got := []string{
		d.Pick("distro", []string{"debian", "ubuntu22", "rocky9"}), ip.String(), derive.NewMACs(0).Derive(d, derive.Makers("linux"), "x"),
	}
	for _, style := range derive.Styles {
		got = append(got, derive.NewHostnames(0).Derive(d, style, "x"))
	}
	want := []string{
		"ubuntu22", "10.0.0.44", "48:df:37:9c:c5:c5", "SRV-MEADOW-94", "meadow94.localdomain", "meadow-94", "meadow-ridge",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func none(netip.Addr) bool { return false }

func TestSeedAndAddressDecide(t *testing.T) {
	if first, second := derive.Of("a", "b"), derive.Of("a", "b"); first != second || derive.Of("a", "b") == derive.Of("b", "a") || derive.Of("ab", "c") == derive.Of("a", "bc") {
		t.Error("draws do not depend on seed and address alone")
	}
}

func TestPickMovesSeldom(t *testing.T) {
	before, after := []string{"a", "b", "c"}, []string{"d", "c", "b", "a"}
	moved := 0
	for i := range 400 {
		d := derive.Of("s", address(i))
		was, is := d.Pick("x", before), d.Pick("x", after)
		if was != is {
			if moved++; is != "d" {
				t.Fatalf("%s moved from %s to %s, not to the new choice", address(i), was, is)
			}
		}
	}
	if moved < 60 || moved > 140 {
		t.Errorf("%d of 400 moved, want about a quarter", moved)
	}
	if got := derive.Of("s", "x").Pick("x", nil); got != "" {
		t.Errorf("picked %q of nothing", got)
	}
}

func TestHostnamesNeverRunOut(t *testing.T) {
	for _, style := range derive.Styles {
		h := derive.NewHostnames(0)
		longest := 0
		for i := range 5000 {
			name := h.Derive(derive.Of("s", address(i)), style, address(i))
			if err := derive.CheckHostname(name); err != nil || !style.Fits(name) {
				t.Fatalf("%s: %s: %v", style, name, err)
			}
			if h.Claim(strings.ToUpper(name), "other") != address(i) {
				t.Fatalf("%s was handed out and is free", name)
			}
			longest = max(longest, len(name))
		}
		if longest > 32 {
			t.Errorf("%s: a name has %d characters", style, longest)
		}
	}
	small := derive.NewHostnames(0)
	for i := range 20 {
		if name := small.Derive(derive.Of("s", address(i)), derive.StyleGeneric, address(i)); len(name) > len("SRV-PRAIRIE-99") {
			t.Errorf("a small fleet has %s", name)
		}
	}
}

func TestStylesFitTheirOwnOnly(t *testing.T) {
	examples := map[derive.Style]string{
		derive.StyleGeneric: "SRV-FLINT-42", derive.StyleRHEL: "flint42.localdomain", derive.StyleMinimal: "flint-42", derive.StyleRolling: "flint-cedar",
	}
	for style, name := range examples {
		for other := range examples {
			if got := other.Fits(name); got != (style == other) {
				t.Errorf("%s fits %s: %v", name, other, got)
			}
		}
	}
	if derive.Style("x").Fits("a") {
		t.Error("an unknown style fits")
	}
}

func TestCheckHostname(t *testing.T) {
	for _, s := range []string{"a", "A-1", "web01.example.com", "3com", strings.Repeat("a", 63), "xn--bcher-kva"} {
		if err := derive.CheckHostname(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "-a", "a-", "a..b", ".a", "a.", "a_b", "a b", "ä", "192.0.2.1", "12", strings.Repeat("a", 64), strings.Repeat("a.", 130)} {
		if err := derive.CheckHostname(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}

func TestMACs(t *testing.T) {
	for _, family := range append(derive.Families(), "unknown") {
		m := derive.NewMACs(0)
		for i := range 300 {
			mac := m.Derive(derive.Of("s", address(i)), derive.Makers(family), address(i))
			parsed, err := derive.ParseMAC(mac)
			if err != nil || parsed != mac || !derive.MadeBy(mac, derive.Makers(family)) {
				t.Fatalf("%s: %s: %v", family, mac, err)
			}
			if m.Claim(mac, "other") != address(i) {
				t.Fatalf("%s is free", mac)
			}
		}
	}
	for _, vendor := range derive.Vendors() {
		if mac := derive.NewMACs(0).Derive(derive.Of("s", vendor), []string{vendor}, "x"); !derive.MadeBy(mac, []string{vendor}) {
			t.Errorf("%s made %s", vendor, mac)
		}
	}
	for in, want := range map[string]string{"00-50-56-AA-BB-CC": "00:50:56:aa:bb:cc", "0050.56aa.bbcc": "00:50:56:aa:bb:cc"} {
		if got, err := derive.ParseMAC(in); got != want || err != nil {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, s := range []string{"", "x", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "00:00:00:00:00:00:00:01"} {
		if got, err := derive.ParseMAC(s); err == nil {
			t.Errorf("%q is %s", s, got)
		}
	}
	if derive.MadeBy("", []string{"dell"}) || derive.MadeBy("02:00:00:00:00:01", derive.Vendors()) {
		t.Error("nobody's address has a maker")
	}
}

func TestRanges(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.5-10.0.0.9": "10.0.0.5-10.0.0.9", " 10.0.0.5 - 10.0.0.5 ": "10.0.0.5-10.0.0.5", "10.0.0.64/26": "10.0.0.64-10.0.0.127",
		"10.0.0.77/26": "10.0.0.64-10.0.0.127", "0.0.0.0/0": "0.0.0.0-255.255.255.255",
	} {
		if got, err := derive.ParseRange(in); err != nil || got.String() != want {
			t.Errorf("%q: %s, %v", in, got, err)
		}
	}
	for _, s := range []string{"", "10.0.0.1", "10.0.0.9-10.0.0.1", "::1-::2", "10.0.0.1-::2", "a-b", "10.0.0.0/33", "2001:db8::/64"} {
		if got, err := derive.ParseRange(s); err == nil {
			t.Errorf("%q: %s", s, got)
		}
	}
	for in, want := range map[string]string{"10.0.0.0/24": "10.0.0.1-10.0.0.254", "10.0.0.0/30": "10.0.0.1-10.0.0.2", "10.0.0.0/31": "10.0.0.0-10.0.0.1"} {
		if got := derive.Usable(netip.MustParsePrefix(in)); got.String() != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// TestPoolsGiveEveryAddressOnce fills pools to the last address.
func TestPoolsGiveEveryAddressOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Uint32Range(0x0a000000, 0x0a00ffff).Draw(t, "first")
		size := rapid.IntRange(1, 200).Draw(t, "size")
		at := func(n uint32) netip.Addr {
			return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		}
		pool := derive.Range{First: at(first), Last: at(first + uint32(size) - 1)}
		refusedEvery := rapid.IntRange(2, 7).Draw(t, "refused")
		refused := func(ip netip.Addr) bool { b := ip.As4(); return int(b[3])%refusedEvery == 0 }
		ips := derive.NewIPs()
		given := map[netip.Addr]bool{}
		for i := 0; ; i++ {
			ip, ok := ips.Derive(derive.Of("s", address(i)), pool, address(i), refused)
			if !ok {
				break
			}
			if given[ip] || refused(ip) || !pool.Contains(ip) {
				t.Fatalf("%s was given to %s", ip, address(i))
			}
			given[ip] = true
		}
		want := 0
		for ip := pool.First; pool.Contains(ip); ip = ip.Next() {
			if !refused(ip) {
				want++
			}
		}
		if len(given) != want || pool.Size() != size {
			t.Fatalf("%d of %d addresses were given", len(given), want)
		}
	})
}

func TestNames(t *testing.T) {
	n := derive.NewNames(0)
	long := strings.Repeat("x", 70)
	got := []string{
		n.Derive("decky.a", "", "q", "a", "b"), n.Derive("decky.b", "", "q", "a-b"), n.Derive("decky.a", "", "q", "a", "b"),
		n.Derive("decky.c", "", "q", long), n.Derive("decky.d", "old-name", "q", "d"),
	}
	if got[0] != "q-a-b" || got[2] != "q-a-b" || got[4] != "q-d" {
		t.Errorf("%v", got)
	}
	if got[1] == "q-a-b" || !strings.HasPrefix(got[1], "q-a-b-") || len(got[3]) != derive.MaxName || n.Owner("q-d") != "decky.d" {
		t.Errorf("%v", got)
	}
	again := derive.NewNames(0)
	if kept := again.Derive("decky.b", got[1], "q", "a-b"); kept != got[1] {
		t.Errorf("%s became %s", got[1], kept)
	}
	for in, want := range map[string]string{"My Fleet!": "my-fleet", "a__b": "a-b", "-x-": "x", "ünï": "n", "": "", "日本": ""} {
		if got := derive.Slug(in); got != want {
			t.Errorf("Slug(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFamiliesHaveKnownMakers(t *testing.T) {
	for _, family := range derive.Families() {
		for _, maker := range derive.Makers(family) {
			if !slices.Contains(derive.Vendors(), maker) {
				t.Errorf("%s: no OUI of %s", family, maker)
			}
		}
	}
}

// FuzzParse feeds the parsers of what a user writes.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"10.0.0.5-10.0.0.9", "10.0.0.0/8", "web01.example.com", "00:50:56:aa:bb:cc", "1.2.3.4-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := derive.ParseRange(s); err == nil {
			if again, err := derive.ParseRange(r.String()); err != nil || again != r || r.Size() < 1 {
				t.Fatalf("%q: %s, then %s (%v)", s, r, again, err)
			}
		}
		if mac, err := derive.ParseMAC(s); err == nil {
			if again, err := derive.ParseMAC(mac); err != nil || again != mac {
				t.Fatalf("%q: %s, then %s", s, mac, again)
			}
		}
		if derive.CheckHostname(s) == nil && len(s) > 253 {
			t.Fatalf("%d bytes", len(s))
		}
		if slug := derive.Slug(s); derive.Slug(slug) != slug {
			t.Fatalf("%q: %q is no slug", s, slug)
		}
	})
}

// TestNamesSurviveMoves: a prior name of this configuration stays with what had
// it, one of another configuration does not.
func TestNamesSurviveMoves(t *testing.T) {
	names := derive.NewNames(0)
	if got := names.Derive("module.a.decky.web", "lab-web", "lab", "a", "web"); got != "lab-web" {
		t.Errorf("moved: %s", got)
	}
	if got := names.Derive("decky.web", "", "lab", "web"); got == "lab-web" || len(got) > derive.MaxName {
		t.Errorf("a new one at the old address: %s", got)
	}
	for _, prior := range []string{"other-web", "lab-WEB", "lab-" + strings.Repeat("x", derive.MaxName), "lab-web"} {
		if got := names.Derive("decky.db", prior, "lab", "db"); got != "lab-db" {
			t.Errorf("prior %q: %s", prior, got)
		}
	}
}
