package repository

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// deepen is by how much each search goes deeper than the one before.
const deepen = 8

// maxRecorded is how many tags are remembered.
const maxRecorded = 10_000

// Fetch brings the copy to what the repository has for what is followed, with
// enough history to see that lastApplied (empty: nothing was) is an ancestor of
// it; else it is a *RewriteError. A pinned commit need not come after
// lastApplied. Whatever goes wrong (*UnreachableError, *TooLargeError,
// *MissingError, *MovedTagError, *BrokenError), the copy has what it had.
func (r *Repository) Fetch(ctx context.Context, follow Follow, lastApplied string) (Revision, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := follow.Check(); err != nil {
		return Revision{}, err
	}
	if lastApplied != "" && !isID.MatchString(lastApplied) {
		return Revision{}, errors.New("the last applied commit is named by all of its 40 digits")
	}
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	f := &fetching{
		Repository: r, follow: follow, last: lastApplied,
		access: &access{
			url:   Redact(r.options.URL),
			meter: &meter{left: r.options.MaxBytes, limit: r.options.MaxBytes},
		},
	}
	revision, err := f.run(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = f.access.explain(ctx, err)
	}
	if err != nil {
		return Revision{}, fmt.Errorf("fetch: %w", err)
	}
	return revision, nil
}

// fetching is one Fetch.
type fetching struct {
	*Repository
	follow Follow
	last   string
	access *access
}

func (f *fetching) run(ctx context.Context) (Revision, error) {
	fresh := f.store == nil
	if !fresh {
		var err error
		if fresh, err = f.store.bulky(); err != nil {
			return Revision{}, fmt.Errorf("look at the copy: %w", err)
		}
	}
	t, err := f.target(ctx)
	if err != nil {
		return Revision{}, err
	}
	if !fresh {
		revision, err := f.into(ctx, f.store, t)
		var damaged *BrokenError
		if !errors.As(err, &damaged) || ctx.Err() != nil {
			return revision, err
		}
		// Either the copy is damaged or the repository is: a new copy tells.
		f.options.Log.Warn("fetch the repository anew", "url", f.access.url, "why", damaged.Detail)
	}
	if err := f.tidy(); err != nil {
		return Revision{}, err
	}
	staged, err := makeStore(f.staging(), f.options.Limits)
	if err != nil {
		return Revision{}, err
	}
	revision, err := f.into(ctx, staged, t)
	if err != nil {
		return Revision{}, errors.Join(err, os.RemoveAll(f.staging()))
	}
	return revision, f.adopt(staged)
}

// target asks the repository what it has, and checks its tags against those of
// before.
func (f *fetching) target(ctx context.Context) (target, error) {
	s, refs, err := f.ask(ctx)
	if err != nil {
		return target{}, err
	}
	s.Close() // what it said is here, whole
	t, err := choose(refs, f.follow)
	if err != nil {
		return t, err
	}
	return t, f.recordTags(t)
}

// ask begins a session and reads what the repository has. The caller closes it.
func (f *fetching) ask(ctx context.Context) (session, *packp.AdvRefs, error) {
	s, err := f.dial(ctx, f.access)
	if err != nil {
		return nil, nil, f.access.explain(ctx, err)
	}
	refs, err := s.advertised(ctx)
	if err != nil {
		s.Close()
		return nil, nil, f.access.explain(ctx, err)
	}
	return s, refs, nil
}

// recordTags refuses a version whose tag was moved since it was seen first, and
// notes those that were not.
func (f *fetching) recordTags(t target) error {
	if len(t.tags) == 0 {
		return nil
	}
	name := recordIn(f.dir)
	seen, err := readTags(name)
	if err != nil {
		return err
	}
	chosen := t.Ref[len("refs/tags/"):]
	if was := seen[chosen]; was != "" && was != t.tags[chosen] {
		return &MovedTagError{Tag: chosen, Was: was, Is: t.tags[chosen], Record: name}
	}
	before := len(seen)
	for _, tag := range slices.Sorted(maps.Keys(t.tags)) {
		if seen[tag] == "" {
			seen[tag] = t.tags[tag]
		}
	}
	if len(seen) > maxRecorded {
		return &TooLargeError{What: "it has too many tags that fit the range", Limit: maxRecorded}
	}
	if len(seen) == before {
		return nil
	}
	return writeTags(name, seen)
}

