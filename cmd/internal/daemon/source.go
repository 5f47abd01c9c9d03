package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/reconciler/gitsync"
	"github.com/decnet/decnet/reconciler/gitsync/repository"
	"github.com/decnet/decnet/reconciler/gitsync/signature"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/syncfile"
)

// maxKeys bounds a file with keys.
const maxKeys = signature.MaxKeys

// source is the repository of a sync, and who may sign in it.
type source struct {
	copy    *repository.Repository
	follow  repository.Follow
	keyring *signature.Keyring // nil: nothing is verified
	mode    signature.Mode

	mu   sync.Mutex
	last repository.Revision // that was fetched
}

var (
	_ gitsync.Repository = (*source)(nil)
	_ gitsync.Verifier   = (*source)(nil)
	_ gitsync.Accepter   = (*source)(nil)
)

// openSource opens the copy of a sync's repository. It does not reach out.
func openSource(s syncfile.Sync, dir string, log *slog.Logger) (*source, error) {
	keyring, err := keyringOf(s.Verify)
	if err != nil {
		return nil, fmt.Errorf("sync %s: signers: %w", s.Name, err)
	}
	src := &source{keyring: keyring, mode: signature.Mode(s.Verify.Mode)}
	switch s.Ref.Kind {
	case syncfile.Branch:
		src.follow.Branch = s.Ref.Name
	case syncfile.Tag:
		src.follow.Tag = s.Ref.Name
	case syncfile.Semver:
		src.follow.Semver = s.Ref.Name
	case syncfile.Commit:
		src.follow.Commit = s.Ref.Name
	}
	if err := src.follow.Check(); err != nil {
		return nil, fmt.Errorf("sync %s: %w", s.Name, err)
	}
	src.copy, err = repository.Open(filepath.Join(dir, "repository"), repository.Options{
		URL: s.Repository, Insecure: s.Insecure, User: s.Auth.Username, TokenFile: s.Auth.TokenFile, CAFile: s.CAFile,
		KeyFile: s.Auth.SSHKeyFile, PassphraseFile: s.Auth.PassphraseFile, KnownHostsFile: s.Auth.KnownHostsFile,
		Submodules: s.Submodules, Limits: repository.Limits{MaxBytes: s.MaxSize, MaxTree: s.MaxSize}, Timeout: s.Timeout, Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("sync %s: %w", s.Name, err)
	}
	return src, nil
}

// keyringOf reads the keys of a verify block; nil where nothing is verified.
func keyringOf(v syncfile.Verify) (*signature.Keyring, error) {
	if v.Mode == syncfile.Unverified || v.Mode == "" {
		return nil, nil //nolint:nilnil // nothing is verified
	}
	var signers []signature.Signer
	if v.AllowedSignersFile != "" {
		text, err := readKeys(v.AllowedSignersFile)
		if err != nil {
			return nil, err
		}
		if signers, err = signature.ParseAllowedSigners(text, time.Local); err != nil {
			return nil, fmt.Errorf("%s: %w", v.AllowedSignersFile, err)
		}
	}
	for _, s := range v.Signers {
		signer := signature.Signer{Name: s.Name, SSHKeys: append([]string(nil), s.SSHKeys...), Paths: s.Paths}
		for into, names := range map[*[]string][]string{&signer.SSHKeys: s.SSHKeyFiles, &signer.OpenPGPKeys: s.OpenPGPKeyFiles} {
			for _, name := range names {
				text, err := readKeys(name)
				if err != nil {
					return nil, err
				}
				*into = append(*into, text)
			}
		}
		signers = append(signers, signer)
	}
	return signature.NewKeyring(signers)
}

func readKeys(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeys {
		return "", fmt.Errorf("%s is no file of keys of at most %d bytes", name, maxKeys)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return "", fmt.Errorf("%s can be written by everybody, who then decides who is trusted: chmod o-w it", name)
	}
	text, err := os.ReadFile(name)
	return string(text), err
}

// verifier is who verifies; nil where nothing is.
func (s *source) verifier() gitsync.Verifier {
	if s.keyring == nil {
		return nil
	}
	return s
}

// Fetch implements gitsync.Repository.
func (s *source) Fetch(ctx context.Context, since string) (status.Revision, error) {
	fetched, err := s.copy.Fetch(ctx, s.follow, since)
	if err != nil {
		return status.Revision{}, s.failure(ctx, err)
	}
	s.mu.Lock()
	s.last = fetched
	s.mu.Unlock()
	return s.describe(ctx, fetched.Commit, fetched.Ref)
}

func (s *source) describe(ctx context.Context, id, ref string) (status.Revision, error) {
	commit, err := s.copy.Commit(ctx, id)
	if err != nil {
		return status.Revision{}, s.failure(ctx, err)
	}
	return status.Revision{Commit: id, Ref: ref, Time: commit.Committer.When, Title: commit.Summary()}, nil
}

// failure gives an error its kind.
func (s *source) failure(ctx context.Context, err error) error {
	var rewritten *repository.RewriteError
	var moved *repository.MovedTagError
	var large *repository.TooLargeError
	var unreachable *repository.UnreachableError
	switch {
	case errors.As(err, &rewritten):
		failed := gitsync.Fail(gitsync.HistoryRewritten, err)
		if failed.Commit, err = s.describe(ctx, rewritten.To, ""); err != nil {
			failed.Commit = status.Revision{Commit: rewritten.To}
		}
		return failed
	case errors.As(err, &moved):
		failed := gitsync.Fail(gitsync.HistoryRewritten, err)
		failed.Commit = status.Revision{Commit: moved.Is, Ref: tagPrefix + moved.Tag}
		return failed
	case errors.As(err, &large):
		return gitsync.Fail(gitsync.TooLarge, err)
	case errors.As(err, &unreachable):
		switch unreachable.Reason {
		case repository.Unauthorized, repository.Credentials, repository.HostKey, repository.Certificate:
			return gitsync.Fail(gitsync.AuthFailed, err)
		}
	}
	return gitsync.Fail(gitsync.FetchFailed, err)
}

// tagPrefix begins the full name of a tag.
const tagPrefix = "refs/tags/"

// Accept implements gitsync.Accepter: a version that was moved is that commit
// from now on.
func (s *source) Accept(_ context.Context, r status.Revision) error {
	tag, isTag := strings.CutPrefix(r.Ref, tagPrefix)
	if !isTag {
		return nil
	}
	return s.copy.AcceptTag(tag, r.Commit)
}

// Export implements gitsync.Repository. An empty .git marks the root of the
// commit: modules beside the configuration belong to it, and none above.
func (s *source) Export(ctx context.Context, commit, dir string) error {
	if _, err := s.copy.Export(ctx, commit, "", dir); err != nil {
		return s.refusal(ctx, err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o700); err != nil {
		return fmt.Errorf("mark the root of the commit: %w", err)
	}
	return nil
}

// refusal is why a commit that was fetched cannot be exported: what is wrong
// with its files is no better when it is fetched again.
func (s *source) refusal(ctx context.Context, err error) error {
	var kind *gitsync.Failure
	var broken *repository.BrokenError
	var missing *repository.MissingError
	failed := s.failure(ctx, err)
	if errors.As(failed, &kind) && kind.Reason == gitsync.FetchFailed && ctx.Err() == nil && !errors.As(err, &broken) && !errors.As(err, &missing) {
		return gitsync.Fail(gitsync.BuildFailed, err)
	}
	return failed
}

// Verify implements gitsync.Verifier.
func (s *source) Verify(ctx context.Context, tip status.Revision, since string) (string, error) {
	s.mu.Lock()
	revision := s.last
	s.mu.Unlock()
	if revision.Commit != tip.Commit {
		revision = repository.Revision{Commit: tip.Commit, Ref: tip.Ref}
	}
	verified, err := s.keyring.Verify(ctx, s.copy, revision, since, s.mode)
	if err == nil {
		return verified.Signer, nil
	}
	var untrusted *signature.UntrustedError
	if !errors.As(err, &untrusted) {
		return "", gitsync.Fail(gitsync.FetchFailed, err)
	}
	reason := gitsync.BadSignature
	switch untrusted.Reason {
	case signature.Unsigned:
		reason = gitsync.Unsigned
	case signature.UnknownSigner:
		reason = gitsync.UnknownSigner
	case signature.ExpiredKey:
		reason = gitsync.ExpiredKey
	case signature.OutsidePath:
		reason = gitsync.OutsidePath
	case signature.RewrittenHistory:
		reason = gitsync.HistoryRewritten
	}
	return "", gitsync.Fail(reason, err)
}

func (s *source) close() error { return s.copy.Close() }
