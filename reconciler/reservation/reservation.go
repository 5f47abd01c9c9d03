// Package reservation owns the one table in which the configurations of a host
// keep the IPs of their deckies apart. A configuration reserves an IP before it
// makes the decky and releases it after the decky is gone. The package hands
// out no IP: choosing one is the schema's business.
package reservation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "github.com/mattn/go-sqlite3" // the driver of the table

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// Path is where the table of a host stands.
func Path(dataDir string) string { return filepath.Join(dataDir, "reservations.db") }

// Claim is an IP that one instance wants on one network.
type Claim struct {
	Network string // Identity of the network
	IP      string
	Address addr.Address
}

// Owner is the configuration that holds an IP.
type Owner struct {
	Lineage string
	Name    string // of the configuration
	Dir     string // where it stands
}

// Conflict is a claim that another configuration was faster with.
type Conflict struct {
	Claim   Claim
	Owner   Owner
	Address addr.Address // the other's instance
}

// Error names the IP and the other configuration.
func (c Conflict) Error() string {
	return fmt.Sprintf("%s: %s is taken by %s of configuration %q in %s", c.Claim.Address, c.Claim.IP, c.Address, c.Owner.Name, c.Owner.Dir)
}

// Remedy says what the operator can do.
func (c Conflict) Remedy() string {
	return "give the two configurations pools that do not overlap, or destroy the other one"
}

// ConflictError is every conflict of one attempt; nothing was reserved.
type ConflictError struct{ Conflicts []Conflict }

func (e *ConflictError) Error() string {
	lines := make([]string, len(e.Conflicts))
	for i, c := range e.Conflicts {
		lines[i] = c.Error()
	}
	return strings.Join(lines, "\n")
}

// Identity tells networks of this host apart: two blocks on one parent and
// subnet are one network, and the same in another network namespace is not.
func Identity(n schema.Network) string {
	namespace, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		namespace = "unknown"
	}
	parent := n.Parent
	if parent == "" {
		parent = n.Name
	}
	return namespace + " " + parent + " " + n.Subnet
}

// Claims are the IPs of all deckies among instances.
func Claims(instances []schema.Instance) []Claim {
	var all []Claim
	identities := map[[3]string]string{}
	for _, i := range instances {
		if i.Type != providers.TypeDecky {
			continue
		}
		var d struct {
			Network schema.Network `json:"network"`
			Host    struct {
				IP string `json:"ip"`
			} `json:"host"`
		}
		if json.Unmarshal(i.Config, &d) != nil || d.Host.IP == "" {
			continue
		}
		key := [3]string{d.Network.Name, d.Network.Parent, d.Network.Subnet}
		id, ok := identities[key]
		if !ok {
			id = Identity(d.Network)
			identities[key] = id
		}
		all = append(all, Claim{Network: id, IP: d.Host.IP, Address: i.Address})
	}
	return all
}

const table = `CREATE TABLE IF NOT EXISTS reservations (
	network TEXT NOT NULL, ip TEXT NOT NULL, lineage TEXT NOT NULL, address TEXT NOT NULL, name TEXT NOT NULL, dir TEXT NOT NULL,
	PRIMARY KEY (network, ip)
) WITHOUT ROWID`

// Held is one reservation.
type Held struct {
	Network string
	IP      string
	Address addr.Address
	Owner   Owner
}

// Others are the reservations of every lineage but this one, sorted. A table
// that does not exist holds nothing.
func Others(ctx context.Context, path, lineage string) ([]Held, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	db, err := open(path, "mode=rw&_busy_timeout=10000")
	if err != nil {
		return nil, fmt.Errorf("read reservations %s: %w", path, err)
	}
	var held []Held
	var there bool // not, where a process was killed between making the file and the table
	err = db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'reservations')").Scan(&there)
	if err == nil && there {
		held, err = others(ctx, db, lineage)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, fmt.Errorf("read reservations %s: %w", path, err)
	}
	return held, nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func others(ctx context.Context, db querier, lineage string) ([]Held, error) {
	rows, err := db.QueryContext(ctx, "SELECT network, ip, lineage, address, name, dir FROM reservations WHERE lineage <> ? ORDER BY network, ip", lineage)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Held
	for rows.Next() {
		var h Held
		if err := rows.Scan(&h.Network, &h.IP, &h.Owner.Lineage, &h.Address, &h.Owner.Name, &h.Owner.Dir); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, rows.Err()
}

// Conflicts are the claims that others hold already, sorted by address.
func Conflicts(held []Held, claims []Claim) []Conflict {
	taken := make(map[[2]string]Held, len(held))
	for _, h := range held {
		taken[[2]string{h.Network, h.IP}] = h
	}
	var conflicts []Conflict
	for _, c := range claims {
		if h, ok := taken[[2]string{c.Network, c.IP}]; ok {
			conflicts = append(conflicts, Conflict{Claim: c, Owner: h.Owner, Address: h.Address})
		}
	}
	slices.SortFunc(conflicts, func(a, b Conflict) int { return addr.Compare(a.Claim.Address, b.Claim.Address) })
	return conflicts
}

// Reserve takes all claims for owner, or none: the error is then a
// *ConflictError. With exact, what the owner holds besides is released.
func Reserve(ctx context.Context, path string, owner Owner, claims []Claim, exact bool) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("reserve IPs: %w", err)
	}
	db, err := open(path, "mode=rwc&_busy_timeout=10000&_txlock=immediate")
	if err != nil {
		return fmt.Errorf("reserve IPs in %s: %w", path, err)
	}
	err = reserve(ctx, db, owner, claims, exact)
	if closing := db.Close(); err == nil && closing != nil {
		err = closing
	}
	var conflict *ConflictError
	if err != nil && !errors.As(err, &conflict) {
		return fmt.Errorf("reserve IPs in %s: %w", path, err)
	}
	return err
}

func reserve(ctx context.Context, db *sql.DB, owner Owner, claims []Claim, exact bool) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	if _, err := tx.ExecContext(ctx, table); err != nil {
		return err
	}
	held, err := others(ctx, tx, owner.Lineage)
	if err != nil {
		return err
	}
	if conflicts := Conflicts(held, claims); conflicts != nil {
		return &ConflictError{Conflicts: conflicts}
	}
	if exact {
		if _, err := tx.ExecContext(ctx, "DELETE FROM reservations WHERE lineage = ?", owner.Lineage); err != nil {
			return err
		}
	}
	insert, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO reservations (network, ip, lineage, address, name, dir) VALUES (?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, c := range claims {
		if _, err := insert.ExecContext(ctx, c.Network, c.IP, owner.Lineage, string(c.Address), owner.Name, owner.Dir); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func open(path, parameters string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", "file:"+url.PathEscape(path)+"?"+parameters)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.Ping(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
