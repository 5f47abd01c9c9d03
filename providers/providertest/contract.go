// Package providertest is the contract that every handler keeps, as tests: what
// the engine relies on to bring back what a killed run left. It knows handlers
// only by their erased interface, and refuses to know what their objects are.
package providertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"

	"github.com/decnet/decnet/providers"
)

// Case is one handler with what its objects need. Parents of the object must
// exist already, and stay for the whole run.
type Case struct {
	Name     string // of the subtest; the kind by default
	Resource providers.Resource
	// Owner is who owns the object; an empty digest is filled in.
	Owner  providers.Owner
	Config json.RawMessage // valid, resolved configuration
	// Changed is another configuration that the handler reaches in place; nil
	// where everything needs a replacement.
	Changed json.RawMessage
	// Drift changes the live object as somebody else would, in every way that
	// the handler must see; one entry each, by name.
	Drift map[string]func(t testing.TB, state json.RawMessage)
	// HalfMake leaves behind what a Create killed in its midst would; one entry
	// for each moment, by name.
	HalfMake map[string]func(t testing.TB, owner providers.Owner, config json.RawMessage)
}

// Run runs the whole contract over each case, one after the other. It leaves no
// object behind.
func Run(t *testing.T, cases ...Case) {
	t.Helper()
	for _, c := range cases {
		if c.Name == "" {
			c.Name = c.Resource.Spec().Kind().String()
		}
		if c.Owner.Digest == "" {
			c.Owner.Digest = digest(c.Config)
		}
		t.Run(c.Name, func(t *testing.T) {
			s := &suite{Case: c, ctx: t.Context()}
			t.Run("create", s.create)
			t.Run("create adopts", s.adopt)
			t.Run("lineages are apart", s.lineages)
			t.Run("delete", s.remove)
			if c.Changed != nil {
				t.Run("update", s.update)
			}
			for name, drift := range c.Drift {
				t.Run("drift/"+name, func(t *testing.T) { s.drift(t, drift) })
			}
			for name, half := range c.HalfMake {
				t.Run("half made/"+name, func(t *testing.T) { s.halfMade(t, half) })
			}
		})
	}
}

func digest(config []byte) string {
	sum := sha256.Sum256(config)
	return hex.EncodeToString(sum[:])
}

type suite struct {
	Case
	ctx context.Context
}

// made creates the object and removes it after the subtest.
func (s *suite) made(t *testing.T) json.RawMessage {
	t.Helper()
	state, err := s.Resource.Create(s.ctx, s.Owner, s.Config)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	t.Cleanup(func() { s.clean(t) })
	return state
}

