package addr_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/schema/addr"
)

func TestParseAndOfAreInverse(t *testing.T) {
	for _, s := range []string{
		"network.office", "decky.web[0]", `decky.web["a b\"c"]`, "decky.web[3].service.ssh", `decky.web.service.http["alt"]`,
		`module.dmz.decky.db["a"].service.mysql`,
	} {
		steps, err := addr.Parse(s)
		if err != nil {
			t.Errorf("Parse(%q): %v", s, err)
			continue
		}
		if got := addr.Of(steps...); string(got) != s {
			t.Errorf("Of(Parse(%q)) = %q", s, got)
		}
	}
	for _, s := range []string{"", "decky", "decky.", "decky.web[", "decky.web[x]", `decky.web["a]`, "decky.web[-1]", "decky.web[0]x", "decky..web", "1.a"} {
		if steps, err := addr.Parse(s); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", s, steps)
		}
	}
}

func TestCompareIsNatural(t *testing.T) {
	want := []addr.Address{"decky.web", "decky.web[0]", "decky.web[0].service.ssh", "decky.web[2]", "decky.web[10]", "network.a"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, addr.Compare)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`module.dmz.decky.db["a"].service.mysql[3]`)
	f.Fuzz(func(t *testing.T, s string) {
		steps, err := addr.Parse(s)
		if err != nil {
			return
		}
		again, err := addr.Parse(string(addr.Of(steps...)))
		if err != nil || !slices.Equal(steps, again) {
			t.Fatalf("%q: %v, then %v (%v)", s, steps, again, err)
		}
	})
}
