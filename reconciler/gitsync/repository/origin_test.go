package repository_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/decnet/decnet/reconciler/gitsync/repository"
)

// origin is a repository on disk that is written object by object, so that a
// test can make what git would not.
type origin struct {
	t    *testing.T
	dir  string
	repo *git.Repository
	n    int
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "origin")
	repo, err := git.PlainInit(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	return &origin{t: t, dir: dir, repo: repo}
}

func (o *origin) object(kind plumbing.ObjectType, raw string) plumbing.Hash {
	o.t.Helper()
	e := o.repo.Storer.NewEncodedObject()
	e.SetType(kind)
	w, err := e.Writer()
	if err == nil {
		_, err = w.Write([]byte(raw))
	}
	if err != nil {
		o.t.Fatal(err)
	}
	hash, err := o.repo.Storer.SetEncodedObject(e)
	if err != nil {
		o.t.Fatal(err)
	}
	return hash
}

// line is one line of a tree.
func line(mode, name string, hash plumbing.Hash) string {
	return mode + " " + name + "\x00" + string(hash[:])
}

// tree makes a tree of paths: "-> x" is a link, "!x" can be executed, "@" is a
// submodule.
func (o *origin) tree(files map[string]string) plumbing.Hash {
	o.t.Helper()
	below, lines := map[string]map[string]string{}, map[string]string{}
	for name, content := range files {
		if dir, rest, ok := strings.Cut(name, "/"); ok {
			if below[dir] == nil {
				below[dir] = map[string]string{}
			}
			below[dir][rest] = content
			continue
		}
		mode := "100644"
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			mode, content = "120000", target
		} else if script, ok := strings.CutPrefix(content, "!"); ok {
			mode, content = "100755", script
		}
		if content == "@" {
			lines[name] = line("160000", name, plumbing.NewHash(strings.Repeat("1", 40)))
			continue
		}
		lines[name] = line(mode, name, o.object(plumbing.BlobObject, content))
	}
	for dir, files := range below {
		lines[dir+"/"] = line("40000", dir, o.tree(files))
	}
	var names []string
	for name := range lines {
		names = append(names, name)
	}
	slices.Sort(names)
	var raw strings.Builder
	for _, name := range names {
		raw.WriteString(lines[name])
	}
	return o.object(plumbing.TreeObject, raw.String())
}

// commit makes a commit of files.
func (o *origin) commit(files map[string]string, parents ...string) string {
	o.t.Helper()
	return o.commitTree(o.tree(files), parents...)
}

func (o *origin) commitTree(tree plumbing.Hash, parents ...string) string {
	o.t.Helper()
	o.n++
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "tree %s\n", tree)
	for _, p := range parents {
		fmt.Fprintf(&raw, "parent %s\n", p)
	}
	fmt.Fprintf(&raw, "author A <a@example.org> %d +0000\ncommitter C <c@example.org> %d +0000\n\nchange %d\n", o.n, o.n, o.n)
	return o.object(plumbing.CommitObject, raw.String()).String()
}

func (o *origin) tag(name, id string) string {
	o.t.Helper()
	raw := fmt.Sprintf("object %s\ntype commit\ntag %s\ntagger T <t@example.org> 1 +0000\n\ntext\n", id, name)
	hash := o.object(plumbing.TagObject, raw).String()
	o.ref("refs/tags/"+name, hash)
	return hash
}

func (o *origin) ref(name, id string) {
	o.t.Helper()
	if err := o.repo.Storer.SetReference(plumbing.NewReferenceFromStrings(name, id)); err != nil {
		o.t.Fatal(err)
	}
}

// branch sets main, which is the default branch.
func (o *origin) branch(id string) string {
	o.t.Helper()
	o.ref("refs/heads/main", id)
	o.ref("HEAD", "ref: refs/heads/main")
	return id
}

func copyOf(t *testing.T, o *origin, options repository.Options) (*repository.Repository, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	options.URL = o.dir
	return reopen(t, dir, options), dir
}

func reopen(t *testing.T, dir string, options repository.Options) *repository.Repository {
	t.Helper()
	r, err := repository.Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func fetch(t *testing.T, r *repository.Repository, f repository.Follow, last string) repository.Revision {
	t.Helper()
	got, err := r.Fetch(t.Context(), f, last)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
