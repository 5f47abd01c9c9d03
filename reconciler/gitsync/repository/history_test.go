package repository_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/reconciler/gitsync/repository"
)

// TestTouched tells what a commit answers for.
func TestTouched(t *testing.T) {
	base := map[string]string{"a": "1", "b": "1", "d/x": "1", "gone": "1"}
	with := func(changes ...string) map[string]string {
		out := maps.Clone(base)
		for _, c := range changes {
			name, content, _ := strings.Cut(c, "=")
			if delete(out, name); content != "" {
				out[name] = content
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		left, right, merge []string
		want               []string
	}{
		"nothing":                 {nil, nil, nil, nil},
		"from the right":          {nil, []string{"a=2"}, []string{"a=2"}, nil},
		"from the left":           {[]string{"a=2"}, nil, []string{"a=2"}, nil},
		"from both":               {[]string{"a=2"}, []string{"b=2"}, []string{"a=2", "b=2"}, nil},
		"the same in both":        {[]string{"a=2"}, []string{"a=2"}, []string{"a=2"}, nil},
		"older than the left":     {[]string{"a=2"}, nil, nil, []string{"a"}},
		"older than the right":    {nil, []string{"a=2"}, nil, []string{"a"}},
		"older than both":         {[]string{"a=2"}, []string{"a=2"}, nil, []string{"a"}},
		"a third":                 {[]string{"a=2"}, nil, []string{"a=3"}, []string{"a"}},
		"conflict, left taken":    {[]string{"a=2"}, []string{"a=3"}, []string{"a=2"}, []string{"a"}},
		"conflict, right taken":   {[]string{"a=2"}, []string{"a=3"}, []string{"a=3"}, []string{"a"}},
		"new":                     {nil, nil, []string{"n=1"}, []string{"n"}},
		"new on the right":        {nil, []string{"n=1"}, []string{"n=1"}, nil},
		"removed on the right":    {nil, []string{"gone="}, []string{"gone="}, nil},
		"removal taken back":      {nil, []string{"gone="}, nil, []string{"gone"}},
		"removed by the merge":    {nil, nil, []string{"gone="}, []string{"gone"}},
		"folder to file":          {nil, []string{"d/x=", "d=1"}, []string{"d/x=", "d=1"}, nil},
		"folder to file by merge": {nil, nil, []string{"d/x=", "d=1"}, []string{"d", "d/x"}},
		"only the mode":           {nil, nil, []string{"a=!1"}, []string{"a"}},
	} {
		for _, swap := range []bool{false, true} {
			t.Run(fmt.Sprint(name, swap), func(t *testing.T) {
				o := newOrigin(t)
				first := o.commit(base)
				left, right := o.commit(with(c.left...), first), o.commit(with(c.right...), first)
				if swap {
					left, right = right, left
				}
				merge := o.branch(o.commit(with(c.merge...), left, right))
				r, _ := copyOf(t, o, repository.Options{})
				fetch(t, r, repository.Follow{}, "")
				got, err := r.Touched(t.Context(), merge)
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("%v %v, want %v", got, err, c.want)
				}
				if got, err := r.Touched(t.Context(), first); err != nil || len(got) != len(base) {
					t.Errorf("the first: %v %v", got, err)
				}
			})
		}
	}
}

// TestOtherMerges are those without one base.
func TestOtherMerges(t *testing.T) {
	o := newOrigin(t)
	first := o.commit(map[string]string{"a": "1", "b": "1"})
	left, right := o.commit(map[string]string{"a": "2", "b": "1"}, first), o.commit(map[string]string{"a": "1", "b": "2"}, first)
	// Each side merges the other: two bases, and each has half.
	x := o.commit(map[string]string{"a": "2", "b": "2"}, left, right)
	y := o.commit(map[string]string{"a": "2", "b": "2"}, right, left)
	both := o.commit(map[string]string{"a": "2", "b": "2"}, x, y)
	old := o.commit(map[string]string{"a": "1", "b": "2"}, x, y)
	behind := o.commit(map[string]string{"a": "1", "b": "2"}, left, right)
	unclear := o.commit(map[string]string{"a": "2", "b": "2"}, behind, y) // one base says that behind kept a, one that it did not
	octopus := o.commit(map[string]string{"a": "2", "b": "2"}, first, left, right)
	unrelated := o.commit(map[string]string{"c": "1"})
	joined := o.commit(map[string]string{"a": "1", "b": "1", "c": "1"}, first, unrelated)
	o.branch(o.commit(map[string]string{}, both, old, unclear, octopus, joined))
	r, _ := copyOf(t, o, repository.Options{})
	fetch(t, r, repository.Follow{}, "")
	for id, want := range map[string][]string{both: nil, old: {"a"}, unclear: {"a"}, octopus: {"a", "b"}, joined: nil} {
		if got, err := r.Touched(t.Context(), id); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v %v, want %v", got, err, want)
		}
	}
}

