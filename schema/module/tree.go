package module

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Limits of a fetched tree.
const (
	MaxFiles = 10_000
	MaxFile  = 16 << 20 // bytes of one file
	MaxTree  = 64 << 20 // bytes of all
)

// Digest is the SHA-256 over a fetched tree: the paths and contents of its
// files and the targets of its links, in the order of paths, without modes and
// times. It refuses what has no place in a module: links that leave the tree,
// devices, trees beyond the limits.
func Digest(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("read the module: %w", err)
	}
	defer root.Close()
	sum := sha256.New()
	files, left := 0, int64(MaxTree)
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if files++; files > MaxFiles {
			return fmt.Errorf("there are more than %d files", MaxFiles)
		}
		switch entry.Type() {
		case 0:
			content, n, err := hashFile(root, name, left)
			left -= n
			if err == nil {
				fmt.Fprintf(sum, "file %s %q\n", content, name)
			}
			return err
		case fs.ModeSymlink:
			target, err := root.Readlink(name)
			if err == nil {
				err = CheckLink(name, target)
			}
			if err == nil { // a chain of links may leave where none of them does
				if _, err = root.Stat(name); errors.Is(err, fs.ErrNotExist) {
					err = nil
				}
			}
			fmt.Fprintf(sum, "link %q %q\n", target, name)
			return err
		default:
			return fmt.Errorf("%s is neither a file nor a link", name)
		}
	})
	if err != nil {
		return "", fmt.Errorf("read the module: %w", err)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

func hashFile(root *os.Root, name string, left int64) (string, int64, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(f, min(MaxFile, left)+1))
	switch {
	case err != nil:
		return "", n, err
	case n > MaxFile:
		return "", n, fmt.Errorf("%s has more than %d bytes", name, MaxFile)
	case n > left:
		return "", n, fmt.Errorf("all files together have more than %d bytes", MaxTree)
	}
	return hex.EncodeToString(sum.Sum(nil)), n, nil
}

// CheckLink tells what is wrong with a link at a path of a tree.
func CheckLink(name, target string) error {
	at := path.Join(path.Dir(name), target)
	if target == "" || path.IsAbs(target) || at == ".." || strings.HasPrefix(at, "../") {
		return fmt.Errorf("the link %s leads out of the module, to %q", name, target)
	}
	return nil
}
