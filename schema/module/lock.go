package module

import (
	"errors"
	"io/fs"
)

// ErrMissing is wrapped where a module was not fetched.
var ErrMissing = errors.New("it was not fetched")

// Open is what decnet get fetched for the configuration in a directory.
func Open(dir string) *Installed { return &Installed{dir: dir} }

// Installed is what was fetched for one configuration.
type Installed struct{ dir string }

// Open is the tree of a source's package.
func (i *Installed) Open(s Source) (fs.FS, string, error) { return nil, "", ErrMissing }
