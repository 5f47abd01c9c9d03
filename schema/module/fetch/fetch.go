// Package fetch brings modules of git onto this machine: it resolves a ref,
// takes the tree of one commit, bounds and checks it, and writes the lock file.
// It is what decnet get does, and nothing else calls it: validate, plan and
// apply read what was fetched and compare it with the lock. It runs no hook and
// no filter, fetches no submodule and no large file of LFS.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/decnet/decnet/schema/module"
)

// Limits of one run.
const (
	// MaxPackages is how many repositories are fetched.
	MaxPackages = 64
	// MaxHistory is how many bytes a repository may send.
	MaxHistory = 512 << 20
)

// Options says how to fetch.
type Options struct {
	// Upgrade asks every repository again what its ref is, instead of taking
	// the locked commit.
	Upgrade bool
	// CABundle holds further authorities for https, in PEM.
	CABundle []byte
}

// Result is what became of one package.
type Result struct {
	Package string // its source, without the folder
	module.Entry
	// Before is what was locked; zero: nothing was.
	Before module.Entry
	// Fetched: it was not there as locked.
	Fetched bool
}

// Fetcher fetches the modules of one configuration. It is for one goroutine.
type Fetcher struct {
	dir     string
	options Options
	locked  module.Lock
	results map[string]Result
	wanted  map[string]module.Source // asked for, and not there
	used    map[string]bool
}

// New is a fetcher for the configuration in a directory. A lock file that
// cannot be read is an error.
func New(dir string, o Options) (*Fetcher, error) {
	lock, err := module.ReadLock(dir)
	if err != nil {
		return nil, err
	}
	return &Fetcher{dir: dir, options: o, locked: lock, results: map[string]Result{}}, nil
}

// Open implements what schema.Options.Modules wants: it opens what this run has
// fetched, and notes what it has not.
func (f *Fetcher) Open(s module.Source) (fs.FS, string, error) {
	name := s.Package()
	f.used[name] = true
	if r, done := f.results[name]; done {
		return module.Verified(f.dir, name, r.Entry)
	}
	f.wanted[name] = s
	return nil, "", fmt.Errorf("%s is being fetched: %w", name, module.ErrMissing)
}

// Resolve calls load, which loads the configuration with f as its modules,
// fetches what it asked for in vain, and repeats that until nothing is missing:
// modules call further modules.
func (f *Fetcher) Resolve(ctx context.Context, load func()) error {
	for {
		f.wanted, f.used = map[string]module.Source{}, map[string]bool{}
		load()
		if len(f.wanted) == 0 {
			return nil
		}
		for _, name := range slices.Sorted(maps.Keys(f.wanted)) {
			if len(f.results) == MaxPackages {
				return fmt.Errorf("fetch %s: there are more than %d repositories", name, MaxPackages)
			}
			r, err := f.fetch(ctx, name, f.wanted[name])
			if err != nil {
				return fmt.Errorf("fetch %s: %w", name, err)
			}
			f.results[name] = r
		}
	}
}

// Finish writes the lock of what the last load used and removes the folders of
// what it did not. It returns what became of each package, sorted.
func (f *Fetcher) Finish() ([]Result, error) {
	lock, keep := module.Lock{}, map[string]bool{}
	var out []Result
	for _, name := range slices.Sorted(maps.Keys(f.used)) {
		r := f.results[name]
		lock[name] = r.Entry
		keep[module.Place(name, r.Entry)] = true
		out = append(out, r)
	}
	if !maps.Equal(lock, f.locked) {
		if err := lock.Write(f.dir); err != nil {
			return nil, err
		}
	}
	folder := f.folder()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("tidy %s: %w", module.Folder, err)
	}
	for _, entry := range entries {
		if keep[entry.Name()] {
			continue
		}
		if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
			return nil, fmt.Errorf("tidy %s: %w", module.Folder, err)
		}
	}
	return out, nil
}

func (f *Fetcher) folder() string { return filepath.Join(f.dir, filepath.FromSlash(module.Folder)) }

// fetch makes one package there as it is locked, or locks what it is now.
func (f *Fetcher) fetch(ctx context.Context, name string, s module.Source) (Result, error) {
	before, locked := f.locked[name]
	if locked && !f.options.Upgrade {
		if _, _, err := module.Verified(f.dir, name, before); err == nil {
			return Result{Package: name, Entry: before, Before: before}, nil
		}
	}
	if err := os.MkdirAll(f.folder(), 0o755); err != nil {
		return Result{}, err
	}
	temporary, err := os.MkdirTemp(f.folder(), ".fetch-*")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(temporary)
	want := s.Ref
	if locked && !f.options.Upgrade {
		want = before.Commit
	}
	tree := filepath.Join(temporary, "tree")
	commit, err := f.take(ctx, s, want, filepath.Join(temporary, "git"), tree)
	if err != nil {
		return Result{}, err
	}
	entry := module.Entry{Commit: commit}
	if entry.Digest, err = module.Digest(tree); err != nil {
		return Result{}, err
	}
	if locked && before.Commit == commit && before.Digest != entry.Digest {
		return Result{}, fmt.Errorf("%s has digest %s for commit %s, the repository %s: one of them was forged; find out which before you remove the entry",
			module.LockName, before.Digest, commit, entry.Digest)
	}
	return Result{Package: name, Entry: entry, Before: before, Fetched: entry != before || !f.there(name, entry)}, f.install(tree, name, entry)
}

// there tells whether a package lies in its place as it should.
func (f *Fetcher) there(name string, entry module.Entry) bool {
	_, _, err := module.Verified(f.dir, name, entry)
	return err == nil
}

// install moves a tree to its place; what lay there was another.
func (f *Fetcher) install(tree, name string, entry module.Entry) error {
	if f.there(name, entry) {
		return nil
	}
	place := filepath.Join(f.folder(), module.Place(name, entry))
	if err := os.RemoveAll(place); err != nil {
		return err
	}
	return os.Rename(tree, place)
}

// localPath is the path of a repository on this host; "": it is elsewhere.
func localPath(s module.Source) string {
	if strings.HasPrefix(s.URL, "/") {
		return s.URL
	}
	path, _ := strings.CutPrefix(s.URL, "file://")
	if path == s.URL {
		return ""
	}
	return path
}
