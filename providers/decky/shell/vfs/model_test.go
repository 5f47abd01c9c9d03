package vfs_test

import (
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// file is one of the model; names that share it are hard links.
type file struct {
	dir  bool
	data string
}

// model is what a file system is to root: files by path. It knows no symbolic
// link, and nothing of how vfs keeps what it keeps.
type model map[string]*file

func newModel() model {
	return model{
		"/": {dir: true}, "/usr": {dir: true}, "/usr/bin": {dir: true}, "/usr/bin/ls": {data: "ELF"}, "/usr/share": {dir: true}, "/usr/share/doc": {dir: true}, "/usr/share/doc/a": {dir: true},
		"/usr/share/doc/a/copyright": {data: "free"}, "/etc": {dir: true}, "/etc/passwd": {data: "root\n"}, "/tmp": {dir: true},
	}
}

// parent tells whether something can stand at p.
func (m model) parent(p string) error {
	at := "/"
	for _, name := range strings.Split(strings.TrimPrefix(path.Dir(p), "/"), "/") {
		if name == "" {
			break
		}
		at = path.Join(at, name)
		switch f := m[at]; {
		case f == nil:
			return syscall.ENOENT
		case !f.dir:
			return syscall.ENOTDIR
		}
	}
	return nil
}

func (m model) empty(p string) bool {
	for q := range m {
		if strings.HasPrefix(q, p+"/") {
			return false
		}
	}
	return true
}

func (m model) mkdir(p string) error {
	if err := m.parent(p); err != nil {
		return err
	}
	if m[p] != nil {
		return syscall.EEXIST
	}
	m[p] = &file{dir: true}
	return nil
}

func (m model) write(p, data string, add bool) error {
	if err := m.parent(p); err != nil {
		return err
	}
	f := m[p]
	if f == nil {
		f = &file{}
		m[p] = f
	}
	if f.dir {
		return syscall.EISDIR
	}
	if !add {
		f.data = ""
	}
	f.data += data
	return nil
}

func (m model) remove(p string) error {
	if err := m.parent(p); err != nil {
		return err
	}
	switch f := m[p]; {
	case f == nil:
		return syscall.ENOENT
	case f.dir && !m.empty(p):
		return syscall.ENOTEMPTY
	}
	delete(m, p)
	return nil
}

func (m model) link(old, p string) error {
	if err := m.parent(old); err != nil {
		return err
	}
	f := m[old]
	switch {
	case f == nil:
		return syscall.ENOENT
	case f.dir:
		return syscall.EPERM
	}
	if err := m.parent(p); err != nil {
		return err
	}
	if m[p] != nil {
		return syscall.EEXIST
	}
	m[p] = f
	return nil
}

func (m model) rename(old, p string) error {
	if err := m.parent(old); err != nil {
		return err
	}
	f := m[old]
	if f == nil {
		return syscall.ENOENT
	}
	if err := m.parent(p); err != nil {
		return err
	}
	to := m[p]
	switch {
	case to == f:
		return nil
	case strings.HasPrefix(p, old+"/"):
		return syscall.EINVAL
	case to != nil && to.dir && !f.dir:
		return syscall.EISDIR
	case to != nil && !to.dir && f.dir:
		return syscall.ENOTDIR
	case to != nil && to.dir && !m.empty(p):
		return syscall.ENOTEMPTY
	}
	delete(m, p)
	for _, q := range slices.Collect(maps.Keys(m)) {
		if q == old || strings.HasPrefix(q, old+"/") {
			m[p+q[len(old):]] = m[q]
			delete(m, q)
		}
	}
	return nil
}

// text is the model as dump has a file system.
func (m model) text() map[string]string {
	out := map[string]string{}
	for p, f := range m {
		if f.dir {
			out[p] = "directory"
		} else {
			out[p] = f.data
		}
	}
	delete(out, "/")
	return out
}

func contents(t *rapid.T, v vfs.View, dir string, out map[string]string) map[string]string {
	list, err := v.ReadDir(dir)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	for _, info := range list {
		p := path.Join(dir, info.Name)
		if info.IsDir() {
			out[p] = "directory"
			contents(t, v, p, out)
			continue
		}
		data, err := v.ReadFile(p)
		if err != nil || int64(len(data)) != info.Size {
			t.Fatalf("%s: %d bytes of %d, %v", p, len(data), info.Size, err)
		}
		out[p] = string(data)
	}
	return out
}

// modelImage is newModel as an image.
var modelImage = func() *vfs.Image {
	m := vfs.NewImage()
	for p, f := range newModel() {
		if f.dir {
			m.Add(vfs.Entry{Path: p, Mode: vfs.TypeDir | 0o755})
		} else {
			m.Add(vfs.Entry{Path: p, Mode: vfs.TypeFile | 0o644, Source: f.data, Size: -1})
		}
	}
	return m
}()

// TestBehavesAsTheModel holds results and errors of random operations to the
// model's.
func TestBehavesAsTheModel(t *testing.T) {
	names := []string{"usr", "bin", "ls", "share", "doc", "a", "copyright", "etc", "passwd", "tmp", "x"}
	rapid.Check(t, func(t *rapid.T) {
		m, f := newModel(), vfs.Of(modelImage, host{}, 1<<20, clock)
		v := f.As(0, 0)
		drawn := rapid.Custom(func(t *rapid.T) string {
			if rapid.Bool().Draw(t, "known") {
				return rapid.SampledFrom(slices.Sorted(maps.Keys(m))[1:]).Draw(t, "path")
			}
			return "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(names), 1, 4).Draw(t, "names"), "/")
		})
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if len(m) < 3 {
				return
			}
			a, b, data := drawn.Draw(t, "a"), drawn.Draw(t, "b"), rapid.StringN(0, 9, 20).Draw(t, "data")
			var want, got error
			switch operation := rapid.IntRange(0, 5).Draw(t, "operation"); operation {
			case 0:
				want, got = m.mkdir(a), v.Mkdir(a, 0o755)
			case 1:
				want, got = m.write(a, data, false), v.WriteFile(a, []byte(data), 0o644)
			case 2:
				want, got = m.write(a, data, true), add(v, a, data)
			case 3:
				want, got = m.remove(a), v.Remove(a)
			case 4:
				want, got = m.link(a, b), v.Link(a, b)
			case 5:
				want, got = m.rename(a, b), v.Rename(a, b)
			}
			if !errors.Is(got, want) {
				t.Fatalf("%s %s: %v, want %v", a, b, got, want)
			}
		}
		if diff := cmp.Diff(m.text(), contents(t, v, "/", map[string]string{})); diff != "" {
			t.Fatal(diff)
		}
		kept, _, err := f.Changes()
		if err != nil {
			t.Fatal(err)
		}
		again := vfs.Of(modelImage, host{}, 1<<20, clock)
		if err := again.Restore(kept); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m.text(), contents(t, again.As(0, 0), "/", map[string]string{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

func add(v vfs.View, p, data string) error {
	f, err := v.Open(p, vfs.Write|vfs.Create|vfs.Append, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(data))
	return err
}

// FuzzOperations drives a file system with hostile names and orders: it must
// stay whole, within its quota, and the same after a restart.
func FuzzOperations(f *testing.F) {
	f.Add([]byte("\x00/tmp/a\x00\x01/tmp/a/../a/b\x00\x05/usr\x00/tmp/u\x00"))
	f.Add([]byte("\x06/tmp/l\x00/tmp/l\x00\x02/tmp/l/x\x00\x05/bin/../usr\x00/usr/x\x00"))
	f.Fuzz(func(t *testing.T, script []byte) {
		fs := newFS(32 << 10)
		fields := strings.Split(string(script[:min(len(script), 4096)]), "\x00")
		for i := 0; i+1 < len(fields); i++ {
			if fields[i] == "" {
				continue
			}
			operation, a, b := fields[i][0], fields[i][1:], fields[i+1]
			v := fs.As(int(operation>>4)%2*1000, int(operation>>4)%2*1000)
			switch operation % 10 {
			case 0:
				_ = v.Mkdir(a, 0o755)
			case 1:
				_ = v.WriteFile(a, []byte(strings.Repeat(b, 9)), 0o644)
			case 2:
				_ = add(v, a, b)
			case 3:
				_ = v.Remove(a)
			case 4:
				_ = v.Link(a, b)
			case 5:
				_ = v.Rename(a, b)
			case 6:
				_ = v.Symlink(b, a)
			case 7:
				_ = v.Chmod(a, uint32(len(b)))
			case 8:
				_ = v.Mknod(a, vfs.TypeFIFO|0o600, 0, 0)
			case 9:
				_, _ = v.ReadFile(a)
			}
			if used := fs.Used(); used < 0 || used > 32<<10 {
				t.Fatalf("clients hold %d bytes", used)
			}
		}
		kept, _, err := fs.Changes()
		if err != nil {
			t.Fatal(err)
		}
		again := newFS(32 << 10)
		if err := again.Restore(kept); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(dump(fs.As(0, 0), "/"), dump(again.As(0, 0), "/")); diff != "" {
			t.Fatal(diff)
		}
	})
}
