package file

import (
	"errors"
	"strconv"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func mkdir(c *program.Call) int {
	f, names, ok := c.Parse("m:pvZ", "mode=:m parents=p verbose=v")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	perm := uint32(0o777) &^ c.Umask
	if f.Has("m") {
		if n, err := strconv.ParseUint(f.Value["m"], 8, 32); err == nil {
			perm = uint32(n)
		}
	}
	status := 0
	for _, name := range names {
		var err error
		if f.Has("p") {
			err = MkdirAll(c, name, perm)
		} else {
			err = c.View().Mkdir(c.Path(name), perm)
		}
		switch {
		case err != nil:
			status = c.Complain("cannot create directory ‘%s’: %s", name, vfs.Text(err))
		case f.Has("v"):
			c.Print("mkdir: created directory '" + name + "'\n")
		}
	}
	return status
}

// MkdirAll makes a directory and those above it.
func MkdirAll(c *program.Call, name string, perm uint32) error {
	path := c.Path(name)
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		if err := c.View().Mkdir(path[:i], perm); err != nil {
			if info, statErr := c.View().Stat(path[:i]); statErr != nil || !info.IsDir() {
				return err
			}
		}
	}
	return nil
}

func rm(c *program.Call) int {
	f, names, ok := c.Parse("dfiIrRv", "recursive=r force=f verbose=v dir=d one-file-system=o no-preserve-root=N preserve-root=::n interactive=::i")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		if f.Has("f") {
			return 0
		}
		return c.Missing()
	}
	status := 0
	for _, name := range names {
		info, err := c.View().Lstat(c.Path(name))
		last := program.Base("/" + strings.TrimRight(name, "/"))
		switch {
		case err != nil:
			if !f.Has("f") || !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ENOTDIR) {
				status = c.Complain("cannot remove '%s': %s", name, vfs.Text(err))
			}
		case last == "." || last == "..":
			status = c.Complain("refusing to remove '.' or '..' directory: skipping '%s'", name)
		case info.IsDir() && vfs.Lexical(c.Path(name)) == "/" && !f.Has("N"):
			c.Complain("it is dangerous to operate recursively on '/'")
			status = c.Complain("use --no-preserve-root to override this failsafe")
		case info.IsDir() && !f.Has("r") && !f.Has("R") && !f.Has("d"):
			status = c.Complain("cannot remove '%s': Is a directory", name)
		default:
			status = max(status, removeAll(c, name, info, f.Has("v"), f.Has("f"), 0))
		}
		if c.Busy() {
			return 1
		}
	}
	return status
}

func removeAll(c *program.Call, name string, info vfs.Info, verbose, force bool, depth int) int {
	status := 0
	if info.IsDir() && depth < 64 {
		list, err := c.View().ReadDir(c.Path(name))
		if err != nil {
			return c.Complain("cannot remove '%s': %s", name, vfs.Text(err))
		}
		for _, entry := range list {
			if c.Busy() {
				return 1
			}
			status = max(status, removeAll(c, strings.TrimSuffix(name, "/")+"/"+entry.Name, entry, verbose, force, depth+1))
		}
	}
	if status != 0 {
		return status
	}
	if err := c.View().Remove(c.Path(name)); err != nil {
		return c.Complain("cannot remove '%s': %s", name, vfs.Text(err))
	}
	if verbose {
		kind := ""
		if info.IsDir() {
			kind = "directory "
		}
		c.Print("removed " + kind + "'" + name + "'\n")
	}
	return 0
}

func rmdir(c *program.Call) int {
	_, names, ok := c.Parse("pv", "parents=p verbose=v ignore-fail-on-non-empty=i")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	status := 0
	for _, name := range names {
		info, err := c.View().Lstat(c.Path(name))
		if err == nil && !info.IsDir() {
			err = syscall.ENOTDIR
		}
		if err == nil {
			err = c.View().Remove(c.Path(name))
		}
		if err != nil {
			status = c.Complain("failed to remove '%s': %s", name, vfs.Text(err))
		}
	}
	return status
}

// operands checks what cp, mv and ln are given: sources and a destination.
func operands(c *program.Call, names []string, target string) (sources []string, to string, into, ok bool) {
	if target != "" {
		return names, target, true, len(names) > 0
	}
	switch len(names) {
	case 0:
		c.Usage("missing file operand")
		return nil, "", false, false
	case 1:
		c.Usage("missing destination file operand after '" + names[0] + "'")
		return nil, "", false, false
	}
	to = names[len(names)-1]
	info, err := c.View().Stat(c.Path(to))
	into = err == nil && info.IsDir()
	if len(names) > 2 && !into {
		c.Complain("target '%s': %s", to, map[bool]string{true: "No such file or directory", false: "Not a directory"}[err != nil])
		return nil, "", false, false
	}
	return names[:len(names)-1], to, into, true
}

