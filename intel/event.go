package intel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/decnet/decnet/schema/event"
)

// Event is one event of the log.
type Event struct {
	// Seq is its place in the log: ascending in the order of storing, with
	// gaps.
	Seq int64
	// Received is when the collector read it.
	Received time.Time
	// Journal is the name of the journal it came from.
	Journal string
	// Flags say what the collector did not believe.
	Flags Flags
	*event.Event
}

// Flags is a set of doubts about one event.
type Flags uint8

// The doubts of the collector.
const (
	// FlagForeign: the event named a decky that its journal does not belong
	// to; the decky has been rewritten to the journal's.
	FlagForeign Flags = 1 << iota
	// FlagUnowned: nothing known owns the journal; the decky is the event's
	// own claim.
	FlagUnowned
	// FlagTime: the time was in the future and has been cut to the time of
	// reading.
	FlagTime
	// FlagID: the id had not the form of one and was replaced.
	FlagID
	// FlagField: a service or session name was cut or cleaned.
	FlagField
	// FlagKind: the event was of a kind that only the engine tells of; it has
	// been rewritten to a system event called "forged", which holds it.
	FlagKind
)

var flagNames = []string{"foreign-decky", "unowned-journal", "future-time", "bad-id", "bad-field", "forged-kind"}

// Names are the flags in words.
func (f Flags) Names() []string {
	var names []string
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

type storedEvent struct {
	Seq      int64     `json:"seq"`
	Received time.Time `json:"received"`
	Journal  string    `json:"journal"`
	Flags    []string  `json:"flags,omitempty"`
}

// MarshalJSON writes the fields of the log and those of the event in one
// object.
func (e Event) MarshalJSON() ([]byte, error) {
	head, err := json.Marshal(storedEvent{Seq: e.Seq, Received: e.Received.UTC(), Journal: e.Journal, Flags: e.Flags.Names()})
	if err != nil {
		return nil, fmt.Errorf("encode event %d: %w", e.Seq, err)
	}
	tail, err := json.Marshal(e.Event)
	if err != nil {
		return nil, fmt.Errorf("encode event %d: %w", e.Seq, err)
	}
	if !bytes.HasPrefix(tail, []byte("{")) {
		return nil, fmt.Errorf("encode event %d: it is empty", e.Seq)
	}
	return append(append(head[:len(head)-1], ','), tail[1:]...), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Event) UnmarshalJSON(data []byte) error {
	var head storedEvent
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	var flags Flags
	for _, name := range head.Flags {
		for i, known := range flagNames {
			if name == known {
				flags |= 1 << i
			}
		}
	}
	inner := &event.Event{}
	if err := json.Unmarshal(data, inner); err != nil {
		return err
	}
	*e = Event{Seq: head.Seq, Received: head.Received, Journal: head.Journal, Flags: flags, Event: inner}
	return nil
}

// SourceText is the attacking address, empty where the event has none.
func (e *Event) SourceText() string {
	if !e.Source.IP.IsValid() {
		return ""
	}
	return e.Source.IP.String()
}
