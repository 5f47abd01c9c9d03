package runtime_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/schema/event"
)

func TestNothingIsAnsweredThatCannotBeRecorded(t *testing.T) {
	f := serve(t, decky.Limits{})
	c := f.dial()
	c.say("a")
	c.hear("ok a")
	f.journal.mu.Lock()
	f.journal.broken = errors.New("no space left on device")
	f.journal.mu.Unlock()
	c.say("b")
	if err := c.end(); err == nil {
		t.Fatal("an answer came that is not on record")
	}
}

func TestFullJournalKeepsServing(t *testing.T) {
	f := serve(t, decky.Limits{})
	c := f.dial()
	c.say("a")
	c.hear("ok a")
	f.journal.mu.Lock()
	f.journal.full = true
	f.journal.mu.Unlock()
	c.say("b")
	c.hear("ok b")
	if n := f.Status().Dropped; n != 1 {
		t.Errorf("%d events dropped, want 1", n)
	}
}

func TestEventIsCutToItsLimitsAndSaysSo(t *testing.T) {
	f := serve(t, decky.Limits{})
	c := f.dial()
	c.say("big")
	c.hear("ok big")
	q := bodies[*event.Query](f.journal)[1]
	if len(q.Statement) > event.MaxText || !strings.HasSuffix(string(q.Statement), "bytes cut]") || q.Verb != "BIG" {
		t.Errorf("%d bytes recorded, end %q", len(q.Statement), q.Statement[len(q.Statement)-40:])
	}
	for _, e := range f.journal.all() {
		if data, err := json.Marshal(e); err != nil || len(data) > event.MaxEvent {
			t.Errorf("%s: %d bytes, %v", e.Kind(), len(data), err)
		}
	}
}
