package intel

import (
	"context"
	"time"

	"github.com/decnet/decnet/schema/event/journal"
)

// Batch is what Append stores in one transaction.
type Batch struct {
	// Events in the order they are to stand in the log. Append fills in their
	// Seq.
	Events []*Event
	// Offsets are the positions behind everything of the batch.
	Offsets []Offset
}

// Offset is how far one journal has been read.
type Offset struct {
	// Journal identifies the journal for as long as it exists: a directory
	// that was removed and made again is another journal.
	Journal  string
	Name     string
	Position journal.Position
	// Corrupt is the number of records of this batch that were no events,
	// Flagged of those that were not believed.
	Corrupt, Flagged int64
}

// Appended is what became of a Batch.
type Appended struct {
	Stored     []*Event // those that were not in the log before, with their Seq
	Duplicates int      // events whose id was in the log already
}

// Log is the event log. One process at a time appends to it.
type Log interface {
	// Append stores the batch as a whole, on disk before it returns, or not
	// at all.
	Append(ctx context.Context, b Batch) (Appended, error)
	// Offsets is how far every journal has been read, by Offset.Journal.
	Offsets(ctx context.Context) (map[string]journal.Position, error)
	// After returns up to limit events behind seq, in order.
	After(ctx context.Context, seq int64, limit int) ([]*Event, error)
	// Replay yields, in order, the events up to and including seq whose time
	// is since or later. An error of yield ends it.
	Replay(ctx context.Context, since time.Time, seq int64, yield func(*Event) error) error
	// Head is the Seq of the last event and the latest time of any; zero
	// where the log is empty.
	Head(ctx context.Context) (seq int64, latest time.Time, err error)
}

// Changes are what stages computed from a run of events. Counts are added to
// what is stored, times widen it.
type Changes struct {
	Sessions    []Session
	Attackers   []Attacker
	Contacts    []Contact
	Credentials []Credential
	Tags        []Tag
}

// Stages keeps the results of stages and their cursors.
type Stages interface {
	// Cursor is the Seq up to which the stage has committed, 0 at first.
	Cursor(ctx context.Context, stage string) (int64, error)
	// Commit adds the changes and sets the cursors of the named stages to seq
	// in one transaction. A tag that exists already is left as it is.
	Commit(ctx context.Context, stages []string, seq int64, c Changes) error
	// TagsSince lists the tags of a rule whose event time is since or later.
	TagsSince(ctx context.Context, rule string, since time.Time) ([]Tag, error)
}

// Deliveries keeps the cursors of sinks.
type Deliveries interface {
	// Delivery is the cursor of a sink, zero at first.
	Delivery(ctx context.Context, sink string) (Delivery, error)
	// SetDelivery moves the cursor.
	SetDelivery(ctx context.Context, d Delivery) error
	// After is Log.After.
	After(ctx context.Context, seq int64, limit int) ([]*Event, error)
	// TagsAfter returns up to limit tags behind id, in order.
	TagsAfter(ctx context.Context, id int64, limit int) ([]Tag, error)
}
