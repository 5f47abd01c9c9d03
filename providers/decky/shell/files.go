package shell

import (
	"errors"
	"strconv"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func mkdir(c *call) int {
	f, names, ok := c.parse("m:pvZ", "mode=:m parents=p verbose=v")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.missing()
	}
	perm := uint32(0o777) &^ c.r.state.umask
	if f.has("m") {
		if n, err := strconv.ParseUint(f.value["m"], 8, 32); err == nil {
			perm = uint32(n)
		}
	}
	status := 0
	for _, name := range names {
		var err error
		if f.has("p") {
			err = c.mkdirAll(name, perm)
		} else {
			err = c.view().Mkdir(c.path(name), perm)
		}
		switch {
		case err != nil:
			status = c.complain("cannot create directory ‘%s’: %s", name, vfs.Text(err))
		case f.has("v"):
			c.print("mkdir: created directory '" + name + "'\n")
		}
	}
	return status
}

func (c *call) mkdirAll(name string, perm uint32) error {
	path := c.path(name)
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		if err := c.view().Mkdir(path[:i], perm); err != nil {
			if info, statErr := c.view().Stat(path[:i]); statErr != nil || !info.IsDir() {
				return err
			}
		}
	}
	return nil
}

func rm(c *call) int {
	f, names, ok := c.parse("dfiIrRv", "recursive=r force=f verbose=v dir=d one-file-system=o no-preserve-root=N preserve-root=n interactive=i")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		if f.has("f") {
			return 0
		}
		return c.missing()
	}
	status := 0
	for _, name := range names {
		info, err := c.view().Lstat(c.path(name))
		last := base("/" + strings.TrimRight(name, "/"))
		switch {
		case err != nil:
			if !f.has("f") || !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ENOTDIR) {
				status = c.complain("cannot remove '%s': %s", name, vfs.Text(err))
			}
		case last == "." || last == "..":
			status = c.complain("refusing to remove '.' or '..' directory: skipping '%s'", name)
		case info.IsDir() && lexical(c.path(name)) == "/" && !f.has("N"):
			c.complain("it is dangerous to operate recursively on '/'")
			status = c.complain("use --no-preserve-root to override this failsafe")
		case info.IsDir() && !f.has("r") && !f.has("R") && !f.has("d"):
			status = c.complain("cannot remove '%s': Is a directory", name)
		default:
			status = max(status, c.removeAll(name, info, f.has("v"), f.has("f"), 0))
		}
		if c.busy() {
			return 1
		}
	}
	return status
}

func (c *call) removeAll(name string, info vfs.Info, verbose, force bool, depth int) int {
	status := 0
	if info.IsDir() && depth < 64 {
		list, err := c.view().ReadDir(c.path(name))
		if err != nil {
			return c.complain("cannot remove '%s': %s", name, vfs.Text(err))
		}
		for _, entry := range list {
			if c.busy() {
				return 1
			}
			status = max(status, c.removeAll(strings.TrimSuffix(name, "/")+"/"+entry.Name, entry, verbose, force, depth+1))
		}
	}
	if status != 0 {
		return status
	}
	if err := c.view().Remove(c.path(name)); err != nil {
		return c.complain("cannot remove '%s': %s", name, vfs.Text(err))
	}
	if verbose {
		kind := ""
		if info.IsDir() {
			kind = "directory "
		}
		c.print("removed " + kind + "'" + name + "'\n")
	}
	return 0
}

func rmdir(c *call) int {
	_, names, ok := c.parse("pv", "parents=p verbose=v ignore-fail-on-non-empty=i")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.missing()
	}
	status := 0
	for _, name := range names {
		info, err := c.view().Lstat(c.path(name))
		if err == nil && !info.IsDir() {
			err = syscall.ENOTDIR
		}
		if err == nil {
			err = c.view().Remove(c.path(name))
		}
		if err != nil {
			status = c.complain("failed to remove '%s': %s", name, vfs.Text(err))
		}
	}
	return status
}

// operands checks what cp, mv and ln are given: sources and a destination.
func (c *call) operands(names []string, target string) (sources []string, to string, into, ok bool) {
	if target != "" {
		return names, target, true, len(names) > 0
	}
	switch len(names) {
	case 0:
		c.usage("missing file operand")
		return nil, "", false, false
	case 1:
		c.usage("missing destination file operand after '" + names[0] + "'")
		return nil, "", false, false
	}
	to = names[len(names)-1]
	info, err := c.view().Stat(c.path(to))
	into = err == nil && info.IsDir()
	if len(names) > 2 && !into {
		c.complain("target '%s': %s", to, map[bool]string{true: "No such file or directory", false: "Not a directory"}[err != nil])
		return nil, "", false, false
	}
	return names[:len(names)-1], to, into, true
}

