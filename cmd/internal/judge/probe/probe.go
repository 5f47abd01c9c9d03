// Package probe is the data of the judge: sets of probes as JSON files, each a
// list of steps in a small language, and the masks that say which fields of an
// answer may differ between two servers of one kind. It reads and checks them;
// package client plays them.
package probe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"time"
)

// Bounds of what a file may ask for.
const (
	maxWait        = 3 * time.Minute
	maxRepeat      = 1 << 20
	maxConnections = 400
	maxRuns        = 50
)

// Duration is a time.Duration, written "250ms".
type Duration time.Duration

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return err
	}
	if v < 0 || v > maxWait {
		return fmt.Errorf("%s is not within 0 and %s", s, maxWait)
	}
	*d = Duration(v)
	return nil
}

// Or is d, or other where d is zero.
func (d Duration) Or(other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return time.Duration(d)
}

// File is one file of probes.
type File struct {
	About  string  `json:"about"`
	Probes []Probe `json:"probes"`
}

// Probe is one question to a server, on a connection of its own.
type Probe struct {
	// Name is unique among the probes of a contest: "id/wrong-major".
	Name  string `json:"name"`
	About string `json:"about,omitempty"`
	Steps []Step `json:"steps"`
	// Patience is how long the end of the connection is waited for after the
	// last step; 700 ms.
	Patience Duration `json:"patience,omitempty"`
	// Runs is how often the probe is played for its timing; 1. Median and spread
	// are compared.
	Runs int `json:"runs,omitempty"`
	// Alone plays the probe while no other talks to the server.
	Alone bool `json:"alone,omitempty"`
	// Unordered are names of packets whose order among each other is the
	// server's scheduler's: neighbours of these names are sorted.
	Unordered []string `json:"unordered,omitempty"`
	// Time declares that two servers of one kind take different times.
	Time *Time `json:"time,omitempty"`
}

// Time is what a server of a kind may take to answer, where every server has a
// time of its own: both medians must lie within, and spread alike.
type Time struct {
	Min Duration `json:"min"`
	Max Duration `json:"max"`
	Why string   `json:"why"`
}

// Step is one act. Exactly one of its fields but Pace is set.
type Step struct {
	// Send writes bytes, in one write or at a pace.
	Send *Bytes `json:"send,omitempty"`
	Pace *Pace  `json:"pace,omitempty"`
	// Wait does nothing for a while.
	Wait *Duration `json:"wait,omitempty"`
	// Read reads before the probe goes on.
	Read *Read `json:"read,omitempty"`
	// HalfClose sends FIN and leaves reading open.
	HalfClose bool `json:"half_close,omitempty"`
	// TLS negotiates TLS on the connection.
	TLS *TLS `json:"tls,omitempty"`
	// Capture keeps a part of what came for later sends, as ${name}.
	Capture *Capture `json:"capture,omitempty"`
	// Reconnect leaves the connection and opens another.
	Reconnect bool `json:"reconnect,omitempty"`
	// Parallel plays steps on many connections at once.
	Parallel *Parallel `json:"parallel,omitempty"`
	// SSH acts on SSH's level.
	SSH *SSH `json:"ssh,omitempty"`
}

// Pace cuts a send.
type Pace struct {
	Bytes int      `json:"bytes"` // of each write
	Every Duration `json:"every"`
}

// Read says when reading ends. Without a field it ends at the first silence of
// Quiet after the first byte. It always ends with the connection and after
// Timeout.
type Read struct {
	Until   string   `json:"until,omitempty"` // bytes seen, one a character
	Bytes   int      `json:"bytes,omitempty"`
	Quiet   Duration `json:"quiet,omitempty"`   // 250 ms
	Timeout Duration `json:"timeout,omitempty"` // 5 s
}

// TLS is the client's side of a handshake. The server's certificate is looked
// at, not verified.
type TLS struct {
	ServerName string   `json:"server_name,omitempty"`
	ALPN       []string `json:"alpn,omitempty"`
	Min        string   `json:"min,omitempty"` // "1.0" to "1.3"
	Max        string   `json:"max,omitempty"`
	Ciphers    []string `json:"ciphers,omitempty"` // names as crypto/tls has them, of TLS 1.2 and below
	Curves     []int    `json:"curves,omitempty"`  // as IANA numbers them
	Resume     bool     `json:"resume,omitempty"`  // with the session of the probe's last handshake
}

