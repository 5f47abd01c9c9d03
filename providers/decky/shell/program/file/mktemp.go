package file

import (
	"math/rand/v2"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func mktemp(c *program.Call) int {
	f, names, ok := c.Parse("dp:qtu", "directory=d tmpdir=:p dry-run=u")
	if !ok {
		return 1
	}
	template := "/tmp/tmp.XXXXXXXXXX"
	if len(names) > 0 {
		template = names[0]
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := []byte(template)
	for i := range b {
		if b[i] == 'X' && strings.Trim(template[i:], "X") == "" {
			b[i] = letters[rand.IntN(len(letters))]
		}
	}
	name := string(b)
	if f.Has("d") {
		if err := c.View().Mkdir(c.Path(name), 0o700); err != nil {
			return c.Complain("failed to create directory via template ‘%s’: %s", template, vfs.Text(err))
		}
	} else if err := c.View().WriteFile(c.Path(name), nil, 0o600); err != nil {
		return c.Complain("failed to create file via template ‘%s’: %s", template, vfs.Text(err))
	}
	c.Print(name + "\n")
	return 0
}
