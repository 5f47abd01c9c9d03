package state

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/mattn/go-sqlite3"
	"golang.org/x/sys/unix"
)

// connector opens connections that leave the write-ahead files behind when the
// last one closes: a reader without the right to create them could not open
// the state otherwise.
type connector struct {
	dsn    string
	driver *sqlite3.SQLiteDriver
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return c.driver }

func open(path, parameters string) (*sql.DB, error) {
	hook := func(conn *sqlite3.SQLiteConn) error {
		return conn.SetFileControlInt("main", sqlite3.SQLITE_FCNTL_PERSIST_WAL, 1)
	}
	dsn := "file:" + url.PathEscape(path) + "?" + parameters
	db := sql.OpenDB(connector{dsn: dsn, driver: &sqlite3.SQLiteDriver{ConnectHook: hook}})
	db.SetMaxOpenConns(4)
	if err := db.Ping(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// create opens path for writing and makes it, its directory included, where it
// does not exist: readable by the group, writable by the owner.
func create(path string) (*sql.DB, error) {
	if err := makeDirectory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	db, err := open(path, "mode=rw&_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=10000&_txlock=immediate&_stmt_cache_size=64")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// makeDirectory makes the directory of a state. The default one lies inside a
// configuration that is likely to be a git repository, and keeps itself out.
func makeDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	if filepath.Base(dir) != ".decnet" {
		return nil
	}
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Lstat(ignore); err == nil {
		return nil
	}
	return os.WriteFile(ignore, []byte("*\n"), 0o640)
}

// removeDirectory removes one that has nothing but what makeDirectory made.
func removeDirectory(dir string) error {
	if entries, err := os.ReadDir(dir); err != nil {
		return err
	} else if len(entries) == 1 && entries[0].Name() == ".gitignore" && filepath.Base(dir) == ".decnet" {
		if err := os.Remove(filepath.Join(dir, ".gitignore")); err != nil {
			return err
		}
	}
	return os.Remove(dir)
}

func writable(path string) bool {
	return unix.Access(path, unix.W_OK) == nil && unix.Access(filepath.Dir(path), unix.W_OK) == nil
}

// migrations are numbered by their index plus one; a migration that has been
// released is never changed.
var migrations = []string{`
CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE instances (
	address TEXT PRIMARY KEY,
	type    TEXT NOT NULL,
	runtime TEXT NOT NULL,
	config  BLOB NOT NULL,
	digest  TEXT NOT NULL,
	object  BLOB,
	parents TEXT NOT NULL,
	after   TEXT NOT NULL,
	tainted INTEGER NOT NULL,
	source  TEXT NOT NULL,
	updated INTEGER NOT NULL
);
CREATE TABLE runs (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	command  TEXT NOT NULL,
	holder   TEXT NOT NULL,
	started  INTEGER NOT NULL,
	finished INTEGER,
	outcome  TEXT NOT NULL
);
CREATE TABLE journal (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	run      INTEGER NOT NULL REFERENCES runs (id),
	seq      INTEGER NOT NULL,
	address  TEXT NOT NULL,
	action   TEXT NOT NULL,
	phase    TEXT NOT NULL,
	started  INTEGER NOT NULL,
	finished INTEGER,
	error    TEXT NOT NULL,
	UNIQUE (run, seq)
);
CREATE INDEX journal_address ON journal (address, id);
CREATE INDEX journal_open ON journal (phase) WHERE phase = 'intent';
`, `
ALTER TABLE instances ADD COLUMN labelled  TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN sensitive TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN protected INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN serial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN counts TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN backup TEXT NOT NULL DEFAULT '';
CREATE TABLE released (
	address TEXT NOT NULL,
	type    TEXT NOT NULL,
	runtime TEXT NOT NULL,
	PRIMARY KEY (address, type, runtime)
) WITHOUT ROWID;
`, `
ALTER TABLE instances ADD COLUMN on_drift        TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN recycle_after   TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN recycle_on      TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN created         INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instances ADD COLUMN quarantined     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instances ADD COLUMN quarantined_why TEXT NOT NULL DEFAULT '';
CREATE TABLE drifts (
	id          TEXT PRIMARY KEY,
	address     TEXT NOT NULL,
	type        TEXT NOT NULL,
	runtime     TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	reason      TEXT NOT NULL,
	changes     TEXT NOT NULL,
	action      TEXT NOT NULL,
	evidence    TEXT NOT NULL,
	missing     TEXT NOT NULL,
	seen        INTEGER NOT NULL,
	told        INTEGER NOT NULL DEFAULT 0,
	healed      INTEGER NOT NULL DEFAULT 0,
	outcome     TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX drifts_open ON drifts (address) WHERE healed = 0;
CREATE INDEX drifts_untold ON drifts (id) WHERE told = 0;
CREATE TABLE drift_totals (
	action  TEXT NOT NULL,
	outcome TEXT NOT NULL,
	count   INTEGER NOT NULL,
	PRIMARY KEY (action, outcome)
) WITHOUT ROWID;
`, `
ALTER TABLE instances ADD COLUMN shaken INTEGER NOT NULL DEFAULT 0;
`}

// Format is the number of the newest migration that this program knows.
func Format() int { return len(migrations) }

func version(db *sql.DB) (int, error) {
	var v int
	if err := db.QueryRow("PRAGMA user_version").Scan(&v); err != nil {
		return 0, fmt.Errorf("read its format: %w", err)
	}
	if v > len(migrations) {
		return 0, fmt.Errorf("its format is %d and this decnet knows up to %d: use a newer decnet", v, len(migrations))
	}
	return v, nil
}

// checkVersion refuses a format that cannot be read; it tells whether the state
// has any yet.
func checkVersion(db *sql.DB) (bool, error) {
	v, err := version(db)
	if err == nil && v > 0 && v < len(migrations) {
		return true, fmt.Errorf("its format is %d and this decnet needs %d: run decnet plan once with the right to write it", v, len(migrations))
	}
	return v > 0, err
}

// migrate brings db to the newest format, one transaction for each step.
func migrate(db *sql.DB) error {
	for {
		v, err := version(db)
		if err != nil || v == len(migrations) {
			return err
		}
		if err := step(db, v); err != nil {
			return fmt.Errorf("migrate it to format %d: %w", v+1, err)
		}
	}
}

func step(db *sql.DB, from int) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	var now int
	if err := tx.QueryRow("PRAGMA user_version").Scan(&now); err != nil {
		return err
	}
	if now != from {
		return nil // another process was faster
	}
	if _, err := tx.Exec(migrations[from]); err != nil {
		return err
	}
	if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", from+1)); err != nil {
		return err
	}
	return tx.Commit()
}
