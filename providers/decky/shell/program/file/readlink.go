package file

import (
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func readlink(c *program.Call) int {
	f, names, ok := c.Parse("efmnqsvz", "canonicalize=f canonicalize-existing=e canonicalize-missing=m no-newline=n quiet=q silent=s verbose=v zero=z")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	end := "\n"
	if f.Has("z") {
		end = "\x00"
	}
	if f.Has("n") && len(names) == 1 {
		end = ""
	}
	status := 0
	for _, name := range names {
		if f.Has("f") || f.Has("e") || f.Has("m") {
			path, err := canonical(c, name, f.Has("e"), f.Has("m"))
			if err != nil {
				if status = 1; f.Has("v") {
					c.Complain("%s: %s", name, vfs.Text(err))
				}
				continue
			}
			c.Print(path + end)
			continue
		}
		info, err := c.View().Lstat(c.Path(name))
		if err == nil && !info.IsLink() {
			err = syscall.EINVAL
		}
		if err != nil {
			if status = 1; f.Has("v") {
				c.Complain("%s: %s", name, vfs.Text(err))
			}
			continue
		}
		c.Print(info.Target + end)
	}
	return status
}

// canonical is a path without links: all of it must be there (all), or all but
// the last part, or nothing (none).
func canonical(c *program.Call, name string, all, none bool) (string, error) {
	path, err := c.View().Resolve(c.Path(name))
	switch {
	case err == nil:
		return path, nil
	case all:
		return "", lastMissing(c, name)
	case none:
		return vfs.Lexical(c.Path(name)), nil
	}
	clean := strings.TrimRight(c.Path(name), "/")
	dir, dirErr := c.View().Resolve(clean[:max(strings.LastIndexByte(clean, '/'), 1)])
	if dirErr != nil {
		return "", lastMissing(c, name)
	}
	return strings.TrimSuffix(dir, "/") + "/" + program.Base(clean), nil
}

// realpath shows paths without links.
func realpath(c *program.Call) int {
	f, names, ok := c.Parse("eLmPqsz", "canonicalize-existing=e canonicalize-missing=m logical=L physical=P quiet=q relative-to=:t relative-base=:b strip=s no-symlinks=s zero=z")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	end := "\n"
	if f.Has("z") {
		end = "\x00"
	}
	status := 0
	for _, name := range names {
		path, err := canonical(c, name, f.Has("e"), f.Has("m"))
		if f.Has("s") && err == nil {
			path = vfs.Lexical(c.Path(name))
		}
		if err != nil {
			if status = 1; !f.Has("q") {
				c.Complain("%s: %s", name, vfs.Text(err))
			}
			continue
		}
		if f.Has("t") {
			if base, baseErr := canonical(c, f.Value["t"], false, true); baseErr == nil {
				path = relative(base, path)
			}
		}
		c.Print(path + end)
	}
	return status
}

// relative is the way from one directory to a path.
func relative(base, path string) string {
	if base == path {
		return "."
	}
	a, b := strings.Split(strings.Trim(base, "/"), "/"), strings.Split(strings.Trim(path, "/"), "/")
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return strings.Repeat("../", len(a)-n) + strings.Join(b[n:], "/")
}

// lastMissing is why a path cannot be resolved.
func lastMissing(c *program.Call, name string) error {
	_, err := c.View().Stat(c.Path(name))
	return err
}
