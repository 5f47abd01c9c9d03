package fetch_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/schema/module"
	"github.com/decnet/decnet/schema/module/fetch"
)

// repository is one on this machine.
type repository struct {
	t    *testing.T
	dir  string
	repo *git.Repository
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	dir := t.TempDir()
	repo, err := git.PlainInit(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	return &repository{t: t, dir: dir, repo: repo}
}

// commit writes files ("-> x" is a link) and commits them.
func (r *repository) commit(files map[string]string) plumbing.Hash {
	r.t.Helper()
	tree, err := r.repo.Worktree()
	if err != nil {
		r.t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if target, link := strings.CutPrefix(content, "-> "); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			r.t.Fatal(err)
		}
		if _, err := tree.Add(name); err != nil {
			r.t.Fatal(err)
		}
	}
	hash, err := tree.Commit("files", &git.CommitOptions{Author: signature()})
	if err != nil {
		r.t.Fatal(err)
	}
	return hash
}

func signature() *object.Signature {
	return &object.Signature{Name: "nobody", Email: "nobody@example.org", When: time.Unix(1, 0)}
}

// get is one decnet get of a configuration that asks for the sources.
func get(t *testing.T, dir string, o fetch.Options, sources ...string) ([]fetch.Result, error) {
	t.Helper()
	f, err := fetch.New(dir, o)
	if err != nil {
		return nil, err
	}
	err = f.Resolve(t.Context(), func() {
		for _, s := range sources {
			parsed, err := module.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			_, _, _ = f.Open(parsed)
		}
	})
	if err != nil {
		return nil, err
	}
	return f.Finish()
}

// installed is the content of main.hcl as every other command reads it.
func installed(t *testing.T, dir, source string) string {
	t.Helper()
	parsed, err := module.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	fsys, _, err := module.Open(dir).Open(parsed)
	if err != nil {
		t.Fatal(err)
	}
	content, err := fs.ReadFile(fsys, "main.hcl")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestRefs(t *testing.T) {
	r := newRepository(t)
	first := r.commit(map[string]string{"main.hcl": "one"})
	if _, err := r.repo.CreateTag("light", first, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.repo.CreateTag("annotated", first, &git.CreateTagOptions{Tagger: signature(), Message: "m"}); err != nil {
		t.Fatal(err)
	}
	second := r.commit(map[string]string{"main.hcl": "two"})
	branch := plumbing.NewBranchReferenceName("feature/x")
	if err := r.repo.Storer.SetReference(plumbing.NewHashReference(branch, first)); err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]struct{ commit, content string }{
		"": {second.String(), "two"}, "light": {first.String(), "one"}, "annotated": {first.String(), "one"}, "feature/x": {first.String(), "one"},
		first.String(): {first.String(), "one"}, "master": {second.String(), "two"},
	} {
		for _, url := range []string{"git::" + r.dir, "git::file://" + r.dir} {
			source := url
			if ref != "" {
				source += "?ref=" + ref
			}
			dir := t.TempDir()
			got, err := get(t, dir, fetch.Options{}, source)
			if err != nil {
				t.Errorf("%s: %v", source, err)
				continue
			}
			if len(got) != 1 || got[0].Commit != want.commit || !got[0].Fetched || installed(t, dir, source) != want.content {
				t.Errorf("%s: %+v, %q", source, got, installed(t, dir, source))
			}
		}
	}
	for _, ref := range []string{"none", first.String()[:12], strings.Repeat("0", 40)} {
		if got, err := get(t, t.TempDir(), fetch.Options{}, "git::"+r.dir+"?ref="+ref); err == nil {
			t.Errorf("%s: %+v", ref, got)
		}
	}
	if got, err := get(t, t.TempDir(), fetch.Options{}, "git::"+t.TempDir()); err == nil {
		t.Errorf("no repository: %+v", got)
	}
}

func TestLockedStaysUntilUpgraded(t *testing.T) {
	r := newRepository(t)
	r.commit(map[string]string{"main.hcl": "one"})
	dir, source := t.TempDir(), "git::"+r.dir
	first, err := get(t, dir, fetch.Options{}, source)
	if err != nil {
		t.Fatal(err)
	}
	lock, _ := os.ReadFile(filepath.Join(dir, module.LockName))
	r.commit(map[string]string{"main.hcl": "two"})
	again, err := get(t, dir, fetch.Options{}, source)
	if err != nil || again[0].Fetched || again[0].Entry != first[0].Entry {
		t.Fatalf("%+v, %v", again, err)
	}
	if now, _ := os.ReadFile(filepath.Join(dir, module.LockName)); string(now) != string(lock) {
		t.Errorf("the lock changed:\n%s", now)
	}
	if err := os.RemoveAll(filepath.Join(dir, ".decnet")); err != nil { // a fresh clone
		t.Fatal(err)
	}
	if again, err = get(t, dir, fetch.Options{}, source); err != nil || !again[0].Fetched || installed(t, dir, source) != "one" {
		t.Fatalf("%+v, %v", again, err)
	}
	up, err := get(t, dir, fetch.Options{Upgrade: true}, source)
	if err != nil || up[0].Before != first[0].Entry || up[0].Commit == first[0].Commit || installed(t, dir, source) != "two" {
		t.Fatalf("%+v, %v", up, err)
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, module.Folder)); len(entries) != 1 {
		t.Errorf("left in %s: %v", module.Folder, entries)
	}
	if gone, err := get(t, dir, fetch.Options{}); err != nil || len(gone) != 0 {
		t.Errorf("%+v, %v", gone, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 { // .decnet
		t.Errorf("a lock of nothing: %v", entries)
	}
}

func TestForgedLockIsRefused(t *testing.T) {
	r := newRepository(t)
	r.commit(map[string]string{"main.hcl": "one"})
	dir, source := t.TempDir(), "git::"+r.dir
	got, err := get(t, dir, fetch.Options{}, source)
	if err != nil {
		t.Fatal(err)
	}
	forged := module.Lock{source: {Commit: got[0].Commit, Digest: "sha256:" + strings.Repeat("0", 64)}}
	if err := forged.Write(dir); err != nil {
		t.Fatal(err)
	}
	_, err = get(t, dir, fetch.Options{}, source)
	if err == nil || !strings.Contains(err.Error(), forged[source].Digest) || !strings.Contains(err.Error(), got[0].Digest) {
		t.Errorf("%v", err)
	}
}

func TestTreesThatAreRefused(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"link above":    {"sub/x": "-> ../../y"},
		"link absolute": {"x": "-> /etc/passwd"},
		"chain":         {"a/b/c": "", "a/up": "-> ..", "x": "-> a/up/../../y"},
		"chain above":   {"a/b/c": "", "a/b/up": "-> ../..", "x": "-> a/b/up/.."},
		"chain to none": {"a/b/c": "", "a/b/up": "-> ../..", "x": "-> a/b/up/../none"},
		"chain of four": {"a/b/c": "", "a/b/up": "-> ../..", "a/x": "-> b/up", "a/y": "-> x/..", "z": "-> a/y"},
		"large":         {"x": strings.Repeat("x", module.MaxFile+1)},
	} {
		r := newRepository(t)
		r.commit(files)
		dir := t.TempDir()
		if got, err := get(t, dir, fetch.Options{}, "git::"+r.dir); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
		if entries, _ := os.ReadDir(filepath.Join(dir, module.Folder)); len(entries) != 0 {
			t.Errorf("%s: left %v", name, entries)
		}
	}
}

// TestHostileNames commits trees that git itself would not make.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{"..", ".git", ".GIT", "a\\b", "a/../../b"} {
		r := newRepository(t)
		r.commit(map[string]string{"x": "content"})
		blob := r.store(plumbing.BlobObject, func(o plumbing.EncodedObject) error {
			w, err := o.Writer()
			if err == nil {
				_, err = w.Write([]byte("hostile"))
			}
			return err
		})
		tree := r.store(plumbing.TreeObject, func(o plumbing.EncodedObject) error {
			return rawTree(o, name, blob)
		})
		hash := r.store(plumbing.CommitObject, (&object.Commit{Author: *signature(), Committer: *signature(), Message: "m", TreeHash: tree}).Encode)
		dir := t.TempDir()
		if got, err := get(t, dir, fetch.Options{}, "git::"+r.dir+"?ref="+hash.String()); err == nil {
			t.Errorf("%q: %+v", name, got)
		}
	}
}

