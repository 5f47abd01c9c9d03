package daemon

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/decnet/decnet/reconciler/gitsync"
	"github.com/decnet/decnet/schema/syncfile"
)

// TestACommitWithALinkOutOfItIsNoFetchThatFailed says what is wrong with it, so
// that nobody waits for another fetch.
func TestACommitWithALinkOutOfItIsNoFetchThatFailed(t *testing.T) {
	dir := t.TempDir()
	r, err := git.PlainInit(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "evil.hcl")); err != nil {
		t.Fatal(err)
	}
	tree, err := r.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Add("evil.hcl"); err != nil {
		t.Fatal(err)
	}
	who := &object.Signature{Name: "A", Email: "a@example.org", When: time.Unix(1, 0)}
	commit, err := tree.Commit("a link", &git.CommitOptions{Author: who, Committer: who})
	if err != nil {
		t.Fatal(err)
	}
	s, err := openSource(syncfile.Sync{Name: "s", Repository: dir, Ref: syncfile.Ref{Kind: syncfile.Branch, Name: "master"}, MaxSize: 1 << 20, Timeout: time.Minute}, t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close() //nolint:errcheck // only read
	if tip, err := s.Fetch(t.Context(), ""); err != nil || tip.Commit != commit.String() {
		t.Fatalf("%+v %v", tip, err)
	}
	var failed *gitsync.Failure
	if err := s.Export(t.Context(), commit.String(), filepath.Join(t.TempDir(), "out")); !errors.As(err, &failed) || failed.Reason != gitsync.BuildFailed {
		t.Errorf("a link to /etc/passwd: %v", err)
	}
	if err := s.Export(t.Context(), "1111111111111111111111111111111111111111", filepath.Join(t.TempDir(), "out")); !errors.As(err, &failed) || failed.Reason != gitsync.FetchFailed {
		t.Errorf("a commit that is not there: %v", err)
	}
}