func cp(c *call) int {
	f, names, ok := c.parse("abdfiHlLnPpRrst:Tuvx", "archive=a force=f recursive=r verbose=v preserve=p no-clobber=n target-directory=:t")
	if !ok {
		return 1
	}
	sources, to, into, ok := c.operands(names, f.value["t"])
	if !ok {
		return 1
	}
	status := 0
	for _, from := range sources {
		dest := to
		if into {
			dest = strings.TrimSuffix(to, "/") + "/" + base("/"+strings.TrimRight(from, "/"))
		}
		info, err := c.view().Stat(c.path(from))
		switch {
		case err != nil:
			status = c.complain("cannot stat '%s': %s", from, vfs.Text(err))
		case info.IsDir() && !f.has("r") && !f.has("R") && !f.has("a"):
			status = c.complain("-r not specified; omitting directory '%s'", from)
		default:
			status = max(status, c.copyTree(from, dest, info, f, 0))
		}
		if c.busy() {
			return 1
		}
	}
	return status
}

func (c *call) copyTree(from, to string, info vfs.Info, f flags, depth int) int {
	if c.busy() {
		return 1
	}
	view := c.view()
	if a, err := view.Stat(c.path(to)); err == nil && a.Ino == info.Ino {
		return c.complain("'%s' and '%s' are the same file", from, to)
	}
	if !info.IsDir() {
		data, err := c.read(from)
		if err != nil {
			return c.complain("cannot open '%s' for reading: %s", from, vfs.Text(err))
		}
		if err := view.WriteFile(c.path(to), data, info.Mode&0o777&^c.r.state.umask); err != nil {
			if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) {
				return c.complain("error writing '%s': %s", to, vfs.Text(err))
			}
			return c.complain("cannot create regular file '%s': %s", to, vfs.Text(err))
		}
		if f.has("v") {
			c.print("'" + from + "' -> '" + to + "'\n")
		}
		return 0
	}
	if depth > 32 {
		return 1
	}
	if err := view.Mkdir(c.path(to), info.Mode&0o777); err != nil && !errors.Is(err, syscall.EEXIST) {
		return c.complain("cannot create directory '%s': %s", to, vfs.Text(err))
	}
	list, err := view.ReadDir(c.path(from))
	if err != nil {
		return c.complain("cannot access '%s': %s", from, vfs.Text(err))
	}
	status := 0
	for _, entry := range list {
		status = max(status, c.copyTree(strings.TrimSuffix(from, "/")+"/"+entry.Name, strings.TrimSuffix(to, "/")+"/"+entry.Name, entry, f, depth+1))
	}
	return status
}

func mv(c *call) int {
	f, names, ok := c.parse("bfint:Tuv", "force=f verbose=v no-clobber=n target-directory=:t")
	if !ok {
		return 1
	}
	sources, to, into, ok := c.operands(names, f.value["t"])
	if !ok {
		return 1
	}
	status := 0
	for _, from := range sources {
		dest := to
		if into {
			dest = strings.TrimSuffix(to, "/") + "/" + base("/"+strings.TrimRight(from, "/"))
		}
		if _, err := c.view().Lstat(c.path(from)); err != nil {
			status = c.complain("cannot stat '%s': %s", from, vfs.Text(err))
			continue
		}
		if err := c.view().Rename(c.path(from), c.path(dest)); err != nil {
			if errors.Is(err, syscall.EINVAL) {
				status = c.complain("cannot move '%s' to a subdirectory of itself, '%s'", from, dest)
				continue
			}
			status = c.complain("cannot move '%s' to '%s': %s", from, dest, vfs.Text(err))
			continue
		}
		if f.has("v") {
			c.print("renamed '" + from + "' -> '" + dest + "'\n")
		}
	}
	return status
}

func ln(c *call) int {
	f, names, ok := c.parse("bfinrsTvt:", "symbolic=s force=f verbose=v no-dereference=n")
	if !ok {
		return 1
	}
	if len(names) == 1 {
		names = append(names, ".")
	}
	sources, to, into, ok := c.operands(names, f.value["t"])
	if !ok {
		return 1
	}
	status := 0
	for _, from := range sources {
		dest := to
		if into {
			dest = strings.TrimSuffix(to, "/") + "/" + base("/"+strings.TrimRight(from, "/"))
		}
		if f.has("f") {
			// What cannot be removed shows in what follows.
			_ = c.view().Remove(c.path(dest))
		}
		if f.has("s") {
			if err := c.view().Symlink(from, c.path(dest)); err != nil {
				status = c.complain("failed to create symbolic link '%s': %s", dest, vfs.Text(err))
			}
			continue
		}
		if err := c.view().Link(c.path(from), c.path(dest)); err != nil {
			if errors.Is(err, syscall.ENOENT) {
				status = c.complain("failed to access '%s': %s", from, vfs.Text(err))
				continue
			}
			status = c.complain("failed to create hard link '%s' => '%s': %s", dest, from, vfs.Text(err))
		}
	}
	return status
}
