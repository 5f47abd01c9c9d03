package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/decnet/decnet/schema/module"
)

// take writes the tree of what a ref names into a new directory and returns its
// commit. An empty ref is the repository's default branch.
func (f *Fetcher) take(ctx context.Context, s module.Source, ref, scratch, tree string) (string, error) {
	repository, commit, err := f.open(ctx, s, ref, scratch)
	if err != nil {
		return "", err
	}
	found, err := repository.CommitObject(commit)
	if err != nil {
		return "", fmt.Errorf("commit %s: %w", commit, err)
	}
	files, err := found.Files()
	if err != nil {
		return "", fmt.Errorf("commit %s: %w", commit, err)
	}
	defer files.Close()
	if err := os.Mkdir(tree, 0o755); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(tree)
	if err != nil {
		return "", err
	}
	defer root.Close()
	w := &writer{root: root, left: module.MaxTree}
	if err := files.ForEach(func(file *object.File) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return w.add(file)
	}); err != nil {
		return "", err
	}
	return commit.String(), nil
}

// open is the repository with the commit in it that a ref names.
func (f *Fetcher) open(ctx context.Context, s module.Source, ref, scratch string) (*git.Repository, plumbing.Hash, error) {
	at := localPath(s)
	if at == "" {
		return f.remote(ctx, s, ref, scratch)
	}
	repository, err := git.PlainOpen(at)
	if err != nil {
		return nil, plumbing.ZeroHash, fmt.Errorf("open the repository: %w", err)
	}
	hash, err := resolve(repository, ref)
	return repository, hash, err
}

// resolve finds the commit of a ref in a repository that has everything.
func resolve(repository *git.Repository, ref string) (plumbing.Hash, error) {
	if ref == "" {
		head, err := repository.Head()
		if err != nil {
			return plumbing.ZeroHash, fmt.Errorf("the repository has no default branch: %w", err)
		}
		return head.Hash(), nil
	}
	if isHash.MatchString(ref) { // before a branch that is called like it
		return peeled(repository, plumbing.NewHash(ref))
	}
	for _, name := range names(ref) {
		found, err := repository.Reference(name, true)
		if err == nil {
			return peeled(repository, found.Hash())
		}
		if !errors.Is(err, plumbing.ErrReferenceNotFound) {
			return plumbing.ZeroHash, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return plumbing.ZeroHash, fmt.Errorf("the repository has no branch, tag or commit %q; a commit is named by all of its %d digits", ref, 2*len(plumbing.ZeroHash))
}

var isHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// names are the full names that a ref may stand for, as git looks them up.
func names(ref string) []plumbing.ReferenceName {
	return []plumbing.ReferenceName{plumbing.NewTagReferenceName(ref), plumbing.NewBranchReferenceName(ref)}
}

// peeled is the commit that an annotated tag names.
func peeled(repository *git.Repository, hash plumbing.Hash) (plumbing.Hash, error) {
	for range 8 {
		tag, err := repository.TagObject(hash)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			break
		}
		if err != nil {
			return plumbing.ZeroHash, fmt.Errorf("read the tag %s: %w", hash, err)
		}
		hash = tag.Target
	}
	if _, err := repository.CommitObject(hash); err != nil {
		return plumbing.ZeroHash, fmt.Errorf("there is no commit %s: %w", hash, err)
	}
	return hash, nil
}

// remote fetches one commit from elsewhere: alone where a ref leads to it, else
// with all branches and tags, one of which must hold it.
func (f *Fetcher) remote(ctx context.Context, s module.Source, ref, scratch string) (*git.Repository, plumbing.Hash, error) {
	storage := filesystem.NewStorage(&bounded{Filesystem: osfs.New(scratch, osfs.WithBoundOS()), left: MaxHistory}, cache.NewObjectLRUDefault())
	repository, err := git.Init(storage, nil)
	if err != nil {
		return nil, plumbing.ZeroHash, fmt.Errorf("make a repository: %w", err)
	}
	origin, err := repository.CreateRemoteAnonymous(&config.RemoteConfig{Name: "anonymous", URLs: []string{s.URL}})
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	advertised, err := origin.ListContext(ctx, &git.ListOptions{CABundle: f.options.CABundle})
	if err != nil {
		return nil, plumbing.ZeroHash, fmt.Errorf("ask the repository: %w", err)
	}
	o := &git.FetchOptions{RemoteName: "anonymous", Tags: git.NoTags, CABundle: f.options.CABundle, Depth: 1}
	name := advertisedAs(advertised, ref)
	if name != "" {
		o.RefSpecs = []config.RefSpec{config.RefSpec("+" + name.String() + ":refs/heads/wanted")}
	} else {
		o.Depth, o.RefSpecs = 0, []config.RefSpec{"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"}
	}
	if err := origin.FetchContext(ctx, o); err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
		return nil, plumbing.ZeroHash, fmt.Errorf("fetch from the repository: %w", err)
	}
	if name != "" {
		ref = "wanted"
	}
	hash, err := resolve(repository, ref)
	return repository, hash, err
}

