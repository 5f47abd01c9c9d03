package world

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/event"
)

// Compromises tells from intel's database which deckies attackers got into.
type Compromises struct {
	Databases []string // paths where it may stand; the first that exists is asked
}

var _ reconciler.Compromises = Compromises{}

// signs are what shows that somebody got in, by what recycle_on calls it.
var signs = []struct {
	on            string
	kind          event.Kind
	member, value string // of its body
}{
	{reconciler.OnLogin, event.KindAuthAttempt, "success", "true"},
	{reconciler.OnUpload, event.KindTransfer, "direction", `"upload"`},
}

// Compromised implements reconciler.Compromises. It reads only, beside the daemon
// that writes.
func (c Compromises) Compromised(ctx context.Context, suspects []reconciler.Suspect) (map[addr.Address]string, error) {
	var reader *sqlite.Reader
	for _, path := range c.Databases {
		var err error
		if reader, err = sqlite.OpenQuery(ctx, path); err == nil {
			break
		}
		if !errors.Is(err, sqlite.ErrNoDatabase) {
			return nil, err
		}
	}
	if reader == nil {
		return nil, fmt.Errorf("there is no database of decnet intel, start it: %w: %s", sqlite.ErrNoDatabase, strings.Join(c.Databases, ", "))
	}
	got := map[addr.Address]string{}
	for _, s := range suspects {
		why, err := compromised(ctx, reader, s)
		if err != nil {
			return nil, errors.Join(err, reader.Close())
		}
		if why != "" {
			got[s.Address] = why
		}
	}
	return got, reader.Close()
}

func compromised(ctx context.Context, query intel.Query, s reconciler.Suspect) (string, error) {
	for _, sign := range signs {
		if !slices.Contains(s.On, sign.on) {
			continue
		}
		events, err := query.Events(ctx, intel.Filter{
			Decky: string(s.Address), Kind: string(sign.kind), Member: sign.member, Value: sign.value, Since: s.Since, Ascending: true, Limit: 1,
		})
		if err != nil {
			return "", fmt.Errorf("ask for %ss of %s: %w", sign.on, s.Address, err)
		}
		if len(events) > 0 {
			return fmt.Sprintf("%s at %s", sign.on, events[0].Time.UTC().Format(time.RFC3339)), nil
		}
	}
	return "", nil
}