// rawTree writes a tree with one file, whatever its name.
func rawTree(o plumbing.EncodedObject, name string, blob plumbing.Hash) error {
	o.SetType(plumbing.TreeObject)
	w, err := o.Writer()
	if err == nil {
		_, err = w.Write(append([]byte(strings.TrimPrefix(filemode.Regular.String(), "0")+" "+name+"\x00"), blob[:]...))
	}
	return err
}

func (r *repository) store(kind plumbing.ObjectType, encode func(plumbing.EncodedObject) error) plumbing.Hash {
	r.t.Helper()
	o := r.repo.Storer.NewEncodedObject()
	o.SetType(kind)
	if err := encode(o); err != nil {
		r.t.Fatal(err)
	}
	hash, err := r.repo.Storer.SetEncodedObject(o)
	if err != nil {
		r.t.Fatal(err)
	}
	return hash
}

func TestResolveFollowsWhatModulesCall(t *testing.T) {
	outer, inner := newRepository(t), newRepository(t)
	outer.commit(map[string]string{"main.hcl": "outer"})
	inner.commit(map[string]string{"main.hcl": "inner"})
	dir := t.TempDir()
	f, err := fetch.New(dir, fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var loads []int
	err = f.Resolve(t.Context(), func() {
		found := 0
		for _, r := range []*repository{outer, inner} { // inner is called by outer
			s, _ := module.Parse("git::" + r.dir)
			if _, _, err := f.Open(s); err != nil {
				break
			}
			found++
		}
		loads = append(loads, found)
	})
	if diff := cmp.Diff([]int{0, 1, 2}, loads); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
}

func TestCancelledFetchLeavesNothing(t *testing.T) {
	r := newRepository(t)
	r.commit(map[string]string{"main.hcl": "x"})
	dir := t.TempDir()
	f, err := fetch.New(dir, fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, _ := module.Parse("git::" + r.dir)
	if err := f.Resolve(ctx, func() { _, _, _ = f.Open(s) }); err == nil {
		t.Error("no error")
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, module.Folder)); len(entries) != 0 {
		t.Errorf("left %v", entries)
	}
}