func cp(c *program.Call) int {
	f, names, ok := c.Parse("abdfiHlLnPpRrst:Tuvx", "archive=a force=f recursive=r verbose=v preserve=::p no-preserve=:9 sparse=:8 reflink=::7 backup=::b dereference=L no-dereference=P link=l symbolic-link=s update=u parents=0 interactive=i no-target-directory=T strip-trailing-slashes=6 one-file-system=x attributes-only=5 remove-destination=4 no-clobber=n target-directory=:t")
	if !ok {
		return 1
	}
	sources, to, into, ok := operands(c, names, f.Value["t"])
	if !ok {
		return 1
	}
	status := 0
	for _, from := range sources {
		dest := to
		if into {
			dest = strings.TrimSuffix(to, "/") + "/" + program.Base("/"+strings.TrimRight(from, "/"))
		}
		info, err := c.View().Stat(c.Path(from))
		switch {
		case err != nil:
			status = c.Complain("cannot stat '%s': %s", from, vfs.Text(err))
		case info.IsDir() && !f.Has("r") && !f.Has("R") && !f.Has("a"):
			status = c.Complain("-r not specified; omitting directory '%s'", from)
		default:
			status = max(status, copyTree(c, from, dest, info, f, 0))
		}
		if c.Busy() {
			return 1
		}
	}
	return status
}

func copyTree(c *program.Call, from, to string, info vfs.Info, f program.Flags, depth int) int {
	if c.Busy() {
		return 1
	}
	view := c.View()
	if a, err := view.Stat(c.Path(to)); err == nil && a.Ino == info.Ino {
		return c.Complain("'%s' and '%s' are the same file", from, to)
	}
	if !info.IsDir() {
		data, err := c.Read(from)
		if err != nil {
			return c.Complain("cannot open '%s' for reading: %s", from, vfs.Text(err))
		}
		if err := view.WriteFile(c.Path(to), data, info.Mode&0o777&^c.Umask); err != nil {
			if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) {
				return c.Complain("error writing '%s': %s", to, vfs.Text(err))
			}
			return c.Complain("cannot create regular file '%s': %s", to, vfs.Text(err))
		}
		if f.Has("v") {
			c.Print("'" + from + "' -> '" + to + "'\n")
		}
		return 0
	}
	if depth > 32 {
		return 1
	}
	if err := view.Mkdir(c.Path(to), info.Mode&0o777); err != nil && !errors.Is(err, syscall.EEXIST) {
		return c.Complain("cannot create directory '%s': %s", to, vfs.Text(err))
	}
	list, err := view.ReadDir(c.Path(from))
	if err != nil {
		return c.Complain("cannot access '%s': %s", from, vfs.Text(err))
	}
	status := 0
	for _, entry := range list {
		status = max(status, copyTree(c, strings.TrimSuffix(from, "/")+"/"+entry.Name, strings.TrimSuffix(to, "/")+"/"+entry.Name, entry, f, depth+1))
	}
	return status
}

func mv(c *program.Call) int {
	f, names, ok := c.Parse("bfint:Tuv", "force=f verbose=v no-clobber=n interactive=i update=u backup=::b target-directory=:t no-target-directory=T strip-trailing-slashes=6 suffix=:S")
	if !ok {
		return 1
	}
	sources, to, into, ok := operands(c, names, f.Value["t"])
	if !ok {
		return 1
	}
	status := 0
	for _, from := range sources {
		dest := to
		if into {
			dest = strings.TrimSuffix(to, "/") + "/" + program.Base("/"+strings.TrimRight(from, "/"))
		}
		if _, err := c.View().Lstat(c.Path(from)); err != nil {
			status = c.Complain("cannot stat '%s': %s", from, vfs.Text(err))
			continue
		}
		if err := c.View().Rename(c.Path(from), c.Path(dest)); err != nil {
			if errors.Is(err, syscall.EINVAL) {
				status = c.Complain("cannot move '%s' to a subdirectory of itself, '%s'", from, dest)
				continue
			}
			status = c.Complain("cannot move '%s' to '%s': %s", from, dest, vfs.Text(err))
			continue
		}
		if f.Has("v") {
			c.Print("renamed '" + from + "' -> '" + dest + "'\n")
		}
	}
	return status
}

func ln(c *program.Call) int {
	f, names, ok := c.Parse("bfinrsTvt:", "symbolic=s force=f verbose=v no-dereference=n interactive=i backup=::b relative=r physical=P logical=L target-directory=:t no-target-directory=T directory=d")
	if !ok {
		return 1
	}
	if len(names) == 1 {
		names = append(names, ".")
	}
	sources, to, into, ok := operands(c, names, f.Value["t"])
	if !ok {
		return 1
	}
	status := 0
	for _, from := range sources {
		dest := to
		if into {
			dest = strings.TrimSuffix(to, "/") + "/" + program.Base("/"+strings.TrimRight(from, "/"))
		}
		if f.Has("f") {
			// What cannot be removed shows in what follows.
			_ = c.View().Remove(c.Path(dest))
		}
		if f.Has("s") {
			if err := c.View().Symlink(from, c.Path(dest)); err != nil {
				status = c.Complain("failed to create symbolic link '%s': %s", dest, vfs.Text(err))
			}
			continue
		}
		if err := c.View().Link(c.Path(from), c.Path(dest)); err != nil {
			if errors.Is(err, syscall.ENOENT) {
				status = c.Complain("failed to access '%s': %s", from, vfs.Text(err))
				continue
			}
			status = c.Complain("failed to create hard link '%s' => '%s': %s", dest, from, vfs.Text(err))
		}
	}
	return status
}
