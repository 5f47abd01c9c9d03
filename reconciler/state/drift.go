package state

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/addr"
)

// Reasons of a drift.
const (
	DriftChanged   = "changed"
	DriftGone      = "gone"
	DriftRestarted = "restarted" // it ended and came back by itself
	DriftSurplus   = "surplus"   // somebody made one more
)

// What is done about a drift.
const (
	DriftHeal       = "heal"
	DriftReport     = "report"
	DriftQuarantine = "quarantine"
	DriftRecycle    = "recycle"
	DriftNone       = "none" // it healed by itself
)

// What became of a drift.
const (
	DriftHealed      = "healed"
	DriftByItself    = "by itself"
	DriftQuarantined = "quarantined"
	DriftRecycled    = "recycled"
	DriftUndone      = "undone"     // nobody here did it
	DriftSuperseded  = "superseded" // the object drifted further
	DriftRemoved     = "removed"    // the instance is no longer there
)

const (
	// keptDrifts is how many closed drifts are kept; older ones are only counted.
	keptDrifts = 10_000
	// keptUntold is how many closed drifts are kept that could not be told: where
	// nobody ever reads what is told, the oldest are given up.
	keptUntold = 20_000
	// pendingUntold is how many of those are pending at once.
	pendingUntold = 1024
)

// Drift is what somebody else did to an object, and what became of it. Sensitive
// values are masked.
type Drift struct {
	ID      string       `json:"id"` // of its event
	Address addr.Address `json:"address"`
	Type    string       `json:"type"`
	Runtime string       `json:"runtime,omitempty"`
	// Fingerprint is the same for the same drift of an object, seen again.
	Fingerprint string    `json:"fingerprint"`
	Reason      string    `json:"reason"`            // DriftChanged ...
	Changes     []string  `json:"changes,omitempty"` // "running: true -> false"
	Action      string    `json:"action"`            // DriftHeal ...
	Evidence    []Exhibit `json:"evidence,omitempty"`
	Missing     string    `json:"missing,omitempty"` // what of the evidence could not be had
	Seen        time.Time `json:"seen"`
	Told        time.Time `json:"told,omitzero"`   // its event was handed on
	Healed      time.Time `json:"healed,omitzero"` // or otherwise over; zero: open
	Outcome     string    `json:"outcome,omitempty"`
}

// Exhibit is one piece of evidence, found in the store of evidence by its digest.
type Exhibit struct {
	Name      string `json:"name"`
	Media     string `json:"media,omitempty"` // empty: text/plain
	SHA256    string `json:"sha256"`
	Size      int64  `json:"size"`
	Truncated bool   `json:"truncated,omitempty"`
}

// ErrNoDrift is returned for an id that no drift has, or more than one.
var ErrNoDrift = errors.New("no drift has this id")

// AddDrifts keeps drifts that are not on record yet, and closes those of close,
// both or neither. The oldest closed ones beyond a bound are only counted from
// then on.
func (s *Store) AddDrifts(ctx context.Context, drifts []Drift, close []Closing) error {
	return s.update(ctx, func(tx *sql.Tx) error {
		for _, d := range drifts {
			if err := writeDrift(tx, d); err != nil {
				return err
			}
		}
		for _, c := range close {
			if _, err := tx.Exec("UPDATE drifts SET healed = ?, outcome = ? WHERE id = ? AND healed = 0", c.At.UnixNano(), c.Outcome, c.ID); err != nil {
				return fmt.Errorf("close drift %s: %w", c.ID, err)
			}
		}
		return pruneDrifts(tx)
	})
}

// Closing is how a drift ends.
type Closing struct {
	ID      string
	At      time.Time
	Outcome string // DriftHealed ...
}

