package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/seal"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// Digester is a keyed digest: it tells whether two values are equal, and nothing
// else.
type Digester func(value []byte) (string, error)

// transform is what becomes of the sensitive parts of a document.
type transform struct {
	value  func(path string, value json.RawMessage) json.RawMessage
	digest func(digest string) string
}

// Show is the document as people and their tools may see it: "(sensitive)" in
// place of every sensitive value, and of the digests it could be guessed from.
func (p *Plan) Show() *Plan {
	return p.transformed(transform{
		value:  func(string, json.RawMessage) json.RawMessage { return json.RawMessage(strconv.Quote(seal.Hidden)) },
		digest: func(string) string { return seal.Hidden },
	})
}

// Seal is the document as it is saved: keyed digests in place of every sensitive
// value. Unseal puts the values back.
func (p *Plan) Seal(digest Digester) (*Plan, error) {
	if p.Sealed || !p.sensitive() {
		return p, nil
	}
	var failed error
	keyed := func(value []byte) string {
		d, err := digest(value)
		if err != nil {
			failed = err
		}
		return d
	}
	sealed := p.transformed(transform{
		value:  func(_ string, value json.RawMessage) json.RawMessage { return seal.Mark(keyed(value)) },
		digest: func(d string) string { return keyed([]byte(d)) },
	})
	sealed.Sealed, sealed.Configuration = true, keyed([]byte(p.Configuration))
	if failed != nil {
		return nil, fmt.Errorf("seal plan: %w", failed)
	}
	return sealed, nil
}

// sensitive tells that the document holds anything that must not be shown.
func (p *Plan) sensitive() bool {
	return slices.ContainsFunc(p.Changes, func(c Change) bool { return len(c.Sensitive) > 0 }) ||
		slices.ContainsFunc(p.Records, func(r Record) bool { return len(r.Sensitive) > 0 }) ||
		slices.ContainsFunc(p.Unchanged, func(u Unchanged) bool { return len(u.Sensitive) > 0 }) ||
		slices.ContainsFunc(p.Drift, func(d Drift) bool { return len(d.Sensitive) > 0 }) ||
		slices.ContainsFunc(p.Outputs, func(o schema.Output) bool { return o.Sensitive })
}

func (p *Plan) transformed(t transform) *Plan {
	if !p.sensitive() {
		return p
	}
	out := *p
	out.Changes, out.Records, out.Unchanged = slices.Clone(p.Changes), slices.Clone(p.Records), slices.Clone(p.Unchanged)
	out.Drift, out.Outputs = slices.Clone(p.Drift), slices.Clone(p.Outputs)
	for i := range out.Changes {
		t.change(&out.Changes[i])
	}
	for i := range out.Records {
		if r := &out.Records[i]; len(r.Sensitive) > 0 {
			r.Config, r.Object, r.Digest = seal.Hide(r.Config, r.Sensitive, t.value), seal.Hide(r.Object, r.Sensitive, t.value), t.digest(r.Digest)
		}
	}
	for i := range out.Unchanged {
		u := &out.Unchanged[i]
		u.Config = seal.Hide(u.Config, u.Sensitive, t.value)
	}
	for i := range out.Drift {
		d := &out.Drift[i]
		d.Changes, d.State = hideAttributes(d.Changes, d.Sensitive), seal.Hide(d.State, d.Sensitive, t.value)
	}
	for i := range out.Outputs {
		if o := &out.Outputs[i]; o.Sensitive && len(o.Value) > 0 {
			o.Value = t.value("", o.Value)
		}
	}
	return &out
}

func (t transform) change(c *Change) {
	if len(c.Sensitive) == 0 {
		return
	}
	c.Config, c.Before = seal.Hide(c.Config, c.Sensitive, t.value), seal.Hide(c.Before, c.Sensitive, t.value)
	c.Attributes = hideAttributes(c.Attributes, c.Sensitive)
	if c.Digest != "" {
		c.Digest = t.digest(c.Digest)
	}
	if c.Fingerprint != Absent {
		c.Fingerprint = t.digest(c.Fingerprint)
	}
	if c.Object != nil {
		o := *c.Object
		o.State = seal.Hide(o.State, c.Sensitive, t.value)
		if o.Digest != "" {
			o.Digest = t.digest(o.Digest)
		}
		c.Object = &o
	}
}

