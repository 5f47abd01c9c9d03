package reconciler

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// JournalName is the journal that the engine writes beside those of the deckies:
// a name that none of theirs can have, since they begin with the configuration's.
const JournalName = "_reconciler"

// JournalDir is the directory of that journal.
func JournalDir(dataDir, lineage string) string {
	return filepath.Join(dataDir, lineage, "journal", JournalName)
}

// Teller hands events on to intel: it is a Config.Tell that appends to the
// engine's own journal of the state's lineage. One call at a time, under the
// lock of the state, may be under way: the journal belongs to whoever holds it.
func Teller(store *state.Store, dataDir string) func(...*event.Event) error {
	return func(events ...*event.Event) error {
		meta, err := store.Meta(context.Background())
		if err != nil {
			return err
		}
		if meta.Lineage == "" {
			return errors.New("tell events: the state has no lineage yet")
		}
		dir := JournalDir(dataDir, meta.Lineage)
		if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
			return fmt.Errorf("tell events: %w", err)
		}
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("tell events: %w", err)
		}
		w, err := journal.Open(dir, journal.Options{})
		if err != nil {
			return fmt.Errorf("tell events: %w", err)
		}
		return errors.Join(w.Append(events...), w.Close())
	}
}
