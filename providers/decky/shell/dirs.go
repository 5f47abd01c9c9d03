package shell

import (
	"slices"
	"strings"
)

// maxDirs bounds pushd's stack.
const maxDirs = 256

// pushd changes the directory and remembers where it was.
func pushd(c *call) int {
	stack := c.r.state.dirs
	from := c.r.state.cwd
	if len(c.Args) == 0 {
		if len(stack) == 0 {
			return c.Shout("no other directory")
		}
		c.Args = []string{stack[len(stack)-1]}
		c.r.state.dirs = stack[:len(stack)-1]
	}
	if status := c.changeTo(c.Args[0]); status != 0 {
		c.r.state.dirs = stack
		return status
	}
	if len(c.r.state.dirs) < maxDirs {
		c.r.state.dirs = append(slices.Clone(c.r.state.dirs), from)
	}
	return dirs(c)
}

// popd goes back to the last directory that pushd left.
func popd(c *call) int {
	stack := c.r.state.dirs
	if len(stack) == 0 {
		return c.Shout("directory stack empty")
	}
	if status := c.changeTo(stack[len(stack)-1]); status != 0 {
		return status
	}
	c.r.state.dirs = stack[:len(stack)-1]
	return dirs(c)
}

func (c *call) changeTo(dir string) int {
	inner := *c
	inner.Args = []string{"--", dir}
	return cd(&inner)
}

// dirs lists the stack.
func dirs(c *call) int {
	if slices.Contains(c.Args, "-c") {
		c.r.state.dirs = nil
		return 0
	}
	home, _ := c.r.state.get("HOME")
	list := []string{c.r.state.cwd}
	for _, dir := range slices.Backward(c.r.state.dirs) {
		list = append(list, dir)
	}
	for i, dir := range list {
		if home != "" && home != "/" && (dir == home || strings.HasPrefix(dir, home+"/")) {
			list[i] = "~" + dir[len(home):]
		}
	}
	c.Print(strings.Join(list, " ") + "\n")
	return 0
}
