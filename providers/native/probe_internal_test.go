package native

import (
	"encoding/json"
	"testing"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

func TestDeckyWithTheHostsAddress(t *testing.T) {
	own := map[string]string{"10.77.0.1": "op0"}
	for ip, want := range map[string]int{"10.77.0.1": 1, "10.77.0.2": 0} {
		config, err := json.Marshal(schema.Decky{Host: schema.Host{IP: ip}})
		if err != nil {
			t.Fatal(err)
		}
		if got := hostsOwn(providers.Planned{Address: "decky.x", Config: config}, own); len(got) != want {
			t.Errorf("%s: %+v", ip, got)
		}
	}
	if own := ownAddresses(); own["127.0.0.1"] == "" {
		t.Errorf("this host has no loopback: %v", own)
	}
}
