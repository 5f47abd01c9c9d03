package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/schema/addr"
)

// Phases of a journal entry.
const (
	PhaseIntent    = "intent"    // written, the object may have been touched
	PhaseDone      = "done"      // the result is in the state
	PhaseFailed    = "failed"    // so is what the failure left
	PhaseAbandoned = "abandoned" // the state was rebuilt or replaced since, or the object found as it should be
)

// keptRuns is how many runs keep their journal.
const keptRuns = 50

// Run is one apply in the history.
type Run struct {
	ID       int64     `json:"id"`
	Command  string    `json:"command"`
	Holder   string    `json:"holder"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"` // zero while it runs, and for ever if it was killed
	Outcome  string    `json:"outcome"`           // "running", then what FinishRun was told
	Serial   int64     `json:"serial"`            // that it took
	Counts   Counts    `json:"counts"`
	// Backup is the file that holds the state as it was before; empty: the run
	// went through the journal, step by step.
	Backup string `json:"backup,omitempty"`
}

// Counts are the rows that a run changed, by what became of them.
type Counts struct {
	Created   int `json:"created,omitempty"`
	Updated   int `json:"updated,omitempty"`
	Replaced  int `json:"replaced,omitempty"`
	Deleted   int `json:"deleted,omitempty"`
	Forgotten int `json:"forgotten,omitempty"`
	Moved     int `json:"moved,omitempty"`
	Imported  int `json:"imported,omitempty"`
	Recorded  int `json:"recorded,omitempty"` // rows that only took note
	Tainted   int `json:"tainted,omitempty"`
	Failed    int `json:"failed,omitempty"`
}

// Begin is what changes in the state as a run begins, before any object is
// touched.
type Begin struct {
	Command, Holder string
	Moves           []Move
	Records         []Instance // rows that change without their objects
	Forget          []addr.Address
	Release         []Released // objects of forgotten rows that live on
}

// Entry is one line of the journal.
type Entry struct {
	Run      int64        `json:"run"`
	Seq      int          `json:"seq"`
	Address  addr.Address `json:"address"`
	Action   string       `json:"action"`
	Phase    string       `json:"phase"`
	Started  time.Time    `json:"started"`
	Finished time.Time    `json:"finished,omitzero"`
	Error    string       `json:"error,omitempty"`
}

// Outcome is the row that a step leaves: an instance to keep, or one to drop.
type Outcome struct {
	Keep  *Instance // written as it is
	Drop  bool      // the address is forgotten; Keep is nil
	Taint bool      // the row, if any, is marked as broken; Keep is nil
	// Relabel says that the row's object carries the row's own address now;
	// Object is what it is since. Keep is nil.
	Relabel   bool
	Object    json.RawMessage
	Sensitive []string // of the row, for Object
	// Isolated says that the row's object was cut off, and is Object since. Keep
	// is nil.
	Isolated bool
}

// Reserve is what is written with an intent: the row that keeps what is
// allocated to an instance that is not made yet, or why an object that is about
// to be cut off is.
type Reserve struct {
	Row        *Instance
	Quarantine *Quarantine
}

// BeginRun opens a run and takes the next serial, so that no saved plan
// survives it, not even where the run is killed. What changes in the state alone
// is written with it.
func (s *Store) BeginRun(ctx context.Context, begin Begin) (int64, Meta, error) {
	var id int64
	var m Meta
	var err error
	if begin.Records, err = s.seal(begin.Records); err != nil {
		return 0, m, err
	}
	err = s.update(ctx, func(tx *sql.Tx) error {
		if err := bump(tx); err != nil {
			return err
		}
		var err error
		if m, err = readMeta(ctx, tx); err != nil {
			return err
		}
		result, err := tx.Exec("INSERT INTO runs (command, holder, started, outcome, serial) VALUES (?, ?, ?, 'running', ?)",
			begin.Command, begin.Holder, s.now().UnixNano(), m.Serial)
		if err != nil {
			return fmt.Errorf("begin run: %w", err)
		}
		if id, err = result.LastInsertId(); err != nil {
			return fmt.Errorf("begin run: %w", err)
		}
		return begin.write(tx)
	})
	return id, m, err
}

