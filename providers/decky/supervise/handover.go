package supervise

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// newLife names a worker's life.
func newLife() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // it never fails
	return hex.EncodeToString(random[:])
}

// handover is what a supervisor that was asked to retire leaves to the next one:
// the workers' lives go on, since nobody but decnet itself ended them.
type handover struct {
	Lives []string `json:"lives"` // by shard; "" for a worker that did not run
}

func (d Dirs) handover() string { return filepath.Join(d.Run, "supervise.handover") }

// handOver leaves what the next supervisor goes on with.
func (s *Supervisor) handOver() error {
	var h handover
	for _, sh := range s.shards {
		h.Lives = append(h.Lives, sh.lifeName())
	}
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return os.WriteFile(s.dirs.handover(), data, 0o600)
}

// takeOver is what a predecessor handed over, and forgets it: by shard, empty
// names where there is nothing to go on with.
func (s *Supervisor) takeOver() []string {
	lives := make([]string, s.options.Shards)
	data, err := os.ReadFile(s.dirs.handover())
	if errors.Is(err, os.ErrNotExist) {
		return lives
	}
	var h handover
	if err == nil {
		err = json.Unmarshal(data, &h)
	}
	if err == nil && len(h.Lives) != len(lives) {
		err = fmt.Errorf("it had %d workers", len(h.Lives))
	}
	if err := errors.Join(err, os.Remove(s.dirs.handover())); err != nil {
		s.options.Log.Warn("take over from the last supervisor", "error", err)
		return lives
	}
	return h.Lives
}
