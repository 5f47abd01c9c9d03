package program

import (
	"math/rand/v2"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// shellCommand is sh, bash and dash.
func shellCommand(c *Call) int {
	args := c.Args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-c" && args[0] != "-" && !strings.Contains(args[0], "c") {
		if args[0] == "--version" {
			c.Print("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\nCopyright (C) 2022 Free Software Foundation, Inc.\n")
			return 0
		}
		args = args[1:]
	}
	switch {
	case len(args) > 0 && strings.HasPrefix(args[0], "-") && strings.Contains(args[0], "c"):
		if len(args) == 1 {
			return c.Complain("-c: option requires an argument") * 2
		}
		params := append([]string{c.Name}, args[min(3, len(args)):]...)
		if len(args) > 2 {
			params[0] = args[2]
		}
		return c.Script(args[1], params, c.Streams)
	case len(args) > 0 && args[0] != "-":
		data, err := c.View().ReadFile(c.Path(args[0]))
		if err != nil {
			c.Err.Print(c.Name + ": " + args[0] + ": " + vfs.Text(err) + "\n")
			return 127
		}
		return c.Script(string(data), args, c.Streams)
	case c.TTY != "" && c.Out.TTY:
		// A shell in the shell: the same one goes on.
		return 0
	default:
		data, err := c.ReadAll(c.In)
		if err != nil {
			c.Stop = err
			return 1
		}
		return c.Script(string(data), []string{c.Name}, c.Streams)
	}
}

func basename(c *Call) int {
	f, names, ok := c.Parse("+as:z", "multiple=a suffix=:s")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	if len(names) > 2 && !f.Has("a") && !f.Has("s") {
		c.Usage("extra operand ‘" + names[2] + "’")
		return 1
	}
	suffix := f.Value["s"]
	if len(names) == 2 && !f.Has("a") && !f.Has("s") {
		suffix, names = names[1], names[:1]
	}
	for _, name := range names {
		b := Base("/" + strings.TrimRight(name, "/"))
		if b == "" && name != "" {
			b = "/"
		}
		if b != suffix {
			b = strings.TrimSuffix(b, suffix)
		}
		c.Print(b + "\n")
	}
	return 0
}

func dirname(c *Call) int {
	f, names, ok := c.Parse("z", "zero=z")
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
	for _, name := range names {
		trimmed := strings.TrimRight(name, "/")
		i := strings.LastIndexByte(trimmed, '/')
		for i > 0 && trimmed[i-1] == '/' {
			i--
		}
		switch {
		case i < 0 && (trimmed != "" || name == ""):
			trimmed = "."
		case i <= 0:
			trimmed = "/"
		default:
			trimmed = trimmed[:i]
		}
		c.Print(trimmed + end)
	}
	return 0
}

func tee(c *Call) int {
	f, names, ok := c.Parse("aip", "append=a ignore-interrupts=i")
	if !ok {
		return 1
	}
	data, err := c.ReadAll(c.In)
	if err != nil {
		return 1
	}
	status := 0
	flags := vfs.Write | vfs.Create | vfs.Truncate
	if f.Has("a") {
		flags = vfs.Write | vfs.Create | vfs.Append
	}
	c.Write(c.Out, string(data))
	for _, name := range names {
		file, err := c.Open(name, flags)
		if err == nil {
			_, err = file.Write(data)
		}
		if err != nil {
			status = c.Complain("%s: %s", name, vfs.Text(err))
		}
	}
	return status
}

func yes(c *Call) int {
	text := "y"
	if len(c.Args) > 0 {
		text = strings.Join(c.Args, " ")
	}
	block := strings.Repeat(text+"\n", 64)
	for !c.Busy() {
		c.Print(block)
	}
	return 1
}

func mktemp(c *Call) int {
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

func readlink(c *Call) int {
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
					dir, err = "", c.lastMissing(name)
				}
				if path = dir; path != "" {
					path = strings.TrimSuffix(path, "/") + "/" + Base(name)
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
func (c *Call) lastMissing(name string) error {
	_, err := c.View().Stat(c.Path(name))
	return err
}

func fileCommand(c *Call) int {
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

func tty(c *Call) int {
	if name := c.TTY; name != "" {
		c.Print(name + "\n")
		return 0
	}
	c.Print("not a tty\n")
	return 1
}