// clean deletes whatever the owner has, as List finds it.
func (s *suite) clean(t *testing.T) {
	t.Helper()
	for _, f := range s.found(t) {
		if err := s.Resource.Delete(context.WithoutCancel(s.ctx), f.State); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if left := s.found(t); len(left) > 0 {
		t.Errorf("after delete, list still finds %d objects", len(left))
	}
}

func (s *suite) found(t *testing.T) []providers.Found {
	t.Helper()
	all, err := s.Resource.List(context.WithoutCancel(s.ctx), s.Owner.Lineage)
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	var own []providers.Found
	for _, f := range all {
		if f.Owner.Lineage != s.Owner.Lineage {
			t.Errorf("list of lineage %s gives an object of %s", s.Owner.Lineage, f.Owner.Lineage)
		}
		if f.Owner.Address == s.Owner.Address {
			own = append(own, f)
		}
	}
	return own
}

// only is the one object that the owner must have.
func (s *suite) only(t *testing.T) providers.Found {
	t.Helper()
	own := s.found(t)
	if len(own) != 1 {
		t.Fatalf("list finds %d objects of %s, want 1", len(own), s.Owner.Address)
	}
	return own[0]
}

// agrees fails where config and state differ.
func (s *suite) agrees(t *testing.T, what string, config, state json.RawMessage) {
	t.Helper()
	changes, err := s.Resource.Diff(config, state)
	if err != nil {
		t.Fatalf("diff after %s: %v", what, err)
	}
	if len(changes) > 0 {
		t.Errorf("after %s the object differs from its configuration: %+v", what, changes)
	}
}

func (s *suite) differs(t *testing.T, what string, config, state json.RawMessage) []providers.Change {
	t.Helper()
	changes, err := s.Resource.Diff(config, state)
	if err != nil {
		t.Fatalf("diff after %s: %v", what, err)
	}
	if len(changes) == 0 {
		t.Fatalf("after %s diff sees nothing", what)
	}
	again, err := s.Resource.Diff(config, state)
	if err != nil || len(again) != len(changes) {
		t.Errorf("diff is not pure: %+v, then %+v (%v)", changes, again, err)
	}
	return changes
}

func (s *suite) create(t *testing.T) {
	if before := s.found(t); len(before) > 0 {
		t.Fatalf("%s exists before the test", s.Owner.Address)
	}
	state := s.made(t)
	s.agrees(t, "create", s.Config, state)
	now, err := s.Resource.Read(s.ctx, state)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	s.agrees(t, "read", s.Config, now)
	s.listed(t, s.Owner, s.Config)
}

// listed checks that List alone could rebuild the state.
func (s *suite) listed(t *testing.T, owner providers.Owner, config json.RawMessage) {
	t.Helper()
	f := s.only(t)
	if f.Owner != owner {
		t.Errorf("list gives the owner %+v, want %+v", f.Owner, owner)
	}
	if !sameJSON(f.Config, config) {
		t.Errorf("list gives the configuration %s, want %s", f.Config, config)
	}
	s.agrees(t, "list", config, f.State)
	if again := s.only(t); !bytes.Equal(again.State, f.State) {
		t.Errorf("list of an unchanged object gives %s, then %s", f.State, again.State)
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, err := json.Marshal(x)
	q, err2 := json.Marshal(y)
	return err == nil && err2 == nil && bytes.Equal(p, q)
}

func (s *suite) adopt(t *testing.T) {
	s.made(t)
	state, err := s.Resource.Create(s.ctx, s.Owner, s.Config)
	if err != nil {
		t.Fatalf("create of what exists: %v", err)
	}
	s.agrees(t, "the second create", s.Config, state)
	s.listed(t, s.Owner, s.Config)
}

func (s *suite) lineages(t *testing.T) {
	s.made(t)
	others, err := s.Resource.List(s.ctx, s.Owner.Lineage+"x")
	if err != nil {
		t.Fatalf("list of another lineage: %v", err)
	}
	if len(others) > 0 {
		t.Errorf("list of another lineage finds %+v", others[0].Owner)
	}
}

func (s *suite) remove(t *testing.T) {
	state := s.made(t)
	for range 2 {
		if err := s.Resource.Delete(s.ctx, state); err != nil {
			t.Fatalf("delete: %v", err)
		}
		if left := s.found(t); len(left) > 0 {
			t.Fatalf("after delete, list still finds %s", left[0].Owner.Address)
		}
	}
	if _, err := s.Resource.Read(s.ctx, state); !errors.Is(err, providers.ErrGone) {
		t.Errorf("read of a deleted object: %v, want ErrGone", err)
	}
}

func (s *suite) update(t *testing.T) {
	state := s.made(t)
	for _, c := range s.differs(t, "a change of configuration", s.Changed, state) {
		if c.Replace {
			t.Errorf("%s needs a replacement, and Changed was to be reached in place", c.Path)
		}
	}
	owner := s.Owner
	owner.Digest = digest(s.Changed)
	state, err := s.Resource.Update(s.ctx, owner, s.Changed, state)
	if err != nil {
		t.Fatalf("update: %v", err)
	}
	s.agrees(t, "update", s.Changed, state)
	s.listed(t, owner, s.Changed)
}

// drift lets somebody else change the object, and heals it.
func (s *suite) drift(t *testing.T, disturb func(testing.TB, json.RawMessage)) {
	state := s.made(t)
	disturb(t, state)
	own := s.found(t)
	if len(own) > 1 {
		t.Fatalf("list finds %d objects after drift", len(own))
	}
	if len(own) == 1 {
		s.heal(t, own[0])
	} else if _, err := s.Resource.Create(s.ctx, s.Owner, s.Config); err != nil {
		t.Fatalf("create of what is gone: %v", err)
	}
	s.listed(t, s.Owner, s.Config)
}

func (s *suite) heal(t *testing.T, f providers.Found) {
	t.Helper()
	changes := s.differs(t, "drift", s.Config, f.State)
	replace := false
	for _, c := range changes {
		replace = replace || c.Replace
	}
	var state json.RawMessage
	var err error
	if replace {
		if err := s.Resource.Delete(s.ctx, f.State); err != nil {
			t.Fatalf("delete of a drifted object: %v", err)
		}
		state, err = s.Resource.Create(s.ctx, s.Owner, s.Config)
	} else {
		state, err = s.Resource.Update(s.ctx, s.Owner, s.Config, f.State)
	}
	if err != nil {
		t.Fatalf("heal: %v", err)
	}
	s.agrees(t, "healing", s.Config, state)
}

// halfMade completes a half-made object, and deletes another.
func (s *suite) halfMade(t *testing.T, half func(testing.TB, providers.Owner, json.RawMessage)) {
	half(t, s.Owner, s.Config)
	t.Cleanup(func() { s.clean(t) })
	state, err := s.Resource.Create(s.ctx, s.Owner, s.Config)
	if err != nil {
		t.Fatalf("create over a half-made object: %v", err)
	}
	s.agrees(t, "completing", s.Config, state)
	s.listed(t, s.Owner, s.Config)
	s.clean(t)
	half(t, s.Owner, s.Config)
	for _, f := range s.found(t) {
		changes, err := s.Resource.Diff(s.Config, f.State)
		if err != nil || len(changes) == 0 {
			t.Errorf("diff takes a half-made object for whole (%v)", err)
		}
	}
}
