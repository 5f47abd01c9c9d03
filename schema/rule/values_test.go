package rule_test

import (
	"net/netip"
	"testing"

	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/rule"
)

func TestValuesHoldEveryFieldOfEveryKind(t *testing.T) {
	e := &event.Event{
		Decky: "decky.web", Source: event.Endpoint{IP: netip.MustParseAddr("10.77.0.2"), Port: 4711},
		Body: &event.AuthAttempt{Username: "root", Success: true},
	}
	got := rule.Values(e)
	for _, f := range rule.Fields() {
		if _, ok := got[f.Name]; !ok {
			t.Errorf("no %s", f.Name)
		}
	}
	for name, want := range map[string]any{
		"kind": "auth.attempt", "decky": "decky.web", "source": "10.77.0.2", "source_port": 4711.0, "username": "root", "success": true, "path": "", "status": 0.0, "error": false,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}
