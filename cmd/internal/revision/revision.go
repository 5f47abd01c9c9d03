// Package revision reads a directory as it stood in one revision of its git
// repository, from the repository's objects alone: nothing is checked out and no
// file is written. It refuses links and whatever is larger than a configuration
// can be.
package revision

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Limits of what is read of a revision.
const (
	MaxFiles = 10_000
	MaxBytes = 64 << 20
)

// Open is the directory as it stood in a revision (a branch, a tag, a commit,
// "HEAD~2"), and the commit that this is.
func Open(ctx context.Context, dir, ref string) (fs.FS, string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, "", fmt.Errorf("read revision %s: %w", ref, err)
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, "", fmt.Errorf("read revision %s: %w", ref, err)
	}
	repository, err := git.PlainOpenWithOptions(abs, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if err != nil {
		return nil, "", fmt.Errorf("%s is in no git repository that can be read: %w", dir, err)
	}
	hash, err := repository.ResolveRevision(plumbing.Revision(ref))
	if err != nil {
		return nil, "", fmt.Errorf("the repository has no revision %q: %w", ref, err)
	}
	tree, err := subtree(repository, *hash, abs)
	if err != nil {
		return nil, "", fmt.Errorf("read %s as of %s: %w", dir, ref, err)
	}
	files, err := pack(ctx, tree)
	if err != nil {
		return nil, "", fmt.Errorf("read %s as of %s: %w", dir, ref, err)
	}
	return files, hash.String(), nil
}

func subtree(repository *git.Repository, hash plumbing.Hash, dir string) (*object.Tree, error) {
	commit, err := repository.CommitObject(hash)
	if err != nil {
		return nil, err
	}
	tree, err := commit.Tree()
	if err != nil {
		return nil, err
	}
	worktree, err := repository.Worktree()
	if err != nil {
		return nil, err
	}
	root, err := filepath.EvalSymlinks(worktree.Filesystem.Root())
	if err != nil {
		return nil, err
	}
	inside, err := filepath.Rel(root, dir)
	if err != nil || strings.HasPrefix(inside, "..") {
		return nil, fmt.Errorf("it is outside of the repository's %s", root)
	}
	if inside == "." {
		return tree, nil
	}
	return tree.Tree(filepath.ToSlash(inside))
}

// pack holds the tree in memory, as the one archive that the standard library
// serves as files.
func pack(ctx context.Context, tree *object.Tree) (fs.FS, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	count, left := 0, int64(MaxBytes)
	err := tree.Files().ForEach(func(f *object.File) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if f.Mode != filemode.Regular && f.Mode != filemode.Executable && f.Mode != filemode.Deprecated {
			return nil
		}
		if count++; count > MaxFiles || f.Size > left {
			return fmt.Errorf("it has more than %d files or %d bytes", MaxFiles, MaxBytes)
		}
		left -= f.Size
		into, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		if err != nil {
			return err
		}
		from, err := f.Reader()
		if err != nil {
			return err
		}
		defer from.Close()
		_, err = io.Copy(into, from)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
}
