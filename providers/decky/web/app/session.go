package app

import (
	"encoding/json"
	"maps"
	"sync"
	"time"

	"github.com/decnet/decnet/providers/decky"
)

// Limits of the sessions of one decky.
const (
	maxSessions = 1024
	maxValues   = 32
	maxValue    = 4 << 10
)

// stored is the name of the sessions in the decky's store.
const stored = "web-sessions"

// Session is what the server keeps for a cookie. Its fields are the caller's to
// read; Sessions changes them.
type Session struct {
	ID      string            `json:"id"`
	User    string            `json:"user,omitempty"` // who is logged in, "" for nobody
	Values  map[string]string `json:"values,omitempty"`
	Touched time.Time         `json:"touched"`
}

// Sessions are the sessions of one decky. Those with a user survive restarts;
// the oldest go where there are too many. It is safe for concurrent use.
type Sessions struct {
	store decky.Store

	mu   sync.Mutex
	byID map[string]*Session
}

// NewSessions are the sessions that store kept; one that cannot be read starts
// empty.
func NewSessions(store decky.Store) *Sessions {
	s := &Sessions{store: store, byID: map[string]*Session{}}
	if store == nil {
		return s
	}
	data, err := store.Load(stored)
	if err != nil || len(data) == 0 {
		return s
	}
	var kept []*Session
	if json.Unmarshal(data, &kept) != nil {
		return s
	}
	for _, one := range kept {
		if one != nil && one.ID != "" && len(s.byID) < maxSessions {
			s.byID[one.ID] = one
		}
	}
	return s
}

// Get is a copy of the session of id if it was touched less than idle ago.
func (s *Sessions) Get(id string, now time.Time, idle time.Duration) (Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.byID[id]
	if !ok || id == "" {
		return Session{}, false
	}
	if now.Sub(one.Touched) > idle {
		delete(s.byID, id)
		return Session{}, false
	}
	one.Touched = now
	copied := *one
	copied.Values = maps.Clone(one.Values)
	return copied, true
}

// Put makes or changes the session of id. Values beyond 32 of 4 KiB are left
// out.
func (s *Sessions) Put(one Session, now time.Time) error {
	kept := one
	kept.Touched, kept.Values = now, map[string]string{}
	for k, v := range one.Values {
		if len(kept.Values) < maxValues && len(k) <= maxValue && len(v) <= maxValue {
			kept.Values[k] = v
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.byID[one.ID]
	if old == nil && len(s.byID) >= maxSessions {
		s.evict()
	}
	s.byID[one.ID] = &kept
	if kept.User != "" || old != nil && old.User != "" {
		return s.save()
	}
	return nil
}

// Drop ends the session of id.
func (s *Sessions) Drop(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.byID[id]
	delete(s.byID, id)
	if one == nil || one.User == "" {
		return nil
	}
	return s.save()
}

// evict drops the one that was touched longest ago, guests first.
func (s *Sessions) evict() {
	var victim *Session
	for _, one := range s.byID {
		if victim == nil || (one.User == "") == (victim.User == "") && one.Touched.Before(victim.Touched) || one.User == "" && victim.User != "" {
			victim = one
		}
	}
	if victim != nil {
		delete(s.byID, victim.ID)
	}
}

// save keeps the sessions of users.
func (s *Sessions) save() error {
	if s.store == nil {
		return nil
	}
	var kept []*Session
	for _, one := range s.byID {
		if one.User != "" {
			kept = append(kept, one)
		}
	}
	data, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return s.store.Save(stored, data)
}

// Flush keeps the sessions as of now.
func (s *Sessions) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.save()
}
