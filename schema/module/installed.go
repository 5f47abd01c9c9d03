package module

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// Folder is where fetched modules lie, in a configuration's directory; it is no
// part of the configuration and stays out of git.
const Folder = ".decnet/modules"

// ErrMissing is what errors.Is finds where a module was not fetched.
var ErrMissing = errors.New("the module was not fetched")

// missing is an ErrMissing with its reason.
type missing string

func (m missing) Error() string { return string(m) }

func (m missing) Is(target error) bool { return target == ErrMissing }

// Installed is what decnet get fetched for one configuration. It may be used by
// several goroutines at once.
type Installed struct {
	dir  string
	read func() (Lock, error) // once
}

// Open is what was fetched for the configuration in a directory.
func Open(dir string) *Installed {
	return &Installed{dir: dir, read: sync.OnceValues(func() (Lock, error) { return ReadLock(dir) })}
}

// Open is the tree of a source's package, and its path in the configuration's
// directory. It compares the tree with the lock.
func (i *Installed) Open(s Source) (fs.FS, string, error) {
	lock, err := i.read()
	if err != nil {
		return nil, "", err
	}
	name := s.Package()
	entry, locked := lock[name]
	if !locked {
		return nil, "", missing(fmt.Sprintf("%s is not in %s", name, LockName))
	}
	return Verified(i.dir, name, entry)
}

// Verified is the tree of a package that was fetched for the configuration in a
// directory, with its path there, if it is what the lock says.
func Verified(dir, name string, entry Entry) (fs.FS, string, error) {
	at := path.Join(Folder, Place(name, entry))
	tree := filepath.Join(dir, filepath.FromSlash(at))
	if _, err := os.Stat(tree); errors.Is(err, os.ErrNotExist) {
		return nil, "", missing(fmt.Sprintf("%s is locked, and not in %s", name, Folder))
	}
	digest, err := Digest(tree)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", at, err)
	}
	if digest != entry.Digest {
		return nil, "", &Mismatch{Name: name, At: at, Locked: entry.Digest, Found: digest}
	}
	return Dir(tree), at, nil
}

// Mismatch is the error for files that are not those that were locked.
type Mismatch struct {
	Name          string // of the package
	At            string // where the files lie
	Locked, Found string // digests
}

func (m *Mismatch) Error() string {
	return fmt.Sprintf("%s was locked with %s, and the files in %s have %s. Somebody changed them or the lock: decnet get fetches the locked commit again, decnet get --upgrade locks what the repository has now",
		m.Name, m.Locked, m.At, m.Found)
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// Place is the name of a package's folder: it differs by source and commit.
func Place(name string, entry Entry) string {
	s, err := Parse(name)
	base := strings.Trim(unfit.ReplaceAllString(strings.ToLower(strings.TrimSuffix(path.Base(s.URL), ".git")), "-"), "-")
	if err != nil || base == "" {
		base = "module"
	}
	sum := sha256.Sum256([]byte(name + "\x00" + entry.Commit))
	return base[:min(len(base), 40)] + "-" + hex.EncodeToString(sum[:6])
}
