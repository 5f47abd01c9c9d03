package repository

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// Commit is a commit of the copy.
func (r *Repository) Commit(ctx context.Context, id string) (Commit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.named(ctx, id)
	if err != nil {
		return Commit{}, err
	}
	return s.commit(id)
}

// Commits are the commits that to has in its history and from has not, to
// first; a commit stands before its parents. If from is empty, it is all of
// history that was fetched. If from is no ancestor of to, it is a
// *RewriteError.
func (r *Repository) Commits(ctx context.Context, from, to string) ([]Commit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.named(ctx, to)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	if from != "" {
		if _, err := r.named(ctx, from); err != nil {
			return nil, err
		}
		found, cut, err := s.isAncestor(ctx, from, to)
		if err != nil {
			return nil, err
		}
		if !found {
			e := &RewriteError{From: from, To: to}
			if cut {
				e.Looked = r.options.MaxDepth
			}
			return nil, e
		}
		if known, err = s.reach(ctx, from); err != nil {
			return nil, err
		}
	}
	ids, err := s.order(ctx, to, known)
	if err != nil {
		return nil, err
	}
	out := make([]Commit, 0, len(ids))
	for _, id := range ids {
		c, err := s.commit(id)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// Changed are the paths of the files that two commits do not have alike,
// sorted. If from is empty, it is all files of to.
func (r *Repository) Changed(ctx context.Context, from, to string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.named(ctx, to)
	if err != nil {
		return nil, err
	}
	var before Commit
	if from != "" {
		if before, err = s.node(from); err != nil {
			return nil, err
		}
	}
	after, err := s.node(to)
	if err != nil {
		return nil, err
	}
	d := &diff{s: s, paths: map[string]bool{}}
	if err := d.trees(ctx, plumbing.NewHash(before.Tree), plumbing.NewHash(after.Tree), "", 0); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(d.paths)), nil
}

// Touched are the paths that a commit itself answers for, sorted. For one with
// one parent they are what it changes, for one with none all of its files.
//
// A merge of two answers for each file that is not what a merge without
// conflict makes of both sides: taken from the side that changed it since the
// merge base (every one of them), where the other did not. So one that takes
// the older of two versions, or invents a third, answers for that file. Where a
// base lies beyond what was fetched, and in a merge of more than two, it answers
// for every file that differs from any parent.
func (r *Repository) Touched(ctx context.Context, id string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.named(ctx, id)
	if err != nil {
		return nil, err
	}
	c, err := s.commit(id)
	if err != nil {
		return nil, err
	}
	if c.Cut {
		return nil, fmt.Errorf("the parents of commit %s lie beyond what was fetched", id)
	}
	var parents []plumbing.Hash // their trees
	if len(c.Parents) == 0 {
		parents = append(parents, plumbing.ZeroHash)
	}
	for _, parent := range c.Parents {
		p, err := s.node(parent)
		if err != nil {
			return nil, err
		}
		parents = append(parents, plumbing.NewHash(p.Tree))
	}
	d := &diff{s: s, paths: map[string]bool{}}
	for _, parent := range parents {
		if err := d.trees(ctx, parent, plumbing.NewHash(c.Tree), "", 0); err != nil {
			return nil, err
		}
	}
	if len(parents) == 2 {
		if err := s.mergeOwn(ctx, c, parents, d.paths); err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(d.paths)), nil
}

// mergeOwn leaves those paths that a merge answers for.
func (s *store) mergeOwn(ctx context.Context, c Commit, parents []plumbing.Hash, paths map[string]bool) error {
	bases, known, err := s.mergeBases(ctx, c.Parents[0], c.Parents[1])
	if err != nil || !known {
		return err
	}
	trees := []plumbing.Hash{plumbing.NewHash(c.Tree), parents[0], parents[1]}
	for _, base := range bases {
		b, err := s.node(base)
		if err != nil {
			return err
		}
		trees = append(trees, plumbing.NewHash(b.Tree))
	}
	if len(bases) == 0 {
		trees = append(trees, plumbing.ZeroHash)
	}
	for path := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		at := make([]entry, len(trees))
		for i, tree := range trees {
			if at[i], err = s.lookup(tree, path); err != nil {
				return err
			}
		}
		if clean, ok := merged(at[1], at[2], at[3:]); ok && clean.same(at[0]) {
			delete(paths, path)
		}
	}
	return nil
}

