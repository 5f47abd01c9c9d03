package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/decnet/decnet/schema/addr"
)

// keptBackups is how many states before an edit are kept.
const keptBackups = 10

// Edit is a change of the state alone, made by an operator. It is one run of the
// history, and the state before it is kept as a file.
type Edit struct {
	Begin
	Taint, Untaint []addr.Address
	// Replace, if set, is written in place of all instances and of what was
	// released; its serial is kept where it is higher.
	Replace *Snapshot
	Counts  Counts
}

// Edit carries out an edit, whole or not at all. It names the instances that are
// not in the state in its error. The caller holds the lock.
func (s *Store) Edit(ctx context.Context, e Edit) (Run, error) {
	if s.readOnly {
		return Run{}, fmt.Errorf("write state %s: %w", s.path, ErrReadOnly)
	}
	counts, err := json.Marshal(e.Counts)
	if err != nil {
		return Run{}, fmt.Errorf("write state %s: %w", s.path, err)
	}
	if e.Records, err = s.seal(e.Records); err != nil {
		return Run{}, err
	}
	if e.Replace != nil {
		replaced := *e.Replace
		if replaced.Instances, err = s.seal(replaced.Instances); err != nil {
			return Run{}, err
		}
		e.Replace = &replaced
	}
	backup, err := s.backup(ctx)
	if err != nil {
		return Run{}, err
	}
	run := Run{Command: e.Command, Holder: e.Holder, Outcome: "done", Counts: e.Counts, Backup: backup}
	err = s.update(ctx, func(tx *sql.Tx) error {
		if err := e.apply(ctx, tx); err != nil {
			return err
		}
		m, err := readMeta(ctx, tx)
		if err != nil {
			return err
		}
		run.Started, run.Serial = s.now().UTC(), m.Serial
		run.Finished = run.Started
		result, err := tx.Exec("INSERT INTO runs (command, holder, started, finished, outcome, serial, counts, backup) VALUES (?, ?, ?, ?, 'done', ?, ?, ?)",
			e.Command, e.Holder, run.Started.UnixNano(), run.Finished.UnixNano(), m.Serial, string(counts), backup)
		if err != nil {
			return fmt.Errorf("note the run: %w", err)
		}
		run.ID, err = result.LastInsertId()
		return err
	})
	if err != nil && backup != "" {
		err = errors.Join(err, os.Remove(backup))
	}
	return run, err
}

func (e *Edit) apply(ctx context.Context, tx *sql.Tx) error {
	if e.Replace != nil {
		return replaceAll(ctx, tx, *e.Replace, PhaseAbandoned)
	}
	var from []addr.Address
	for _, m := range e.Moves {
		from = append(from, m.From)
	}
	if err := present(tx, slices.Concat(from, e.Forget, e.Taint, e.Untaint)); err != nil {
		return err
	}
	if err := e.write(tx); err != nil {
		return err
	}
	for tainted, addresses := range map[bool][]addr.Address{true: e.Taint, false: e.Untaint} {
		for _, a := range addresses {
			if _, err := tx.Exec("UPDATE instances SET tainted = ? WHERE address = ?", tainted, string(a)); err != nil {
				return fmt.Errorf("instance %s: %w", a, err)
			}
		}
	}
	return bump(tx)
}

func present(tx *sql.Tx, addresses []addr.Address) error {
	var missing []string
	for _, a := range addresses {
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM instances WHERE address = ?", string(a)).Scan(&n); err != nil {
			return fmt.Errorf("instance %s: %w", a, err)
		}
		if n == 0 {
			missing = append(missing, string(a))
		}
	}
	if missing != nil {
		return fmt.Errorf("not in the state: %s", strings.Join(missing, ", "))
	}
	return nil
}

// replaceAll writes a whole state over what is there; the history stays.
func replaceAll(ctx context.Context, tx *sql.Tx, snap Snapshot, phase string) error {
	now, err := readMeta(ctx, tx)
	if err != nil {
		return err
	}
	snap.Serial = max(snap.Serial, now.Serial) + 1
	if err := writeMeta(tx, snap.Meta); err != nil {
		return err
	}
	if _, err := tx.Exec("DELETE FROM instances"); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE journal SET phase = ? WHERE phase = 'intent'", phase); err != nil {
		return err
	}
	for _, i := range snap.Instances {
		if err := writeInstance(tx, i); err != nil {
			return err
		}
	}
	for _, r := range snap.Released {
		if err := release(tx, r); err != nil {
			return err
		}
	}
	return nil
}

// backup copies the state beside it and drops the oldest copies; "" where there
// is no state yet.
func (s *Store) backup(ctx context.Context) (string, error) {
	if _, err := s.openWriter(); err != nil {
		return "", err
	}
	meta, err := s.Meta(ctx)
	if err != nil || meta.Lineage == "" {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(s.path), "backups")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("keep the state before: %w", err)
	}
	stem := strings.TrimSuffix(filepath.Base(s.path), ".db")
	path := filepath.Join(dir, fmt.Sprintf("%s-%010d.db", stem, meta.Serial))
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("keep the state before: %w", err)
	}
	s.mu.Lock()
	db := s.reader
	s.mu.Unlock()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return "", fmt.Errorf("keep the state before in %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		return "", fmt.Errorf("keep the state before: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, stem+"-*.db"))
	if err != nil {
		return "", fmt.Errorf("keep the state before: %w", err)
	}
	slices.Sort(old)
	for len(old) > keptBackups {
		if err := os.Remove(old[0]); err != nil {
			return "", fmt.Errorf("drop the oldest state: %w", err)
		}
		old = old[1:]
	}
	return path, nil
}
