package unit

import (
	"os"
	"path/filepath"
	"strings"
)

// Host is what decides whether a supervisor can be a unit of its own.
type Host struct {
	Root    string // as in Options
	DataDir string
	RunDir  string
}

// Supervisor is the command that starts the supervisor of a lineage as a unit,
// so that it belongs to no session and to no other daemon. Nil where systemd
// does not run, its unit is not there, or it is one of other directories or of
// another decky than the one at path.
func (h Host) Supervisor(decky, lineage string) []string {
	if h.DataDir != "/var/lib/decnet" || h.RunDir != "/run/decnet" || lineage == "" {
		return nil
	}
	if info, err := os.Lstat(filepath.Join(h.Root, "/run/systemd/system")); err != nil || !info.IsDir() { // sd_booted(3)
		return nil
	}
	text, err := os.ReadFile(filepath.Join(h.Root, Directory, Supervise))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		command, found := strings.CutPrefix(strings.TrimSpace(line), "ExecStart=")
		if !found {
			continue
		}
		if program, _, _ := strings.Cut(command, " "); program != decky {
			return nil
		}
		return []string{"/bin/systemctl", "--no-ask-password", "start", strings.Replace(Supervise, "@", "@"+lineage, 1)}
	}
	return nil
}
