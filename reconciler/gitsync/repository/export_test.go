package repository_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/gitsync/repository"
)

// shown is what lies below a directory: content, mode, targets of links.
func shown(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		content := ""
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			content, err = os.Readlink(name)
			out[rel] = "-> " + content
			return err
		case d.Type().IsRegular():
			raw, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			content = string(raw)
		}
		out[rel] = fmt.Sprintf("%v %s", info.Mode(), content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestExport writes what a commit has, whatever the umask is, and the place of
// a path in it.
func TestExport(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	o := newOrigin(t)
	id := o.branch(o.commit(map[string]string{
		"main.hcl": "1", "bin/run": "!x", "modules/m/a": "2", "sites/one/main.hcl": "3",
		"sites/one/m": "-> ../../modules/m", "dangling": "-> nowhere", "empty": "",
	}))
	r, dir := copyOf(t, o, repository.Options{})
	fetch(t, r, repository.Follow{}, "")
	want := map[string]string{
		".": "drwxr-xr-x ", "main.hcl": "-rw-r--r-- 1", "bin": "drwxr-xr-x ", "bin/run": "-rwxr-xr-x x",
		"modules": "drwxr-xr-x ", "modules/m": "drwxr-xr-x ", "modules/m/a": "-rw-r--r-- 2", "sites": "drwxr-xr-x ",
		"sites/one": "drwxr-xr-x ", "sites/one/main.hcl": "-rw-r--r-- 3", "sites/one/m": "-> ../../modules/m",
		"dangling": "-> nowhere", "empty": "-rw-r--r-- ",
	}
	place, err := r.Export(t.Context(), id, "sites/one", "")
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "trees", id, "sites", "one"); place != want {
		t.Errorf("the place is %s, not %s", place, want)
	}
	if diff := cmp.Diff(want, shown(t, filepath.Join(dir, "trees", id))); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(filepath.Join(dir, "trees")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	elsewhere := filepath.Join(t.TempDir(), "made", "tree")
	for range 2 { // the second replaces the first
		if place, err = r.Export(t.Context(), id, "", elsewhere); err != nil || place != elsewhere {
			t.Fatalf("%s %v", place, err)
		}
		if diff := cmp.Diff(want, shown(t, elsewhere)); diff != "" {
			t.Error(diff)
		}
		put(t, elsewhere, "more", "x")
	}
	var missing *repository.MissingError
	for _, below := range []string{"none", "main.hcl"} {
		if _, err := r.Export(t.Context(), id, below, ""); !errors.As(err, &missing) {
			t.Errorf("%s: %v", below, err)
		}
	}
	for _, below := range []string{"..", "/etc", "a/../..", `a\b`, "a//b", "./a"} {
		if _, err := r.Export(t.Context(), id, below, ""); err == nil {
			t.Errorf("%s is taken", below)
		}
	}
}

// TestHostileTrees writes nothing of a tree that tricks.
func TestHostileTrees(t *testing.T) {
	small := repository.Limits{MaxFiles: 20, MaxFile: 100, MaxTree: 250}
	lines := func(parts ...string) func(o *origin) plumbing.Hash {
		return func(o *origin) plumbing.Hash {
			blob, link := o.object(plumbing.BlobObject, "x"), o.object(plumbing.BlobObject, "/etc")
			sub := o.tree(map[string]string{"passwd": "x"})
			var raw strings.Builder
			for _, part := range parts {
				mode, name, _ := strings.Cut(part, " ")
				hash := map[string]plumbing.Hash{"40000": sub, "120000": link}[mode]
				if hash == plumbing.ZeroHash {
					hash = blob
				}
				raw.WriteString(line(mode, name, hash))
			}
			return o.object(plumbing.TreeObject, raw.String())
		}
	}
	files := func(m map[string]string) func(o *origin) plumbing.Hash {
		return func(o *origin) plumbing.Hash { return o.tree(m) }
	}
	many := map[string]string{}
	for i := range 21 {
		many[fmt.Sprint(i)] = ""
	}
	for name, tree := range map[string]func(o *origin) plumbing.Hash{
		"up":                  lines("100644 .."),
		"here":                lines("100644 ."),
		"no name":             lines("100644 "),
		"slash":               lines("100644 a/b"),
		"root":                lines("100644 /etc/x"),
		"backslash":           lines(`100644 ..\x`),
		"git":                 lines("40000 .git"),
		"GIT":                 lines("40000 .GIT"),
		"git of Windows":      lines("40000 git~1"),
		"git with dots":       lines("40000 .git. ."),
		"git as a stream":     lines("40000 .git::$INDEX_ALLOCATION"),
		"git with nothing":    lines("40000 .g\u200cit"),
		"twice":               lines("100644 a", "100644 a"),
		"link and folder":     lines("120000 a", "40000 a"),
		"case":                lines("100644 A", "100644 a"),
		"case of folder":      lines("120000 A", "40000 a"),
		"device":              lines("60000 a"),
		"fifo":                lines("10000 a"),
		"setuid":              lines("104755 a"),
		"odd mode":            lines("100777 a"),
		"too long":            lines("100644 " + strings.Repeat("a", 256)),
		"cut off":             func(o *origin) plumbing.Hash { return o.object(plumbing.TreeObject, "100644 a\x00123") },
		"link out":            files(map[string]string{"a": "-> ../x"}),
		"link to root":        files(map[string]string{"a": "-> /etc/passwd"}),
		"link to nothing":     files(map[string]string{"a": "-> "}),
		"link through a link": files(map[string]string{"d/e/f/up": "-> ../../..", "d/e/f/out": "-> up/.."}),
		"links in a ring":     files(map[string]string{"a": "-> b", "b": "-> a"}),
		"submodule":           files(map[string]string{"a": "@"}),
		"too many":            files(many),
		"too large":           files(map[string]string{"a": strings.Repeat("x", 101)}),
		"too large together":  files(map[string]string{"a": strings.Repeat("x", 99), "b": strings.Repeat("y", 99), "c": strings.Repeat("z", 99)}),
		"too deep":            files(map[string]string{strings.Repeat("a/", 70) + "b": "x"}),
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t)
			id := o.branch(o.commitTree(tree(o)))
			r, dir := copyOf(t, o, repository.Options{Limits: small})
			_, err := r.Fetch(t.Context(), repository.Follow{}, "")
			if err == nil {
				_, err = r.Export(t.Context(), id, "", "")
			}
			if err == nil {
				t.Error("it is taken")
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "trees", "*")); len(left) > 0 {
				t.Errorf("%v are left", left)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "trees", ".*")); len(left) > 0 {
				t.Errorf("%v are left", left)
			}
		})
	}
	t.Run("allowed submodule", func(t *testing.T) {
		o := newOrigin(t)
		id := o.branch(o.commit(map[string]string{"a/b": "@", "c": "x"}))
		r, dir := copyOf(t, o, repository.Options{Submodules: true})
		fetch(t, r, repository.Follow{}, "")
		if _, err := r.Export(t.Context(), id, "", ""); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{".": "drwxr-xr-x ", "a": "drwxr-xr-x ", "a/b": "drwxr-xr-x ", "c": "-rw-r--r-- x"}
		if diff := cmp.Diff(want, shown(t, filepath.Join(dir, "trees", id))); diff != "" {
			t.Error(diff)
		}
	})
}

// TestKeep removes all trees but some, and writes a tree of another process
// again, unless its commit is gone.
func TestKeep(t *testing.T) {
	o := newOrigin(t)
	first := o.commit(map[string]string{"a": "1"})
	second := o.branch(o.commit(map[string]string{"a": "2"}, first))
	r, dir := copyOf(t, o, repository.Options{})
	fetch(t, r, repository.Follow{}, "")
	for _, id := range []string{first, second} {
		if _, err := r.Export(t.Context(), id, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Keep(second); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, "trees", second, "a")
	put(t, filepath.Dir(at), "a", "torn")
	if trees, _ := filepath.Glob(filepath.Join(dir, "trees", "*")); len(trees) != 1 {
		t.Errorf("%v", trees)
	}
	r.Close()
	r = reopen(t, dir, repository.Options{URL: o.dir})
	if _, err := r.Export(t.Context(), second, "", ""); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(at); err != nil || string(raw) != "2" {
		t.Errorf("%q %v", raw, err)
	}
}
