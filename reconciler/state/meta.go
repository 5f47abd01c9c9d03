package state

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
)

// Meta is what a state says of itself. The zero Meta is a state that nothing
// was ever written to.
type Meta struct {
	Lineage string `json:"lineage"` // random word, made by the first write, never changed
	Serial  int64  `json:"serial"`  // grows by one with every run that may change something
	Seed    string `json:"seed"`    // public root of derived names
	Runtime string `json:"runtime"` // default runtime, decided by the first apply
	Name    string `json:"name"`    // of the configuration
}

// randomWord has 60 random bits in twelve letters and digits that cannot be
// mistaken for one another.
func randomWord() string {
	const letters = "abcdefghijkmnpqrstuvwxyz23456789"
	var raw [12]byte
	rand.Read(raw[:]) //nolint:errcheck // never fails
	for i, b := range raw {
		raw[i] = letters[int(b)%len(letters)]
	}
	return string(raw[:])
}

// NewSeed is a random word for a configuration that names none.
func NewSeed() string { return randomWord() }

// Meta reads what the state says of itself.
func (s *Store) Meta(ctx context.Context) (Meta, error) {
	var m Meta
	err := s.view(ctx, func(tx *sql.Tx) (err error) {
		m, err = readMeta(ctx, tx)
		return err
	})
	return m, err
}

func readMeta(ctx context.Context, tx *sql.Tx) (Meta, error) {
	var m Meta
	rows, err := tx.QueryContext(ctx, "SELECT key, value FROM meta")
	if err != nil {
		return m, fmt.Errorf("meta: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return m, fmt.Errorf("meta: %w", err)
		}
		switch key {
		case "lineage":
			m.Lineage = value
		case "serial":
			if m.Serial, err = strconv.ParseInt(value, 10, 64); err != nil {
				return m, fmt.Errorf("meta: serial: %w", err)
			}
		case "seed":
			m.Seed = value
		case "runtime":
			m.Runtime = value
		case "name":
			m.Name = value
		}
	}
	return m, rows.Err()
}

func writeMeta(tx *sql.Tx, m Meta) error {
	for _, pair := range [][2]string{
		{"lineage", m.Lineage}, {"serial", strconv.FormatInt(m.Serial, 10)},
		{"seed", m.Seed}, {"runtime", m.Runtime}, {"name", m.Name},
	} {
		_, err := tx.Exec("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", pair[0], pair[1])
		if err != nil {
			return fmt.Errorf("meta: %w", err)
		}
	}
	return nil
}

// Init makes the lineage where there is none, and sets what the first apply
// decides: an empty seed and runtime take the given ones, name is replaced.
func (s *Store) Init(ctx context.Context, name, seed, runtime string) (Meta, error) {
	var m Meta
	err := s.update(ctx, func(tx *sql.Tx) (err error) {
		if m, err = readMeta(ctx, tx); err != nil {
			return err
		}
		before := m
		if m.Lineage == "" {
			m.Lineage = s.random()
		}
		if seed != "" {
			m.Seed = seed
		}
		if m.Runtime == "" {
			m.Runtime = runtime
		}
		if name != "" {
			m.Name = name
		}
		if m == before {
			return nil
		}
		return writeMeta(tx, m)
	})
	return m, err
}

// Outputs is the document that SetOutputs kept last, nil where there is none.
func (s *Store) Outputs(ctx context.Context) ([]byte, error) {
	var document []byte
	err := s.view(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'outputs'").Scan(&document)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("outputs: %w", err)
	}
	return document, nil
}

// SetOutputs keeps what the outputs were when they were applied, so that a plan
// can tell what becomes of them. The caller has sealed what is sensitive.
func (s *Store) SetOutputs(ctx context.Context, document []byte) error {
	return s.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO meta (key, value) VALUES ('outputs', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", string(document))
		if err != nil {
			return fmt.Errorf("outputs: %w", err)
		}
		return nil
	})
}
