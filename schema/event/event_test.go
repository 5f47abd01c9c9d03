package event_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/decnet/decnet/schema/event"
)

var bodies = []event.Body{
	&event.ConnectionOpened{Transport: "tcp"},
	&event.ConnectionClosed{DurationMS: 12, BytesIn: 3, BytesOut: 4, Reason: event.CloseClient},
	&event.AuthAttempt{Method: "password", Username: "root", Secret: "a\xff\x00b", SecretKind: "plaintext", Success: true},
	&event.Command{Line: "id\n", Mode: "exec", Known: true},
	&event.Request{Protocol: "HTTP/1.1", Method: "GET", Target: "/\xfe", Headers: []event.Header{{Name: "A", Value: "b"}}, Status: 200},
	&event.Query{Verb: "SLAVEOF", Statement: "SLAVEOF a 1", Args: []event.Text{"a", "1"}, Target: "a:1"},
	&event.Transfer{Direction: "upload", Name: "x", Size: 1},
	&event.Fingerprint{Method: "hassh", Value: "00"},
	&event.Scan{Technique: "connect"},
	&event.Canary{Token: "t", Type: "dns"},
	&event.Drift{Address: "decky.a", Reason: "gone", Action: "heal"},
	&event.System{Name: "overflow", Count: 3},
}

func TestEventKeepsEveryBodyExactly(t *testing.T) {
	for _, body := range bodies {
		want := &event.Event{
			ID: event.NewID(time.Now()), Time: time.Now().UTC().Truncate(time.Microsecond), Decky: "decky.web[0]", Service: "ssh", Session: "s",
			Source: event.EndpointOf(netip.MustParseAddrPort("[::ffff:192.0.2.7]:4242")), Body: body,
		}
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatalf("%s: %v", body.Kind(), err)
		}
		var got event.Event
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%s: %v\n%s", body.Kind(), err, data)
		}
		if diff := cmp.Diff(want, &got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s changed on the wire:\n%s", body.Kind(), diff)
		}
		if got.Source.IP.String() != "192.0.2.7" {
			t.Errorf("source = %v, want the unmapped IPv4 address", got.Source.IP)
		}
	}
}

func TestUnknownKindIsAnError(t *testing.T) {
	var got event.Event
	if err := json.Unmarshal([]byte(`{"kind":"teleport","body":{}}`), &got); err == nil || !strings.Contains(err.Error(), "teleport") {
		t.Fatalf("err = %v, want one that names the kind", err)
	}
}

func TestIDsSortByTime(t *testing.T) {
	earlier, later := event.NewID(time.UnixMilli(1000)), event.NewID(time.UnixMilli(1001))
	if earlier >= later || len(earlier) != 26 {
		t.Fatalf("ids %q, %q do not sort by time", earlier, later)
	}
}

func FuzzEvent(f *testing.F) {
	for _, body := range bodies {
		data, err := json.Marshal(&event.Event{ID: "x", Body: body})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var e event.Event
		if json.Unmarshal(data, &e) != nil {
			return
		}
		if _, err := json.Marshal(&e); err != nil && e.Time.Year() < 10000 && e.Time.Year() >= 0 {
			t.Fatalf("read but not written: %v", err)
		}
	})
}
