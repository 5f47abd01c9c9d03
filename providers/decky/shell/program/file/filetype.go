package file

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func fileCommand(c *program.Call) int {
	for _, name := range c.Args {
		if strings.HasPrefix(name, "-") {
			continue
		}
		info, err := c.View().Lstat(c.Path(name))
		kind := ""
		switch {
		case err != nil:
			kind = "cannot open `" + name + "' (" + vfs.Text(err) + ")"
		case info.IsDir():
			kind = "directory"
		case info.IsLink():
			kind = "symbolic link to " + info.Target
		default:
			data, _ := c.Read(name)
			switch {
			case len(data) == 0:
				kind = "empty"
			case strings.HasPrefix(string(data), "\x7fELF"):
				kind = "ELF 64-bit LSB pie executable, x86-64, version 1 (SYSV), dynamically linked, interpreter /lib64/ld-linux-x86-64.so.2, for GNU/Linux 3.2.0, stripped"
			case strings.HasPrefix(string(data), "#!"):
				kind = "POSIX shell script, ASCII text executable"
			case strings.IndexByte(string(data[:min(len(data), 512)]), 0) < 0:
				kind = "ASCII text"
			default:
				kind = "data"
			}
		}
		c.Print(name + ": " + kind + "\n")
	}
	return 0
}
