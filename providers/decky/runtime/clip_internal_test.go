package runtime

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/schema/event"
)

func TestFitKeepsSmallEventsAsTheyAre(t *testing.T) {
	body := &event.Query{Verb: "SET", Statement: "SET a b", Args: []event.Text{"a", "b"}}
	got, err := Fit(&event.Event{Body: body})
	if err != nil || got.Body != body {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFitBoundsEveryEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{"a", "\x00", "\xff", "\u2028", "é", "\"", "<"}).Draw(t, "unit")
		text := func(label string) event.Text {
			return event.Text(strings.Repeat(unit, rapid.SampledFrom([]int{0, 1, 9000, 70000, 140000}).Draw(t, label)))
		}
		body := &event.Request{Method: text("method"), Target: text("target"), Body: text("body")}
		for range rapid.SampledFrom([]int{0, 3, 1500}).Draw(t, "headers") {
			body.Headers = append(body.Headers, event.Header{Name: "n", Value: event.Text(strings.Repeat(unit, 100))})
		}
		before, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Fit(&event.Event{Body: body})
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(e)
		if err != nil || len(data) > event.MaxEvent {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
		if after, _ := json.Marshal(body); string(after) != string(before) {
			t.Fatal("the service's own body was changed")
		}
		if utf8.ValidString(unit) && !utf8.ValidString(string(e.Body.(*event.Request).Body)) {
			t.Fatal("a character was cut in two")
		}
	})
}

func TestCutListsSaySo(t *testing.T) {
	q := &event.Query{}
	for i := range 5000 {
		q.Args = append(q.Args, event.Text(fmt.Sprint(i)))
	}
	cut := clip(q, event.MaxText).(*event.Query)
	if n := len(cut.Args); n != 1024 || cut.Args[n-1] != "...[3977 members cut]" || cut.Args[5] != "5" {
		t.Errorf("%d members, last %q", n, cut.Args[n-1])
	}
}
