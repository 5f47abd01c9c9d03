package vfs

import "io"

// MaxHollow bounds a file of zeros, in bytes.
const MaxHollow = 1 << 40

// hollow is a content of so many zeros.
type hollow int64

// Size implements Content.
func (h hollow) Size() int64 { return int64(h) }

// ReadAt implements Content.
func (h hollow) ReadAt(p []byte, at int64) (int, error) {
	if at >= int64(h) {
		return 0, io.EOF
	}
	n := min(int64(len(p)), int64(h)-at)
	clear(p[:n])
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// Fill makes path a file of size zeros, at most MaxHollow, which costs no memory
// and no quota: what is measured with dd(1).
func (v View) Fill(path string, size int64) error {
	file, err := v.Open(path, Write|Create|Truncate, 0o666)
	if err != nil {
		return err
	}
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	n := v.FS.keep(v.FS.current(file.node))
	if file.device != plain || n.live != nil || n.mode&TypeMask != TypeFile {
		return nil
	}
	if n.charged {
		v.FS.used -= int64(len(n.data))
	}
	n.data, n.own, n.charged, n.given = nil, false, false, hollow(min(max(size, 0), MaxHollow))
	n.mtime = v.FS.now()
	v.FS.touched(n)
	return nil
}
