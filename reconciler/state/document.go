package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/decnet/decnet/schema/addr"
)

// DocumentVersion is the version of the document that a state is pulled and
// pushed as.
const DocumentVersion = 1

// document is a state outside its file.
type document struct {
	Version int `json:"format_version"`
	Meta
	Instances []Instance `json:"instances"`
	Released  []Released `json:"released,omitempty"`
}

// EncodeDocument is the snapshot as one JSON document, without any sensitive
// value: DecodeDocument and Unseal read it back.
func EncodeDocument(snap Snapshot) ([]byte, error) {
	snap = snap.Show()
	d := document{Version: DocumentVersion, Meta: snap.Meta, Instances: snap.Instances, Released: snap.Released}
	if d.Instances == nil {
		d.Instances = []Instance{}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	return b.Bytes(), nil
}

// DecodeDocument reads what EncodeDocument made, and checks that a plan could be
// made of it; everything that is wrong is in the error.
func DecodeDocument(data []byte) (Snapshot, error) {
	var version struct {
		Version int `json:"format_version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return Snapshot{}, fmt.Errorf("decode state: %w", err)
	}
	if version.Version != DocumentVersion {
		return Snapshot{}, fmt.Errorf("decode state: its format version is %d, this decnet reads %d", version.Version, DocumentVersion)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var d document
	if err := decoder.Decode(&d); err != nil {
		return Snapshot{}, fmt.Errorf("decode state: %w", err)
	}
	if decoder.More() {
		return Snapshot{}, errors.New("decode state: something follows the document")
	}
	var errs []error
	if d.Serial < 0 {
		errs = append(errs, fmt.Errorf("decode state: the serial is %d", d.Serial))
	}
	rows := make(map[addr.Address]bool, len(d.Instances))
	for i := range d.Instances {
		errs = append(errs, d.Instances[i].check(rows))
	}
	for _, i := range d.Instances {
		for _, p := range i.Parents {
			if !rows[p] {
				errs = append(errs, fmt.Errorf("decode state: %s lives in %s, which is not there", i.Address, p))
			}
		}
	}
	for _, r := range d.Released {
		if _, err := addr.Parse(string(r.Address)); err != nil {
			errs = append(errs, fmt.Errorf("decode state: %w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Snapshot{}, err
	}
	return Snapshot{Meta: d.Meta, Instances: d.Instances, Released: d.Released, Interrupted: map[addr.Address]string{}}, nil
}

// check refuses a row that could not stand in a state.
func (i *Instance) check(rows map[addr.Address]bool) error {
	var errs []error
	addresses := append(append([]addr.Address{i.Address}, i.Parents...), i.After...)
	if i.Labelled != "" {
		addresses = append(addresses, i.Labelled)
	}
	for _, a := range addresses {
		if _, err := addr.Parse(string(a)); err != nil {
			errs = append(errs, fmt.Errorf("decode state: %w", err))
		}
	}
	if rows[i.Address] {
		errs = append(errs, fmt.Errorf("decode state: %s stands there twice", i.Address))
	}
	rows[i.Address] = true
	if i.Type == "" || i.Digest == "" {
		errs = append(errs, fmt.Errorf("decode state: %s has no type or no digest", i.Address))
	}
	if !isObject(i.Config) {
		errs = append(errs, fmt.Errorf("decode state: the configuration of %s is no object", i.Address))
	}
	if bytes.Equal(i.Object, []byte("null")) {
		i.Object = nil
	}
	if i.Object != nil && !isObject(i.Object) {
		errs = append(errs, fmt.Errorf("decode state: the object of %s is none", i.Address))
	}
	return errors.Join(errs...)
}

func isObject(document json.RawMessage) bool {
	return len(bytes.TrimSpace(document)) > 0 && bytes.TrimSpace(document)[0] == '{'
}
