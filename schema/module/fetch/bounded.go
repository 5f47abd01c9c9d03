package fetch

import (
	"fmt"
	"os"
	"sync/atomic"

	"github.com/go-git/go-billy/v5"
)

// bounded is a file system that takes so many bytes and no more, whatever a
// repository sends.
type bounded struct {
	billy.Filesystem
	left int64 // atomic: packs are written and indexed at once
}

func (b *bounded) Create(name string) (billy.File, error) {
	f, err := b.Filesystem.Create(name)
	return b.file(f), err
}

func (b *bounded) OpenFile(name string, flag int, mode os.FileMode) (billy.File, error) {
	f, err := b.Filesystem.OpenFile(name, flag, mode)
	return b.file(f), err
}

func (b *bounded) TempFile(dir, prefix string) (billy.File, error) {
	f, err := b.Filesystem.TempFile(dir, prefix)
	return b.file(f), err
}

func (b *bounded) file(f billy.File) billy.File {
	if f == nil {
		return nil
	}
	return &boundedFile{File: f, of: b}
}

type boundedFile struct {
	billy.File
	of *bounded
}

func (f *boundedFile) Write(p []byte) (int, error) {
	if atomic.AddInt64(&f.of.left, -int64(len(p))) < 0 {
		return 0, fmt.Errorf("the repository sends more than %d bytes", int64(MaxHistory))
	}
	return f.File.Write(p)
}