func writeDrift(tx *sql.Tx, d Drift) error {
	changes, err := json.Marshal(d.Changes)
	if err != nil {
		return fmt.Errorf("drift %s: %w", d.ID, err)
	}
	evidence, err := json.Marshal(d.Evidence)
	if err != nil {
		return fmt.Errorf("drift %s: %w", d.ID, err)
	}
	_, err = tx.Exec(`INSERT INTO drifts (id, address, type, runtime, fingerprint, reason, changes, action, evidence, missing, seen, told, healed, outcome)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		d.ID, string(d.Address), d.Type, d.Runtime, d.Fingerprint, d.Reason, string(changes), d.Action, string(evidence), d.Missing,
		nanoseconds(d.Seen), nanoseconds(d.Told), nanoseconds(d.Healed), d.Outcome)
	if err != nil {
		return fmt.Errorf("drift %s: %w", d.ID, err)
	}
	return nil
}

// pruneDrifts keeps the table small: what goes is added to the totals.
func pruneDrifts(tx *sql.Tx) error {
	for _, class := range []struct {
		where string
		kept  int
	}{{"healed <> 0 AND told <> 0", keptDrifts}, {"healed <> 0 AND told = 0", keptUntold}} {
		var closed int
		if err := tx.QueryRow("SELECT count(*) FROM drifts WHERE " + class.where).Scan(&closed); err != nil {
			return fmt.Errorf("prune drifts: %w", err)
		}
		if closed <= class.kept {
			continue
		}
		oldest := "SELECT id FROM drifts WHERE " + class.where + " ORDER BY id LIMIT ?"
		for _, statement := range []string{
			"INSERT INTO drift_totals (action, outcome, count) SELECT action, outcome, count(*) FROM drifts WHERE id IN (" + oldest + `) GROUP BY action, outcome
			ON CONFLICT (action, outcome) DO UPDATE SET count = count + excluded.count`,
			"DELETE FROM drifts WHERE id IN (" + oldest + ")",
		} {
			if _, err := tx.Exec(statement, closed-class.kept); err != nil {
				return fmt.Errorf("prune drifts: %w", err)
			}
		}
	}
	return nil
}

// MarkTold notes that the events of drifts were handed on.
func (s *Store) MarkTold(ctx context.Context, at time.Time, ids ...string) error {
	return s.update(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.Exec("UPDATE drifts SET told = ? WHERE id = ? AND told = 0", at.UnixNano(), id); err != nil {
				return fmt.Errorf("mark drift %s: %w", id, err)
			}
		}
		return nil
	})
}

const driftColumns = "SELECT id, address, type, runtime, fingerprint, reason, changes, action, evidence, missing, seen, told, healed, outcome FROM drifts "

// Drifts are the newest drifts first, at most limit.
func (s *Store) Drifts(ctx context.Context, limit int) ([]Drift, error) {
	return s.drifts(ctx, "ORDER BY id DESC LIMIT ?", limit)
}

// PendingDrifts are those that are open or not told yet, oldest first; of those
// that are over, a bounded number.
func (s *Store) PendingDrifts(ctx context.Context) ([]Drift, error) {
	return s.drifts(ctx, "WHERE healed = 0 UNION "+driftColumns+"WHERE id IN (SELECT id FROM drifts WHERE told = 0 AND healed <> 0 ORDER BY id LIMIT ?) ORDER BY id", pendingUntold)
}

// Drift is the one whose id begins with prefix; ErrNoDrift where that is none,
// or several.
func (s *Store) Drift(ctx context.Context, prefix string) (Drift, error) {
	found, err := s.drifts(ctx, "WHERE substr(id, 1, ?) = ? LIMIT 2", len(prefix), strings.ToUpper(prefix))
	if err == nil && (len(found) != 1 || prefix == "") {
		err = fmt.Errorf("drift %q: %w", prefix, ErrNoDrift)
	}
	if err != nil {
		return Drift{}, err
	}
	return found[0], nil
}

func (s *Store) drifts(ctx context.Context, where string, args ...any) ([]Drift, error) {
	var all []Drift
	err := s.view(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, driftColumns+where, args...)
		if err != nil {
			return fmt.Errorf("drifts: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var d Drift
			var changes, evidence string
			var seen, told, healed int64
			if err := rows.Scan(&d.ID, &d.Address, &d.Type, &d.Runtime, &d.Fingerprint, &d.Reason, &changes, &d.Action, &evidence, &d.Missing,
				&seen, &told, &healed, &d.Outcome); err != nil {
				return fmt.Errorf("drifts: %w", err)
			}
			if err := cmp.Or(json.Unmarshal([]byte(changes), &d.Changes), json.Unmarshal([]byte(evidence), &d.Evidence)); err != nil {
				return fmt.Errorf("drift %s: %w", d.ID, err)
			}
			d.Seen, d.Told, d.Healed = instant(seen), instant(told), instant(healed)
			all = append(all, d)
		}
		return rows.Err()
	})
	return all, err
}

// DriftCounts counts all drifts since the state exists.
func (s *Store) DriftCounts(ctx context.Context) (status.Drifts, error) {
	var counts status.Drifts
	err := s.view(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT action, outcome, count(*) FROM drifts GROUP BY action, outcome
			UNION ALL SELECT action, outcome, count FROM drift_totals`)
		if err != nil {
			return fmt.Errorf("drifts: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var action, outcome string
			var n int64
			if err := rows.Scan(&action, &outcome, &n); err != nil {
				return fmt.Errorf("drifts: %w", err)
			}
			if outcome == "" {
				counts.Open += n
			}
			switch action {
			case DriftHeal:
				switch outcome {
				case DriftHealed:
					counts.Healed += n
				case DriftByItself:
					counts.ByItself += n
				}
			case DriftNone:
				counts.ByItself += n
			case DriftReport:
				counts.Reported += n
			case DriftQuarantine:
				counts.Quarantined += n
			case DriftRecycle:
				counts.Recycled += n
			}
		}
		return rows.Err()
	})
	return counts, err
}
