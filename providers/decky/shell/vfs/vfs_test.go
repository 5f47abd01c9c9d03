package vfs_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// image is what the hosts of the tests share.
var image = func() *vfs.Image {
	m := vfs.NewImage()
	m.Add(vfs.Entry{Path: "/etc/passwd", Mode: vfs.TypeFile | 0o644, Source: "root\n", Size: -1})
	m.Add(vfs.Entry{Path: "/usr/bin", Mode: vfs.TypeDir | 0o755})
	m.Add(vfs.Entry{Path: "/usr/bin/ls", Mode: vfs.TypeFile | 0o755, Source: "ELF", Size: -1})
	m.Add(vfs.Entry{Path: "/usr/share/doc/a/copyright", Mode: vfs.TypeFile | 0o644, Source: "free", Size: 4})
	m.Add(vfs.Entry{Path: "/bin", Mode: vfs.TypeLink | 0o777, Target: "usr/bin"})
	m.Add(vfs.Entry{Path: "/tmp", Mode: vfs.TypeDir | 0o1777})
	return m
}()

func clock() time.Time { return epoch }

type host struct{}

func (host) Content(e *vfs.Entry) vfs.Content { return strings.NewReader(e.Source.(string)) }

func (host) Times(*vfs.Entry) (time.Time, time.Time) { return epoch, epoch }

func newFS(quota int64) *vfs.FS {
	f := vfs.Of(image, host{}, quota, clock)
	f.AddDir("/tmp", 0o1777, 0, 0, epoch, false)
	f.AddDir("/home/a", 0o700, 1000, 1000, epoch, false)
	f.AddDir("/proc", 0o555, 0, 0, epoch, true)
	f.AddGenerated("/proc/uptime", 0o444, epoch, func() []byte { return []byte("1.00 1.00\n") })
	f.AddDevice("/dev/null", vfs.TypeChar|0o666, 0, 0, 1, 3, epoch)
	f.AddFile("/etc/shadow", []byte("secret\n"), 0o640, 0, 42, epoch)
	f.AddLink("/loop", "/loop", epoch)
	return f
}

