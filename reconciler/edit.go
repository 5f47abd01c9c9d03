package reconciler

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema/addr"
)

// EditOptions are what every edit of the state by hand is told.
type EditOptions struct {
	Holder      state.Holder // as in ApplyOptions
	LockTimeout time.Duration
}

// edit makes and carries out an edit under the lock. The IPs of what left the
// state stay reserved until the next apply: its objects live on.
func (e *Engine) edit(ctx context.Context, options EditOptions, build func(snapshot state.Snapshot) (state.Edit, error)) (state.Run, error) {
	lock, err := e.config.Store.Lock(ctx, options.Holder, options.LockTimeout)
	if err != nil {
		return state.Run{}, err
	}
	defer func() { _ = lock.Unlock() }() // it ends with its file
	snapshot, err := e.config.Store.Snapshot(ctx)
	if err != nil {
		return state.Run{}, err
	}
	edit, err := build(snapshot)
	if err != nil {
		return state.Run{}, err
	}
	edit.Command, edit.Holder = options.Holder.Command, options.Holder.String()
	return e.config.Store.Edit(ctx, edit)
}

// matching are the rows that any of the patterns covers; a pattern that covers
// none is an error.
func matching(snapshot state.Snapshot, patterns []addr.Address) ([]state.Instance, error) {
	var all []state.Instance
	for _, p := range patterns {
		found := false
		for _, r := range snapshot.Instances {
			if !addr.Covers(p, r.Address) {
				continue
			}
			found = true
			if !slices.ContainsFunc(all, func(x state.Instance) bool { return x.Address == r.Address }) {
				all = append(all, r)
			}
		}
		if !found {
			return nil, fmt.Errorf("the state has no %s", p)
		}
	}
	return all, nil
}

// Move gives what the state holds under from the address to: an instance, every
// instance of a block, or a module. No object is touched; one that cannot be
// told its new address is known by the old one.
func (e *Engine) Move(ctx context.Context, from, to addr.Address, options EditOptions) ([]state.Move, state.Run, error) {
	var moves []state.Move
	run, err := e.edit(ctx, options, func(snapshot state.Snapshot) (state.Edit, error) {
		if _, err := addr.Parse(string(to)); err != nil {
			return state.Edit{}, err
		}
		rows, err := matching(snapshot, []addr.Address{from})
		if err != nil {
			return state.Edit{}, err
		}
		taken := map[addr.Address]bool{}
		for _, r := range snapshot.Instances {
			taken[r.Address] = true
		}
		for _, r := range rows {
			now, ok := addr.Rename(r.Address, from, to)
			if !ok {
				return state.Edit{}, fmt.Errorf("%s cannot become %s: say which instance is meant", r.Address, to)
			}
			if taken[now] {
				return state.Edit{}, fmt.Errorf("the state has a %s already", now)
			}
			label := plan.Label(r.Object != nil, plan.Moved{From: r.Address, To: now, Labelled: r.Labelled})
			moves = append(moves, state.Move{From: r.Address, To: now, Labelled: label})
		}
		return state.Edit{Begin: state.Begin{Moves: moves}, Counts: state.Counts{Moved: len(moves)}}, nil
	})
	return moves, run, err
}

// Forget lets everything under the patterns go: the state drops it, and its
// objects live on, as nobody's.
func (e *Engine) Forget(ctx context.Context, patterns []addr.Address, options EditOptions) ([]addr.Address, state.Run, error) {
	var gone []addr.Address
	run, err := e.edit(ctx, options, func(snapshot state.Snapshot) (state.Edit, error) {
		rows, err := matching(snapshot, patterns)
		if err != nil {
			return state.Edit{}, err
		}
		edit := state.Edit{Counts: state.Counts{Forgotten: len(rows)}}
		for _, r := range rows {
			gone = append(gone, r.Address)
			edit.Forget = append(edit.Forget, r.Address)
			if r.Object != nil {
				edit.Release = append(edit.Release, state.Released{Address: cmp.Or(r.Labelled, r.Address), Type: r.Type, Runtime: r.Runtime})
			}
		}
		return edit, nil
	})
	return gone, run, err
}

// Taint marks instances as broken, so that the next apply replaces them, or as
// whole again. An address means one instance.
func (e *Engine) Taint(ctx context.Context, tainted bool, addresses []addr.Address, options EditOptions) (state.Run, error) {
	return e.edit(ctx, options, func(snapshot state.Snapshot) (state.Edit, error) {
		edit := state.Edit{Counts: state.Counts{Tainted: len(addresses)}}
		if tainted {
			edit.Taint = addresses
		} else {
			edit.Untaint = addresses
		}
		return edit, nil
	})
}

// PushError refuses to write a state over another.
type PushError struct {
	Why string
}

func (e *PushError) Error() string { return "push: " + e.Why }

// Push writes a whole state over the one there is. Without force it refuses one
// of another lineage, and one that is older than what it would replace.
func (e *Engine) Push(ctx context.Context, pushed state.Snapshot, force bool, options EditOptions) (state.Run, error) {
	return e.edit(ctx, options, func(now state.Snapshot) (state.Edit, error) {
		switch {
		case pushed.Lineage == "":
			return state.Edit{}, &PushError{Why: "it has no lineage"}
		case now.Lineage != "" && now.Lineage != pushed.Lineage && !force:
			return state.Edit{}, &PushError{Why: fmt.Sprintf("its lineage is %s, this state's is %s: it is another configuration's; --force writes it nevertheless", pushed.Lineage, now.Lineage)}
		case now.Serial > pushed.Serial && !force:
			return state.Edit{}, &PushError{Why: fmt.Sprintf("its serial is %d, this state's is %d: something was applied since it was pulled; --force writes it nevertheless", pushed.Serial, now.Serial)}
		}
		pushed.Unseal(now)
		return state.Edit{Replace: &pushed, Counts: state.Counts{Recorded: len(pushed.Instances)}}, nil
	})
}
