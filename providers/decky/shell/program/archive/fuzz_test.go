package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// Whatever an archive is, what unpacks it ends, and nothing lands outside of
// the directory it is unpacked in.
func FuzzUnpack(f *testing.F) {
	var t, z bytes.Buffer
	tw, zw := tar.NewWriter(&t), zip.NewWriter(&z)
	for _, name := range []string{"a", "d/b", "../../etc/evil", "/etc/evil"} {
		if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 1, Typeflag: tar.TypeReg}); err != nil {
			f.Fatal(err)
		}
		if _, err := tw.Write([]byte("x")); err != nil {
			f.Fatal(err)
		}
		w, err := zw.Create(name)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err != nil {
			f.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		f.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		f.Fatal(err)
	}
	for kind := range byte(5) {
		f.Add(t.Bytes(), kind)
		f.Add(z.Bytes(), kind)
	}
	lines := []string{"tar xf ../in", "unzip -o ../in", "gzip -dc ../in", "bzip2 -dc ../in", "xz -dc ../in"}
	h := programtest.New(f, "root")
	view := h.Machine.FS.As(0, 0)
	f.Fuzz(func(t *testing.T, data []byte, kind byte) {
		h.Events = nil
		h.Run(t, "rm -rf /tmp/x", "")
		for _, dir := range []string{"/tmp/x", "/tmp/x/y"} {
			if err := view.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := view.WriteFile("/tmp/x/in", data, 0o644); err != nil {
			t.Fatal(err)
		}
		h.Run(t, "cd /tmp/x/y; "+lines[int(kind)%len(lines)], "")
		if _, err := view.Lstat("/etc/evil"); err == nil {
			t.Error("a file landed outside")
		}
	})
}