// Capture is a regular expression over all bytes heard so far whose first group
// is kept. Nothing is kept where it does not match.
type Capture struct {
	Name    string `json:"name"`
	Pattern string `json:"pattern"`
}

// Parallel opens connections one after another, Every apart, plays Steps on
// each at the same time, waits for all and tells how many had which outcome.
type Parallel struct {
	Connections int      `json:"connections"`
	Every       Duration `json:"every,omitempty"`
	Steps       []Step   `json:"steps"`
	Patience    Duration `json:"patience,omitempty"`
	// Tolerance, in percent of the connections, is how far a count may be from
	// the reference's: for what a server decides by chance. 0 is exactly.
	Tolerance float64 `json:"tolerance,omitempty"`
	// Outcome is what of a connection counts: "end" (default) is how it ended,
	// "class" its class, "bytes" every byte.
	Outcome string `json:"outcome,omitempty"`
}

// Mask declares one field that may differ between two servers of a kind.
type Mask struct {
	Name string `json:"name"`
	Why  string `json:"why"`
	// Pattern is a regular expression over the bytes of an entry; With replaces
	// it ($1 stands for its first group). A pattern spells the field's shape out:
	// what has another shape is not masked.
	Pattern string `json:"pattern,omitempty"`
	With    string `json:"with,omitempty"`
	// Field is "PACKET.field" of a packet; its length stays visible unless
	// AnyLength.
	Field     string `json:"field,omitempty"`
	AnyLength bool   `json:"any_length,omitempty"`

	compiled *regexp.Regexp
}

// Regexp is the compiled pattern, nil for a mask of a packet's field.
func (m Mask) Regexp() *regexp.Regexp { return m.compiled }

// Load reads the files of pattern in fsys, such as "data/ssh/*.json", and
// refuses two probes of one name.
func Load(fsys fs.FS, patterns ...string) ([]Probe, error) {
	var all []Probe
	seen := map[string]string{}
	for _, pattern := range patterns {
		names, err := fs.Glob(fsys, pattern)
		if err != nil || len(names) == 0 {
			return nil, fmt.Errorf("probes %s: no such file (%v)", pattern, err)
		}
		for _, name := range names {
			data, err := fs.ReadFile(fsys, name)
			if err != nil {
				return nil, fmt.Errorf("read probes: %w", err)
			}
			file, err := Parse(data)
			if err != nil {
				return nil, fmt.Errorf("probes %s: %w", path.Base(name), err)
			}
			for _, p := range file.Probes {
				if before, ok := seen[p.Name]; ok {
					return nil, fmt.Errorf("probe %s stands in %s and in %s", p.Name, before, name)
				}
				seen[p.Name] = name
			}
			all = append(all, file.Probes...)
		}
	}
	return all, nil
}

// Parse reads one file of probes.
func Parse(data []byte) (File, error) {
	var file File
	if err := strict(data, &file); err != nil {
		return file, err
	}
	for i, p := range file.Probes {
		if err := p.check(); err != nil {
			return file, fmt.Errorf("probe %d (%s): %w", i, p.Name, err)
		}
	}
	return file, nil
}

// ParseMasks reads a file of masks: a JSON list.
func ParseMasks(data []byte) ([]Mask, error) {
	var masks []Mask
	if err := strict(data, &masks); err != nil {
		return nil, err
	}
	for i := range masks {
		m := &masks[i]
		if m.Name == "" || m.Why == "" || (m.Pattern == "") == (m.Field == "") {
			return nil, fmt.Errorf("mask %d (%s): it needs name, why, and either pattern or field", i, m.Name)
		}
		if m.Pattern == "" {
			continue
		}
		re, err := regexp.Compile(m.Pattern)
		if err != nil {
			return nil, fmt.Errorf("mask %s: %w", m.Name, err)
		}
		m.compiled = re
	}
	return masks, nil
}

func strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}
