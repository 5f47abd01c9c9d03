package repository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/decnet/decnet/schema/module"
)

// Export writes the tree of a commit, whole because a module may lie outside of
// path, and returns the place of path (relative to the tree; empty: its root)
// in it. If dir is empty it is one that the Repository keeps for this commit
// until Keep drops it; else it is replaced. It appears whole or not at all,
// with directories 0755, files 0644 or 0755 and links that stay inside, below
// a directory of mode 0700 (dir's own, if it is made). Contents are checked
// against their names in git.
//
// A tree with submodules is refused unless Options allow it; then their folders
// are empty.
func (r *Repository) Export(ctx context.Context, commit, below, dir string) (place string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.named(ctx, commit)
	if err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	if below != "" && (!filepath.IsLocal(below) || path.Clean(below) != below || strings.Contains(below, `\`)) {
		return "", fmt.Errorf("export: the path %q leads out of the tree", clean(below))
	}
	own := dir == ""
	if own {
		dir = filepath.Join(r.trees(), commit)
		if _, err := os.Lstat(dir); err == nil && (r.exported[commit] || !s.has(plumbing.NewHash(commit))) {
			return placeIn(dir, below)
		}
	}
	if err := r.export(ctx, s, commit, dir); err != nil {
		return "", fmt.Errorf("export commit %s: %w", commit, err)
	}
	if own {
		r.exported[commit] = true
	}
	return placeIn(dir, below)
}

func placeIn(dir, below string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("open the exported tree: %w", err)
	}
	defer root.Close()
	info, err := root.Stat(filepath.Join(".", below))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return "", &MissingError{What: "folder " + clean(below)}
	}
	if err != nil {
		return "", fmt.Errorf("open the exported tree: %w", err)
	}
	return filepath.Join(dir, filepath.FromSlash(below)), nil
}

func (r *Repository) export(ctx context.Context, s *store, commit, dir string) error {
	node, err := s.node(commit)
	if err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(parent, ".export-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary) // 0700 until the tree is moved out of it
	tree := filepath.Join(temporary, "tree")
	if err := errors.Join(os.Mkdir(tree, 0o755), os.Chmod(tree, 0o755)); err != nil { // whatever the umask is
		return err
	}
	root, err := os.OpenRoot(tree)
	if err != nil {
		return err
	}
	defer root.Close()
	w := &writer{s: s, root: root, left: r.options.MaxTree, options: &r.options}
	if err := w.tree(ctx, plumbing.NewHash(node.Tree), "", 0); err != nil {
		return err
	}
	for _, link := range w.links { // last, so that nothing is written through one
		if err := root.Symlink(link.target, link.name); err != nil {
			return fmt.Errorf("write %s: %w", clean(link.name), err)
		}
	}
	for _, link := range w.links { // links through links: only the file system knows
		if _, err := root.Stat(link.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the link %s leads out of the tree, to %q", clean(link.name), clean(link.target))
		}
	}
	if _, err := os.Lstat(dir); err == nil {
		if err := os.Rename(dir, filepath.Join(temporary, "old")); err != nil {
			return err
		}
	}
	return os.Rename(tree, dir)
}

// writer writes the files of a commit, within limits.
type writer struct {
	s       *store
	root    *os.Root
	options *Options
	files   int
	left    int64
	links   []link
}

type link struct{ name, target string }

func (w *writer) tree(ctx context.Context, hash plumbing.Hash, at string, deep int) error {
	if deep > maxDeep {
		return &TooLargeError{What: "folders lie too deep", Limit: maxDeep}
	}
	entries, err := w.s.tree(hash)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		folded := strings.ToLower(e.name)
		if other, ok := names[folded]; ok {
			return fmt.Errorf("%s and %s differ in the case of letters alone", clean(at+e.name), clean(other))
		}
		names[folded] = e.name
		if err := w.entry(ctx, e, at+e.name, deep); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) entry(ctx context.Context, e entry, name string, deep int) error {
	if w.files++; w.files > w.options.MaxFiles {
		return &TooLargeError{What: "its tree has too many files and folders", Limit: int64(w.options.MaxFiles)}
	}
	switch {
	case e.isSubmodule() && !w.options.Submodules:
		return fmt.Errorf("%s is a submodule, and submodules are not allowed", clean(name))
	case e.isTree() || e.isSubmodule():
		if err := errors.Join(w.root.Mkdir(name, 0o755), w.root.Chmod(name, 0o755)); err != nil {
			return fmt.Errorf("write %s: %w", clean(name), err)
		}
		if e.isSubmodule() {
			return nil
		}
		return w.tree(ctx, e.hash, name+"/", deep+1)
	case e.isLink():
		return w.link(e, name)
	}
	return w.file(e, name)
}

// maxTarget is how many bytes the target of a link may have, as in Linux.
const maxTarget = 4095

func (w *writer) link(e entry, name string) error {
	target, err := w.s.read(plumbing.BlobObject, e.hash, maxTarget)
	if err != nil {
		return fmt.Errorf("%s: %w", clean(name), err)
	}
	if strings.ContainsAny(string(target), "\x00\\") {
		return fmt.Errorf("%s is no link", clean(name))
	}
	if err := module.CheckLink(name, string(target)); err != nil {
		return err
	}
	w.links = append(w.links, link{name: name, target: string(target)})
	return nil
}

func (w *writer) file(e entry, name string) error {
	object, err := w.s.objects.EncodedObject(plumbing.BlobObject, e.hash)
	if err != nil {
		return broken("the file %s is missing: %v", name, err)
	}
	size := object.Size()
	if size > w.options.MaxFile {
		return &TooLargeError{What: fmt.Sprintf("the file %s has %d bytes", clean(name), size), Limit: w.options.MaxFile}
	}
	if w.left -= size; w.left < 0 {
		return &TooLargeError{What: "all files of its tree together", Limit: w.options.MaxTree}
	}
	mode := os.FileMode(0o644)
	if e.mode == "100755" {
		mode = 0o755
	}
	in, err := object.Reader()
	if err != nil {
		return broken("read the file %s: %v", name, err)
	}
	defer in.Close()
	out, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("write %s: %w", clean(name), err)
	}
	sum := plumbing.NewHasher(plumbing.BlobObject, size)
	_, err = io.Copy(io.MultiWriter(out, sum), io.LimitReader(in, size+1))
	if err == nil {
		err = out.Chmod(mode) // whatever the umask is
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", clean(name), err)
	}
	if sum.Sum() != e.hash {
		return broken("the file %s has another content", name)
	}
	return nil
}

// Keep removes the exported trees of all other commits than these, so that the
// disk has no more than them, and the copy, which a Fetch makes anew when it
// has grown.
func (r *Repository) Keep(commits ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	entries, err := os.ReadDir(r.trees())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove old trees: %w", err)
	}
	keep := map[string]bool{}
	for _, commit := range commits {
		keep[commit] = true
	}
	for _, e := range entries {
		if keep[e.Name()] {
			continue
		}
		delete(r.exported, e.Name())
		if err := os.RemoveAll(filepath.Join(r.trees(), e.Name())); err != nil {
			return fmt.Errorf("remove old trees: %w", err)
		}
	}
	return nil
}