func TestErrorsAreTheKernels(t *testing.T) {
	f := newFS(1 << 20)
	root, user := f.As(0, 0), f.As(1000, 1000)
	for name, c := range map[string]struct {
		got  error
		want error
	}{
		"missing":          {stat(root, "/nope"), syscall.ENOENT},
		"below a file":     {stat(root, "/etc/passwd/x"), syscall.ENOTDIR},
		"loop":             {stat(root, "/loop"), syscall.ELOOP},
		"long name":        {stat(root, "/"+strings.Repeat("a", 300)), syscall.ENAMETOOLONG},
		"foreign home":     {root.Mkdir("/home/a/x", 0o755), nil},
		"no right":         {f.As(2, 2).Mkdir("/home/a/y", 0o755), syscall.EACCES},
		"exists":           {root.Mkdir("/tmp", 0o755), syscall.EEXIST},
		"below proc":       {root.Mkdir("/proc/x", 0o755), syscall.ENOENT},
		"not empty":        {root.Remove("/etc"), syscall.ENOTEMPTY},
		"not the owner":    {user.Chmod("/etc/passwd", 0o777), syscall.EPERM},
		"generated":        {root.Chmod("/proc/uptime", 0o777), syscall.EPERM},
		"into itself":      {root.Rename("/usr", "/usr/bin/usr"), syscall.EINVAL},
		"read shadow":      {read(user, "/etc/shadow"), syscall.EACCES},
		"write passwd":     {user.WriteFile("/etc/passwd", nil, 0), syscall.EACCES},
		"write to proc":    {root.WriteFile("/proc/uptime", []byte("x"), 0), syscall.EACCES},
		"file in a file":   {root.WriteFile("/etc/passwd/x", nil, 0), syscall.ENOTDIR},
		"too large":        {root.WriteFile("/tmp/big", make([]byte, 2<<20), 0o644), syscall.ENOSPC},
		"write to a dir":   {root.WriteFile("/tmp", nil, 0), syscall.EISDIR},
		"through the link": {read(user, "/bin/ls"), nil},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if got := vfs.Text(syscall.ENOTEMPTY); got != "Directory not empty" {
		t.Error(got)
	}
}

func stat(v vfs.View, path string) error { _, err := v.Stat(path); return err }

func read(v vfs.View, path string) error { _, err := v.ReadFile(path); return err }

func TestStickyDirectoryKeepsForeignFiles(t *testing.T) {
	f := newFS(1 << 20)
	if err := f.As(1000, 1000).WriteFile("/tmp/mine", []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.As(1001, 1001).Remove("/tmp/mine"); !errors.Is(err, syscall.EPERM) {
		t.Errorf("a stranger removes it: %v", err)
	}
	if err := f.As(1000, 1000).Remove("/tmp/mine"); err != nil {
		t.Error(err)
	}
}

func TestFilesBehave(t *testing.T) {
	f := newFS(1 << 20)
	v := f.As(0, 0)
	if err := v.WriteFile("/tmp/f", []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := v.Open("/tmp/f", vfs.Write|vfs.Append, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write([]byte("two\n")); err != nil {
		t.Fatal(err)
	}
	if err := v.Link("/tmp/f", "/tmp/g"); err != nil {
		t.Fatal(err)
	}
	if err := v.Rename("/tmp/f", "/tmp/h"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/tmp/g", "/tmp/h"} {
		if data, err := v.ReadFile(path); err != nil || string(data) != "one\ntwo\n" {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	info, err := v.Stat("/tmp/g")
	if err != nil || info.Links != 2 || info.Mode != vfs.TypeFile|0o600 || info.Size != 8 {
		t.Errorf("%+v, %v", info, err)
	}
	if data, err := v.ReadFile("/dev/null"); err != nil || len(data) != 0 {
		t.Errorf("/dev/null holds %q, %v", data, err)
	}
	if err := v.WriteFile("/dev/null", []byte("gone"), 0); err != nil {
		t.Error(err)
	}
}

func TestBaseIsNeverWrittenTo(t *testing.T) {
	shared := []byte("shared content")
	f := vfs.New(1<<20, func() time.Time { return epoch })
	f.AddFile("/a", shared, 0o644, 0, 0, epoch)
	file, err := f.As(0, 0).Open("/a", vfs.Write, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write([]byte("XX")); err != nil {
		t.Fatal(err)
	}
	if data, _ := f.As(0, 0).ReadFile("/a"); string(data) != "XXared content" {
		t.Errorf("file holds %q", data)
	}
	if string(shared) != "shared content" {
		t.Errorf("the base that other machines share is now %q", shared)
	}
}

// paths that random operations use.
var paths = []string{"/tmp/a", "/tmp/b", "/tmp/c", "/tmp/a/x", "/tmp/b/y", "/home/a/f", "/home/a", "/etc/passwd", "/etc/shadow", "/proc/x", "/usr/bin/ls", "/usr", "/usr/share", "/tmp/a/doc/a/copyright", "/usr/share/doc/a", "/bin", "/tmp/b/ls"}

func TestChangesSurviveARestart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFS(64 << 10)
		v := f.As(0, 0)
		path := rapid.SampledFrom(paths)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			a, b := path.Draw(t, "a"), path.Draw(t, "b")
			switch rapid.IntRange(0, 8).Draw(t, "operation") {
			case 7:
				_ = v.Link(a, b)
			case 8:
				_ = v.Mknod(a, vfs.TypeFIFO|0o600, 0, 0)
			case 0:
				_ = v.WriteFile(a, rapid.SliceOfN(rapid.Byte(), 0, 20_000).Draw(t, "data"), 0o644)
			case 1:
				_ = v.Mkdir(a, 0o755)
			case 2:
				_ = v.Remove(a)
			case 3:
				_ = v.Rename(a, b)
			case 4:
				_ = v.Symlink(b, a)
			case 5:
				_ = v.Chmod(a, 0o600)
			case 6:
				_ = v.Chown(a, 5, 6)
			}
			if used := f.Used(); used < 0 || used > 64<<10 {
				t.Fatalf("clients hold %d bytes", used)
			}
		}
		data, _, err := f.Changes()
		if err != nil {
			t.Fatal(err)
		}
		again := newFS(64 << 10)
		if err := again.Restore(data); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(dump(f.As(0, 0), "/"), dump(again.As(0, 0), "/")); diff != "" {
			t.Fatal(diff)
		}
	})
}

// dump is a tree as lines of path, mode, owner and content.
func dump(v vfs.View, dir string) map[string]string {
	out := map[string]string{}
	list, err := v.ReadDir(dir)
	if err != nil {
		return out
	}
	for _, info := range list {
		path := strings.TrimSuffix(dir, "/") + "/" + info.Name
		content := info.Target
		if info.IsFile() {
			data, _ := v.ReadFile(path)
			content = string(data)
		}
		out[path] = fmt.Sprint(content, "|", info.Mode, "|", info.UID, "|", info.Links, "|", info.Size, "|", info.MTime)
		if info.IsDir() {
			for k, x := range dump(v, path) {
				out[k] = x
			}
		}
	}
	return out
}

func FuzzRestore(f *testing.F) {
	source := newFS(1 << 20)
	_ = source.As(0, 0).WriteFile("/tmp/x", []byte("x"), 0o644)
	data, _, err := source.Changes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"gone":["/","/tmp/.."],"entries":[{"p":"/proc/uptime","m":33188},{"p":"/a/../../b","m":16877}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		fs := newFS(1 << 20)
		if fs.Restore(data) != nil {
			return
		}
		dump(fs.As(0, 0), "/")
	})
}

// What is marked with chattr +i or +a resists root, and stays so over a restart.
func TestMarks(t *testing.T) {
	f := newFS(1 << 20)
	root := f.As(0, 0)
	for _, path := range []string{"/tmp/i", "/tmp/a"} {
		if err := root.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := root.Mkdir("/tmp/d", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.As(1000, 1000).SetMarks("/tmp/i", vfs.MarkImmutable); err == nil {
		t.Error("anybody marks files")
	}
	for path, m := range map[string]vfs.Marks{"/tmp/i": vfs.MarkImmutable, "/tmp/a": vfs.MarkAppend, "/tmp/d": vfs.MarkImmutable} {
		if err := root.SetMarks(path, m); err != nil {
			t.Fatal(err)
		}
	}
	check := func(v vfs.View) {
		t.Helper()
		for what, err := range map[string]error{
			"remove": v.Remove("/tmp/i"), "remove a": v.Remove("/tmp/a"), "write": v.WriteFile("/tmp/i", nil, 0o644), "write a": v.WriteFile("/tmp/a", nil, 0o644),
			"rename": v.Rename("/tmp/i", "/tmp/j"), "link": v.Link("/tmp/i", "/tmp/j"), "chmod": v.Chmod("/tmp/i", 0o777), "chown": v.Chown("/tmp/a", 1, 1),
			"replace": v.Rename("/tmp/x", "/tmp/i"), "make": v.WriteFile("/tmp/d/new", nil, 0o644), "touch": v.Chtimes("/tmp/i", time.Unix(1, 0)),
		} {
			if !errors.Is(err, syscall.EPERM) && what != "replace" {
				t.Errorf("%s: %v", what, err)
			}
		}
		file, err := v.Open("/tmp/a", vfs.Write|vfs.Append, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte("y")); err != nil {
			t.Error(err)
		}
	}
	check(root)
	data, _, err := f.Changes()
	if err != nil {
		t.Fatal(err)
	}
	again := newFS(1 << 20)
	if err := again.Restore(data); err != nil {
		t.Fatal(err)
	}
	check(again.As(0, 0))
	if err := root.SetMarks("/tmp/i", 0); err != nil {
		t.Fatal(err)
	}
	if err := root.Remove("/tmp/i"); err != nil {
		t.Error(err)
	}
}
