package archive

import (
	tarfile "archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// opened is the archive, unpacked.
func (t *tarrer) opened() ([]byte, bool) {
	c := t.c
	source := t.f.Value["f"]
	if source == "" {
		source = "-"
		if c.TTY != "" && c.In == nil {
			c.Err.Print("tar: Refusing to read archive contents from terminal (missing -f option?)\ntar: Error is not recoverable: exiting now\n")
			return nil, false
		}
	}
	data, err := c.Read(source)
	if err != nil {
		if c.Stop == nil {
			who, more := "tar", ""
			if t.f.Has("z") || t.f.Has("j") || t.f.Has("J") { // another process reads it
				who, more = "tar (child)", "tar: Child returned status 2\n"
			}
			c.Err.Print(who + ": " + source + ": Cannot open: " + vfs.Text(err) + "\n" + who + ": Error is not recoverable: exiting now\n" + more + map[bool]string{true: "tar: Error is not recoverable: exiting now\n"}[more != ""])
		}
		return nil, false
	}
	k, known := byMagic(data)
	switch {
	case known:
		out, err := k.unpackAll(data, c.Kernel.Room())
		if spent := c.Kernel.Spend(len(out)); spent != nil {
			c.Stop = spent
			return nil, false
		}
		if err != nil && len(out) == 0 || errors.Is(err, errBomb) {
			c.Err.Print("\n" + k.name + ": stdin: unexpected end of file\ntar: Child returned status 1\ntar: Error is not recoverable: exiting now\n")
			return nil, false
		}
		return out, true
	case t.f.Has("z"):
		c.Err.Print("\ngzip: stdin: not in gzip format\ntar: Child returned status 1\ntar: Error is not recoverable: exiting now\n")
		return nil, false
	case t.f.Has("j"):
		c.Err.Print("bzip2: (stdin) is not a bzip2 file.\ntar: Child returned status 2\ntar: Error is not recoverable: exiting now\n")
		return nil, false
	case t.f.Has("J"):
		c.Err.Print("xz: (stdin): File format not recognized\ntar: Child returned status 1\ntar: Error is not recoverable: exiting now\n")
		return nil, false
	}
	return data, true
}

// maxMembers bounds the files of one archive.
const maxMembers = 20_000

func (t *tarrer) read() int {
	c := t.c
	data, ok := t.opened()
	if !ok {
		return 2
	}
	r := tarfile.NewReader(bytes.NewReader(data))
	for n := 0; n < maxMembers; n++ {
		if c.Busy() {
			return 2
		}
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if n == 0 {
				c.Err.Print("tar: This does not look like a tar archive\ntar: Skipping to next header\ntar: Exiting with failure status due to previous errors\n")
			} else {
				c.Err.Print("tar: Unexpected EOF in archive\ntar: Error is not recoverable: exiting now\n")
			}
			return 2
		}
		if !t.wanted(h.Name) {
			continue
		}
		if t.f.Has("t") {
			if t.f.Has("v") {
				t.shown(h)
			} else {
				c.Print(h.Name + "\n")
			}
			continue
		}
		t.extract(h, r)
	}
	for _, name := range t.names {
		if !t.matched[name] {
			c.Err.Print("tar: " + name + ": Not found in archive\n")
			t.failed = true
		}
	}
	if t.failed {
		c.Err.Print("tar: Exiting with failure status due to previous errors\n")
		return 2
	}
	return 0
}

func (t *tarrer) wanted(name string) bool {
	if t.excluded(strings.TrimSuffix(name, "/")) {
		return false
	}
	if len(t.names) == 0 {
		return true
	}
	for _, want := range t.names {
		w := strings.TrimSuffix(want, "/")
		if strings.TrimSuffix(name, "/") == w || strings.HasPrefix(name, w+"/") || t.f.Has("w") && pattern.Match(want, name) {
			t.matched[want] = true
			return true
		}
	}
	return false
}

// extract writes one member below the directory; names that lead out of it are
// taken without their start, as GNU tar does.
func (t *tarrer) extract(h *tarfile.Header, r io.Reader) {
	c := t.c
	name := h.Name
	if !t.f.Has("P") {
		if i := strings.LastIndex("/"+name, "/../"); i >= 0 {
			c.Err.Print("tar: Removing leading `" + name[:i+3] + "' from member names\n")
			name = name[i+3:]
		} else if strings.HasPrefix(name, "/") {
			if !t.warned {
				c.Err.Print("tar: Removing leading `/' from member names\n")
			}
			t.warned = true
			name = strings.TrimLeft(name, "/")
		}
	}
	for range t.strip {
		_, rest, ok := strings.Cut(name, "/")
		if !ok || rest == "" {
			return
		}
		name = rest
	}
	if name == "" {
		return
	}
	if t.f.Has("v") {
		t.shown(h)
	}
	if t.f.Has("O") {
		if h.Typeflag == tarfile.TypeReg {
			data, _ := io.ReadAll(io.LimitReader(r, int64(c.Kernel.Room())))
			c.Write(c.Out, string(data))
		}
		return
	}
	path := vfs.Clean(t.cwd, strings.TrimSuffix(name, "/"))
	view := c.View()
	err := t.parents(path)
	if err == nil {
		switch h.Typeflag {
		case tarfile.TypeDir:
			if err = view.Mkdir(path, uint32(h.Mode)&0o777&^c.Umask); err != nil {
				if info, statErr := view.Stat(path); statErr == nil && info.IsDir() {
					err = nil
				}
			}
		case tarfile.TypeSymlink:
			_ = view.Remove(path)
			err = view.Symlink(h.Linkname, path)
		case tarfile.TypeLink:
			err = view.Link(vfs.Clean(t.cwd, h.Linkname), path)
		case tarfile.TypeReg:
			if _, statErr := view.Lstat(path); statErr == nil {
				if t.f.Has("k") {
					c.Err.Print("tar: " + name + ": Cannot open: File exists\n")
					t.failed = true
					return
				}
				_ = view.Remove(path)
			}
			var data []byte
			if data, err = io.ReadAll(io.LimitReader(r, vfs.MaxFile+1)); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
				err = view.WriteFile(path, data, uint32(h.Mode)&0o777&^t.mask())
			}
		}
	}
	if err != nil {
		c.Err.Print("tar: " + name + ": Cannot open: " + vfs.Text(err) + "\n")
		t.failed = true
		return
	}
	if h.Typeflag != tarfile.TypeSymlink && !t.f.Has("m") {
		_ = view.Chtimes(path, h.ModTime)
	}
	if c.User.UID == 0 && !t.f.Has("n") && !t.f.Has("o") {
		_ = view.Chown(path, h.Uid, h.Gid)
	}
}

func (t *tarrer) mask() uint32 {
	if t.f.Has("p") || t.c.User.UID == 0 {
		return 0
	}
	return t.c.Umask
}

// parents makes the directories above path.
func (t *tarrer) parents(path string) error {
	for i := 1; i < len(path); i++ {
		if path[i] != '/' {
			continue
		}
		if err := t.c.View().Mkdir(path[:i], 0o777&^t.c.Umask); err != nil {
			if info, statErr := t.c.View().Stat(path[:i]); statErr != nil || !info.IsDir() {
				return err
			}
		}
	}
	return nil
}