// into brings a target into a store, deeper each time until it is known whether
// history only went forward.
func (f *fetching) into(ctx context.Context, s *store, t target) (Revision, error) {
	for depth := f.options.Depth; ; depth = min(depth*deepen, f.options.MaxDepth) {
		if depth > f.options.Depth || !f.whole(s, t) {
			if err := f.take(ctx, s, t, depth); err != nil {
				return Revision{}, err
			}
		}
		done, err := f.enough(ctx, s, &t, depth)
		if err != nil {
			return Revision{}, err
		}
		if done {
			return t.Revision, s.head(t.Commit)
		}
	}
}

// whole tells whether a target was fetched before.
func (f *fetching) whole(s *store, t target) bool {
	return slices.Contains(s.tips, t.want)
}

// enough tells whether a store answers what was asked.
func (f *fetching) enough(ctx context.Context, s *store, t *target, depth int) (bool, error) {
	if t.Pinned {
		return f.reachable(ctx, s, *t, depth)
	}
	var err error
	if t.Commit, t.Tag, err = s.peel(t.want); err != nil {
		return false, err
	}
	if f.last == "" {
		return true, nil
	}
	found, cut, err := s.isAncestor(ctx, f.last, t.Commit)
	switch {
	case err != nil || found:
		return found, err
	case !cut:
		return false, &RewriteError{From: f.last, To: t.Commit}
	case depth >= f.options.MaxDepth:
		return false, &RewriteError{From: f.last, To: t.Commit, Looked: depth}
	}
	return false, nil
}

// reachable tells whether a branch or tag leads to a pinned commit.
func (f *fetching) reachable(ctx context.Context, s *store, t target, depth int) (bool, error) {
	if f.whole(s, t) {
		return true, nil // it was, when it was fetched
	}
	cut := false
	for _, want := range t.wants {
		tip, _, err := s.peel(want)
		var missing *MissingError
		if errors.As(err, &missing) {
			continue // a tag of something else
		}
		if err != nil {
			return false, err
		}
		found, more, err := s.isAncestor(ctx, t.Commit, tip)
		if err != nil {
			return false, err
		}
		if found {
			return true, s.settle(s.shallow, append(slices.Clone(s.tips), t.want))
		}
		cut = cut || more
	}
	if cut && depth < f.options.MaxDepth {
		return false, nil
	}
	return false, &MissingError{What: "commit " + t.Commit + " that a branch or tag leads to"}
}

// take fetches a target with so much history, and keeps it if it is whole.
func (f *fetching) take(ctx context.Context, s *store, t target, depth int) error {
	session, refs, err := f.ask(ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	wants := t.wants
	if len(wants) == 0 {
		wants = []plumbing.Hash{t.want}
	}
	q, err := request(refs, slices.Clone(wants), slices.Clone(s.tips), slices.Collect(maps.Keys(s.shallow)), depth)
	if err != nil {
		return err
	}
	if !refs.Capabilities.Supports(capability.Shallow) && len(s.shallow) > 0 {
		return broken("the repository no longer knows shallow copies")
	}
	answer, err := session.ask(ctx, q)
	if err != nil {
		return f.access.explain(ctx, err)
	}
	files, err := s.receive(ctx, &telling{r: answer.pack, a: f.access, ctx: ctx})
	if err != nil {
		return err
	}
	if err := f.keep(ctx, s, wants, answer, q); err != nil {
		s.undo(files)
		return err
	}
	return nil
}

// keep checks that what was received is whole, and writes down that it is.
func (f *fetching) keep(ctx context.Context, s *store, wants []plumbing.Hash, a *answer, q *packp.UploadPackRequest) error {
	whole := map[string]bool{}
	if len(a.unshallow) == 0 { // else there is more below what was whole
		for _, tip := range s.tips {
			commit, _, err := s.peel(tip)
			if err != nil {
				return err
			}
			reach, err := s.reach(ctx, commit)
			if err != nil {
				return err
			}
			maps.Copy(whole, reach)
		}
	}
	before, shallow := s.shallow, maps.Clone(s.shallow)
	for _, hash := range a.shallow {
		shallow[hash] = true
	}
	for _, hash := range a.unshallow {
		delete(shallow, hash)
	}
	s.shallow, s.graph = shallow, map[string]Commit{}
	tips := slices.Clone(wants)
	for _, tip := range s.tips {
		if len(tips) < maxTips && !slices.Contains(tips, tip) {
			tips = append(tips, tip)
		}
	}
	err := s.connected(ctx, tips, whole)
	s.shallow, s.graph = before, map[string]Commit{}
	if err != nil {
		return err
	}
	return s.settle(shallow, tips)
}
