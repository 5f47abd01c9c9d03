package module_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/schema/module"
)

var (
	commit = strings.Repeat("0a", 20)
	digest = "sha256:" + strings.Repeat("1b", 32)
)

func TestLockIsReadAsWritten(t *testing.T) {
	dir := t.TempDir()
	if lock, err := module.ReadLock(dir); err != nil || len(lock) != 0 {
		t.Fatalf("%v, %v", lock, err)
	}
	want := module.Lock{
		"git::https://example.org/x.git?ref=v1": {Commit: commit, Digest: digest},
		"git::/srv/x":                           {Commit: commit, Digest: digest},
	}
	if err := want.Write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := module.ReadLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	written, _ := os.ReadFile(filepath.Join(dir, module.LockName))
	if !bytes.Equal(written, want.Bytes()) || !strings.HasPrefix(string(written), "# ") {
		t.Errorf("%s", written)
	}
	if err := (module.Lock{}).Write(dir); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left: %v", entries)
	}
}

func TestParseLockRefuses(t *testing.T) {
	block := func(name, body string) string { return "module \"" + name + "\" {\n" + body + "\n}\n" }
	good := "commit = \"" + commit + "\"\ndigest = \"" + digest + "\""
	for name, tt := range map[string]struct{ src, why string }{
		"syntax":        {"module \"", "line 1"},
		"argument":      {"x = 1\n", "no argument \"x\""},
		"other block":   {"decky \"x\" {\n}\n", "only module"},
		"local source":  {block("./x", good), "no source"},
		"with a folder": {block("git::https://e.org/x.git//sub", good), "no source"},
		"twice":         {block("git::/srv/x", good) + block("git::/srv/x", good), "stands twice"},
		"no commit":     {block("git::/srv/x", "digest = \""+digest+"\""), "commit is missing"},
		"short commit":  {block("git::/srv/x", "commit = \"abc\"\ndigest = \""+digest+"\""), "no commit"},
		"digest":        {block("git::/srv/x", "commit = \""+commit+"\"\ndigest = \"md5:0\""), "no digest"},
		"reference":     {block("git::/srv/x", "commit = var.x\ndigest = \""+digest+"\""), "no plain text"},
		"more":          {block("git::/srv/x", good+"\nx = 1"), "commit and digest only"},
		"inner block":   {block("git::/srv/x", good+"\nx {\n}"), "only module"},
		"nesting":       {strings.Repeat("a {\n", 1000), "more than module blocks"},
		"brackets":      {"x = " + strings.Repeat("[", 100_000), "more than module blocks"},
		"size":          {strings.Repeat("#\n", module.MaxLock), "more than"},
	} {
		if lock, err := module.ParseLock([]byte(tt.src)); err == nil || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s: %v, %v; want %q", name, lock, err, tt.why)
		}
	}
}

// FuzzLock: what is accepted is written as what is read back alike.
func FuzzLock(f *testing.F) {
	f.Add([]byte("module \"git::/srv/x\" {\n  commit = \"" + commit + "\"\n  digest = \"" + digest + "\"\n}\n"))
	f.Add([]byte("# nothing\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		lock, err := module.ParseLock(src)
		if err != nil {
			return
		}
		again, err := module.ParseLock(lock.Bytes())
		if err != nil || !cmp.Equal(lock, again) {
			t.Fatalf("%q is %v, then %v (%v)", src, lock, again, err)
		}
	})
}

// tree writes files; a content of "-> x" is a link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(content, "-> "); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDigestSeesEveryChange(t *testing.T) {
	base := map[string]string{"main.hcl": "a", "sub/x": "b", "sub/link": "-> ../main.hcl"}
	want, err := module.Digest(tree(t, base))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := module.Digest(tree(t, base)); err != nil || again != want {
		t.Errorf("%s, then %s (%v)", want, again, err)
	}
	for name, change := range map[string]map[string]string{
		"content":     {"main.hcl": "A", "sub/x": "b", "sub/link": "-> ../main.hcl"},
		"name":        {"main.hcl": "a", "sub/y": "b", "sub/link": "-> ../main.hcl"},
		"target":      {"main.hcl": "a", "sub/x": "b", "sub/link": "-> x"},
		"link a file": {"main.hcl": "a", "sub/x": "b", "sub/link": "../main.hcl"},
		"one more":    {"main.hcl": "a", "sub/x": "b", "sub/link": "-> ../main.hcl", "z": ""},
		"one less":    {"main.hcl": "a", "sub/x": "b"},
		"moved bytes": {"main.hcl": "ab", "sub/x": "", "sub/link": "-> ../main.hcl"},
	} {
		if got, err := module.Digest(tree(t, change)); err != nil || got == want {
			t.Errorf("%s: %s (%v)", name, got, err)
		}
	}
}

func TestDigestRefusesLinksThatLeave(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"absolute": {"x": "-> /etc/passwd"},
		"above":    {"sub/x": "-> ../../x"},
		"chain":    {"a/b/c": "", "a/up": "-> ..", "up": "-> a/b", "x": "-> a/up/up/../../../y"},
		"circle":   {"x": "-> y", "y": "-> x"},
	} {
		if got, err := module.Digest(tree(t, files)); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, err := module.Digest(tree(t, map[string]string{"x": "-> gone"})); err != nil {
		t.Errorf("a link to nothing in the tree: %v", err)
	}
}

func TestInstalledComparesWithTheLock(t *testing.T) {
	dir := tree(t, map[string]string{})
	source, err := module.Parse("git::/srv/x?ref=v1")
	if err != nil {
		t.Fatal(err)
	}
	name := source.Package()
	if _, _, err := module.Open(dir).Open(source); !errors.Is(err, module.ErrMissing) {
		t.Errorf("nothing is locked: %v", err)
	}
	files := tree(t, map[string]string{"main.hcl": "x"})
	sum, err := module.Digest(files)
	if err != nil {
		t.Fatal(err)
	}
	entry := module.Entry{Commit: commit, Digest: sum}
	if err := (module.Lock{name: entry}).Write(dir); err != nil {
		t.Fatal(err)
	}
	if _, _, err := module.Open(dir).Open(source); !errors.Is(err, module.ErrMissing) {
		t.Errorf("nothing is there: %v", err)
	}
	place := filepath.Join(dir, module.Folder, module.Place(name, entry))
	if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(files, place); err != nil {
		t.Fatal(err)
	}
	fsys, at, err := module.Open(dir).Open(source)
	if err != nil || at != module.Folder+"/"+filepath.Base(place) {
		t.Fatalf("%s, %v", at, err)
	}
	if f, err := fsys.Open("main.hcl"); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
	if err := os.WriteFile(filepath.Join(place, "main.hcl"), []byte("y"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, err = module.Open(dir).Open(source)
	var mismatch *module.Mismatch
	if !errors.As(err, &mismatch) || mismatch.Locked != sum || !strings.Contains(err.Error(), mismatch.Found) || !strings.Contains(err.Error(), "decnet get") {
		t.Errorf("changed: %v", err)
	}
}
