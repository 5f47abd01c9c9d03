// Package repository owns the copy of a git repository that a sync follows: it
// fetches, bounds and checks it, proves that history only goes forward, and
// writes the tree of a commit to disk.
//
// It speaks git's protocol itself, version 0 over smart HTTP, ssh and git://,
// on top of go-git's codecs: go-git's own Fetch neither deepens a shallow copy
// by a bound nor streams into one. It runs no program, no hook and no filter,
// fetches no submodule and no large file of LFS, asks no agent and trusts no
// host on first use. It refuses what does not fit its limits while it is still
// arriving. Whether a commit may be believed is the business of package
// signature.
package repository

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/schema/module"
)

// Defaults of Options.
const (
	DefaultDepth      = 50
	DefaultMaxDepth   = 10_000
	DefaultMaxBytes   = 512 << 20
	DefaultMaxObjects = 500_000
	DefaultMaxObject  = 32 << 20
	DefaultTimeout    = 10 * time.Minute
)

// Limits bound what a repository may make this host take. Zero is the default.
type Limits struct {
	MaxBytes   int64 // received in one Fetch; the copy on disk has at most three times as many
	MaxObjects int   // in one pack
	MaxObject  int64 // bytes of one object, unpacked

	// Of an exported tree.
	MaxFiles int
	MaxFile  int64 // bytes
	MaxTree  int64 // bytes
}

// Options says where a repository is and how to get it.
type Options struct {
	// URL is https://, ssh:// (or user@host:path), file:// or an absolute path;
	// http:// and git:// only on loopback, or with Insecure. It has no password.
	URL string
	// Insecure allows http:// and git:// to other hosts.
	Insecure bool

	// User and TokenFile are what https is asked with. The file belongs to its
	// user alone (0600) and is read anew in each Fetch. User is "git" if empty.
	User, TokenFile string
	// CAFile holds further authorities for https, in PEM.
	CAFile string

	// KeyFile is the private key for ssh (0600), PassphraseFile what opens it
	// (0600, optional), KnownHostsFile the hosts it trusts. No other is trusted.
	KeyFile, PassphraseFile, KnownHostsFile string

	// Submodules allows a tree that has submodules to be exported. They are
	// never fetched: their folders stay empty.
	Submodules bool

	// Depth is how many commits the first fetch asks for, MaxDepth how many it
	// asks for at last while it looks for the last applied one.
	Depth, MaxDepth int

	Limits
	// Timeout bounds one Fetch.
	Timeout time.Duration
	// Log is told what was repaired. Nil: nobody is.
	Log *slog.Logger
}

// Repository is the copy of one repository. Its methods may be called by
// several goroutines; they take turns.
type Repository struct {
	mu      sync.Mutex
	dir     string
	options Options
	dial    dialer
	lock    *os.File
	store   *store // nil: there is no usable copy
	// exported are the trees that this process wrote whole. One of an earlier
	// process may lack bytes that a power failure took.
	exported map[string]bool
}

// Open opens or makes the copy in a directory, which is made with mode 0700 and
// belongs to one Repository at a time. What a killed one left is tidied, and a
// damaged copy is thrown away. It does not reach out. The caller closes it.
func Open(dir string, o Options) (*Repository, error) {
	o.defaults()
	dial, err := newDialer(o)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the copy of %s: %w", Redact(o.URL), err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the copy of %s: %w", Redact(o.URL), err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the copy of %s: %w", Redact(o.URL), err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("lock the copy of %s in %s: another process has it: %w", Redact(o.URL), dir, err)
	}
	r := &Repository{dir: dir, options: o, dial: dial, lock: lock, exported: map[string]bool{}}
	if err := r.tidy(); err != nil {
		lock.Close()
		return nil, err
	}
	if r.store, err = openStore(r.clone(), o.Limits); err != nil && !errors.Is(err, os.ErrNotExist) {
		r.discard(err)
	}
	return r, nil
}

// Close lets another process open the copy.
func (r *Repository) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.store = nil
	return r.lock.Close()
}

func (o *Options) defaults() {
	set(&o.Depth, DefaultDepth)
	set(&o.MaxDepth, DefaultMaxDepth)
	o.Depth = min(o.Depth, o.MaxDepth)
	set(&o.MaxBytes, DefaultMaxBytes)
	set(&o.MaxObjects, DefaultMaxObjects)
	set(&o.MaxObject, DefaultMaxObject)
	set(&o.MaxFiles, module.MaxFiles)
	set(&o.MaxFile, module.MaxFile)
	set(&o.MaxTree, module.MaxTree)
	set(&o.Timeout, DefaultTimeout)
	if o.User == "" {
		o.User = "git"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

func set[T int | int64 | time.Duration](p *T, to T) {
	if *p <= 0 {
		*p = to
	}
}

func (r *Repository) clone() string    { return filepath.Join(r.dir, "clone") }
func (r *Repository) staging() string  { return filepath.Join(r.dir, "clone.new") }
func (r *Repository) replaced() string { return filepath.Join(r.dir, "clone.old") }
func (r *Repository) trees() string    { return filepath.Join(r.dir, "trees") }

// tidy brings the directory to a state that a Fetch can start from, whatever
// moment the one before was killed at.
func (r *Repository) tidy() error {
	if _, err := os.Lstat(r.clone()); errors.Is(err, os.ErrNotExist) {
		if err := os.Rename(r.replaced(), r.clone()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("tidy the copy: %w", err)
		}
	}
	for _, left := range []string{r.staging(), r.replaced()} {
		if err := os.RemoveAll(left); err != nil {
			return fmt.Errorf("tidy the copy: %w", err)
		}
	}
	left, err := filepath.Glob(filepath.Join(r.trees(), ".export-*"))
	if err != nil {
		return fmt.Errorf("tidy the copy: %w", err)
	}
	for _, name := range left {
		if err := os.RemoveAll(name); err != nil {
			return fmt.Errorf("tidy the copy: %w", err)
		}
	}
	return nil
}

// discard throws the copy away, so that the next Fetch makes it anew.
func (r *Repository) discard(why error) {
	r.options.Log.Warn("throw the copy of the repository away", "url", Redact(r.options.URL), "why", clean(why.Error()))
	r.store = nil
	if err := os.RemoveAll(r.clone()); err != nil {
		r.options.Log.Error("remove the damaged copy", "error", err)
	}
}

// adopt makes the staged copy the copy.
func (r *Repository) adopt(staged *store) error {
	if err := os.Rename(r.clone(), r.replaced()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replace the copy: %w", err)
	}
	if err := os.Rename(r.staging(), r.clone()); err != nil {
		return fmt.Errorf("replace the copy: %w", err)
	}
	staged.move(r.clone())
	r.store = staged
	if err := os.RemoveAll(r.replaced()); err != nil {
		return fmt.Errorf("remove the replaced copy: %w", err)
	}
	return nil
}

// have is the copy, or an error that says there is none.
func (r *Repository) have(ctx context.Context) (*store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.store == nil {
		return nil, errors.New("the repository was not fetched yet")
	}
	return r.store, nil
}
