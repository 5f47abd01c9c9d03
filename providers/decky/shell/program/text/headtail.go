package text

import (
	"bytes"
	"errors"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// oldHead turns head -5 into head -n 5; what follows the digits are units and
// flags.
func oldHead(c *program.Call) bool {
	if len(c.Args) == 0 || len(c.Args[0]) < 2 || c.Args[0][0] != '-' || c.Args[0][1] < '0' || c.Args[0][1] > '9' {
		return true
	}
	word := c.Args[0][1:]
	if c.Applet {
		c.Args = append([]string{"-n", word}, c.Args[1:]...)
		return true
	}
	letters := strings.TrimLeft(word, "0123456789")
	number := word[:len(word)-len(letters)]
	args := []string{"-n", number}
	for _, letter := range letters {
		switch letter {
		case 'c':
			args[0] = "-c"
		case 'b', 'k', 'm':
			args[0], args[1] = "-c", number+string(letter)
		case 'l':
			args[0] = "-n"
		case 'q', 'v', 'z':
			args = append(args, "-"+string(letter))
		default:
			return c.Usage("invalid trailing option -- " + string(letter))
		}
	}
	c.Args = append(args, c.Args[1:]...)
	return true
}

// oldTail turns tail -5f into tail -n 5 -f, where it is the only option and at
// most one file follows.
func oldTail(c *program.Call) bool {
	if len(c.Args) == 0 || len(c.Args[0]) < 2 || c.Args[0][0] != '-' && c.Args[0][0] != '+' || c.Args[0][0] == '-' && (c.Args[0][1] < '0' || c.Args[0][1] > '9') {
		return true
	}
	sign, word := c.Args[0][:1], c.Args[0][1:]
	if c.Applet {
		c.Args = append([]string{"-n", strings.TrimPrefix(sign, "-") + word}, c.Args[1:]...)
		return true
	}
	rest := strings.TrimLeft(word, "0123456789")
	number := word[:len(word)-len(rest)]
	unit, follow := "-n", false
	switch {
	case strings.HasPrefix(rest, "c"):
		unit = "-c"
	case strings.HasPrefix(rest, "b"):
		unit, number = "-c", number+"b"
	}
	rest = strings.TrimLeft(rest, "bcl")
	if rest == "f" {
		follow, rest = true, ""
	}
	several := len(c.Args) > 2 && c.Args[1] != "--" || len(c.Args) == 2 && len(c.Args[1]) > 1 && c.Args[1][0] == '-'
	if rest != "" || several {
		if sign == "+" {
			return true
		}
		c.Complain("option used in invalid context -- %s", word[:1])
		return false
	}
	args := []string{unit, strings.TrimPrefix(sign, "-") + number}
	if follow {
		args = append(args, "-f")
	}
	c.Args = append(args, c.Args[1:]...)
	return true
}

// pieces are the lines of data with their ends.
func pieces(data []byte, f program.Flags) [][]byte {
	end := []byte("\n")
	if f.Has("z") {
		end = []byte{0}
	}
	all := bytes.SplitAfter(data, end)
	if len(all[len(all)-1]) == 0 {
		all = all[:len(all)-1]
	}
	return all
}

func head(c *program.Call) int {
	if !oldHead(c) {
		return 1
	}
	f, names, ok := c.Parse("c:n:qvz0123456789", "bytes=:c lines=:n quiet=q silent=q verbose=v zero-terminated=z")
	if !ok {
		return 1
	}
	for _, o := range f.Given {
		if o.Letter >= "0" && o.Letter <= "9" {
			c.Usage("invalid trailing option -- " + o.Letter)
			return 1
		}
	}
	return ends(c, f, names, func(data []byte, n int64, byBytes, _ bool) []byte {
		if byBytes {
			if n < 0 {
				return data[:max(int64(len(data))+n, 0)]
			}
			return data[:min(n, int64(len(data)))]
		}
		all := pieces(data, f)
		if n < 0 {
			n = max(int64(len(all))+n, 0)
		}
		return bytes.Join(all[:min(n, int64(len(all)))], nil)
	})
}

func tail(c *program.Call) int {
	if !oldTail(c) {
		return 1
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
		all := pieces(data, f)
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
		return c.Complain("invalid number of %s: ‘%s’", what, strings.TrimPrefix(value, "-"))
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
