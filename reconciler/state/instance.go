package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/schema/addr"
)

// Instance is one row of the state: an instance as it was last applied.
type Instance struct {
	Address addr.Address    `json:"address"`
	Type    string          `json:"type"`
	Runtime string          `json:"runtime,omitempty"`
	Config  json.RawMessage `json:"config"` // the configuration that made it
	Digest  string          `json:"digest"` // of Config
	// Object is what the handler returned, null where nothing was made yet: the
	// row then keeps what was allocated to the instance.
	Object  json.RawMessage `json:"object,omitempty"`
	Parents []addr.Address  `json:"parents,omitempty"`
	After   []addr.Address  `json:"after,omitempty"`
	Tainted bool            `json:"tainted,omitempty"` // a step on it failed; it will be replaced
	Source  string          `json:"source,omitempty"`
	// Labelled is the address that the object carries, where the instance has
	// moved since; empty: its own.
	Labelled addr.Address `json:"labelled,omitempty"`
	// Sensitive are the paths of Config that are never shown, nor what in Object
	// ends with one of them.
	Sensitive      []string `json:"sensitive,omitempty"`
	PreventDestroy bool     `json:"prevent_destroy,omitempty"`
	Conduct
	// Created is when the object was made, whatever was done to it since; zero:
	// not known. A row written without it keeps the one it has.
	Created time.Time `json:"created,omitzero"`
	// Quarantined, if set, is since when and why the object is kept for study. A
	// row written without it keeps the one it has, unless Created is written.
	Quarantined *Quarantine `json:"quarantined,omitempty"`
	Updated     time.Time   `json:"updated"`
	// Shaken is when what stands on the object may have ended because of a run; a
	// row written without it keeps the one it has.
	Shaken time.Time `json:"-"`
}

// Conduct is what a row remembers of its lifecycle block beside PreventDestroy,
// so that drift is dealt with and deckies are recycled from the state alone.
type Conduct struct {
	OnDrift      string   `json:"on_drift,omitempty"`
	RecycleAfter string   `json:"recycle_after,omitempty"` // a Go duration
	RecycleOn    []string `json:"recycle_on,omitempty"`
}

// Equal tells that two say the same.
func (c Conduct) Equal(d Conduct) bool {
	return c.OnDrift == d.OnDrift && c.RecycleAfter == d.RecycleAfter && slices.Equal(c.RecycleOn, d.RecycleOn)
}

// Quarantine is since when and why an object is kept for study, without its
// network. Only a replacement ends it.
type Quarantine struct {
	Since time.Time `json:"since"`
	Why   string    `json:"why"` // "decky.web[0].service.ssh changed"
}

// Released is an object that carries our lineage and is nobody's any more: it
// was removed from management, and lives on.
type Released struct {
	Address addr.Address `json:"address"` // that it carries
	Type    string       `json:"type"`
	Runtime string       `json:"runtime,omitempty"`
}

// Move is one row that takes another address.
type Move struct {
	From, To addr.Address
	Labelled addr.Address // of the row from then on
}

// Snapshot is one consistent reading of the whole state.
type Snapshot struct {
	Meta
	Instances []Instance // sorted by the bytes of the address
	// Interrupted are the actions whose intent was written and whose result was
	// not, by address: an apply died there.
	Interrupted map[addr.Address]string
	Released    []Released // sorted
	// Sealed says that sensitive values could not be read: marks stand in their
	// place.
	Sealed bool
}

// Snapshot reads everything that a plan depends on at one moment.
func (s *Store) Snapshot(ctx context.Context) (Snapshot, error) {
	snap := Snapshot{Interrupted: map[addr.Address]string{}}
	err := s.view(ctx, func(tx *sql.Tx) (err error) {
		if snap.Meta, err = readMeta(ctx, tx); err != nil {
			return err
		}
		if snap.Instances, err = readInstances(ctx, tx); err != nil {
			return err
		}
		if snap.Released, err = readReleased(ctx, tx); err != nil {
			return err
		}
		return readInterrupted(ctx, tx, snap.Interrupted)
	})
	if err != nil {
		return snap, err
	}
	complete, err := s.reveal(ctx, snap.Instances)
	snap.Sealed = !complete
	return snap, err
}

