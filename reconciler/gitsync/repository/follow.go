package repository

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/hashicorp/go-version"
)

// Follow says what of a repository is followed. At most one field is set; with
// none it is the default branch.
type Follow struct {
	Branch string // without refs/heads/
	Tag    string // without refs/tags/; it may move, forward only
	// Semver is a range such as ">= 1.2, < 2.0": the highest tag like v1.2.3 or
	// 1.2.3 that fits. A prerelease fits only a range all of whose conditions
	// name a prerelease of the same version, such as ">= 1.2.0-0".
	Semver string
	Commit string // all 40 digits; it must be reachable from a branch or tag
}

// Revision is what a repository has for what is followed.
type Revision struct {
	Commit string
	Ref    string // full name; empty for a pinned commit
	// Version is the version that Follow.Semver chose.
	Version string
	// Tag is the annotated tag that led here.
	Tag *Tag
	// Pinned says that the operator named the commit, so that it need not come
	// after the last applied one.
	Pinned bool
}

// Check tells what is wrong with what shall be followed.
func (f Follow) Check() error {
	set := 0
	for _, s := range []string{f.Branch, f.Tag, f.Semver, f.Commit} {
		if s != "" {
			set++
		}
	}
	if set > 1 {
		return errors.New("only one of branch, tag, semver and commit can be followed")
	}
	for _, name := range []string{f.Branch, f.Tag} {
		if name == "" {
			continue
		}
		if err := plumbing.NewBranchReferenceName(name).Validate(); err != nil || len(name) > 255 {
			return fmt.Errorf("%q is no name of a branch or tag", clean(name))
		}
	}
	if f.Semver != "" {
		if _, err := version.NewConstraint(f.Semver); err != nil {
			return fmt.Errorf("%q is no range of versions: %w", clean(f.Semver), err)
		}
	}
	if f.Commit != "" && !isID.MatchString(f.Commit) {
		return fmt.Errorf("%q is no commit; a commit is named by all of its 40 digits", clean(f.Commit))
	}
	return nil
}

// maxTips is how many branches and tags are fetched to find a pinned commit.
const maxTips = 2000

// target is what to fetch.
type target struct {
	Revision
	want  plumbing.Hash   // the commit or the tag object
	wants []plumbing.Hash // for a pin: everything that may lead to it
	// tags are those that fit a range, to be recorded.
	tags map[string]string
}

// choose finds what is followed among the refs of a repository.
func choose(refs *packp.AdvRefs, f Follow) (target, error) {
	switch {
	case f.Commit != "":
		return choosePin(refs, f.Commit)
	case f.Semver != "":
		return chooseVersion(refs, f.Semver)
	case f.Tag != "":
		return chooseRef(refs, plumbing.NewTagReferenceName(f.Tag), "tag "+f.Tag)
	case f.Branch != "":
		return chooseRef(refs, plumbing.NewBranchReferenceName(f.Branch), "branch "+f.Branch)
	}
	for _, link := range refs.Capabilities.Get(capability.SymRef) {
		if name, to, _ := strings.Cut(link, ":"); name == "HEAD" {
			return chooseRef(refs, plumbing.ReferenceName(to), "default branch")
		}
	}
	return target{}, &MissingError{What: "default branch; name one"}
}

func chooseRef(refs *packp.AdvRefs, name plumbing.ReferenceName, what string) (target, error) {
	hash, ok := refs.References[name.String()]
	if !ok {
		return target{}, &MissingError{What: clean(what)}
	}
	return target{Revision: Revision{Ref: name.String()}, want: hash}, nil
}

func choosePin(refs *packp.AdvRefs, commit string) (target, error) {
	t := target{Revision: Revision{Commit: commit, Pinned: true}, want: plumbing.NewHash(commit)}
	seen := map[plumbing.Hash]bool{}
	for _, name := range slices.Sorted(maps.Keys(refs.References)) {
		hash := refs.References[name]
		if !strings.HasPrefix(name, "refs/heads/") && !strings.HasPrefix(name, "refs/tags/") {
			continue
		}
		if hash == t.want || refs.Peeled[name] == t.want {
			t.wants = []plumbing.Hash{hash}
			return t, nil
		}
		if !seen[hash] {
			seen[hash] = true
			t.wants = append(t.wants, hash)
		}
	}
	if len(t.wants) > maxTips {
		return t, &TooLargeError{What: fmt.Sprintf("%d branches and tags to look for commit %s in", len(t.wants), commit), Limit: maxTips}
	}
	if len(t.wants) == 0 {
		return t, &MissingError{What: "commit " + commit}
	}
	return t, nil
}

var isVersion = regexp.MustCompile(`^v?\d{1,9}\.\d{1,9}\.\d{1,9}(-[0-9A-Za-z.-]{1,64})?(\+[0-9A-Za-z.-]{1,64})?$`)

func chooseVersion(refs *packp.AdvRefs, constraint string) (target, error) {
	fits, err := version.NewConstraint(constraint)
	if err != nil {
		return target{}, fmt.Errorf("%q is no range of versions: %w", clean(constraint), err)
	}
	t := target{tags: map[string]string{}}
	var best *version.Version
	for _, name := range slices.Sorted(maps.Keys(refs.References)) {
		tag, ok := strings.CutPrefix(name, "refs/tags/")
		if !ok || !isVersion.MatchString(tag) {
			continue
		}
		v, err := version.NewVersion(tag)
		if err != nil || !fits.Check(v) {
			continue
		}
		hash := refs.References[name]
		t.tags[tag] = hash.String()
		switch {
		case best == nil || v.GreaterThan(best):
			best, t.want, t.Ref, t.Version = v, hash, name, v.String()
		case v.Equal(best) && hash != t.want:
			return target{}, fmt.Errorf("the tags %s and %s are the same version, and different", t.Ref, name)
		}
	}
	if best == nil {
		return target{}, &MissingError{What: "version that fits " + clean(constraint)}
	}
	return t, nil
}