// merged is what a merge without conflict makes of two sides; false: there is
// a conflict.
func merged(ours, theirs entry, bases []entry) (entry, bool) {
	untouched := func(side entry) bool {
		return !slices.ContainsFunc(bases, func(b entry) bool { return !b.same(side) })
	}
	switch {
	case ours.same(theirs):
		return ours, true
	case untouched(ours):
		return theirs, true
	case untouched(theirs):
		return ours, true
	}
	return entry{}, false
}

// mergeBases are the best common ancestors of two commits. False: history was
// cut where a better one may hide.
func (s *store) mergeBases(ctx context.Context, a, b string) ([]string, bool, error) {
	ofA, err := s.reach(ctx, a)
	if err != nil {
		return nil, false, err
	}
	ofB, err := s.reach(ctx, b)
	if err != nil {
		return nil, false, err
	}
	common, hidden := map[string]bool{}, false
	for _, side := range []map[string]bool{ofA, ofB} {
		for id := range side {
			switch {
			case ofA[id] && ofB[id]:
				common[id] = true
			case s.shallow[plumbing.NewHash(id)]:
				hidden = true
			}
		}
	}
	best := maps.Clone(common)
	for id := range common {
		c, err := s.node(id)
		if err != nil {
			return nil, false, err
		}
		for _, parent := range c.Parents {
			delete(best, parent)
		}
	}
	return slices.Sorted(maps.Keys(best)), !hidden, nil
}

// reach is a commit and all of its ancestors.
func (s *store) reach(ctx context.Context, from string) (map[string]bool, error) {
	out := map[string]bool{}
	err := s.ancestors(ctx, from, func(c Commit) bool {
		out[c.ID] = true
		return true
	})
	return out, err
}

// isAncestor tells whether a commit is another one or before it, and whether
// history was cut where it could be.
func (s *store) isAncestor(ctx context.Context, old, tip string) (found, cut bool, err error) {
	err = s.ancestors(ctx, tip, func(c Commit) bool {
		found = found || c.ID == old
		cut = cut || c.Cut
		return !found
	})
	return found, cut, err
}

// order lists what is reachable from a commit and not known, each before its
// parents.
func (s *store) order(ctx context.Context, from string, known map[string]bool) ([]string, error) {
	waiting := map[string]int{} // children not listed yet
	if known[from] {
		return nil, nil
	}
	seen, queue := map[string]bool{from: true}, []string{from}
	for len(queue) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := s.node(queue[0])
		if err != nil {
			return nil, err
		}
		queue = queue[1:]
		for _, parent := range c.Parents {
			if known[parent] {
				continue
			}
			waiting[parent]++
			if !seen[parent] {
				seen[parent] = true
				queue = append(queue, parent)
			}
		}
	}
	var out []string
	for queue = []string{from}; len(queue) > 0; {
		c, err := s.node(queue[0])
		if err != nil {
			return nil, err
		}
		queue = queue[1:]
		out = append(out, c.ID)
		for _, parent := range c.Parents {
			if known[parent] {
				continue
			}
			if waiting[parent]--; waiting[parent] == 0 {
				queue = append(queue, parent)
			}
		}
	}
	return out, nil
}

// named is the copy, if it can have a commit of this name.
func (r *Repository) named(ctx context.Context, id string) (*store, error) {
	if !isID.MatchString(id) {
		return nil, errors.New("a commit is named by all of its 40 digits")
	}
	return r.have(ctx)
}
