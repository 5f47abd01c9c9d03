package reconciler_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// journalled are the ids of the drifts in a journal, each as often as it stands
// there.
func journalled(t testing.TB, dir string) []string {
	t.Helper()
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	r := journal.NewReader(dir, journal.Position{})
	defer r.Close()
	var ids []string
	for range 100 {
		records, err := r.Next(1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range records {
			if x.Event == nil {
				continue
			}
			if _, ok := x.Event.Body.(*event.Drift); ok {
				ids = append(ids, x.Event.ID)
			}
		}
	}
	return ids
}
