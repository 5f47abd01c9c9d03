package program

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// MaxWalk bounds the files of one walk.
const MaxWalk = 20_000

// Walk calls f for name and everything below it, parents first; f tells
// whether to go deeper.
func (c *Call) Walk(name string, f func(path string, info vfs.Info, depth int) bool) {
	seen := 0
	var down func(path string, depth int)
	down = func(path string, depth int) {
		info, err := c.View().Lstat(c.Path(path))
		if seen++; err != nil || seen > MaxWalk || depth > 64 || c.Busy() {
			return
		}
		if !f(path, info, depth) || !info.IsDir() {
			return
		}
		list, err := c.View().ReadDir(c.Path(path))
		if err != nil {
			c.Complain("‘%s’: %s", path, vfs.Text(err))
			return
		}
		for _, entry := range list {
			down(strings.TrimSuffix(path, "/")+"/"+entry.Name, depth+1)
		}
	}
	down(name, 0)
}

// Each applies f to names, below directories too where recursive.
func (c *Call) Each(names []string, recursive bool, f func(name string) int) int {
	status := 0
	for _, name := range names {
		if !recursive {
			status = max(status, f(name))
			continue
		}
		if _, err := c.View().Lstat(c.Path(name)); err != nil {
			status = max(status, f(name))
			continue
		}
		c.Walk(name, func(path string, _ vfs.Info, _ int) bool {
			status = max(status, f(path))
			return true
		})
	}
	return status
}
