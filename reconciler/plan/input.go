package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// Differ compares what is wanted with what is. It must be pure and may be
// called from many goroutines; *providers.Registry is one.
type Differ interface {
	Diff(kind providers.Kind, want, have []byte) ([]providers.Change, error)
}

// Observed is everything that was seen alive of one lineage.
type Observed struct {
	Objects []Found
	Unknown []Unknown
}

// Found is one live object of a kind.
type Found struct {
	Kind    providers.Kind
	Address addr.Address
	Digest  string // of the configuration that made it
	State   json.RawMessage
	// Imported is the instance that the object was asked to become; Lineage,
	// if set, is whose it is.
	Imported addr.Address
	Lineage  string
}

// Unknown is a kind that could not be looked at.
type Unknown struct {
	Kind     providers.Kind
	Provider string
	What     string
	Remedy   string
}

// Input is all that a plan depends on.
type Input struct {
	Desired  *schema.Desired
	Prior    state.Snapshot
	Observed Observed
	Differ   Differ
	Replace  []addr.Address // replaced whatever they look like
	Destroy  bool           // nothing is desired
	Runtime  string         // the default, kept by the first apply
	// Spec tells what a kind can do; nil: nothing special.
	Spec func(kind providers.Kind) providers.Spec
	// Targets, if any, are all that is planned, with what they need; Excludes
	// are not planned, nor is what needs them. Each may name a block or module.
	Targets, Excludes []addr.Address
	RefreshOnly       bool // plan to record what was seen, and nothing else
	Unrefreshed       bool // Observed is what the state remembers
	// Incarnation names the present life of an object, empty where that is not
	// known; nil: restarts are not asked for.
	Incarnation func(kind providers.Kind, object json.RawMessage) string
	// Excused tells whose restart, which object shows, is the consequence of a run
	// of ours; nil: nobody's.
	Excused func(address addr.Address, object json.RawMessage) bool
	// Quarantined tells whether an object is cut off; nil: none is.
	Quarantined func(kind providers.Kind, object json.RawMessage) bool
	Recycle     []Recycle // replaced whatever they look like, unless they are kept for study
	// Findings of the preflight and of the reservations, in any order.
	Findings []providers.Finding
}

// Digest identifies a configuration: what it wants, not how it is written.
func Digest(d *schema.Desired) string {
	h := sha256.New()
	lines := make([]string, 0, len(d.Instances))
	for _, i := range d.Instances {
		parts := []string{string(i.Address), i.Type, i.Runtime, i.Digest, strconv.Itoa(len(i.Parents))}
		for _, a := range slices.Concat(i.Parents, i.After) {
			parts = append(parts, string(a))
		}
		lines = append(lines, strings.Join(parts, "\x00"))
	}
	slices.Sort(lines)
	field(h, d.Name, d.Seed)
	field(h, lines...)
	outputs := slices.Clone(d.Outputs)
	slices.SortFunc(outputs, func(a, b schema.Output) int { return cmp.Compare(a.Name, b.Name) })
	for _, o := range outputs {
		field(h, o.Name, string(o.Value))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func field(h hash.Hash, values ...string) {
	for _, v := range values {
		h.Write([]byte(strconv.Itoa(len(v)))) //nolint:errcheck // a hash never fails
		h.Write([]byte{':'})                  //nolint:errcheck // a hash never fails
		h.Write([]byte(v))                    //nolint:errcheck // a hash never fails
	}
}

// Absent is the fingerprint of an address under which nothing is alive.
const Absent = "absent"

// Fingerprint is what everything alive under one address looks like.
func Fingerprint(objects []Found) string {
	if len(objects) == 0 {
		return Absent
	}
	h := sha256.New()
	for _, o := range sorted(objects) {
		field(h, o.Kind.Type, o.Kind.Runtime, o.Digest, string(o.State))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func sorted(objects []Found) []Found {
	if len(objects) < 2 {
		return objects
	}
	objects = slices.Clone(objects)
	slices.SortFunc(objects, func(a, b Found) int {
		return cmp.Or(a.Kind.Compare(b.Kind), strings.Compare(string(a.State), string(b.State)), strings.Compare(a.Digest, b.Digest))
	})
	return objects
}
