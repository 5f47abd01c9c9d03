package main

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIntelDatabases(t *testing.T) {
	t.Setenv("DECNET_DATA_DIR", "/data")
	t.Setenv("DECNET_INTEL_DIR", "/intel")
	for path, want := range map[string][]string{
		"/home/me/net/.decnet/state.db": {"/home/me/net/.decnet/intel.db"},
		"/data/sync/office/state.db":    {"/data/sync/office/intel.db", "/intel/office/intel.db"},
	} {
		if diff := cmp.Diff(want, (&app{}).intelDatabases(filepath.FromSlash(path))); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	if diff := cmp.Diff([]string{"/srv/intel.db"}, (&app{intelDatabase: "/srv/intel.db"}).intelDatabases("/data/sync/office/state.db")); diff != "" {
		t.Error(diff)
	}
}
