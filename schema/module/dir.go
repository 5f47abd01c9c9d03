package module

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is a directory that cannot be left by a link.
type Dir string

// Open implements fs.FS.
func (d Dir) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return os.OpenInRoot(string(d), filepath.FromSlash(name))
}

// Sub implements fs.SubFS: links do not lead out of the folder either.
func (d Dir) Sub(name string) (fs.FS, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "sub", Path: name, Err: fs.ErrInvalid}
	}
	return Dir(filepath.Join(string(d), filepath.FromSlash(name))), nil
}
