// Package signature decides whether a revision of a repository may become
// desired state: who signed its commits and its tag, with which key, and
// whether that signer may change what was changed.
//
// It knows signatures of SSH keys (PROTOCOL.sshsig, namespace "git") and of
// OpenPGP keys (RFC 9580), and no others. It trusts the keys it was given and
// nothing else: no web of trust, no certificate authority, no agent, no name
// or time that a commit claims. It verifies the bytes that are stored in git.
package signature

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/decnet/decnet/reconciler/gitsync/repository"
)

// Repository is what is verified. *repository.Repository is one.
type Repository interface {
	Commit(ctx context.Context, id string) (repository.Commit, error)
	Commits(ctx context.Context, from, to string) ([]repository.Commit, error)
	Changed(ctx context.Context, from, to string) ([]string, error)
	Touched(ctx context.Context, id string) ([]string, error)
}

var _ Repository = (*repository.Repository)(nil)

// Mode says how much of history must be signed.
type Mode string

// Modes of verification.
const (
	// Tip: what is followed must be signed, the tag or else the commit.
	Tip Mode = "tip"
	// Every: each commit since the last applied one must be.
	Every Mode = "every"
)

// Reason is why a revision is not trusted, in one word.
type Reason string

// Reasons of an UntrustedError.
const (
	Unsigned         Reason = "Unsigned"
	BadSignature     Reason = "BadSignature"
	UnknownSigner    Reason = "UnknownSigner"
	OutsidePath      Reason = "OutsidePath"
	ExpiredKey       Reason = "ExpiredKey" // or revoked, or not valid yet
	RewrittenHistory Reason = "RewrittenHistory"
)

// UntrustedError says which commit is not trusted, and why.
type UntrustedError struct {
	Reason Reason
	Commit string
	Signer string // where one is known
	Path   string // of OutsidePath; hostile text, cleaned
	Detail string
}

func (e *UntrustedError) Error() string {
	text := fmt.Sprintf("commit %s is not trusted: %s", e.Commit, e.Reason)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Verified says who answers for a revision.
type Verified struct {
	Signer string // of the tag if it is signed and the mode is Tip, else of the commit
	Key    string // fingerprint
	Mode   Mode
	// Commits is how many commits were verified.
	Commits int
	// Tag says that the tag's own signature was verified.
	Tag bool
}

// signed is who signed one object.
type signed struct {
	signer *signer
	key    string
}

// Verify tells who answers for a revision, or that nobody may: *UntrustedError.
// Any other error means that it could not be found out.
//
// If mode is empty it is Every where a signer is limited to paths, else Tip. A
// tag that has a signature must have a good one in each mode. In Every, with
// nothing applied before, the walk back ends at commits of signers without
// limits: they answer for the whole tree. What a limited signer changes is what
// repository.Touched says, so that no merge hides a change. In Tip it is the
// difference from the last applied commit, and his cannot be the first.
func (k *Keyring) Verify(ctx context.Context, r Repository, tip repository.Revision, lastApplied string, mode Mode) (Verified, error) {
	if mode == "" {
		mode = k.defaultMode()
	}
	if mode != Tip && mode != Every {
		return Verified{}, fmt.Errorf("verify commit %s: there is no mode %q", tip.Commit, mode)
	}
	commits, last, err := since(ctx, r, tip, lastApplied)
	if err != nil {
		return Verified{}, err
	}
	out := Verified{Mode: mode}
	by, err := k.verifyTag(tip)
	if err != nil {
		return out, err
	}
	if by != nil {
		out.Tag, out.Signer, out.Key = true, by.signer.Name, by.key
	}
	switch {
	case mode == Tip:
		err = k.verifyTip(ctx, r, tip, last, by, &out)
	case last == "":
		err = k.verifyBack(ctx, r, tip, commits, &out)
	default:
		err = k.verifyEach(ctx, r, tip, commits, &out)
	}
	if err != nil {
		return Verified{Mode: mode}, err
	}
	return out, nil
}

// since is what came after the last applied commit. A pinned commit that is
// older is verified as if it were the first.
func since(ctx context.Context, r Repository, tip repository.Revision, last string) ([]repository.Commit, string, error) {
	commits, err := r.Commits(ctx, last, tip.Commit)
	var rewrite *repository.RewriteError
	if errors.As(err, &rewrite) {
		if !tip.Pinned {
			return nil, "", &UntrustedError{Reason: RewrittenHistory, Commit: tip.Commit, Detail: rewrite.Error()}
		}
		last = ""
		commits, err = r.Commits(ctx, "", tip.Commit)
	}
	if err != nil {
		return nil, "", fmt.Errorf("verify commit %s: %w", tip.Commit, err)
	}
	return commits, last, nil
}

// verifyTip verifies what is followed alone.
func (k *Keyring) verifyTip(ctx context.Context, r Repository, tip repository.Revision, last string, by *signed, out *Verified) error {
	if by == nil {
		c, err := r.Commit(ctx, tip.Commit)
		if err != nil {
			return fmt.Errorf("verify commit %s: %w", tip.Commit, err)
		}
		if by, err = k.verifyCommit(c); err != nil {
			return err
		}
		out.Signer, out.Key, out.Commits = by.signer.Name, by.key, 1
	}
	if len(by.signer.Paths) == 0 {
		return nil
	}
	if last == "" {
		return outside(tip.Commit, by.signer, "", "nothing was applied before, and only a signer without paths can answer for all of it")
	}
	paths, err := r.Changed(ctx, last, tip.Commit)
	if err != nil {
		return fmt.Errorf("verify commit %s: %w", tip.Commit, err)
	}
	return by.signer.within(tip.Commit, paths)
}

// verifyEach verifies all commits of a range, and the tip also if it is empty.
func (k *Keyring) verifyEach(ctx context.Context, r Repository, tip repository.Revision, commits []repository.Commit, out *Verified) error {
	if len(commits) == 0 {
		c, err := r.Commit(ctx, tip.Commit)
		if err != nil {
			return fmt.Errorf("verify commit %s: %w", tip.Commit, err)
		}
		by, err := k.verifyCommit(c)
		if err != nil {
			return err
		}
		out.count(by)
		return nil
	}
	for _, c := range commits {
		if _, err := k.verifyOne(ctx, r, c, out); err != nil {
			return err
		}
	}
	return nil
}

// verifyBack verifies from the tip back to where signers without limits answer
// for everything.
func (k *Keyring) verifyBack(ctx context.Context, r Repository, tip repository.Revision, commits []repository.Commit, out *Verified) error {
	byID := make(map[string]repository.Commit, len(commits))
	for _, c := range commits {
		byID[c.ID] = c
	}
	seen, queue := map[string]bool{}, []string{tip.Commit}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		if seen[id] {
			continue
		}
		seen[id] = true
		c, ok := byID[id]
		if !ok {
			return fmt.Errorf("verify commit %s: %s is not in its history", tip.Commit, id)
		}
		by, err := k.verifyOne(ctx, r, c, out)
		if err != nil {
			return err
		}
		if len(by.signer.Paths) > 0 {
			queue = append(queue, c.Parents...)
		}
	}
	return nil
}

