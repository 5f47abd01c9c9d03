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

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/schema"
)

// deckyRecord is what is on disk of a decky, once below the data directory and
// once beside the pinned namespace, so that losing either loses nothing.
type deckyRecord struct {
	Owner  providers.Owner `json:"owner"`
	Config schema.Decky    `json:"config"`
	// Boot is when the host claims to have started: the same for every
	// service, and after every restart.
	Boot time.Time `json:"boot"`
}

// serviceRecord is what is on disk of a service; the supervisor reads Unit.
type serviceRecord struct {
	Owner  providers.Owner `json:"owner"`
	Config schema.Service  `json:"config"`
	Unit   supervise.Unit  `json:"unit"`
}

func deckyFile(d supervise.Dirs, name string) string {
	return filepath.Join(d.Data, "native", "deckies", name+".json")
}

// pin is where a decky's namespace stands.
func pin(d supervise.Dirs, name string) string { return filepath.Join(d.Run, "netns", name) }

const besides = ".json" // of the record's copy beside the pin

// checkName refuses names that cannot be a file's.
func checkName(name string) error {
	if name == "" || len(name) > 200 || name[0] == '.' || strings.ContainsAny(name, "/\x00") || strings.HasSuffix(name, besides) {
		return fmt.Errorf("name %q cannot be a file's", name)
	}
	return nil
}

// save writes a file that a kill leaves whole, old or new, never torn.
func save(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	temporary := path + ".tmp"
	err = os.WriteFile(temporary, data, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("write record: %w", err)
		}
		err = os.WriteFile(temporary, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	return nil
}

// load reads a record; fs.ErrNotExist if there is none.
func load[T any](path string) (T, error) {
	var v T
	data, err := os.ReadFile(path)
	if err != nil {
		return v, fmt.Errorf("read record: %w", err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("read record %s: %w", path, err)
	}
	return v, nil
}

func saveDecky(d supervise.Dirs, r deckyRecord) error {
	if err := save(deckyFile(d, r.Config.Name), r); err != nil {
		return err
	}
	return save(pin(d, r.Config.Name)+besides, r)
}

func loadDecky(d supervise.Dirs, name string) (deckyRecord, error) {
	r, err := load[deckyRecord](deckyFile(d, name))
	if err == nil {
		return r, nil
	}
	copied, copyErr := load[deckyRecord](pin(d, name) + besides)
	if copyErr == nil {
		return copied, nil
	}
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(copyErr, fs.ErrNotExist) {
		err = copyErr
	}
	return r, err
}

// deckyNames lists every decky of which there is a record or a namespace.
func deckyNames(d supervise.Dirs) ([]string, error) {
	var names []string
	for _, dir := range []string{filepath.Dir(deckyFile(d, "x")), filepath.Dir(pin(d, "x"))} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list deckies: %w", err)
		}
		for _, e := range entries {
			if name := strings.TrimSuffix(e.Name(), besides); !strings.HasSuffix(name, ".tmp") {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// forget removes a decky's records, and directories that are empty then.
func forget(d supervise.Dirs, name string) error {
	var errs []error
	for _, path := range []string{pin(d, name) + besides, deckyFile(d, name)} {
		for _, file := range []string{path + ".tmp", path} {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("remove record: %w", err))
			}
		}
	}
	sweep(filepath.Dir(pin(d, name)), d.Run)
	sweep(filepath.Dir(deckyFile(d, name)), d.Data)
	return errors.Join(errs...)
}

// sweep removes a directory and its parents up to top, as far as they are
// empty.
func sweep(dir, top string) {
	for len(dir) >= len(top) {
		if os.Remove(dir) != nil {
			return
		}
		dir = filepath.Dir(dir)
	}
}
