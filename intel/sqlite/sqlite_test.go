package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/intel/storetest"
	"github.com/decnet/decnet/schema/event"
)

func TestContract(t *testing.T) {
	paths := map[string]string{}
	storetest.Run(t, func(t *testing.T) storetest.Store {
		if paths[t.Name()] == "" {
			paths[t.Name()] = filepath.Join(t.TempDir(), "intel.db")
		}
		db, err := sqlite.Open(t.Context(), paths[t.Name()])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() }) // a second time is an error, and harmless
		return db
	})
}

func TestEveryFileIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	path := filepath.Join(dir, "odd name?#%.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Append(t.Context(), intel.Batch{Events: []*intel.Event{storetest.Event(1, &event.System{Name: "x"})}}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 3 {
		t.Fatalf("%v, %v; want the database, its log and its lock", entries, err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(entry.Name(), "odd name?#%.db") {
			t.Errorf("%s has mode %v, %v", entry.Name(), info.Mode(), err)
		}
	}
}

func TestADatabaseOthersCanReadIsClosedToThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "intel.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestOneProcessHoldsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "intel.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), path); !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("second Open: %v, want ErrLocked", err)
	}
	reader, err := sqlite.OpenQuery(t.Context(), path)
	if err != nil {
		t.Fatalf("reading beside it: %v", err)
	}
	if _, err := reader.Events(t.Context(), intel.Filter{}); err != nil {
		t.Error(err)
	}
	if err := errors.Join(reader.Close(), db.Close()); err != nil {
		t.Error(err)
	}
	if db, err = sqlite.Open(t.Context(), path); err != nil {
		t.Fatalf("after it was released: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestNothingToReadIsSaid(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "missing.db"), empty} {
		if _, err := sqlite.OpenQuery(t.Context(), path); !errors.Is(err, sqlite.ErrNoDatabase) {
			t.Errorf("%s: %v, want ErrNoDatabase", path, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "missing.db")); err == nil {
		t.Error("reading made a database")
	}
}

func TestReadingCannotWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "intel.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := sqlite.OpenQuery(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("reading changed the database: %v", err)
	}
}

func TestNewerSchemaAndDamageAreErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "intel.db")
	raw, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Exec("PRAGMA user_version = 999; CREATE TABLE t (a)"); err != nil {
		t.Fatal(err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("a newer schema: %v", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), path); err == nil {
		t.Error("a file that is no database was opened")
	}
}