// advertisedAs is the ref of a repository that leads to what is wanted: a
// branch, a tag, a commit at the tip of one, or the default branch.
func advertisedAs(all []*plumbing.Reference, want string) plumbing.ReferenceName {
	byName := map[plumbing.ReferenceName]*plumbing.Reference{}
	for _, r := range all {
		byName[r.Name()] = r
	}
	if want == "" {
		if head := byName[plumbing.HEAD]; head != nil && head.Type() == plumbing.SymbolicReference {
			return head.Target()
		}
		return plumbing.HEAD
	}
	if isHash.MatchString(want) {
		for _, r := range all {
			if r.Hash().String() == want && (r.Name().IsBranch() || r.Name().IsTag()) {
				return r.Name()
			}
		}
		return ""
	}
	for _, name := range names(want) {
		if byName[name] != nil {
			return name
		}
	}
	return ""
}

// writer writes the files of a commit, within the limits of a module.
type writer struct {
	root  *os.Root
	files int
	left  int64
}

func (w *writer) add(file *object.File) error {
	if w.files++; w.files > module.MaxFiles {
		return fmt.Errorf("the repository has more than %d files", module.MaxFiles)
	}
	if err := checkName(file.Name); err != nil {
		return err
	}
	if file.Size > module.MaxFile || file.Size > w.left {
		return fmt.Errorf("%s is too large: a file may have %d bytes, all together %d", file.Name, module.MaxFile, module.MaxTree)
	}
	w.left -= file.Size
	reader, err := file.Reader()
	if err != nil {
		return fmt.Errorf("read %s: %w", file.Name, err)
	}
	defer reader.Close()
	if dir := path.Dir(file.Name); dir != "." {
		if err := w.root.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("write %s: %w", file.Name, err)
		}
	}
	if file.Mode == filemode.Symlink {
		return w.link(file.Name, reader)
	}
	out, err := w.root.OpenFile(file.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write %s: %w", file.Name, err)
	}
	_, err = io.Copy(out, io.LimitReader(reader, file.Size))
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", file.Name, err)
	}
	return nil
}

// maxTarget is how many bytes the target of a link may have, as in Linux.
const maxTarget = 4095

func (w *writer) link(name string, reader io.Reader) error {
	target, err := io.ReadAll(io.LimitReader(reader, maxTarget+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if len(target) > maxTarget || strings.ContainsRune(string(target), 0) {
		return fmt.Errorf("%s is no link", name)
	}
	if err := module.CheckLink(name, string(target)); err != nil {
		return err
	}
	if err := w.root.Symlink(string(target), name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// checkName refuses a path that git would not check out.
func checkName(name string) error {
	if name == "" || path.IsAbs(name) || path.Clean(name) != name || strings.ContainsAny(name, "\x00\\") {
		return fmt.Errorf("the repository has a file %q", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." || strings.EqualFold(part, ".git") {
			return fmt.Errorf("the repository has a file %q", name)
		}
	}
	return nil
}
