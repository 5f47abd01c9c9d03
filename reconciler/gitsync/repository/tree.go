package repository

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
)

// entry is one line of a tree object. The zero entry is none.
type entry struct {
	mode string
	name string
	hash plumbing.Hash
}

func (e entry) isTree() bool      { return e.mode == "40000" }
func (e entry) isSubmodule() bool { return e.mode == "160000" }
func (e entry) isLink() bool      { return e.mode == "120000" }
func (e entry) same(o entry) bool { return e.mode == o.mode && e.hash == o.hash }

// maxTreeObject is how many bytes a tree object has, about 20,000 names.
const maxTreeObject = 1 << 20

// tree reads a tree object; the empty hash is the empty tree.
func (s *store) tree(hash plumbing.Hash) ([]entry, error) {
	if hash == plumbing.ZeroHash {
		return nil, nil
	}
	raw, err := s.read(plumbing.TreeObject, hash, maxTreeObject)
	if err != nil {
		return nil, err
	}
	return parseTree(hash, raw)
}

// parseTree reads a tree object, and refuses names and modes that git does not
// check out, and a name that is there twice.
func parseTree(hash plumbing.Hash, raw []byte) ([]entry, error) {
	var out []entry
	names := map[string]bool{}
	for len(raw) > 0 {
		line, rest, ok := bytes.Cut(raw, []byte{0})
		mode, name, spaced := strings.Cut(string(line), " ")
		if !ok || !spaced || len(rest) < len(plumbing.ZeroHash) {
			return nil, broken("the tree %s is malformed", hash)
		}
		if mode == "100664" { // git of the first years
			mode = "100644"
		}
		switch mode {
		case "100644", "100755", "120000", "40000", "160000":
		default:
			return nil, broken("%q in the tree %s has mode %q", name, hash, mode)
		}
		if badName(name) {
			return nil, broken("the tree %s has a file %q", hash, name)
		}
		if names[name] {
			return nil, broken("the tree %s has %q twice", hash, name)
		}
		names[name] = true
		e := entry{mode: mode, name: name}
		copy(e.hash[:], rest)
		out = append(out, e)
		raw = rest[len(e.hash):]
	}
	return out, nil
}

// badName tells whether a file or folder must not be called so: what leads out
// of its folder, and what some file system takes for .git.
func badName(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, "/\\\x00") {
		return true
	}
	seen := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name)
	seen, _, _ = strings.Cut(seen, ":")
	seen = strings.ToLower(strings.TrimRight(seen, " ."))
	return seen == ".git" || seen == "git~1" || seen == "" && strings.Trim(name, ".") != name
}

// maxChanged is how many paths a difference may have.
const maxChanged = 100_000

// diff notes the paths of files that two trees do not have alike.
type diff struct {
	s     *store
	paths map[string]bool
}

func (d *diff) trees(ctx context.Context, a, b plumbing.Hash, at string, deep int) error {
	if a == b {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if deep > maxDeep {
		return &TooLargeError{What: "folders lie too deep", Limit: maxDeep}
	}
	left, err := d.s.byName(a)
	if err != nil {
		return err
	}
	right, err := d.s.byName(b)
	if err != nil {
		return err
	}
	names := maps.Clone(left)
	maps.Copy(names, right)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		l, r := left[name], right[name]
		if l.same(r) {
			continue
		}
		var below [2]plumbing.Hash
		for i, e := range []entry{l, r} {
			switch {
			case e.isTree():
				below[i] = e.hash
			case e.mode != "":
				d.paths[at+name] = true
			}
		}
		if len(d.paths) > maxChanged {
			return &TooLargeError{What: "too many files change", Limit: maxChanged}
		}
		if err := d.trees(ctx, below[0], below[1], at+name+"/", deep+1); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) byName(hash plumbing.Hash) (map[string]entry, error) {
	entries, err := s.tree(hash)
	if err != nil {
		return nil, err
	}
	out := make(map[string]entry, len(entries))
	for _, e := range entries {
		out[e.name] = e
	}
	return out, nil
}

// lookup is what a tree has at a path; the zero entry: nothing.
func (s *store) lookup(tree plumbing.Hash, path string) (entry, error) {
	at := entry{mode: "40000", hash: tree}
	for part := range strings.SplitSeq(path, "/") {
		if !at.isTree() {
			return entry{}, nil
		}
		entries, err := s.tree(at.hash)
		if err != nil {
			return entry{}, err
		}
		i := slices.IndexFunc(entries, func(e entry) bool { return e.name == part })
		if i < 0 {
			return entry{}, nil
		}
		at = entries[i]
	}
	return at, nil
}
