package daemon

import (
	"os"
	"path/filepath"
	"testing"
)

// TestKeysThatEverybodyWritesAreRefused looks at what decides whom a daemon
// trusts.
func TestKeysThatEverybodyWritesAreRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(name, []byte("ssh-ed25519 AAAA\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, fine := range map[os.FileMode]bool{0o600: true, 0o644: true, 0o664: true, 0o666: false, 0o602: false} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := readKeys(name); (err == nil) != fine {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	for _, other := range []string{filepath.Dir(name), "/dev/null", name + ".not"} {
		if _, err := readKeys(other); err == nil {
			t.Errorf("%s was read", other)
		}
	}
}
