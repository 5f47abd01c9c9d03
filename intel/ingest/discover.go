package ingest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/decnet/decnet/intel"
)

// Discover lists the journals below root: every directory in it, links not
// followed. owners gives the addresses of the deckies that write to the
// journal of a name. A root that does not exist holds none.
func Discover(root string, owners func(name string) []string) ([]intel.Journal, error) {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list journals: %w", err)
	}
	var journals []intel.Journal
	for _, entry := range entries {
		if entry.IsDir() {
			journals = append(journals, intel.Journal{Name: entry.Name(), Dir: filepath.Join(root, entry.Name()), Deckies: owners(entry.Name())})
		}
	}
	return journals, nil
}
