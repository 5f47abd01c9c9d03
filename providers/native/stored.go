package native

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/supervise"
)

// stored is one file of a store.
type stored struct {
	path    string
	size    int64
	changed time.Time
}

// errListed ends the listing of a store that has more than maxListed entries.
var errListed = errors.New("there are more")

// store keeps a listing of what clients wrote into a decky, and the files, the
// newest first.
func (e *examination) store(d supervise.Dirs, name string) {
	if !e.ok() {
		return
	}
	root, err := openBelow(d.Store(), name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		e.miss("store", err)
		return
	}
	defer root.Close()
	var listing strings.Builder
	var files []stored
	entries := 0
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if entries++; entries > maxListed {
			return errListed
		}
		if ctxErr := e.ctx.Err(); ctxErr != nil {
			return ctxErr
		}
		if err != nil {
			fmt.Fprintf(&listing, "%q: %v\n", path, err)
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil // it went meanwhile
		}
		fmt.Fprintf(&listing, "%s %d %s %q\n", info.Mode(), info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano), path)
		if info.Mode().IsRegular() {
			files = append(files, stored{path, info.Size(), info.ModTime()})
		}
		return nil
	})
	if err != nil && !errors.Is(err, errListed) {
		e.miss("store", err)
	}
	if len(files) == 0 && err == nil {
		return
	}
	e.add(providers.Exhibit{Name: "store", Data: []byte(listing.String()), Truncated: err != nil})
	slices.SortStableFunc(files, func(a, b stored) int { return b.changed.Compare(a.changed) })
	for _, f := range files {
		if !e.ok() {
			return
		}
		if f.size > maxFile {
			continue // its name and size are on the list
		}
		e.file("files/"+f.path, "application/octet-stream", func() ([]byte, bool, error) { return readEnd(root, f.path, maxFile) })
	}
}
