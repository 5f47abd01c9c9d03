package native

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/schema"
)

// deckyRecord is what the book says of a decky.
type deckyRecord struct {
	Owner  providers.Owner `json:"owner"`
	Config schema.Decky    `json:"config"`
	// Boot is when the host claims to have started: the same for every
	// service, and after every restart.
	Boot time.Time `json:"boot"`
	// Isolated says that the decky is kept for study without its network.
	Isolated bool `json:"isolated,omitempty"`
}

// serviceRecord is what the book says of a service; the supervisor reads Unit.
type serviceRecord struct {
	Owner  providers.Owner `json:"owner"`
	Config schema.Service  `json:"config"`
	Unit   supervise.Unit  `json:"unit"`
}

const (
	deckyPrefix   = "decky/"
	servicePrefix = "service/"
)

// pin is where a decky's namespace stands.
func pin(d supervise.Dirs, name string) string { return filepath.Join(d.Run, "netns", name) }

// checkName refuses names that cannot be a file's.
func checkName(name string) error {
	if name == "" || len(name) > 200 || name[0] == '.' || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("name %q cannot be a file's", name)
	}
	return nil
}

// load reads one record; fs.ErrNotExist if there is none that can be read.
func load[T any](p *Provider, lineage, key string) (T, error) {
	var v T
	data, ok, err := p.book(lineage).Get(key)
	if err != nil {
		return v, err
	}
	if !ok {
		return v, fmt.Errorf("record %s: %w", key, fs.ErrNotExist)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("record %s says nothing (%w): %w", key, err, fs.ErrNotExist)
	}
	return v, nil
}

// loadAll reads every record of a kind, in the order of their keys. One that
// cannot be read is left out: its object is made again, over what there is.
func loadAll[T any](p *Provider, lineage, prefix string) ([]T, error) {
	all, err := p.book(lineage).All()
	if err != nil {
		return nil, err
	}
	var keys []string
	for key := range all {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	records := make([]T, 0, len(keys))
	for _, key := range keys {
		var r T
		if err := json.Unmarshal(all[key], &r); err != nil {
			p.env.Log.Warn("a record cannot be read", "record", key, "error", err)
			continue
		}
		records = append(records, r)
	}
	return records, nil
}

// anchor prepares the file that a namespace is pinned on. All are hard links of
// one: linking is far cheaper than making a file.
func anchor(d supervise.Dirs, name string) error {
	var err error
	for range 10 {
		// Whoever deletes the last decky besides us takes empty directories
		// away under our feet.
		if err = tryAnchor(pin(d, name), anchorFile(d)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

func tryAnchor(path, one string) error {
	if err := os.Link(one, path); err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("prepare a namespace's file: %w", err)
	}
	f, err := os.OpenFile(one, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return fmt.Errorf("prepare a namespace's file: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("prepare a namespace's file: %w", err)
	}
	if err := os.Link(one, path); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, unix.EMLINK) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("prepare a namespace's file: %w", err)
	}
	return nil // where links are not to be had, pinning makes the file
}

func anchorFile(d supervise.Dirs) string { return filepath.Join(d.Run, "netns.anchor") }

// orphans lists namespaces of which there is no record.
func orphans(d supervise.Dirs, known []deckyRecord) []string {
	entries, err := os.ReadDir(filepath.Dir(pin(d, "x")))
	if err != nil {
		return nil
	}
	names := map[string]bool{}
	for _, r := range known {
		names[r.Config.Name] = true
	}
	var left []string
	for _, e := range entries {
		if !names[e.Name()] {
			left = append(left, e.Name())
		}
	}
	return left
}

// tidy removes directories of a lineage that are empty, unless a supervisor
// serves it: its workers stand in them.
func tidy(d supervise.Dirs) {
	if os.Remove(filepath.Dir(pin(d, "x"))) == nil {
		_ = os.Remove(anchorFile(d))
	}
	d.Alone(func() {
		if _, err := os.Lstat(d.Records()); errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(d.Log()) // of a supervisor that was killed
		}
		for _, dir := range []string{filepath.Join(d.Data, "native"), d.Store(), d.Journal(), d.Data} {
			_ = os.Remove(dir) // not empty: something still stands there
		}
	})
}
