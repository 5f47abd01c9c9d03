package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Encode is the document as one line of JSON: the same plan gives the same
// bytes, and the configuration in it keeps its own, which digests depend on.
func (p *Plan) Encode() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(p); err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads a document and checks that its graph is one.
func Decode(data []byte) (*Plan, error) {
	var version struct {
		FormatVersion int `json:"format_version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, fmt.Errorf("decode plan: %w", err)
	}
	if version.FormatVersion != FormatVersion {
		return nil, fmt.Errorf("decode plan: its format version is %d, this decnet reads %d: plan again", version.FormatVersion, FormatVersion)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	p := &Plan{}
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("decode plan: %w", err)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("decode plan: %w", err)
	}
	return p, nil
}

// check refuses a graph that a walk could not follow to its end.
func (p *Plan) check() error {
	for i, s := range p.Steps {
		if s.Change < 0 || s.Change >= len(p.Changes) {
			return fmt.Errorf("step %d belongs to change %d, and there are %d", i, s.Change, len(p.Changes))
		}
		c := &p.Changes[s.Change]
		if c.Address != s.Address {
			return fmt.Errorf("step %d is for %s, its change for %s", i, s.Address, c.Address)
		}
		switch s.Op {
		case OpCreate:
		case OpUpdate, OpDelete, OpReaddress, OpQuarantine:
			if c.Object == nil {
				return fmt.Errorf("step %d is to %s %s, and there is no object", i, s.Op, s.Address)
			}
		case OpForget:
		default:
			return fmt.Errorf("step %d has the unknown operation %q", i, s.Op)
		}
		for _, on := range s.Needs {
			if on < 0 || on >= i {
				return fmt.Errorf("step %d needs step %d, which is not before it", i, on)
			}
		}
	}
	return nil
}

// Save writes the document to path with mode 0600, whole or not at all.
func (p *Plan) Save(path string) error {
	data, err := p.Encode()
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".plan-*") // mode 0600
	if err != nil {
		return fmt.Errorf("save plan: %w", err)
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(fmt.Errorf("save plan %s: %w", path, err), os.Remove(file.Name()))
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return errors.Join(fmt.Errorf("save plan: %w", err), os.Remove(file.Name()))
	}
	return nil
}

// Load reads a saved document.
func Load(path string) (*Plan, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load plan: %w", err)
	}
	p, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("load plan %s: %w", path, err)
	}
	return p, nil
}
