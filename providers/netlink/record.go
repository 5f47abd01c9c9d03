package netlink

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

// record is what is kept of a network.
type record struct {
	Owner  providers.Owner `json:"owner"`
	Config schema.Network  `json:"config"`

	damaged bool // only the mirror could be read
}

const suffix = ".json"

// dir holds the records, one file each; mirror holds copies that stand in for
// those that cannot be read.
func (h *networks) dir(lineage string) string {
	return filepath.Join(h.p.env.DataDir, lineage, "native", "networks")
}

func (h *networks) mirror(lineage string) string {
	return filepath.Join(h.p.env.RunDir, lineage, "networks")
}

// names lists the networks of which there is a record.
func (h *networks) names(lineage string) ([]string, error) {
	var names []string
	for _, dir := range []string{h.dir(lineage), h.mirror(lineage)} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list records: %w", err)
		}
		for _, e := range entries {
			if name, ok := strings.CutSuffix(e.Name(), suffix); ok {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// load reads a record, or its copy; fs.ErrNotExist where neither can be read.
func (h *networks) load(lineage, name string) (record, error) {
	r, err := read(filepath.Join(h.dir(lineage), name+suffix))
	if err == nil {
		return r, nil
	}
	if r, mirrorErr := read(filepath.Join(h.mirror(lineage), name+suffix)); mirrorErr == nil {
		r.damaged = true
		return r, nil
	}
	return r, err
}

func read(path string) (record, error) {
	var r record
	data, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("read record: %w", err)
	}
	if err := json.Unmarshal(data, &r); err != nil || r.Owner.Address == "" {
		// It is made again, over what there is.
		return r, fmt.Errorf("record %s says nothing (%v): %w", path, err, fs.ErrNotExist)
	}
	return r, nil
}

func (h *networks) save(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	for _, dir := range []string{h.dir(r.Owner.Lineage), h.mirror(r.Owner.Lineage)} {
		path := filepath.Join(dir, r.Config.Name+suffix)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("write record: %w", err)
		}
		if err := os.WriteFile(path+".tmp", data, 0o600); err != nil {
			return fmt.Errorf("write record: %w", err)
		}
		if err := os.Rename(path+".tmp", path); err != nil {
			return fmt.Errorf("write record: %w", err)
		}
	}
	return nil
}

// forget removes a record and its copy, and directories that are empty then.
func (h *networks) forget(lineage, name string) error {
	for _, dir := range []string{h.mirror(lineage), h.dir(lineage)} {
		for _, path := range []string{name + suffix + ".tmp", name + suffix} {
			if err := os.Remove(filepath.Join(dir, path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	data, run := filepath.Join(h.p.env.DataDir, lineage), filepath.Join(h.p.env.RunDir, lineage)
	for _, dir := range []string{h.mirror(lineage), run, h.dir(lineage), filepath.Join(data, "native"), data} {
		_ = os.Remove(dir) // not empty: something still stands there
	}
	return nil
}
