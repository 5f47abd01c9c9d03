package gitsync

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/notification"
)

// documentName is what a sync remembers, in its directory.
const documentName = "sync.json"

// Bounds of what is remembered.
const (
	documentVersion = 1
	maxDocument     = 16 << 20
	maxHistory      = 1000
)

// document is all that a sync remembers. It is written whole, so that after a
// crash it is as before a step or as after it. What a field points to is never
// changed, only replaced.
type document struct {
	Version int `json:"version"`
	// Key is what ids of plans are made with, so that they tell nothing of what
	// is sensitive in a plan.
	Key []byte `json:"key"`
	// Source is what Applied came from; another one may have another history.
	Source    string           `json:"source,omitempty"`
	Applied   *status.Revision `json:"applied,omitempty"`
	Attempted *status.Revision `json:"attempted,omitempty"`
	// Base is what the next commit must descend from: Applied, or a rewritten
	// history that somebody approved.
	Base       string `json:"base,omitempty"`
	PlanDigest string `json:"plan_digest,omitempty"`
	// Verdict is on the commit that was looked at last, Trouble what kept the
	// repository from being looked at since.
	Verdict verdict  `json:"verdict"`
	Trouble *verdict `json:"trouble,omitempty"`
	// Waiting is the sync that this one waits for, and why.
	Waiting  string            `json:"waiting,omitempty"`
	Pending  *status.Pending   `json:"pending,omitempty"`
	Approved *approval         `json:"approved,omitempty"`
	Intent   *intent           `json:"intent,omitempty"`
	Suspend  *suspension       `json:"suspend,omitempty"`
	Facts    status.Conditions `json:"conditions,omitempty"`
	// Told is what was told last, Outbox what is to be told still.
	Told    string                      `json:"told,omitempty"`
	Outbox  []notification.Notification `json:"outbox,omitempty"`
	History []status.Entry              `json:"history,omitempty"` // the oldest first
	LastID  int64                       `json:"last_id"`           // of an entry
}

// verdict is what came of a look.
type verdict struct {
	Reason  Reason `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	Commit  string `json:"commit,omitempty"`
	// Tries in a row; not again before Next, or not at all.
	Tries   int       `json:"tries,omitempty"`
	Next    time.Time `json:"next,omitzero"`
	Forever bool      `json:"forever,omitempty"`
}

// approval is of one plan; once its apply has begun it is of what is left of it,
// too.
type approval struct {
	ID     string    `json:"id"`
	Commit string    `json:"commit"`
	Begun  bool      `json:"begun,omitempty"`
	Who    string    `json:"who,omitempty"`
	When   time.Time `json:"when"`
}

// intent is written before anything alive is touched: whatever happens, the
// revision is adopted after it.
type intent struct {
	Revision status.Revision `json:"revision"`
	// Source is what was followed then, and where in it.
	Source string `json:"source,omitempty"`
	// Failed is the commit that is rolled back; empty: it is an apply.
	Failed *status.Revision `json:"failed,omitempty"`
	Why    string           `json:"why,omitempty"`
}

type suspension struct {
	Why  string    `json:"why"`
	Who  string    `json:"who,omitempty"`
	When time.Time `json:"when"`
}

// store keeps the document of one sync.
type store struct {
	dir     string
	name    string // of the sync
	written func(name, moment string)
}

// load reads the document. One that is not there is a new one; one that cannot
// be read is an error, since what was suspended or refused must stay so.
func (s *store) load() (document, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return document{}, fmt.Errorf("make directory: %w", err)
	}
	file, err := os.Open(filepath.Join(s.dir, documentName))
	if errors.Is(err, fs.ErrNotExist) {
		d := document{Version: documentVersion, Key: make([]byte, 32)}
		rand.Read(d.Key) //nolint:errcheck // never fails
		return d, nil
	}
	if err != nil {
		return document{}, err
	}
	defer file.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(file, maxDocument+1))
	if err != nil {
		return document{}, err
	}
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return document{}, fmt.Errorf("%s is damaged (%w): remove it, and the sync begins anew; what is alive stays", file.Name(), err)
	}
	if d.Version != documentVersion {
		return document{}, fmt.Errorf("%s is of version %d, this decnet reads %d", file.Name(), d.Version, documentVersion)
	}
	for _, r := range []*status.Revision{d.Applied, d.Attempted, intended(d.Intent)} {
		if r != nil && !commitName(r.Commit) {
			return document{}, fmt.Errorf("%s is damaged: %q is no commit", file.Name(), clip(r.Commit, maxTitle))
		}
	}
	return d, nil
}

func intended(i *intent) *status.Revision {
	if i == nil {
		return nil
	}
	return &i.Revision
}

// save writes the document, for its owner only, and returns once it is on the
// disk.
func (s *store) save(d document) error {
	data, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("remember: %w", err)
	}
	s.written(s.name, "before")
	path := filepath.Join(s.dir, documentName)
	if err := s.replace(path, data); err != nil {
		return fmt.Errorf("remember: %w", err)
	}
	s.written(s.name, "after")
	return nil
}

func (s *store) replace(path string, data []byte) (err error) {
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if synced := file.Sync(); err == nil {
		err = synced
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	s.written(s.name, "between")
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(s.dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // read only
	return d.Sync()
}

// enter adds a line to the history.
func (d *document) enter(e status.Entry) {
	d.LastID++
	e.ID = d.LastID
	d.History = append(slices.Clip(d.History), e)
	if extra := len(d.History) - maxHistory; extra > 0 {
		d.History = slices.Clone(d.History[extra:])
	}
}

// commitName tells whether a text is a commit in hex: it becomes the name of a
// directory.
func commitName(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && (len(s) == 40 || len(s) == 64)
}

func randomID() string {
	var raw [16]byte
	rand.Read(raw[:]) //nolint:errcheck // never fails
	return hex.EncodeToString(raw[:])
}
