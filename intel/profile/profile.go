// Package profile is the stage that sums up events as sessions, attackers and
// credentials. It is pure: what a run of events adds depends on those events
// alone, so the store only has to add it once.
package profile

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event"
)

// Limits of what is kept of a credential.
const (
	maxPrincipal = 1 << 10
	maxSecret    = 16 << 10
	maxKind      = 64
	maxReason    = 64
)

// Stage implements stage.Stage.
type Stage struct{}

// New makes the stage.
func New() *Stage { return &Stage{} }

// Name implements stage.Stage.
func (*Stage) Name() string { return "profile" }

// Start implements stage.Stage; there is nothing to prepare.
func (*Stage) Start(context.Context, int64) error { return nil }

// Process implements stage.Stage.
func (*Stage) Process(_ context.Context, events []*intel.Event) (intel.Changes, error) {
	return Fold(events), nil
}

type sessionKey struct{ decky, id string }

type contactKey struct{ source, decky string }

type useKey struct {
	credential             intel.CredentialKey
	source, decky, service string
}

type fold struct {
	sessions    map[sessionKey]*intel.Session
	attackers   map[string]*intel.Attacker
	contacts    map[contactKey]*intel.Contact
	credentials map[intel.CredentialKey]*intel.Credential
	uses        map[useKey]*intel.Use
}

// Fold is what the events add, sorted.
func Fold(events []*intel.Event) intel.Changes {
	f := fold{
		sessions: map[sessionKey]*intel.Session{}, attackers: map[string]*intel.Attacker{}, contacts: map[contactKey]*intel.Contact{},
		credentials: map[intel.CredentialKey]*intel.Credential{}, uses: map[useKey]*intel.Use{},
	}
	for _, e := range events {
		source := e.SourceText()
		if e.Session != "" {
			f.session(e, source)
		}
		if source != "" {
			f.attacker(e, source)
		}
		if auth, ok := e.Body.(*event.AuthAttempt); ok {
			f.credential(e, auth, source)
		}
	}
	return f.changes()
}

func (f *fold) session(e *intel.Event, source string) {
	key := sessionKey{e.Decky, e.Session}
	s := f.sessions[key]
	if s == nil {
		s = &intel.Session{Decky: e.Decky, ID: e.Session, Service: e.Service, Opened: e.Time, Last: e.Time}
		f.sessions[key] = s
	}
	if s.Source == "" {
		s.Source, s.SourcePort = source, e.Source.Port
	}
	if s.Service == "" {
		s.Service = e.Service
	}
	widen(&s.Opened, &s.Last, e.Time)
	s.Events++
	switch b := e.Body.(type) {
	case *event.AuthAttempt:
		s.Auths++
		if b.Success {
			s.Logins++
		}
	case *event.Command:
		if !b.Continued {
			s.Commands++
		}
	case *event.Request:
		s.Requests++
	case *event.Query:
		s.Queries++
	case *event.Transfer:
		s.Transfers++
	case *event.ConnectionClosed:
		if e.Time.After(s.Closed) {
			s.Closed = e.Time
		}
		s.DurationMS, s.BytesIn, s.BytesOut = max(0, b.DurationMS), max(0, b.BytesIn), max(0, b.BytesOut)
		s.Reason = clip(b.Reason, maxReason)
	}
}

func (f *fold) attacker(e *intel.Event, source string) {
	a := f.attackers[source]
	if a == nil {
		a = &intel.Attacker{Source: source, FirstSeen: e.Time, LastSeen: e.Time}
		f.attackers[source] = a
	}
	widen(&a.FirstSeen, &a.LastSeen, e.Time)
	a.Events++
	if b, ok := e.Body.(*event.AuthAttempt); ok {
		a.Auths++
		if b.Success {
			a.Logins++
		}
	}
	key := contactKey{source, e.Decky}
	c := f.contacts[key]
	if c == nil {
		c = &intel.Contact{Source: source, Decky: e.Decky, FirstSeen: e.Time, LastSeen: e.Time}
		f.contacts[key] = c
	}
	widen(&c.FirstSeen, &c.LastSeen, e.Time)
	c.Events++
}

// credential counts a try. One without any secret (a client that asks whether
// a user exists) proves nothing and is no credential.
func (f *fold) credential(e *intel.Event, b *event.AuthAttempt, source string) {
	if b.SecretKind == "" && b.Secret == "" {
		return
	}
	c := &intel.Credential{
		Principal: b.Username.Clip(maxPrincipal), SecretKind: clip(b.SecretKind, maxKind), SHA256: intel.SecretDigest(b.Secret),
		Secret: b.Secret.Clip(maxSecret), FirstSeen: e.Time, LastSeen: e.Time,
	}
	key := c.Key()
	if known := f.credentials[key]; known != nil {
		c = known
	} else {
		f.credentials[key] = c
	}
	place := useKey{key, source, e.Decky, e.Service}
	u := f.uses[place]
	if u == nil {
		u = &intel.Use{Source: source, Decky: e.Decky, Service: e.Service, FirstSeen: e.Time, LastSeen: e.Time}
		f.uses[place] = u
	}
	widen(&c.FirstSeen, &c.LastSeen, e.Time)
	widen(&u.FirstSeen, &u.LastSeen, e.Time)
	c.Count++
	u.Count++
	if b.Success {
		c.Successes++
		u.Successes++
	}
}

func (f *fold) changes() intel.Changes {
	var c intel.Changes
	for _, key := range slices.SortedFunc(maps.Keys(f.sessions), func(a, b sessionKey) int {
		return cmp.Or(strings.Compare(a.decky, b.decky), strings.Compare(a.id, b.id))
	}) {
		c.Sessions = append(c.Sessions, *f.sessions[key])
	}
	for _, source := range slices.Sorted(maps.Keys(f.attackers)) {
		c.Attackers = append(c.Attackers, *f.attackers[source])
	}
	for _, key := range slices.SortedFunc(maps.Keys(f.contacts), func(a, b contactKey) int {
		return cmp.Or(strings.Compare(a.source, b.source), strings.Compare(a.decky, b.decky))
	}) {
		c.Contacts = append(c.Contacts, *f.contacts[key])
	}
	for _, key := range slices.SortedFunc(maps.Keys(f.uses), func(a, b useKey) int {
		return cmp.Or(slices.Compare(a.credential[:], b.credential[:]), strings.Compare(a.source, b.source),
			strings.Compare(a.decky, b.decky), strings.Compare(a.service, b.service))
	}) {
		credential := f.credentials[key.credential]
		credential.Uses = append(credential.Uses, *f.uses[key])
	}
	for _, key := range slices.SortedFunc(maps.Keys(f.credentials), func(a, b intel.CredentialKey) int { return slices.Compare(a[:], b[:]) }) {
		c.Credentials = append(c.Credentials, *f.credentials[key])
	}
	return c
}

func widen(first, last *time.Time, at time.Time) {
	if at.Before(*first) {
		*first = at
	}
	if at.After(*last) {
		*last = at
	}
}

func clip(s string, n int) string { return s[:min(len(s), n)] }