// Instances reads all rows.
func (s *Store) Instances(ctx context.Context) ([]Instance, error) {
	var all []Instance
	err := s.view(ctx, func(tx *sql.Tx) (err error) {
		all, err = readInstances(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	_, err = s.reveal(ctx, all)
	return all, err
}

func readInstances(ctx context.Context, tx *sql.Tx) ([]Instance, error) {
	rows, err := tx.QueryContext(ctx, `SELECT address, type, runtime, config, digest, object, parents, after, tainted, source, updated, labelled, sensitive, protected,
		on_drift, recycle_after, recycle_on, created, quarantined, quarantined_why, shaken FROM instances`)
	if err != nil {
		return nil, fmt.Errorf("instances: %w", err)
	}
	defer rows.Close()
	var all []Instance
	for rows.Next() {
		var i Instance
		var config, object []byte
		var parents, after, sensitive, recycleOn, why string
		var updated, created, quarantined, shaken int64
		if err := rows.Scan(&i.Address, &i.Type, &i.Runtime, &config, &i.Digest, &object, &parents, &after, &i.Tainted, &i.Source, &updated,
			&i.Labelled, &sensitive, &i.PreventDestroy, &i.OnDrift, &i.RecycleAfter, &recycleOn, &created, &quarantined, &why, &shaken); err != nil {
			return nil, fmt.Errorf("instances: %w", err)
		}
		i.Config, i.Object, i.Updated = config, object, time.Unix(0, updated).UTC()
		i.Shaken = instant(shaken)
		i.Parents, i.After = splitAddresses(parents), splitAddresses(after)
		if sensitive != "" {
			i.Sensitive = strings.Split(sensitive, "\n")
		}
		if recycleOn != "" {
			i.RecycleOn = strings.Split(recycleOn, "\n")
		}
		if i.Created = instant(created); quarantined != 0 {
			i.Quarantined = &Quarantine{Since: instant(quarantined), Why: why}
		}
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b Instance) int { return strings.Compare(string(a.Address), string(b.Address)) })
	return all, rows.Err()
}

func writeInstance(tx *sql.Tx, i Instance) error {
	var object any
	if i.Object != nil {
		object = []byte(i.Object)
	}
	var quarantine Quarantine
	if i.Quarantined != nil {
		quarantine = *i.Quarantined
	}
	_, err := tx.Exec(`INSERT INTO instances (address, type, runtime, config, digest, object, parents, after, tainted, source, updated, labelled, sensitive, protected,
			on_drift, recycle_after, recycle_on, created, quarantined, quarantined_why, shaken)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (address) DO UPDATE SET type = excluded.type, runtime = excluded.runtime, config = excluded.config, digest = excluded.digest,
			object = excluded.object, parents = excluded.parents, after = excluded.after, tainted = excluded.tainted,
			source = excluded.source, updated = excluded.updated, labelled = excluded.labelled, sensitive = excluded.sensitive,
			protected = excluded.protected, on_drift = excluded.on_drift, recycle_after = excluded.recycle_after, recycle_on = excluded.recycle_on,
			created = CASE WHEN excluded.created <> 0 THEN excluded.created ELSE created END,
			shaken = CASE WHEN excluded.shaken <> 0 THEN excluded.shaken ELSE shaken END,
			quarantined = CASE WHEN excluded.created <> 0 OR excluded.quarantined <> 0 THEN excluded.quarantined ELSE quarantined END,
			quarantined_why = CASE WHEN excluded.created <> 0 OR excluded.quarantined <> 0 THEN excluded.quarantined_why ELSE quarantined_why END`,
		string(i.Address), i.Type, i.Runtime, []byte(i.Config), i.Digest, object, joinAddresses(i.Parents), joinAddresses(i.After), i.Tainted, i.Source, i.Updated.UnixNano(),
		string(i.Labelled), strings.Join(i.Sensitive, "\n"), i.PreventDestroy,
		i.OnDrift, i.RecycleAfter, strings.Join(i.RecycleOn, "\n"), nanoseconds(i.Created), nanoseconds(quarantine.Since), quarantine.Why, nanoseconds(i.Shaken))
	if err != nil {
		return fmt.Errorf("instance %s: %w", i.Address, err)
	}
	if _, err := tx.Exec("DELETE FROM released WHERE address = ? AND type = ? AND runtime = ?", string(i.Address), i.Type, i.Runtime); err != nil {
		return fmt.Errorf("instance %s: %w", i.Address, err)
	}
	return nil
}

func deleteInstance(tx *sql.Tx, address addr.Address) error {
	if _, err := tx.Exec("DELETE FROM instances WHERE address = ?", string(address)); err != nil {
		return fmt.Errorf("instance %s: %w", address, err)
	}
	return nil
}

// joinAddresses keeps addresses as lines: a quoted key never holds a raw line
// break.
func joinAddresses(all []addr.Address) string {
	parts := make([]string, len(all))
	for i, a := range all {
		parts[i] = string(a)
	}
	return strings.Join(parts, "\n")
}

func splitAddresses(s string) []addr.Address {
	if s == "" {
		return nil
	}
	parts := strings.Split(s, "\n")
	all := make([]addr.Address, len(parts))
	for i, p := range parts {
		all[i] = addr.Address(p)
	}
	return all
}

// Rebuild replaces everything but the history and what was released by what was
// found alive.
func (s *Store) Rebuild(ctx context.Context, m Meta, instances []Instance) error {
	instances, err := s.seal(instances)
	if err != nil {
		return err
	}
	return s.update(ctx, func(tx *sql.Tx) error {
		return replaceAll(ctx, tx, Snapshot{Meta: m, Instances: instances}, PhaseAbandoned)
	})
}
