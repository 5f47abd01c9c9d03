package intel

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/decnet/decnet/schema/event"
)

// AttackVersion is the release of ATT&CK that technique ids refer to; it
// stands on every tag.
const AttackVersion = "19.1"

// Session is one connection, or one conversation of datagrams, from its first
// event to its last.
type Session struct {
	Decky      string    `json:"decky"`
	ID         string    `json:"id"`
	Service    string    `json:"service"`
	Source     string    `json:"source"`
	SourcePort uint16    `json:"source_port"`
	Opened     time.Time `json:"opened"`          // of its earliest event
	Last       time.Time `json:"last"`            // of its latest event
	Closed     time.Time `json:"closed,omitzero"` // zero while it is open
	DurationMS int64     `json:"duration_ms"`
	Events     int64     `json:"events"`
	Auths      int64     `json:"auths"`  // attempts to log in
	Logins     int64     `json:"logins"` // those that succeeded
	Commands   int64     `json:"commands"`
	Requests   int64     `json:"requests"`
	Queries    int64     `json:"queries"`
	Transfers  int64     `json:"transfers"`
	BytesIn    int64     `json:"bytes_in"`
	BytesOut   int64     `json:"bytes_out"`
	Reason     string    `json:"reason,omitempty"` // of closing
}

// Attacker is one source address.
type Attacker struct {
	Source    string    `json:"ip"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Events    int64     `json:"events"`
	Auths     int64     `json:"auths"`
	Logins    int64     `json:"logins"`
	// The rest is filled in by Query.
	Sessions    int64    `json:"sessions"`
	Deckies     []string `json:"deckies"`     // touched, sorted
	Credentials int64    `json:"credentials"` // distinct ones tried
	Techniques  []string `json:"techniques"`  // tagged, sorted
}

// Contact is what one source did at one decky.
type Contact struct {
	Source    string    `json:"source"`
	Decky     string    `json:"decky"`
	Events    int64     `json:"events"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

// Credential is a principal with a secret, however often and wherever it was
// tried.
type Credential struct {
	Principal  event.Text `json:"principal"`
	SecretKind string     `json:"secret_kind"`
	SHA256     string     `json:"secret_sha256"` // hex
	Secret     event.Text `json:"secret"`        // as captured, capped
	Count      int64      `json:"count"`
	Successes  int64      `json:"successes"`
	FirstSeen  time.Time  `json:"first_seen"`
	LastSeen   time.Time  `json:"last_seen"`
	Uses       []Use      `json:"uses"`
}

// Use is where a credential was tried, and by whom.
type Use struct {
	Source    string    `json:"source"`
	Decky     string    `json:"decky"`
	Service   string    `json:"service"`
	Count     int64     `json:"count"`
	Successes int64     `json:"successes"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

// CredentialKey is the identity of a credential in a store.
type CredentialKey [16]byte

// Key derives the identity from principal, kind and the secret's digest.
func (c *Credential) Key() CredentialKey {
	principal := sha256.Sum256([]byte(c.Principal))
	h := sha256.New()
	h.Write(principal[:])
	h.Write([]byte(c.SHA256))
	h.Write([]byte(c.SecretKind))
	var key CredentialKey
	copy(key[:], h.Sum(nil))
	return key
}

// SecretDigest is the hex SHA-256 of a secret.
func SecretDigest(secret event.Text) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Tag is a technique seen in an event. There is one per event, technique and
// rule.
type Tag struct {
	ID            int64     `json:"id"` // ascending in the order of storing
	Event         string    `json:"event"`
	Seq           int64     `json:"seq"` // of the event
	Technique     string    `json:"technique"`
	Tactics       []string  `json:"tactics,omitempty"`
	Rule          string    `json:"rule"`
	AttackVersion string    `json:"attack_version"`
	Key           string    `json:"key"`   // what the rule counted by
	Count         int64     `json:"count"` // events, or distinct values, that made it fire
	Time          time.Time `json:"time"`  // the event's
	Decky         string    `json:"decky"`
	Service       string    `json:"service,omitempty"`
	Session       string    `json:"session,omitempty"`
	Source        string    `json:"source,omitempty"`
}

// Delivery is how far a sink has got: everything up to these has been handed
// over.
type Delivery struct {
	Sink  string `json:"sink"`
	Event int64  `json:"event"` // Event.Seq
	Tag   int64  `json:"tag"`   // Tag.ID
}
