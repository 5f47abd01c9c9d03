package state

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/decnet/decnet/reconciler/seal"
)

// sealedDigest in front of an instance's digest says that a digest of it stands
// there: the digest of a configuration would let its secrets be guessed.
const sealedDigest = "sealed:"

// vault is the file of mode 0600 that holds the sensitive values of a state, each
// under a keyed digest of it.
type vault struct {
	path string

	mu    sync.Mutex
	db    *sql.DB
	known map[string]bool
}

// VaultPath is where the sensitive values of the state at path stand.
func VaultPath(path string) string { return path + ".secrets" }

// UseSecret names the secret whose key the digests of sensitive values are made
// with; without it, it is the one beside the state. Call it before any write.
func (s *Store) UseSecret(secret *Secret) { s.secret = secret }

// SealDigest is a keyed digest of a value, in hex: it tells whether two values
// are equal, and nothing else.
func (s *Store) SealDigest(value []byte) (string, error) {
	key, err := s.secret.Derive("sensitive values")
	if err != nil {
		return "", err
	}
	var compact bytes.Buffer
	if json.Compact(&compact, value) == nil {
		value = compact.Bytes()
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(value)
	return hex.EncodeToString(mac.Sum(nil)[:16]), nil
}

// seal puts the sensitive values of rows into the vault, and marks in their place.
func (s *Store) seal(rows []Instance) ([]Instance, error) {
	var sealed []Instance
	values := map[string]json.RawMessage{}
	var failed error
	hide := func(_ string, value json.RawMessage) json.RawMessage {
		if _, marked := seal.Marked(value); marked {
			return value
		}
		digest, err := s.SealDigest(value)
		if err != nil {
			failed = err
		}
		values[digest] = value
		return seal.Mark(digest)
	}
	for i, r := range rows {
		if len(r.Sensitive) == 0 {
			continue
		}
		if sealed == nil {
			sealed = append([]Instance(nil), rows...)
		}
		now := &sealed[i]
		now.Config, now.Object = seal.Hide(r.Config, r.Sensitive, hide), seal.Hide(r.Object, r.Sensitive, hide)
		if !strings.HasPrefix(r.Digest, sealedDigest) {
			mark, _ := seal.Marked(hide("", json.RawMessage(`"`+r.Digest+`"`)))
			now.Digest = sealedDigest + mark
		}
	}
	if sealed == nil {
		return rows, nil
	}
	if failed != nil {
		return nil, fmt.Errorf("seal sensitive values: %w", failed)
	}
	return sealed, s.vault.put(values)
}

// reveal puts the values back; it reports whether none is missing.
func (s *Store) reveal(ctx context.Context, rows []Instance) (bool, error) {
	some := false
	for i := range rows {
		some = some || len(rows[i].Sensitive) > 0
	}
	if !some {
		return true, nil
	}
	values, err := s.vault.values(ctx)
	if err != nil {
		return false, err
	}
	lookup := func(digest string) (json.RawMessage, bool) {
		value, ok := values[digest]
		return value, ok
	}
	complete := true
	for i := range rows {
		r := &rows[i]
		if len(r.Sensitive) == 0 {
			continue
		}
		var a, b bool
		r.Config, a = seal.Reveal(r.Config, lookup)
		r.Object, b = seal.Reveal(r.Object, lookup)
		complete = complete && a && b
		if digest, ok := strings.CutPrefix(r.Digest, sealedDigest); ok {
			var plain string
			if value, known := lookup(digest); known && json.Unmarshal(value, &plain) == nil {
				r.Digest = plain
			} else {
				complete = false
			}
		}
	}
	return complete, nil
}

func (v *vault) open() (*sql.DB, error) {
	if v.db != nil {
		return v.db, nil
	}
	if err := makeDirectory(filepath.Dir(v.path)); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(v.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(file.Chmod(0o600), file.Close()); err != nil {
		return nil, err
	}
	db, err := open(v.path, "mode=rw&_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=10000&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS sensitive (digest TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	v.db = db
	return db, nil
}

// put keeps values before anything refers to them.
func (v *vault) put(values map[string]json.RawMessage) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	fresh := false
	for digest := range values {
		fresh = fresh || !v.known[digest]
	}
	if !fresh {
		return nil
	}
	db, err := v.open()
	if err != nil {
		return fmt.Errorf("keep sensitive values in %s: %w", v.path, err)
	}
	tx, err := db.Begin()
	if err != nil {
		return fmt.Errorf("keep sensitive values in %s: %w", v.path, err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	for digest, value := range values {
		if _, err := tx.Exec("INSERT INTO sensitive (digest, value) VALUES (?, ?) ON CONFLICT DO NOTHING", digest, []byte(value)); err != nil {
			return fmt.Errorf("keep sensitive values in %s: %w", v.path, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("keep sensitive values in %s: %w", v.path, err)
	}
	if v.known == nil {
		v.known = map[string]bool{}
	}
	for digest := range values {
		v.known[digest] = true
	}
	return nil
}

// values are all that are kept; none where this process may not read them.
func (v *vault) values(ctx context.Context) (map[string]json.RawMessage, error) {
	file, err := os.Open(v.path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read sensitive values: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("read sensitive values: %w", err)
	}
	db, err := open(v.path, "mode=ro&_busy_timeout=10000")
	if err != nil {
		return nil, fmt.Errorf("read sensitive values of %s: %w", v.path, err)
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SELECT digest, value FROM sensitive")
	if err != nil {
		if strings.Contains(err.Error(), "no such table") {
			return nil, nil // its maker was killed before it kept anything
		}
		return nil, fmt.Errorf("read sensitive values of %s: %w", v.path, err)
	}
	defer rows.Close()
	all := map[string]json.RawMessage{}
	for rows.Next() {
		var digest string
		var value []byte
		if err := rows.Scan(&digest, &value); err != nil {
			return nil, fmt.Errorf("read sensitive values of %s: %w", v.path, err)
		}
		all[digest] = value
	}
	return all, rows.Err()
}

// keepOnly drops the values that no row refers to any more.
func (v *vault) keepOnly(used map[string]bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, err := os.Stat(v.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := v.open()
	if err != nil {
		return fmt.Errorf("drop sensitive values of %s: %w", v.path, err)
	}
	rows, err := db.Query("SELECT digest FROM sensitive")
	if err != nil {
		return fmt.Errorf("drop sensitive values of %s: %w", v.path, err)
	}
	defer rows.Close()
	var gone []string
	for rows.Next() {
		var digest string
		if err := rows.Scan(&digest); err != nil {
			return fmt.Errorf("drop sensitive values of %s: %w", v.path, err)
		}
		if !used[digest] {
			gone = append(gone, digest)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("drop sensitive values of %s: %w", v.path, err)
	}
	for _, digest := range gone {
		if _, err := db.Exec("DELETE FROM sensitive WHERE digest = ?", digest); err != nil {
			return fmt.Errorf("drop sensitive values of %s: %w", v.path, err)
		}
		delete(v.known, digest)
	}
	return nil
}

func (v *vault) close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.db == nil {
		return nil
	}
	db := v.db
	v.db = nil
	return db.Close()
}

// tidyVault drops the values that nothing refers to.
func (s *Store) tidyVault(ctx context.Context) error {
	if _, err := os.Stat(s.vault.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	used := map[string]bool{}
	note := func(digest string) (json.RawMessage, bool) {
		used[digest] = true
		return nil, false
	}
	err := s.view(ctx, func(tx *sql.Tx) error {
		rows, err := readInstances(ctx, tx)
		for _, r := range rows {
			if len(r.Sensitive) == 0 {
				continue
			}
			seal.Reveal(r.Config, note)
			seal.Reveal(r.Object, note)
			note(strings.TrimPrefix(r.Digest, sealedDigest))
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.vault.keepOnly(used)
}

// Show is the snapshot as people and their tools may see it.
func (s Snapshot) Show() Snapshot {
	rows := make([]Instance, len(s.Instances))
	for i, r := range s.Instances {
		rows[i] = r.Show()
	}
	s.Instances = rows
	return s
}

// Show is the instance as people and their tools may see it.
func (i Instance) Show() Instance {
	if len(i.Sensitive) > 0 {
		i.Config, i.Object, i.Digest = seal.Show(i.Config, i.Sensitive), seal.Show(i.Object, i.Sensitive), seal.Hidden
	}
	return i
}

// Unseal puts back what Show took out, as far as now holds it under the same
// address: a state that was pulled can be pushed again.
func (s *Snapshot) Unseal(now Snapshot) {
	was := make(map[string]Instance, len(now.Instances))
	for _, r := range now.Instances {
		was[string(r.Address)] = r
	}
	for i := range s.Instances {
		r := &s.Instances[i]
		old, ok := was[string(r.Address)]
		if len(r.Sensitive) == 0 || !ok {
			continue
		}
		r.Config, r.Object = unhide(r.Config, old.Config, r.Sensitive), unhide(r.Object, old.Object, r.Sensitive)
		if r.Digest == seal.Hidden {
			r.Digest = old.Digest
		}
	}
}

func unhide(shown, whole json.RawMessage, paths []string) json.RawMessage {
	values := map[string]json.RawMessage{}
	seal.Values(whole, paths, func(path string, value json.RawMessage) { values[path] = value })
	return seal.Hide(shown, paths, func(path string, value json.RawMessage) json.RawMessage {
		if known, ok := values[path]; ok && string(value) == `"`+seal.Hidden+`"` {
			return known
		}
		return value
	})
}