func (b *Begin) write(tx *sql.Tx) error {
	if err := moveInstances(tx, b.Moves); err != nil {
		return err
	}
	for _, i := range b.Records {
		if err := writeInstance(tx, i); err != nil {
			return err
		}
	}
	if err := abandon(tx, b.Records); err != nil {
		return err
	}
	for _, a := range b.Forget {
		if err := deleteInstance(tx, a); err != nil {
			return err
		}
	}
	for _, r := range b.Release {
		if err := release(tx, r); err != nil {
			return err
		}
	}
	return nil
}

// abandon closes the intents of what was found as it should be: what becomes of
// it from then on is no longer the doing of the run that died.
func abandon(tx *sql.Tx, found []Instance) error {
	if len(found) == 0 {
		return nil
	}
	rows, err := tx.Query("SELECT id, address FROM journal WHERE phase = 'intent'")
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer rows.Close()
	open := map[addr.Address][]int64{}
	for rows.Next() {
		var id int64
		var address addr.Address
		if err := rows.Scan(&id, &address); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		open[address] = append(open[address], id)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, i := range found {
		for _, id := range open[i.Address] {
			if _, err := tx.Exec("UPDATE journal SET phase = ? WHERE id = ?", PhaseAbandoned, id); err != nil {
				return fmt.Errorf("journal of %s: %w", i.Address, err)
			}
		}
	}
	return nil
}

func bump(tx *sql.Tx) error {
	_, err := tx.Exec(`INSERT INTO meta (key, value) VALUES ('serial', '1')
		ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)`)
	if err != nil {
		return fmt.Errorf("take the next serial: %w", err)
	}
	return nil
}

// FinishRun closes a run and drops the journal of the runs long past.
func (s *Store) FinishRun(ctx context.Context, id int64, outcome string, counts Counts) error {
	text, err := json.Marshal(counts)
	if err != nil {
		return fmt.Errorf("finish run %d: %w", id, err)
	}
	err = s.update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec("UPDATE runs SET finished = ?, outcome = ?, counts = ? WHERE id = ?", s.now().UnixNano(), outcome, string(text), id); err != nil {
			return fmt.Errorf("finish run %d: %w", id, err)
		}
		if _, err := tx.Exec("DELETE FROM journal WHERE run <= ?", id-keptRuns); err != nil {
			return fmt.Errorf("prune the journal: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.tidyVault(ctx)
}

// Intent is written before an object is touched, and what is reserved with it.
func (s *Store) Intent(ctx context.Context, e Entry, reserve Reserve) error {
	if reserve.Row != nil {
		sealed, err := s.seal([]Instance{*reserve.Row})
		if err != nil {
			return err
		}
		reserve.Row = &sealed[0]
	}
	return s.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO journal (run, seq, address, action, phase, started, error) VALUES (?, ?, ?, ?, 'intent', ?, '')",
			e.Run, e.Seq, string(e.Address), e.Action, e.Started.UnixNano())
		if err != nil {
			return fmt.Errorf("journal %s of %s: %w", e.Action, e.Address, err)
		}
		if reserve.Row != nil {
			return writeInstance(tx, *reserve.Row)
		}
		if q := reserve.Quarantine; q != nil {
			_, err := tx.Exec("UPDATE instances SET quarantined = ?, quarantined_why = ? WHERE address = ? AND quarantined = 0", nanoseconds(q.Since), q.Why, string(e.Address))
			if err != nil {
				return fmt.Errorf("instance %s: %w", e.Address, err)
			}
		}
		return nil
	})
}

