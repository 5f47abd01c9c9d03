// Package supervise serves native deckies: a small privileged supervisor per
// lineage opens their listening sockets, each in its decky's network namespace,
// and hands them to a few jailed workers that talk to the attackers. A worker
// that dies is started again and given its sockets; meanwhile they stay open in
// the supervisor, so that clients wait instead of being refused.
//
// The package has three sides: the supervisor (Run), the worker (Work) and the
// Client with which the native provider reaches the supervisor and starts it on
// demand. It makes no namespace, no link and no record of an object; it reads
// the records that the provider wrote. It speaks no protocol of a decoy: the
// worker's Server does.
package supervise

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/jail"
	"github.com/decnet/decnet/providers/decky/record"
)

// Unit is one service of one decky, as the supervisor is told.
type Unit struct {
	Decky     string            `json:"decky"`     // engine-side name of the decky
	Namespace string            `json:"namespace"` // path at which its network namespace is pinned
	Host      decky.Host        `json:"host"`
	Service   decky.ServiceSpec `json:"service"`
	Limits    decky.Limits      `json:"limits,omitzero"`
}

// Key identifies a unit within a lineage.
type Key struct {
	Decky   string `json:"decky"`
	Service string `json:"service"`
}

// Key is the unit's.
func (u Unit) Key() Key { return Key{Decky: u.Decky, Service: u.Service.Name} }

// Digest is SHA-256 of everything the supervisor is told, in hex.
func (u Unit) Digest() string {
	data, err := json.Marshal(u)
	if err != nil {
		panic("supervise: a unit that is no JSON: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (u Unit) validate() error {
	for _, name := range []string{u.Decky, u.Service.Name} {
		if !validName(name) {
			return fmt.Errorf("name %q cannot be a file's", name)
		}
	}
	if len(u.Service.Ports) == 0 {
		return errors.New("no ports")
	}
	if len(u.Service.Ports) > maxPorts {
		return fmt.Errorf("%d ports, more than %d", len(u.Service.Ports), maxPorts)
	}
	for _, p := range u.Service.Ports {
		if p.Transport != "tcp" {
			return fmt.Errorf("port %d/%s: the native runtime serves tcp only", p.Number, p.Transport)
		}
	}
	return nil
}

// validName tells whether a name may become a file's.
func validName(name string) bool {
	return name != "" && len(name) <= 200 && name[0] != '.' && !strings.ContainsAny(name, "/\x00")
}

// Dirs are the directories of one lineage.
type Dirs struct {
	Lineage string
	Data    string // DataDir/<lineage>
	Run     string // RunDir/<lineage>
}

// NewDirs places a lineage below the host's directories.
func NewDirs(lineage, dataDir, runDir string) Dirs {
	return Dirs{Lineage: lineage, Data: filepath.Join(dataDir, lineage), Run: filepath.Join(runDir, lineage)}
}

// Journal is the parent of the deckies' journals.
func (d Dirs) Journal() string { return filepath.Join(d.Data, "journal") }

// Store is the parent of what clients of the deckies wrote.
func (d Dirs) Store() string { return filepath.Join(d.Data, "store") }

// Book is where the provider records the lineage's objects. Close it.
func (d Dirs) Book() *record.Book {
	return record.Open(d.Records(), filepath.Join(d.Run, "objects.log"))
}

// Records is the file of the book.
func (d Dirs) Records() string { return filepath.Join(d.Data, "native", "objects.log") }

const servicePrefix = "service/"

// RecordKey is a unit's key in the book. Its value is a JSON object whose "unit"
// is the Unit.
func RecordKey(k Key) string { return servicePrefix + k.Decky + "/" + k.Service }

// Log is what the supervisor writes of itself.
func (d Dirs) Log() string { return filepath.Join(d.Data, "native", "supervise.log") }

func (d Dirs) socket() string { return filepath.Join(d.Run, "supervise.sock") }
func (d Dirs) lock() string   { return filepath.Join(d.Run, "supervise.lock") }

// units reads every recorded unit. A record that cannot be read is reported and
// left out: one broken record does not take the others down.
func (d Dirs) units() ([]Unit, error) {
	book := d.Book()
	all, err := book.All()
	errs := []error{err, book.Close()}
	var units []Unit
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !strings.HasPrefix(key, servicePrefix) {
			continue
		}
		var r struct {
			Unit Unit `json:"unit"`
		}
		err := json.Unmarshal(all[key], &r)
		if err == nil {
			err = r.Unit.validate()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("record %s: %w", key, err))
			continue
		}
		units = append(units, r.Unit)
	}
	return units, errors.Join(errs...)
}

// maxShards is how many uids a lineage has of jail.UIDs.
const maxShards = 16

// UID is what a lineage's worker runs as on the host: workers of one lineage
// never share one, so that none can read another's journals.
func UID(lineage string, shard int) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(lineage))
	return jail.FirstUID + h.Sum32()%(jail.UIDs/maxShards)*maxShards + uint32(shard%maxShards)
}

// shardOf assigns a decky to a worker, always the same one.
func shardOf(name string, shards int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return int(h.Sum32() % uint32(shards))
}
