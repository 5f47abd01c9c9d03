package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// update runs fn in a transaction that writes. It is not interrupted: a
// transaction is short, and half of one is worth nothing.
func (d *DB) update(ctx context.Context, what string, fn func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	err := fn(ctx)
	if err == nil {
		_, err = d.exec(ctx, "COMMIT")
	}
	if err != nil {
		if _, undo := d.conn.ExecContext(ctx, "ROLLBACK"); undo != nil {
			err = errors.Join(err, undo)
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// exec runs a statement that is prepared once.
func (d *DB) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	statement := d.statements[query]
	if statement == nil {
		var err error
		if statement, err = d.conn.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
		d.statements[query] = statement
	}
	return statement.ExecContext(ctx, args...)
}

// bulk is an INSERT of many rows.
type bulk struct {
	head    string // INSERT INTO t (a, b)
	columns int
	tail    string // ON CONFLICT ...
}

// steps are the numbers of rows for which a statement is prepared.
var steps = []int{128, 16, 1}

func (b bulk) text(rows int) string {
	row := "(" + strings.Repeat("?,", b.columns-1) + "?)"
	return b.head + " VALUES " + strings.Repeat(row+",", rows-1) + row + " " + b.tail
}

// insert runs b over args, which hold row after row, and returns how many rows
// were inserted or updated.
func (d *DB) insert(ctx context.Context, b bulk, args []any) (int64, error) {
	var changed int64
	for _, rows := range steps {
		for len(args) >= rows*b.columns {
			result, err := d.exec(ctx, b.text(rows), args[:rows*b.columns]...)
			if err != nil {
				return changed, err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return changed, err
			}
			changed += n
			args = args[rows*b.columns:]
		}
	}
	return changed, nil
}

// micros is t as it is stored, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
