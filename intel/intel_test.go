package intel_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event"
)

func TestEventOnTheOutsideKeepsEverything(t *testing.T) {
	want := intel.Event{Seq: 7, Received: time.Unix(9, 0).UTC(), Journal: "j", Flags: intel.FlagForeign | intel.FlagField, Event: &event.Event{
		ID: "x", Time: time.Unix(8, 1000).UTC(), Decky: "decky.a", Source: event.Endpoint{IP: netip.MustParseAddr("192.0.2.1"), Port: 3}, Body: &event.Command{Line: "a\xff"},
	}}
	data, err := json.Marshal([]intel.Event{want})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"seq":7`, `"flags":["foreign-decky","bad-field"]`, `"kind":"command"`, `"decky":"decky.a"`} {
		if !strings.Contains(string(data), part) {
			t.Errorf("%s lacks %s", data, part)
		}
	}
	var got []intel.Event
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]intel.Event{want}, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("changed on the way (-want +got):\n%s", diff)
	}
	if _, err := json.Marshal(intel.Event{}); err == nil {
		t.Error("an empty event was encoded")
	}
	if err := json.Unmarshal([]byte(`{"kind":"teleport"}`), &intel.Event{}); err == nil {
		t.Error("an unknown kind was decoded")
	}
}

func TestCredentialsAreToldApartByEveryPart(t *testing.T) {
	base := intel.Credential{Principal: "root", SecretKind: "plaintext", SHA256: intel.SecretDigest("x")}
	seen := map[intel.CredentialKey]bool{base.Key(): true}
	for name, change := range map[string]func(*intel.Credential){
		"principal": func(c *intel.Credential) { c.Principal = "roo" },
		"kind":      func(c *intel.Credential) { c.SecretKind = "http_bearer" },
		"secret":    func(c *intel.Credential) { c.SHA256 = intel.SecretDigest("y") },
		"a shifted border": func(c *intel.Credential) {
			c.Principal, c.SecretKind = "rootp", "laintext"
		},
	} {
		c := base
		change(&c)
		if seen[c.Key()] {
			t.Errorf("another %s has the same key", name)
		}
		seen[c.Key()] = true
	}
	if again := base; again.Key() != base.Key() {
		t.Error("the key is not stable")
	}
}

func TestPageStaysWithinBounds(t *testing.T) {
	tests := []struct{ limit, offset, wantLimit, wantOffset int }{
		{0, 0, 100, 0}, {-1, -1, 100, 0}, {1, 5, 1, 5}, {1000, 1, 1000, 1}, {1 << 40, 1 << 40, 1000, intel.MaxOffset},
	}
	for _, tt := range tests {
		f := intel.Filter{Limit: tt.limit, Offset: tt.offset}
		if limit, offset := f.Page(); limit != tt.wantLimit || offset != tt.wantOffset {
			t.Errorf("%d, %d gave %d, %d", tt.limit, tt.offset, limit, offset)
		}
	}
}
