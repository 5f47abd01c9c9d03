package shell

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// shellCommand is sh, bash and dash.
func shellCommand(c *call) int {
	args := c.args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-c" && args[0] != "-" && !strings.Contains(args[0], "c") {
		if args[0] == "--version" {
			c.print("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\nCopyright (C) 2022 Free Software Foundation, Inc.\n")
			return 0
		}
		args = args[1:]
	}
	switch {
	case len(args) > 0 && strings.HasPrefix(args[0], "-") && strings.Contains(args[0], "c"):
		if len(args) == 1 {
			return c.complain("-c: option requires an argument") * 2
		}
		params := append([]string{c.name}, args[min(3, len(args)):]...)
		if len(args) > 2 {
			params[0] = args[2]
		}
		c.stop = c.r.sourced(args[1], params, c.io)
	case len(args) > 0 && args[0] != "-":
		data, err := c.view().ReadFile(c.path(args[0]))
		if err != nil {
			c.err.print(c.name + ": " + args[0] + ": " + vfs.Text(err) + "\n")
			return 127
		}
		c.stop = c.r.sourced(string(data), args, c.io)
	case c.r.session.options.TTY != "" && c.out.tty:
		// A shell in the shell: the same one goes on.
		return 0
	default:
		data, err := c.r.readAll(c.in)
		if err != nil {
			c.stop = err
			return 1
		}
		c.stop = c.r.sourced(string(data), []string{c.name}, c.io)
	}
	return c.r.state.status
}

func basename(c *call) int {
	f, names, ok := c.parse("+as:z", "multiple=a suffix=:s")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.missing()
	}
	if len(names) > 2 && !f.has("a") && !f.has("s") {
		c.usage("extra operand ‘" + names[2] + "’")
		return 1
	}
	suffix := f.value["s"]
	if len(names) == 2 && !f.has("a") && !f.has("s") {
		suffix, names = names[1], names[:1]
	}
	for _, name := range names {
		b := base("/" + strings.TrimRight(name, "/"))
		if b == "" && name != "" {
			b = "/"
		}
		if b != suffix {
			b = strings.TrimSuffix(b, suffix)
		}
		c.print(b + "\n")
	}
	return 0
}

func dirname(c *call) int {
	f, names, ok := c.parse("z", "zero=z")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.missing()
	}
	end := "\n"
	if f.has("z") {
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
		c.print(trimmed + end)
	}
	return 0
}

func tee(c *call) int {
	f, names, ok := c.parse("aip", "append=a ignore-interrupts=i")
	if !ok {
		return 1
	}
	data, err := c.r.readAll(c.in)
	if err != nil {
		return 1
	}
	status := 0
	flags := vfs.Write | vfs.Create | vfs.Truncate
	if f.has("a") {
		flags = vfs.Write | vfs.Create | vfs.Append
	}
	c.write(c.out, string(data))
	for _, name := range names {
		file, err := c.r.open(name, flags, c.io)
		if err == nil {
			_, err = file.Write(data)
		}
		if err != nil {
			status = c.complain("%s: %s", name, vfs.Text(err))
		}
	}
	return status
}

func yes(c *call) int {
	text := "y"
	if len(c.args) > 0 {
		text = strings.Join(c.args, " ")
	}
	block := strings.Repeat(text+"\n", 64)
	for !c.busy() {
		c.print(block)
	}
	return 1
}

func mktemp(c *call) int {
	f, names, ok := c.parse("dp:qtu", "directory=d tmpdir=:p dry-run=u")
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
			b[i] = letters[c.r.session.rand.IntN(len(letters))]
		}
	}
	name := string(b)
	if f.has("d") {
		if err := c.view().Mkdir(c.path(name), 0o700); err != nil {
			return c.complain("failed to create directory via template ‘%s’: %s", template, vfs.Text(err))
		}
	} else if err := c.view().WriteFile(c.path(name), nil, 0o600); err != nil {
		return c.complain("failed to create file via template ‘%s’: %s", template, vfs.Text(err))
	}
	c.print(name + "\n")
	return 0
}

func readlink(c *call) int {
	f, names, ok := c.parse("efmnqsvz", "canonicalize=f canonicalize-existing=e no-newline=n")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.missing()
	}
	status := 0
	for _, name := range names {
		if f.has("f") || f.has("e") || f.has("m") || c.name == "realpath" {
			path, err := c.view().Resolve(c.path(name))
			if err != nil {
				dir, dirErr := c.view().Resolve(c.path(name) + "/..")
				if c.name == "realpath" || f.has("e") || dirErr != nil {
					dir, err = "", c.lastMissing(name)
				}
				if path = dir; path != "" {
					path = strings.TrimSuffix(path, "/") + "/" + base(name)
				}
			}
			if path == "" {
				if status = 1; c.name == "realpath" {
					c.complain("%s: %s", name, vfs.Text(err))
				}
				continue
			}
			c.print(path + "\n")
			continue
		}
		info, err := c.view().Lstat(c.path(name))
		if err != nil || !info.IsLink() {
			status = 1
			continue
		}
		c.print(info.Target + "\n")
	}
	return status
}

// lastMissing is why a path cannot be resolved.
func (c *call) lastMissing(name string) error {
	_, err := c.view().Stat(c.path(name))
	return err
}

func fileCommand(c *call) int {
	for _, name := range c.args {
		if strings.HasPrefix(name, "-") {
			continue
		}
		info, err := c.view().Lstat(c.path(name))
		kind := ""
		switch {
		case err != nil:
			kind = "cannot open `" + name + "' (" + vfs.Text(err) + ")"
		case info.IsDir():
			kind = "directory"
		case info.IsLink():
			kind = "symbolic link to " + info.Target
		default:
			data, _ := c.read(name)
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
		c.print(name + ": " + kind + "\n")
	}
	return 0
}

func tty(c *call) int {
	if name := c.r.session.options.TTY; name != "" {
		c.print(name + "\n")
		return 0
	}
	c.print("not a tty\n")
	return 1
}
