// Package state owns what the engine remembers between runs: one SQLite file
// with the instances, the write-ahead journal and the history of runs, the
// operating-system lock beside it, and, each in a file of mode 0600, the secret
// and the sensitive values. It refuses to hold secrets in the database, so that a
// less privileged process can follow it, and it never looks at a live object.
package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// DefaultPath is where the state of the configuration in dir stands.
func DefaultPath(dir string) string { return filepath.Join(dir, ".decnet", "state.db") }

// ErrReadOnly is returned by every write to a store that may only read.
var ErrReadOnly = errors.New("state is open for reading only")

// Store is one state file. A file that does not exist reads as empty and is
// made by the first write, so that a plan needs no privilege and leaves no
// trace. All methods may be called from many goroutines.
type Store struct {
	path     string
	readOnly bool
	now      func() time.Time
	random   func() string
	secret   *Secret
	vault    *vault

	mu     sync.Mutex // guards the fields below
	writer *writer
	reader *sql.DB
	closed bool
}

// Open opens the state at path for reading and writing, or for reading where
// the file may not be written. Close it.
func Open(path string) (*Store, error) {
	s, err := newStore(path)
	if err != nil {
		return nil, err
	}
	switch _, err := os.Stat(s.path); {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("open state %s: %w", s.path, err)
	}
	if !writable(s.path) {
		s.readOnly = true
		return s, s.openReader()
	}
	if _, err := s.openWriter(); err != nil {
		return nil, err
	}
	return s, nil
}

// OpenReadOnly opens an existing state for a process that only follows it: it
// works while another writes, and needs no right to write beside the file. The
// error wraps fs.ErrNotExist where there is no state. Close it.
func OpenReadOnly(path string) (*Store, error) {
	s, err := newStore(path)
	if err != nil {
		return nil, err
	}
	s.readOnly = true
	if _, err := os.Stat(s.path); err != nil {
		return nil, fmt.Errorf("open state %s: %w", s.path, err)
	}
	return s, s.openReader()
}

func newStore(path string) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open state %s: %w", path, err)
	}
	return &Store{path: abs, now: time.Now, random: randomWord, secret: NewSecret(SecretPath(abs)), vault: &vault{path: VaultPath(abs)}}, nil
}

// Path is the absolute path of the state file.
func (s *Store) Path() string { return s.path }

// ReadOnly tells that the store cannot be written.
func (s *Store) ReadOnly() bool { return s.readOnly }

// Close ends the store. Writes that have returned are kept.
func (s *Store) Close() error {
	s.mu.Lock()
	w, r := s.writer, s.reader
	s.writer, s.reader, s.closed = nil, nil, true
	s.mu.Unlock()
	errs := []error{s.vault.close()}
	if r != nil {
		errs = append(errs, r.Close())
	}
	if w != nil {
		errs = append(errs, w.close())
	}
	return errors.Join(errs...)
}

// view runs fn on one consistent reading of the file; without a file it does
// not call fn at all.
func (s *Store) view(ctx context.Context, fn func(*sql.Tx) error) error {
	s.mu.Lock()
	db, closed := s.reader, s.closed
	s.mu.Unlock()
	if closed {
		return fmt.Errorf("read state %s: it is closed", s.path)
	}
	if db == nil {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("read state %s: %w", s.path, err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	if err := fn(tx); err != nil {
		return fmt.Errorf("read state %s: %w", s.path, err)
	}
	return nil
}

// update runs fn in a transaction that may be shared with other updates; it
// returns when fn's writes survive the death of this process.
func (s *Store) update(ctx context.Context, fn func(*sql.Tx) error) error {
	if s.readOnly {
		return fmt.Errorf("write state %s: %w", s.path, ErrReadOnly)
	}
	w, err := s.openWriter()
	if err != nil {
		return err
	}
	if err := w.do(ctx, fn); err != nil {
		return fmt.Errorf("write state %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) openWriter() (*writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("write state %s: it is closed", s.path)
	}
	if s.writer != nil {
		return s.writer, nil
	}
	db, err := create(s.path)
	if err != nil {
		return nil, fmt.Errorf("open state %s: %w", s.path, err)
	}
	if err := migrate(db); err != nil {
		return nil, errors.Join(fmt.Errorf("open state %s: %w", s.path, err), db.Close())
	}
	reader, err := open(s.path, "mode=ro&_busy_timeout=10000")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open state %s: %w", s.path, err), db.Close())
	}
	s.writer, s.reader = newWriter(db), reader
	return s.writer, nil
}

func (s *Store) openReader() error {
	db, err := open(s.path, "mode=ro&_busy_timeout=10000")
	if err != nil {
		return fmt.Errorf("open state %s: %w", s.path, err)
	}
	begun, err := checkVersion(db)
	if err != nil {
		return errors.Join(fmt.Errorf("open state %s: %w", s.path, err), db.Close())
	}
	if !begun {
		return db.Close() // another process is about to make it: it reads as empty
	}
	s.reader = db
	return nil
}