// TestNothingIsSmuggled: in any history, a file that differs between two
// commits was touched by one that came between.
func TestNothingIsSmuggled(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := newOrigin(t)
		names := []string{"a", "b", "d/x"}
		draw := func() map[string]string {
			out := map[string]string{}
			for _, name := range names {
				if v := rapid.IntRange(0, 2).Draw(rt, name); v > 0 {
					out[name] = fmt.Sprint(v)
				}
			}
			return out
		}
		ids := []string{o.commit(draw())}
		for range rapid.IntRange(1, 6).Draw(rt, "commits") {
			parents := []string{rapid.SampledFrom(ids).Draw(rt, "parent")}
			if other := rapid.SampledFrom(ids).Draw(rt, "other"); other != parents[0] && rapid.Bool().Draw(rt, "merge") {
				parents = append(parents, other)
			}
			ids = append(ids, o.commit(draw(), parents...))
		}
		// All of them are fetched, whatever is reachable from where.
		o.branch(o.commit(nil, ids...))
		r, _ := copyOf(t, o, repository.Options{})
		defer r.Close()
		fetch(t, r, repository.Follow{}, "")
		to := ids[len(ids)-1]
		for _, from := range ids {
			between, err := r.Commits(t.Context(), from, to)
			if err != nil {
				continue // no ancestor
			}
			touched := map[string]bool{}
			for _, c := range between {
				paths, err := r.Touched(t.Context(), c.ID)
				if err != nil {
					rt.Fatal(err)
				}
				for _, p := range paths {
					touched[p] = true
				}
			}
			changed, err := r.Changed(t.Context(), from, to)
			if err != nil {
				rt.Fatal(err)
			}
			for _, p := range changed {
				if !touched[p] {
					rt.Fatalf("%s differs between %s and %s, and nobody touched it", p, from, to)
				}
			}
		}
	})
}

// TestCommits lists a range, children before parents.
func TestCommits(t *testing.T) {
	o := newOrigin(t)
	first := o.commit(map[string]string{"a": "1"})
	left := o.commit(map[string]string{"a": "2"}, first)
	right := o.commit(map[string]string{"a": "3"}, first)
	right2 := o.commit(map[string]string{"a": "4"}, right)
	merge := o.branch(o.commit(map[string]string{"a": "5"}, left, right2))
	r, _ := copyOf(t, o, repository.Options{})
	fetch(t, r, repository.Follow{}, "")
	list := func(from string) []string {
		commits, err := r.Commits(t.Context(), from, merge)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, c := range commits {
			out = append(out, c.ID)
		}
		return out
	}
	if diff := cmp.Diff([]string{merge, right2, right}, list(left)); diff != "" {
		t.Error(diff)
	}
	if got := list(""); len(got) != 5 || got[0] != merge || got[4] != first {
		t.Errorf("got %v", got)
	}
	if got := list(merge); got != nil {
		t.Errorf("got %v", got)
	}
	if _, err := r.Commits(t.Context(), left, right2); err == nil {
		t.Error("no ancestor, and no error")
	}
	c, err := r.Commit(t.Context(), merge)
	if err != nil || c.Summary() != "change 5" || c.Author.Name != "A" || c.Author.When.Unix() != 5 || c.Cut {
		t.Errorf("%+v %v", c, err)
	}
}
