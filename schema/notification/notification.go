// Package notification is what decnet tells people of itself: that a commit was
// applied or refused, that a decky drifted, that a plan waits for somebody. It
// is the contract between who has news and who delivers them; it refuses to
// know either.
package notification

import (
	"slices"
	"time"
)

// Severity is how urgent a notification is.
type Severity string

// The severities, rising.
const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// Severities are all severities, rising.
func Severities() []Severity { return []Severity{Info, Warning, Error} }

// AtLeast tells whether s is as urgent as least, which may be empty.
func (s Severity) AtLeast(least Severity) bool {
	all := Severities()
	return slices.Index(all, s) >= slices.Index(all, least)
}

// Kind is what happened.
type Kind string

// The kinds.
const (
	Applied     Kind = "sync.applied"  // a revision is live
	Failed      Kind = "sync.failed"   // a revision could not be fetched, planned or applied
	Refused     Kind = "sync.refused"  // a revision is not to be trusted, or a fuse held it
	Waiting     Kind = "sync.waiting"  // a plan waits for approval
	Progressing Kind = "sync.progress" // an apply has begun
	RolledBack  Kind = "sync.rollback"
	Drifted     Kind = "drift"
	Stalled     Kind = "reconcile.stalled" // healing fails again and again
	Recovered   Kind = "reconcile.recovered"
	Detection   Kind = "detection" // a rule saw a technique
	Test        Kind = "test"
)

// Kinds are all kinds.
func Kinds() []Kind {
	return []Kind{Applied, Failed, Refused, Waiting, Progressing, RolledBack, Drifted, Stalled, Recovered, Detection, Test}
}

// Notification is one piece of news. Nothing in it is secret; text in it may
// come from a commit or from an attacker, and is never markup.
type Notification struct {
	ID       string    `json:"id"` // unique; a delivery that is repeated bears the same
	Time     time.Time `json:"time"`
	Kind     Kind      `json:"kind"`
	Severity Severity  `json:"severity"`
	// Key groups what is the same news told again: "sync/prod failed" once, not
	// every minute. Empty: never the same.
	Key     string `json:"key,omitempty"`
	Title   string `json:"title"`          // one line
	Body    string `json:"body,omitempty"` // lines of plain text
	Sync    string `json:"sync,omitempty"` // name of the sync block
	Address string `json:"address,omitempty"`
	// Repository, without credentials, and the commit that it is about.
	Repository string `json:"repository,omitempty"`
	Revision   string `json:"revision,omitempty"`
	Plan       string `json:"plan,omitempty"` // id of the plan that waits
	// Fields are what else is known, by name: of a detection the technique, the
	// rule, the source.
	Fields map[string]string `json:"fields,omitempty"`
	// Repeated is how often the same news came since it was last told, this one
	// included; 0: it is new.
	Repeated int `json:"repeated,omitempty"`
}
