package intel

import (
	"context"
	"time"
)

// Limits of a Filter.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
	MaxOffset    = 10_000_000
)

// Filter narrows a question. Empty fields do not narrow; a field that a
// question knows nothing of is not looked at.
type Filter struct {
	Decky   string // an instance address
	Source  string // an IP
	Kind    string // of event
	Service string
	Session string
	// Technique matches itself and its sub-techniques.
	Technique string
	Rule      string
	// Search is a text that must occur, ASCII letters in either case: in an
	// event's body, decky, service or source; in a session's, attacker's or
	// tag's names; in a credential's principal or secret. It is taken
	// literally.
	Search string
	// Member is a member of an event's body, Value what it must be, as JSON: of
	// "success", true. Only Events looks at them.
	Member, Value string
	Since         time.Time // by event time
	Until         time.Time // exclusive
	// Limit is clamped to MaxLimit; 0 is DefaultLimit.
	Limit  int
	Offset int
	// Ascending gives the oldest first; the default is the newest first.
	Ascending bool
}

// Page is the filter's limit and offset within bounds.
func (f *Filter) Page() (limit, offset int) {
	limit = f.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	return min(limit, MaxLimit), max(0, min(f.Offset, MaxOffset))
}

// Query answers questions about what has been learned. Both the HTTP API and
// the command line use it; it never changes anything.
type Query interface {
	// Events narrows by every field but Technique and Rule.
	Events(ctx context.Context, f Filter) ([]Event, error)
	// Sessions narrows by Decky, Source, Service, Session, Search and, by the
	// time of opening, Since and Until.
	Sessions(ctx context.Context, f Filter) ([]Session, error)
	// Attackers narrows by Decky, Source, Technique, Search and, by the time
	// last seen, Since and Until; it orders by the time last seen.
	Attackers(ctx context.Context, f Filter) ([]Attacker, error)
	// Credentials narrows by Decky, Source, Service, Search and, by the time
	// last seen, Since and Until; it orders by the time last seen.
	Credentials(ctx context.Context, f Filter) ([]Credential, error)
	// Tags narrows by Decky, Source, Service, Session, Technique, Rule,
	// Search, Since and Until.
	Tags(ctx context.Context, f Filter) ([]Tag, error)
	// Contacts narrows by Decky and Source: who touched what.
	Contacts(ctx context.Context, f Filter) ([]Contact, error)
	// Status is the state of the store.
	Status(ctx context.Context) (Status, error)
}

// Status is the state of a store.
type Status struct {
	Events     int64            `json:"events"`
	LastEvent  time.Time        `json:"last_event,omitzero"` // the latest event time
	Head       int64            `json:"head"`
	Cursors    map[string]int64 `json:"cursors"` // of stages
	Deliveries []Delivery       `json:"deliveries"`
	Journals   int64            `json:"journals"`
	Corrupt    int64            `json:"corrupt"`
	Flagged    int64            `json:"flagged"`
	Duplicates int64            `json:"duplicates"`
}
