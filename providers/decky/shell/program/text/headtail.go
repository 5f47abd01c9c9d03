package text

import (
	"bytes"
	"errors"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// oldStyle turns head -5 into head -n 5.
func oldStyle(c *program.Call) {
	if len(c.Args) > 0 && len(c.Args[0]) > 1 && c.Args[0][0] == '-' && strings.Trim(c.Args[0][1:], "0123456789") == "" {
		c.Args = append([]string{"-n", c.Args[0][1:]}, c.Args[1:]...)
	}
}

func head(c *program.Call) int {
	oldStyle(c)
	f, names, ok := c.Parse("c:n:qvz", "bytes=:c lines=:n quiet=q silent=q verbose=v")
	if !ok {
		return 1
	}
	return ends(c, f, names, func(data []byte, n int64, byBytes, _ bool) []byte {
		if byBytes {
			if n < 0 {
				return data[:max(int64(len(data))+n, 0)]
			}
			return data[:min(n, int64(len(data)))]
		}
		all := bytes.SplitAfter(data, []byte("\n"))
		if len(all) > 0 && len(all[len(all)-1]) == 0 {
			all = all[:len(all)-1]
		}
		if n < 0 {
			n = max(int64(len(all))+n, 0)
		}
		return bytes.Join(all[:min(n, int64(len(all)))], nil)
	})
}

func tail(c *program.Call) int {
	oldStyle(c)
	if len(c.Args) > 0 && len(c.Args[0]) > 1 && c.Args[0][0] == '+' && strings.Trim(c.Args[0][1:], "0123456789") == "" {
		c.Args = append([]string{"-n", c.Args[0]}, c.Args[1:]...)
	}
	f, names, ok := c.Parse("c:n:qvfFs:z", "bytes=:c lines=:n quiet=q silent=q verbose=v follow=::f retry=4 pid=:5 sleep-interval=:s zero-terminated=z")
	if !ok {
		return 1
	}
	return ends(c, f, names, func(data []byte, n int64, byBytes, fromStart bool) []byte {
		if n < 0 {
			n = -n
		}
		if byBytes {
			if fromStart {
				return data[min(max(n-1, 0), int64(len(data))):]
			}
			return data[max(int64(len(data))-n, 0):]
		}
		all := bytes.SplitAfter(data, []byte("\n"))
		if len(all) > 0 && len(all[len(all)-1]) == 0 {
			all = all[:len(all)-1]
		}
		if fromStart {
			return bytes.Join(all[min(max(n-1, 0), int64(len(all))):], nil)
		}
		return bytes.Join(all[max(int64(len(all))-n, 0):], nil)
	})
}

// ends is what head and tail share.
func ends(c *program.Call, f program.Flags, names []string, cut func(data []byte, n int64, byBytes, fromStart bool) []byte) int {
	value, byBytes := "10", false
	if f.Has("n") {
		value = f.Value["n"]
	}
	if f.Has("c") {
		value, byBytes = f.Value["c"], true
	}
	n, ok := program.Count(value)
	if !ok {
		what := "lines"
		if byBytes {
			what = "bytes"
		}
		return c.Complain("invalid number of %s: ‘%s’", what, value)
	}
	status, shown := 0, 0
	many := len(names) > 1 && !f.Has("q") || f.Has("v")
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		data, err := c.Read(name)
		if c.Stop != nil {
			return 1
		}
		if err != nil {
			status = 1
			if errors.Is(err, syscall.EISDIR) {
				c.Complain("error reading '%s': Is a directory", name)
			} else {
				c.Complain("cannot open '%s' for reading: %s", name, vfs.Text(err))
			}
			continue
		}
		if many {
			title := name
			if name == "-" {
				title = "standard input"
			}
			if shown > 0 {
				c.Print("\n")
			}
			c.Print("==> " + title + " <==\n")
		}
		shown++
		c.Write(c.Out, string(cut(data, n, byBytes, strings.HasPrefix(value, "+"))))
	}
	if f.Has("f") || f.Has("F") {
		c.Wait(c.Kernel.Time())
	}
	return status
}
