package repository_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/gitsync/repository"
)

// TestFollow finds what is followed: branches, tags, ranges, pins.
func TestFollow(t *testing.T) {
	o := newOrigin(t)
	first := o.commit(map[string]string{"a": "1"})
	second := o.commit(map[string]string{"a": "2"}, first)
	third := o.branch(o.commit(map[string]string{"a": "3"}, second))
	lost := o.commit(map[string]string{"a": "lost"}, first)
	o.ref("refs/changes/1", lost)
	o.ref("refs/heads/old", first)
	o.ref("refs/tags/light", second)
	annotated := o.tag("annotated", second)
	nested := o.object(plumbing.TagObject, "object "+annotated+"\ntype tag\ntag nested\ntagger T <t@example.org> 1 +0000\n\ntext\n").String()
	o.ref("refs/tags/nested", nested)
	o.ref("refs/tags/blob", o.object(plumbing.BlobObject, "x").String())
	o.ref("refs/tags/v1.0.0", first)
	v11 := o.tag("v1.1.0", second)
	o.ref("refs/tags/v1.2.0-rc.1", third)
	o.ref("refs/tags/1.1.5", third)
	o.ref("refs/tags/v9", third)
	for name, c := range map[string]struct {
		follow repository.Follow
		want   repository.Revision
		tag    string
	}{
		"default":   {repository.Follow{}, repository.Revision{Commit: third, Ref: "refs/heads/main"}, ""},
		"branch":    {repository.Follow{Branch: "old"}, repository.Revision{Commit: first, Ref: "refs/heads/old"}, ""},
		"light":     {repository.Follow{Tag: "light"}, repository.Revision{Commit: second, Ref: "refs/tags/light"}, ""},
		"annotated": {repository.Follow{Tag: "annotated"}, repository.Revision{Commit: second, Ref: "refs/tags/annotated"}, annotated},
		"nested":    {repository.Follow{Tag: "nested"}, repository.Revision{Commit: second, Ref: "refs/tags/nested"}, nested},
		"range":     {repository.Follow{Semver: "~> 1.1.0, < 1.1.5"}, repository.Revision{Commit: second, Ref: "refs/tags/v1.1.0", Version: "1.1.0"}, v11},
		"any":       {repository.Follow{Semver: ">= 0"}, repository.Revision{Commit: third, Ref: "refs/tags/1.1.5", Version: "1.1.5"}, ""},
		"early":     {repository.Follow{Semver: ">= 1.2.0-0, != 1.2.0-beta"}, repository.Revision{Commit: third, Ref: "refs/tags/v1.2.0-rc.1", Version: "1.2.0-rc.1"}, ""},
		"tip":       {repository.Follow{Commit: third}, repository.Revision{Commit: third, Pinned: true}, ""},
		"between":   {repository.Follow{Commit: second}, repository.Revision{Commit: second, Pinned: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := copyOf(t, o, repository.Options{})
			for range 2 { // also from the copy
				got := fetch(t, r, c.follow, "")
				if got.Tag != nil && got.Tag.ID != c.tag || got.Tag == nil && c.tag != "" {
					t.Errorf("the tag is %+v", got.Tag)
				}
				got.Tag = nil
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	for name, follow := range map[string]repository.Follow{
		"no branch": {Branch: "none"}, "no tag": {Tag: "none"}, "no version": {Semver: "> 5"},
		"no prerelease": {Semver: "> 1.1.5, < 2"}, "no commit behind": {Tag: "blob"},
		"a commit of nobody's": {Commit: strings.Repeat("1", 40)}, "a commit no branch leads to": {Commit: lost},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := copyOf(t, o, repository.Options{})
			var missing *repository.MissingError
			if _, err := r.Fetch(t.Context(), follow, ""); !errors.As(err, &missing) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestPushUnderWay reads a repository on this host while a reference of it is
// locked by git, empty at first and then with a commit that is not there yet.
func TestPushUnderWay(t *testing.T) {
	o := newOrigin(t)
	first := o.branch(o.commit(map[string]string{"a": "1"}))
	r, _ := copyOf(t, o, repository.Options{})
	for _, held := range []string{"", strings.Repeat("2", 40) + "\n"} {
		for _, name := range []string{"refs/heads/main.lock", "refs/heads/other.lock", "packed-refs.lock"} {
			if err := os.WriteFile(filepath.Join(o.dir, filepath.FromSlash(name)), []byte(held), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := fetch(t, r, repository.Follow{}, ""); got.Commit != first {
			t.Errorf("a lock with %q: %+v", held, got)
		}
	}
}

// TestPinBackwards lets an operator go back, and nobody else.
func TestPinBackwards(t *testing.T) {
	o := newOrigin(t)
	first := o.commit(map[string]string{"a": "1"})
	second := o.branch(o.commit(map[string]string{"a": "2"}, first))
	r, _ := copyOf(t, o, repository.Options{})
	if got := fetch(t, r, repository.Follow{Commit: first}, second); got.Commit != first {
		t.Errorf("got %+v", got)
	}
	o.branch(first)
	var rewrite *repository.RewriteError
	if _, err := r.Fetch(t.Context(), repository.Follow{}, second); !errors.As(err, &rewrite) || rewrite.From != second || rewrite.To != first || rewrite.Looked != 0 {
		t.Errorf("got %v", err)
	}
}

// TestMovedTag refuses a version that is another one than before, whether it
// was chosen then or not.
func TestMovedTag(t *testing.T) {
	o := newOrigin(t)
	first := o.commit(map[string]string{"a": "1"})
	second := o.branch(o.commit(map[string]string{"a": "2"}, first))
	o.ref("refs/tags/v1.0.0", first)
	o.ref("refs/tags/v1.1.0", second)
	r, dir := copyOf(t, o, repository.Options{})
	follow := repository.Follow{Semver: "^1.0"}
	if err := follow.Check(); err == nil {
		t.Error("go-version reads ^ now: document it")
	}
	follow.Semver = "~> 1.0"
	fetch(t, r, follow, "")
	if err := o.repo.Storer.RemoveReference("refs/tags/v1.1.0"); err != nil {
		t.Fatal(err)
	}
	o.ref("refs/tags/v1.0.0", second)
	var moved *repository.MovedTagError
	if _, err := r.Fetch(t.Context(), follow, ""); !errors.As(err, &moved) || moved.Tag != "v1.0.0" || moved.Was != first || moved.Is != second {
		t.Errorf("got %v", err)
	}
	if moved.Record != filepath.Join(dir, "tags.json") {
		t.Errorf("the record is %s", moved.Record)
	}
	if err := r.AcceptTag("v1.0.0", strings.Repeat("0", 40)); err != nil { // another than it has now
		t.Fatal(err)
	}
	if _, err := r.Fetch(t.Context(), follow, ""); !errors.As(err, &moved) || moved.Is != second {
		t.Errorf("got %v", err)
	}
	for _, tag := range []string{"v1.0.0", "v9"} { // v9 was never seen
		if err := r.AcceptTag(tag, second); err != nil {
			t.Fatal(err)
		}
	}
	if got := fetch(t, r, follow, ""); got.Commit != second {
		t.Errorf("got %+v", got)
	}
	if record, err := os.ReadFile(moved.Record); err != nil || strings.Contains(string(record), "v9") {
		t.Errorf("%v: %s", err, record)
	}
	if err := r.AcceptTag("v1.0.0", first); err != nil {
		t.Fatal(err)
	}
	o.ref("refs/tags/v1.0.0", first)
	fetch(t, r, follow, "")
	o.ref("refs/tags/1.0.0", second) // the same version, and another commit
	if _, err := r.Fetch(t.Context(), follow, ""); err == nil {
		t.Error("two tags of one version are taken")
	}
}

// TestCheck refuses what cannot be followed.
func TestCheck(t *testing.T) {
	for name, f := range map[string]repository.Follow{
		"two": {Branch: "a", Tag: "b"}, "range": {Semver: "one"}, "short": {Commit: "abc"},
		"upper": {Commit: strings.Repeat("A", 40)}, "dots": {Branch: "a..b"}, "space": {Tag: "a b"}, "lock": {Branch: "a.lock"},
	} {
		if f.Check() == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// TestURLs refuses to reach what must not be, before anything is asked.
func TestURLs(t *testing.T) {
	for url, good := range map[string]bool{
		"https://example.org/a.git":          true,
		"/srv/a":                             true,
		"file:///srv/a":                      true,
		"http://127.0.0.1:1/a":               true,
		"http://[::1]/a":                     true,
		"git://localhost/a":                  true,
		"http://example.org/a":               false,
		"git://example.org/a":                false,
		"http://127.0.0.1.example.org/a":     false,
		"https://u:s3cret@example.org/a":     false,
		"https://s3cret@example.org/a":       false,
		"https://example.org/a?token=s3cret": false,
		"https:///a":                         false,
		"ssh://git@example.org/a":            false, // without a key
		"git@example.org:s3cret":             false,
		"ftp://example.org/a":                false,
		"ext::sh -c touch% /x":               false,
		"relative/path":                      false,
		"file://host/a":                      false,
		"https://example.org/a\nb":           false,
		"-oProxyCommand=s3cret":              false,
	} {
		r, err := repository.Open(t.TempDir(), repository.Options{URL: url})
		if good != (err == nil) {
			t.Errorf("%q: %v", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") && strings.Contains(url, "@example.org/") {
			t.Errorf("the error shows the secret: %v", err)
		}
		if r != nil {
			r.Close()
		}
	}
}

// TestOneProcess gives a directory to one Repository at a time.
func TestOneProcess(t *testing.T) {
	o := newOrigin(t)
	o.branch(o.commit(map[string]string{"a": "1"}))
	r, dir := copyOf(t, o, repository.Options{})
	if _, err := repository.Open(dir, repository.Options{URL: o.dir}); err == nil {
		t.Fatal("two have it")
	}
	r.Close()
	reopen(t, dir, repository.Options{URL: o.dir})
}

// TestLeftovers starts from what a killed fetch may leave.
func TestLeftovers(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, dir string){
		"staged":          func(t *testing.T, dir string) { put(t, dir, "clone.new/objects/pack/x", "x") },
		"between renames": func(t *testing.T, dir string) { move(t, dir, "clone", "clone.old") },
		"after renames":   func(t *testing.T, dir string) { put(t, dir, "clone.old/x", "x") },
		"incoming":        func(t *testing.T, dir string) { put(t, dir, "clone/incoming/pack-1", "PACK") },
		"index alone": func(t *testing.T, dir string) {
			put(t, dir, "clone/objects/pack/pack-"+strings.Repeat("1", 40)+".idx", "x")
		},
		"temporary":        func(t *testing.T, dir string) { put(t, dir, "clone/objects/pack/.tmp-1", "x") },
		"export":           func(t *testing.T, dir string) { put(t, dir, "trees/.export-1/tree/x", "x") },
		"no head":          func(t *testing.T, dir string) { remove(t, dir, "clone/HEAD") },
		"pack cut off":     func(t *testing.T, dir string) { truncate(t, dir, "clone/objects/pack/pack-*.pack") },
		"pack damaged":     func(t *testing.T, dir string) { flip(t, dir, "clone/objects/pack/pack-*.pack") },
		"index damaged":    func(t *testing.T, dir string) { flip(t, dir, "clone/objects/pack/pack-*.idx") },
		"index gone":       func(t *testing.T, dir string) { remove(t, dir, "clone/objects/pack/pack-*.idx") },
		"pack gone":        func(t *testing.T, dir string) { remove(t, dir, "clone/objects/pack/pack-*.pack") },
		"shallow damaged":  func(t *testing.T, dir string) { put(t, dir, "clone/shallow", "x\n") },
		"tips cut off":     func(t *testing.T, dir string) { put(t, dir, "clone/tips", "12345") },
		"clone is a file":  func(t *testing.T, dir string) { move(t, dir, "clone", "x"); put(t, dir, "clone", "x") },
		"everything empty": func(t *testing.T, dir string) { move(t, dir, "clone", "x"); put(t, dir, "clone/x", "") },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t)
			first := o.branch(o.commit(map[string]string{"a": "1"}))
			r, dir := copyOf(t, o, repository.Options{})
			fetch(t, r, repository.Follow{}, "")
			r.Close()
			leave(t, dir)
			second := o.branch(o.commit(map[string]string{"a": "2"}, first))
			r = reopen(t, dir, repository.Options{URL: o.dir})
			if got := fetch(t, r, repository.Follow{}, first); got.Commit != second {
				t.Errorf("got %+v", got)
			}
			for _, id := range []string{first, second} {
				if _, err := r.Export(t.Context(), id, "", filepath.Join(dir, "out")); err != nil {
					t.Error(err)
				}
			}
			for _, gone := range []string{"clone.new", "clone.old", "clone/incoming/*", "clone/*/*/.tmp-*", "trees/.export-*"} {
				if left, _ := filepath.Glob(filepath.Join(dir, gone)); len(left) > 0 {
					t.Errorf("%v is left", left)
				}
			}
		})
	}
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	at := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func move(t *testing.T, dir, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
		t.Fatal(err)
	}
}

func only(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v %v", found, err)
	}
	return found[0]
}

func remove(t *testing.T, dir, pattern string) {
	t.Helper()
	if err := os.Remove(only(t, dir, pattern)); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, dir, pattern string) {
	t.Helper()
	name := only(t, dir, pattern)
	info, err := os.Stat(name)
	if err == nil {
		err = os.Truncate(name, info.Size()-5)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func flip(t *testing.T, dir, pattern string) {
	t.Helper()
	name := only(t, dir, pattern)
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 0x55
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestBrokenOrigin keeps the old copy when the repository lost an object, as
// after a push that was cut off.
func TestBrokenOrigin(t *testing.T) {
	o := newOrigin(t)
	first := o.branch(o.commit(map[string]string{"a": "1"}))
	r, dir := copyOf(t, o, repository.Options{})
	fetch(t, r, repository.Follow{}, "")
	second := o.branch(o.commit(map[string]string{"a": "2", "b": "3"}, first))
	blob := plumbing.ComputeHash(plumbing.BlobObject, []byte("3")).String()
	if err := os.Remove(filepath.Join(o.dir, "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	var broken *repository.BrokenError
	if _, err := r.Fetch(t.Context(), repository.Follow{}, first); !errors.As(err, &broken) {
		t.Errorf("got %v", err)
	}
	if _, err := r.Export(t.Context(), first, "", ""); err != nil {
		t.Errorf("the old copy: %v", err)
	}
	only(t, dir, "clone/objects/pack/*.pack")
	o.object(plumbing.BlobObject, "3") // pushed again
	if got := fetch(t, r, repository.Follow{}, first); got.Commit != second {
		t.Errorf("got %+v", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "clone.*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// TestManyFetches keeps the disk bounded over many small changes.
func TestManyFetches(t *testing.T) {
	n := 60
	if os.Getenv("DECNET_LONG") != "" {
		n = 1000
	}
	o := newOrigin(t)
	last := o.branch(o.commit(map[string]string{"a": "0"}))
	r, dir := copyOf(t, o, repository.Options{})
	largest := int64(0)
	for i := range n {
		last = o.branch(o.commit(map[string]string{"a": fmt.Sprint(i)}, last))
		got := fetch(t, r, repository.Follow{}, "")
		if _, err := r.Export(t.Context(), got.Commit, "", ""); err != nil {
			t.Fatal(err)
		}
		if err := r.Keep(got.Commit); err != nil {
			t.Fatal(err)
		}
		files, size := disk(t, dir)
		if files > 130 {
			t.Fatalf("%d files after %d fetches", files, i)
		}
		largest = max(largest, size)
	}
	t.Logf("at most %d bytes in %d fetches", largest, n)
	if trees, _ := filepath.Glob(filepath.Join(dir, "trees", "*")); len(trees) != 1 {
		t.Errorf("%v are left", trees)
	}
}

func disk(t *testing.T, dir string) (files int, size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files, size = files+1, size+info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, size
}
