package reconciler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
)

// Lineage is the note that the first apply of a state leaves in the data
// directory, so that the lineage is found again when the state is lost.
type Lineage struct {
	Lineage string `json:"lineage"`
	Name    string `json:"name"`    // of the configuration
	Dir     string `json:"dir"`     // where it stands
	State   string `json:"state"`   // absolute path of the state
	Seed    string `json:"seed"`    // as in the state
	Runtime string `json:"runtime"` // as in the state
}

func (e *Engine) ownerPath(lineage string) string {
	return filepath.Join(e.config.DataDir, lineage, "owner.json")
}

// writeOwner leaves or renews the note, whole or not at all.
func (e *Engine) writeOwner(meta state.Meta) error {
	note := Lineage{
		Lineage: meta.Lineage, Name: meta.Name, Dir: e.config.Dir, State: e.config.Store.Path(), Seed: meta.Seed, Runtime: meta.Runtime,
	}
	data, err := json.Marshal(note)
	if err != nil {
		return fmt.Errorf("note the owner of lineage %s: %w", meta.Lineage, err)
	}
	data = append(data, '\n')
	path := e.ownerPath(meta.Lineage)
	if old, err := os.ReadFile(path); err == nil && string(old) == string(data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("note the owner of lineage %s: %w", meta.Lineage, err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o644); err != nil {
		return fmt.Errorf("note the owner of lineage %s: %w", meta.Lineage, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("note the owner of lineage %s: %w", meta.Lineage, err)
	}
	return nil
}

// removeOwner takes the note away with the last instance.
func (e *Engine) removeOwner(meta state.Meta) error {
	err := os.Remove(e.ownerPath(meta.Lineage))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the note of lineage %s: %w", meta.Lineage, err)
	}
	os.Remove(filepath.Dir(e.ownerPath(meta.Lineage))) //nolint:errcheck // evidence is kept: it may not be empty
	return nil
}

// Lineages are the notes of this host, sorted by lineage. A note that cannot be
// read is left out.
func (e *Engine) Lineages() ([]Lineage, error) {
	if e.config.DataDir == "" {
		return nil, nil
	}
	paths, err := filepath.Glob(filepath.Join(e.config.DataDir, "*", "owner.json"))
	if err != nil {
		return nil, fmt.Errorf("list lineages: %w", err)
	}
	var all []Lineage
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		var note Lineage
		if json.Unmarshal(data, &note) == nil && note.Lineage == filepath.Base(filepath.Dir(path)) {
			all = append(all, note)
		}
	}
	slices.SortFunc(all, func(a, b Lineage) int { return strings.Compare(a.Lineage, b.Lineage) })
	return all, nil
}

// lostState looks, where the state was never written, for objects of a lineage
// that was applied from this very path: going on would make everything twice.
func (e *Engine) lostState(ctx context.Context, lineage string) []providers.Finding {
	if lineage != "" {
		return nil
	}
	lineages, err := e.Lineages()
	if err != nil {
		return nil
	}
	var findings []providers.Finding
	for _, l := range lineages {
		if l.State != e.config.Store.Path() {
			continue
		}
		observed, err := e.observe(ctx, l.Lineage, e.config.Registry.Kinds())
		if err != nil {
			findings = append(findings, providers.Finding{
				Severity: providers.SeverityError,
				Summary:  fmt.Sprintf("the state is empty, and whether objects of lineage %s, which was applied from here, are alive is not known: %v", l.Lineage, err),
				Remedy:   "try again once they can be looked at",
			})
			continue
		}
		if len(observed.Objects) == 0 {
			continue
		}
		findings = append(findings, providers.Finding{
			Severity: providers.SeverityError,
			Summary:  fmt.Sprintf("the state is empty, but %d objects of lineage %s, which was applied from here, are alive", len(observed.Objects), l.Lineage),
			Remedy:   "run decnet state rebuild",
		})
	}
	return findings
}

// copiedState warns where the lineage was last applied from another state that
// still exists: each of the two would take the other's objects for its own.
func (e *Engine) copiedState(lineage string) []providers.Finding {
	lineages, err := e.Lineages()
	if err != nil || lineage == "" {
		return nil
	}
	for _, l := range lineages {
		if l.Lineage != lineage || l.State == e.config.Store.Path() {
			continue
		}
		if _, err := os.Stat(l.State); err != nil {
			continue
		}
		return []providers.Finding{{
			Severity: providers.SeverityWarning,
			Summary:  fmt.Sprintf("this state is a copy: its objects were last applied from %s, which still exists", l.State),
			Remedy:   "remove the copy that is not in use; two of them undo each other's work",
		}}
	}
	return nil
}
