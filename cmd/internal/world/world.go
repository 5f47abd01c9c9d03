// Package world tells intel about the deception network by following the
// engine's state file. It only reads.
package world

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

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
)

// World answers from one state file. A state that does not exist yet is an
// empty world.
type World struct {
	State   string // path of the state file
	DataDir string // where the lineages' journals stand
	// Dir is the configuration's, absolute: a sink's relative path stands in it.
	Dir string
}

var (
	_ intel.World     = World{}
	_ intel.Versioner = World{}
)

// JournalRoot is the directory of all journals of a lineage.
func JournalRoot(dataDir, lineage string) string { return filepath.Join(dataDir, lineage, "journal") }

func (w World) snapshot(ctx context.Context) (state.Snapshot, error) {
	store, err := state.OpenReadOnly(w.State)
	if errors.Is(err, fs.ErrNotExist) {
		return state.Snapshot{}, nil
	}
	if err != nil {
		return state.Snapshot{}, err
	}
	snapshot, err := store.Snapshot(ctx)
	return snapshot, errors.Join(err, store.Close())
}

// each decodes the configuration of every instance of a type.
func each[C any](snapshot state.Snapshot, typ string, visit func(state.Instance, C) error) error {
	for _, i := range snapshot.Instances {
		if i.Type != typ {
			continue
		}
		var c C
		if err := json.Unmarshal(i.Config, &c); err != nil {
			return fmt.Errorf("read configuration of %s: %w", i.Address, err)
		}
		if err := visit(i, c); err != nil {
			return err
		}
	}
	return nil
}

// Version changes whenever the state file does.
func (w World) Version(context.Context) (string, error) {
	var b strings.Builder
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(w.State + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("look at the state: %w", err)
		}
		fmt.Fprintf(&b, "%d/%d ", info.ModTime().UnixNano(), info.Size())
	}
	return b.String(), nil
}

// Rules implements intel.World.
func (w World) Rules(ctx context.Context) ([]schema.Rule, error) {
	return collect[schema.Rule](ctx, w, providers.TypeRule)
}

// Sinks implements intel.World.
func (w World) Sinks(ctx context.Context) ([]schema.Sink, error) {
	sinks, err := collect[schema.Sink](ctx, w, providers.TypeSink)
	for i, s := range sinks {
		sinks[i] = s.Rooted(w.Dir)
	}
	return sinks, err
}

func collect[C any](ctx context.Context, w World, typ string) ([]C, error) {
	snapshot, err := w.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	var all []C
	err = each(snapshot, typ, func(_ state.Instance, c C) error { all = append(all, c); return nil })
	return all, err
}

// Deckies implements intel.World.
func (w World) Deckies(ctx context.Context) ([]intel.Decky, error) {
	snapshot, err := w.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return Deckies(snapshot)
}

// Deckies lists the deckies of a state, sorted as the state is.
func Deckies(snapshot state.Snapshot) ([]intel.Decky, error) {
	var all []intel.Decky
	index := map[string]int{}
	err := each(snapshot, providers.TypeDecky, func(i state.Instance, c schema.Decky) error {
		ip, _, _ := strings.Cut(c.Host.IP, "/")
		index[string(i.Address)] = len(all)
		all = append(all, intel.Decky{
			Address: string(i.Address), Hostname: c.Host.Hostname, IP: ip, MAC: c.Host.MAC,
			Network: c.Network.Name, Archetype: c.Archetype, Runtime: i.Runtime, Services: []string{},
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(snapshot, providers.TypeService, func(_ state.Instance, c schema.Service) error {
		if n, ok := index[c.Host.Address]; ok {
			all[n].Services = append(all[n].Services, c.Name)
		}
		return nil
	})
	for _, d := range all {
		slices.Sort(d.Services)
	}
	return all, err
}

// Journals implements intel.World: every directory below the lineage's journal
// root is one, known to the state or not.
func (w World) Journals(ctx context.Context) ([]intel.Journal, error) {
	snapshot, err := w.snapshot(ctx)
	if err != nil || snapshot.Lineage == "" {
		return nil, err
	}
	root := JournalRoot(w.DataDir, snapshot.Lineage)
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list journals: %w", err)
	}
	owners, err := journalOwners(snapshot)
	if err != nil {
		return nil, err
	}
	var journals []intel.Journal
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		journals = append(journals, intel.Journal{
			Name: e.Name(), Dir: filepath.Join(root, e.Name()), Deckies: owners[e.Name()],
			Trusted: e.Name() == reconciler.JournalName, // the engine's: no decky's name can be it
		})
	}
	return journals, nil
}

// journalOwners maps the name of a journal to the decky that writes it: the
// decky's own name (native), or that of one of its service containers.
func journalOwners(snapshot state.Snapshot) (map[string][]string, error) {
	owners := map[string][]string{}
	err := each(snapshot, providers.TypeDecky, func(i state.Instance, c schema.Decky) error {
		owners[c.Name] = []string{string(i.Address)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(snapshot, providers.TypeService, func(_ state.Instance, c schema.Service) error {
		owners[c.Decky+"-"+strings.NewReplacer(".", "-", "_", "-").Replace(c.Name)] = []string{c.Host.Address}
		return nil
	})
	return owners, err
}
