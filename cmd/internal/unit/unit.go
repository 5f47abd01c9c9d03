// Package unit owns how decnet runs under systemd: the units, the user and the
// first configuration that decnet setup writes, and how a supervisor is started
// as a unit of its own. It refuses to enable or start anything.
package unit

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

//go:embed files
var files embed.FS

// Where things stand.
const (
	Directory = "/etc/systemd/system"
	SyncFile  = "/etc/decnet/sync.hcl"
	sysusers  = "/etc/sysusers.d/decnet.conf"
	// User is whom decnet intel runs as.
	User = "decnet"
)

// The units.
const (
	Reconcile = "decnet-reconcile.service"
	Intel     = "decnet-intel@.service"     // one per sync
	Supervise = "decnet-supervise@.service" // one per lineage
)

// Options of what is written.
type Options struct {
	Decnet string // absolute path of this program
	Decky  string // absolute path of decky
	// Root is a directory that everything is written below, as if it were /;
	// empty: /. Paths inside the files do not have it.
	Root string
}

// File is one file that decnet setup knows.
type File struct {
	Path string // without Root
	Want []byte
	Have []byte // what stands there now; nil: nothing
	Mode os.FileMode
	// Once says that it is the operator's once it is there: it is never
	// changed or removed.
	Once bool
}

// Differs tells whether there is something to write.
func (f File) Differs() bool {
	if f.Once {
		return f.Have == nil
	}
	return f.Have == nil || string(f.Have) != string(f.Want)
}

// Diff is what changes, as a unified diff; empty where nothing does. Removal
// shows what goes.
func (f File) Diff(removal bool) string {
	before, after := f.Have, f.Want
	old, fresh := f.Path, f.Path
	switch {
	case removal && (f.Once || f.Have == nil), !removal && !f.Differs():
		return ""
	case removal:
		after, fresh = nil, "/dev/null"
	case f.Have == nil:
		old = "/dev/null"
	}
	text := diff.Diff(old, before, fresh, after)
	_, hunks, _ := strings.Cut(string(text), "\n") // the first line repeats the names
	return hunks
}

// Files are all files with what stands there now, in the order of writing.
func Files(o Options) ([]File, error) {
	for _, path := range []string{o.Decnet, o.Decky} {
		// systemd splits and expands ExecStart=; none of it is wanted.
		if !filepath.IsAbs(path) || strings.ContainsAny(path, " \t\n\"'\\%$;") {
			return nil, fmt.Errorf("%q cannot stand in a unit: it must be an absolute path without blanks, quotes, %%, $ and ;", path)
		}
	}
	all := []File{
		{Path: SyncFile, Mode: 0o600, Once: true},
		{Path: sysusers, Mode: 0o644},
		{Path: filepath.Join(Directory, Supervise), Mode: 0o644},
		{Path: filepath.Join(Directory, Reconcile), Mode: 0o644},
		{Path: filepath.Join(Directory, Intel), Mode: 0o644},
	}
	fill := strings.NewReplacer("@DECNET@", o.Decnet, "@DECKY@", o.Decky, "@SYNC@", SyncFile)
	for i := range all {
		text, err := files.ReadFile("files/" + filepath.Base(all[i].Path))
		if err != nil {
			return nil, fmt.Errorf("setup: %w", err)
		}
		all[i].Want = []byte(fill.Replace(string(text)))
		all[i].Have, err = os.ReadFile(filepath.Join(o.Root, all[i].Path))
		if errors.Is(err, fs.ErrNotExist) {
			all[i].Have = nil
		} else if err != nil {
			return nil, fmt.Errorf("setup: %w", err)
		} else if all[i].Have == nil {
			all[i].Have = []byte{}
		}
	}
	return all, nil
}

// Write writes a file that differs, whole or not at all.
func Write(o Options, f File) (err error) {
	path := filepath.Join(o.Root, f.Path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".decnet-*")
	if err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	_, err = temporary.Write(f.Want)
	err = errors.Join(err, temporary.Chmod(f.Mode), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("setup: write %s: %w", path, errors.Join(err, os.Remove(temporary.Name())))
	}
	return nil
}

// Remove takes a file away that is not the operator's.
func Remove(o Options, f File) error {
	if f.Once {
		return nil
	}
	err := os.Remove(filepath.Join(o.Root, f.Path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("setup: %w", err)
	}
	return nil
}
