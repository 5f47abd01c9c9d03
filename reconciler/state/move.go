package state

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/decnet/decnet/schema/addr"
)

func readReleased(ctx context.Context, tx *sql.Tx) ([]Released, error) {
	rows, err := tx.QueryContext(ctx, "SELECT address, type, runtime FROM released ORDER BY address, type, runtime")
	if err != nil {
		return nil, fmt.Errorf("released: %w", err)
	}
	defer rows.Close()
	var all []Released
	for rows.Next() {
		var r Released
		if err := rows.Scan(&r.Address, &r.Type, &r.Runtime); err != nil {
			return nil, fmt.Errorf("released: %w", err)
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

func release(tx *sql.Tx, r Released) error {
	if _, err := tx.Exec("INSERT INTO released (address, type, runtime) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", string(r.Address), r.Type, r.Runtime); err != nil {
		return fmt.Errorf("release %s: %w", r.Address, err)
	}
	return nil
}

// moveInstances gives rows, their open journal entries and what others say of
// them their new addresses, all at once: two rows may change places.
func moveInstances(tx *sql.Tx, moves []Move) error {
	if len(moves) == 0 {
		return nil
	}
	to := make(map[addr.Address]addr.Address, len(moves))
	for i, m := range moves {
		to[m.From] = m.To
		parked := fmt.Sprintf("\x00%d", i)
		for _, statement := range []string{"UPDATE instances SET address = ? WHERE address = ?", "UPDATE journal SET address = ? WHERE address = ? AND phase = 'intent'",
			"UPDATE drifts SET address = ? WHERE address = ? AND healed = 0"} {
			if _, err := tx.Exec(statement, parked, string(m.From)); err != nil {
				return fmt.Errorf("move %s: %w", m.From, err)
			}
		}
	}
	for i, m := range moves {
		parked := fmt.Sprintf("\x00%d", i)
		if _, err := tx.Exec("UPDATE instances SET address = ?, labelled = ? WHERE address = ?", string(m.To), string(m.Labelled), parked); err != nil {
			return fmt.Errorf("move %s to %s: %w", m.From, m.To, err)
		}
		for _, statement := range []string{"UPDATE journal SET address = ? WHERE address = ?", "UPDATE drifts SET address = ? WHERE address = ? AND healed = 0"} {
			if _, err := tx.Exec(statement, string(m.To), parked); err != nil {
				return fmt.Errorf("move %s to %s: %w", m.From, m.To, err)
			}
		}
	}
	return renameReferences(tx, to)
}

func renameReferences(tx *sql.Tx, to map[addr.Address]addr.Address) error {
	rows, err := tx.Query("SELECT address, parents, after FROM instances")
	if err != nil {
		return fmt.Errorf("move instances: %w", err)
	}
	defer rows.Close()
	type reference struct{ address, parents, after string }
	var changed []reference
	for rows.Next() {
		var r reference
		if err := rows.Scan(&r.address, &r.parents, &r.after); err != nil {
			return fmt.Errorf("move instances: %w", err)
		}
		parents, after := renamed(r.parents, to), renamed(r.after, to)
		if parents != r.parents || after != r.after {
			changed = append(changed, reference{r.address, parents, after})
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("move instances: %w", err)
	}
	for _, r := range changed {
		if _, err := tx.Exec("UPDATE instances SET parents = ?, after = ? WHERE address = ?", r.parents, r.after, r.address); err != nil {
			return fmt.Errorf("move instances: %w", err)
		}
	}
	return nil
}

func renamed(list string, to map[addr.Address]addr.Address) string {
	all := splitAddresses(list)
	for i, a := range all {
		all[i] = cmp.Or(to[a], a)
	}
	return joinAddresses(slices.Clip(all))
}
