package machine

import (
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"github.com/decnet/decnet/providers/decky/image"
)

// LastLogin is what a login shows of the one before.
type LastLogin struct {
	At   time.Time  `json:"at"`
	From netip.Addr `json:"from"`
	TTY  string     `json:"tty,omitempty"` // "pts/0"
}

// maxLogins bounds whose last login is kept.
const maxLogins = 256

// LoggedIn keeps a login and returns the user's one before; ok is false where
// there was none. Before the first that clients made is the last visit of the
// site's administrator.
func (s *Shared) LoggedIn(user string, from netip.Addr, tty string) (before LastLogin, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := LastLogin{At: s.env.Now(), From: from.Unmap(), TTY: tty}
	note := func(data []byte) ([]byte, error) {
		s.last = map[string]LastLogin{}
		if len(data) > 0 {
			if err := json.Unmarshal(data, &s.last); err != nil {
				s.warn("kept logins are not readable", err)
				s.last = map[string]LastLogin{}
			}
		}
		before, ok = s.last[user]
		if ok || len(s.last) < maxLogins {
			s.last[user] = now
		}
		return json.Marshal(s.last)
	}
	var err error
	if s.env.SharedStore != nil {
		err = s.env.SharedStore.Update(s.value(keptLogins), note)
	}
	if s.env.SharedStore == nil || err != nil {
		data, _ := json.Marshal(s.last) // of times and addresses: it cannot fail
		_, _ = note(data)
	}
	if err != nil {
		s.warn("a login is not kept", err)
	}
	if !ok {
		before, ok = visitOf(image.NewFacts(s.env.Host, nil, s.env.Now).Visits(), user)
	}
	return before, ok
}

// visitOf is the last of a user's visits.
func visitOf(visits []image.Visit, user string) (LastLogin, bool) {
	for _, v := range slices.Backward(visits) {
		if v.User == user {
			return LastLogin{At: v.In, From: v.From, TTY: v.TTY}, true
		}
	}
	return LastLogin{}, false
}
