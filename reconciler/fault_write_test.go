package reconciler_test

import (
	"database/sql"
	"fmt"
	"reflect"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/state"
)

// driftWrites are the transactions that witness drift, each with the rows that
// show that it was.
var driftWrites = map[string]string{
	"INSERT ON drifts": "TRUE",
	"UPDATE ON drifts WHEN OLD.told = 0 AND NEW.told <> 0":     "NEW.told <> 0",
	"UPDATE ON drifts WHEN OLD.healed = 0 AND NEW.healed <> 0": "NEW.healed <> 0",
}

// writes are the transactions of a run, each as the event of a trigger that
// refuses it, with what its error must name.
func writes(t *testing.T, path string, o ordeal) map[string]string {
	t.Helper()
	if o.atomic {
		return map[string]string{"INSERT ON instances": ""}
	}
	all := map[string]string{"INSERT ON runs": ""}
	if o.by != nil {
		return all
	}
	db := raw(t, path)
	defer db.Close()
	rows, err := db.Query("SELECT seq, address FROM journal WHERE run = (SELECT max(id) FROM runs)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq int
		var address string
		if err := rows.Scan(&seq, &address); err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprintf("INSERT ON journal WHEN NEW.seq = %d", seq)] = address
		all[fmt.Sprintf("UPDATE ON journal WHEN NEW.seq = %d", seq)] = address
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	all["UPDATE ON runs"] = ""
	for event, written := range driftWrites {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM drifts AS NEW WHERE " + written).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			all[event] = ""
		}
	}
	return all
}

func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func execute(t *testing.T, path, statement string) {
	t.Helper()
	db := raw(t, path)
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// TestAFaultAtEveryWrite refuses every transaction of the state, one by one: that
// which begins the run, the intent and the result of each step, and that which
// ends the run. Nothing is begun after it, and the next run ends as ever.
func TestAFaultAtEveryWrite(t *testing.T) {
	for name, o := range ordeals() {
		if o.prepare == nil {
			continue // there is no file yet that could refuse
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := o.origin(t)
			b := o.begin(t, origin)
			_, p, _, err := o.attempt(b, faultAt{})
			if err != nil {
				t.Fatalf("without a fault: %v", err)
			}
			want, all := endOf(b), writes(t, b.store.Path(), o)
			drifts := 0
			for event := range driftWrites {
				if _, written := all[event]; written {
					drifts++
				}
			}
			if p != nil && (len(all) != 2+2*(len(p.Steps)-p.Summary.Forget)+drifts || (drifts > 0) != (len(p.Drift) > 0)) {
				t.Errorf("%d writes for %d steps and %d drifts", len(all), len(p.Steps), len(p.Drift))
			}
			for event, address := range all {
				t.Run(event, func(t *testing.T) {
					dir := copied(t, origin.dir)
					path := state.DefaultPath(dir)
					execute(t, path, "CREATE TRIGGER fault BEFORE "+event+" BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
					b := o.over(t, dir, origin)
					defer b.store.Close()
					before := untouched(b)
					v, _, _, err := o.attempt(b, faultAt{})
					if err == nil || !strings.Contains(err.Error(), "the disk is full") || !strings.Contains(err.Error(), address) {
						t.Errorf("the error is %v", err)
					}
					if now := untouched(b); address == "" && !strings.HasPrefix(event, "UPDATE") && !reflect.DeepEqual(before, now) {
						t.Errorf("something was done: %s", gocmp.Diff(before, now))
					}
					if address != "" && string(v.step.Address) != address {
						t.Errorf("%s was begun after it", v.step.Address)
					}
					execute(t, path, "DROP TRIGGER fault")
					o.recover(b, want, p == nil || len(p.Drift) == 0)
				})
			}
		})
	}
}