// Result closes an intent and writes what became of the instance, both or
// neither.
func (s *Store) Result(ctx context.Context, e Entry, outcome Outcome) error {
	row := Instance{Object: outcome.Object, Sensitive: outcome.Sensitive}
	if outcome.Keep != nil {
		row = *outcome.Keep
	}
	sealed, err := s.seal([]Instance{row})
	if err != nil {
		return err
	}
	return s.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec("UPDATE journal SET phase = ?, finished = ?, error = ? WHERE run = ? AND seq = ?", e.Phase, e.Finished.UnixNano(), e.Error, e.Run, e.Seq)
		if err != nil {
			return fmt.Errorf("journal %s of %s: %w", e.Action, e.Address, err)
		}
		switch {
		case outcome.Keep != nil:
			return writeInstance(tx, sealed[0])
		case outcome.Drop:
			return deleteInstance(tx, e.Address)
		case outcome.Relabel:
			if _, err := tx.Exec("UPDATE instances SET labelled = '', object = ? WHERE address = ?", []byte(sealed[0].Object), string(e.Address)); err != nil {
				return fmt.Errorf("instance %s: %w", e.Address, err)
			}
		case outcome.Isolated:
			if _, err := tx.Exec("UPDATE instances SET object = ?, updated = ? WHERE address = ?", []byte(sealed[0].Object), e.Finished.UnixNano(), string(e.Address)); err != nil {
				return fmt.Errorf("instance %s: %w", e.Address, err)
			}
		case outcome.Taint:
			if _, err := tx.Exec("UPDATE instances SET tainted = 1 WHERE address = ?", string(e.Address)); err != nil {
				return fmt.Errorf("instance %s: %w", e.Address, err)
			}
		}
		return nil
	})
}

// readInterrupted finds the newest entry of each address that has an open one:
// if that is the open one, nobody has dealt with it since.
func readInterrupted(ctx context.Context, tx *sql.Tx, into map[addr.Address]string) error {
	rows, err := tx.QueryContext(ctx, `SELECT address, action FROM journal AS j WHERE phase = 'intent'
		AND NOT EXISTS (SELECT 1 FROM journal AS later WHERE later.address = j.address AND later.id > j.id)`)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var address addr.Address
		var action string
		if err := rows.Scan(&address, &action); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		into[address] = action
	}
	return rows.Err()
}

// Runs are the newest runs first, at most limit.
func (s *Store) Runs(ctx context.Context, limit int) ([]Run, error) {
	var all []Run
	err := s.view(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT id, command, holder, started, finished, outcome, serial, counts, backup FROM runs ORDER BY id DESC LIMIT ?", limit)
		if err != nil {
			return fmt.Errorf("runs: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var r Run
			var started int64
			var finished sql.NullInt64
			var counts string
			if err := rows.Scan(&r.ID, &r.Command, &r.Holder, &started, &finished, &r.Outcome, &r.Serial, &counts, &r.Backup); err != nil {
				return fmt.Errorf("runs: %w", err)
			}
			if counts != "" {
				if err := json.Unmarshal([]byte(counts), &r.Counts); err != nil {
					return fmt.Errorf("runs: counts of run %d: %w", r.ID, err)
				}
			}
			r.Started, r.Finished = time.Unix(0, started).UTC(), moment(finished)
			all = append(all, r)
		}
		return rows.Err()
	})
	return all, err
}

// Journal is everything a run did, in order.
func (s *Store) Journal(ctx context.Context, run int64) ([]Entry, error) {
	var all []Entry
	err := s.view(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT run, seq, address, action, phase, started, finished, error FROM journal WHERE run = ? ORDER BY id", run)
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var e Entry
			var started int64
			var finished sql.NullInt64
			if err := rows.Scan(&e.Run, &e.Seq, &e.Address, &e.Action, &e.Phase, &started, &finished, &e.Error); err != nil {
				return fmt.Errorf("journal: %w", err)
			}
			e.Started, e.Finished = time.Unix(0, started).UTC(), moment(finished)
			all = append(all, e)
		}
		return rows.Err()
	})
	return all, err
}

// instant and nanoseconds keep the zero time as 0.
func instant(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func moment(ns sql.NullInt64) time.Time {
	if !ns.Valid {
		return time.Time{}
	}
	return time.Unix(0, ns.Int64).UTC()
}

// String is "2 created, 1 failed", or "nothing".
func (c Counts) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{
		{c.Created, "created"}, {c.Updated, "updated"}, {c.Replaced, "replaced"}, {c.Deleted, "deleted"}, {c.Forgotten, "forgotten"},
		{c.Moved, "moved"}, {c.Imported, "imported"}, {c.Recorded, "recorded"}, {c.Tainted, "tainted"}, {c.Failed, "failed"},
	} {
		if p.n > 0 {
			parts = append(parts, strconv.Itoa(p.n)+" "+p.word)
		}
	}
	if parts == nil {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
