// Package sqlite keeps intel's log and everything computed from it in one
// SQLite file (WAL, mode 0600). It owns SQL, migrations and transactions, and
// refuses to decide anything: what is stored is what it is given.
//
// One process at a time may hold a DB, guarded by a lock that dies with the
// process; any number may read through OpenQuery meanwhile.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	_ "github.com/mattn/go-sqlite3" // the database/sql driver "sqlite3"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/intel"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrLocked says that another process holds the database.
var ErrLocked = errors.New("database is held by another process")

// ErrNoDatabase says that there is nothing to read yet.
var ErrNoDatabase = errors.New("no events have been collected yet")

var (
	_ intel.Log        = (*DB)(nil)
	_ intel.Stages     = (*DB)(nil)
	_ intel.Deliveries = (*DB)(nil)
	_ intel.Query      = (*DB)(nil)
	_ intel.Query      = (*Reader)(nil)
)

// DB is the store. It is safe for concurrent use.
type DB struct {
	*Reader
	lock *os.File

	mu         sync.Mutex // held by a transaction that writes
	db         *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt

	appending sync.Mutex // held by Append
	next      int64      // the next event's seq
	recent    recent
}

// Open opens the store at path, making it if need be, and brings it to the
// newest schema. It is an error wrapping ErrLocked where another process holds
// it. Close releases it.
func Open(ctx context.Context, path string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open intel database: %w", err)
	}
	lock, err := acquire(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("open intel database %s: %w", path, err)
	}
	db := &DB{lock: lock, statements: map[string]*sql.Stmt{}}
	if err := db.open(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("open intel database %s: %w", path, err), db.Close())
	}
	return db, nil
}

// acquire locks the file at path for this process.
func acquire(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder := make([]byte, 32)
		n, _ := f.Read(holder)
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: process %s", ErrLocked, strings.TrimSpace(string(holder[:n])))
		}
		return nil, err
	}
	if err := f.Truncate(0); err != nil {
		_ = f.Close()
		return nil, err
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (d *DB) open(ctx context.Context, path string) error {
	// SQLite gives its files the mode of the database, so it has to be right
	// before the first byte.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	err = f.Chmod(0o600)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	// FULL: what is acknowledged to a journal's writer may be deleted there,
	// so it must be on the disk here.
	d.db, err = sql.Open("sqlite3", source(path, "_journal_mode=WAL&_synchronous=FULL&_busy_timeout=10000&_cache_size=-65536&_txlock=immediate"))
	if err != nil {
		return err
	}
	d.db.SetMaxOpenConns(1)
	if d.conn, err = d.db.Conn(ctx); err != nil {
		return err
	}
	if err := d.migrate(ctx); err != nil {
		return err
	}
	if _, err := d.conn.ExecContext(ctx, "PRAGMA wal_autocheckpoint = 16000"); err != nil {
		return err
	}
	if err := d.conn.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) + 1 FROM events").Scan(&d.next); err != nil {
		return err
	}
	d.Reader, err = OpenQuery(ctx, path)
	return err
}

func source(path, options string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options
}

// migrate applies the numbered migrations that the database has not seen, each
// in a transaction with its number.
func (d *DB) migrate(ctx context.Context) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(names)
	var version int
	if err := d.conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(names) {
		return fmt.Errorf("its schema is version %d, this program knows %d: use the newer program", version, len(names))
	}
	for i := version; i < len(names); i++ {
		text, err := fs.ReadFile(migrations, names[i])
		if err != nil {
			return err
		}
		script := fmt.Sprintf("BEGIN IMMEDIATE;\n%s\nPRAGMA user_version = %d;\nCOMMIT;", text, i+1)
		if _, err := d.conn.ExecContext(ctx, script); err != nil {
			return fmt.Errorf("migration %s: %w", names[i], err)
		}
	}
	return nil
}

// Close releases the database and its lock.
func (d *DB) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	if d.Reader != nil {
		errs = append(errs, d.Reader.Close())
	}
	for _, s := range d.statements {
		errs = append(errs, s.Close())
	}
	if d.conn != nil {
		errs = append(errs, d.conn.Close())
	}
	if d.db != nil {
		errs = append(errs, d.db.Close())
	}
	errs = append(errs, d.lock.Close())
	return errors.Join(errs...)
}

// Reader answers questions from the database and cannot change it.
type Reader struct{ db *sql.DB }

// OpenQuery opens the database at path for reading, beside a running daemon or
// without one; an error wrapping ErrNoDatabase says that there is none yet.
// Close releases it.
func OpenQuery(ctx context.Context, path string) (*Reader, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s does not exist; start `decnet intel`", ErrNoDatabase, path)
	}
	db, err := sql.Open("sqlite3", source(path, "mode=ro&_query_only=true&_busy_timeout=10000"))
	if err != nil {
		return nil, fmt.Errorf("open intel database %s: %w", path, err)
	}
	db.SetMaxOpenConns(4)
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return nil, errors.Join(fmt.Errorf("open intel database %s: %w", path, err), db.Close())
	}
	if version == 0 {
		return nil, errors.Join(fmt.Errorf("%w: %s is empty", ErrNoDatabase, path), db.Close())
	}
	return &Reader{db: db}, nil
}

// Close releases the database.
func (r *Reader) Close() error { return r.db.Close() }