// hideAttributes shows of a sensitive attribute only that it differs.
func hideAttributes(changes []providers.Change, paths []string) []providers.Change {
	if len(paths) == 0 {
		return changes
	}
	changes = slices.Clone(changes)
	for i := range changes {
		if c := &changes[i]; seal.Matches(c.Path, paths) {
			if c.Before != "" {
				c.Before = seal.Hidden
			}
			if c.After != "" {
				c.After = seal.Hidden
			}
		}
	}
	return changes
}

// Values is where Unseal takes the sensitive values of one address from.
type Values struct {
	Desired *schema.Instance  // nil: nothing is desired there
	Known   []json.RawMessage // documents that may hold them: of the state, of live objects
	Objects []Found           // alive under the address
}

// Unseal is the document with the values that its digests stand for. Every value
// of a configuration must be found in what is desired or remembered now; what is
// not is named in the error.
func (p *Plan) Unseal(digest Digester, of func(addr.Address) Values) (whole *Plan, moved []string, err error) {
	if !p.Sealed {
		return p, nil, nil
	}
	out := *p
	out.Changes, out.Records, out.Outputs = slices.Clone(p.Changes), slices.Clone(p.Records), slices.Clone(p.Outputs)
	u := unsealing{digest: digest, of: of}
	for i := range out.Changes {
		u.change(&out.Changes[i])
	}
	for i := range out.Records {
		r := &out.Records[i]
		if len(r.Sensitive) == 0 {
			continue
		}
		known := u.known(r.Address, r.Sensitive)
		r.Config = u.document(r.Address, r.Config, r.Sensitive, known)
		r.Object = u.document(r.Address, r.Object, r.Sensitive, known)
		r.Digest = ConfigDigest(r.Config)
	}
	out.Sealed = u.moved != nil || u.err != nil
	return &out, u.moved, u.err
}

type unsealing struct {
	digest Digester
	of     func(addr.Address) Values
	moved  []string
	err    error
}

// known are the values of an address by their digests.
func (u *unsealing) known(address addr.Address, paths []string) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	v := u.of(address)
	documents := slices.Clone(v.Known)
	if v.Desired != nil {
		documents = append(documents, v.Desired.Config)
	}
	for _, o := range v.Objects {
		documents = append(documents, o.State)
	}
	for _, d := range documents {
		seal.Values(d, paths, func(_ string, value json.RawMessage) { all[u.keyed(value)] = value })
	}
	return all
}

func (u *unsealing) keyed(value []byte) string {
	d, err := u.digest(value)
	if err != nil {
		u.err = err
	}
	return d
}

func (u *unsealing) document(address addr.Address, document json.RawMessage, paths []string, known map[string]json.RawMessage) json.RawMessage {
	whole, complete := seal.Reveal(document, func(d string) (json.RawMessage, bool) { v, ok := known[d]; return v, ok })
	if !complete {
		seal.Values(whole, paths, func(path string, value json.RawMessage) {
			if _, marked := seal.Marked(value); marked {
				u.moved = append(u.moved, fmt.Sprintf("%s: the sensitive value of %s is another one now", address, path))
			}
		})
	}
	return whole
}

func (u *unsealing) change(c *Change) {
	if len(c.Sensitive) == 0 {
		return
	}
	known := u.known(c.Address, c.Sensitive)
	c.Config = u.document(c.Address, c.Config, c.Sensitive, known)
	c.Before, _ = seal.Reveal(c.Before, func(d string) (json.RawMessage, bool) { v, ok := known[d]; return v, ok })
	if c.Config != nil {
		c.Digest = ConfigDigest(c.Config)
	}
	objects := u.of(c.Address).Objects
	if c.Fingerprint != Absent {
		if now := Fingerprint(objects); u.keyed([]byte(now)) == c.Fingerprint {
			c.Fingerprint = now
		}
	}
	if c.Object == nil {
		return
	}
	o := *c.Object
	// An object that differs moves the fingerprint, and is named there.
	o.State, _ = seal.Reveal(o.State, func(d string) (json.RawMessage, bool) { v, ok := known[d]; return v, ok })
	for _, f := range objects {
		if u.keyed([]byte(f.Digest)) == o.Digest {
			o.Digest = f.Digest
		}
	}
	c.Object = &o
}

// ConfigDigest is the digest that an instance of this configuration has.
func ConfigDigest(config json.RawMessage) string {
	sum := sha256.Sum256(config)
	return hex.EncodeToString(sum[:])
}
