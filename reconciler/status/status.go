// Package status is how a followed configuration does, as operators and programs
// read it: conditions with reasons and times in the manner of Kubernetes, two
// words per decky, the revisions that were tried and applied. It holds values
// only and refuses to find anything out.
package status

import (
	"slices"
	"time"
)

// Type names a condition.
type Type string

// The conditions.
const (
	Ready       Type = "Ready"       // what is wanted is live
	Reconciling Type = "Reconciling" // it is being made so
	Stalled     Type = "Stalled"     // it cannot be made so without somebody's help
	Healthy     Type = "Healthy"     // every decky answers
)

// Truth is the status of a condition.
type Truth string

// The truths.
const (
	True    Truth = "True"
	False   Truth = "False"
	Unknown Truth = "Unknown"
)

// Condition is one fact, why it holds and since when.
type Condition struct {
	Type    Type      `json:"type"`
	Status  Truth     `json:"status"`
	Reason  string    `json:"reason"`            // one word: "ApplySucceeded", "UnknownSigner"
	Message string    `json:"message,omitempty"` // for people, without secrets
	Since   time.Time `json:"since"`             // the status is what it is
	Updated time.Time `json:"updated"`           // it was last found so
}

// Conditions are one of each type at most, sorted by type.
type Conditions []Condition

// Set replaces the condition of c's type. Since is kept where the status did
// not change, else it is c.Updated.
func (cs Conditions) Set(c Condition) Conditions {
	c.Since = c.Updated
	out := slices.Clone(cs)
	for i, old := range out {
		if old.Type == c.Type {
			if old.Status == c.Status {
				c.Since = old.Since
			}
			out[i] = c
			return out
		}
	}
	out = append(out, c)
	slices.SortFunc(out, func(a, b Condition) int {
		switch {
		case a.Type < b.Type:
			return -1
		case a.Type > b.Type:
			return 1
		}
		return 0
	})
	return out
}

// Get is the condition of a type; one of status Unknown where there is none.
func (cs Conditions) Get(t Type) Condition {
	for _, c := range cs {
		if c.Type == t {
			return c
		}
	}
	return Condition{Type: t, Status: Unknown}
}

// Synced is whether a decky is as configured.
type Synced string

// The first word of a decky.
const (
	InSync      Synced = "Synced"
	OutOfSync   Synced = "OutOfSync"
	SyncUnknown Synced = "Unknown"
)

// Health is whether a decky does what it is for.
type Health string

// The second word of a decky.
const (
	HealthHealthy     Health = "Healthy"
	HealthProgressing Health = "Progressing" // being made or healed
	HealthDegraded    Health = "Degraded"    // some of it is not as it should be, or healing fails
	HealthMissing     Health = "Missing"     // it is not there
	HealthQuarantined Health = "Quarantined" // kept for study, without its network
	HealthUnknown     Health = "Unknown"     // it cannot be looked at
)

// Decky is how one decky does.
type Decky struct {
	Address string `json:"address"`
	Sync    Synced `json:"sync"`
	Health  Health `json:"health"`
	Message string `json:"message,omitempty"` // why not
}

// Drifts counts what happened behind the reconciler's back since the state
// exists, by what was done about it.
type Drifts struct {
	Healed      int64 `json:"healed"`
	ByItself    int64 `json:"by_itself"` // an engine or supervisor was faster
	Reported    int64 `json:"reported"`
	Quarantined int64 `json:"quarantined"`
	Recycled    int64 `json:"recycled"`
	Open        int64 `json:"open"` // not healed yet
}

// Revision is one commit of a followed repository.
type Revision struct {
	Commit string    `json:"commit"`           // in hex
	Ref    string    `json:"ref,omitempty"`    // that led to it: "refs/heads/main"
	Signer string    `json:"signer,omitempty"` // whose signature was verified, as its key file names him
	Time   time.Time `json:"time,omitzero"`    // of the commit
	Title  string    `json:"title,omitempty"`  // first line of its message, capped
}

// Pending is a plan that waits for somebody to approve it.
type Pending struct {
	ID       string    `json:"id"` // of the plan: its digest, shortened
	Revision Revision  `json:"revision"`
	Summary  string    `json:"summary"` // "2 to create, 1 to destroy"
	Reason   string    `json:"reason"`  // "policy is manual", "destroys 12 of 20, more than max_destroy = 25%"
	Since    time.Time `json:"since"`
}

// Sync is how one followed repository does.
type Sync struct {
	Name       string     `json:"name"`
	Repository string     `json:"repository"` // without credentials
	Path       string     `json:"path,omitempty"`
	Ref        string     `json:"ref"`    // what is followed: "branch main", "tags 1.x"
	Policy     string     `json:"policy"` // "auto", "manual" or "observe"
	Conditions Conditions `json:"conditions"`
	Attempted  *Revision  `json:"attempted,omitempty"`
	Applied    *Revision  `json:"applied,omitempty"`
	PlanDigest string     `json:"plan_digest,omitempty"` // of the plan applied last
	Pending    *Pending   `json:"pending,omitempty"`
	Suspended  string     `json:"suspended,omitempty"` // why; empty: it is not
	Drifts     Drifts     `json:"drifts"`
	Deckies    []Decky    `json:"deckies,omitempty"` // sorted by address
	Checked    time.Time  `json:"checked,omitzero"`  // the repository was last asked
	Next       time.Time  `json:"next,omitzero"`     // it will be asked again
}

// Entry is one line of a sync's history, newest first.
type Entry struct {
	ID       int64     `json:"id"`
	Time     time.Time `json:"time"`
	Revision Revision  `json:"revision"`
	Action   string    `json:"action"` // "apply", "rollback", "refuse", "plan", "approve", "suspend", "resume"
	Outcome  string    `json:"outcome"`
	Message  string    `json:"message,omitempty"`
	Summary  string    `json:"summary,omitempty"`
	Run      int64     `json:"run,omitempty"` // in the state's history
}
