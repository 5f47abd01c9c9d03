package file

import (
	"errors"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func mkdir(c *program.Call) int {
	f, names, ok := c.Parse("m:pvZ", "mode=:m parents=p verbose=v context=::Z")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	perm := uint32(0o777) &^ c.Umask
	if f.Has("m") {
		if perm, ok = program.NewMode(f.Value["m"], 0o777); !ok {
			return c.Complain("invalid mode ‘%s’", f.Value["m"])
		}
	}
	status := 0
	for _, name := range names {
		if c.Busy() {
			return 1
		}
		if f.Has("p") {
			status = max(status, parents(c, name, perm, f.Has("v")))
			continue
		}
		err := c.View().Mkdir(c.Path(name), perm)
		if err == nil && f.Has("m") {
			err = c.View().Chmod(c.Path(name), perm)
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

// parents makes a directory and those above it, telling of each.
func parents(c *program.Call, name string, perm uint32, verbose bool) int {
	for i := 1; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' || i > 0 && name[i-1] == '/' {
			continue
		}
		part := name[:i]
		mode := perm
		if i < len(name) {
			mode = 0o777 &^ c.Umask
		}
		err := c.View().Mkdir(c.Path(part), mode)
		if err == nil {
			if verbose {
				c.Print("mkdir: created directory '" + part + "'\n")
			}
			continue
		}
		info, statErr := c.View().Stat(c.Path(part))
		switch {
		case statErr != nil:
			return c.Complain("cannot create directory ‘%s’: %s", part, vfs.Text(err))
		case !info.IsDir() && i == len(name):
			return c.Complain("cannot create directory ‘%s’: File exists", part)
		case !info.IsDir():
			return c.Complain("cannot create directory ‘%s’: Not a directory", part)
		}
	}
	return 0
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
		case f.Has("i") && !f.Has("f") && !agreed(c, "rm: remove "+kindOf(info)+" '"+name+"'? "):
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
	f, names, ok := c.Parse("pv", "parents=p verbose=v ignore-fail-on-non-empty=i")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	status := 0
	for _, name := range names {
		for at := strings.TrimRight(name, "/"); at != "" && at != "."; at = at[:max(strings.LastIndexByte(at, '/'), 0)] {
			if f.Has("v") {
				c.Print("rmdir: removing directory, '" + at + "'\n")
			}
			info, err := c.View().Lstat(c.Path(at))
			if err == nil && !info.IsDir() {
				err = syscall.ENOTDIR
			}
			if err == nil {
				err = c.View().Remove(c.Path(at))
			}
			if err != nil {
				if !f.Has("i") || !errors.Is(err, syscall.ENOTEMPTY) {
					words := "failed to remove '%s': %s"
					if at != strings.TrimRight(name, "/") {
						words = "failed to remove directory '%s': %s"
					}
					status = c.Complain(words, at, vfs.Text(err))
				}
				break
			}
			if !f.Has("p") {
				break
			}
		}
	}
	return status
}

// operands checks what cp, mv and ln are given: sources and a destination.
func operands(c *program.Call, names []string, target string) (sources []string, to string, into, ok bool) {
	if target != "" {
		info, err := c.View().Stat(c.Path(target))
		switch {
		case err != nil:
			c.Complain("target directory '%s': %s", target, vfs.Text(err))
		case !info.IsDir():
			c.Complain("target directory '%s': Not a directory", target)
		case len(names) == 0:
			c.Usage("missing file operand")
		}
		return names, target, true, err == nil && info.IsDir() && len(names) > 0
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
		look := c.View().Stat
		if f.Has("a") || f.Has("d") || f.Has("P") {
			look = c.View().Lstat
		}
		info, err := look(c.Path(from))
		switch {
		case err != nil:
			status = c.Complain("cannot stat '%s': %s", from, vfs.Text(err))
		case f.Has("n") && exists(c, dest):
		case f.Has("i") && exists(c, dest) && !agreed(c, "cp: overwrite '"+dest+"'? "):
			status = 1
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
	switch {
	case f.Has("s") && !info.IsDir():
		if err := view.Symlink(from, c.Path(to)); err != nil {
			return c.Complain("cannot create symbolic link '%s' to '%s': %s", to, from, vfs.Text(err))
		}
		return 0
	case f.Has("l") && !info.IsDir():
		if err := view.Link(c.Path(from), c.Path(to)); err != nil {
			return c.Complain("cannot create hard link '%s' to '%s': %s", to, from, vfs.Text(err))
		}
		return 0
	case info.IsLink() && (f.Has("a") || f.Has("d") || f.Has("P") || f.Has("r") || f.Has("R")):
		_ = view.Remove(c.Path(to))
		if err := view.Symlink(info.Target, c.Path(to)); err != nil {
			return c.Complain("cannot create symbolic link '%s': %s", to, vfs.Text(err))
		}
		return 0
	}
	if !info.IsDir() {
		data, err := contents(c, from, info)
		if err != nil {
			return c.Complain("cannot open '%s' for reading: %s", from, vfs.Text(err))
		}
		if err := view.WriteFile(c.Path(to), data, info.Mode&0o777&^c.Umask); err != nil {
			if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) {
				return c.Complain("error writing '%s': %s", to, vfs.Text(err))
			}
			return c.Complain("cannot create regular file '%s': %s", to, vfs.Text(err))
		}
		keep(c, to, info, f)
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
	keep(c, to, info, f)
	return status
}

// keep gives a copy the mode, owner and time of what it was copied from.
func keep(c *program.Call, to string, info vfs.Info, f program.Flags) {
	if !f.Has("p") && !f.Has("a") {
		return
	}
	view, path := c.View(), c.Path(to)
	_ = view.Chmod(path, info.Mode&0o7777)
	if c.User.UID == 0 {
		_ = view.Chown(path, info.UID, info.GID)
	}
	_ = view.Chtimes(path, info.MTime)
}

func exists(c *program.Call, name string) bool {
	_, err := c.View().Lstat(c.Path(name))
	return err == nil
}

// agreed asks a question and tells whether the answer is yes.
func agreed(c *program.Call, question string) bool {
	c.Err.Print(question)
	line, _, err := program.ReadLine(c.In, '\n', 64)
	return err == nil && strings.HasPrefix(strings.ToLower(line), "y")
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
		if f.Has("n") && exists(c, dest) || f.Has("i") && exists(c, dest) && !agreed(c, "mv: overwrite '"+dest+"'? ") {
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
			} else if f.Has("v") {
				c.Print("'" + dest + "' -> '" + from + "'\n")
			}
			continue
		}
		if info, err := c.View().Stat(c.Path(from)); err == nil && info.IsDir() {
			status = c.Complain("%s: hard link not allowed for directory", from)
			continue
		}
		if f.Has("v") && exists(c, from) && !exists(c, dest) {
			c.Print("'" + dest + "' => '" + from + "'\n")
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

func kindOf(info vfs.Info) string {
	switch {
	case info.IsDir():
		return "directory"
	case info.IsLink():
		return "symbolic link"
	case info.IsFile() && info.Size == 0:
		return "regular empty file"
	}
	return "regular file"
}

// contents are what a file to be copied holds: the whole of a plain one, however
// much of it a program may move.
func contents(c *program.Call, from string, info vfs.Info) ([]byte, error) {
	if info.Mode&vfs.TypeMask != vfs.TypeFile {
		return c.Read(from)
	}
	data, err := c.View().ReadFile(c.Path(from))
	if spent := c.Kernel.Spend(min(len(data), c.Kernel.Room())); spent != nil {
		c.Stop = spent
		return nil, spent
	}
	return data, err
}
