package file

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func readlink(c *program.Call) int {
	f, names, ok := c.Parse("efmnqsvz", "canonicalize=f canonicalize-existing=e no-newline=n")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	status := 0
	for _, name := range names {
		if f.Has("f") || f.Has("e") || f.Has("m") || c.Name == "realpath" {
			path, err := c.View().Resolve(c.Path(name))
			if err != nil {
				dir, dirErr := c.View().Resolve(c.Path(name) + "/..")
				if c.Name == "realpath" || f.Has("e") || dirErr != nil {
					dir, err = "", lastMissing(c, name)
				}
				if path = dir; path != "" {
					path = strings.TrimSuffix(path, "/") + "/" + program.Base(name)
				}
			}
			if path == "" {
				if status = 1; c.Name == "realpath" {
					c.Complain("%s: %s", name, vfs.Text(err))
				}
				continue
			}
			c.Print(path + "\n")
			continue
		}
		info, err := c.View().Lstat(c.Path(name))
		if err != nil || !info.IsLink() {
			status = 1
			continue
		}
		c.Print(info.Target + "\n")
	}
	return status
}

// lastMissing is why a path cannot be resolved.
func lastMissing(c *program.Call, name string) error {
	_, err := c.View().Stat(c.Path(name))
	return err
}
