package daemon

import (
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleFiles is how long files must be quiet: an editor writes several times.
const settleFiles = 300 * time.Millisecond

// maxFolders bounds how many folders of a configuration are watched.
const maxFolders = 256

// changes tells that the files of a configuration, or of the modules below it,
// are others.
type changes struct {
	changed chan struct{}
	watcher *fsnotify.Watcher
	owned   sync.WaitGroup
}

// watch watches a configuration's directory. close it.
func watch(dir string, log *slog.Logger) (*changes, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch the files: %w", err)
	}
	c := &changes{changed: make(chan struct{}, 1), watcher: watcher}
	if err := c.add(dir); err != nil {
		_ = watcher.Close()
		return nil, fmt.Errorf("watch the files: %w", err)
	}
	c.owned.Go(func() { c.follow(log) })
	return c, nil
}

// add watches a folder and those below it, but for those with a dot.
func (c *changes) add(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == dir:
			return err
		case err != nil || !d.IsDir():
			return nil
		case path != dir && strings.HasPrefix(d.Name(), "."), len(c.watcher.WatchList()) >= maxFolders:
			return fs.SkipDir
		}
		return c.watcher.Add(path)
	})
}

// relevant tells whether a name is that of a file of a configuration, or of a
// folder that may hold some.
func relevant(path string) bool {
	name := filepath.Base(path)
	return name == ".decnet.lock.hcl" || !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, "~")
}

func (c *changes) follow(log *slog.Logger) {
	quiet := time.NewTimer(0)
	if !quiet.Stop() {
		<-quiet.C
	}
	for {
		select {
		case e, ok := <-c.watcher.Events:
			if !ok {
				return
			}
			if e.Op == fsnotify.Chmod || !relevant(e.Name) {
				continue
			}
			if e.Op.Has(fsnotify.Create) {
				_ = c.add(e.Name) // a file, or gone again
			}
			quiet.Reset(settleFiles)
		case err, ok := <-c.watcher.Errors:
			if !ok {
				return
			}
			log.Warn("watch the files", "error", err)
			quiet.Reset(settleFiles) // something may have been missed
		case <-quiet.C:
			select {
			case c.changed <- struct{}{}:
			default:
			}
		}
	}
}

func (c *changes) close() {
	_ = c.watcher.Close()
	c.owned.Wait()
}
