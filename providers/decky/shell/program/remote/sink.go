package remote

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// sink is scp -t, the far end of a copy: it takes the files that it is sent.
func sink(c *program.Call) int {
	c.Print("\x00")
	if c.In == nil {
		return 0
	}
	in, target := bufio.NewReader(c.In), c.Args[len(c.Args)-1]
	for !c.Busy() {
		line, err := in.ReadString('\n')
		if err != nil {
			return 0
		}
		var mode uint32
		var size int64
		var name string
		switch n, _ := fmt.Sscanf(line, "C%o %d %s", &mode, &size, &name); {
		case strings.HasPrefix(line, "T"):
		case n == 3 && size >= 0 && !strings.Contains(name, "/"):
			c.Print("\x00")
			if !received(c, in, target, name, mode, size) {
				return 1
			}
		default:
			c.Print("\x01scp: expected control record\n")
			return 1
		}
		c.Print("\x00")
	}
	return 1
}

// received keeps one file that follows its record.
func received(c *program.Call, in io.Reader, target, name string, mode uint32, size int64) bool {
	data, err := io.ReadAll(io.LimitReader(in, min(size, int64(c.Kernel.Room()))))
	if err != nil || int64(len(data)) < size || c.Kernel.Spend(len(data)) != nil {
		return false
	}
	if _, err := io.ReadFull(in, make([]byte, 1)); err != nil {
		return false
	}
	path := c.Path(target)
	if info, err := c.View().Stat(path); err == nil && info.IsDir() {
		path = vfs.Clean(path, name)
	}
	if err := c.View().WriteFile(path, data, mode&0o777); err != nil {
		c.Print("\x01scp: " + target + ": " + vfs.Text(err) + "\n")
		return false
	}
	return true
}
