package addr_test

import (
	"testing"

	"github.com/decnet/decnet/schema/addr"
)

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		pattern, address addr.Address
		want             bool
	}{
		{"decky.web", "decky.web", true},
		{"decky.web", "decky.web[0]", true},
		{"decky.web", "decky.web[0].service.ssh", true},
		{"decky.web[0]", "decky.web[0].service.ssh", true},
		{"decky.web[1]", "decky.web[10]", false},
		{"decky.web", "decky.website", false},
		{"module.dmz", `module.dmz["a"].decky.web`, true},
		{"decky.web[0].service.ssh", "decky.web[0]", false},
	} {
		if got := addr.Covers(c.pattern, c.address); got != c.want {
			t.Errorf("Covers(%s, %s) = %t", c.pattern, c.address, got)
		}
	}
}

func TestRename(t *testing.T) {
	for _, c := range []struct{ address, from, to, want addr.Address }{
		{"decky.web", "decky.web", "decky.www", "decky.www"},
		{"decky.web[3]", "decky.web", "decky.www", "decky.www[3]"},
		{`decky.web["a"].service.ssh`, "decky.web", "module.dmz.decky.web", `module.dmz.decky.web["a"].service.ssh`},
		{"decky.web", "decky.web", "decky.web[0]", "decky.web[0]"},
		{"decky.web[1]", "decky.web", "decky.web[0]", ""},
		{"decky.web[1]", "decky.web[1]", `decky.web["b"]`, `decky.web["b"]`},
		{"decky.web[2]", "decky.web[1]", `decky.web["b"]`, ""},
		{"module.a.decky.web[2].service.ssh", "module.a", "module.b", "module.b.decky.web[2].service.ssh"},
		{"decky.web.service.ssh", "decky.web.service.ssh", `decky.web.service.ssh["alt"]`, `decky.web.service.ssh["alt"]`},
		{"decky.website", "decky.web", "decky.www", ""},
		{"decky", "decky.web", "decky.www", ""},
	} {
		got, ok := addr.Rename(c.address, c.from, c.to)
		if !ok {
			got = ""
		}
		if got != c.want {
			t.Errorf("Rename(%s, %s, %s) = %q, want %q", c.address, c.from, c.to, got, c.want)
		}
	}
}
