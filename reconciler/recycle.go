package reconciler

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// What a decky can be recycled on.
const (
	OnLogin  = "login"  // somebody logged in
	OnUpload = "upload" // somebody left a file
)

// Suspect is a decky that is recycled once an attacker got into it.
type Suspect struct {
	Address addr.Address
	Since   time.Time // its object is that old
	On      []string  // OnLogin, OnUpload; sorted
}

// Compromises knows what attackers achieved.
type Compromises interface {
	// Compromised says, for those of the suspects that an attacker got into since,
	// how: "login at 2026-03-01T10:00:00Z". It may know nothing of the last
	// seconds.
	Compromised(ctx context.Context, suspects []Suspect) (map[addr.Address]string, error)
}

// Due are the deckies of desired whose time is up by recycle_after, or that an
// attacker got into as recycle_on says, in the order of desired. A decky that is
// kept for study, or that must not be destroyed, never is. Where it cannot be
// known who got into what, the error comes with those whose time is up.
func (e *Engine) Due(ctx context.Context, desired *schema.Desired) ([]Recycle, error) {
	rows, err := e.config.Store.Instances(ctx)
	if err != nil {
		return nil, err
	}
	made := make(map[addr.Address]*state.Instance, len(rows))
	for i := range rows {
		made[rows[i].Address] = &rows[i]
	}
	now := e.config.Now()
	var due []Recycle
	var suspects []Suspect
	for _, i := range desired.Instances {
		row, l := made[i.Address], i.Lifecycle
		if i.Type != providers.TypeDecky || row == nil || row.Object == nil || row.Quarantined != nil || l.PreventDestroy || l.RecycleAfter == "" && len(l.RecycleOn) == 0 {
			continue
		}
		since := row.Created
		if since.IsZero() {
			since = row.Updated
		}
		after, err := time.ParseDuration(l.RecycleAfter)
		switch {
		case l.RecycleAfter != "" && err != nil:
			return nil, fmt.Errorf("recycle_after of %s: %w", i.Address, err)
		case l.RecycleAfter != "" && now.Sub(since) >= after:
			due = append(due, Recycle{Address: i.Address, Why: fmt.Sprintf("made %s, recycle_after = %s", since.UTC().Format(time.RFC3339), l.RecycleAfter)})
		case len(l.RecycleOn) > 0:
			suspects = append(suspects, Suspect{Address: i.Address, Since: since, On: slices.Clone(l.RecycleOn)})
		}
	}
	if len(suspects) == 0 || e.config.Compromises == nil {
		return due, nil
	}
	got, err := e.config.Compromises.Compromised(ctx, suspects)
	if err != nil {
		return due, fmt.Errorf("ask who got in: %w", err)
	}
	for _, s := range suspects {
		if why, in := got[s.Address]; in {
			due = append(due, Recycle{Address: s.Address, Why: why})
		}
	}
	return due, nil
}