// verifyOne verifies a commit and what it changes.
func (k *Keyring) verifyOne(ctx context.Context, r Repository, c repository.Commit, out *Verified) (*signed, error) {
	by, err := k.verifyCommit(c)
	if err != nil {
		return nil, err
	}
	out.count(by)
	if len(by.signer.Paths) == 0 {
		return by, nil
	}
	if c.Cut {
		return nil, outside(c.ID, by.signer, "", "its parents lie beyond what was fetched, and no signer without paths answers for them")
	}
	paths, err := r.Touched(ctx, c.ID)
	if err != nil {
		return nil, fmt.Errorf("verify commit %s: %w", c.ID, err)
	}
	return by, by.signer.within(c.ID, paths)
}

// count notes a verified commit; the first is the tip.
func (v *Verified) count(by *signed) {
	if v.Commits++; v.Commits == 1 {
		v.Signer, v.Key = by.signer.Name, by.key
	}
}

func (k *Keyring) verifyCommit(c repository.Commit) (*signed, error) {
	if len(c.Signature) == 0 {
		return nil, &UntrustedError{Reason: Unsigned, Commit: c.ID}
	}
	return k.verify(c.ID, "", c.Payload, c.Signature, c.Committer.When)
}

// verifyTag verifies the signature of a tag; nil: there is none. The tag must
// say itself what it is called and what it names: else a signed tag could be
// shown under another name.
func (k *Keyring) verifyTag(tip repository.Revision) (*signed, error) {
	tag := tip.Tag
	if tag == nil || len(tag.Signature) == 0 {
		return nil, nil
	}
	if tag.Type != "commit" || tag.Object != tip.Commit || "refs/tags/"+tag.Name != tip.Ref {
		return nil, &UntrustedError{Reason: BadSignature, Commit: tip.Commit,
			Detail: "the tag's own name or object is another: " + repository.Text(tag.Name, 100)}
	}
	return k.verify(tip.Commit, "the tag: ", tag.Payload, tag.Signature, tag.Tagger.When)
}

// within tells whether a signer may change these paths.
func (s *signer) within(commit string, paths []string) error {
	for _, p := range paths {
		if !s.may(p) {
			return outside(commit, s, p, "")
		}
	}
	return nil
}

func outside(commit string, s *signer, p, detail string) error {
	p = repository.Text(strings.NewReplacer("\n", "?", "\t", "?").Replace(p), 200)
	if detail == "" {
		detail = fmt.Sprintf("%s may not change %q", s.Name, p)
	}
	return &UntrustedError{Reason: OutsidePath, Commit: commit, Signer: s.Name, Path: p, Detail: detail}
}

// may tells whether a path lies below one of the signer's.
func (s *signer) may(p string) bool {
	parts := strings.Split(p, "/")
	for _, pattern := range s.patterns {
		if len(pattern) > len(parts) {
			continue
		}
		fits := true
		for i, part := range pattern {
			if ok, err := path.Match(part, parts[i]); err != nil || !ok {
				fits = false
				break
			}
		}
		if fits {
			return true
		}
	}
	return false
}

func (k *Keyring) defaultMode() Mode {
	for _, s := range k.signers {
		if len(s.Paths) > 0 {
			return Every
		}
	}
	return Tip
}

// valid tells whether a signer's keys count at a time.
func (s *signer) valid(at time.Time) bool {
	return (s.ValidAfter.IsZero() || !at.Before(s.ValidAfter)) && (s.ValidBefore.IsZero() || at.Before(s.ValidBefore))
}
